/* Random RDATA that is right, of every type in the record table. */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/rand.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "dns/types.h"

/* A name that is valid until the next call. */
typedef const uint8_t *(*random_name_fn)(void *context, struct rand *rand);

struct random_rdata {
	struct rand *rand;
	random_name_fn name;
	void *context; /* for `name` */
	struct buf_writer out;
};

static inline void random_octets(struct random_rdata *random, size_t size)
{
	for (; size > 0; size--) {
		buf_write_u8(&random->out, (uint8_t)rand_next(random->rand));
	}
}

static inline void random_put_name(struct random_rdata *random)
{
	const uint8_t *name = random->name(random->context, random->rand);

	buf_write(&random->out, name, dns_name_size(name));
}

static inline void random_string(struct random_rdata *random, uint32_t least)
{
	const uint32_t most = rand_below(random->rand, 30) == 0 ? 256 : 20;
	const uint32_t size = least + rand_below(random->rand, most - least);

	buf_write_u8(&random->out, (uint8_t)size);
	random_octets(random, size);
}

static inline void random_field(struct random_rdata *random, char letter)
{
	static const uint8_t nothing[1];

	switch (letter) {
	case 'n':
	case 'd':
	case 'p':
		random_put_name(random);
		break;
	case 's':
		random_string(random, 0);
		break;
	case 't':
		for (uint32_t left = 1 + rand_below(random->rand, 4); left > 0; left--) {
			random_string(random, 0);
		}
		break;
	case 'm':
	case 'r':
		random_octets(random, 1 + rand_below(random->rand, 40));
		break;
	default:
		random_octets(random, dns_field_size(letter, nothing, SIZE_MAX));
		break;
	}
}

static inline void random_bitmap(struct random_rdata *random)
{
	for (uint32_t window = rand_below(random->rand, 3); window < 256;
	     window += 1 + rand_below(random->rand, 200)) {
		const uint32_t size = rand_below(random->rand, 32);

		buf_write_u8(&random->out, (uint8_t)window);
		buf_write_u8(&random->out, (uint8_t)(size + 1));
		random_octets(random, size);
		buf_write_u8(&random->out, (uint8_t)(1 + rand_below(random->rand, 255)));
		if (window == 0) { /* there is no type 0 */
			random->out.at[-1 - (int)size] &= size == 0 ? 0xff : 0x7f;
			random->out.at[-1] |= 1;
			random->out.at[-1] &= size == 0 ? 0x7f : 0xff;
		}
	}
}

static inline void random_digest(struct random_rdata *random, const uint8_t sizes[6])
{
	const uint8_t kind = (uint8_t)rand_below(random->rand, 6);

	buf_write_u8(&random->out, kind);
	random_octets(random, sizes[kind] != 0 ? sizes[kind] : 12 + rand_below(random->rand, 30));
}

static inline void random_loc(struct random_rdata *random)
{
	buf_write_u8(&random->out, 0);
	for (int i = 0; i < 3; i++) {
		const uint32_t digit = rand_below(random->rand, 10);

		buf_write_u8(
			&random->out,
			(uint8_t)(digit << 4 | (digit > 0 ? rand_below(random->rand, 10) : 0)));
	}
	buf_write_u32(&random->out,
		      0x80000000u - 90u * 3600000 + rand_below(random->rand, 180u * 3600000 + 1));
	buf_write_u32(&random->out,
		      0x80000000u - 180u * 3600000 + rand_below(random->rand, 360u * 3600000 + 1));
	random_octets(random, 4);
}

static inline void random_apl(struct random_rdata *random)
{
	for (uint32_t left = rand_below(random->rand, 4); left > 0; left--) {
		const uint16_t family = (uint16_t)(1 + rand_below(random->rand, 2));
		const uint32_t size = rand_below(random->rand, family == 1 ? 5 : 17);

		buf_write_u16(&random->out, family);
		buf_write_u8(&random->out,
			     (uint8_t)rand_below(random->rand, family == 1 ? 33 : 129));
		buf_write_u8(&random->out, (uint8_t)(rand_below(random->rand, 2) << 7 | size));
		if (size > 0) {
			random_octets(random, size - 1);
			buf_write_u8(&random->out, (uint8_t)(1 + rand_below(random->rand, 255)));
		}
	}
}

