/*
 * The record table and what walks its layouts: reading with pointers resolved, checking,
 * comparing and folding. A row is found by its index.
 *
 * Names stand for themselves in RFC 1035 types (n), in those that RFC 3597 section 4 names (d),
 * and in younger ones (p); which of the last compare without case, RFC 4034 6.2 and RFC 3597
 * section 7 say.
 */
#include "dns/rrtype.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "dns/name.h"
#include "dns/types.h"

#define TYPES 263 /* rows, by number; all types from here on are unknown */

/* clang-format off */
#define PLAIN(number, text, form) [(number)] = {.type = (number), .name = (text), .layout = (form)}
#define NAMED(number, text, form) \
	[(number)] = {.type = (number), .name = (text), .layout = (form), .fold = true}
#define CHECKED(number, text, form, function) \
	[(number)] = {.type = (number), .name = (text), .layout = (form), .check = (function)}
#define META(number, text) \
	[(number)] = {.type = (number), .name = (text), .layout = "r", .meta = true}
/* clang-format on */

static const struct dns_rrtype table[TYPES] = {
	PLAIN(DNS_TYPE_A, "A", "a"),
	NAMED(DNS_TYPE_NS, "NS", "n"),
	NAMED(DNS_TYPE_MD, "MD", "n"),
	NAMED(DNS_TYPE_MF, "MF", "n"),
	NAMED(DNS_TYPE_CNAME, "CNAME", "n"),
	NAMED(DNS_TYPE_SOA, "SOA", "nn44444"),
	NAMED(DNS_TYPE_MB, "MB", "n"),
	NAMED(DNS_TYPE_MG, "MG", "n"),
	NAMED(DNS_TYPE_MR, "MR", "n"),
	PLAIN(DNS_TYPE_NULL, "NULL", "r"),
	PLAIN(DNS_TYPE_WKS, "WKS", "a1r"),
	NAMED(DNS_TYPE_PTR, "PTR", "n"),
	PLAIN(DNS_TYPE_HINFO, "HINFO", "ss"),
	NAMED(DNS_TYPE_MINFO, "MINFO", "nn"),
	NAMED(DNS_TYPE_MX, "MX", "2n"),
	PLAIN(DNS_TYPE_TXT, "TXT", "t"),
	NAMED(DNS_TYPE_RP, "RP", "dd"),
	NAMED(DNS_TYPE_AFSDB, "AFSDB", "2d"),
	PLAIN(DNS_TYPE_X25, "X25", "s"),
	CHECKED(DNS_TYPE_ISDN, "ISDN", "r", dns_check_isdn),
	NAMED(DNS_TYPE_RT, "RT", "2d"),
	PLAIN(DNS_TYPE_NSAP, "NSAP", "m"),
	PLAIN(DNS_TYPE_NSAP_PTR, "NSAP-PTR", "p"),
	NAMED(DNS_TYPE_SIG, "SIG", "2114442dm"),
	CHECKED(DNS_TYPE_KEY, "KEY", "211r", dns_check_key),
	NAMED(DNS_TYPE_PX, "PX", "2dd"),
	PLAIN(DNS_TYPE_GPOS, "GPOS", "sss"),
	PLAIN(DNS_TYPE_AAAA, "AAAA", "x"),
	CHECKED(DNS_TYPE_LOC, "LOC", "1111444", dns_check_loc),
	NAMED(DNS_TYPE_NXT, "NXT", "dr"),
	NAMED(DNS_TYPE_SRV, "SRV", "222d"),
	NAMED(DNS_TYPE_NAPTR, "NAPTR", "22sssd"),
	NAMED(DNS_TYPE_KX, "KX", "2p"),
	PLAIN(DNS_TYPE_CERT, "CERT", "221m"),
	NAMED(DNS_TYPE_DNAME, "DNAME", "p"),
	META(DNS_TYPE_OPT, "OPT"),
	CHECKED(DNS_TYPE_APL, "APL", "r", dns_check_apl),
	CHECKED(DNS_TYPE_DS, "DS", "211m", dns_check_ds),
	CHECKED(DNS_TYPE_SSHFP, "SSHFP", "11m", dns_check_sshfp),
	CHECKED(DNS_TYPE_IPSECKEY, "IPSECKEY", "111r", dns_check_ipseckey),
	NAMED(DNS_TYPE_RRSIG, "RRSIG", "2114442pm"),
	CHECKED(DNS_TYPE_NSEC, "NSEC", "pm", dns_check_nsec),
	PLAIN(DNS_TYPE_DNSKEY, "DNSKEY", "211m"),
	PLAIN(DNS_TYPE_DHCID, "DHCID", "21m"),
	CHECKED(DNS_TYPE_NSEC3, "NSEC3", "112ssr", dns_check_nsec3),
	PLAIN(DNS_TYPE_NSEC3PARAM, "NSEC3PARAM", "112s"),
	PLAIN(DNS_TYPE_TLSA, "TLSA", "111m"),
	PLAIN(DNS_TYPE_SMIMEA, "SMIMEA", "111m"),
	CHECKED(DNS_TYPE_HIP, "HIP", "112m", dns_check_hip),
	PLAIN(DNS_TYPE_NINFO, "NINFO", "t"),
	PLAIN(DNS_TYPE_RKEY, "RKEY", "211m"),
	PLAIN(DNS_TYPE_TALINK, "TALINK", "pp"),
	CHECKED(DNS_TYPE_CDS, "CDS", "211m", dns_check_ds),
	PLAIN(DNS_TYPE_CDNSKEY, "CDNSKEY", "211m"),
	PLAIN(DNS_TYPE_OPENPGPKEY, "OPENPGPKEY", "m"),
	CHECKED(DNS_TYPE_CSYNC, "CSYNC", "42r", dns_check_csync),
	CHECKED(DNS_TYPE_ZONEMD, "ZONEMD", "411m", dns_check_zonemd),
	CHECKED(DNS_TYPE_SVCB, "SVCB", "2pr", dns_check_svcb),
	CHECKED(DNS_TYPE_HTTPS, "HTTPS", "2pr", dns_check_svcb),
	PLAIN(DNS_TYPE_SPF, "SPF", "t"),
	PLAIN(DNS_TYPE_NID, "NID", "28"),
	PLAIN(DNS_TYPE_L32, "L32", "2a"),
	PLAIN(DNS_TYPE_L64, "L64", "28"),
	PLAIN(DNS_TYPE_LP, "LP", "2p"),
	PLAIN(DNS_TYPE_EUI48, "EUI48", "6"),
	PLAIN(DNS_TYPE_EUI64, "EUI64", "8"),
	META(DNS_TYPE_NXNAME, "NXNAME"),
	META(DNS_TYPE_TKEY, "TKEY"),
	META(DNS_TYPE_TSIG, "TSIG"),
	META(DNS_TYPE_IXFR, "IXFR"),
	META(DNS_TYPE_AXFR, "AXFR"),
	META(DNS_TYPE_MAILB, "MAILB"),
	META(DNS_TYPE_MAILA, "MAILA"),
	META(DNS_TYPE_ANY, "ANY"),
	PLAIN(DNS_TYPE_URI, "URI", "22m"),
	CHECKED(DNS_TYPE_CAA, "CAA", "1sr", dns_check_caa),
	PLAIN(DNS_TYPE_AVC, "AVC", "t"),
	PLAIN(DNS_TYPE_DOA, "DOA", "441sr"),
	CHECKED(DNS_TYPE_AMTRELAY, "AMTRELAY", "11r", dns_check_amtrelay),
	PLAIN(DNS_TYPE_RESINFO, "RESINFO", "t"),
	PLAIN(DNS_TYPE_WALLET, "WALLET", "t"),
};

