#include "zone/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "dns/types.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/random_rdata.h"
#include "tests/unit/run.h"
#include "tests/unit/zone/zone_text.h"
#include "zone/lines.h"
#include "zone/rdata.h"

static const uint8_t apex[] = "\6static\7example"; /* with the root that ends the string */

#define HEAD "@ 3600 IN SOA ns1 host 7 2 3 4 5\n@ 3600 NS ns1\n" /* two lines */

/* What was read, as text, a line for each record. */
struct seen {
	char text[8192];
	size_t size;
	int stop_at; /* the record that is refused, counted from 1; 0: none */
	int count;
	struct text_error *error;
};

static int see(void *context, const uint8_t *name, uint16_t type, uint32_t ttl,
	       const uint8_t *rdata, uint16_t size)
{
	struct seen *seen = context;
	char owner[DNS_NAME_TEXT_MAX];
	char type_name[16];
	char *text = NULL;

	ck_assert_int_eq(text_rdata(&text, type, rdata, size), OK);
	seen->size += (size_t)snprintf(seen->text + seen->size, sizeof(seen->text) - seen->size,
				       "%s %u %s %s\n", dns_name_to_text(owner, name), ttl,
				       rdata_type_text(type_name, type), text);
	free(text);
	ck_assert_uint_lt(seen->size, sizeof(seen->text));
	seen->count++;
	return seen->count == seen->stop_at ? ERR_CONF : OK;
}

static int count_only(void *context, const uint8_t *name, uint16_t type, uint32_t ttl,
		      const uint8_t *rdata, uint16_t size)
{
	(void)name;
	(void)type;
	(void)ttl;
	(void)rdata;
	(void)size;
	++*(int *)context;
	return OK;
}

static int parse(const char *text, struct seen *seen, struct text_error *error)
{
	*seen = (struct seen){.error = error};
	return text_parse(text, strlen(text), "zone.txt", apex, 0, see, seen, error);
}

struct good {
	const char *text; /* behind HEAD */
	const char *seen;
};

