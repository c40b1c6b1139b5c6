/*
 * One function for each type, in the order of their numbers, each by the RFC that made it. Where
 * an RFC leaves a value open (an unknown algorithm, a digest of another kind) any octets pass.
 */
#include "dns/rrcheck.h"

#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "dns/types.h"

/* ---- what several have ------------------------------------------------------------------- */

/* All that is left; its size. */
static size_t read_rest(struct buf_reader *rdata)
{
	const size_t size = buf_left(rdata);

	buf_read(rdata, size);
	return size;
}

static void read_string(struct buf_reader *rdata)
{
	buf_read(rdata, buf_read_u8(rdata));
}

static void read_name(struct buf_reader *rdata)
{
	uint8_t name[DNS_NAME_MAX];

	(void)dns_name_read_plain(rdata, name);
}

/* RFC 4034 4.1.2: windows ascend, none is empty, and none ends with an empty octet. */
static bool read_bitmap(struct buf_reader *rdata)
{
	int last = -1;

	while (!rdata->failed && buf_left(rdata) > 0) {
		const int window = buf_read_u8(rdata);
		const uint8_t size = buf_read_u8(rdata);
		const uint8_t *bits = buf_read(rdata, size);

		if (bits == NULL || size < 1 || size > 32 || bits[size - 1] == 0 ||
		    window <= last) {
			return false;
		}
		last = window;
	}
	return true;
}

/* The number of a digest, then it; `sizes` by number, 0 or behind: not known, any will do. */
static bool read_digest(struct buf_reader *rdata, const uint8_t *sizes, size_t count)
{
	const uint8_t number = buf_read_u8(rdata);
	const size_t wanted = number < count ? sizes[number] : 0;
	const size_t size = read_rest(rdata);

	return wanted == 0 ? size > 0 : size == wanted;
}

/* RFC 4025 2.5, RFC 8777 4.2.3: a gateway or relay by its kind. False: no such kind. */
static bool read_gateway(struct buf_reader *rdata, uint8_t kind)
{
	switch (kind) {
	case 0:
		return true;
	case 1:
		buf_read(rdata, 4);
		return true;
	case 2:
		buf_read(rdata, 16);
		return true;
	case 3:
		read_name(rdata);
		return true;
	default:
		return false;
	}
}

/* ---- by type ----------------------------------------------------------------------------- */

/* RFC 1183 3.2: the second string may be missing. */
bool dns_check_isdn(struct buf_reader *rdata)
{
	read_string(rdata);
	if (buf_left(rdata) > 0) {
		read_string(rdata);
	}
	return true;
}

/* RFC 2535 3.1.2: both upper bits of the flags say that there is no key. */
bool dns_check_key(struct buf_reader *rdata)
{
	const bool is_without = (buf_read_u16(rdata) & 0xc000u) == 0xc000u;

	buf_read(rdata, 2);
	return (read_rest(rdata) == 0) == is_without;
}

/* RFC 1876 2: centimetres, a digit by a power of ten; 0 is 0 by any power of its own. */
static bool is_precision(uint8_t octet)
{
	return octet >> 4 <= 9 && (octet & 15) <= 9 && (octet >> 4 != 0 || octet == 0);
}

/* Thousandths of an arc second, 2^31 is the equator or the prime meridian. */
static bool is_angle(uint32_t value, uint32_t degrees)
{
	const uint32_t most = degrees * 3600u * 1000u;

	return value >= 0x80000000u - most && value <= 0x80000000u + most;
}

/* RFC 1876; no other version than 0 was ever made. */
bool dns_check_loc(struct buf_reader *rdata)
{
	bool is_right = buf_read_u8(rdata) == 0;

	for (int i = 0; i < 3; i++) {
		is_right &= is_precision(buf_read_u8(rdata));
	}
	is_right &= is_angle(buf_read_u32(rdata), 90);
	is_right &= is_angle(buf_read_u32(rdata), 180);
	buf_read_u32(rdata);
	return is_right;
}

/* RFC 3123 4: no empty octet at the end of an address. */
static bool read_prefix(struct buf_reader *rdata)
{
	const uint16_t family = buf_read_u16(rdata);
	const uint8_t prefix = buf_read_u8(rdata);
	const uint8_t size = buf_read_u8(rdata) & 0x7f;
	const uint8_t *address = buf_read(rdata, size);

	if (address == NULL || (size > 0 && address[size - 1] == 0)) {
		return false;
	}
	switch (family) {
	case 1:
		return prefix <= 32 && size <= 4;
	case 2:
		return prefix <= 128 && size <= 16;
	default:
		return true;
	}
}

bool dns_check_apl(struct buf_reader *rdata)
{
	while (buf_left(rdata) > 0) {
		if (!read_prefix(rdata)) {
			return false;
		}
	}
	return true;
}

/* RFC 4034 5, RFC 4509, RFC 6605; RFC 8078 4 has one octet for the digest 0. */
bool dns_check_ds(struct buf_reader *rdata)
{
	static const uint8_t sizes[] = {[1] = 20, [2] = 32, [4] = 48};

	buf_read(rdata, 3);
	return read_digest(rdata, sizes, sizeof(sizes));
}

/* RFC 4255 3.1, RFC 6594 4 */
bool dns_check_sshfp(struct buf_reader *rdata)
{
	static const uint8_t sizes[] = {[1] = 20, [2] = 32};

	buf_read_u8(rdata);
	return read_digest(rdata, sizes, sizeof(sizes));
}

bool dns_check_ipseckey(struct buf_reader *rdata)
{
	uint8_t kind;
	uint8_t algorithm;

	buf_read_u8(rdata);
	kind = buf_read_u8(rdata);
	algorithm = buf_read_u8(rdata);
	/* RFC 4025 2.4: algorithm 0 has no key. */
	return read_gateway(rdata, kind) && (read_rest(rdata) == 0) == (algorithm == 0);
}