static const struct dns_rrtype unknown = {.name = "", .layout = "r"};
static const struct dns_rrtype unknown_meta = {.name = "", .layout = "r", .meta = true};

const struct dns_rrtype *dns_rrtype(uint16_t type)
{
	if (type < TYPES && table[type].name != NULL) {
		return &table[type];
	}
	return dns_rrtype_is_meta(type) ? &unknown_meta : &unknown;
}

bool dns_rrtype_is_meta(uint16_t type)
{
	return type == 0 || type == DNS_TYPE_OPT || (type >= 128 && type <= 255);
}

char *dns_rrtype_to_text(char out[16], uint16_t type)
{
	const char *name = dns_rrtype(type)->name;

	if (name[0] == '\0') {
		snprintf(out, 16, "TYPE%u", type);
	} else {
		snprintf(out, 16, "%s", name);
	}
	return out;
}

static bool text_equal(const char *one, const char *other, size_t size)
{
	return dns_octets_equal((const uint8_t *)one, (const uint8_t *)other, size);
}

int dns_rrtype_from_text(uint16_t *out, const char *text)
{
	const size_t size = strlen(text);
	unsigned number = 0;

	for (uint16_t type = 0; type < TYPES; type++) {
		const char *name = table[type].name;

		if (name != NULL && strlen(name) == size && text_equal(name, text, size)) {
			*out = type;
			return OK;
		}
	}
	if (size < 5 || size > 9 || !text_equal(text, "TYPE", 4)) {
		return ERR_FORMAT;
	}
	for (size_t i = 4; i < size; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return ERR_FORMAT;
		}
		number = number * 10 + (unsigned)(text[i] - '0');
	}
	if (number > UINT16_MAX) {
		return ERR_FORMAT;
	}
	*out = (uint16_t)number;
	return OK;
}

