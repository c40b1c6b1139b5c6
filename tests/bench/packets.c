#include "tests/bench/packets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "dns/name.h"
#include "dns/types.h"

enum { LEASE_S = 7200, TTL_S = 120 };

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void write_name(struct buf_writer *out, const char *text, const uint8_t *zone)
{
	uint8_t name[DNS_NAME_MAX];
	const int size = dns_name_from_text(name, text, zone);

	if (size < 0) {
		fprintf(stderr, "load: %s: no name\n", text);
		exit(EXIT_FAILURE);
	}
	buf_write(out, name, (size_t)size);
}

static void write_header(struct buf_writer *out, uint16_t flags, uint16_t authority,
			 uint16_t additional)
{
	buf_write_u16(out, 0);
	buf_write_u16(out, flags);
	buf_write_u16(out, 1);
	buf_write_u16(out, 0);
	buf_write_u16(out, authority);
	buf_write_u16(out, additional);
}

static void write_opt(struct buf_writer *out, uint32_t lease_s)
{
	buf_write_u8(out, 0);
	buf_write_u16(out, DNS_TYPE_OPT);
	buf_write_u16(out, DNS_UDP_SAFE);
	buf_write_u32(out, 0);
	buf_write_u16(out, lease_s > 0 ? 8 : 0);
	if (lease_s > 0) {
		buf_write_u16(out, DNS_OPTION_UPDATE_LEASE);
		buf_write_u16(out, 4);
		buf_write_u32(out, lease_s);
	}
}

/* "_http._tcp", or the type that this one has with its neighbours. */
static void type_text(char *out, size_t size, uint32_t number, const struct packet_options *options)
{
	if (options->types > 0) {
		snprintf(out, size, "_t%u._tcp", number % options->types);
	} else if (options->members == 0) {
		snprintf(out, size, "_http._tcp");
	} else {
		snprintf(out, size, "_t%u._tcp", number / options->members);
	}
}

static void write_query(struct buf_writer *out, uint32_t number, const uint8_t *zone,
			const struct packet_options *options)
{
	char type[32];
	char text[64];

	type_text(type, sizeof(type), number, options);
	write_header(out, 0, 0, 1);
	snprintf(text, sizeof(text), "web-%06u.%s", number, type);
	write_name(out, text, zone);
	buf_write_u16(out, DNS_TYPE_SRV);
	buf_write_u16(out, DNS_CLASS_IN);
	write_opt(out, 0);
}

/* Type, class and TTL of a record that is added, and room for its length. */
static uint8_t *begin_rr(struct buf_writer *out, uint16_t type)
{
	buf_write_u16(out, type);
	buf_write_u16(out, DNS_CLASS_IN);
	buf_write_u32(out, TTL_S);
	return buf_reserve(out, 2);
}

static void end_rr(const struct buf_writer *out, uint8_t *length)
{
	const size_t size = (size_t)(out->at - length) - 2;

	length[0] = (uint8_t)(size >> 8);
	length[1] = (uint8_t)size;
}

/* The names of one instance. */
struct names {
	const uint8_t *zone;
	char type[32];
	char instance[64];
	char host[64];
};

/* Deletes an RRset, or all of a name (RFC 2136 2.5.2, 2.5.3). */
static void write_delete(struct buf_writer *out, const struct names *names, const char *name,
			 uint16_t type)
{
	write_name(out, name, names->zone);
	buf_write_u16(out, type);
	buf_write_u16(out, DNS_CLASS_ANY);
	buf_write_u32(out, 0);
	buf_write_u16(out, 0);
}

static uint16_t write_additions(struct buf_writer *out, const struct names *names, uint32_t number,
				uint16_t port)
{
	uint8_t *length;

	write_name(out, names->type, names->zone);
	length = begin_rr(out, DNS_TYPE_PTR);
	write_name(out, names->instance, names->zone);
	end_rr(out, length);

	write_name(out, names->instance, names->zone);
	length = begin_rr(out, DNS_TYPE_SRV);
	buf_write_u16(out, 0);
	buf_write_u16(out, 0);
	buf_write_u16(out, (uint16_t)(8080 + port));
	write_name(out, names->host, names->zone);
	end_rr(out, length);

	write_name(out, names->instance, names->zone);
	length = begin_rr(out, DNS_TYPE_TXT);
	buf_write(out, "\x06path=/", 7);
	end_rr(out, length);

	write_name(out, names->host, names->zone);
	length = begin_rr(out, DNS_TYPE_A);
	buf_write_u32(out, 10u << 24 | (number & 0xffffff));
	end_rr(out, length);
	return 4;
}

