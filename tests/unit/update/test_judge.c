/*
 * Who may put what: the rules of a zone over the names of an UPDATE.
 */
#include "tests/unit/update/sending.h"

START_TEST(without_rules_loopback_alone_may_register)
{
	static const struct update_case near_cases[] = {
		{"add x.svc.test. 60 A 192.0.2.1\n", "submit"},
		{"add _http._tcp.svc.test. 60 PTR w._http._tcp.svc.test.\n", "submit"},
		{"add svc.test. 60 TXT \"apex\"\n", "submit"},
	};
	static const struct update_case far_cases[] = {
		{"add x.svc.test. 60 A 192.0.2.1\n",
		 "REFUSED denied 18: x.svc.test. refused by default: loopback only"},
		{"del w._http._tcp.svc.test.\n",
		 "REFUSED denied 18: w._http._tcp.svc.test. refused by default: loopback only"},
	};
	const struct sender afar = {.peer = "192.0.2.77", .is_tcp = true, .has_key = true};
	const struct sender local6 = {.peer = "::1"};

	check_cases(&local, near_cases, COUNT_OF(near_cases));
	check_cases(&local6, near_cases, COUNT_OF(near_cases));
	check_cases(&afar, far_cases, COUNT_OF(far_cases));
}
END_TEST

START_TEST(an_instance_is_judged_by_type_and_label)
{
	static const struct update_case cases[] = {
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n", "submit"},
		{"add WEB-2._HTTP._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n", "submit"},
		{"del web-1._http._tcp.svc.test.\n", "submit"},
		{"del web-1._http._tcp.svc.test. TXT\n", "submit"},
		{"add db-2._http._tcp.svc.test. 60 TXT \"x\"\n", NOT("db-2._http._tcp.svc.test.")},
		{"add web-2._ssh._tcp.svc.test. 60 TXT \"x\"\n", NOT("web-2._ssh._tcp.svc.test.")},
		{"add web-2._http._udp.svc.test. 60 TXT \"x\"\n",
		 NOT("web-2._http._udp.svc.test.")},
		/* deeper, and not below a type of the apex */
		{"add x.web-2._http._tcp.svc.test. 60 TXT \"x\"\n",
		 NOT("x.web-2._http._tcp.svc.test.")},
		{"add web-2._http._tcp.sub.svc.test. 60 TXT \"x\"\n",
		 NOT("web-2._http._tcp.sub.svc.test.")},
	};

	check_cases(&web, cases, COUNT_OF(cases));
}
END_TEST

START_TEST(a_ptr_at_a_type_is_judged_as_its_target)
{
	static const struct update_case cases[] = {
		{"add _http._tcp.svc.test. 60 PTR web-2._http._tcp.svc.test.\n", "submit"},
		{"add _p._sub._http._tcp.svc.test. 60 PTR web-1._http._tcp.svc.test.\n", "submit"},
		{"del _http._tcp.svc.test. PTR web-1._http._tcp.svc.test.\n", "submit"},
		{"add _http._tcp.svc.test. 60 PTR db._http._tcp.svc.test.\n",
		 NOT("db._http._tcp.svc.test.")},
		/* an instance of another type does not belong there */
		{"add _ssh._tcp.svc.test. 60 PTR web-2._http._tcp.svc.test.\n",
		 NOT("_ssh._tcp.svc.test.")},
		{"add _p._sub._ssh._tcp.svc.test. 60 PTR web-2._http._tcp.svc.test.\n",
		 NOT("_p._sub._ssh._tcp.svc.test.")},
		{"add _http._tcp.svc.test. 60 PTR web-2._http._tcp.example.org.\n",
		 NOT("_http._tcp.svc.test.")},
		{"add _http._tcp.svc.test. 60 PTR h.svc.test.\n", NOT("_http._tcp.svc.test.")},
		{"del _http._tcp.svc.test. PTR\n", NOT("_http._tcp.svc.test.")},
		{"del _http._tcp.svc.test.\n", NOT("_http._tcp.svc.test.")},
		{"add _http._tcp.svc.test. 60 TXT \"x\"\n", NOT("_http._tcp.svc.test.")},
		{"add x.svc.test. 60 PTR web-2._http._tcp.svc.test.\n", NOT("x.svc.test.")},
		{"add _services._dns-sd._udp.svc.test. 60 PTR _http._tcp.svc.test.\n",
		 NOT("_services._dns-sd._udp.svc.test.")},
	};

	check_cases(&web, cases, COUNT_OF(cases));
}
END_TEST

