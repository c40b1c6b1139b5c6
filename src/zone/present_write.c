/*
 * Records into text: the fields by their letters (present.c), each as that reads it.
 */
#include "zone/present.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/memory.h"
#include "crypto/base64.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "zone/present_inside.h"

/* An octet inside quotes, or outside of them where it needs none. */
static void put_octet(FILE *out, uint8_t octet)
{
	if (octet == '"' || octet == '\\') {
		fprintf(out, "\\%c", octet);
	} else if (octet >= ' ' && octet < 0x7f) {
		fputc(octet, out);
	} else {
		fprintf(out, "\\%03u", octet);
	}
}

static void put_quoted(FILE *out, const uint8_t *octets, size_t size)
{
	fputc('"', out);
	for (size_t i = 0; i < size; i++) {
		put_octet(out, octets[i]);
	}
	fputc('"', out);
}

/* Does a value stand without quotes? */
static bool is_simple(const uint8_t *octets, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (!isalnum(octets[i]) && strchr("-_./:+,=", octets[i]) == NULL) {
			return false;
		}
		if (octets[i] == '\0') {
			return false;
		}
	}
	return size > 0;
}

static void put_value(FILE *out, const uint8_t *octets, size_t size)
{
	if (is_simple(octets, size)) {
		fwrite(octets, 1, size, out);
	} else {
		put_quoted(out, octets, size);
	}
}

static void put_key(FILE *out, uint16_t key)
{
	/* "ohttp" is younger than many readers. */
	if (key < SVCB_OHTTP) {
		fputs(present_svcb_names[key], out);
	} else {
		fprintf(out, "key%u", key);
	}
}

/* The protocols with commas between, then as a string: escaped twice where it must be. */
static int put_alpn(FILE *out, struct buf_reader *value)
{
	uint8_t *list = malloc(2 * buf_left(value));
	size_t size = 0;

	if (list == NULL) {
		return ERR_NOMEM;
	}
	while (buf_left(value) > 0) {
		const uint8_t item_size = buf_read_u8(value);
		const uint8_t *item = buf_read(value, item_size);

		if (size > 0) {
			list[size++] = ',';
		}
		for (size_t i = 0; item != NULL && i < item_size; i++) {
			if (item[i] == ',' || item[i] == '\\') {
				list[size++] = '\\';
			}
			list[size++] = item[i];
		}
	}
	put_value(out, list, size);
	free(list);
	return OK;
}

static void put_base64(FILE *out, const uint8_t *octets, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t at = 0; at < size; at += 3) {
		uint32_t group = 0;

		for (size_t i = at; i < at + 3; i++) {
			group = group << 8 | (i < size ? octets[i] : 0u);
		}
		for (size_t i = 0; i < 4; i++) {
			fputc(at + i <= size ? digits[group >> (18 - 6 * i) & 63] : '=', out);
		}
	}
}

static void put_addresses(FILE *out, struct buf_reader *value, int family)
{
	const char *between = "";

	while (buf_left(value) > 0) {
		const uint8_t *address = buf_read(value, family == AF_INET ? 4 : 16);
		char text[INET6_ADDRSTRLEN];

		if (address == NULL) {
			return;
		}
		fprintf(out, "%s%s", between, inet_ntop(family, address, text, sizeof(text)));
		between = ",";
	}
}

static int put_param_value(FILE *out, uint16_t key, struct buf_reader *value)
{
	const size_t size = buf_left(value);
	const char *between = "";

	switch (key) {
	case SVCB_MANDATORY:
		while (buf_left(value) > 0) {
			fputs(between, out);
			put_key(out, buf_read_u16(value));
			between = ",";
		}
		return OK;
	case SVCB_ALPN:
		return put_alpn(out, value);
	case SVCB_PORT:
		fprintf(out, "%u", buf_read_u16(value));
		return OK;
	case SVCB_IPV4HINT:
	case SVCB_IPV6HINT:
		put_addresses(out, value, key == SVCB_IPV4HINT ? AF_INET : AF_INET6);
		return OK;
	case SVCB_ECH:
		put_base64(out, value->at, size);
		return OK;
	default:
		put_value(out, value->at, size);
		return OK;
	}
}

