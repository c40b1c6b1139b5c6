#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/update.h"
#include "libclient/settings.h"
#include "libclient/update.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/libclient/packet.h"
#include "tests/unit/run.h"

#define NOW 0x6a000000u
#define ZONE "svc.example."

static const struct waggle_txt pairs[] = {{"version", "2", 1}, {"flag", NULL, 0}, {"e", "", 0}};
static const char *const subtypes[] = {"_blue", "two words"};
static union waggle_address source;

static struct waggle_service service(void)
{
	struct waggle_service made = WAGGLE_SERVICE_INIT;

	made.instance = "web 1";
	made.type = "_http._tcp";
	made.port = 8080;
	made.weight = 7;
	made.txt = pairs;
	made.txt_count = COUNT_OF(pairs);
	made.subtypes = subtypes;
	made.subtype_count = COUNT_OF(subtypes);
	return made;
}

static struct wgl_offer *offer_of(const struct waggle_service *made)
{
	struct wgl_offer *offer;
	struct waggle_error error;

	ck_assert_msg(wgl_offer_new(&offer, made, &error) == WAGGLE_OK, "%s", error.text);
	return offer;
}

static struct wgl_record record_of(const struct wgl_offer *offer, const char *key,
				   const char *address)
{
	struct wgl_record record;
	struct waggle_error error;

	ck_assert_int_eq(wgl_address_parse(&source, address, strlen(address), 0), WAGGLE_OK);
	ck_assert_msg(wgl_record_make(&record, offer, packet_name(ZONE), packet_name(ZONE),
				      "Box_1.local", key == NULL ? NULL : packet_name(key), &source,
				      &error) == WAGGLE_OK,
		      "%s", error.text);
	return record;
}

static const char *host_of(const struct wgl_record *record)
{
	static char texts[4][DNS_NAME_TEXT_MAX];
	static unsigned next;

	return dns_name_to_text(texts[next++ % 4], record->host);
}

/* One line for each record of the update section: owner, form, type, RDATA size. */
static void describe(char *out, size_t room, const struct wgl_message *message,
		     struct dns_message *parsed)
{
	static const char *const forms[] = {"add", "clear", "clear-name", "delete"};
	struct dns_walk walk;
	struct dns_rr rr;
	size_t at = 0;

	ck_assert_int_eq(dns_message_parse(parsed, message->wire, message->size), 0);
	ck_assert_uint_eq(dns_message_opcode(parsed), DNS_OPCODE_UPDATE);
	ck_assert_uint_eq(parsed->id, message->id);
	ck_assert_uint_eq(parsed->qtype, DNS_TYPE_SOA);
	ck_assert_uint_eq(parsed->count[DNS_PREREQUISITE], 0);
	ck_assert(dns_name_equal(parsed->qname, packet_name(ZONE)));
	walk = dns_walk(parsed, DNS_UPDATE);
	out[0] = '\0';
	while (dns_walk_next(&walk, &rr) == 1) {
		uint8_t rdata[1024];
		struct buf_writer writer = buf_writer(rdata, sizeof(rdata));
		char name[DNS_NAME_TEXT_MAX];
		char type[16];
		enum dns_update_form form;

		const bool is_in_zone = dns_name_is_in(rr.owner, packet_name(ZONE));
		ck_assert_int_eq(dns_update_form(&form, &rr, is_in_zone), 0);
		if (rr.rdata_size > 0) {
			ck_assert_int_gt(dns_rr_rdata(parsed, &rr, &writer), 0);
		}
		at += (size_t)snprintf(out + at, room - at, "%s %s %s %u\n",
				       dns_name_to_text(name, rr.owner), forms[form],
				       dns_rrtype_to_text(type, rr.type), rr.ttl);
	}
}

