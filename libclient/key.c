/*
 * TSIG keys. What the MAC of a request covers: the message without its TSIG, then the TSIG's
 * variables; of a reply: the request's MAC with its size, then the same (RFC 8945 section 4.3).
 */
#include "libclient/key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/base64.h"
#include "crypto/hmac.h"
#include "dns/name.h"
#include "libclient/error.h"
#include "libclient/target.h"

#define FILE_MAX 16384 /* octets of a key file */
#define SECRET_MAX 1024 /* octets of a secret */
#define ARCOUNT_AT 10

struct wgl_key {
	uint8_t name[DNS_NAME_MAX];
	enum hmac_algorithm algorithm;
	struct hmac_key *secret;
};

/* clang-format off */
static const struct {
	const char *text;
	const uint8_t *name;
} algorithms[] = {
	[HMAC_SHA256] = {"hmac-sha256", (const uint8_t *)"\13hmac-sha256"},
	[HMAC_SHA384] = {"hmac-sha384", (const uint8_t *)"\13hmac-sha384"},
	[HMAC_SHA512] = {"hmac-sha512", (const uint8_t *)"\13hmac-sha512"},
};
/* clang-format on */

/* ---- reading a key file ------------------------------------------------------------------ */

/* A cursor over the text; tokens are copied out of it. */
struct scan {
	const char *at;
	const char *end;
};

/* The parts of a key, as text. */
struct parts {
	char name[DNS_NAME_TEXT_MAX];
	char algorithm[32];
	char secret[SECRET_MAX * 4 / 3 + 8];
};

static bool is_space(char character)
{
	return strchr(" \t\r\n", character) != NULL && character != '\0';
}

static void skip_space(struct scan *scan)
{
	while (scan->at < scan->end) {
		const bool is_comment =
			*scan->at == '#' ||
			(*scan->at == '/' && scan->end - scan->at > 1 && scan->at[1] == '/');

		if (is_comment) {
			while (scan->at < scan->end && *scan->at != '\n') {
				scan->at++;
			}
		} else if (is_space(*scan->at)) {
			scan->at++;
		} else {
			return;
		}
	}
}

/* A word, a text in quotes, or one of { } ; into `out`. False: nothing left, or too long. */
static bool token(struct scan *scan, char *out, size_t room)
{
	size_t size = 0;
	bool is_quoted;

	skip_space(scan);
	if (scan->at == scan->end) {
		return false;
	}
	is_quoted = *scan->at == '"';
	if (is_quoted) {
		scan->at++;
	}
	while (scan->at < scan->end) {
		const char character = *scan->at;

		if (is_quoted ? character == '"'
			      : is_space(character) ||
					(size > 0 && strchr("{};\"", character) != NULL)) {
			break;
		}
		if (size + 1 >= room || character == '\0') {
			return false;
		}
		out[size++] = character;
		scan->at++;
		if (!is_quoted && size == 1 && strchr("{};", character) != NULL) {
			break;
		}
	}
	if (is_quoted && scan->at++ == scan->end) {
		return false;
	}
	out[size] = '\0';
	return true;
}

static bool expect(struct scan *scan, const char *text)
{
	char word[16];

	return token(scan, word, sizeof(word)) && strcmp(word, text) == 0;
}

/* key "ops" { algorithm hmac-sha256; secret "BASE64"; }; with `key` already read. */
static bool read_statement(struct scan *scan, struct parts *parts)
{
	char word[16];

	if (!token(scan, parts->name, sizeof(parts->name)) || !expect(scan, "{")) {
		return false;
	}
	while (token(scan, word, sizeof(word)) && strcmp(word, "}") != 0) {
		const bool is_algorithm = strcmp(word, "algorithm") == 0;
		char *part = is_algorithm ? parts->algorithm : parts->secret;
		const size_t room =
			is_algorithm ? sizeof(parts->algorithm) : sizeof(parts->secret);

		if ((!is_algorithm && strcmp(word, "secret") != 0) || !token(scan, part, room) ||
		    !expect(scan, ";")) {
			return false;
		}
	}
	if (strcmp(word, "}") != 0) {
		return false;
	}
	skip_space(scan);
	return scan->at == scan->end || expect(scan, ";");
}

/* hmac-sha256:ops:BASE64, or without the algorithm. */
static bool read_colons(struct parts *parts, char *text)
{
	char *first = strchr(text, ':');
	char *last = strrchr(text, ':');

	if (first == NULL) {
		return false;
	}
	*last = '\0';
	if (first != last) {
		*first = '\0';
		if (strlen(text) >= sizeof(parts->algorithm)) {
			return false;
		}
		memcpy(parts->algorithm, text, strlen(text) + 1);
		text = first + 1;
	}
	if (strlen(text) >= sizeof(parts->name) || strlen(last + 1) >= sizeof(parts->secret)) {
		return false;
	}
	memcpy(parts->name, text, strlen(text) + 1);
	memcpy(parts->secret, last + 1, strlen(last + 1) + 1);
	return true;
}

