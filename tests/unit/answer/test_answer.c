/*
 * Answers from static zones: RFC 1034 with all that came after it.
 */
#include "tests/unit/answer/asking.h"

/* ---- the zones --------------------------------------------------------------------------- */

#define LABEL56 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LABEL63 LABEL56 "bbbbbbb"

static const char test_zone[] =
	"$ORIGIN test.\n"
	"$TTL 300\n"
	"@ SOA ns admin 7 3600 600 86400 60\n"
	"@ NS ns\n"
	"@ NS ns.elsewhere.example.\n"
	"@ MX 10 mail\n"
	"ns A 192.0.2.1\n"
	"ns AAAA 2001:db8::1\n"
	"mail A 192.0.2.2\n"
	"mail A 192.0.2.3\n"
	"Case A 192.0.2.4\n"
	"txt 100 TXT \"t\"\n"
	"deep.empty.node A 192.0.2.5\n"
	"strange TYPE65280 \\# 3 616263\n"
	/* aliases */
	"alias CNAME ns\n"
	"alias2 CNAME alias\n"
	"away CNAME www.example.org.\n"
	"dead CNAME missing\n"
	"nodata CNAME txt\n"
	"loop1 CNAME loop2\n"
	"loop2 CNAME loop1\n"
	"self CNAME self\n"
	"tochild CNAME www.child\n"
	"tosub CNAME www.sub\n"
	/* wildcards (RFC 4592) */
	"*.wild TXT \"w\"\n"
	"*.wild MX 10 mail\n"
	"a.b.wild A 192.0.2.6\n"
	"*.wildalias CNAME ns\n"
	"*.wildhost A 192.0.2.7\n"
	/* delegations */
	"sub NS ns.sub\n"
	"sub NS ns.elsewhere.example.\n"
	"sub DS 1 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
	"ns.sub A 192.0.2.53\n"
	"ns.sub AAAA 2001:db8::53\n"
	"hidden.sub TXT \"occluded\"\n"
	"sub2 NS ns\n"
	"child NS ns.child\n"
	"child DS 2 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
	"ns.child A 192.0.2.54\n"
	/* DNAME (RFC 6672) */
	"d DNAME target\n"
	"d TXT \"itself\"\n"
	"x.target A 192.0.2.8\n"
	"dloop1 DNAME dloop2\n"
	"dloop2 DNAME dloop1\n"
	"grows DNAME g.grows\n"
	/* services */
	"srv SRV 0 0 80 ns\n"
	"srv SRV 1 0 81 mail\n"
	"srv SRV 2 0 82 ns\n"
	"noservice SRV 0 0 0 .\n"
	"wildsrv SRV 0 0 1 x.wildhost\n"
	"wildsrv SRV 0 0 1 y.wildhost\n"
	"tosubhost SRV 0 0 1 ns.sub\n"
	"toalias SRV 0 0 1 alias\n"
	"tochildhost SRV 0 0 1 www.child\n"
	"_http._tcp PTR one._http._tcp\n"
	"_http._tcp PTR two._http._tcp\n"
	"one._http._tcp SRV 0 0 1 ns\n"
	"one._http._tcp TXT \"one\"\n"
	"two._http._tcp SRV 0 0 2 ns\n"
	"_services._dns-sd._udp PTR _http._tcp\n"
	"reverse PTR mail\n"
	"kx KX 1 mail\n"
	"afsdb AFSDB 1 mail\n"
	"web HTTPS 0 here\n"
	"here HTTPS 1 . alpn=h2\n"
	"here A 192.0.2.9\n"
	"nowhere SVCB 0 .\n"
	/* names */
	LABEL63 " A 192.0.2.63\n" LABEL63 "." LABEL63 "." LABEL63 "." LABEL56 " A 192.0.2.64\n"
	"a\\.dot\\000\\255 A 192.0.2.65\n"
	"many A 192.0.2.1\n"
	"many MX 1 many\n"
	"many TXT \"m\"\n";

