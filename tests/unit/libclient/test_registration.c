/*
 * Registering a service: made, kept, refused, withdrawn, signed.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dns/types.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/libclient/client_world.h"

struct reports {
	atomic_uint count;
	atomic_int state;
	atomic_int code;
	atomic_bool was_forgotten;
	char host[64];
};

static void on_report(struct waggle_registration *registration, const struct waggle_report *report,
		      void *context)
{
	struct reports *reports = context;

	(void)registration;
	ck_assert_uint_le(report->left_s, report->lease_s);
	snprintf(reports->host, sizeof(reports->host), "%s",
		 report->host == NULL ? "" : report->host);
	if (report->was_forgotten) {
		atomic_store(&reports->was_forgotten, true);
	}
	atomic_store(&reports->state, (int)report->state);
	atomic_store(&reports->code, report->error->code);
	atomic_fetch_add(&reports->count, 1);
}

static struct waggle_service service(void)
{
	struct waggle_service made = WAGGLE_SERVICE_INIT;

	made.instance = "i9";
	made.type = "_http._tcp";
	made.port = 8080;
	return made;
}

START_TEST(a_registration_is_made_kept_and_withdrawn)
{
	const struct waggle_service made = service();
	struct waggle_registration *registration;
	struct reports reports = {0};

	begin();
	responder_lease(responder, 2);
	responder_instances(responder, 10);
	ck_assert_msg(waggle_register(client, &made, on_report, &reports, &registration, &error) ==
			      WAGGLE_OK,
		      "%s", error.text);
	ck_assert_uint_eq(atomic_load(&reports.count), 1);
	ck_assert_int_eq(atomic_load(&reports.state), WAGGLE_REGISTERED);
	ck_assert_uint_eq(responder_updates(responder), 1);
	/* Heartbeats go by themselves, before the lease is over. */
	wait_for(&reports.count, 2);
	ck_assert_int_eq(atomic_load(&reports.state), WAGGLE_REGISTERED);
	ck_assert(!atomic_load(&reports.was_forgotten));
	ck_assert_int_eq(waggle_heartbeat(registration, &error), WAGGLE_OK);
	ck_assert_uint_ge(responder_updates(responder), 3);
	/* The registry loses it, and takes it again. */
	responder_instances(responder, 9);
	ck_assert_int_eq(waggle_heartbeat(registration, &error), WAGGLE_OK);
	ck_assert(atomic_load(&reports.was_forgotten));
	ck_assert_int_eq(waggle_withdraw(registration, &error), WAGGLE_OK);
	ck_assert_int_eq(atomic_load(&reports.state), WAGGLE_WITHDRAWN);
	ck_assert_uint_eq(responder_removals(responder), 1);
	ck_assert_int_eq(waggle_withdraw(NULL, &error), WAGGLE_OK);
	end();
}
END_TEST

START_TEST(a_heartbeat_may_be_sent_without_waiting_for_it)
{
	const struct waggle_service made = service();
	struct waggle_registration *registration;
	struct reports reports = {0};

	begin();
	responder_instances(responder, 10);
	ck_assert_int_eq(waggle_register(client, &made, on_report, &reports, &registration, &error),
			 WAGGLE_OK);
	ck_assert_uint_eq(responder_updates(responder), 1);
	/* Long before its time. */
	waggle_heartbeat_start(registration);
	wait_for(&reports.count, 2);
	ck_assert_int_eq(atomic_load(&reports.state), WAGGLE_REGISTERED);
	ck_assert_int_eq(atomic_load(&reports.code), WAGGLE_OK);
	ck_assert_uint_eq(responder_updates(responder), 2);
	/* The registry has lost it, and takes it again. */
	responder_instances(responder, 9);
	waggle_heartbeat_start(registration);
	wait_for(&reports.count, 3);
	ck_assert(atomic_load(&reports.was_forgotten));
	ck_assert_uint_eq(responder_updates(responder), 3);
	/* And refuses it at last. */
	responder_update_rcode(responder, DNS_RCODE_REFUSED);
	waggle_heartbeat_start(registration);
	wait_for(&reports.count, 4);
	ck_assert_int_eq(atomic_load(&reports.state), WAGGLE_DENIED);
	ck_assert_int_eq(atomic_load(&reports.code), WAGGLE_ERR_REFUSED);
	waggle_abandon(registration);
	end();
}
END_TEST

START_TEST(what_the_server_refuses_is_told_at_once)
{
	static const struct {
		unsigned rcode;
		int code;
	} cases[] = {
		{DNS_RCODE_REFUSED, WAGGLE_ERR_REFUSED}, {DNS_RCODE_NOTAUTH, WAGGLE_ERR_REFUSED},
		{DNS_RCODE_YXDOMAIN, WAGGLE_ERR_TAKEN},  {DNS_RCODE_FORMERR, WAGGLE_ERR_REFUSED},
		{DNS_RCODE_NOTIMP, WAGGLE_ERR_REFUSED},
	};
	const struct waggle_service made = service();
	struct waggle_registration *registration;
	struct reports reports = {0};

	begin();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		responder_update_rcode(responder, cases[i].rcode);
		ck_assert_int_eq(
			waggle_register(client, &made, on_report, &reports, &registration, &error),
			cases[i].code);
		ck_assert_ptr_null(registration);
		ck_assert_int_eq(error.rcode, (int)cases[i].rcode);
		ck_assert_int_eq(atomic_load(&reports.state), WAGGLE_DENIED);
	}
	end();
}
END_TEST

