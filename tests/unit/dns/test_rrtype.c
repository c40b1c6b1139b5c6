#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "dns/rrtype.h"
#include "dns/types.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

START_TEST(every_row_reads_as_it_is_written)
{
	for (unsigned type = 0; type <= UINT16_MAX; type++) {
		const struct dns_rrtype *row = dns_rrtype((uint16_t)type);
		char text[16];
		uint16_t back = 0;

		ck_assert_ptr_nonnull(row);
		ck_assert(row->type == type || (row->type == 0 && row->name[0] == '\0'));
		ck_assert_uint_eq(strspn(row->layout, "12468axndpstrm"), strlen(row->layout));
		ck_assert(row->meta == dns_rrtype_is_meta((uint16_t)type));
		ck_assert_int_eq(
			dns_rrtype_from_text(&back, dns_rrtype_to_text(text, (uint16_t)type)), OK);
		ck_assert_uint_eq(back, type);
		snprintf(text, sizeof(text), "tYpE%u", type);
		ck_assert_int_eq(dns_rrtype_from_text(&back, text), OK);
		ck_assert_uint_eq(back, type);
	}
}
END_TEST

START_TEST(mnemonics_are_read_without_case)
{
	static const struct {
		const char *text;
		int result;
		uint16_t type;
	} cases[] = {
		{"A", OK, DNS_TYPE_A},
		{"srv", OK, DNS_TYPE_SRV},
		{"Https", OK, DNS_TYPE_HTTPS},
		{"ANY", OK, DNS_TYPE_ANY},
		{"TYPE0", OK, 0},
		{"TYPE00001", OK, 1},
		{"", ERR_FORMAT, 0},
		{"AA", ERR_FORMAT, 0},
		{"TYPE", ERR_FORMAT, 0},
		{"TYPE65536", ERR_FORMAT, 0},
		{"TYPE99999", ERR_FORMAT, 0},
		{"TYPE000001", ERR_FORMAT, 0},
		{"TYPE-1", ERR_FORMAT, 0},
		{"TYPE1 ", ERR_FORMAT, 0},
		{"TYPES", ERR_FORMAT, 0},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint16_t type = 0;

		ck_assert_int_eq(dns_rrtype_from_text(&type, cases[i].text), cases[i].result);
		ck_assert_uint_eq(type, cases[i].type);
	}
}
END_TEST

START_TEST(what_is_never_stored_is_known)
{
	static const uint16_t meta[] = {0, DNS_TYPE_OPT, 128, 200, DNS_TYPE_TSIG, DNS_TYPE_ANY};
	static const uint16_t data[] = {1, 40, 42, 127, 256, DNS_TYPE_SRV, 65280, 65535};

	for (size_t i = 0; i < COUNT_OF(meta); i++) {
		ck_assert(dns_rrtype_is_meta(meta[i]));
	}
	for (size_t i = 0; i < COUNT_OF(data); i++) {
		ck_assert(!dns_rrtype_is_meta(data[i]));
	}
}
END_TEST

#define NAME_A "0161 00"
#define NAME_B "0162 00"
#define TIMES8(octet) octet octet octet octet octet octet octet octet
#define TIMES16(octet) TIMES8(octet) TIMES8(octet)
#define TIMES20(octet) TIMES16(octet) octet octet octet octet
#define TIMES32(octet) TIMES16(octet) TIMES16(octet)
#define TIMES48(octet) TIMES32(octet) TIMES16(octet)
#define LOC(version, size, latitude, longitude) version size "1613" latitude longitude "00989680"