/* Octets of a name without pointers that ends within `left`. */
static size_t name_field_size(const uint8_t *at, size_t left)
{
	size_t size = 0;

	while (size < left && at[size] != 0) {
		size += at[size] + 1u;
	}
	return size < left ? size + 1 : left;
}

size_t dns_field_size(char letter, const uint8_t *at, size_t left)
{
	size_t size;

	switch (letter) {
	case '1':
	case '2':
	case '4':
	case '6':
	case '8':
		size = (size_t)(letter - '0');
		break;
	case 'a':
		size = 4;
		break;
	case 'x':
		size = 16;
		break;
	case 'n':
	case 'd':
	case 'p':
		return name_field_size(at, left);
	case 's':
		size = left == 0 ? 0 : at[0] + 1u;
		break;
	default:
		return left;
	}
	return size < left ? size : left;
}

static bool field_is_name(char letter)
{
	return letter == 'n' || letter == 'd' || letter == 'p';
}

/* Steps over a field that is no name. */
static void skip_field(struct buf_reader *reader, char letter)
{
	switch (letter) {
	case 's':
		buf_read(reader, buf_read_u8(reader));
		break;
	case 't':
		do {
			buf_read(reader, buf_read_u8(reader));
		} while (!reader->failed && buf_left(reader) > 0);
		break;
	case 'm':
		buf_read(reader, buf_left(reader) > 0 ? buf_left(reader) : 1);
		break;
	case 'r':
		buf_read(reader, buf_left(reader));
		break;
	default:
		buf_read(reader, dns_field_size(letter, reader->at, SIZE_MAX));
		break;
	}
}

static void read_name_field(struct buf_reader *reader, bool pointers, struct buf_writer *out)
{
	uint8_t name[DNS_NAME_MAX];
	const int size = pointers ? dns_name_read(reader, name) : dns_name_read_plain(reader, name);

	if (size > 0) {
		buf_write(out, name, (size_t)size);
	}
}

static int read_rdata(struct buf_reader *reader, uint16_t type, uint16_t size, bool pointers,
		      struct buf_writer *out)
{
	const size_t before = buf_written(out);
	struct buf_reader rdata = *reader;