static const char child_zone[] =
	"$ORIGIN child.test.\n"
	"$TTL 200\n"
	"@ 15 SOA ns admin 9 3600 600 86400 20\n" /* RFC 2308 5: the lower one */
	"@ NS ns\n"
	"ns A 192.0.2.54\n"
	"www A 192.0.2.55\n"
	"back CNAME ns.test.\n";

#define TEST_SOA "au test. 60 SOA ns.test. admin.test. 7 3600 600 86400 60\n"
#define CHILD_SOA "au child.test. 15 SOA ns.child.test. admin.child.test. 9 3600 600 86400 20\n"

static void set_up(void)
{
	rand_init(&numbers, 1);
	world_init(&world);
	world_static(&world, "test.", test_zone);
	world_static(&world, "child.test.", child_zone);
}

START_TEST(exact_names_are_answered)
{
	static const struct answer_case cases[] = {
		{UDP("ns.test. A"), "NOERROR AA\nan ns.test. 300 A 192.0.2.1\n"},
		{UDP("ns.test. AAAA"), "NOERROR AA\nan ns.test. 300 AAAA 2001:db8::1\n"},
		{UDP("mail.test. A"),
		 "NOERROR AA\nan mail.test. 300 A 192.0.2.2\nan mail.test. 300 A 192.0.2.3\n"},
		{UDP("txt.test. TXT"), "NOERROR AA\nan txt.test. 100 TXT \"t\"\n"},
		{UDP("test. SOA"),
		 "NOERROR AA\nan test. 300 SOA ns.test. admin.test. 7 3600 600 86400 60\n"},
		/* RFC 4343 4.1: the owner as asked */
		{UDP("CASE.tEST. A"), "NOERROR AA\nan CASE.tEST. 300 A 192.0.2.4\n"},
		/* RFC 3597 */
		{UDP("strange.test. TYPE65280"),
		 "NOERROR AA\nan strange.test. 300 TYPE65280 \\# 3 616263\n"},
		{UDP("_services._dns-sd._udp.test. PTR"),
		 "NOERROR AA\nan _services._dns-sd._udp.test. 300 PTR _http._tcp.test.\n"},
	};

	check_cases(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(additional_addresses_are_added)
{
	static const struct answer_case cases[] = {
		{UDP("test. NS"),
		 "NOERROR AA\nan test. 300 NS ns.elsewhere.example.\nan test. 300 NS ns.test.\n"
		 "ad ns.test. 300 A 192.0.2.1\nad ns.test. 300 AAAA 2001:db8::1\n"},
		{UDP("test. MX"), "NOERROR AA\nan test. 300 MX 10 mail.test.\n"
				  "ad mail.test. 300 A 192.0.2.2\nad mail.test. 300 A 192.0.2.3\n"},
		/* A host that two records name is told about once. */
		{UDP("srv.test. SRV"),
		 "NOERROR AA\nan srv.test. 300 SRV 0 0 80 ns.test.\n"
		 "an srv.test. 300 SRV 1 0 81 mail.test.\nan srv.test. 300 SRV 2 0 82 ns.test.\n"
		 "ad mail.test. 300 A 192.0.2.2\nad mail.test. 300 A 192.0.2.3\n"
		 "ad ns.test. 300 A 192.0.2.1\nad ns.test. 300 AAAA 2001:db8::1\n"},
		{UDP("noservice.test. SRV"), "NOERROR AA\nan noservice.test. 300 SRV 0 0 0 .\n"},
		{UDP("wildsrv.test. SRV"),
		 "NOERROR AA\nan wildsrv.test. 300 SRV 0 0 1 x.wildhost.test.\n"
		 "an wildsrv.test. 300 SRV 0 0 1 y.wildhost.test.\n"
		 "ad x.wildhost.test. 300 A 192.0.2.7\nad y.wildhost.test. 300 A 192.0.2.7\n"},
		/* RFC 1034 4.2.1: glue is about name servers alone. */
		{UDP("tosubhost.test. SRV"),
		 "NOERROR AA\nan tosubhost.test. 300 SRV 0 0 1 ns.sub.test.\n"},
		/* RFC 2782: a target is no alias, and none is followed. */
		{UDP("toalias.test. SRV"),
		 "NOERROR AA\nan toalias.test. 300 SRV 0 0 1 alias.test.\n"},
		/* RFC 6763 12.1 */
		{UDP("_http._tcp.test. PTR"),
		 "NOERROR AA\nan _http._tcp.test. 300 PTR one._http._tcp.test.\n"
		 "an _http._tcp.test. 300 PTR two._http._tcp.test.\n"
		 "ad ns.test. 300 A 192.0.2.1\nad ns.test. 300 AAAA 2001:db8::1\n"
		 "ad one._http._tcp.test. 300 SRV 0 0 1 ns.test.\n"
		 "ad one._http._tcp.test. 300 TXT \"one\"\n"
		 "ad two._http._tcp.test. 300 SRV 0 0 2 ns.test.\n"},
		{UDP("reverse.test. PTR"), "NOERROR AA\nan reverse.test. 300 PTR mail.test.\n"},
		/* RFC 2230, 1183 */
		{UDP("kx.test. KX"),
		 "NOERROR AA\nan kx.test. 300 KX 1 mail.test.\n"
		 "ad mail.test. 300 A 192.0.2.2\nad mail.test. 300 A 192.0.2.3\n"},
		{UDP("afsdb.test. AFSDB"),
		 "NOERROR AA\nan afsdb.test. 300 AFSDB 1 mail.test.\n"
		 "ad mail.test. 300 A 192.0.2.2\nad mail.test. 300 A 192.0.2.3\n"},
		/* RFC 9460 4.1: the services of a target too; "." is the owner, or nobody (2.5) */
		{UDP("web.test. HTTPS"), "NOERROR AA\nan web.test. 300 HTTPS 0 here.test.\n"
					 "ad here.test. 300 A 192.0.2.9\n"
					 "ad here.test. 300 HTTPS 1 . alpn=h2\n"},
		{UDP("here.test. HTTPS"), "NOERROR AA\nan here.test. 300 HTTPS 1 . alpn=h2\n"
					  "ad here.test. 300 A 192.0.2.9\n"},
		{UDP("nowhere.test. SVCB"), "NOERROR AA\nan nowhere.test. 300 SVCB 0 .\n"},
		/* The additional section never repeats the answer. */
		{TCP("many.test. ANY"),
		 "NOERROR AA\nan many.test. 300 A 192.0.2.1\nan many.test. 300 MX 1 many.test.\n"
		 "an many.test. 300 TXT \"m\"\n"},
	};

	check_cases(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(negative_answers_have_the_soa_with_the_smaller_ttl)
{
	static const struct answer_case cases[] = {
		/* RFC 2308 2.1, 2.2, 5 */
		{UDP("missing.test. A"), "NXDOMAIN AA\n" TEST_SOA},
		{UDP("below.ns.test. A"), "NXDOMAIN AA\n" TEST_SOA},
		{UDP("ns.test. TXT"), "NOERROR AA\n" TEST_SOA},
		{UDP("ns.test. TYPE0"), "NOERROR AA\n" TEST_SOA},
		{UDP("ns.test. MAILB"), "NOERROR AA\n" TEST_SOA},
		{UDP("ns.test. MAILA"), "NOERROR AA\n" TEST_SOA},
		{UDP("ns.test. RRSIG"), "NOERROR AA\n" TEST_SOA},
		{UDP("test. TXT"), "NOERROR AA\n" TEST_SOA},
		{UDP("missing.child.test. A"), "NXDOMAIN AA\n" CHILD_SOA},
		/* empty non-terminals are names (RFC 8020 2) */
		{UDP("empty.node.test. A"), "NOERROR AA\n" TEST_SOA},
		{UDP("node.test. ANY"), "NOERROR AA\n" TEST_SOA},
		{UDP("other.empty.node.test. A"), "NXDOMAIN AA\n" TEST_SOA},
	};

	check_cases(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(aliases_are_followed_within_our_zones)
{
	static const struct answer_case cases[] = {
		{UDP("alias.test. A"),
		 "NOERROR AA\nan alias.test. 300 CNAME ns.test.\nan ns.test. 300 A 192.0.2.1\n"},
		{UDP("alias2.test. AAAA"),
		 "NOERROR AA\nan alias.test. 300 CNAME ns.test.\n"
		 "an alias2.test. 300 CNAME alias.test.\nan ns.test. 300 AAAA 2001:db8::1\n"},
		{UDP("alias.test. CNAME"), "NOERROR AA\nan alias.test. 300 CNAME ns.test.\n"},
		{UDP("alias.test. ANY"), "NOERROR AA\nan alias.test. 300 CNAME ns.test.\n"},
		{UDP("away.test. A"), "NOERROR AA\nan away.test. 300 CNAME www.example.org.\n"},
		/* RFC 2308 2.1: NXDOMAIN is about the end of the chain */
		{UDP("dead.test. A"),
		 "NXDOMAIN AA\nan dead.test. 300 CNAME missing.test.\n" TEST_SOA},
		{UDP("nodata.test. A"),
		 "NOERROR AA\nan nodata.test. 300 CNAME txt.test.\n" TEST_SOA},
		{UDP("loop1.test. A"), "NOERROR AA\nan loop1.test. 300 CNAME loop2.test.\n"
				       "an loop2.test. 300 CNAME loop1.test.\n"},
		{UDP("self.test. A"), "NOERROR AA\nan self.test. 300 CNAME self.test.\n"},
		/* into another zone of ours, and back */
		{UDP("tochild.test. A"), "NOERROR AA\nan tochild.test. 300 CNAME www.child.test.\n"
					 "an www.child.test. 200 A 192.0.2.55\n"},
		{UDP("tochild.test. TXT"),
		 "NOERROR AA\nan tochild.test. 300 CNAME www.child.test.\n" CHILD_SOA},
		{UDP("back.child.test. A"), "NOERROR AA\nan back.child.test. 200 CNAME ns.test.\n"
					    "an ns.test. 300 A 192.0.2.1\n"},
		/* into a delegation: AA is about the first owner (RFC 1035 4.1.1) */
		{UDP("tosub.test. A"),
		 "NOERROR AA\nan tosub.test. 300 CNAME www.sub.test.\n"
		 "au sub.test. 300 NS ns.elsewhere.example.\nau sub.test. 300 NS ns.sub.test.\n"
		 "ad ns.sub.test. 300 A 192.0.2.53\nad ns.sub.test. 300 AAAA 2001:db8::53\n"},
	};

	check_cases(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(wildcards_answer_for_what_is_missing_below_their_parent)
{
	static const struct answer_case cases[] = {
		{UDP("any.wild.test. TXT"), "NOERROR AA\nan any.wild.test. 300 TXT \"w\"\n"},
		{UDP("x.Y.wild.test. TXT"), "NOERROR AA\nan x.Y.wild.test. 300 TXT \"w\"\n"},
		{UDP("any.wild.test. MX"),
		 "NOERROR AA\nan any.wild.test. 300 MX 10 mail.test.\n"
		 "ad mail.test. 300 A 192.0.2.2\nad mail.test. 300 A 192.0.2.3\n"},
		{UDP("any.wild.test. A"), "NOERROR AA\n" TEST_SOA},
		{UDP("*.wild.test. TXT"), "NOERROR AA\nan *.wild.test. 300 TXT \"w\"\n"},
		{UDP("wild.test. TXT"), "NOERROR AA\n" TEST_SOA},
		/* RFC 4592 3.3.1: the closest encloser alone decides */
		{UDP("x.b.wild.test. TXT"), "NXDOMAIN AA\n" TEST_SOA},
		{UDP("b.wild.test. TXT"), "NOERROR AA\n" TEST_SOA},
		{UDP("x.*.wild.test. TXT"), "NXDOMAIN AA\n" TEST_SOA},
		{UDP("q.wildalias.test. A"), "NOERROR AA\nan ns.test. 300 A 192.0.2.1\n"
					     "an q.wildalias.test. 300 CNAME ns.test.\n"},
		{UDP("q.wildalias.test. CNAME"),
		 "NOERROR AA\nan q.wildalias.test. 300 CNAME ns.test.\n"},
		{TCP("any.wild.test. ANY"),
		 "NOERROR AA\nan any.wild.test. 300 MX 10 mail.test.\n"
		 "an any.wild.test. 300 TXT \"w\"\n"
		 "ad mail.test. 300 A 192.0.2.2\nad mail.test. 300 A 192.0.2.3\n"},
	};

	check_cases(cases, COUNT_OF(cases));
}
END_TEST

#define SUB_NS "au sub.test. 300 NS ns.elsewhere.example.\nau sub.test. 300 NS ns.sub.test.\n"
#define SUB_GLUE "ad ns.sub.test. 300 A 192.0.2.53\nad ns.sub.test. 300 AAAA 2001:db8::53\n"

START_TEST(delegations_are_referred_to)
{
	static const struct answer_case cases[] = {
		{UDP("www.sub.test. A"), "NOERROR\n" SUB_NS SUB_GLUE},
		{UDP("sub.test. NS"), "NOERROR\n" SUB_NS SUB_GLUE},
		{UDP("sub.test. ANY"), "NOERROR\n" SUB_NS SUB_GLUE},
		{UDP("ns.sub.test. A"), "NOERROR\n" SUB_NS SUB_GLUE},
		{UDP("x.sub2.test. A"),
		 "NOERROR\nau sub2.test. 300 NS ns.test.\n"
		 "ad ns.test. 300 A 192.0.2.1\nad ns.test. 300 AAAA 2001:db8::1\n"},
		/* RFC 4035 3.1.4.1: DS is answered above the cut */
		{UDP("sub.test. DS"),
		 "NOERROR AA\nan sub.test. 300 DS 1 8 2 "
		 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"},
		{UDP("sub2.test. DS"), "NOERROR AA\n" TEST_SOA},
		{UDP("x.sub.test. DS"), "NOERROR\n" SUB_NS SUB_GLUE},
		/* RFC 2181 5.4.1, 6.1: what lies below the cut is not for us to say */
		{UDP("hidden.sub.test. TXT"), "NOERROR\n" SUB_NS SUB_GLUE},
		{UDP("child.test. DS"),
		 "NOERROR AA\nan child.test. 300 DS 2 8 2 "
		 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"},
		{UDP("www.child.test. DS"), "NOERROR AA\n" CHILD_SOA},
		{UDP("test. DS"), "NOERROR AA\n" TEST_SOA},
		/* a zone of ours below another: its own answer */
		{UDP("child.test. NS"), "NOERROR AA\nan child.test. 200 NS ns.child.test.\n"
					"ad ns.child.test. 200 A 192.0.2.54\n"},
	};

	check_cases(cases, COUNT_OF(cases));
}
END_TEST

/* RFC 1035 2.3.4 and 5.1: labels of 63 octets, names of 255, any octet in them */
START_TEST(names_of_every_form_are_answered)
{
	static const struct answer_case cases[] = {
		{UDP(LABEL63 ".test. A"), "NOERROR AA\nan " LABEL63 ".test. 300 A 192.0.2.63\n"},
		{UDP(LABEL63 "." LABEL63 "." LABEL63 "." LABEL56 ".test. A"),
		 "NOERROR AA\nan " LABEL63 "." LABEL63 "." LABEL63 "." LABEL56
		 ".test. 300 A 192.0.2.64\n"},
		{UDP("A\\.DOT\\000\\255.test. A"),
		 "NOERROR AA\nan A\\.DOT\\000\\255.test. 300 A 192.0.2.65\n"},
		{UDP("a.dot\\000\\255.test. A"), "NXDOMAIN AA\n" TEST_SOA},
	};

	check_cases(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(dname_redirects_what_is_below_it)
{
	static const struct answer_case cases[] = {
		{UDP("x.d.test. A"),
		 "NOERROR AA\nan d.test. 300 DNAME target.test.\n"
		 "an x.d.test. 300 CNAME x.target.test.\nan x.target.test. 300 A 192.0.2.8\n"},
		{UDP("y.d.test. A"), "NXDOMAIN AA\nan d.test. 300 DNAME target.test.\n"
				     "an y.d.test. 300 CNAME y.target.test.\n" TEST_SOA},
		/* RFC 6672 2.3: not itself */
		{UDP("d.test. TXT"), "NOERROR AA\nan d.test. 300 TXT \"itself\"\n"},
		{UDP("d.test. DNAME"), "NOERROR AA\nan d.test. 300 DNAME target.test.\n"},
		{UDP("d.test. A"), "NOERROR AA\n" TEST_SOA},
		{UDP("x.d.test. CNAME"), "NOERROR AA\nan d.test. 300 DNAME target.test.\n"
					 "an x.d.test. 300 CNAME x.target.test.\n"},
		/* RFC 6672 3.2 step 3C: on from step 1 for all other types */
		{UDP("x.d.test. ANY"),
		 "NOERROR AA\nan d.test. 300 DNAME target.test.\n"
		 "an x.d.test. 300 CNAME x.target.test.\nan x.target.test. 300 A 192.0.2.8\n"},
		{UDP("x.dloop1.test. A"), "NOERROR AA\nan dloop1.test. 300 DNAME dloop2.test.\n"
					  "an dloop2.test. 300 DNAME dloop1.test.\n"
					  "an x.dloop1.test. 300 CNAME x.dloop2.test.\n"
					  "an x.dloop2.test. 300 CNAME x.dloop1.test.\n"},
	};

	check_cases(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(chains_that_grow_end_after_a_bound)
{
	static struct got got;
	const struct asked asked = TCP("x.grows.test. A");

	ask(&got, &asked);
	ck_assert_uint_eq(got.result.rcode, DNS_RCODE_NOERROR);
	/* The DNAME once, then a CNAME for each step. */
	ck_assert_uint_eq(got.message.count[DNS_ANSWER], 1 + 16);
}
END_TEST

START_TEST(dname_that_makes_too_long_a_name_is_yxdomain)
{
	static struct got got;
	char question[DNS_NAME_TEXT_MAX + 16];
	char labels[256] = "";

	/* 3 x 64 + 49 + "grows.test." leaves no room for "g." */
	for (int i = 0; i < 3; i++) {
		strcat(labels, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.");
	}
	strcat(labels, "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.");
	snprintf(question, sizeof(question), "%sgrows.test. A", labels);
	const struct asked asked = UDP(question);
	ask(&got, &asked);
	ck_assert_str_eq(got_text(&got), "YXDOMAIN AA\nan grows.test. 300 DNAME g.grows.test.\n");
}
END_TEST

START_TEST(what_we_do_not_answer_is_refused)
{
	static const struct answer_case cases[] = {
		{UDP("www.example.org. A"), "REFUSED EDE=20\n"},
		{UDP(". NS"), "REFUSED EDE=20\n"},
		{UDP("atest. A"), "REFUSED EDE=20\n"},
		{TCP("test. AXFR"), "REFUSED EDE=21\n"},
		{UDP("test. IXFR"), "REFUSED EDE=21\n"},
		{UDP("test. OPT"), "FORMERR\n"},
		{UDP("test. TSIG"), "FORMERR\n"},
		{UDP("test. TKEY"), "FORMERR\n"},
		{UDP("test. NXNAME"), "FORMERR\n"},
	};

	check_cases(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(any_is_one_set_by_udp_and_all_by_tcp)
{
	static const struct answer_case cases[] = {
		/* RFC 8482 4.1, 4.4 */
		{UDP("many.test. ANY"), "NOERROR AA\nan many.test. 300 A 192.0.2.1\n"},
		{TCP("ns.test. ANY"),
		 "NOERROR AA\nan ns.test. 300 A 192.0.2.1\nan ns.test. 300 AAAA 2001:db8::1\n"},
		{UDP("missing.test. ANY"), "NXDOMAIN AA\n" TEST_SOA},
		{TCP("child.test. ANY"),
		 "NOERROR AA\n"
		 "an child.test. 15 SOA ns.child.test. admin.child.test. 9 3600 600 86400 20\n"
		 "an child.test. 200 NS ns.child.test.\n"
		 "ad ns.child.test. 200 A 192.0.2.54\n"},
	};

	check_cases(cases, COUNT_OF(cases));
}
END_TEST

/* ---- room -------------------------------------------------------------------------------- */

static bool is_referral(const struct got *got)
{
	return (got->message.flags & DNS_FLAG_AA) == 0;
}

/* Does a required record lack? */
static bool is_shorter(const struct got *got, const struct got *whole)
{
	return got->message.count[DNS_ANSWER] < whole->message.count[DNS_ANSWER] ||
	       got->message.count[DNS_AUTHORITY] < whole->message.count[DNS_AUTHORITY];
}

/* At every size: a whole message, TC only for what is required, nothing beyond the room. */
START_TEST(every_room_gives_a_sound_reply)
{
	static const char *const questions[] = {
		"test. MX",        "srv.test. SRV",   "_http._tcp.test. PTR", "www.sub.test. A",
		"missing.test. A", "alias2.test. A",  "x.d.test. A",          "mail.test. A",
		"many.test. ANY",  "x.grows.test. A", "wildsrv.test. SRV",
	};
	static struct got whole;
	static struct got got;

	for (size_t i = 0; i < COUNT_OF(questions); i++) {
		struct asked asked = UDP(questions[i]);

		ask(&whole, &asked);
		for (size_t room = 64; room <= whole.size; room++) {
			asked.room = room;
			asked.is_stream = false;
			ask(&got, &asked);
			ck_assert_uint_eq(got.result.rcode, whole.result.rcode);
			ck_assert(got.result.is_truncated ==
				  ((got.message.flags & DNS_FLAG_TC) != 0));
			/* Additional data is never a reason, glue apart (RFC 2181 9). */
			ck_assert(is_referral(&whole) ||
				  got.result.is_truncated == is_shorter(&got, &whole));
			asked.is_stream = true;
			ask(&got, &asked);
			ck_assert_uint_eq(got.message.flags & DNS_FLAG_TC, 0);
		}
	}
}
END_TEST

START_TEST(glue_that_does_not_fit_sets_tc)
{
	static struct got got;
	struct asked asked = UDP("www.sub.test. A");

	ask(&got, &asked);
	asked.room = got.size - 1;
	ask(&got, &asked);
	ck_assert_str_eq(got_text(&got),
			 "NOERROR TC\n" SUB_NS "ad ns.sub.test. 300 A 192.0.2.53\n");
	/* Addresses that are to be had otherwise are no reason (RFC 9471 3.2). */
	asked = (struct asked)UDP("x.sub2.test. A");
	ask(&got, &asked);
	asked.room = got.size - 1;
	ask(&got, &asked);
	ck_assert_str_eq(got_text(&got), "NOERROR\nau sub2.test. 300 NS ns.test.\n"
					 "ad ns.test. 300 A 192.0.2.1\n");
}
END_TEST

START_TEST(a_batch_is_answered_as_each_alone)
{
	static const char *const questions[] = {
		"ns.test. A",
		"www.child.test. A",
		"www.example.org. A",
		"one._http._tcp.test. SRV",
		"toalias.test. SRV",
		"child.test. NS",
		"tosubhost.test. SRV",
		"test. MX",
		"kx.test. KX",
		"afsdb.test. AFSDB",
		"many.test. MX",
		"x.wild.test. MX",
		"noservice.test. SRV",
		"nowhere.test. SVCB",
		"web.test. HTTPS",
		"here.test. HTTPS",
		"reverse.test. PTR",
		"_http._tcp.test. PTR",
		"srv.test. SRV",
		"child.test. DS",
		"sub.test. DS",
		"www.sub.test. SRV",
		"alias.test. SRV",
		"two._http._tcp.test. SRV",
		"tochildhost.test. SRV",
		"one._http._tcp.test. ANY",
		"missing.test. SRV",
	};
	static struct dns_message messages[150];
	static uint8_t wires[150][64];
	static struct answer_query queries[150];
	static struct got alone;
	static struct got together;

	for (size_t i = 0; i < COUNT_OF(queries); i++) {
		parse_question(&messages[i], wires[i], sizeof(wires[i]),
			       questions[i % COUNT_OF(questions)]);
		queries[i] = (struct answer_query){.message = &messages[i]};
	}
	answer_find(world.root, queries, COUNT_OF(queries));
	for (size_t i = 0; i < COUNT_OF(queries); i++) {
		const struct asked asked = UDP(questions[i % COUNT_OF(questions)]);

		ask(&alone, &asked);
		char *expected = strdup(got_text(&alone));
		write_reply(&together, &queries[i], 1232);
		ck_assert_msg(strcmp(got_text(&together), expected) == 0,
			      "%s: got\n%sinstead of\n%s", asked.question, got_text(&together),
			      expected);
		free(expected);
	}
}
END_TEST

START_TEST(to_a_confined_client_hosts_of_other_zones_are_not_there)
{
	static const char *const with = "ad www.child.test. 200 A 192.0.2.55\n";
	static struct dns_message message;
	static struct got got;
	uint8_t wire[64];

	parse_question(&message, wire, sizeof(wire), "tochildhost.test. SRV");
	for (int is_confined = 0; is_confined <= 1; is_confined++) {
		struct answer_query query = {.message = &message, .is_confined = is_confined == 1};

		answer_find(world.root, &query, 1);
		write_reply(&got, &query, 1232);
		ck_assert_int_eq(strstr(got_text(&got), with) == NULL, is_confined);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		exact_names_are_answered,
		additional_addresses_are_added,
		negative_answers_have_the_soa_with_the_smaller_ttl,
		aliases_are_followed_within_our_zones,
		wildcards_answer_for_what_is_missing_below_their_parent,
		delegations_are_referred_to,
		names_of_every_form_are_answered,
		dname_redirects_what_is_below_it,
		chains_that_grow_end_after_a_bound,
		dname_that_makes_too_long_a_name_is_yxdomain,
		what_we_do_not_answer_is_refused,
		any_is_one_set_by_udp_and_all_by_tcp,
		every_room_gives_a_sound_reply,
		glue_that_does_not_fit_sets_tc,
		a_batch_is_answered_as_each_alone,
		to_a_confined_client_hosts_of_other_zones_are_not_there,
	};
	int failed;

	set_up();
	failed = run_tests("answer", tests, COUNT_OF(tests));
	tear_down();
	return failed;
}