START_TEST(a_server_that_comes_late_is_waited_for)
{
	const struct waggle_service made = service();
	struct waggle_registration *registration;
	struct reports reports = {0};

	begin();
	responder_update_rcode(responder, DNS_RCODE_SERVFAIL);
	ck_assert_int_eq(
		waggle_register_start(client, &made, on_report, &reports, &registration, &error),
		WAGGLE_OK);
	wait_for(&reports.count, 1);
	ck_assert_int_eq(atomic_load(&reports.state), WAGGLE_PENDING);
	ck_assert_int_eq(atomic_load(&reports.code), WAGGLE_ERR_SERVER);
	responder_update_rcode(responder, DNS_RCODE_NOERROR);
	for (int i = 0; i < 20000 && atomic_load(&reports.state) == WAGGLE_PENDING; i++) {
		usleep(1000);
	}
	ck_assert_int_eq(atomic_load(&reports.state), WAGGLE_REGISTERED);
	waggle_abandon(registration);
	waggle_abandon(NULL);
	end();
}
END_TEST

START_TEST(an_update_goes_by_tcp_when_udp_stays_silent)
{
	const struct waggle_service made = service();
	struct waggle_registration *registration;

	begin();
	responder_fail(responder, FAULT_SILENT_UDP);
	ck_assert_msg(waggle_register(client, &made, NULL, NULL, &registration, &error) ==
			      WAGGLE_OK,
		      "%s", error.text);
	end();
}
END_TEST

START_TEST(a_dry_run_sends_nothing)
{
	struct waggle_service made = service();
	struct waggle_registration *registration;
	struct reports reports = {0};

	begin();
	made.flags = WAGGLE_DRY_RUN;
	made.host = "h1";
	ck_assert_int_eq(waggle_register(client, &made, on_report, &reports, &registration, &error),
			 WAGGLE_OK);
	ck_assert_int_eq(atomic_load(&reports.state), WAGGLE_PLANNED);
	ck_assert_str_eq(reports.host, "h1.svc.example.");
	ck_assert_int_eq(waggle_heartbeat(registration, &error), WAGGLE_OK);
	ck_assert_int_eq(waggle_withdraw(registration, &error), WAGGLE_OK);
	ck_assert_uint_eq(responder_updates(responder), 0);
	end();
}
END_TEST

/* The server that resolv.conf names is asked which one takes updates. */
START_TEST(the_registrar_is_found_where_no_server_is_named)
{
	const struct waggle_service made = service();
	struct waggle_options options = WAGGLE_OPTIONS_INIT;
	struct waggle_registration *registration;
	char path[160];
	FILE *file;

	responder = responder_start(1);
	snprintf(path, sizeof(path), "%s.resolv", snapshot);
	file = fopen(path, "w");
	fprintf(file, "nameserver %s\nsearch svc.example\n", responder_server(responder));
	fclose(file);
	options.flags = WAGGLE_NO_ENVIRONMENT;
	options.resolv_conf = path;
	open_client(&options);
	ck_assert_msg(waggle_register(client, &made, NULL, NULL, &registration, &error) ==
			      WAGGLE_OK,
		      "%s", error.text);
	ck_assert_uint_eq(responder_updates(responder), 1);
	ck_assert_uint_ge(responder_udp(responder), 1);
	waggle_withdraw_start(registration);
	for (int i = 0; i < 1000 && responder_removals(responder) == 0; i++) {
		usleep(10000);
	}
	ck_assert_uint_eq(responder_removals(responder), 1);
	end();
}
END_TEST

START_TEST(a_signed_request_wants_a_signed_answer)
{
	const struct waggle_service made = service();
	struct waggle_registration *registration;
	struct waggle_options options;
	char path[160];
	FILE *file;

	responder = responder_start(1);
	snprintf(path, sizeof(path), "%s.key", snapshot);
	file = fopen(path, "w");
	fputs("hmac-sha256:ops:c2VjcmV0\n", file);
	fclose(file);
	options = options_of(responder_server(responder));
	options.key = path;
	open_client(&options);
	ck_assert_str_eq(waggle_setting(client, WAGGLE_SETTING_KEY), "ops.");
	ck_assert_int_eq(waggle_register(client, &made, NULL, NULL, &registration, &error),
			 WAGGLE_ERR_SIGNATURE);
	ck_assert_ptr_nonnull(strstr(error.text, "does not sign"));
	end();
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------ */

START_TEST(registering_survives_any_failed_allocation)
{
	const struct waggle_service made = service();

	responder = responder_start(1);
	for (unsigned n = 0;; n++) {
		struct waggle_options options = options_of(responder_server(responder));
		struct waggle_registration *registration = NULL;
		bool was_hit;
		int ret;

		open_client(&options);
		fail_alloc_after(n);
		ret = waggle_register(client, &made, NULL, NULL, &registration, &error);
		fail_alloc_off();
		was_hit = fail_alloc_hit();
		ck_assert_int_eq(registration != NULL, ret == WAGGLE_OK);
		if (registration != NULL) {
			ck_assert_int_eq(waggle_withdraw(registration, &error), WAGGLE_OK);
		}
		waggle_close(client);
		if (!was_hit) {
			ck_assert_int_eq(ret, WAGGLE_OK);
			break;
		}
	}
	responder_stop(responder);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_registration_is_made_kept_and_withdrawn,
		a_heartbeat_may_be_sent_without_waiting_for_it,
		what_the_server_refuses_is_told_at_once,
		a_server_that_comes_late_is_waited_for,
		an_update_goes_by_tcp_when_udp_stays_silent,
		a_dry_run_sends_nothing,
		the_registrar_is_found_where_no_server_is_named,
		a_signed_request_wants_a_signed_answer,
		registering_survives_any_failed_allocation,
	};

	return run_client_tests("registration", tests, COUNT_OF(tests));
}