START_TEST(a_registration_is_one_message_with_all_that_belongs_to_it)
{
	struct waggle_service made = service();
	struct dns_message parsed;
	struct wgl_offer *offer;
	struct wgl_message message;
	struct wgl_record record;
	char expected[2048];
	char text[2048];

	offer = offer_of(&made);
	record = record_of(offer, NULL, "192.0.2.7");
	ck_assert_int_eq(wgl_message_register(&message, offer, &record, NULL, NOW), WAGGLE_OK);
	describe(text, sizeof(text), &message, &parsed);
	snprintf(expected, sizeof(expected),
		 "web\\0321._http._tcp.svc.example. clear-name ANY 0\n"
		 "%s add A 60\n"
		 "web\\0321._http._tcp.svc.example. add SRV 60\n"
		 "web\\0321._http._tcp.svc.example. add TXT 60\n"
		 "_http._tcp.svc.example. add PTR 60\n"
		 "_blue._sub._http._tcp.svc.example. add PTR 60\n"
		 "two\\032words._sub._http._tcp.svc.example. add PTR 60\n",
		 host_of(&record));
	ck_assert_str_eq(text, expected);
	ck_assert(parsed.edns.lease.present && !parsed.edns.lease.has_key);
	ck_assert_uint_eq(parsed.edns.lease.lease_s, 60);
	ck_assert_uint_eq(parsed.tsig_at, 0);
	wgl_message_deinit(&message);
	free(offer);
}
END_TEST

START_TEST(a_withdrawal_deletes_the_same_records_by_value)
{
	struct waggle_service made = service();
	struct dns_message parsed;
	struct wgl_offer *offer = offer_of(&made);
	struct wgl_record record = record_of(offer, NULL, "2001:db8::7");
	struct wgl_message message;
	char text[2048];

	ck_assert_int_eq(wgl_message_withdraw(&message, offer, &record, false, NULL, NOW),
			 WAGGLE_OK);
	describe(text, sizeof(text), &message, &parsed);
	ck_assert_str_eq(text, "_http._tcp.svc.example. delete PTR 0\n"
			       "_blue._sub._http._tcp.svc.example. delete PTR 0\n"
			       "two\\032words._sub._http._tcp.svc.example. delete PTR 0\n"
			       "web\\0321._http._tcp.svc.example. delete SRV 0\n"
			       "web\\0321._http._tcp.svc.example. delete TXT 0\n");
	ck_assert(parsed.edns.lease.present);
	ck_assert_uint_eq(parsed.edns.lease.lease_s, 0);
	wgl_message_deinit(&message);
	/* All of it: the shared host's address too. */
	ck_assert_int_eq(wgl_message_withdraw(&message, offer, &record, true, NULL, NOW),
			 WAGGLE_OK);
	describe(text, sizeof(text), &message, &parsed);
	ck_assert_ptr_nonnull(strstr(text, "delete AAAA"));
	wgl_message_deinit(&message);
	free(offer);
}
END_TEST

START_TEST(a_host_that_was_named_is_the_providers_alone)
{
	static const char *const addresses[] = {"192.0.2.9", "2001:db8::9", "192.0.2.9"};
	struct waggle_service made = service();
	struct dns_message parsed;
	struct wgl_offer *offer;
	struct wgl_record record;
	struct wgl_message message;
	char text[2048];

	made.subtype_count = 0;
	made.host = "h1";
	made.addresses = addresses;
	made.address_count = COUNT_OF(addresses);
	made.lease_s = 30;
	made.key_lease_s = 90;
	offer = offer_of(&made);
	record = record_of(offer, NULL, "192.0.2.7");
	ck_assert_int_eq(wgl_message_register(&message, offer, &record, NULL, NOW), WAGGLE_OK);
	describe(text, sizeof(text), &message, &parsed);
	ck_assert_str_eq(text, "web\\0321._http._tcp.svc.example. clear-name ANY 0\n"
			       "h1.svc.example. clear A 0\n"
			       "h1.svc.example. clear AAAA 0\n"
			       "h1.svc.example. add A 30\n"
			       "h1.svc.example. add AAAA 30\n"
			       "web\\0321._http._tcp.svc.example. add SRV 30\n"
			       "web\\0321._http._tcp.svc.example. add TXT 30\n"
			       "_http._tcp.svc.example. add PTR 30\n");
	ck_assert(parsed.edns.lease.has_key);
	ck_assert_uint_eq(parsed.edns.lease.key_lease_s, 90);
	wgl_message_deinit(&message);
	ck_assert_int_eq(wgl_message_withdraw(&message, offer, &record, false, NULL, NOW),
			 WAGGLE_OK);
	describe(text, sizeof(text), &message, &parsed);
	ck_assert_ptr_nonnull(strstr(text, "h1.svc.example. delete A 0\n"));
	ck_assert_ptr_nonnull(strstr(text, "h1.svc.example. delete AAAA 0\n"));
	wgl_message_deinit(&message);
	free(offer);
	/* A host elsewhere, and one that has its addresses: nothing is said of them. */
	made.host = "h1.other.";
	offer = offer_of(&made);
	record = record_of(offer, NULL, "192.0.2.7");
	ck_assert_str_eq(host_of(&record), "h1.other.");
	ck_assert(!record.has_addresses);
	free(offer);
	made.host = "h1";
	made.flags = WAGGLE_NO_ADDRESS;
	offer = offer_of(&made);
	record = record_of(offer, NULL, "192.0.2.7");
	ck_assert_int_eq(wgl_message_register(&message, offer, &record, NULL, NOW), WAGGLE_OK);
	describe(text, sizeof(text), &message, &parsed);
	ck_assert_ptr_null(strstr(text, "h1"));
	wgl_message_deinit(&message);
	free(offer);
}
END_TEST