START_TEST(a_host_is_allowed_with_an_instance_that_points_to_it)
{
	static const struct update_case cases[] = {
		/* of this message, before or behind */
		{"add h2.svc.test. 60 A 192.0.2.2\n"
		 "add web-2._http._tcp.svc.test. 60 SRV 0 0 80 H2.svc.test.\n",
		 "submit"},
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n"
		 "add web-3._http._tcp.svc.test. 60 SRV 0 0 80 h3.svc.test.\n"
		 "del h3.svc.test. A\nadd h3.svc.test. 60 A 192.0.2.2\nadd h2.svc.test. 60 AAAA "
		 "2001:db8::2\n",
		 "submit"},
		/* of the registry, and of the same owner */
		{"add h-key.svc.test. 60 A 192.0.2.99\n", "submit"},
		{"del h-key.svc.test.\n", "submit"},
		{"add h-net.svc.test. 60 A 192.0.2.99\n", NOT("h-net.svc.test.")},
		/* of neither */
		{"add h2.svc.test. 60 A 192.0.2.2\n", NOT("h2.svc.test.")},
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n"
		 "add h3.svc.test. 60 A 192.0.2.2\n",
		 NOT("h3.svc.test.")},
		/* an SRV that is taken away, or stands elsewhere, points to nothing */
		{"del web-2._http._tcp.svc.test. SRV 0 0 80 h2.svc.test.\n"
		 "add h2.svc.test. 60 A 192.0.2.2\n",
		 NOT("h2.svc.test.")},
		{"add h2.svc.test. 60 SRV 0 0 80 h2.svc.test.\n", NOT("h2.svc.test.")},
		/* what may not be a host */
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 svc.test.\n"
		 "add svc.test. 60 A 192.0.2.2\n",
		 NOT("svc.test.")},
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 http.pool.svc.test.\n"
		 "add http.pool.svc.test. 60 A 192.0.2.2\n",
		 NOT("http.pool.svc.test.")},
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 db._http._tcp.svc.test.\n"
		 "add db._http._tcp.svc.test. 60 A 192.0.2.2\n",
		 NOT("db._http._tcp.svc.test.")},
	};

	check_cases(&web, cases, COUNT_OF(cases));
}
END_TEST

START_TEST(a_host_of_the_registry_needs_a_rule_that_lets_the_sender_in)
{
	static const struct update_case refused[] = {
		{"add h-net.svc.test. 60 A 192.0.2.99\n", NOT("h-net.svc.test.")},
	};
	static const struct update_case allowed[] = {
		{"add h-net.svc.test. 60 A 192.0.2.99\n", "submit"},
	};
	struct sender sender = {
		.rules = "[{allow: {net: 192.0.2.0/24, type: _ssh._tcp, instance: \"o?h*\"}}]",
		.peer = "198.51.100.1",
		.is_tcp = true};

	check_cases(&sender, refused, COUNT_OF(refused));
	sender.peer = "192.0.2.77";
	check_cases(&sender, allowed, COUNT_OF(allowed));
	/* By UDP the address may be forged. */
	sender.is_tcp = false;
	check_cases(&sender, refused, COUNT_OF(refused));
}
END_TEST

START_TEST(the_first_name_refused_refuses_the_message)
{
	static const struct update_case cases[] = {
		{"add web-2._http._tcp.svc.test. 60 TXT \"x\"\n"
		 "add db-1._http._tcp.svc.test. 60 TXT \"x\"\n"
		 "add db-2._http._tcp.svc.test. 60 TXT \"x\"\n",
		 NOT("db-1._http._tcp.svc.test.")},
		{"add web-2._http._tcp.svc.test. 60 TXT \"x\"\nadd svc.test. 60 TXT \"x\"\n",
		 NOT("svc.test.")},
	};
	static struct sent sent;
	struct update_answer answer;

	check_cases(&web, cases, COUNT_OF(cases));
	make_message(&sent, "svc.test.", DNS_TYPE_SOA, DNS_CLASS_IN, 0, cases[0].text);
	ck_assert_int_eq(receive(&web, &sent, true, &answer), UPDATE_REPLY);
	ck_assert_str_eq(answer.zone, "svc.test.");
	ck_assert_str_eq(answer.name, "db-1._http._tcp.svc.test.");
	ck_assert_str_eq(answer.reason, "no rule allows this");

	/* Where nobody reads why, it is refused as well. */
	struct sender terse = web;
	terse.is_terse = true;
	ck_assert_int_eq(receive(&terse, &sent, true, &answer), UPDATE_REPLY);
	ck_assert(answer.is_denied && answer.result.rcode == DNS_RCODE_REFUSED);
	ck_assert(!answer.result.has_ede && answer.reason[0] == '\0');
}
END_TEST

