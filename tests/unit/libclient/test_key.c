#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/hmac.h"
#include "libclient/key.h"
#include "libclient/reply.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

#define SECRET "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define NOW 0x6a000000u

static int parse(struct wgl_key **out, const char *text, struct waggle_error *error)
{
	return wgl_key_parse(out, text, strlen(text), error);
}

START_TEST(both_forms_of_a_key_file_are_read)
{
	static const char *const texts[] = {
		"key \"Key1.Example\" {\n\talgorithm hmac-sha256;\n\tsecret \"" SECRET "\";\n};\n",
		"# a comment\n// another\nkey key1.example. { secret " SECRET
		"; algorithm HMAC-SHA256.; }",
		"key key1.example{algorithm hmac-sha256;secret \"" SECRET "\";}",
		"hmac-sha256:key1.example:" SECRET "\n",
		("key1.example:" SECRET),
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct waggle_error error;
		struct wgl_key *key;

		ck_assert_msg(parse(&key, texts[i], &error) == WAGGLE_OK, "%s", texts[i]);
		ck_assert(dns_name_equal(wgl_key_name(key), (const uint8_t *)"\4key1\7example"));
		wgl_key_free(key);
	}
	wgl_key_free(NULL);
}
END_TEST

START_TEST(what_is_no_key_is_refused_with_a_reason)
{
	static const struct {
		const char *text;
		const char *reason;
	} cases[] = {
		{"", "neither"},
		{"key", "neither"},
		{"key \"a", "neither"},
		{"key a { algorithm hmac-sha256; secret", "neither"},
		{"key a { algorithm hmac-sha256 }", "neither"},
		{"key a { colour blue; }", "neither"},
		{"key a { secret \"" SECRET "\"; }; key b {};", "neither"},
		{"hmac-md5:a:" SECRET, "algorithm"},
		{"hmac-sha256:a b:" SECRET, "neither"},
		{"hmac-sha256::" SECRET, "no name"},
		{"hmac-sha256:a:!!", "BASE64"},
		{"hmac-sha256:a:", "BASE64"},
		{"no colons", "neither"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct waggle_error error;
		struct wgl_key *key;

		ck_assert_msg(parse(&key, cases[i].text, &error) == WAGGLE_ERR_KEY, "%s",
			      cases[i].text);
		ck_assert_ptr_null(key);
		ck_assert_msg(strstr(error.text, cases[i].reason) != NULL, "%s: %s", cases[i].text,
			      error.text);
	}
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named)
{
	struct waggle_error error;
	struct wgl_key *key;

	ck_assert_int_eq(wgl_key_load(&key, "/nowhere/at/all", &error), WAGGLE_ERR_KEY);
	ck_assert_ptr_nonnull(strstr(error.text, "/nowhere/at/all"));
	ck_assert_int_eq(wgl_key_load(&key, "/dev/zero", &error), WAGGLE_ERR_KEY);
}
END_TEST

/* The vector of shared/standards/update.md section 5, checked with dnspython. */
static struct wgl_key *vector_key(void)
{
	struct wgl_key *key;

	ck_assert_int_eq(parse(&key, "hmac-sha256:key1.example:" SECRET, NULL), WAGGLE_OK);
	return key;
}

static const char request_hex[] =
	"1234280000010000000100000474657374000006000101610474657374000001000100"
	"00003c0004c0000201";

START_TEST(a_request_is_signed_as_published)
{
	struct wgl_key *key = vector_key();
	struct wgl_signature signature;
	uint8_t mac[64];
	uint8_t wire[512];
	const size_t size = hex_read(wire, sizeof(wire), request_hex);
	int whole;

	hex_read(mac, sizeof(mac),
		 "1b131af5813ed5f1a658d0714154653ae5cef684f497c4e7dea09268359e0bc3");
	whole = wgl_sign(key, wire, size, sizeof(wire), NOW, &signature);
	ck_assert_int_eq(whole, (int)size + 85);
	ck_assert_uint_eq(signature.mac_size, 32);
	ck_assert_int_eq(memcmp(signature.mac, mac, 32), 0);
	ck_assert_int_eq(wire[11], 1);
	ck_assert_int_eq(wgl_sign(key, wire, size, size + 10, NOW, &signature),
			 WAGGLE_ERR_ARGUMENT);
	wgl_key_free(key);
}
END_TEST

/* A reply of the vector, with the given header and TSIG. The octets. */
static size_t make_reply(uint8_t *out, size_t room, const char *header, uint64_t time_s,
			 uint16_t error, const char *mac)
{
	struct buf_writer writer = buf_writer(out, room);
	struct dns_tsig tsig = {
		.time_s = time_s, .fudge_s = 300, .original_id = 0x1234, .error = error};

	memcpy(tsig.key_name, "\4key1\7example", 14);
	memcpy(tsig.algorithm, "\13hmac-sha256", 13);
	tsig.mac_size = (uint16_t)hex_read(tsig.mac, sizeof(tsig.mac), mac);
	if (error == DNS_TSIG_BADTIME) {
		tsig.other_size = 6;
		tsig.other = NOW + 0x1000;
	}
	hex_read(buf_reserve(&writer, 12), 12, header);
	out[11] = 1;
	dns_tsig_write(&writer, &tsig);
	return buf_written(&writer);
}

START_TEST(replies_are_judged)
{
	static const struct {
		const char *header;
		uint64_t time_s;
		uint16_t error;
		const char *mac;
		uint64_t now_s;
		enum wgl_verdict verdict;
	} cases[] = {
		{"1234a8000000000000000000", NOW, 0,
		 "b5b5b349e84304285c0042672dff12b01663916a7b7fbb363117ce3289601bc8", NOW,
		 WGL_GENUINE},
		/* Another ID on the wire: a forwarder's (RFC 8945 section 5.5). */
		{"9999a8000000000000000000", NOW, 0,
		 "b5b5b349e84304285c0042672dff12b01663916a7b7fbb363117ce3289601bc8", NOW + 300,
		 WGL_GENUINE},
		{"1234a8000000000000000000", NOW, 0,
		 "b5b5b349e84304285c0042672dff12b01663916a7b7fbb363117ce3289601bc8", NOW + 301,
		 WGL_UNTIMELY},
		{"1234a8050000000000000000", NOW, 0,
		 "b5b5b349e84304285c0042672dff12b01663916a7b7fbb363117ce3289601bc8", NOW,
		 WGL_FORGED},
		{"1234a8000000000000000000", NOW, 0, "b5b5b349e84304285c0042672dff12b0", NOW,
		 WGL_FORGED},
		{"1234a8090000000000000000", NOW, DNS_TSIG_BADKEY, "", NOW, WGL_UNSIGNED},
		{"1234a8090000000000000000", NOW, DNS_TSIG_BADTIME,
		 "9337e69a735510357cabbfb958b3b409fc556cabb24fd5893588e353f5074f84", NOW,
		 WGL_GENUINE},
	};
	struct wgl_key *key = vector_key();
	struct wgl_signature signature;
	uint8_t wire[512];

	ck_assert_int_gt(wgl_sign(key, wire, hex_read(wire, sizeof(wire), request_hex),
				  sizeof(wire), NOW, &signature),
			 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const size_t size = make_reply(wire, sizeof(wire), cases[i].header, cases[i].time_s,
					       cases[i].error, cases[i].mac);
		struct wgl_reply reply;
		uint64_t server_s;
		uint16_t error;

		ck_assert_int_eq(wgl_reply_parse(&reply, wire, size), WAGGLE_OK);
		ck_assert_msg(wgl_verify(key, &signature, &reply.message, cases[i].now_s, &error,
					 &server_s) == cases[i].verdict,
			      "case %zu", i);
		ck_assert_uint_eq(error, cases[i].error);
		ck_assert_uint_eq(server_s, cases[i].error == DNS_TSIG_BADTIME ? NOW + 0x1000 : 0);
	}
	wgl_key_free(key);
}
END_TEST

START_TEST(any_failed_allocation_is_an_error)
{
	for (unsigned n = 0;; n++) {
		struct wgl_key *key;
		int ret;

		fail_alloc_after(n);
		ret = parse(&key, "hmac-sha512:a:" SECRET, NULL);
		fail_alloc_off();
		ck_assert_int_eq(ret, fail_alloc_hit() ? WAGGLE_ERR_NOMEM : WAGGLE_OK);
		wgl_key_free(key);
		if (!fail_alloc_hit()) {
			break;
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		both_forms_of_a_key_file_are_read,
		what_is_no_key_is_refused_with_a_reason,
		a_file_that_is_not_there_is_named,
		a_request_is_signed_as_published,
		replies_are_judged,
		any_failed_allocation_is_an_error,
	};

	return run_tests("key", tests, COUNT_OF(tests));
}