START_TEST(the_default_host_is_shared_where_addresses_and_key_agree)
{
	struct waggle_service made = service();
	struct wgl_offer *offer = offer_of(&made);
	struct wgl_record record = record_of(offer, NULL, "192.0.2.7");
	struct wgl_record same = record_of(offer, NULL, "192.0.2.7");
	struct wgl_record address = record_of(offer, NULL, "192.0.2.8");
	struct wgl_record key = record_of(offer, "ops.", "192.0.2.7");
	struct wgl_record upper = record_of(offer, "OPS.", "192.0.2.7");

	ck_assert_uint_eq(strlen(host_of(&record)), strlen("box1-123456.svc.example."));
	ck_assert_int_eq(memcmp(host_of(&record), "box1-", 5), 0);
	ck_assert_str_eq(host_of(&record), host_of(&same));
	ck_assert_str_ne(host_of(&record), host_of(&address));
	ck_assert_str_ne(host_of(&record), host_of(&key));
	ck_assert_str_eq(host_of(&upper), host_of(&key));
	ck_assert(!record.is_host_ours);
	free(offer);
}
END_TEST

START_TEST(the_order_of_addresses_makes_no_difference)
{
	static const char *const orders[][2] = {{"192.0.2.1", "2001:db8::1"},
						{"2001:db8::1", "192.0.2.1"}};
	struct wgl_record records[2];

	for (size_t i = 0; i < 2; i++) {
		struct waggle_service made = service();
		struct wgl_offer *offer;

		made.addresses = orders[i];
		made.address_count = 2;
		offer = offer_of(&made);
		records[i] = record_of(offer, NULL, "192.0.2.7");
		free(offer);
	}
	ck_assert_str_eq(host_of(&records[0]), host_of(&records[1]));
	ck_assert_int_eq(
		memcmp(records[0].addresses, records[1].addresses, sizeof(records[0].addresses)),
		0);
}
END_TEST

/* An address by which others could not reach this machine is never registered unasked. */
START_TEST(a_source_that_nobody_could_reach_is_refused)
{
	static const char *const sources[] = {"0.0.0.0", "169.254.1.1", "224.0.0.1",      "fe80::1",
					      "::",      "ff02::1",     "255.255.255.255"};
	struct waggle_service made = service();
	struct wgl_offer *offer = offer_of(&made);

	for (size_t i = 0; i < COUNT_OF(sources); i++) {
		struct waggle_error error;
		struct wgl_record record;

		ck_assert_int_eq(wgl_address_parse(&source, sources[i], strlen(sources[i]), 0),
				 WAGGLE_OK);
		ck_assert_int_eq(wgl_record_make(&record, offer, packet_name(ZONE),
						 packet_name(ZONE), "", NULL, &source, &error),
				 WAGGLE_ERR_ADDRESS);
		ck_assert_ptr_nonnull(strstr(error.text, "name an address"));
	}
	free(offer);
}
END_TEST