START_TEST(a_refusal_names_its_rule)
{
	static const struct update_case named[] = {
		{"add x.svc.test. 60 A 192.0.2.1\n",
		 "REFUSED denied 18: x.svc.test. refused by rule strangers"},
	};
	static const struct update_case unproven[] = {
		{"add x.svc.test. 60 A 192.0.2.1\n", "REFUSED denied 18: x.svc.test. refused by "
						     "rule 1 (line 10) counts by TCP, with "
						     "a cookie or a key only"},
	};
	static const struct update_case proven[] = {
		{"add x.svc.test. 60 A 192.0.2.1\n", "submit"},
	};
	const struct sender stranger = {.rules = "[{deny: {net: 192.0.2.0/24}, name: strangers}]",
					.peer = "192.0.2.77",
					.is_tcp = true};
	struct sender sender = {.rules = "[{allow: {net: 192.0.2.0/24}}]", .peer = "192.0.2.77"};

	check_cases(&stranger, named, COUNT_OF(named));
	check_cases(&sender, unproven, COUNT_OF(unproven));
	sender.is_tcp = true;
	check_cases(&sender, proven, COUNT_OF(proven));
}
END_TEST

START_TEST(a_long_name_does_not_hide_the_rule)
{
	static struct sent sent;
	struct update_answer answer;
	char text[512];
	const char *label = "123456789.123456789.123456789.123456789.123456789.";

	snprintf(text, sizeof(text), "add %s%s%s%ssvc.test. 60 A 192.0.2.1\n", label, label, label,
		 label);
	make_message(&sent, "svc.test.", DNS_TYPE_SOA, DNS_CLASS_IN, 0, text);
	ck_assert_int_eq(receive(&web, &sent, true, &answer), UPDATE_REPLY);
	ck_assert_ptr_nonnull(strstr(answer.result.ede_text, "... refused: no rule allows this"));
	ck_assert_uint_gt(strlen(answer.name), 200);
}
END_TEST

START_TEST(takeover_holds_when_every_rule_used_gives_it)
{
	static const struct update_case cases[] = {
		{"add web-1._http._tcp.svc.test. 60 TXT \"x\"\n", "submit takeover"},
		{"add web-1._http._tcp.svc.test. 60 SRV 0 0 80 h.svc.test.\n"
		 "add h.svc.test. 60 A 192.0.2.1\n",
		 "submit takeover"},
		{"add web-1._http._tcp.svc.test. 60 TXT \"x\"\n"
		 "add x._ssh._tcp.svc.test. 60 TXT \"x\"\n",
		 "submit"},
		{"add x._ssh._tcp.svc.test. 60 TXT \"x\"\n", "submit"},
		{"yxdomain svc.test.\n", "NOERROR"},
	};
	const struct sender sender = {.rules = "[{allow: {key: ops, type: _http._tcp}, takeover: "
					       "true}, {allow: {key: ops, type: _ssh._tcp}}]",
				      .peer = "192.0.2.77",
				      .has_key = true};

	check_cases(&sender, cases, COUNT_OF(cases));
}
END_TEST

START_TEST(a_rule_that_holds_lets_instances_in_and_says_so)
{
	static const struct update_case cases[] = {
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n"
		 "add _http._tcp.svc.test. 60 PTR web-2._http._tcp.svc.test.\n"
		 "add h2.svc.test. 60 A 192.0.2.1\n",
		 "submit hold"},
		{"add _http._tcp.svc.test. 60 PTR web-2._http._tcp.svc.test.\n", "submit hold"},
		/* one that is held holds the whole message */
		{"add x._ssh._tcp.svc.test. 60 SRV 0 0 22 h2.svc.test.\n"
		 "add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n",
		 "submit hold"},
		{"add x._ssh._tcp.svc.test. 60 SRV 0 0 22 h2.svc.test.\n", "submit"},
		/* its own host may be said again, of a stranger's nothing is said */
		{"add h-key.svc.test. 60 A 192.0.2.8\n", "submit"},
		{"add x.svc.test. 60 A 192.0.2.9\n", NOT("x.svc.test.")},
	};
	static const struct update_case general[] = {
		{"add x._ssh._tcp.svc.test. 60 SRV 0 0 22 h2.svc.test.\n", "submit hold"},
		/* whatever comes behind the instance */
		{"add x._ssh._tcp.svc.test. 60 SRV 0 0 22 h2.svc.test.\n"
		 "add x.svc.test. 60 A 192.0.2.9\n",
		 "submit hold"},
		/* a name by itself is had by that name alone */
		{"add x.svc.test. 60 A 192.0.2.9\n", "submit"},
		/* at a shared name there is nothing to hold */
		{"add _ssh._tcp.svc.test. 60 TXT \"x\"\n",
		 "REFUSED denied 18: _ssh._tcp.svc.test. refused by rule quarantine, which holds "
		 "instances only"},
	};
	struct sender sender = {.rules = "[{hold: {key: ops, type: _http._tcp}}, {allow: {key: "
					 "ops, type: _ssh._tcp}}]",
				.peer = "192.0.2.77",
				.has_key = true};

	check_cases(&sender, cases, COUNT_OF(cases));
	sender.rules = "[{hold: {}, name: quarantine}]";
	check_cases(&sender, general, COUNT_OF(general));
}
END_TEST