static int put_params(FILE *out, struct buf_reader *rdata)
{
	int ret = OK;

	while (ret == OK && buf_left(rdata) > 0) {
		const uint16_t key = buf_read_u16(rdata);
		const uint16_t size = buf_read_u16(rdata);
		struct buf_reader value = buf_reader(buf_read(rdata, size), size);

		fputc(' ', out);
		put_key(out, key);
		if (size > 0) {
			fputc('=', out);
			ret = put_param_value(out, key, &value);
		}
	}
	return ret;
}

static void put_bitmap(FILE *out, struct buf_reader *rdata)
{
	char text[16];

	while (buf_left(rdata) > 0) {
		const uint16_t window = buf_read_u8(rdata);
		const uint16_t size = buf_read_u8(rdata);
		const uint8_t *bits = buf_read(rdata, size);

		for (uint16_t i = 0; bits != NULL && i < size * 8; i++) {
			if ((bits[i / 8] & 0x80 >> i % 8) != 0) {
				fprintf(out, " %s",
					rdata_type_text(text, (uint16_t)(window * 256 + i)));
			}
		}
	}
}

static void put_name(FILE *out, struct buf_reader *rdata)
{
	char text[DNS_NAME_TEXT_MAX];
	uint8_t name[DNS_NAME_MAX];

	(void)dns_name_read_plain(rdata, name);
	fputs(dns_name_to_text(text, name), out);
}

static void put_relay(FILE *out, struct buf_reader *rdata)
{
	const uint8_t kind = buf_read_u8(rdata);

	fprintf(out, "%u %u ", kind >> 7, kind & 0x7f);
	switch (kind & 0x7f) {
	case 0:
		fputc('.', out);
		break;
	case 3:
		put_name(out, rdata);
		break;
	default:
		put_addresses(out, rdata, (kind & 0x7f) == 1 ? AF_INET : AF_INET6);
		break;
	}
}

static int put_field(FILE *out, char letter, struct buf_reader *rdata)
{
	uint8_t size;
	const char *between = "";

	switch (letter) {
	case '1':
		fprintf(out, "%u", buf_read_u8(rdata));
		return OK;
	case '2':
		fprintf(out, "%u", buf_read_u16(rdata));
		return OK;
	case '4':
		fprintf(out, "%u", buf_read_u32(rdata));
		return OK;
	case 'b':
		put_bitmap(out, rdata);
		return OK;
	case 'n':
		put_name(out, rdata);
		return OK;
	case 'r':
		put_relay(out, rdata);
		return OK;
	case 'g':
		size = buf_read_u8(rdata);
		fwrite(buf_read(rdata, size), 1, size, out);
		return OK;
	case 't':
		while (buf_left(rdata) > 0) {
			size = buf_read_u8(rdata);
			fputs(between, out);
			put_quoted(out, buf_read(rdata, size), size);
			between = " ";
		}
		return OK;
	case 'q':
		put_quoted(out, rdata->at, buf_left(rdata));
		return OK;
	default:
		return put_params(out, rdata);
	}
}

int present_write(char **out, uint16_t type, const uint8_t *rdata, uint16_t size)
{
	struct buf_reader reader = buf_reader(rdata, size);
	struct memory_stream stream;
	int ret = memory_open(&stream);

	*out = NULL;
	if (ret != OK) {
		return ret;
	}
	for (const char *letter = present_form(type); ret == OK && *letter != '\0'; letter++) {
		if (reader.at > reader.start && strchr("vb", *letter) == NULL) {
			fputc(' ', stream.file);
		}
		ret = put_field(stream.file, *letter, &reader);
	}
	const int kept = memory_close(&stream, out, NULL);
	ret = ret == OK ? kept : ret;
	if (ret != OK) {
		free(*out);
		*out = NULL;
	}
	return ret;
}