START_TEST(what_cannot_be_registered_is_refused)
{
	static const struct waggle_txt bad_key[] = {{"a=b", NULL, 0}};
	static const struct waggle_txt no_key[] = {{"", "x", 1}};
	static const char *const bad_subtypes[] = {""};
	static const char *const bad_address[] = {"192.0.2.1@80"};
	static const char *const zero[] = {"0.0.0.0"};
	char value[300];
	struct waggle_txt long_pair = {"k", value, 254};
	struct {
		struct waggle_service service;
		int code;
	} cases[20];
	size_t count = 0;

	memset(value, 'x', sizeof(value));
#define REFUSED(member, content, expected)                                                         \
	cases[count].service = service();                                                          \
	cases[count].service.member = content;                                                     \
	cases[count++].code = expected
	REFUSED(size, 8, WAGGLE_ERR_ARGUMENT);
	REFUSED(flags, 64, WAGGLE_ERR_ARGUMENT);
	REFUSED(instance, NULL, WAGGLE_ERR_NAME);
	REFUSED(instance, "", WAGGLE_ERR_NAME);
	REFUSED(instance, "a\nb", WAGGLE_ERR_NAME);
	REFUSED(type, NULL, WAGGLE_ERR_NAME);
	REFUSED(type, "http", WAGGLE_ERR_NAME);
	REFUSED(type, "a._http._tcp", WAGGLE_ERR_NAME);
	REFUSED(port, 0, WAGGLE_ERR_ARGUMENT);
	REFUSED(txt, bad_key, WAGGLE_ERR_ARGUMENT);
	cases[count - 1].service.txt_count = 1;
	REFUSED(txt, no_key, WAGGLE_ERR_ARGUMENT);
	cases[count - 1].service.txt_count = 1;
	REFUSED(txt, &long_pair, WAGGLE_ERR_ARGUMENT);
	cases[count - 1].service.txt_count = 1;
	REFUSED(subtypes, bad_subtypes, WAGGLE_ERR_NAME);
	cases[count - 1].service.subtype_count = 1;
	REFUSED(subtype_count, 101, WAGGLE_ERR_ARGUMENT);
	REFUSED(host, "a..b", WAGGLE_ERR_NAME);
	REFUSED(addresses, bad_address, WAGGLE_ERR_ADDRESS);
	cases[count - 1].service.address_count = 1;
	REFUSED(addresses, zero, WAGGLE_ERR_ADDRESS);
	cases[count - 1].service.address_count = 1;
	REFUSED(lease_s, 604801, WAGGLE_ERR_ARGUMENT);
	REFUSED(key_lease_s, 10, WAGGLE_ERR_ARGUMENT);
	REFUSED(flags, WAGGLE_NO_ADDRESS, WAGGLE_ERR_ARGUMENT);
#undef REFUSED
	for (size_t i = 0; i < count; i++) {
		struct waggle_error error = {0};
		struct wgl_offer *offer;

		ck_assert_msg(wgl_offer_new(&offer, &cases[i].service, &error) == cases[i].code,
			      "case %zu: %s", i, error.text);
		ck_assert_ptr_null(offer);
		ck_assert_int_eq(error.code, cases[i].code);
	}
	long_pair.value_size = 253;
	cases[0].service = service();
	cases[0].service.txt = &long_pair;
	cases[0].service.txt_count = 1;
	free(offer_of(&cases[0].service));
}
END_TEST

START_TEST(without_pairs_the_txt_record_is_one_zero_octet)
{
	struct waggle_service made = service();
	struct wgl_offer *offer;

	made.txt_count = 0;
	offer = offer_of(&made);
	ck_assert_uint_eq(offer->txt_size, 1);
	ck_assert_uint_eq(offer->txt[0], 0);
	free(offer);
	made = service();
	offer = offer_of(&made);
	ck_assert_uint_eq(offer->txt_size, 10 + 5 + 3);
	ck_assert_int_eq(memcmp(offer->txt, "\11version=2\4flag\2e=", 18), 0);
	free(offer);
}
END_TEST