/* PTR, instance and host. */
static uint16_t write_removal(struct buf_writer *out, const struct names *names)
{
	uint8_t *length;

	write_name(out, names->type, names->zone);
	buf_write_u16(out, DNS_TYPE_PTR);
	buf_write_u16(out, DNS_CLASS_NONE);
	buf_write_u32(out, 0);
	length = buf_reserve(out, 2);
	write_name(out, names->instance, names->zone);
	end_rr(out, length);
	write_delete(out, names, names->instance, DNS_TYPE_ANY);
	write_delete(out, names, names->host, DNS_TYPE_ANY);
	return 3;
}

static void write_update(struct buf_writer *out, uint32_t number, const uint8_t *zone,
			 const struct packet_options *options)
{
	uint8_t *const start = out->at;
	struct names names = {.zone = zone};
	uint16_t count = 0;

	type_text(names.type, sizeof(names.type), number, options);
	snprintf(names.instance, sizeof(names.instance), "web-%06u.%s", number, names.type);
	snprintf(names.host, sizeof(names.host), "host-%06u", number);
	write_header(out, DNS_OPCODE_UPDATE << 11, 0, 1);
	buf_write(out, zone, dns_name_size(zone));
	buf_write_u16(out, DNS_TYPE_SOA);
	buf_write_u16(out, DNS_CLASS_IN);
	if (options->form == PACKET_REMOVE) {
		count = write_removal(out, &names);
	} else {
		if (options->is_whole) {
			write_delete(out, &names, names.instance, DNS_TYPE_ANY);
			write_delete(out, &names, names.host, DNS_TYPE_ANY);
			count = 2;
		} else if (options->form == PACKET_CHANGE) {
			write_delete(out, &names, names.instance, DNS_TYPE_SRV);
			count = 1;
		}
		count = (uint16_t)(count + write_additions(out, &names, number, options->port));
	}
	write_opt(out, options->form == PACKET_REMOVE ? 0 : LEASE_S);
	if (!out->failed) {
		start[8] = (uint8_t)(count >> 8);
		start[9] = (uint8_t)count;
	}
}

void packets_make(struct packets *packets, const struct packet_options *options)
{
	const size_t most = options->is_update ? 512 : 128;
	const size_t room = most * options->instances;
	uint8_t zone[DNS_NAME_MAX];

	packets->octets = malloc(room);
	packets->start = calloc(options->instances + 1, sizeof(*packets->start));
	if (packets->octets == NULL || packets->start == NULL ||
	    dns_name_from_text(zone, options->zone, NULL) < 0) {
		fail("load: packets");
	}
	struct buf_writer out = buf_writer(packets->octets, room);

	for (uint32_t i = 0; i < options->instances; i++) {
		if (options->is_update) {
			write_update(&out, options->first + i, zone, options);
		} else {
			write_query(&out, options->first + i, zone, options);
		}
		packets->start[++packets->count] = buf_written(&out);
	}
	if (out.failed) {
		fprintf(stderr, "load: the zone's name is too long\n");
		exit(EXIT_FAILURE);
	}
}

void packets_read(struct packets *packets, const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t head[2];
	size_t end = 0;

	if (file == NULL) {
		fail(path);
	}
	packets->start = calloc(1, sizeof(*packets->start));
	while (fread(head, sizeof(head), 1, file) == 1) {
		const size_t size = (size_t)(head[0] << 8 | head[1]);

		packets->octets = realloc(packets->octets, end + size);
		packets->start =
			realloc(packets->start, (packets->count + 2) * sizeof(*packets->start));
		if (packets->octets == NULL || packets->start == NULL || size < DNS_HEADER_SIZE ||
		    fread(packets->octets + end, size, 1, file) != 1) {
			fail(path);
		}
		end += size;
		packets->start[++packets->count] = end;
	}
	fclose(file);
}

void packets_free(struct packets *packets)
{
	free(packets->octets);
	free(packets->start);
}
