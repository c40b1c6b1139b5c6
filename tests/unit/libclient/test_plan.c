#include <stdio.h>
#include <string.h>

#include "libclient/error.h"
#include "libclient/learn.h"
#include "libclient/locate.h"
#include "libclient/plan.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/libclient/packet.h"
#include "tests/unit/run.h"

#define START 1000000000ull /* ms */
#define TYPE "_http._tcp.svc.example."

static struct wgl_cache cache;
static struct wgl_settings settings;
static struct wgl_need needs[WGL_NEEDS_MAX];
static union waggle_address server;
static struct packet packet;

static void begin(void)
{
	wgl_cache_init(&cache, 4 << 20, 86400, 1000, 1);
	memset(&settings, 0, sizeof(settings));
	memcpy(settings.zones[0], packet_name("svc.example."), 13);
	settings.zone_count = 1;
	ck_assert_int_eq(wgl_address_parse(&server, "192.0.2.53", 10, 53), WAGGLE_OK);
}

/* Learns the packet as the answer to (name, type). */
static int learn(const char *name, uint16_t type, bool is_whole, uint64_t now_ms,
		 struct waggle_error *error)
{
	struct wgl_reply reply;

	ck_assert_int_eq(wgl_reply_parse(&reply, packet.wire, packet.size), WAGGLE_OK);
	return wgl_learn(&cache, &reply, packet_name(name), type, is_whole, &server, now_ms, error);
}

/* `is_later`: nothing that is in the cache came in by this request. */
static struct wgl_sight sight(uint64_t now_ms, bool is_later)
{
	return (struct wgl_sight){.cache = &cache,
				  .now_ms = now_ms,
				  .since = is_later ? UINT64_MAX : 0,
				  .excuse = WAGGLE_ERR_TIMEOUT,
				  .excuse_text = "silence",
				  .needs = needs};
}

static int resolve(struct waggle_answer **out, const char *name, unsigned flags,
		   struct wgl_sight *view, struct waggle_error *error)
{
	struct wgl_goal goal;
	struct wgl_body *body;
	int ret;

	*out = NULL;
	ck_assert_int_eq(wgl_goal_parse(&goal, WGL_RESOLVE, name, flags, error), WAGGLE_OK);
	ret = wgl_plan(&body, &goal, &settings, view, error);
	if (ret == WAGGLE_OK) {
		ck_assert_int_eq(wgl_answer_new(out, body, view->now_ms), WAGGLE_OK);
	}
	return ret;
}

static void check_need(size_t index, const char *name, uint16_t type, bool is_whole)
{
	char text[DNS_NAME_TEXT_MAX];

	ck_assert_str_eq(dns_name_to_text(text, needs[index].name), name);
	ck_assert_uint_eq(needs[index].type, type);
	ck_assert_int_eq(needs[index].is_whole, is_whole);
}

/* An instance's records in the additional section; with what is in `parts`: s t a 6. */
static void add_instance(unsigned number, const char *parts)
{
	char name[64];
	char host[64];
	char text[96];

	snprintf(name, sizeof(name), "i%u." TYPE, number);
	snprintf(host, sizeof(host), "h%u.svc.example.", number);
	if (strchr(parts, 's') != NULL) {
		snprintf(text, sizeof(text), "1 2 %u %s", 8000 + number, host);
		packet_rr(&packet, DNS_ADDITIONAL, name, DNS_TYPE_SRV, 60, text);
	}
	if (strchr(parts, 't') != NULL) {
		snprintf(text, sizeof(text), "n=%u", number);
		packet_rr(&packet, DNS_ADDITIONAL, name, DNS_TYPE_TXT, 60, text);
	}
	if (strchr(parts, 'a') != NULL) {
		snprintf(text, sizeof(text), "10.0.%u.%u", number / 250, number % 250);
		packet_rr(&packet, DNS_ADDITIONAL, host, DNS_TYPE_A, 60, text);
	}
	if (strchr(parts, '6') != NULL) {
		snprintf(text, sizeof(text), "2001:db8::%x", number);
		packet_rr(&packet, DNS_ADDITIONAL, host, DNS_TYPE_AAAA, 60, text);
	}
}

/* A PTR answer with `count` instances, the first `full` of them with all details. */
static void pool(unsigned count, unsigned full, const char *parts)
{
	char name[64];

	packet_begin(&packet, TYPE, DNS_TYPE_PTR);
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "i%u." TYPE, i);
		packet_rr(&packet, DNS_ANSWER, TYPE, DNS_TYPE_PTR, 10, name);
	}
	for (unsigned i = 0; i < full; i++) {
		add_instance(i, parts);
	}
}