START_TEST(names_that_do_not_fit_the_zone_are_refused)
{
	struct waggle_service made = service();
	struct wgl_offer *offer;
	struct waggle_error error;
	struct wgl_record record;
	char zone[256];

	memset(zone, 'a', sizeof(zone));
	zone[63] = zone[127] = zone[191] = '.';
	zone[230] = '\0';
	made.instance = "0123456789012345678901234567890123456789";
	offer = offer_of(&made);
	record_of(offer, NULL, "192.0.2.7");
	ck_assert_int_eq(wgl_record_make(&record, offer, packet_name(zone), packet_name(zone), "m",
					 NULL, &source, &error),
			 WAGGLE_ERR_NAME);
	free(offer);
}
END_TEST

START_TEST(a_signed_message_has_its_signature_last)
{
	struct waggle_service made = service();
	struct wgl_offer *offer = offer_of(&made);
	struct wgl_record record = record_of(offer, "ops.", "192.0.2.7");
	struct wgl_message message;
	struct dns_message parsed;
	struct wgl_key *key;
	char text[2048];

	ck_assert_int_eq(wgl_key_parse(&key, "hmac-sha384:ops:YWFh", 20, NULL), WAGGLE_OK);
	ck_assert_int_eq(wgl_message_register(&message, offer, &record, key, NOW), WAGGLE_OK);
	describe(text, sizeof(text), &message, &parsed);
	ck_assert_uint_gt(parsed.tsig_at, 0);
	ck_assert_uint_eq(message.signature.mac_size, 48);
	wgl_message_deinit(&message);
	wgl_key_free(key);
	free(offer);
}
END_TEST

START_TEST(a_large_message_gets_the_room_it_needs_up_to_the_limit)
{
	char value[250];
	struct waggle_txt many[230];
	struct waggle_service made = service();
	struct wgl_offer *offer;
	struct wgl_record record;
	struct wgl_message message;

	memset(value, 'x', sizeof(value));
	for (size_t i = 0; i < COUNT_OF(many); i++) {
		many[i] = (struct waggle_txt){"k", value, sizeof(value)};
	}
	made.txt = many;
	made.txt_count = COUNT_OF(many);
	offer = offer_of(&made);
	record = record_of(offer, NULL, "192.0.2.7");
	ck_assert_int_eq(wgl_message_register(&message, offer, &record, NULL, NOW), WAGGLE_OK);
	ck_assert_uint_gt(message.size, 57000);
	wgl_message_deinit(&message);
	free(offer);
}
END_TEST

START_TEST(any_failed_allocation_is_an_error)
{
	struct waggle_service made = service();

	for (unsigned n = 0;; n++) {
		struct wgl_message messages[2] = {{0}};
		struct wgl_offer *offer;
		struct wgl_record record;
		int ret;

		fail_alloc_after(n);
		ret = wgl_offer_new(&offer, &made, NULL);
		if (ret == WAGGLE_OK) {
			ret = wgl_record_make(&record, offer, packet_name(ZONE), packet_name(ZONE),
					      "m", NULL, &source, NULL);
		}
		if (ret == WAGGLE_OK) {
			ret = wgl_message_register(&messages[0], offer, &record, NULL, NOW);
		}
		if (ret == WAGGLE_OK) {
			ret = wgl_message_probe(&messages[1], &record);
		}
		fail_alloc_off();
		ck_assert_int_eq(ret, fail_alloc_hit() ? WAGGLE_ERR_NOMEM : WAGGLE_OK);
		wgl_message_deinit(&messages[0]);
		wgl_message_deinit(&messages[1]);
		free(offer);
		if (!fail_alloc_hit()) {
			break;
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_registration_is_one_message_with_all_that_belongs_to_it,
		a_withdrawal_deletes_the_same_records_by_value,
		a_host_that_was_named_is_the_providers_alone,
		the_default_host_is_shared_where_addresses_and_key_agree,
		the_order_of_addresses_makes_no_difference,
		a_source_that_nobody_could_reach_is_refused,
		what_cannot_be_registered_is_refused,
		without_pairs_the_txt_record_is_one_zero_octet,
		names_that_do_not_fit_the_zone_are_refused,
		a_signed_message_has_its_signature_last,
		a_large_message_gets_the_room_it_needs_up_to_the_limit,
		any_failed_allocation_is_an_error,
	};

	if (wgl_address_parse(&source, "192.0.2.7", 9, 0) != WAGGLE_OK) {
		return EXIT_FAILURE;
	}
	return run_tests("update", tests, COUNT_OF(tests));
}