static bool read_parts(struct parts *parts, const char *text, size_t size)
{
	struct scan scan = {.at = text, .end = text + size};
	char word[sizeof(struct parts)];
	bool is_read = false;

	memcpy(parts->algorithm, "hmac-sha256", sizeof("hmac-sha256"));
	if (token(&scan, word, sizeof(word))) {
		is_read = strcmp(word, "key") == 0 ? read_statement(&scan, parts)
						   : read_colons(parts, word);
	}
	skip_space(&scan);
	secret_wipe(word, sizeof(word));
	return is_read && scan.at == scan.end;
}

/* Also with a final dot, as some tools write algorithm names. */
static bool find_algorithm(enum hmac_algorithm *out, const char *text)
{
	uint8_t name[DNS_NAME_MAX];

	if (dns_name_from_text(name, text, NULL) < 0) {
		return false;
	}
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (dns_name_equal(name, algorithms[i].name)) {
			*out = (enum hmac_algorithm)i;
			return true;
		}
	}
	return false;
}

static int make_key(struct wgl_key *key, const struct parts *parts, struct waggle_error *error)
{
	uint8_t secret[SECRET_MAX + 8];
	uint8_t name[DNS_NAME_MAX];
	int size;
	int ret;

	if (!find_algorithm(&key->algorithm, parts->algorithm)) {
		return wgl_error_set(error, WAGGLE_ERR_KEY,
				     "algorithm \"%s\" is none of hmac-sha256, hmac-sha384, "
				     "hmac-sha512",
				     parts->algorithm);
	}
	if (wgl_domain_from_text(name, parts->name) != WAGGLE_OK || name[0] == 0) {
		return wgl_error_set(error, WAGGLE_ERR_KEY, "\"%s\" is no name for a key",
				     parts->name);
	}
	dns_name_fold(key->name, name);
	size = base64_decode(secret, sizeof(secret), parts->secret, strlen(parts->secret));
	if (size <= 0) {
		return wgl_error_set(error, WAGGLE_ERR_KEY, "the secret is not BASE64");
	}
	ret = hmac_key_new(&key->secret, key->algorithm, secret, (size_t)size);
	secret_wipe(secret, sizeof(secret));
	return ret == OK ? WAGGLE_OK : wgl_error_code(error, WAGGLE_ERR_NOMEM);
}

int wgl_key_parse(struct wgl_key **out, const char *text, size_t size, struct waggle_error *error)
{
	struct parts parts = {0};
	struct wgl_key *key = calloc(1, sizeof(*key));
	int ret;

	*out = NULL;
	if (key == NULL) {
		return wgl_error_code(error, WAGGLE_ERR_NOMEM);
	}
	if (read_parts(&parts, text, size)) {
		ret = make_key(key, &parts, error);
	} else {
		ret = wgl_error_set(error, WAGGLE_ERR_KEY,
				    "neither `key \"NAME\" { algorithm ...; secret \"...\"; };` nor "
				    "ALGORITHM:NAME:SECRET");
	}
	secret_wipe(&parts, sizeof(parts));
	if (ret != WAGGLE_OK) {
		wgl_key_free(key);
		return ret;
	}
	*out = key;
	return WAGGLE_OK;
}