START_TEST(one_answer_with_all_details_is_enough)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_answer *answer;
	const struct waggle_endpoint *endpoint;
	char text[WAGGLE_ADDRESS_TEXT];

	begin();
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WGL_WAIT);
	ck_assert_uint_eq(view.need_count, 1);
	check_need(0, TYPE, DNS_TYPE_PTR, false);
	pool(2, 2, "sta6");
	ck_assert_int_eq(learn(TYPE, DNS_TYPE_PTR, false, START, NULL), WAGGLE_OK);
	ck_assert_int_eq(resolve(&answer, "_HTTP._tcp", 0, &view, NULL), WAGGLE_OK);
	ck_assert_str_eq(answer->name, "_HTTP._tcp.svc.example.");
	ck_assert_int_eq(answer->mark, WAGGLE_FRESH);
	ck_assert_uint_eq(answer->ttl_s, 10);
	ck_assert_uint_eq(answer->age_s, 0);
	ck_assert(answer->is_complete);
	ck_assert_ptr_null(answer->reason);
	ck_assert_uint_eq(answer->count, 2);
	endpoint = answer->endpoints[1];
	ck_assert_str_eq(endpoint->instance, "i1");
	ck_assert_str_eq(endpoint->name, "i1." TYPE);
	ck_assert_str_eq(endpoint->host, "h1.svc.example.");
	ck_assert_uint_eq(endpoint->priority, 1);
	ck_assert_uint_eq(endpoint->weight, 2);
	ck_assert_uint_eq(endpoint->port, 8001);
	ck_assert_uint_eq(endpoint->address_count, 2);
	ck_assert_str_eq(waggle_address_text(text, &endpoint->addresses[0]), "2001:db8::1@8001");
	ck_assert_str_eq(waggle_address_text(text, &endpoint->addresses[1]), "10.0.0.1@8001");
	ck_assert_uint_eq(endpoint->txt_count, 1);
	ck_assert_str_eq(waggle_txt_find(endpoint, "N")->value, "1");
	ck_assert_ptr_null(waggle_txt_find(endpoint, "m"));
	waggle_answer_free(answer);
	waggle_answer_free(NULL);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(one_family_of_addresses_is_enough)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_answer *answer;

	begin();
	pool(1, 1, "st6");
	learn(TYPE, DNS_TYPE_PTR, false, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WAGGLE_OK);
	ck_assert_uint_eq(answer->endpoints[0]->address_count, 1);
	waggle_answer_free(answer);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(few_that_lack_details_are_asked_for_one_by_one)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_answer *answer;

	begin();
	pool(3, 1, "sta");
	learn(TYPE, DNS_TYPE_PTR, false, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WGL_WAIT);
	ck_assert_uint_eq(view.need_count, 4);
	check_need(0, "i1." TYPE, DNS_TYPE_SRV, false);
	check_need(1, "i1." TYPE, DNS_TYPE_TXT, false);
	check_need(2, "i2." TYPE, DNS_TYPE_SRV, false);
	check_need(3, "i2." TYPE, DNS_TYPE_TXT, false);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(more_that_lack_details_are_asked_for_by_tcp_at_once)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_answer *answer;

	begin();
	pool(20, 5, "sta");
	learn(TYPE, DNS_TYPE_PTR, false, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WGL_WAIT);
	ck_assert_uint_eq(view.need_count, 1);
	check_need(0, TYPE, DNS_TYPE_PTR, true);
	pool(20, 19, "sta");
	learn(TYPE, DNS_TYPE_PTR, true, START, NULL);
	/* It has come whole, so what is lacking now is not with it. */
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WGL_WAIT);
	ck_assert_uint_eq(view.need_count, 2);
	/* Known of old, and the details have run out: the small answer first. */
	pool(20, 0, "");
	learn(TYPE, DNS_TYPE_PTR, false, START + 65000, NULL);
	view = sight(START + 66000, true);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WGL_WAIT);
	check_need(0, TYPE, DNS_TYPE_PTR, false);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(through_a_resolver_nothing_is_hoped_of_tcp)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_answer *answer;

	begin();
	pool(10, 0, "");
	packet_flags(&packet, DNS_FLAG_RA, DNS_FLAG_AA, 0);
	learn(TYPE, DNS_TYPE_PTR, false, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WGL_WAIT);
	ck_assert_uint_eq(view.need_count, 20);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(of_a_large_pool_what_is_complete_will_do)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_answer *answer;

	begin();
	pool(300, 100, "sta");
	learn(TYPE, DNS_TYPE_PTR, true, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WAGGLE_OK);
	ck_assert_uint_eq(answer->count, 100);
	ck_assert(!answer->is_complete);
	ck_assert_ptr_nonnull(strstr(answer->reason, "large pool"));
	ck_assert_int_eq(answer->mark, WAGGLE_FRESH);
	waggle_answer_free(answer);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(of_a_large_pool_without_details_srv_at_the_type_is_asked)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_answer *answer;

	begin();
	pool(300, 3, "sta");
	learn(TYPE, DNS_TYPE_PTR, true, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WGL_WAIT);
	ck_assert_uint_eq(view.need_count, 1);
	check_need(0, TYPE, DNS_TYPE_SRV, false);
	packet_begin(&packet, TYPE, DNS_TYPE_SRV);
	packet_rr(&packet, DNS_ANSWER, TYPE, DNS_TYPE_SRV, 10, "0 0 80 h900.svc.example.");
	packet_rr(&packet, DNS_ADDITIONAL, "h900.svc.example.", DNS_TYPE_A, 10, "10.0.0.9");
	learn(TYPE, DNS_TYPE_SRV, false, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WAGGLE_OK);
	ck_assert_uint_eq(answer->count, 1);
	ck_assert_ptr_null(answer->endpoints[0]->instance);
	ck_assert(!answer->is_complete);
	waggle_answer_free(answer);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(a_type_without_pointers_is_asked_for_as_rfc_2782_has_it)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_answer *answer;

	begin();
	packet_begin(&packet, TYPE, DNS_TYPE_PTR);
	packet_rr(&packet, DNS_AUTHORITY, "svc.example.", DNS_TYPE_SOA, 60, "ns.svc.example. 5");
	learn(TYPE, DNS_TYPE_PTR, false, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WGL_WAIT);
	check_need(0, TYPE, DNS_TYPE_SRV, false);
	/* And with WAGGLE_BARE at once. */
	wgl_cache_deinit(&cache);
	begin();
	ck_assert_int_eq(resolve(&answer, "_http._tcp", WAGGLE_BARE, &view, NULL), WGL_WAIT);
	ck_assert_uint_eq(view.need_count, 1);
	check_need(0, TYPE, DNS_TYPE_SRV, false);
	packet_begin(&packet, TYPE, DNS_TYPE_SRV);
	packet_rr(&packet, DNS_ANSWER, TYPE, DNS_TYPE_SRV, 10, "0 5 80 h.other.");
	packet_rr(&packet, DNS_ADDITIONAL, "h.other.", DNS_TYPE_A, 10, "10.0.0.9");
	learn(TYPE, DNS_TYPE_SRV, false, START, NULL);
	/* An address outside of the domain that was asked about is not believed. */
	ck_assert_int_eq(resolve(&answer, "_http._tcp", WAGGLE_BARE, &view, NULL), WGL_WAIT);
	ck_assert_uint_eq(view.need_count, 2);
	check_need(0, "h.other.", DNS_TYPE_A, false);
	check_need(1, "h.other.", DNS_TYPE_AAAA, false);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(an_instance_is_srv_txt_and_addresses)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_answer *answer;
	const char *name = "i0." TYPE;

	begin();
	ck_assert_int_eq(resolve(&answer, "i0._http._tcp", 0, &view, NULL), WGL_WAIT);
	ck_assert_uint_eq(view.need_count, 2);
	check_need(0, name, DNS_TYPE_SRV, false);
	check_need(1, name, DNS_TYPE_TXT, false);
	packet_begin(&packet, name, DNS_TYPE_SRV);
	packet_rr(&packet, DNS_ANSWER, name, DNS_TYPE_SRV, 10, "0 0 80 h0.svc.example.");
	packet_rr(&packet, DNS_ADDITIONAL, "H0.svc.example.", DNS_TYPE_A, 10, "10.0.0.1");
	packet_rr(&packet, DNS_ADDITIONAL, "H0.svc.example.", DNS_TYPE_A, 10, "10.0.0.2");
	learn(name, DNS_TYPE_SRV, false, START, NULL);
	packet_begin(&packet, name, DNS_TYPE_TXT);
	packet_rr(&packet, DNS_ANSWER, name, DNS_TYPE_TXT, 10,
		  "txtvers=1;flag;Empty=;path=/a=b;FLAG=again;=bad;;caf\xc3\xa9=x");
	learn(name, DNS_TYPE_TXT, false, START, NULL);
	ck_assert_int_eq(resolve(&answer, "i0._http._tcp", 0, &view, NULL), WAGGLE_OK);
	const struct waggle_endpoint *endpoint = answer->endpoints[0];
	ck_assert_uint_eq(endpoint->address_count, 2);
	ck_assert_uint_eq(endpoint->txt_count, 4);
	ck_assert_str_eq(waggle_txt_find(endpoint, "txtvers")->value, "1");
	ck_assert_ptr_null(waggle_txt_find(endpoint, "flag")->value);
	ck_assert_uint_eq(waggle_txt_find(endpoint, "empty")->value_size, 0);
	ck_assert_ptr_nonnull(waggle_txt_find(endpoint, "empty")->value);
	ck_assert_str_eq(waggle_txt_find(endpoint, "path")->value, "/a=b");
	waggle_answer_free(answer);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(labels_are_told_as_people_write_them)
{
	static const struct {
		const char *name;
		const char *label;
	} cases[] = {
		{"Caf\\195\\169\\032Two." TYPE, "Caf\xc3\xa9 Two"},
		{"J\\.Smith's\\032Printer." TYPE, "J.Smith's Printer"},
		{"a\\\\b." TYPE, "a\\b"},
		{"\\\\032." TYPE, "\\032"},
		{"nul\\000." TYPE, "nul\\000"},
	};
	struct wgl_sight view = sight(START, false);
	struct wgl_goal goal;
	struct wgl_body *body;
	struct waggle_list *list;

	begin();
	packet_begin(&packet, TYPE, DNS_TYPE_PTR);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		packet_rr(&packet, DNS_ANSWER, TYPE, DNS_TYPE_PTR, 10, cases[i].name);
	}
	learn(TYPE, DNS_TYPE_PTR, false, START, NULL);
	ck_assert_int_eq(wgl_goal_parse(&goal, WGL_BROWSE, "_http._tcp", 0, NULL), WAGGLE_OK);
	ck_assert_int_eq(wgl_plan(&body, &goal, &settings, &view, NULL), WAGGLE_OK);
	ck_assert_int_eq(wgl_list_new(&list, body, START), WAGGLE_OK);
	ck_assert_uint_eq(list->count, COUNT_OF(cases));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t found = 0;

		for (size_t k = 0; k < list->count; k++) {
			found += strcmp(list->entries[k]->name, cases[i].name) == 0 &&
				 strcmp(list->entries[k]->label, cases[i].label) == 0;
		}
		ck_assert_msg(found == 1, "%s", cases[i].name);
	}
	waggle_list_free(list);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(types_are_browsed_in_the_zone_or_in_a_domain)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_error error;
	struct wgl_goal goal;
	struct wgl_body *body;
	struct waggle_list *list;

	begin();
	ck_assert_int_eq(wgl_goal_parse(&goal, WGL_BROWSE, NULL, 0, NULL), WAGGLE_OK);
	ck_assert_int_eq(wgl_plan(&body, &goal, &settings, &view, NULL), WGL_WAIT);
	check_need(0, "_services._dns-sd._udp.svc.example.", DNS_TYPE_PTR, false);
	ck_assert_int_eq(wgl_goal_parse(&goal, WGL_BROWSE, "other", 0, NULL), WAGGLE_OK);
	ck_assert_int_eq(wgl_plan(&body, &goal, &settings, &view, NULL), WGL_WAIT);
	check_need(0, "_services._dns-sd._udp.other.", DNS_TYPE_PTR, false);
	packet_begin(&packet, "_services._dns-sd._udp.other.", DNS_TYPE_PTR);
	packet_rr(&packet, DNS_ANSWER, "_services._dns-sd._udp.other.", DNS_TYPE_PTR, 10,
		  "_http._tcp.other.");
	learn("_services._dns-sd._udp.other.", DNS_TYPE_PTR, false, START, NULL);
	ck_assert_int_eq(wgl_plan(&body, &goal, &settings, &view, NULL), WAGGLE_OK);
	ck_assert_int_eq(wgl_list_new(&list, body, START), WAGGLE_OK);
	ck_assert_str_eq(list->entries[0]->label, "_http._tcp");
	ck_assert_str_eq(list->entries[0]->name, "_http._tcp.other.");
	waggle_list_free(list);
	ck_assert_int_eq(wgl_goal_parse(&goal, WGL_BROWSE, "i0._http._tcp", 0, &error),
			 WAGGLE_ERR_NAME);
	ck_assert_int_eq(wgl_goal_parse(&goal, WGL_RESOLVE, "svc.example", 0, &error),
			 WAGGLE_ERR_NAME);
	ck_assert_int_eq(wgl_goal_parse(&goal, WGL_RESOLVE, NULL, 0, &error), WAGGLE_ERR_ARGUMENT);
	ck_assert_int_eq(wgl_goal_parse(&goal, WGL_RESOLVE, "_a._tcp", 64, &error),
			 WAGGLE_ERR_ARGUMENT);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(a_search_list_is_tried_in_its_order)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_answer *answer;
	struct waggle_error error;

	begin();
	memcpy(settings.zones[1], settings.zones[0], sizeof(settings.zones[0]));
	memcpy(settings.zones[0], packet_name("first."), 7);
	settings.zone_count = 2;
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WGL_WAIT);
	check_need(0, "_http._tcp.first.", DNS_TYPE_PTR, false);
	packet_begin(&packet, "_http._tcp.first.", DNS_TYPE_PTR);
	packet_rr(&packet, DNS_AUTHORITY, "first.", DNS_TYPE_SOA, 60, "ns.first. 5");
	packet_flags(&packet, 0, 0, DNS_RCODE_NXDOMAIN);
	learn("_http._tcp.first.", DNS_TYPE_PTR, false, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WGL_WAIT);
	check_need(0, TYPE, DNS_TYPE_PTR, false);
	pool(1, 1, "sta");
	learn(TYPE, DNS_TYPE_PTR, false, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WAGGLE_OK);
	ck_assert_str_eq(answer->name, TYPE);
	ck_assert_uint_eq(answer->ttl_s, 5); /* of the absence that led here */
	waggle_answer_free(answer);
	settings.zone_count = 0;
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, &error), WAGGLE_ERR_CONFIG);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(empty_is_an_answer)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_answer *answer;

	begin();
	packet_begin(&packet, TYPE, DNS_TYPE_PTR);
	packet_rr(&packet, DNS_AUTHORITY, "svc.example.", DNS_TYPE_SOA, 60, "ns.svc.example. 5");
	packet_flags(&packet, 0, 0, DNS_RCODE_NXDOMAIN);
	learn(TYPE, DNS_TYPE_PTR, false, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WAGGLE_OK);
	ck_assert_uint_eq(answer->count, 0);
	ck_assert_uint_eq(answer->ttl_s, 5); /* MINIMUM, being less than the SOA's TTL */
	ck_assert_int_eq(answer->mark, WAGGLE_FRESH);
	waggle_answer_free(answer);
	/* "." is decidedly no service (RFC 2782). */
	packet_begin(&packet, TYPE, DNS_TYPE_SRV);
	packet_rr(&packet, DNS_ANSWER, TYPE, DNS_TYPE_SRV, 10, "0 0 0 .");
	wgl_cache_deinit(&cache);
	begin();
	learn(TYPE, DNS_TYPE_SRV, false, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", WAGGLE_BARE, &view, NULL), WAGGLE_OK);
	ck_assert_uint_eq(answer->count, 0);
	waggle_answer_free(answer);
	wgl_cache_deinit(&cache);
}
END_TEST