	if (buf_read(reader, size) == NULL) {
		return ERR_FORMAT;
	}
	/* Pointers may lead anywhere before the RDATA, but its fields end with it. */
	rdata.end = reader->at;
	const uint8_t *run = rdata.at; /* of fields that are no names, written together */
	for (const char *letter = dns_rrtype(type)->layout; *letter != '\0'; letter++) {
		if (*letter <= '8') {
			/* Numbers by themselves: they are most of what there is. */
			buf_read(&rdata, (size_t)(*letter - '0'));
			continue;
		}
		if (!field_is_name(*letter)) {
			skip_field(&rdata, *letter);
			continue;
		}
		buf_write(out, run, (size_t)(rdata.at - run));
		read_name_field(&rdata, pointers && *letter != 'p', out);
		run = rdata.at;
	}
	buf_write(out, run, (size_t)(rdata.at - run));
	if (rdata.failed || buf_left(&rdata) > 0) {
		reader->failed = true;
		return ERR_FORMAT;
	}
	return out->failed ? ERR_SPACE : (int)(buf_written(out) - before);
}

/* What its layout cannot say: right? The RDATA is whole and has no pointers. */
static bool is_right(uint16_t type, const uint8_t *rdata, size_t size)
{
	const struct dns_rrtype *row = dns_rrtype(type);
	struct buf_reader reader = buf_reader(rdata, size);

	return row->check == NULL ||
	       (row->check(&reader) && !reader.failed && buf_left(&reader) == 0);
}

int dns_rdata_read(struct buf_reader *reader, uint16_t type, uint16_t size, struct buf_writer *out)
{
	const int ret = read_rdata(reader, type, size, true, out);

	if (ret >= 0 && !is_right(type, out->at - ret, (size_t)ret)) {
		reader->failed = true;
		return ERR_FORMAT;
	}
	return ret;
}

int dns_rdata_check(uint16_t type, const uint8_t *rdata, uint16_t size)
{
	uint8_t none[1];
	struct buf_reader reader = buf_reader(size == 0 ? none : rdata, size);
	struct buf_writer nowhere = buf_writer(none, 0);

	if (read_rdata(&reader, type, size, false, &nowhere) == ERR_FORMAT ||
	    !is_right(type, reader.start, size)) {
		return ERR_FORMAT;
	}
	return OK;
}

bool dns_rdata_equal(uint16_t type, const uint8_t *one, uint16_t one_size, const uint8_t *other,
		     uint16_t other_size)
{
	const struct dns_rrtype *row = dns_rrtype(type);
	size_t left = one_size;

	if (one_size != other_size) {
		return false;
	}
	if (one_size == 0 || memcmp(one, other, one_size) == 0) {
		return true;
	}
	if (!row->fold) {
		return false;
	}
	for (const char *letter = row->layout; *letter != '\0' && left > 0; letter++) {
		const size_t size = dns_field_size(*letter, one, left);

		if (field_is_name(*letter) ? !dns_octets_equal(one, other, size)
					   : memcmp(one, other, size) != 0) {
			return false;
		}
		one += size;
		other += size;
		left -= size;
	}
	return left == 0;
}

void dns_rdata_fold(uint8_t *out, uint16_t type, const uint8_t *rdata, uint16_t size)
{
	const struct dns_rrtype *row = dns_rrtype(type);
	size_t left = size;

	if (!row->fold) {
		if (size > 0) {
			memcpy(out, rdata, size);
		}
		return;
	}
	for (const char *letter = row->layout; *letter != '\0' && left > 0; letter++) {
		const size_t field = dns_field_size(*letter, rdata, left);

		if (field_is_name(*letter)) {
			dns_octets_fold(out, rdata, field);
		} else {
			memcpy(out, rdata, field);
		}
		out += field;
		rdata += field;
		left -= field;
	}
}

struct dns_srv dns_srv_view(const uint8_t *rdata)
{
	struct buf_reader reader = buf_reader(rdata, 6);

	struct dns_srv srv = {.target = rdata + 6};

	srv.priority = buf_read_u16(&reader);
	srv.weight = buf_read_u16(&reader);
	srv.port = buf_read_u16(&reader);
	return srv;
}
