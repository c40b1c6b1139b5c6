/* The records of a service in the order in which a reader follows them. */
#include "waggle/plan.h"

#include <inttypes.h>
#include <string.h>

#define TTL_STANDARD 60
#define LEASE_STANDARD 60

const char *plan_address_source(const struct service *service)
{
	if ((service->wanted.flags & WAGGLE_NO_ADDRESS) != 0) {
		return "none";
	}
	return service->wanted.address_count > 0 ? "given" : "route";
}

/* The name without its first label; an escaped dot does not end it. */
static const char *parent_name(const char *name)
{
	while (*name != '\0' && *name != '.') {
		name += name[0] == '\\' && name[1] != '\0' ? 2 : 1;
	}
	return *name == '.' && name[1] != '\0' ? name + 1 : name;
}

static void print_octet(FILE *stream, unsigned char octet, const char *escaped)
{
	if (octet < 0x20 || octet >= 0x7f) {
		fprintf(stream, "\\%03u", octet);
	} else {
		fprintf(stream, strchr(escaped, octet) != NULL ? "\\%c" : "%c", octet);
	}
}

static void print_label(FILE *stream, const char *label)
{
	for (; *label != '\0'; label++) {
		print_octet(stream, (unsigned char)*label, ".\\\"();@$ ");
	}
}

static void print_txt(FILE *stream, const struct waggle_service *wanted)
{
	if (wanted->txt_count == 0) {
		fputs(" \"\"", stream);
	}
	for (size_t i = 0; i < wanted->txt_count; i++) {
		const struct waggle_txt *pair = &wanted->txt[i];

		fputs(" \"", stream);
		for (const char *at = pair->key; *at != '\0'; at++) {
			print_octet(stream, (unsigned char)*at, "\"\\");
		}
		fputs(pair->value == NULL ? "" : "=", stream);
		for (size_t k = 0; k < pair->value_size; k++) {
			print_octet(stream, (unsigned char)pair->value[k], "\"\\");
		}
		fputc('"', stream);
	}
	fputc('\n', stream);
}

static void print_reasons(FILE *stream, const struct service *service,
			  const struct waggle_report *report, const char *key)
{
	const struct waggle_service *wanted = &service->wanted;
	const char *server = report->server == NULL ? "(no server known)" : report->server;

	fprintf(stream, "; %s at %s, %s%s\n", report->name, server,
		key == NULL ? "unsigned" : "signed with the key ", key == NULL ? "" : key);
	if ((wanted->flags & WAGGLE_NO_ADDRESS) != 0) {
		fputs("; no address: the host has them from elsewhere\n", stream);
	} else if (wanted->address_count > 0) {
		fputs("; address: as given\n", stream);
	} else {
		fprintf(stream, "; address: the one by which %s is reached from here\n", server);
	}
	if (wanted->host != NULL) {
		fputs("; host: as given\n", stream);
	} else {
		fputs("; host: made of this machine's name, its addresses and the key\n", stream);
	}
	fprintf(stream, "; lease: %" PRIu32 " s will be asked for\n",
		wanted->lease_s > 0 ? wanted->lease_s : LEASE_STANDARD);
}

void plan_print(FILE *stream, const struct service *service, const struct waggle_report *report,
		const char *key)
{
	const struct waggle_service *wanted = &service->wanted;
	const uint32_t lease_s = wanted->lease_s > 0 ? wanted->lease_s : LEASE_STANDARD;
	const uint32_t sent_s = wanted->ttl_s > 0 ? wanted->ttl_s : TTL_STANDARD;
	const uint32_t ttl_s = sent_s < lease_s ? sent_s : lease_s;
	const char *type = parent_name(report->name);

	print_reasons(stream, service, report, key);
	fprintf(stream, "%s %" PRIu32 " IN PTR %s\n", type, ttl_s, report->name);
	for (size_t i = 0; i < wanted->subtype_count; i++) {
		print_label(stream, wanted->subtypes[i]);
		fprintf(stream, "._sub.%s %" PRIu32 " IN PTR %s\n", type, ttl_s, report->name);
	}
	fprintf(stream, "%s %" PRIu32 " IN SRV %u %u %u %s\n", report->name, ttl_s,
		wanted->priority, wanted->weight, wanted->port, report->host);
	fprintf(stream, "%s %" PRIu32 " IN TXT", report->name, ttl_s);
	print_txt(stream, wanted);
	for (size_t i = 0; i < report->address_count; i++) {
		char text[WAGGLE_ADDRESS_TEXT];

		waggle_address_text(text, &report->addresses[i]);
		text[strcspn(text, "@")] = '\0';
		fprintf(stream, "%s %" PRIu32 " IN %s %s\n", report->host, ttl_s,
			report->addresses[i].any.sa_family == AF_INET6 ? "AAAA" : "A", text);
	}
}