bool dns_check_nsec(struct buf_reader *rdata)
{
	read_name(rdata);
	return buf_left(rdata) > 0 && read_bitmap(rdata);
}

/* RFC 5155 3.2: a hash of at least one octet; the bitmap may be empty (7.1). */
bool dns_check_nsec3(struct buf_reader *rdata)
{
	uint8_t size;

	buf_read(rdata, 4);
	read_string(rdata);
	size = buf_read_u8(rdata);
	buf_read(rdata, size);
	return size > 0 && read_bitmap(rdata);
}

/* RFC 8005 5 */
bool dns_check_hip(struct buf_reader *rdata)
{
	const uint8_t hit_size = buf_read_u8(rdata);
	uint16_t key_size;

	buf_read_u8(rdata);
	key_size = buf_read_u16(rdata);
	buf_read(rdata, (size_t)hit_size + key_size);
	while (!rdata->failed && buf_left(rdata) > 0) {
		read_name(rdata);
	}
	return hit_size > 0 && key_size > 0;
}

/* RFC 7477 2.1 */
bool dns_check_csync(struct buf_reader *rdata)
{
	buf_read(rdata, 6);
	return read_bitmap(rdata);
}

/* RFC 8976 2.2 */
bool dns_check_zonemd(struct buf_reader *rdata)
{
	uint8_t scheme;
	uint8_t kind;
	size_t size;

	buf_read_u32(rdata);
	scheme = buf_read_u8(rdata);
	kind = buf_read_u8(rdata);
	size = read_rest(rdata);
	if (scheme == 1 && (kind == 1 || kind == 2)) {
		return size == (kind == 1 ? 48u : 64u);
	}
	return size >= 12;
}

bool dns_check_caa(struct buf_reader *rdata)
{
	uint8_t size;
	const uint8_t *tag;

	buf_read_u8(rdata);
	size = buf_read_u8(rdata);
	tag = buf_read(rdata, size);
	/* RFC 8659 4.1: letters and digits, at least one. */
	for (size_t i = 0; tag != NULL && i < size; i++) {
		const uint8_t letter = dns_fold(tag[i]);

		if ((letter < 'a' || letter > 'z') && (letter < '0' || letter > '9')) {
			return false;
		}
	}
	read_rest(rdata);
	return size > 0;
}

/* The upper bit of the kind is another matter: discovery is optional. */
bool dns_check_amtrelay(struct buf_reader *rdata)
{
	buf_read_u8(rdata);
	return read_gateway(rdata, buf_read_u8(rdata) & 0x7f);
}

/* ---- SVCB and HTTPS, RFC 9460 ------------------------------------------------------------ */

/* Does the list of parameters, which ascends, hold the key? */
static bool svcb_has(struct buf_reader params, uint16_t key)
{
	while (buf_left(&params) > 0) {
		const uint16_t at = buf_read_u16(&params);

		if (at == key) {
			return true;
		}
		buf_read(&params, buf_read_u16(&params));
	}
	return false;
}

/* Section 8: ascending keys, each in the record, not this one itself. */
static bool svcb_mandatory(struct buf_reader *value, const struct buf_reader *params)
{
	uint16_t last = SVCB_MANDATORY;

	do {
		const uint16_t key = buf_read_u16(value);

		if (value->failed || key <= last || !svcb_has(*params, key)) {
			return false;
		}
		last = key;
	} while (buf_left(value) > 0);
	return true;
}

/* Section 7.1: at least one name, none empty. */
static bool svcb_alpn(struct buf_reader *value)
{
	do {
		const uint8_t size = buf_read_u8(value);

		buf_read(value, size);
		if (size == 0) {
			return false;
		}
	} while (!value->failed && buf_left(value) > 0);
	return true;
}

/* One parameter's value, whose form hangs on its key. */
static bool svcb_value(uint16_t key, struct buf_reader *value, const struct buf_reader *params)
{
	const size_t size = buf_left(value);

	switch (key) {
	case SVCB_MANDATORY:
		return svcb_mandatory(value, params);
	case SVCB_ALPN:
		return svcb_alpn(value) && !value->failed;
	case SVCB_NO_DEFAULT_ALPN:
		return size == 0 && svcb_has(*params, SVCB_ALPN);
	case SVCB_PORT:
		return size == 2;
	case SVCB_IPV4HINT:
		return size > 0 && size % 4 == 0;
	case SVCB_IPV6HINT:
		return size > 0 && size % 16 == 0;
	case SVCB_ECH:
	case SVCB_DOHPATH:
		return size > 0;
	case SVCB_OHTTP:
		return size == 0;
	default:
		return key != SVCB_INVALID;
	}
}

bool dns_check_svcb(struct buf_reader *rdata)
{
	struct buf_reader params;
	int last = -1;

	buf_read_u16(rdata);
	read_name(rdata);
	params = buf_reader(rdata->at, buf_left(rdata));
	/* The forms first, so that svcb_has() may trust them. */
	while (!rdata->failed && buf_left(rdata) > 0) {
		const int key = buf_read_u16(rdata);

		buf_read(rdata, buf_read_u16(rdata));
		if (key <= last) {
			return false;
		}
		last = key;
	}
	if (rdata->failed) {
		return false;
	}
	for (struct buf_reader at = params; buf_left(&at) > 0;) {
		const uint16_t key = buf_read_u16(&at);
		const uint16_t size = buf_read_u16(&at);
		struct buf_reader value = buf_reader(buf_read(&at, size), size);

		if (!svcb_value(key, &value, &params)) {
			return false;
		}
	}
	return true;
}