static const struct good goods[] = {
	{"", ""},
	{"a 5 A 192.0.2.1", "a.static.example. 5 A 192.0.2.1\n"}, /* no newline at the end */
	{"a IN 5 A 192.0.2.1\n", "a.static.example. 5 A 192.0.2.1\n"},
	{"a 5 IN A 192.0.2.1\n", "a.static.example. 5 A 192.0.2.1\n"},
	{"a 5 in a 192.0.2.1\r\n", "a.static.example. 5 A 192.0.2.1\n"},
	{"a 1h30m A 192.0.2.1\n", "a.static.example. 5400 A 192.0.2.1\n"},
	{"a 1W2D A 192.0.2.1\n", "a.static.example. 777600 A 192.0.2.1\n"},
	/* The name, and without $TTL the TTL, of the record before. */
	{"a 5 A 192.0.2.1\n  AAAA 2001:DB8::1\n",
	 "a.static.example. 5 A 192.0.2.1\na.static.example. 5 AAAA 2001:db8::1\n"},
	{"$TTL 60\na 5 A 192.0.2.1\nb A 192.0.2.2\n",
	 "a.static.example. 5 A 192.0.2.1\nb.static.example. 60 A 192.0.2.2\n"},
	{"$ORIGIN b.static.example.\na 5 A 192.0.2.1\n$ORIGIN c\na A 192.0.2.1\n@ A 192.0.2.2\n",
	 "a.b.static.example. 5 A 192.0.2.1\n"
	 "a.c.b.static.example. 5 A 192.0.2.1\n"
	 "c.b.static.example. 5 A 192.0.2.2\n"},
	{"\n ; nothing\n\t\na 5 A 192.0.2.1 ; a comment with ( and \"\n;\n",
	 "a.static.example. 5 A 192.0.2.1\n"},
	{"a 5 TXT ( \"one;two\" ; a comment )\n three )\n",
	 "a.static.example. 5 TXT \"one;two\" \"three\"\n"},
	{"a 5 TXT(x)\n", "a.static.example. 5 TXT \"x\"\n"},
	{"a 5 TXT \"\" \\\"q\\\" \"a\\\"b\\\\c\\200\" \"x\"\"y\"\n",
	 "a.static.example. 5 TXT \"\" \"\\\"q\\\"\" \"a\\\"b\\\\c\\200\" \"x\" \"y\"\n"},
	/* RFC 2181 5.2: the first TTL holds; a set has no duplicates. */
	{"a 5 A 192.0.2.1\na 6 A 192.0.2.2\nA 7 A 192.0.2.1\n",
	 "a.static.example. 5 A 192.0.2.1\na.static.example. 5 A 192.0.2.2\n"},
	{"a 5 PTR B\na 5 PTR b\n", "a.static.example. 5 PTR B.static.example.\n"},
	{"My\\032Printer\\.2 5 TXT x\n", "My\\032Printer\\.2.static.example. 5 TXT \"x\"\n"},
	{"a 5 PTR dot\\.quote\\\"at\\@.b\n",
	 "a.static.example. 5 PTR dot\\.quote\\\"at\\@.b.static.example.\n"},
	{"a 5 MX 10 @\nb 5 MX 1 other.example.\n",
	 "a.static.example. 5 MX 10 static.example.\nb.static.example. 5 MX 1 other.example.\n"},
	{"_http._tcp 5 SRV 0 65535 80 a\n",
	 "_http._tcp.static.example. 5 SRV 0 65535 80 a.static.example.\n"},
	/* RFC 3597 5 */
	{"a 5 TYPE65280 \\# 4 0A0b 0c0D\n", "a.static.example. 5 TYPE65280 \\# 4 0a0b0c0d\n"},
	{"a 5 TYPE65280 \\# 0\n", "a.static.example. 5 TYPE65280 \\# 0\n"},
	{"a 5 TYPE1 \\# 4 c0000201\n", "a.static.example. 5 A 192.0.2.1\n"},
	{"a 5 KEY 512 3 13 AAECAwQ=\na 5 CNAME b\n",
	 "a.static.example. 5 KEY 512 3 13 AAECAwQ=\n"
	 "a.static.example. 5 CNAME b.static.example.\n"},
	{"a 5 HTTPS 1 . alpn=h2\n", "a.static.example. 5 HTTPS 1 . alpn=h2\n"},
	/* RFC 9460 2.1, A.1: quotes, any order, numbers for names, a comma within a value. */
	{"a 5 SVCB 1 b port=53 alpn=\"h2,h3\" no-default-alpn\n",
	 "a.static.example. 5 SVCB 1 b.static.example. alpn=h2,h3 no-default-alpn port=53\n"},
	{"a 5 SVCB 1 b mandatory=port,alpn alpn=h2 port=53 key667=hello\n",
	 "a.static.example. 5 SVCB 1 b.static.example. mandatory=alpn,port alpn=h2 port=53 "
	 "key667=hello\n"},
	{"a 5 SVCB 16 b alpn=\"f\\\\\\\\oo\\\\,bar,h2\"\n",
	 "a.static.example. 5 SVCB 16 b.static.example. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"\n"},
	{"a 5 SVCB 16 b alpn=f\\\\\\092oo\\092,bar,h2\n",
	 "a.static.example. 5 SVCB 16 b.static.example. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"\n"},
	{"a 5 SVCB 1 b key65280=\"a b\" ipv6hint=2001:DB8::1 key1=\\002h2 ech=AAEC\n",
	 "a.static.example. 5 SVCB 1 b.static.example. alpn=h2 ech=AAEC ipv6hint=2001:db8::1 "
	 "key65280=\"a b\"\n"},
	{"a 5 HTTPS 0 other.example.\n", "a.static.example. 5 HTTPS 0 other.example.\n"},
	{"a 5 HTTPS 1 . dohpath=/q{?dns}\n",
	 "a.static.example. 5 HTTPS 1 . dohpath=\"/q{?dns}\"\n"},
	{"a 5 CSYNC 4294967295 3 WALLET type65280 A\n",
	 "a.static.example. 5 CSYNC 4294967295 3 A WALLET TYPE65280\n"},
	/* RFC 8777 4.3 */
	{"a 5 AMTRELAY 10 0 0 .\n", "a.static.example. 5 AMTRELAY 10 0 0 .\n"},
	{"a 5 AMTRELAY 0 1 1 192.0.2.1\n", "a.static.example. 5 AMTRELAY 0 1 1 192.0.2.1\n"},
	{"a 5 AMTRELAY 255 0 2 2001:DB8::1\n",
	 "a.static.example. 5 AMTRELAY 255 0 2 2001:db8::1\n"},
	{"a 5 AMTRELAY 10 1 3 b\n", "a.static.example. 5 AMTRELAY 10 1 3 b.static.example.\n"},
	{"a 5 AMTRELAY \\# 3 0a8300\n", "a.static.example. 5 AMTRELAY 10 1 3 .\n"},
	{"a 5 CSYNC 1 0\n", "a.static.example. 5 CSYNC 1 0\n"},
	{"a 5 IPSECKEY 10 1 2 192.0.2.1 AAEC AwQF\n",
	 "a.static.example. 5 IPSECKEY 10 1 2 192.0.2.1 AAECAwQF\n"},
	/* RFC 2535 7.1 */
	{"a 5 KEY 512 3 RSASHA256 AAEC\n", "a.static.example. 5 KEY 512 3 8 AAEC\n"},
	{"a 5 CAA 128 tbs \"\"\n", "a.static.example. 5 CAA 128 tbs \"\"\n"},
	{"a 5 CAA 0 issue ca.example\n", "a.static.example. 5 CAA 0 issue \"ca.example\"\n"},
	{"a 5 CAA 0 issue \"ca.example\"\n", "a.static.example. 5 CAA 0 issue \"ca.example\"\n"},
	{"a 5 NAPTR 1 2 \"u\" \"E2U\" \"!^.*$!x!\" .\n",
	 "a.static.example. 5 NAPTR 1 2 \"u\" \"E2U\" \"!^.*$!x!\" .\n"},
	{"* 5 TXT x\n", "*.static.example. 5 TXT \"x\"\n"},
};

START_TEST(good_files_give_their_records_in_order)
{
	static const char head[] = "static.example. 3600 SOA ns1.static.example. "
				   "host.static.example. 7 2 3 4 5\n"
				   "static.example. 3600 NS ns1.static.example.\n";

	for (size_t i = 0; i < COUNT_OF(goods); i++) {
		struct text_error error;
		struct seen seen;
		char text[1024];
		char expected[2048];

		snprintf(text, sizeof(text), HEAD "%s", goods[i].text);
		snprintf(expected, sizeof(expected), "%s%s", head, goods[i].seen);
		ck_assert_msg(parse(text, &seen, &error) == OK, "%s: %s", text, error.text);
		ck_assert_str_eq(seen.text, expected);
	}
}
END_TEST

struct bad {
	const char *text; /* behind HEAD, so its first line is 3 */
	const char *error;
};

static const struct bad bads[] = {
	{"$INCLUDE other.zone\n", "3: $INCLUDE works in files only"},
	{"\n$GENERATE 1-2 a$ A 192.0.2.$\n", "4: $GENERATE is not read: write its records out"},
	{"$FOO\n", "3: unknown directive $FOO"},
	{"$ORIGIN\n", "3: $ORIGIN wants one name"},
	{"$ORIGIN a b\n", "3: $ORIGIN wants one name"},
	{"$ORIGIN a..b\n", "3: \"a..b\" is not a name"},
	{"$TTL\n", "3: $TTL wants one time, such as 3600 or 1h"},
	{"$TTL soon\n", "3: \"soon\" is not a time, such as 3600 or 1h"},
	{"$TTL 1h2\n", "3: \"1h2\" is not a time, such as 3600 or 1h"},
	{"$TTL 2147483648\n", "3: TTL 2147483648 is over 2147483647 seconds"},
	{"a 99999999999 A 192.0.2.1\n", "3: TTL 99999999999 is over 2147483647 seconds"},
	{"a 9999w A 192.0.2.1\n", "3: TTL 9999w is over 2147483647 seconds"},
	{"a 5 A 192.0.2.1 192.0.2.2\n", "3: this is no A record: \"192.0.2.1 192.0.2.2\""},
	{"a 5 A 192.0.2\n", "3: this is no A record: \"192.0.2\""},
	{"a 5 AAAA 192.0.2.1\n", "3: this is no AAAA record: \"192.0.2.1\""},
	{"a 5 A\n", "3: A without data"},
	{"a 5 IN\n", "3: a record without a type"},
	{"a\n", "3: a record without a type"},
	{"a 5 in in a 192.0.2.1\n", "3: unknown type \"in\""},
	{"a 5 BOGUS x\n", "3: unknown type \"BOGUS\""},
	{"a 5 TYPE0 \\# 0\n", "3: unknown type \"TYPE0\""},
	{"a 5 TYPE65536 \\# 0\n", "3: unknown type \"TYPE65536\""},
	{"a 5 \"A\" 192.0.2.1\n", "3: unknown type \"A\""},
	{"a 5 ANY x\n", "3: ANY is not a type of data"},
	{"a 5 TYPE250 \\# 0\n", "3: TYPE250 is not a type of data"},
	{"a 5 OPT x\n", "3: OPT is not a type of data"},
	{"a 5 CH TXT x\n", "3: class CH: only IN is served"},
	{"a CLASS3 5 TXT x\n", "3: class CLASS3: only IN is served"},
	{"a 5 RRSIG x\n", "3: RRSIG: signed zones are not served; let a secondary sign, see SIGNED "
			  "ZONES in waggled.conf(5)"},
	{"a 5 TYPE47 \\# 0\n", "3: TYPE47: signed zones are not served; "
			       "let a secondary sign, see SIGNED ZONES in waggled.conf(5)"},
	{"a 5 NSEC3 x\n", "3: NSEC3: signed zones are not served; let a secondary sign, see SIGNED "
			  "ZONES in waggled.conf(5)"},
	{"@ 5 NSEC3PARAM 1 0 0 -\n", "3: NSEC3PARAM: signed zones are not served; "
				     "let a secondary sign, see SIGNED ZONES in waggled.conf(5)"},
	{"@ 5 DNSKEY x\n", "3: DNSKEY: signed zones are not served; "
			   "let a secondary sign, see SIGNED ZONES in waggled.conf(5)"},
	{"a 5 NXT x\n", "3: NXT is obsolete and not stored"},
	{"a.example. 5 A 192.0.2.1\n", "3: a.example. is not in the zone static.example."},
	{"a 5 SOA b c 1 2 3 4 5\n", "3: a SOA below the apex, at a.static.example."},
	{"@ 5 SOA b c 1 2 3 4 5\n", "3: a second SOA; the first is in line 1"},
	{"a 5 CNAME b\n\na 5 A 192.0.2.1\n",
	 "5: a CNAME beside other records at a.static.example., see line 3"},
	{"a 5 A 192.0.2.1\nA 5 CNAME b\n",
	 "4: a CNAME beside other records at A.static.example., see line 3"},
	{"@ 5 CNAME b\n", "3: a CNAME beside other records at static.example., see line 1"},
	{"a 5 CNAME b\na 5 CNAME c\n", "4: a second CNAME at this name; the first is in line 3"},
	{"a 5 DNAME b\na 5 DNAME c\n", "4: a second DNAME at this name; the first is in line 3"},
	{"* 5 NS ns1\n", "3: NS at a wildcard"},
	{"*.a 5 DNAME b\n", "3: DNAME at a wildcard"},
	{"a 5 DNAME b\nx.a 5 A 192.0.2.1\n", "4: x.a.static.example. is below the DNAME in line 3"},
	{"y.x.a 5 A 192.0.2.1\nA 5 DNAME b\n",
	 "3: y.x.a.static.example. is below the DNAME in line 4"},
	{"a 5 SRV 0 0 99999 b\n", "3: \"99999\" is not a number in its range"},
	{"a 5 SRV 0 -1 80 b\n", "3: \"-1\" is not a number in its range"},
	{"a 5 SRV 0 0 80x b\n", "3: this is no SRV record: \"0 0 80x b\""},
	{"a 5 SRV 0 0 80\n", "3: this is no SRV record: \"0 0 80\""},
	{"a 5 PTR a..b\n", "3: this is no PTR record: \"a..b\""},
	{"a 5 CERT PKIX 0 256 AAEC\n", "3: \"256\" is not a number in its range"},
	{"a 5 SIG A 264 3 300 20300101000000 20200101000000 1 b AAEC\n",
	 "3: \"264\" is not a number in its range"},
	{"a 5 SIG A 8 3 300 20300101000000 20200101000000 65537 b AAEC\n",
	 "3: \"65537\" is not a number in its range"},
	{"a 5 IPSECKEY 10 1 258 192.0.2.1 AAEC\n", "3: \"258\" is not a number in its range"},
	{"a 5 TLSA 259 1 0 0011\n", "3: \"259\" is not a number in its range"},
	{"a 5 APL 1:10.0.0.0/264\n", "3: \"1:10.0.0.0/264\" is not an address prefix"},
	{"a 5 APL 1:10.0.0.0/8 !65537:10.0.0.0/8\n",
	 "3: \"!65537:10.0.0.0/8\" is not an address prefix"},
	{"a 5 PTR \"b\"\n", "3: \"b\" is not a name"},
	{"\"a\" 5 A 192.0.2.1\n", "3: \"a\" is not a name"},
	{"a\\999 5 A 192.0.2.1\n", "3: \"a\\999\" is not a name"},
	{"a 5 TXT \"open\n\"\n", "3: a quote that is not closed"},
	{"a 5 TXT \"open", "3: a quote that is not closed"},
	{"a 5 TXT a\"b\"\n", "3: a quote within a word: write \\\""},
	{"a 5 TXT a=\"b c\"\n", "3: a quote within a word: write \\\""},
	{"a=\"b\" 5 TXT c\n", "3: \"a=\"b\"\" is not a name"},
	{"a 5 SVCB 1 . port=53 port=54\n", "3: a parameter twice: key3"},
	{"a 5 SVCB 1 . port=99999\n", "3: \"99999\" is not a number in its range"},
	{"a 5 SVCB 1 . port\n", "3: \"\" is not a number"},
	{"a 5 SVCB 1 . colour=red\n",
	 "3: \"colour=red\" is not a parameter, such as alpn=h2 or key667=x"},
	{"a 5 SVCB 1 . key065=x\n",
	 "3: \"key065=x\" is not a parameter, such as alpn=h2 or key667=x"},
	{"a 5 SVCB 1 . ipv4hint=192.0.2\n", "3: ipv4hint: \"192.0.2\" is not an address"},
	{"a 5 SVCB 1 . mandatory=alpn\n", "3: this is no valid SVCB record"},
	{"a 5 SVCB 1 . no-default-alpn\n", "3: this is no valid SVCB record"},
	{"a 5 SVCB 1 . alpn=h2,,h3\n", "3: alpn: a protocol has 1 to 255 octets"},
	{"a 5 SVCB 1\n", "3: fields are missing"},
	{"a 5 SVCB x .\n", "3: \"x\" is not a number"},
	{"a 5 CAA 0 is-sue x\n", "3: this is no valid CAA record"},
	{"a 5 CAA 0 issue x y\n", "3: \"y\" is not part of this record"},
	{"a 5 CAA 256 issue x\n", "3: \"256\" is not a number in its range"},
	{"a 5 TYPE65280 0\n", "3: TYPE65280 is read as \\# LENGTH HEX only (RFC 3597 section 5)"},
	{"a 5 AMTRELAY 10 0 1\n", "3: fields are missing"},
	{"a 5 AMTRELAY 256 0 0 .\n", "3: \"256\" is not a number in its range"},
	{"a 5 AMTRELAY 10 2 0 .\n", "3: \"2\" is not 0 or 1"},
	{"a 5 AMTRELAY 10 0 4 .\n", "3: \"4\" is not a kind of relay: 0 to 3"},
	{"a 5 AMTRELAY 10 0 0 192.0.2.1\n", "3: \"192.0.2.1\" is not \".\": kind 0 is no relay"},
	{"a 5 AMTRELAY 10 0 1 2001:db8::1\n", "3: \"2001:db8::1\" is not an IPv4 address"},
	{"a 5 AMTRELAY 10 0 2 192.0.2.1\n", "3: \"192.0.2.1\" is not an IPv6 address"},
	{"a 5 AMTRELAY 10 0 3 b..c\n", "3: \"b..c\" is not a name"},
	{"a 5 AMTRELAY 10 0 3 b c\n", "3: \"c\" is not part of this record"},
	{"a 5 CSYNC 1 3 A NOTATYPE\n", "3: \"NOTATYPE\" is not a type"},
	{"a 5 CSYNC 1 3 TYPE0\n", "3: \"TYPE0\" is not a type"},
	{"a 5 CSYNC 4294967296 3 A\n", "3: \"4294967296\" is not a number in its range"},
	{"a 5 DS 1 8 2 0000\n", "3: this is no valid DS record"},
	{"a 5 TXT ( b\nc 5 TXT d\n", "3: a parenthesis that is not closed"},
	{"a 5 TXT b )\n", "3: a closing parenthesis without an opening one"},
	{"a 5 TXT b\\\n", "3: a backslash at the end of the line"},
	{"a 5 TYPE65280 \\#\n", "3: \\# wants a length, at most 65535, and hexadecimal digits"},
	{"a 5 TYPE65280 \\# 70000 00\n",
	 "3: \\# wants a length, at most 65535, and hexadecimal digits"},
	{"a 5 TYPE65280 \\# 2 00\n", "3: \\# 2 wants 4 hexadecimal digits"},
	{"a 5 TYPE65280 \\# 2 000000\n", "3: \\# 2 wants 4 hexadecimal digits"},
	{"a 5 TYPE65280 \\# 2 00g0\n", "3: \\# 2 wants 4 hexadecimal digits"},
	{"a 5 A \\# 5 0102030405\n", "3: this is no valid A record"},
	{"a 5 TXT \\# 0\n", "3: this is no valid TXT record"},
};

START_TEST(bad_files_are_refused_with_their_line_and_give_nothing)
{
	for (size_t i = 0; i < COUNT_OF(bads); i++) {
		struct text_error error;
		struct seen seen;
		char text[1024];
		char expected[512];

		snprintf(text, sizeof(text), HEAD "%s", bads[i].text);
		snprintf(expected, sizeof(expected), "zone.txt:%s", bads[i].error);
		ck_assert_msg(parse(text, &seen, &error) == ERR_CONF, "taken: %s", text);
		ck_assert_str_eq(error.text, expected);
		ck_assert_int_eq(seen.count, 0);
	}
}
END_TEST

/* Files that are bad as a whole. */
static const struct bad bad_wholes[] = {
	{"", "1: the file ends without a SOA at static.example."},
	{"@ 5 NS ns1\n", "2: the file ends without a SOA at static.example."},
	{"@ 5 SOA a b 1 2 3 4 5\n", "2: the file ends without NS at static.example."},
	{"@ 5 SOA a b 1 2 3 4 5\na NS b\n", "3: the file ends without NS at static.example."},
	{" 5 SOA a b 1 2 3 4 5\n", "1: the first record begins with a blank, so it has no name"},
	{"a A 192.0.2.1\n", "1: no TTL: give one here, or $TTL at the top of the file"},
	{"@ 5 SOA a b 4294967296 2 3 4 5\n", "1: \"4294967296\" is not a number in its range"},
	{"@ 5 SOA a b 1 9999999w 3 4 5\n", "1: \"9999999w\" is not a number in its range"},
};

START_TEST(a_file_has_a_soa_and_ns_and_begins_with_a_name)
{
	for (size_t i = 0; i < COUNT_OF(bad_wholes); i++) {
		struct text_error error;
		struct seen seen;
		char expected[512];

		snprintf(expected, sizeof(expected), "zone.txt:%s", bad_wholes[i].error);
		ck_assert_int_eq(parse(bad_wholes[i].text, &seen, &error), ERR_CONF);
		ck_assert_str_eq(error.text, expected);
		ck_assert_int_eq(seen.count, 0);
	}
}
END_TEST

START_TEST(a_base_needs_neither_soa_nor_ns)
{
	static const char text[] = "$TTL 5\nwww A 192.0.2.1\n";
	struct text_error error;
	int count = 0;

	ck_assert_int_eq(text_parse(text, strlen(text), "b", apex, 1, count_only, &count, &error),
			 OK);
	ck_assert_int_eq(text_parse("", 0, "b", apex, 1, count_only, &count, &error), OK);
	ck_assert_int_eq(count, 1);
}
END_TEST

START_TEST(a_soa_without_ttl_takes_its_minimum)
{
	struct text_error error;
	struct seen seen;

	ck_assert_int_eq(parse("@ SOA a b 1 2 3 4 77\n NS a\n", &seen, &error), OK);
	ck_assert_str_eq(seen.text, "static.example. 77 SOA a.static.example. b.static.example. "
				    "1 2 3 4 77\nstatic.example. 77 NS a.static.example.\n");
}
END_TEST

START_TEST(nul_octets_and_endless_records_are_refused)
{
	static const char nul[] = HEAD "a 5 TXT \"x\0y\"\n";
	static const char nul_escaped[] = HEAD "a 5 TXT x\\\0\n";
	static char endless[200000];
	struct text_error error;
	struct seen seen = {.count = 0};

	ck_assert_int_eq(text_parse(nul, sizeof(nul) - 1, "zone.txt", apex, 0, see, &seen, &error),
			 ERR_CONF);
	ck_assert_str_eq(error.text, "zone.txt:3: a NUL octet");
	ck_assert_int_eq(text_parse(nul_escaped, sizeof(nul_escaped) - 1, "zone.txt", apex, 0, see,
				    &seen, &error),
			 ERR_CONF);
	ck_assert_str_eq(error.text, "zone.txt:3: a NUL octet");
	memset(endless, 'x', sizeof(endless));
	ck_assert_int_eq(
		text_parse(endless, sizeof(endless), "zone.txt", apex, 0, see, &seen, &error),
		ERR_CONF);
	ck_assert_str_eq(error.text, "zone.txt:1: a record of over 65000 characters");
}
END_TEST

START_TEST(long_texts_and_names_are_measured)
{
	char text[2048];
	char name[300];
	char string[300];
	struct text_error error;
	struct seen seen;

	memset(string, 's', sizeof(string));
	snprintf(text, sizeof(text), HEAD "a 5 TXT %.255s\n", string);
	ck_assert_int_eq(parse(text, &seen, &error), OK);
	snprintf(text, sizeof(text), HEAD "a 5 TXT %.256s\n", string);
	ck_assert_int_eq(parse(text, &seen, &error), ERR_CONF);
	/* 24 labels of 10 octets: relative to the apex, 16 more, it is one too long. */
	name[0] = '\0';
	for (int i = 0; i < 24; i++) {
		strcat(name, "abcdefghi.");
	}
	name[239] = '\0';
	snprintf(text, sizeof(text), HEAD "a 5 PTR %s\n", name);
	ck_assert_int_eq(parse(text, &seen, &error), ERR_CONF);
	ck_assert_ptr_nonnull(
		strstr(error.text, "is too long for a name (63 octets a label, 255 in all)"));
	snprintf(text, sizeof(text), HEAD "a 5 PTR %s\n", name + 1);
	ck_assert_int_eq(parse(text, &seen, &error), OK);
	snprintf(text, sizeof(text), HEAD "%s 5 A 192.0.2.1\n", name);
	ck_assert_int_eq(parse(text, &seen, &error), ERR_CONF);
	ck_assert_ptr_nonnull(
		strstr(error.text, "is too long for a name (63 octets a label, 255 in all)"));
}
END_TEST

static const uint8_t *some_name(void *context, struct rand *rand)
{
	static const char *const names[] = {
		"\1A\2bc\7example",
		"",
		"\3a.b\2\0\377\5\"\\();",
		"\1*\4_tcp\6static\7example",
		"\077012345678901234567890123456789012345678901234567890123456789012"
		"\077012345678901234567890123456789012345678901234567890123456789012"
		"\077012345678901234567890123456789012345678901234567890123456789012"
		"\0750123456789012345678901234567890123456789012345678901234567890",
	};

	(void)context;
	return (const uint8_t *)names[rand_below(rand, COUNT_OF(names))];
}

/* The types for which RFC 3597 has to do, wholly or where ldns fails. */
static bool may_be_generic(uint16_t type)
{
	static const uint16_t types[] = {
		DNS_TYPE_NULL, DNS_TYPE_WKS,   DNS_TYPE_NXT,      DNS_TYPE_RKEY, DNS_TYPE_RRSIG,
		DNS_TYPE_SIG,  DNS_TYPE_NSEC3, DNS_TYPE_IPSECKEY, DNS_TYPE_DOA,
	};

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (types[i] == type) {
			return true;
		}
	}
	return dns_rrtype(type)->name[0] == '\0';
}

static void check_text_of(uint16_t type, const uint8_t *rdata, size_t size)
{
	static const uint8_t root[] = {0};
	static struct rdata again;
	char why[RDATA_WHY_MAX] = "";
	char *text = NULL;

	ck_assert_int_eq(text_rdata(&text, type, rdata, (uint16_t)size), OK);
	/* As a line of a file: what is not quoted must survive being read in words. */
	ck_assert_msg(rdata_from_text(&again, type, text, root, why) == OK, "type %u: %s: %s", type,
		      text, why);
	ck_assert_msg(again.size == size && memcmp(again.data, rdata, size) == 0, "type %u: %s",
		      type, text);
	ck_assert_msg(size == 0 || may_be_generic(type) || strncmp(text, "\\#", 2) != 0,
		      "type %u: %s", type, text);
	free(text);
}

/* More could not be counted where they are kept. */
START_TEST(a_set_has_sixty_thousand_records_at_most)
{
	enum { MOST = 60000 };
	struct text_error error = {{0}};
	char *text = NULL;
	size_t size = 0;
	int count = 0;
	FILE *stream = open_memstream(&text, &size);

	fputs(HEAD "a 5 AAAA 2001:db8::1\n", stream);
	for (unsigned i = 0; i <= MOST; i++) {
		if (i == MOST) {
			fflush(stream);
			ck_assert_int_eq(text_parse(text, size, "zone.txt", apex, 0, count_only,
						    &count, &error),
					 OK);
			ck_assert_int_eq(count, MOST + 3);
		}
		fprintf(stream, "A 5 A 10.0.%u.%u\n", i / 256, i % 256);
	}
	fclose(stream);
	ck_assert_int_eq(text_parse(text, size, "zone.txt", apex, 0, count_only, &count, &error),
			 ERR_CONF);
	ck_assert_str_eq(error.text, "zone.txt:60004: more than 60000 records of type A at "
				     "A.static.example.");
	free(text);
}
END_TEST

START_TEST(every_type_reads_as_it_is_written)
{
	struct rand rand;
	static uint8_t rdata[65536];

	rand_init(&rand, 22);
	for (uint16_t type = 1; type < 300; type++) {
		const bool is_known = dns_rrtype(type)->name[0] != '\0';

		if (dns_rrtype_is_meta(type)) {
			continue;
		}
		for (int i = 0; i < (is_known ? 50 : 1); i++) {
			const size_t size =
				random_rdata(&rand, type, rdata, sizeof(rdata), some_name, NULL);

			check_text_of(type, rdata, size);
		}
	}
}
END_TEST

static int refuse_third(void *context, const uint8_t *name, uint16_t type, uint32_t ttl,
			const uint8_t *rdata, uint16_t size)
{
	struct seen *seen = context;

	seen->stop_at = 3;
	if (seen->count == 2) {
		strcpy(seen->error->text, "not here");
	}
	return see(context, name, type, ttl, rdata, size);
}

START_TEST(the_callers_refusal_is_given_the_place)
{
	static const char text[] = HEAD "\na 5 A 192.0.2.1\nb 5 A 192.0.2.1\n";
	struct text_error error;
	struct seen seen = {.stop_at = 3, .error = &error};

	ck_assert_int_eq(text_parse(text, strlen(text), "f", apex, 0, see, &seen, &error),
			 ERR_CONF);
	ck_assert_str_eq(error.text, "f:4: configuration refused");
	ck_assert_int_eq(seen.count, 3);
	seen = (struct seen){.error = &error};
	ck_assert_int_eq(text_parse(text, strlen(text), "f", apex, 0, refuse_third, &seen, &error),
			 ERR_CONF);
	ck_assert_str_eq(error.text, "f:4: not here");
}
END_TEST

START_TEST(files_are_read_and_missing_ones_named)
{
	char path[] = "/tmp/waggle-text-XXXXXX";
	struct text_error error;
	int count = 0;
	const struct text_sink sink = {.record = count_only, .context = &count};
	FILE *file = fdopen(mkstemp(path), "w");

	fputs(HEAD, file);
	for (int i = 0; i < 5000; i++) {
		fprintf(file, "a%d 5 TXT \"more than one block of the file\"\n", i);
	}
	fclose(file);
	ck_assert_int_eq(text_load(path, apex, 0, &sink, &error), OK);
	ck_assert_int_eq(count, 5002);
	unlink(path);
	ck_assert_int_eq(text_load("/nowhere/zone", apex, 0, &sink, &error), ERR_IO);
	ck_assert_str_eq(error.text, "/nowhere/zone: No such file or directory");
	ck_assert_int_eq(text_load("/tmp", apex, 0, &sink, &error), ERR_IO);
	ck_assert_str_eq(error.text, "/tmp: Is a directory");
}
END_TEST

START_TEST(a_long_path_leaves_room_for_the_reason)
{
	struct text_error error;
	char path[600];
	int count = 0;

	memset(path, 'p', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(text_parse("$X\n", 3, path, apex, 0, count_only, &count, &error),
			 ERR_CONF);
	ck_assert_ptr_nonnull(strstr(error.text, ":1: unknown directive $X"));
}
END_TEST

START_TEST(any_failed_allocation_is_reported)
{
	static const char text[] = HEAD "a 5 A 192.0.2.1\nb 5 TXT x\n";

	for (unsigned n = 0;; n++) {
		struct text_error error;
		int count = 0;
		int ret;

		fail_alloc_after(n);
		ret = text_parse(text, strlen(text), "f", apex, 0, count_only, &count, &error);
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			ck_assert_int_eq(count, 4);
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
		ck_assert_int_eq(count, 0);
	}
}
END_TEST

START_TEST(invalid_rdata_has_no_text)
{
	char *text = NULL;

	ck_assert_int_eq(text_rdata(&text, DNS_TYPE_A, (const uint8_t *)"abc", 3), ERR_FORMAT);
	ck_assert_ptr_null(text);
	ck_assert_int_eq(text_rdata(&text, 65280, NULL, 0), OK);
	ck_assert_str_eq(text, "\\# 0");
	free(text);
}
END_TEST

static int put_one(void *context, const uint8_t *name, uint16_t type, uint32_t ttl,
		   const uint8_t *rdata, uint16_t size)
{
	struct root_writer *writer = context;
	const struct record record = {.type = type, .ttl = ttl, .rdata = rdata, .size = size};
	const struct content content = {.name = name, .records = &record, .count = 1};

	if (type == DNS_TYPE_SOA) {
		struct zone_soa soa = {.ttl = ttl,
				       .serial = 7,
				       .refresh = 2,
				       .retry = 3,
				       .expire = 4,
				       .minimum = 5};

		dns_name_from_text(soa.mname, "ns1", apex);
		dns_name_from_text(soa.rname, "host", apex);
		return zone_set_soa(writer, apex, &soa);
	}
	return zone_put(writer, apex, &content);
}

START_TEST(a_zone_is_written_sorted_behind_its_soa)
{
	static const char text[] = HEAD "b 5 A 192.0.2.2\nz 5 TXT \" IN SOA \"\na 6 A 192.0.2.1\n";
	struct root *first;
	struct root *root;
	struct root_writer *writer;
	struct garbage *garbage;
	struct text_error error;
	char *out;

	ck_assert_int_eq(root_new(&first), OK);
	ck_assert_int_eq(root_begin(&writer, first), OK);
	ck_assert_int_eq(zone_open(writer, apex, NULL, NULL), OK);
	ck_assert_int_eq(text_parse(text, strlen(text), "f", apex, 0, put_one, writer, &error), OK);
	ck_assert_int_eq(zone_set_served(writer, apex, true), OK);
	ck_assert_int_eq(root_commit(writer, 1, &root, &garbage), OK);
	garbage_free(garbage);
	ck_assert_int_eq(text_zone(&out, root_zone(root, apex)), OK);
	ck_assert_str_eq(out, "static.example. 3600 IN SOA ns1.static.example. "
			      "host.static.example. 7 2 3 4 5\n"
			      "a.static.example. 6 IN A 192.0.2.1\n"
			      "b.static.example. 5 IN A 192.0.2.2\n"
			      "static.example. 3600 IN NS ns1.static.example.\n"
			      "z.static.example. 5 IN TXT \" IN SOA \"\n");
	free(out);
	root_free(root);
}
END_TEST

/* What did not come by lines_next(): the text may end behind a backslash. */
START_TEST(no_word_goes_beyond_its_text)
{
	static const char *const texts[] = {"a\\", "\\", "\"a\\", "a=\"b\\"};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char *text = strdup(texts[i]);
		const char *at = text;
		struct word word;

		while (lines_word(&at, &word)) {
			ck_assert(word.text + word.size <= text + strlen(text));
			ck_assert(at <= text + strlen(text));
		}
		free(text);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		no_word_goes_beyond_its_text,
		good_files_give_their_records_in_order,
		bad_files_are_refused_with_their_line_and_give_nothing,
		a_file_has_a_soa_and_ns_and_begins_with_a_name,
		a_base_needs_neither_soa_nor_ns,
		a_soa_without_ttl_takes_its_minimum,
		nul_octets_and_endless_records_are_refused,
		long_texts_and_names_are_measured,
		a_set_has_sixty_thousand_records_at_most,
		every_type_reads_as_it_is_written,
		the_callers_refusal_is_given_the_place,
		files_are_read_and_missing_ones_named,
		a_long_path_leaves_room_for_the_reason,
		any_failed_allocation_is_reported,
		invalid_rdata_has_no_text,
		a_zone_is_written_sorted_behind_its_soa,
	};

	return run_tests("text", tests, COUNT_OF(tests));
}