/* RDATA without pointers, right or wrong. */
static const struct {
	uint16_t type;
	const char *rdata;
	int result;
} checks[] = {
	{DNS_TYPE_A, "01020304", OK},
	{DNS_TYPE_A, "010203", ERR_FORMAT},
	{DNS_TYPE_A, "0102030405", ERR_FORMAT},
	{DNS_TYPE_A, "", ERR_FORMAT},
	{DNS_TYPE_AAAA, "00000000000000000000000000000001", OK},
	{DNS_TYPE_AAAA, "000000000000000000000000000001", ERR_FORMAT},
	{DNS_TYPE_NS, NAME_A, OK},
	{DNS_TYPE_NS, "00", OK},
	{DNS_TYPE_NS, "", ERR_FORMAT},
	{DNS_TYPE_NS, NAME_A "00", ERR_FORMAT},
	{DNS_TYPE_NS, "0161", ERR_FORMAT},
	{DNS_TYPE_PTR, "c00c", ERR_FORMAT},
	{DNS_TYPE_CNAME, NAME_A, OK},
	{DNS_TYPE_SOA, NAME_A NAME_B "0000000100000002000000030000000400000005", OK},
	{DNS_TYPE_SOA, NAME_A NAME_B "00000001000000020000000300000004000000", ERR_FORMAT},
	{DNS_TYPE_SOA, NAME_A, ERR_FORMAT},
	{DNS_TYPE_MX, "000a" NAME_A, OK},
	{DNS_TYPE_MX, "000a", ERR_FORMAT},
	{DNS_TYPE_MX, "00", ERR_FORMAT},
	{DNS_TYPE_MINFO, NAME_A NAME_B, OK},
	{DNS_TYPE_MINFO, NAME_A, ERR_FORMAT},
	{DNS_TYPE_TXT, "0161", OK},
	{DNS_TYPE_TXT, "00", OK},
	{DNS_TYPE_TXT, "0161 00 0262 63", OK},
	{DNS_TYPE_TXT, "", ERR_FORMAT},
	{DNS_TYPE_TXT, "02 61", ERR_FORMAT},
	{DNS_TYPE_TXT, "0161 ff", ERR_FORMAT},
	{DNS_TYPE_HINFO, "0161 0162", OK},
	{DNS_TYPE_HINFO, "0161", ERR_FORMAT},
	{DNS_TYPE_HINFO, "0161 0162 00", ERR_FORMAT},
	{DNS_TYPE_SRV, "000000010035" NAME_A, OK},
	{DNS_TYPE_SRV, "000000010035 00", OK},
	{DNS_TYPE_SRV, "000000010035", ERR_FORMAT},
	{DNS_TYPE_SRV, "000000010035" NAME_A "00", ERR_FORMAT},
	{DNS_TYPE_NAPTR, "000100020161 0162 0163" NAME_A, OK},
	{DNS_TYPE_NAPTR, "000100020161 0162 0163", ERR_FORMAT},
	{DNS_TYPE_RP, NAME_A NAME_B, OK},
	{DNS_TYPE_AFSDB, "0001" NAME_A, OK},
	{DNS_TYPE_RT, "0001" NAME_A, OK},
	{DNS_TYPE_PX, "0001" NAME_A NAME_B, OK},
	{DNS_TYPE_PX, "0001" NAME_A, ERR_FORMAT},
	{DNS_TYPE_SIG, "0001050000000000000000010000000203e8" NAME_A "ffff", OK},
	{DNS_TYPE_SIG, "000105000000000000000001000000020" NAME_A, ERR_FORMAT},
	{DNS_TYPE_NXT, NAME_A "4000", OK},
	{DNS_TYPE_KEY, "0200030d 00", OK},
	{DNS_TYPE_KEY, "0200030d", ERR_FORMAT},
	{DNS_TYPE_KEY, "c000030d", OK}, /* RFC 2535 3.1.2: says that there is no key */
	{DNS_TYPE_KEY, "c000030d 00", ERR_FORMAT},
	{DNS_TYPE_KEY, "020003", ERR_FORMAT},
	{DNS_TYPE_DNAME, NAME_A, OK},
	{DNS_TYPE_WKS, "0102030406", OK},
	{DNS_TYPE_WKS, "01020304", ERR_FORMAT},
	{DNS_TYPE_NULL, "", OK},
	{DNS_TYPE_NULL, "c00c", OK},
	{DNS_TYPE_CAA, "00 0569737375 65 6361", OK},
	{DNS_TYPE_CAA, "00 09697373", ERR_FORMAT},
	{DNS_TYPE_CAA, "80 0141", OK},
	{DNS_TYPE_CAA, "00 00 6361", ERR_FORMAT},
	{DNS_TYPE_CAA, "00 022d61 6361", ERR_FORMAT}, /* RFC 8659 4.1: letters and digits */
	{DNS_TYPE_X25, "0431323334", OK},
	{DNS_TYPE_X25, "0431323334 00", ERR_FORMAT},
	{DNS_TYPE_ISDN, "0131", OK},
	{DNS_TYPE_ISDN, "0131 0132", OK},
	{DNS_TYPE_ISDN, "0131 0132 0133", ERR_FORMAT},
	{DNS_TYPE_ISDN, "", ERR_FORMAT},
	{DNS_TYPE_GPOS, "0131 0132 0133", OK},
	{DNS_TYPE_GPOS, "0131 0132", ERR_FORMAT},
	{DNS_TYPE_LOC, LOC("00", "12", "80000000", "80000000"), OK},
	{DNS_TYPE_LOC, LOC("00", "12", "934fd900", "a69fb200"), OK}, /* 90 N, 180 E */
	{DNS_TYPE_LOC, LOC("00", "12", "6cb02700", "59604e00"), OK},
	{DNS_TYPE_LOC, LOC("00", "12", "934fd901", "80000000"), ERR_FORMAT},
	{DNS_TYPE_LOC, LOC("00", "12", "6cb026ff", "80000000"), ERR_FORMAT},
	{DNS_TYPE_LOC, LOC("00", "12", "80000000", "a69fb201"), ERR_FORMAT},
	{DNS_TYPE_LOC, LOC("01", "12", "80000000", "80000000"), ERR_FORMAT},
	{DNS_TYPE_LOC, LOC("00", "a2", "80000000", "80000000"), ERR_FORMAT},
	{DNS_TYPE_LOC, LOC("00", "1a", "80000000", "80000000"), ERR_FORMAT},
	{DNS_TYPE_LOC, LOC("00", "02", "80000000", "80000000"), ERR_FORMAT},
	{DNS_TYPE_LOC, LOC("00", "00", "80000000", "80000000"), OK},
	{DNS_TYPE_LOC, LOC("00", "12", "80000000", "80000000") "00", ERR_FORMAT},
	{DNS_TYPE_KX, "0001" NAME_A, OK},
	{DNS_TYPE_KX, "0001", ERR_FORMAT},
	{DNS_TYPE_CERT, "0001 0002 05 00", OK},
	{DNS_TYPE_CERT, "0001 0002 05", ERR_FORMAT},
	{DNS_TYPE_APL, "", OK},
	{DNS_TYPE_APL, "0001 18 03 c00002", OK},
	{DNS_TYPE_APL, "0001 18 83 c00002 0002 80 01 20", OK},
	{DNS_TYPE_APL, "0001 00 00", OK},
	{DNS_TYPE_APL, "0001 18 03 c00000", ERR_FORMAT}, /* RFC 3123 4: no zeros at the end */
	{DNS_TYPE_APL, "0001 21 03 c00002", ERR_FORMAT},
	{DNS_TYPE_APL, "0001 20 05 c000020101", ERR_FORMAT},
	{DNS_TYPE_APL, "0002 81 01 20", ERR_FORMAT},
	{DNS_TYPE_APL, "0002 80 11" TIMES16("20") "20", ERR_FORMAT},
	{DNS_TYPE_APL, "0001 18 03 c000", ERR_FORMAT},
	{DNS_TYPE_APL, "0001 18", ERR_FORMAT},
	{DNS_TYPE_DS, "0001 08 01" TIMES20("aa"), OK},
	{DNS_TYPE_DS, "0001 08 01" TIMES20("aa") "aa", ERR_FORMAT},
	{DNS_TYPE_DS, "0001 08 02" TIMES32("aa"), OK},
	{DNS_TYPE_DS, "0001 08 02" TIMES20("aa"), ERR_FORMAT},
	{DNS_TYPE_DS, "0001 08 04" TIMES48("aa"), OK},
	{DNS_TYPE_DS, "0001 08 04" TIMES32("aa"), ERR_FORMAT},
	{DNS_TYPE_DS, "0001 08 63 aa", OK},
	{DNS_TYPE_DS, "0001 08 63", ERR_FORMAT},
	{DNS_TYPE_CDS, "0000 00 00 00", OK}, /* RFC 8078 4 */
	{DNS_TYPE_CDS, "0001 08 02 00", ERR_FORMAT},
	{DNS_TYPE_SSHFP, "04 02" TIMES32("aa"), OK},
	{DNS_TYPE_SSHFP, "04 02" TIMES20("aa"), ERR_FORMAT},
	{DNS_TYPE_SSHFP, "01 01" TIMES20("aa"), OK},
	{DNS_TYPE_SSHFP, "01 01 aa", ERR_FORMAT},
	{DNS_TYPE_SSHFP, "01 07", ERR_FORMAT},
	{DNS_TYPE_IPSECKEY, "0a 00 02 aa", OK},
	{DNS_TYPE_IPSECKEY, "0a 00 00", OK},
	{DNS_TYPE_IPSECKEY, "0a 01 02 c0000201 aa", OK},
	{DNS_TYPE_IPSECKEY, "0a 01 02 c00002", ERR_FORMAT},
	{DNS_TYPE_IPSECKEY, "0a 02 02" TIMES16("20") "aa", OK},
	{DNS_TYPE_IPSECKEY, "0a 03 02" NAME_A "aa", OK},
	{DNS_TYPE_IPSECKEY, "0a 03 02 c00c aa", ERR_FORMAT},
	{DNS_TYPE_IPSECKEY, "0a 04 02 aa", ERR_FORMAT},
	{DNS_TYPE_IPSECKEY, "0a 00 02", ERR_FORMAT},
	{DNS_TYPE_RRSIG, "0001050000000000000000010000000203e8" NAME_A "ff", OK},
	{DNS_TYPE_RRSIG, "0001050000000000000000010000000203e8" NAME_A, ERR_FORMAT},
	{DNS_TYPE_NSEC, NAME_A "00 01 40", OK},
	{DNS_TYPE_NSEC, NAME_A "00 01 40 01 02 0001", OK},
	{DNS_TYPE_NSEC, NAME_A, ERR_FORMAT},
	{DNS_TYPE_NSEC, NAME_A "00 02 4000", ERR_FORMAT}, /* RFC 4034 4.1.2 */
	{DNS_TYPE_NSEC, NAME_A "00 00", ERR_FORMAT},
	{DNS_TYPE_NSEC, NAME_A "00 21" TIMES32("01") "01", ERR_FORMAT},
	{DNS_TYPE_NSEC, NAME_A "00 20" TIMES32("01"), OK},
	{DNS_TYPE_NSEC, NAME_A "01 01 40 00 01 40", ERR_FORMAT},
	{DNS_TYPE_NSEC, NAME_A "01 01 40 01 01 40", ERR_FORMAT},
	{DNS_TYPE_NSEC, NAME_A "00 02 40", ERR_FORMAT},
	{DNS_TYPE_DNSKEY, "0100 03 08 aa", OK},
	{DNS_TYPE_DNSKEY, "0100 03 08", ERR_FORMAT},
	{DNS_TYPE_CDNSKEY, "0000 03 00 00", OK}, /* RFC 8078 4 */
	{DNS_TYPE_DHCID, "0001 01 aa", OK},
	{DNS_TYPE_DHCID, "0001 01", ERR_FORMAT},
	{DNS_TYPE_NSEC3, "01 00 000a 00 01aa", OK},
	{DNS_TYPE_NSEC3, "01 00 000a 00 01aa 00 01 40", OK},
	{DNS_TYPE_NSEC3, "01 00 000a 00 00", ERR_FORMAT},
	{DNS_TYPE_NSEC3, "01 00 000a 00 01aa 00 00", ERR_FORMAT},
	{DNS_TYPE_NSEC3PARAM, "01 00 000a 01aa", OK},
	{DNS_TYPE_NSEC3PARAM, "01 00 000a 02aa", ERR_FORMAT},
	{DNS_TYPE_TLSA, "03 01 01 aa", OK},
	{DNS_TYPE_TLSA, "03 01 01", ERR_FORMAT},
	{DNS_TYPE_SMIMEA, "03 01 01 aa", OK},
	{DNS_TYPE_SMIMEA, "03 01", ERR_FORMAT},
	{DNS_TYPE_HIP, "01 02 0001 aa bb", OK},
	{DNS_TYPE_HIP, "01 02 0001 aa bb" NAME_A "00", OK},
	{DNS_TYPE_HIP, "01 02 0002 aa bb", ERR_FORMAT},
	{DNS_TYPE_HIP, "00 02 0001 bb", ERR_FORMAT},
	{DNS_TYPE_HIP, "01 02 0001 aa bb 0161", ERR_FORMAT},
	{DNS_TYPE_TALINK, NAME_A NAME_B, OK},
	{DNS_TYPE_TALINK, NAME_A, ERR_FORMAT},
	{DNS_TYPE_OPENPGPKEY, "aa", OK},
	{DNS_TYPE_OPENPGPKEY, "", ERR_FORMAT},
	{DNS_TYPE_CSYNC, "00000001 0003", OK},
	{DNS_TYPE_CSYNC, "00000001 0003 00 01 40", OK},
	{DNS_TYPE_CSYNC, "00000001 0003 00 01 00", ERR_FORMAT},
	{DNS_TYPE_ZONEMD, "00000001 01 01" TIMES48("aa"), OK},
	{DNS_TYPE_ZONEMD, "00000001 01 01" TIMES32("aa"), ERR_FORMAT},
	{DNS_TYPE_ZONEMD, "00000001 01 02" TIMES48("aa") TIMES16("aa"), OK},
	{DNS_TYPE_ZONEMD, "00000001 01 02" TIMES48("aa"), ERR_FORMAT},
	{DNS_TYPE_ZONEMD, "00000001 f0 01" TIMES8("aa") "aaaaaaaa", OK},
	{DNS_TYPE_ZONEMD, "00000001 f0 01" TIMES8("aa") "aaaaaa", ERR_FORMAT}, /* RFC 8976 2.2.4 */
	{DNS_TYPE_SVCB, "0000" NAME_A, OK},
	{DNS_TYPE_SVCB, "0001 00 0001 0003 026832", OK},
	{DNS_TYPE_SVCB, "0001 00 0001 0000", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0001 0001 00", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0001 0003 036832", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0003 0002 0035", OK},
	{DNS_TYPE_SVCB, "0001 00 0003 0003 003500", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0003 0002 00", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0003 0002 0035 0001 0003 026832", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0003 0002 0035 0003 0002 0035", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0000 0002 0003 0003 0002 0035", OK},
	{DNS_TYPE_SVCB, "0001 00 0000 0002 0001 0003 0002 0035", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0000 0002 0000 0003 0002 0035", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0000 0000 0003 0002 0035", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0000 0003 000300 0003 0002 0035", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0000 0004 0003 0003 0003 0002 0035", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0002 0000", ERR_FORMAT}, /* RFC 9460 7.1.1: wants alpn */
	{DNS_TYPE_SVCB, "0001 00 0001 0003 026832 0002 0000", OK},
	{DNS_TYPE_SVCB, "0001 00 0004 0004 c0000201", OK},
	{DNS_TYPE_SVCB, "0001 00 0004 0003 c00002", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0004 0000", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0005 0000", ERR_FORMAT},
	{DNS_TYPE_SVCB, "0001 00 0006 0010" TIMES16("20"), OK},
	{DNS_TYPE_SVCB, "0001 00 0006 0008" TIMES8("20"), ERR_FORMAT},
	{DNS_TYPE_HTTPS, "0001 00 029b 0001 aa", OK},
	{DNS_TYPE_HTTPS, "0001 00 ffff 0001 aa", ERR_FORMAT},
	{DNS_TYPE_LP, "0001" NAME_A, OK},
	{DNS_TYPE_NID, "0001 0011223344556677", OK},
	{DNS_TYPE_L32, "0001 00112233", OK},
	{DNS_TYPE_L64, "0001 00112233445566", ERR_FORMAT},
	{DNS_TYPE_EUI48, "001122334455", OK},
	{DNS_TYPE_EUI48, "0011223344", ERR_FORMAT},
	{DNS_TYPE_EUI64, "0011223344556677", OK},
	{DNS_TYPE_EUI64, "001122334455", ERR_FORMAT},
	{DNS_TYPE_URI, "0001 0002 61", OK},
	{DNS_TYPE_URI, "0001 0002", ERR_FORMAT}, /* RFC 7553 4.4 */
	{DNS_TYPE_AMTRELAY, "0a 00", OK},
	{DNS_TYPE_AMTRELAY, "0a 81 c0000201", OK},
	{DNS_TYPE_AMTRELAY, "0a 03" NAME_A, OK},
	{DNS_TYPE_AMTRELAY, "0a 00 aa", ERR_FORMAT},
	{DNS_TYPE_AMTRELAY, "0a 04 aa", ERR_FORMAT},
	{65280, "", OK},
	{65280, "c00c40", OK},
};

START_TEST(rdata_is_checked_against_its_layout)
{
	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		uint8_t rdata[128];
		const uint16_t size = (uint16_t)hex_read(rdata, sizeof(rdata), checks[i].rdata);
		uint8_t *exact = hex_exact(rdata, size);

		ck_assert_msg(dns_rdata_check(checks[i].type, exact, size) == checks[i].result,
			      "type %u, rdata %s", checks[i].type, checks[i].rdata);
		if (checks[i].result == OK) {
			ck_assert(dns_rdata_equal(checks[i].type, exact, size, exact, size));
			dns_rdata_fold(rdata, checks[i].type, exact, size);
			ck_assert_mem_eq(rdata, exact, size);
		}
		free(exact);
	}
	ck_assert_int_eq(dns_rdata_check(DNS_TYPE_NULL, NULL, 0), OK);
	ck_assert_int_eq(dns_rdata_check(DNS_TYPE_A, NULL, 0), ERR_FORMAT);
	ck_assert(dns_rdata_equal(DNS_TYPE_NULL, NULL, 0, NULL, 0));
	dns_rdata_fold(NULL, DNS_TYPE_NULL, NULL, 0);
}
END_TEST

/* At offset 12 of a message stands the name "a."; the RDATA follows at 15. */
static const struct {
	uint16_t type;
	const char *rdata;
	const char *expanded; /* NULL: ERR_FORMAT */
} expansions[] = {
	{DNS_TYPE_NS, "c00c", NAME_A},
	{DNS_TYPE_PTR, "0162 c00c", "0162" NAME_A},
	{DNS_TYPE_MX, "0001 c00c", "0001" NAME_A},
	{DNS_TYPE_SOA, "0162c00c c00f 0000000100000002000000030000000400000005",
	 "0162" NAME_A "0162" NAME_A "0000000100000002000000030000000400000005"},
	{DNS_TYPE_SRV, "000000010035 c00c", "000000010035" NAME_A},
	{DNS_TYPE_NAPTR, "00010002000000 c00c", "00010002000000" NAME_A},
	{DNS_TYPE_RP, "c00cc00c", NAME_A NAME_A},
	{DNS_TYPE_AFSDB, "0001c00c", "0001" NAME_A},
	{DNS_TYPE_RT, "0001c00c", "0001" NAME_A},
	{DNS_TYPE_PX, "0001c00c c00c", "0001" NAME_A NAME_A},
	{DNS_TYPE_SIG, "0001050000000000000000010000000203e8 c00c ffff",
	 "0001050000000000000000010000000203e8" NAME_A "ffff"},
	{DNS_TYPE_NXT, "c00c4000", NAME_A "4000"},
	{DNS_TYPE_DNAME, "c00c", NULL},
	{DNS_TYPE_KX, "0001c00c", NULL},
	{DNS_TYPE_RRSIG, "0001050000000000000000010000000203e8 c00c ffff", NULL},
	{DNS_TYPE_NSEC, "c00c4000", NULL},
	{DNS_TYPE_SVCB, "0001c00c", NULL},
	{DNS_TYPE_NS, "c00f", NULL},
	{DNS_TYPE_NS, "c00c00", NULL},
	{DNS_TYPE_NS, "c0", NULL},
	{65280, "c00c", "c00c"},
};

START_TEST(names_are_expanded_where_rfc_3597_says_so)
{
	for (size_t i = 0; i < COUNT_OF(expansions); i++) {
		uint8_t wire[128] = {[12] = 1, [13] = 'a'};
		uint8_t expected[128];
		uint8_t got[128];
		const uint16_t size = (uint16_t)hex_read(wire + 15, 100, expansions[i].rdata);
		uint8_t *exact = hex_exact(wire, 15u + size);
		struct buf_reader reader = buf_reader(exact, 15u + size);
		struct buf_writer out = buf_writer(got, sizeof(got));
		int ret;

		buf_read(&reader, 15);
		ret = dns_rdata_read(&reader, expansions[i].type, size, &out);
		if (expansions[i].expanded == NULL) {
			ck_assert_int_eq(ret, ERR_FORMAT);
			ck_assert(reader.failed);
		} else {
			ck_assert_int_eq(ret, (int)hex_read(expected, sizeof(expected),
							    expansions[i].expanded));
			ck_assert_mem_eq(got, expected, (size_t)ret);
			ck_assert_uint_eq(buf_left(&reader), 0);
			/* One octet of room less is one too few. */
			reader = buf_reader(exact, 15u + size);
			buf_read(&reader, 15);
			out = buf_writer(got, (size_t)ret - 1);
			ck_assert_int_eq(dns_rdata_read(&reader, expansions[i].type, size, &out),
					 ERR_SPACE);
		}
		free(exact);
	}
}
END_TEST

START_TEST(rdata_ends_where_its_length_says)
{
	/* The name goes on behind the RDATA; the message does not end there. */
	const uint8_t wire[] = {1, 'a', 1, 'b', 0, 0, 0, 0};
	uint8_t got[64];

	for (uint16_t size = 0; size <= 8; size++) {
		struct buf_reader reader = buf_reader(wire, sizeof(wire));
		struct buf_writer out = buf_writer(got, sizeof(got));

		ck_assert_int_eq(dns_rdata_read(&reader, DNS_TYPE_NS, size, &out),
				 size == 5 ? 5 : ERR_FORMAT);
	}
}
END_TEST

START_TEST(only_names_of_the_older_types_compare_without_case)
{
	static const struct {
		uint16_t type;
		const char *one;
		const char *other;
		bool equal;
	} cases[] = {
		{DNS_TYPE_NS, "0161 00", "0141 00", true},
		{DNS_TYPE_NS, "0161 00", "0162 00", false},
		{DNS_TYPE_SRV, "000041 000035 0161 00", "000041 000035 0141 00", true},
		{DNS_TYPE_SRV, "000041 000035 0161 00", "000061 000035 0161 00", false},
		{DNS_TYPE_DNAME, "0161 00", "0141 00", true},
		{DNS_TYPE_RRSIG, "0001050000000000000000010000000203e8 0161 00 41",
		 "0001050000000000000000010000000203e8 0141 00 41", true},
		{DNS_TYPE_RRSIG, "0001050000000000000000010000000203e8 0161 00 41",
		 "0001050000000000000000010000000203e8 0161 00 61", false},
		{DNS_TYPE_NAPTR, "00010001 0141 0141 00 0161 00", "00010001 0141 0141 00 0141 00",
		 true},
		{DNS_TYPE_NAPTR, "00010001 0141 0141 00 0161 00", "00010001 0161 0141 00 0161 00",
		 false},
		{DNS_TYPE_SVCB, "0001 0161 00", "0001 0141 00", false},
		{DNS_TYPE_NSEC, "0161 00 4000", "0141 00 4000", false},
		{DNS_TYPE_TXT, "0161", "0141", false},
		{DNS_TYPE_MINFO, "0161 00 0162 00", "0141 00 0142 00", true},
		{DNS_TYPE_MINFO, "0161 0162 00 00", "0161 00 0162 00", false},
		{65280, "0161 00", "0141 00", false},
		{DNS_TYPE_NS, "0161 00", "0161 0162 00", false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t one[64];
		uint8_t other[64];
		uint8_t folded[2][64];
		const uint16_t one_size = (uint16_t)hex_read(one, 64, cases[i].one);
		const uint16_t other_size = (uint16_t)hex_read(other, 64, cases[i].other);

		ck_assert(dns_rdata_equal(cases[i].type, one, one_size, other, other_size) ==
			  cases[i].equal);
		dns_rdata_fold(folded[0], cases[i].type, one, one_size);
		dns_rdata_fold(folded[1], cases[i].type, other, other_size);
		ck_assert((one_size == other_size && memcmp(folded[0], folded[1], one_size) == 0) ==
			  cases[i].equal);
	}
}
END_TEST

START_TEST(any_octets_as_rdata_do_no_harm)
{
	struct rand rand;

	rand_init(&rand, 21);
	for (int i = 0; i < 100000; i++) {
		uint8_t wire[64];
		uint8_t got[4096];
		const uint16_t type = (uint16_t)rand_below(&rand, 264);
		const uint16_t size = (uint16_t)rand_below(&rand, 52);
		struct buf_writer out = buf_writer(got, sizeof(got));
		struct buf_reader reader;
		uint8_t *exact;
		int ret;

		for (size_t at = 0; at < sizeof(wire); at++) {
			static const uint8_t likely[] = {0, 1, 2, 5, 0xc0, 12, 13};

			wire[at] = likely[rand_below(&rand, COUNT_OF(likely))];
		}
		exact = hex_exact(wire, 12u + size);
		reader = buf_reader(exact, 12u + size);
		buf_read(&reader, 12);
		ret = dns_rdata_read(&reader, type, size, &out);
		if (ret >= 0) {
			const uint16_t whole = (uint16_t)ret;

			ck_assert_int_eq(dns_rdata_check(type, got, whole), OK);
			ck_assert(dns_rdata_equal(type, got, whole, got, whole));
		}
		dns_rdata_check(type, exact + 12, size);
		free(exact);
	}
}
END_TEST

START_TEST(srv_fields_are_seen)
{
	const uint8_t rdata[] = {0, 1, 0x10, 2, 0xff, 3, 1, 'a', 0};
	const struct dns_srv srv = dns_srv_view(rdata);

	ck_assert_uint_eq(srv.priority, 1);
	ck_assert_uint_eq(srv.weight, 0x1002);
	ck_assert_uint_eq(srv.port, 0xff03);
	ck_assert_ptr_eq(srv.target, rdata + 6);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_row_reads_as_it_is_written,
		mnemonics_are_read_without_case,
		what_is_never_stored_is_known,
		rdata_is_checked_against_its_layout,
		names_are_expanded_where_rfc_3597_says_so,
		rdata_ends_where_its_length_says,
		only_names_of_the_older_types_compare_without_case,
		any_octets_as_rdata_do_no_harm,
		srv_fields_are_seen,
	};

	return run_tests("rrtype", tests, COUNT_OF(tests));
}
