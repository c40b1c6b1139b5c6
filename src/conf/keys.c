/*
 * TSIG keys: name, algorithm, and the secret, in the file or in a file of its own. Every copy of
 * a secret that is made here is wiped; no error shows one.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "conf/decode.h"
#include "conf/index.h"
#include "crypto/base64.h"

#define SECRET_TEXT_MAX 4096 /* characters of BASE64 */

static const struct {
	const char *text;
	enum hmac_algorithm algorithm;
	const char *wire;
} algorithms[] = {
	{"hmac-sha256", HMAC_SHA256, "\x0bhmac-sha256"},
	{"hmac-sha384", HMAC_SHA384, "\x0bhmac-sha384"},
	{"hmac-sha512", HMAC_SHA512, "\x0bhmac-sha512"},
};

int decode_key_name(const struct decoder *decoder, const struct row *row, const char *path,
		    const struct node *node, void *target)
{
	struct conf_key *key = target;
	uint8_t name[DNS_NAME_MAX];
	const int ret = decode_name(decoder, path, node, name);

	(void)row;
	if (ret == OK) {
		dns_name_fold(key->name, name);
	}
	return ret;
}

int decode_algorithm(const struct decoder *decoder, const struct row *row, const char *path,
		     const struct node *node, void *target)
{
	struct conf_key *key = target;
	char text[VALUE_QUOTE_MAX];

	(void)row;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (strcmp(algorithms[i].text, node->text) == 0) {
			key->algorithm = algorithms[i].algorithm;
			key->algorithm_name = (const uint8_t *)algorithms[i].wire;
			return OK;
		}
	}
	/* RFC 8945 6: hmac-md5 MUST NOT be used; sha1 and shortened ones we leave out. */
	return refuse(decoder, path, node->line,
		      "%s is not taken; write hmac-sha256, hmac-sha384 or hmac-sha512",
		      value_quote(text, node->text));
}

/* Takes white space out of `size` octets; what is left. */
static size_t squeeze(char *text, size_t size)
{
	size_t kept = 0;

	for (size_t i = 0; i < size; i++) {
		if (strchr(" \t\r\n", text[i]) == NULL || text[i] == 0) {
			text[kept++] = text[i];
		}
	}
	return kept;
}

/* `what` begins the error, as the text itself must not be in it. Changes `text`. */
static int set_secret(const struct decoder *decoder, const char *path, const struct node *node,
		      struct conf_key *key, char *text, size_t size, const char *what)
{
	uint8_t secret[SECRET_TEXT_MAX / 4 * 3];
	int ret;

	size = squeeze(text, size);
	const int count = base64_decode(secret, sizeof(secret), text, size);
	if (count == ERR_SPACE) {
		ret = refuse(decoder, path, node->line, "%s is too long; %d characters are enough",
			     what, SECRET_TEXT_MAX);
	} else if (count < 0) {
		ret = refuse(decoder, path, node->line,
			     "%s is not BASE64; write what \"openssl rand -base64 32\" prints, or "
			     "the text between the quotes of tsig-keygen's \"secret\"",
			     what);
	} else if (count == 0) {
		ret = refuse(decoder, path, node->line,
			     "%s is empty; write what \"openssl rand -base64 32\" prints", what);
	} else {
		key->secret_size = (size_t)count;
		ret = hmac_key_new(&key->secret, key->algorithm, secret, (size_t)count);
	}
	secret_wipe(secret, sizeof(secret));
	return ret;
}

int decode_secret(const struct decoder *decoder, const struct row *row, const char *path,
		  const struct node *node, void *target)
{
	const size_t size = strlen(node->text);
	char *copy = malloc(size + 1);

	(void)row;
	if (copy == NULL) {
		return ERR_NOMEM;
	}
	memcpy(copy, node->text, size + 1);
	const int ret = set_secret(decoder, path, node, target, copy, size, "this");
	secret_wipe(copy, size);
	free(copy);
	return ret;
}

/* Opens a file that holds secrets. The descriptor, or ERR_CONF. */
static int open_secret(const struct decoder *decoder, const char *path, const struct node *node,
		       const char *file, const char *make)
{
	struct stat stat;
	/* Not blocking, so that a fifo does not hold up the start. */
	const int descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (descriptor < 0 || fstat(descriptor, &stat) != 0) {
		refuse(decoder, path, node->line,
		       "%s cannot be read (%m); make it with \"openssl rand %s\"", file, make);
		if (descriptor >= 0) {
			close(descriptor);
		}
		return ERR_CONF;
	}
	if (!S_ISREG(stat.st_mode)) {
		close(descriptor);
		return refuse(decoder, path, node->line,
			      "%s is not a regular file; write the path of one", file);
	}
	if ((stat.st_mode & S_IRWXO) != 0) {
		char text[256];

		log_line(LOG_LEVEL_WARNING, "secret open to everybody", "file=%s mode=%04o hint=%s",
			 log_quote(text, sizeof(text), file), (unsigned)stat.st_mode & 07777,
			 "\"chmod o= FILE\"");
	}
	return descriptor;
}