#define PROD(name) "REFUSED denied 18: " name " refused by rule production is elsewhere"

START_TEST(an_environment_is_what_the_message_says_else_the_registry)
{
	static const struct update_case cases[] = {
		{"add web-2._http._tcp.svc.test. 60 TXT \"env=prod\"\n",
		 PROD("web-2._http._tcp.svc.test.")},
		{"add web-2._http._tcp.svc.test. 60 TXT \"env=test\"\n", "submit"},
		/* said behind the records that it is about, and of a target */
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n"
		 "add a._http._tcp.svc.test. 60 TXT \"env=test\"\n"
		 "add web-2._http._tcp.svc.test. 60 TXT \"env=prod\"\n",
		 PROD("web-2._http._tcp.svc.test.")},
		{"add _http._tcp.svc.test. 60 PTR WEB-2._http._tcp.svc.test.\n"
		 "add web-2._http._tcp.svc.test. 60 TXT \"x\"\n"
		 "add web-2._http._tcp.svc.test. 60 TXT \"Env=prod\"\n",
		 PROD("WEB-2._http._tcp.svc.test.")},
		/* the registry says it, unless the message does */
		{"add _http._tcp.svc.test. 60 PTR p._http._tcp.svc.test.\n",
		 PROD("p._http._tcp.svc.test.")},
		{"del p._http._tcp.svc.test.\n", PROD("p._http._tcp.svc.test.")},
		{"add p._http._tcp.svc.test. 60 TXT \"env=test\"\n", "submit"},
		/* what is deleted is not said */
		{"del p._http._tcp.svc.test. TXT \"env=test\"\n", PROD("p._http._tcp.svc.test.")},
		/* other names are of no environment */
		{"add x.svc.test. 60 TXT \"env=prod\"\n", "submit"},
	};
	const struct sender sender = {
		.rules = "[{deny: {environment: prod}, name: production is elsewhere}, "
			 "{allow: {key: ops}}]\n    environment: env",
		.peer = "192.0.2.77",
		.has_key = true};
	const struct sender strict = {
		.rules = "[{allow: {environment: test}}]\n    environment: env",
		.peer = "192.0.2.77",
		.has_key = true};
	static const struct update_case strict_cases[] = {
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n"
		 "add h2.svc.test. 60 A 192.0.2.1\n",
		 NOT("web-2._http._tcp.svc.test.")},
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n"
		 "add web-2._http._tcp.svc.test. 60 TXT \"env=test\"\n"
		 "add h2.svc.test. 60 A 192.0.2.1\n",
		 "submit"},
		/* a host of its owner, who may register something */
		{"add h-key.svc.test. 60 A 192.0.2.8\n", "submit"},
	};

	register_text(&key, 0, "p._http._tcp TXT \"x=1\" \"env=prod\"\n");
	check_cases(&sender, cases, COUNT_OF(cases));
	check_cases(&strict, strict_cases, COUNT_OF(strict_cases));
}
END_TEST

/* A message as large as they come is judged in a time that nobody notices. */
START_TEST(thousands_of_hosts_are_judged)
{
	static struct sent sent;
	static char text[400000];
	struct update_answer answer;
	size_t at = 0;

	for (unsigned i = 0; i < 1000; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "add web-%u._http._tcp.svc.test. 60 SRV 0 0 80 "
				       "g%u.svc.test.\nadd g%u.svc.test. 60 A 192.0.2.1\n",
				       i, i, 999 - i);
	}
	make_message(&sent, "svc.test.", DNS_TYPE_SOA, DNS_CLASS_IN, 0, text);
	ck_assert_int_eq(receive(&web, &sent, true, &answer), UPDATE_SUBMIT);
	free(answer.command);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		without_rules_loopback_alone_may_register,
		an_instance_is_judged_by_type_and_label,
		a_ptr_at_a_type_is_judged_as_its_target,
		a_host_is_allowed_with_an_instance_that_points_to_it,
		a_host_of_the_registry_needs_a_rule_that_lets_the_sender_in,
		the_first_name_refused_refuses_the_message,
		a_refusal_names_its_rule,
		a_long_name_does_not_hide_the_rule,
		takeover_holds_when_every_rule_used_gives_it,
		a_rule_that_holds_lets_instances_in_and_says_so,
		an_environment_is_what_the_message_says_else_the_registry,
		thousands_of_hosts_are_judged,
	};
	int failed;

	set_up();
	failed = run_tests("judge", tests, COUNT_OF(tests));
	tear_down();
	return failed;
}