/* RFC 8767: what is past its TTL is used when asking failed, and marked. */
START_TEST(stale_data_is_used_when_nothing_better_can_be_had)
{
	struct wgl_sight view = sight(START + 70000, true);
	struct waggle_answer *answer;
	struct waggle_error error;

	begin();
	pool(2, 2, "sta");
	learn(TYPE, DNS_TYPE_PTR, false, START, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WGL_WAIT);
	wgl_error_set(&error, WAGGLE_ERR_SERVER, "SERVFAIL of old age");
	wgl_cache_fail(&cache, packet_name(TYPE), DNS_TYPE_PTR, START + 100000, &error);
	/* The PTR is held: what it leads to is not asked for. */
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WAGGLE_OK);
	ck_assert_int_eq(answer->mark, WAGGLE_STALE);
	ck_assert_uint_eq(answer->ttl_s, 30);
	ck_assert_uint_eq(answer->age_s, 70);
	ck_assert_uint_eq(answer->count, 2);
	ck_assert(answer->is_complete);
	ck_assert_str_eq(answer->reason, "SERVFAIL of old age");
	waggle_answer_free(answer);
	/* Nothing known and nothing to ask. */
	view.is_final = true;
	ck_assert_int_eq(resolve(&answer, "_ftp._tcp", 0, &view, &error), WAGGLE_ERR_TIMEOUT);
	ck_assert_str_eq(error.text, "nothing is known, and silence");
	view.now_ms = START + 2000000;
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, &error), WAGGLE_ERR_TIMEOUT);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(a_ttl_of_zero_counts_for_the_request_that_asked)
{
	struct wgl_sight view = sight(START, false);
	struct waggle_answer *answer;

	begin();
	packet_begin(&packet, TYPE, DNS_TYPE_SRV);
	packet_rr(&packet, DNS_ANSWER, TYPE, DNS_TYPE_SRV, 0, "0 0 80 h0.svc.example.");
	packet_rr(&packet, DNS_ADDITIONAL, "h0.svc.example.", DNS_TYPE_A, 0x80000001, "10.0.0.1");
	learn(TYPE, DNS_TYPE_SRV, false, START + 5, NULL);
	view.now_ms = START + 6;
	ck_assert_int_eq(resolve(&answer, "_http._tcp", WAGGLE_BARE, &view, NULL), WAGGLE_OK);
	ck_assert_int_eq(answer->mark, WAGGLE_FRESH);
	ck_assert_uint_eq(answer->ttl_s, 1);
	waggle_answer_free(answer);
	view.since = cache.changes;
	ck_assert_int_eq(resolve(&answer, "_http._tcp", WAGGLE_BARE, &view, NULL), WGL_WAIT);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(with_refresh_only_what_is_new_counts)
{
	struct wgl_sight view = sight(START + 100, false);
	struct waggle_answer *answer;

	begin();
	pool(1, 1, "sta");
	learn(TYPE, DNS_TYPE_PTR, false, START, NULL);
	view.is_refresh = true;
	view.since = cache.changes;
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WGL_WAIT);
	learn(TYPE, DNS_TYPE_PTR, false, START + 60, NULL);
	ck_assert_int_eq(resolve(&answer, "_http._tcp", 0, &view, NULL), WAGGLE_OK);
	waggle_answer_free(answer);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(what_is_no_answer_is_not_learnt)
{
	struct waggle_error error;

	begin();
	packet_begin(&packet, TYPE, DNS_TYPE_PTR);
	packet_flags(&packet, 0, 0, DNS_RCODE_SERVFAIL);
	packet_opt(&packet, 14, "the zone\nis not ready", DNS_RCODE_SERVFAIL);
	ck_assert_int_eq(learn(TYPE, DNS_TYPE_PTR, false, START, &error), WAGGLE_ERR_SERVER);
	ck_assert_int_eq(error.rcode, DNS_RCODE_SERVFAIL);
	ck_assert_int_eq(error.info, 14);
	ck_assert_str_eq(error.text, "192.0.2.53@53 answered SERVFAIL: the zone?is not ready");

	packet_begin(&packet, TYPE, DNS_TYPE_PTR);
	packet_flags(&packet, 0, 0, DNS_RCODE_REFUSED);
	ck_assert_int_eq(learn(TYPE, DNS_TYPE_PTR, false, START, &error), WAGGLE_ERR_REFUSED);
	ck_assert_int_eq(error.info, WAGGLE_NO_CODE);

	packet_begin(&packet, TYPE, DNS_TYPE_PTR);
	packet_flags(&packet, 0, DNS_FLAG_AA, 0);
	packet_rr(&packet, DNS_AUTHORITY, "example.", DNS_TYPE_NS, 60, "ns.example.");
	ck_assert_int_eq(learn(TYPE, DNS_TYPE_PTR, false, START, &error), WAGGLE_ERR_SERVER);
	ck_assert_ptr_nonnull(strstr(error.text, "referral"));

	packet_begin(&packet, TYPE, DNS_TYPE_SRV);
	packet_raw(&packet, DNS_ANSWER, TYPE, DNS_TYPE_SRV, 10, "\0\1", 2);
	ck_assert_int_eq(learn(TYPE, DNS_TYPE_SRV, false, START, &error), WAGGLE_ERR_SERVER);
	ck_assert_uint_eq(cache.sets.count, 0);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(aliases_are_followed_with_the_smallest_ttl)
{
	struct wgl_sight view = sight(START, false);
	const struct wgl_rrset *set;

	begin();
	packet_begin(&packet, "a.svc.example.", DNS_TYPE_A);
	packet_rr(&packet, DNS_ANSWER, "a.svc.example.", DNS_TYPE_CNAME, 7, "b.other.");
	packet_rr(&packet, DNS_ANSWER, "b.other.", DNS_TYPE_CNAME, 70, "c.other.");
	packet_rr(&packet, DNS_ANSWER, "c.other.", DNS_TYPE_A, 700, "10.0.0.1");
	learn("a.svc.example.", DNS_TYPE_A, false, START, NULL);
	set = wgl_glance(&view, packet_name("a.svc.example."), DNS_TYPE_A);
	ck_assert_ptr_nonnull(set);
	ck_assert_uint_eq(set->ttl_s, 7);
	/* A loop ends. */
	packet_begin(&packet, "l.svc.example.", DNS_TYPE_A);
	packet_rr(&packet, DNS_ANSWER, "l.svc.example.", DNS_TYPE_CNAME, 7, "m.svc.example.");
	packet_rr(&packet, DNS_ANSWER, "m.svc.example.", DNS_TYPE_CNAME, 7, "l.svc.example.");
	learn("l.svc.example.", DNS_TYPE_A, false, START, NULL);
	ck_assert_int_eq(wgl_glance(&view, packet_name("l.svc.example."), DNS_TYPE_A)->known,
			 WGL_NODATA);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(a_registrar_is_found_by_srv_then_by_soa)
{
	struct wgl_sight view = sight(START, false);
	struct wgl_registrar registrar;
	struct waggle_error error;
	char text[WAGGLE_ADDRESS_TEXT];
	const char *name = "_dns-update._udp.svc.example.";

	begin();
	ck_assert_int_eq(wgl_locate(&registrar, NULL, &settings, &view, &error), WGL_WAIT);
	check_need(0, name, DNS_TYPE_SRV, false);
	packet_begin(&packet, name, DNS_TYPE_SRV);
	packet_rr(&packet, DNS_ANSWER, name, DNS_TYPE_SRV, 60, "2 0 5301 n2.svc.example.");
	packet_rr(&packet, DNS_ANSWER, name, DNS_TYPE_SRV, 60, "1 0 5300 n1.svc.example.");
	packet_rr(&packet, DNS_ADDITIONAL, "n1.svc.example.", DNS_TYPE_A, 60, "10.0.0.1");
	packet_rr(&packet, DNS_ADDITIONAL, "n1.svc.example.", DNS_TYPE_AAAA, 60, "2001:db8::1");
	packet_rr(&packet, DNS_ADDITIONAL, "n2.svc.example.", DNS_TYPE_A, 60, "10.0.0.2");
	learn(name, DNS_TYPE_SRV, false, START, NULL);
	ck_assert_int_eq(wgl_locate(&registrar, NULL, &settings, &view, &error), WGL_WAIT);
	ck_assert_uint_eq(view.need_count, 1);
	check_need(0, "n2.svc.example.", DNS_TYPE_AAAA, false);
	view.is_final = true;
	ck_assert_int_eq(wgl_locate(&registrar, NULL, &settings, &view, &error), WAGGLE_OK);
	ck_assert_uint_eq(registrar.server_count, 3);
	ck_assert_str_eq(waggle_address_text(text, &registrar.servers[0]), "10.0.0.1@5300");
	ck_assert_str_eq(waggle_address_text(text, &registrar.servers[2]), "10.0.0.2@5301");
	ck_assert(dns_name_equal(registrar.zone, settings.zones[0]));
	wgl_cache_deinit(&cache);

	/* The answer that there is none brings the SOA; the domain is below the zone's apex. */
	begin();
	view = sight(START, false);
	packet_begin(&packet, name, DNS_TYPE_SRV);
	packet_flags(&packet, 0, 0, DNS_RCODE_NXDOMAIN);
	packet_rr(&packet, DNS_AUTHORITY, "example.", DNS_TYPE_SOA, 60, "ns.other. 5");
	learn(name, DNS_TYPE_SRV, false, START, NULL);
	ck_assert_int_eq(wgl_locate(&registrar, NULL, &settings, &view, &error), WGL_WAIT);
	ck_assert_uint_eq(view.need_count, 2);
	check_need(0, "ns.other.", DNS_TYPE_A, false);
	packet_begin(&packet, "ns.other.", DNS_TYPE_A);
	packet_rr(&packet, DNS_ANSWER, "ns.other.", DNS_TYPE_A, 60, "10.0.0.3");
	learn("ns.other.", DNS_TYPE_A, false, START, NULL);
	view.is_final = true;
	ck_assert_int_eq(wgl_locate(&registrar, NULL, &settings, &view, &error), WAGGLE_OK);
	ck_assert_str_eq(waggle_address_text(text, &registrar.servers[0]), "10.0.0.3@53");
	ck_assert(dns_name_equal(registrar.zone, packet_name("example.")));
	ck_assert(dns_name_equal(registrar.domain, packet_name("svc.example.")));
	wgl_cache_deinit(&cache);

	/* A server that was named is asked about nothing. */
	begin();
	settings.has_server = true;
	settings.servers[0] = server;
	settings.server_count = 1;
	ck_assert_int_eq(wgl_locate(&registrar, packet_name("x."), &settings, &view, &error),
			 WAGGLE_OK);
	ck_assert(dns_name_equal(registrar.zone, packet_name("x.")));
	settings.has_server = false;
	ck_assert_int_eq(wgl_locate(&registrar, NULL, &settings, &view, &error),
			 WAGGLE_ERR_NO_REGISTRAR);
	settings.zone_count = 0;
	ck_assert_int_eq(wgl_locate(&registrar, NULL, &settings, &view, &error), WAGGLE_ERR_CONFIG);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(any_failed_allocation_is_an_error_and_leaks_nothing)
{
	pool(12, 12, "sta6");
	for (unsigned n = 0;; n++) {
		struct wgl_sight view = sight(START, false);
		struct waggle_answer *answer = NULL;
		struct wgl_reply reply;
		struct wgl_goal goal;
		struct wgl_body *body;
		int learnt;
		int ret;

		begin();
		ck_assert_int_eq(wgl_reply_parse(&reply, packet.wire, packet.size), WAGGLE_OK);
		ck_assert_int_eq(wgl_goal_parse(&goal, WGL_RESOLVE, "_http._tcp", 0, NULL),
				 WAGGLE_OK);
		fail_alloc_after(n);
		learnt = wgl_learn(&cache, &reply, packet_name(TYPE), DNS_TYPE_PTR, false, &server,
				   START, NULL);
		ret = wgl_plan(&body, &goal, &settings, &view, NULL);
		if (ret == WAGGLE_OK) {
			ret = wgl_answer_new(&answer, body, START);
		}
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(learnt, WAGGLE_OK);
			ck_assert_int_eq(ret, WAGGLE_OK);
			ck_assert_uint_eq(answer->count, 12);
		} else {
			ck_assert(learnt == WAGGLE_ERR_NOMEM || ret == WAGGLE_ERR_NOMEM);
			ck_assert(ret == WAGGLE_ERR_NOMEM || ret == WGL_WAIT || ret == WAGGLE_OK);
		}
		waggle_answer_free(answer);
		wgl_cache_deinit(&cache);
		if (!fail_alloc_hit()) {
			break;
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		one_answer_with_all_details_is_enough,
		one_family_of_addresses_is_enough,
		few_that_lack_details_are_asked_for_one_by_one,
		more_that_lack_details_are_asked_for_by_tcp_at_once,
		through_a_resolver_nothing_is_hoped_of_tcp,
		of_a_large_pool_what_is_complete_will_do,
		of_a_large_pool_without_details_srv_at_the_type_is_asked,
		a_type_without_pointers_is_asked_for_as_rfc_2782_has_it,
		an_instance_is_srv_txt_and_addresses,
		labels_are_told_as_people_write_them,
		types_are_browsed_in_the_zone_or_in_a_domain,
		a_search_list_is_tried_in_its_order,
		empty_is_an_answer,
		stale_data_is_used_when_nothing_better_can_be_had,
		a_ttl_of_zero_counts_for_the_request_that_asked,
		with_refresh_only_what_is_new_counts,
		what_is_no_answer_is_not_learnt,
		aliases_are_followed_with_the_smallest_ttl,
		a_registrar_is_found_by_srv_then_by_soa,
		any_failed_allocation_is_an_error_and_leaks_nothing,
	};

	return run_tests("plan", tests, COUNT_OF(tests));
}
