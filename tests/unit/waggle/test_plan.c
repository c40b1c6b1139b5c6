#include <arpa/inet.h>
#include <string.h>

#include "tests/unit/run.h"
#include "waggle/plan.h"

/* What is printed for this service; free it. */
static char *print(const struct service *service, const char *key)
{
	union waggle_address addresses[2] = {{.v4 = {.sin_family = AF_INET}},
					     {.v6 = {.sin6_family = AF_INET6}}};
	const struct waggle_report report = {.state = WAGGLE_PLANNED,
					     .name = "my\\.web._http._tcp.svc.example.",
					     .host = "h1.svc.example.",
					     .server = "192.0.2.53@53",
					     .address_count = 2,
					     .addresses = addresses};
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(inet_pton(AF_INET, "192.0.2.7", &addresses[0].v4.sin_addr), 1);
	ck_assert_int_eq(inet_pton(AF_INET6, "2001:db8::7", &addresses[1].v6.sin6_addr), 1);
	plan_print(stream, service, &report, key);
	fclose(stream);
	return text;
}

START_TEST(a_plan_shows_its_records_as_a_master_file)
{
	static const char *const subtypes[] = {"_a.b"};
	static const struct waggle_txt txt[] = {
		{"path", "/\"x\"", 4}, {"flag", NULL, 0}, {"raw", "\x01", 1}};
	struct service service;

	service_init(&service);
	service.wanted.port = 80;
	service.wanted.weight = 3;
	service.wanted.subtypes = subtypes;
	service.wanted.subtype_count = 1;
	service.wanted.txt = txt;
	service.wanted.txt_count = COUNT_OF(txt);
	service.wanted.lease_s = 30;
	char *text = print(&service, "ops.");
	ck_assert_str_eq(
		text,
		"; my\\.web._http._tcp.svc.example. at 192.0.2.53@53, signed with the key ops.\n"
		"; address: the one by which 192.0.2.53@53 is reached from here\n"
		"; host: made of this machine's name, its addresses and the key\n"
		"; lease: 30 s will be asked for\n"
		"_http._tcp.svc.example. 30 IN PTR my\\.web._http._tcp.svc.example.\n"
		"_a\\.b._sub._http._tcp.svc.example. 30 IN PTR my\\.web._http._tcp.svc.example.\n"
		"my\\.web._http._tcp.svc.example. 30 IN SRV 0 3 80 h1.svc.example.\n"
		"my\\.web._http._tcp.svc.example. 30 IN TXT \"path=/\\\"x\\\"\" \"flag\" "
		"\"raw=\\001\"\n"
		"h1.svc.example. 30 IN A 192.0.2.7\n"
		"h1.svc.example. 30 IN AAAA 2001:db8::7\n");
	free(text);
}
END_TEST

START_TEST(a_plan_says_where_address_and_host_are_from)
{
	struct service service;

	service_init(&service);
	service.wanted.port = 80;
	ck_assert_str_eq(plan_address_source(&service), "route");
	service.wanted.address_count = 1;
	service.wanted.host = "h1";
	ck_assert_str_eq(plan_address_source(&service), "given");
	char *text = print(&service, NULL);
	ck_assert_ptr_nonnull(strstr(
		text,
		"192.0.2.53@53, unsigned\n; address: as given\n; host: as given\n; lease: 60 s"));
	ck_assert_ptr_nonnull(strstr(text, " 60 IN TXT \"\"\n"));
	free(text);
	service.wanted.flags = WAGGLE_NO_ADDRESS;
	ck_assert_str_eq(plan_address_source(&service), "none");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_plan_shows_its_records_as_a_master_file,
		a_plan_says_where_address_and_host_are_from,
	};

	return run_tests("waggle plan", tests, COUNT_OF(tests));
}
