/*
 * Questions and answers as text, for tests: asked of one world, in a process of its own for each
 * test.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer/answer.h"
#include "base/err.h"
#include "base/rand.h"
#include "dns/rrtype.h"
#include "dns/writer.h"
#include "tests/unit/answer/world.h"
#include "tests/unit/run.h"

#define LINES_MAX 2000
#define TEXT_MAX 400000

static struct world world;
static struct rand numbers;

/* ---- asking ------------------------------------------------------------------------------ */

struct asked {
	const char *question; /* "NAME TYPE", the name as spelled */
	bool is_stream;
	size_t room; /* of the reply; 0: 1232, or 65535 by TCP */
	uint64_t client;
};

#define UDP(text)                                                                                  \
	{                                                                                          \
		.question = (text)                                                                 \
	}
#define TCP(text)                                                                                  \
	{                                                                                          \
		.question = (text), .is_stream = true                                              \
	}

struct got {
	struct answer_result result;
	uint8_t wire[DNS_MESSAGE_MAX];
	size_t size;
	struct dns_message message; /* the reply, with QR cleared so that it can be parsed */
};

static inline void parse_question(struct dns_message *message, uint8_t *wire, size_t room,
				  const char *question)
{
	struct dns_writer writer;
	char name_text[DNS_NAME_TEXT_MAX];
	char type_text[32];
	uint8_t name[DNS_NAME_MAX];
	uint16_t type;

	ck_assert_int_eq(sscanf(question, "%1024s %31s", name_text, type_text), 2);
	world_name(name, name_text);
	ck_assert_int_eq(dns_rrtype_from_text(&type, type_text), OK);
	dns_writer_init(&writer, wire, room);
	ck_assert_int_eq(dns_writer_question(&writer, name, type, DNS_CLASS_IN), OK);
	ck_assert_int_eq(dns_message_parse(message, wire, dns_writer_finish(&writer)), OK);
}

/* The reply to a query that was looked up. */
static inline void write_reply(struct got *got, const struct answer_query *query, size_t room)
{
	struct dns_writer writer;

	dns_writer_reply(&writer, got->wire, room, query->message);
	answer_write(query, &numbers, &writer, &got->result);
	got->size = dns_writer_finish(&writer);
	ck_assert_uint_le(got->size, room);
	got->wire[2] &= 0x7f;
	ck_assert_int_eq(dns_message_parse(&got->message, got->wire, got->size), OK);
	ck_assert_uint_eq(got->message.flags & 0xf, got->result.rcode & 0xf);
	ck_assert_mem_eq(got->message.qname, query->message->qname, query->message->qname_size);
}

static inline void ask(struct got *got, const struct asked *asked)
{
	static uint8_t question[600];
	static struct dns_message message;
	const size_t room = asked->room != 0 ? asked->room : asked->is_stream ? 65535 : 1232;
	struct answer_query query = {
		.message = &message, .is_stream = asked->is_stream, .client = asked->client};

	parse_question(&message, question, sizeof(question), asked->question);
	answer_find(world.root, &query, 1);
	write_reply(got, &query, room);
}

/* ---- replies as text --------------------------------------------------------------------- */

static inline int compare_lines(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

/* A record as a line, malloc'd. */
static inline char *rr_line(const struct dns_message *message, const struct dns_rr *rr,
			    const char *label)
{
	static uint8_t octets[DNS_MESSAGE_MAX];
	static char out[TEXT_MAX];
	struct buf_writer rdata = buf_writer(octets, sizeof(octets));
	char name[DNS_NAME_TEXT_MAX];
	char type[16];
	char *text;

	ck_assert_int_ge(dns_rr_rdata(message, rr, &rdata), 0);
	ck_assert_int_eq(text_rdata(&text, rr->type, octets, (uint16_t)buf_written(&rdata)), OK);
	snprintf(out, sizeof(out), "%s %s %u %s %s\n", label, dns_name_to_text(name, rr->owner),
		 rr->ttl, dns_rrtype_to_text(type, rr->type), text);
	free(text);
	return strdup(out);
}

/* Appends a section, its lines sorted: sets have no order. */
static inline size_t put_section(char *out, size_t at, const struct dns_message *message,
				 enum dns_section section, const char *label)
{
	static char *lines[LINES_MAX];
	struct dns_walk walk = dns_walk(message, section);
	struct dns_rr rr;
	size_t count = 0;

	while (dns_walk_next(&walk, &rr) == 1) {
		ck_assert_uint_lt(count, LINES_MAX);
		lines[count++] = rr_line(message, &rr, label);
	}
	qsort(lines, count, sizeof(lines[0]), compare_lines);
	for (size_t i = 0; i < count; i++) {
		at += (size_t)snprintf(out + at, TEXT_MAX - at, "%s", lines[i]);
		/* Each RR is there once (RFC 2181 5). */
		ck_assert(i == 0 || strcmp(lines[i], lines[i - 1]) != 0);
	}
	for (size_t i = 0; i < count; i++) {
		free(lines[i]);
	}
	return at;
}

static inline const char *rcode_text(unsigned rcode)
{
	static const char *const texts[] = {
		"NOERROR", "FORMERR",  "SERVFAIL", "NXDOMAIN", "NOTIMP",
		"REFUSED", "YXDOMAIN", "YXRRSET",  "NXRRSET",  "NOTAUTH",
	};

	return texts[rcode];
}

static inline const char *got_text(const struct got *got)
{
	static char out[TEXT_MAX];
	const struct dns_message *message = &got->message;
	size_t at;

	at = (size_t)snprintf(out, sizeof(out), "%s%s%s", rcode_text(got->result.rcode),
			      (message->flags & DNS_FLAG_AA) != 0 ? " AA" : "",
			      (message->flags & DNS_FLAG_TC) != 0 ? " TC" : "");
	if (got->result.has_ede) {
		at += (size_t)snprintf(out + at, TEXT_MAX - at, " EDE=%u", got->result.ede);
	}
	at += (size_t)snprintf(out + at, TEXT_MAX - at, "\n");
	at = put_section(out, at, message, DNS_ANSWER, "an");
	at = put_section(out, at, message, DNS_AUTHORITY, "au");
	put_section(out, at, message, DNS_ADDITIONAL, "ad");
	return out;
}

struct answer_case {
	struct asked asked;
	const char *expected;
};

static inline void check_cases(const struct answer_case *cases, size_t count)
{
	static struct got got;

	for (size_t i = 0; i < count; i++) {
		ask(&got, &cases[i].asked);
		ck_assert_msg(strcmp(got_text(&got), cases[i].expected) == 0,
			      "%s: got\n%sinstead of\n%s", cases[i].asked.question, got_text(&got),
			      cases[i].expected);
	}
}

static inline void tear_down(void)
{
	world_deinit(&world);
}
