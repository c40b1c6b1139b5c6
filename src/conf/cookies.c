/*
 * The secrets of DNS Cookies (RFC 9018): 32 hexadecimal digits each, in the file or in a file of
 * its own, so that several servers share them. No error shows one.
 */
#include <string.h>

#include "base/err.h"
#include "conf/decode.h"

#define SECRETS_TEXT_MAX 1024 /* octets of a file */

static int digit_value(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = strchr(digits, digit >= 'A' && digit <= 'F' ? digit + 32 : digit);

	return digit != 0 && found != NULL ? (int)(found - digits) : -1;
}

/* Adds the secret of `size` digits at `text`. `what` begins the error. */
static int add_secret(const struct decoder *decoder, const char *path, int line, const char *text,
		      size_t size, const char *what)
{
	struct conf_cookie *secrets = &decoder->conf->cookie;
	uint8_t octets[SIPHASH_KEY_SIZE];
	bool is_hex = size == 2 * SIPHASH_KEY_SIZE;

	if (secrets->count == CONF_COOKIE_SECRETS_MAX) {
		return refuse(decoder, path, line, "more than %d secrets; leave out the oldest",
			      CONF_COOKIE_SECRETS_MAX);
	}
	for (size_t i = 0; is_hex && i < SIPHASH_KEY_SIZE; i++) {
		const int high = digit_value(text[2 * i]);
		const int low = digit_value(text[2 * i + 1]);

		is_hex = high >= 0 && low >= 0;
		if (is_hex) {
			octets[i] = (uint8_t)(high << 4 | low);
		}
	}
	if (!is_hex) {
		return refuse(
			decoder, path, line,
			"%s is not 32 hexadecimal digits; write what \"openssl rand -hex 16\" "
			"prints",
			what);
	}
	secrets->keys[secrets->count++] = siphash_key(octets);
	secret_wipe(octets, sizeof(octets));
	return OK;
}

int decode_cookie_secrets(const struct decoder *decoder, const struct row *row, const char *path,
			  const struct node *node, void *target)
{
	int ret = OK;

	(void)row;
	(void)target;
	if (node->count == 0) {
		return refuse(decoder, path, node->line,
			      "is empty; leave the key out, or write one");
	}
	for (const struct node *child = node->first; ret == OK && child != NULL;
	     child = child->next) {
		if (child->kind != NODE_SCALAR) {
			return refuse(decoder, path, child->line, "holds more than secrets");
		}
		ret = add_secret(decoder, path, child->line, child->text, strlen(child->text),
				 "this");
	}
	return ret;
}

/* All words of the text. */
static int add_words(const struct decoder *decoder, const char *path, int line, const char *text,
		     const char *file)
{
	static const char space[] = " \t\r\n";
	int ret = OK;

	for (text += strspn(text, space); ret == OK && *text != 0; text += strspn(text, space)) {
		const size_t size = strcspn(text, space);

		ret = add_secret(decoder, path, line, text, size, file);
		text += size;
	}
	if (ret == OK && decoder->conf->cookie.count == 0) {
		return refuse(decoder, path, line, "%s holds no secret", file);
	}
	return ret;
}

int decode_cookie_file(const struct decoder *decoder, const struct row *row, const char *path,
		       const struct node *node, void *target)
{
	struct secret_text secrets;

	(void)row;
	(void)target;
	if (decoder->conf->cookie.count > 0) {
		return refuse(decoder, path, node->line,
			      "stands beside secrets; keep one of the two");
	}
	int ret = secret_read(&secrets, decoder, path, node, SECRETS_TEXT_MAX, "-hex 16");
	if (ret == OK) {
		ret = add_words(decoder, path, node->line, secrets.text, secrets.file);
		secret_done(&secrets);
	}
	return ret;
}