/* Kinds 0 to 3 of a gateway (IPSECKEY) or relay (AMTRELAY). */
static inline void random_gateway(struct random_rdata *random, uint32_t kind)
{
	static const char letters[] = {'\0', 'a', 'x', 'p'};

	if (kind > 0) {
		random_field(random, letters[kind]);
	}
}

static inline void random_ipseckey(struct random_rdata *random)
{
	const uint32_t kind = rand_below(random->rand, 4);

	random_octets(random, 1);
	buf_write_u8(&random->out, (uint8_t)kind);
	buf_write_u8(&random->out, (uint8_t)(1 + rand_below(random->rand, 3)));
	random_gateway(random, kind);
	random_octets(random, 1 + rand_below(random->rand, 60));
}

static inline void random_amtrelay(struct random_rdata *random)
{
	const uint32_t kind = rand_below(random->rand, 4);

	random_octets(random, 1);
	buf_write_u8(&random->out, (uint8_t)(rand_below(random->rand, 2) << 7 | kind));
	random_gateway(random, kind);
}

static inline void random_hip(struct random_rdata *random)
{
	const uint32_t hit = 1 + rand_below(random->rand, 20);
	const uint32_t key = 1 + rand_below(random->rand, 60);

	buf_write_u8(&random->out, (uint8_t)hit);
	random_octets(random, 1);
	buf_write_u16(&random->out, (uint16_t)key);
	random_octets(random, hit + key);
	for (uint32_t left = rand_below(random->rand, 3); left > 0; left--) {
		random_put_name(random);
	}
}

static inline void random_caa(struct random_rdata *random)
{
	static const char letters[] = "abcXYZ0129";
	const uint32_t size = 1 + rand_below(random->rand, 15);

	random_octets(random, 1);
	buf_write_u8(&random->out, (uint8_t)size);
	for (uint32_t i = 0; i < size; i++) {
		buf_write_u8(&random->out,
			     (uint8_t)letters[rand_below(random->rand, sizeof(letters) - 1)]);
	}
	random_octets(random, rand_below(random->rand, 40));
}

/* Parameter `key` of the table below. */
static inline void random_svcb_param(struct random_rdata *random, uint16_t key)
{
	static const uint8_t dohpath[] = "/q{?dns}";
	uint8_t *length;
	uint8_t *start;

	buf_write_u16(&random->out, key);
	length = buf_reserve(&random->out, 2);
	start = random->out.at;
	switch (key) {
	case 0: /* mandatory: alpn and port */
		buf_write_u32(&random->out, 1u << 16 | 3);
		break;
	case 1:
		random_string(random, 1);
		random_string(random, 1);
		break;
	case 2:
	case 8:
		break;
	case 3:
		random_octets(random, 2);
		break;
	case 4:
		random_octets(random, 4 + 4 * rand_below(random->rand, 3));
		break;
	case 6:
		random_octets(random, 16 + 16 * rand_below(random->rand, 3));
		break;
	case 7:
		buf_write(&random->out, dohpath, sizeof(dohpath) - 1);
		break;
	default:
		random_octets(random, 1 + rand_below(random->rand, 20));
		break;
	}
	length[0] = (uint8_t)((random->out.at - start) >> 8);
	length[1] = (uint8_t)(random->out.at - start);
}

static inline void random_svcb(struct random_rdata *random)
{
	static const uint16_t keys[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 667, 65280, 65534};
	const bool has_mandatory = rand_below(random->rand, 2) == 0;
	const bool has_alpn = has_mandatory || rand_below(random->rand, 2) == 0;

	random_octets(random, 2);
	random_put_name(random);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		bool has = rand_below(random->rand, 2) == 0;

		has = keys[i] == 0 ? has_mandatory : has;
		has = keys[i] == 1 ? has_alpn : has;
		has = keys[i] == 2 ? has && has_alpn : has;
		has = keys[i] == 3 ? has || has_mandatory : has;
		if (has) {
			random_svcb_param(random, keys[i]);
		}
	}
}