int secret_read(struct secret_text *out, const struct decoder *decoder, const char *path,
		const struct node *node, size_t most, const char *make)
{
	const struct row whole = {.offset = 0};
	int ret = decode_path(decoder, &whole, path, node, &out->file);

	if (ret != OK) {
		return ret;
	}
	const int descriptor = open_secret(decoder, path, node, out->file, make);
	if (descriptor < 0) {
		return descriptor;
	}
	ret = file_read(&out->text, &out->size, descriptor, most);
	if (ret == ERR_IO) {
		ret = refuse(decoder, path, node->line, "%s cannot be read (%m); see to the file",
			     out->file);
	}
	close(descriptor);
	return ret;
}

void secret_done(struct secret_text *secret)
{
	secret_wipe(secret->text, secret->size);
	free(secret->text);
}

int decode_secret_file(const struct decoder *decoder, const struct row *row, const char *path,
		       const struct node *node, void *target)
{
	struct conf_key *key = target;
	struct secret_text secret;

	(void)row;
	if (key->secret != NULL) {
		return refuse(decoder, path, node->line,
			      "stands beside secret; keep one of the two");
	}
	int ret = secret_read(&secret, decoder, path, node, SECRET_TEXT_MAX, "-base64 32");
	if (ret == OK) {
		ret = set_secret(decoder, path, node, key, secret.text, secret.size, secret.file);
		secret_done(&secret);
	}
	return ret;
}

/* RFC 8945 8, RFC 2104 3: a secret should be as long as what is made with it. */
static void warn_if_short(const struct decoder *decoder, const struct conf_key *key)
{
	const size_t wanted = hmac_size(key->algorithm);
	char name[DNS_NAME_TEXT_MAX];
	char quoted[2][2 * DNS_NAME_TEXT_MAX];

	if (key->secret_size < wanted) {
		log_line(LOG_LEVEL_WARNING, "secret of a key is short",
			 "file=%s line=%d key=%s octets=%zu wanted=%zu hint=\"openssl rand -base64 "
			 "%zu\"",
			 log_quote(quoted[0], sizeof(quoted[0]), decoder->conf->path), key->line,
			 log_quote(quoted[1], sizeof(quoted[1]), dns_name_to_text(name, key->name)),
			 key->secret_size, wanted, wanted);
	}
}

static int decode_one_key(const struct decoder *decoder, const char *path, const struct node *node,
			  struct conf_key *key)
{
	const int ret = decode_map(decoder, "key", path, node, key);

	key->line = node->line;
	if (ret == OK && key->secret == NULL) {
		char text[DNS_NAME_TEXT_MAX];

		return refuse(decoder, path, node->line,
			      "key %s has no secret; write secret-file, or secret",
			      dns_name_to_text(text, key->name));
	}
	if (ret == OK) {
		warn_if_short(decoder, key);
	}
	return ret;
}

int decode_keys(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target)
{
	struct conf *conf = target;
	int ret = OK;

	(void)row;
	if (node->count == 0) {
		return OK;
	}
	conf->keys = arena_calloc(decoder->arena, node->count, sizeof(conf->keys[0]));
	if (conf->keys == NULL) {
		return ERR_NOMEM;
	}
	conf->key_count = node->count;
	struct conf_key *key = conf->keys;
	for (const struct node *child = node->first; ret == OK && child != NULL;
	     child = child->next) {
		ret = decode_one_key(decoder, path, child, key++);
	}
	if (ret != OK) {
		return ret;
	}
	conf->keys_by_name =
		index_new(decoder->arena, conf->keys, conf->key_count, sizeof(conf->keys[0]));
	if (conf->keys_by_name == NULL) {
		return ERR_NOMEM;
	}
	static_assert(offsetof(struct conf_key, name) == 0, "a key begins with its name");
	const struct conf_key *twice =
		(const struct conf_key *)index_twice(conf->keys_by_name, conf->key_count);
	if (twice != NULL) {
		char text[DNS_NAME_TEXT_MAX];

		return refuse(decoder, path, twice->line,
			      "a second key %s; give it another name, or keep one",
			      dns_name_to_text(text, twice->name));
	}
	return OK;
}