/* Reads all of a small file. The octets read, or -1 with errno. */
static ssize_t read_all(const char *path, char *out, size_t room)
{
	const int file = open(path, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	ssize_t got = -1;

	if (file < 0) {
		return -1;
	}
	while (size < room && (got = read(file, out + size, room - size)) > 0) {
		size += (size_t)got;
	}
	if (got > 0) {
		errno = EFBIG;
		got = -1;
	}
	close(file);
	return got < 0 ? -1 : (ssize_t)size;
}

int wgl_key_load(struct wgl_key **out, const char *path, struct waggle_error *error)
{
	struct waggle_error inner;
	char text[FILE_MAX];
	const ssize_t size = read_all(path, text, sizeof(text));
	int ret;

	*out = NULL;
	if (size < 0) {
		return wgl_error_set(error, WAGGLE_ERR_KEY, "%s: %s", path, strerror(errno));
	}
	ret = wgl_key_parse(out, text, (size_t)size, &inner);
	secret_wipe(text, sizeof(text));
	return ret == WAGGLE_OK ? ret : wgl_error_set(error, ret, "%s: %s", path, inner.text);
}

void wgl_key_free(struct wgl_key *key)
{
	if (key == NULL) {
		return;
	}
	hmac_key_free(key->secret);
	free(key);
}

const uint8_t *wgl_key_name(const struct wgl_key *key)
{
	return key->name;
}

/* ---- signing ----------------------------------------------------------------------------- */

static void begin_tsig(struct dns_tsig *tsig, const struct wgl_key *key)
{
	*tsig = (struct dns_tsig){.fudge_s = WGL_FUDGE_S,
				  .mac_size = (uint16_t)hmac_size(key->algorithm)};
	memcpy(tsig->key_name, key->name, dns_name_size(key->name));
	memcpy(tsig->algorithm, algorithms[key->algorithm].name,
	       dns_name_size(algorithms[key->algorithm].name));
}

static uint16_t load_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void store_u16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

int wgl_sign(const struct wgl_key *key, uint8_t *wire, size_t size, size_t room, uint64_t now_s,
	     struct wgl_signature *signature)
{
	uint8_t variables[DNS_TSIG_VARIABLES_MAX];
	uint8_t mac[HMAC_MAX_SIZE];
	struct buf_writer record;
	struct dns_tsig tsig;

	begin_tsig(&tsig, key);
	if (room < size || room - size < dns_tsig_size(&tsig)) {
		return WAGGLE_ERR_ARGUMENT;
	}
	tsig.time_s = now_s;
	tsig.original_id = load_u16(wire);
	const struct hmac_piece pieces[] = {
		{wire, size},
		{variables, dns_tsig_variables(variables, &tsig)},
	};
	if (hmac_compute(key->secret, pieces, 2, mac) != OK) {
		return WAGGLE_ERR_NOMEM;
	}
	memcpy(tsig.mac, mac, tsig.mac_size);
	memcpy(signature->mac, mac, tsig.mac_size);
	signature->mac_size = tsig.mac_size;
	record = buf_writer(wire + size, room - size);
	dns_tsig_write(&record, &tsig);
	store_u16(wire + ARCOUNT_AT, load_u16(wire + ARCOUNT_AT) + 1u);
	return (int)(size + buf_written(&record));
}

/* ---- verifying --------------------------------------------------------------------------- */

static int reply_mac(const struct wgl_key *key, const struct wgl_signature *signature,
		     const struct dns_message *reply, const struct dns_tsig *tsig,
		     uint8_t mac[HMAC_MAX_SIZE])
{
	uint8_t mac_size[2];
	uint8_t header[DNS_HEADER_SIZE];
	uint8_t variables[DNS_TSIG_VARIABLES_MAX];

	store_u16(mac_size, signature->mac_size);
	memcpy(header, reply->wire, sizeof(header));
	store_u16(header, tsig->original_id);
	store_u16(header + ARCOUNT_AT, load_u16(header + ARCOUNT_AT) - 1u);
	const struct hmac_piece pieces[] = {
		{mac_size, sizeof(mac_size)},
		{signature->mac, signature->mac_size},
		{header, sizeof(header)},
		{reply->wire + sizeof(header), reply->tsig_at - sizeof(header)},
		{variables, dns_tsig_variables(variables, tsig)},
	};
	return hmac_compute(key->secret, pieces, sizeof(pieces) / sizeof(pieces[0]), mac);
}

enum wgl_verdict wgl_verify(const struct wgl_key *key, const struct wgl_signature *signature,
			    const struct dns_message *reply, uint64_t now_s, uint16_t *tsig_error,
			    uint64_t *server_s)
{
	uint8_t mac[HMAC_MAX_SIZE];
	struct dns_tsig tsig;
	uint64_t apart;

	*tsig_error = 0;
	*server_s = 0;
	if (reply->tsig_at == 0 || dns_tsig_read(&tsig, reply) != OK) {
		return WGL_UNSIGNED;
	}
	*tsig_error = tsig.error;
	if (tsig.mac_size == 0) {
		return WGL_UNSIGNED;
	}
	if (!dns_name_equal(tsig.key_name, key->name) ||
	    !dns_name_equal(tsig.algorithm, algorithms[key->algorithm].name) ||
	    tsig.mac_size != hmac_size(key->algorithm) ||
	    reply_mac(key, signature, reply, &tsig, mac) != OK ||
	    !hmac_equal(mac, tsig.mac, tsig.mac_size)) {
		return WGL_FORGED;
	}
	if (tsig.error == DNS_TSIG_BADTIME) {
		/* Section 5.2.3: signed with our time; the server's own is beside it. */
		*server_s = tsig.other;
		return WGL_GENUINE;
	}
	apart = now_s > tsig.time_s ? now_s - tsig.time_s : tsig.time_s - now_s;
	return apart <= tsig.fudge_s ? WGL_GENUINE : WGL_UNTIMELY;
}