static inline void random_word(struct random_rdata *random, const char *letters, uint32_t least)
{
	const uint32_t size = least + rand_below(random->rand, 8);
	const uint32_t count = (uint32_t)strlen(letters);

	buf_write_u8(&random->out, (uint8_t)size);
	for (uint32_t i = 0; i < size; i++) {
		buf_write_u8(&random->out, (uint8_t)letters[rand_below(random->rand, count)]);
	}
}

/* True: the type is one whose layout does not say it all, and it was written. */
static inline bool random_checked(struct random_rdata *random, uint16_t type)
{
	static const uint8_t ds[6] = {[1] = 20, [2] = 32, [4] = 48};
	static const uint8_t sshfp[6] = {[1] = 20, [2] = 32};
	static const uint8_t zonemd[6] = {[1] = 48, [2] = 64};

	switch (type) {
	case DNS_TYPE_X25: /* RFC 1183 3.1: digits; other servers look */
		random_word(random, "0123456789", 4);
		return true;
	case DNS_TYPE_NAPTR: /* RFC 3403 4.1: letters and digits; the regular expression empty */
		random_octets(random, 4);
		random_word(random, "USAPusap019", 0);
		random_string(random, 0);
		buf_write_u8(&random->out, 0);
		random_put_name(random);
		return true;
	case DNS_TYPE_ISDN:
		random_string(random, 1);
		if (rand_below(random->rand, 2) == 0) {
			random_string(random, 1);
		}
		return true;
	case DNS_TYPE_KEY:
		buf_write_u16(&random->out, (uint16_t)(rand_next(random->rand) & 0x3fff));
		random_octets(random, 3 + rand_below(random->rand, 60));
		return true;
	case DNS_TYPE_LOC:
		random_loc(random);
		return true;
	case DNS_TYPE_APL:
		random_apl(random);
		return true;
	case DNS_TYPE_DS:
	case DNS_TYPE_CDS:
		random_octets(random, 3);
		random_digest(random, ds);
		return true;
	case DNS_TYPE_SSHFP:
		random_octets(random, 1);
		random_digest(random, sshfp);
		return true;
	case DNS_TYPE_IPSECKEY:
		random_ipseckey(random);
		return true;
	case DNS_TYPE_NSEC:
		random_put_name(random);
		random_bitmap(random);
		return true;
	case DNS_TYPE_NSEC3:
		random_octets(random, 4);
		random_string(random, 0);
		random_string(random, 1);
		random_bitmap(random);
		return true;
	case DNS_TYPE_HIP:
		random_hip(random);
		return true;
	case DNS_TYPE_CSYNC:
		random_octets(random, 6);
		random_bitmap(random);
		return true;
	case DNS_TYPE_ZONEMD:
		random_octets(random, 4);
		buf_write_u8(&random->out, 1);
		random_digest(random, zonemd);
		return true;
	case DNS_TYPE_SVCB:
	case DNS_TYPE_HTTPS:
		random_svcb(random);
		return true;
	case DNS_TYPE_CAA:
		random_caa(random);
		return true;
	case DNS_TYPE_AMTRELAY:
		random_amtrelay(random);
		return true;
	default:
		assert(dns_rrtype(type)->check == NULL);
		return false;
	}
}

/* Into rdata[room]; the size. */
static inline size_t random_rdata(struct rand *rand, uint16_t type, uint8_t *rdata, size_t room,
				  random_name_fn name, void *context)
{
	struct random_rdata random = {
		.rand = rand,
		.name = name,
		.context = context,
		.out = buf_writer(rdata, room),
	};

	if (!random_checked(&random, type)) {
		for (const char *letter = dns_rrtype(type)->layout; *letter != '\0'; letter++) {
			random_field(&random, *letter);
		}
	}
	assert(!random.out.failed);
	assert(dns_rdata_check(type, rdata, (uint16_t)buf_written(&random.out)) == 0);
	return buf_written(&random.out);
}
