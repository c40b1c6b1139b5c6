/*
 * Both sides of each rule's edge: what it lets in and, right beside, what it does not (BIND
 * CVE-2020-8624: rules that were wider than written). Generated, and judged by an oracle.
 */
#include <arpa/inet.h>
#include <string.h>

#include "access/access.h"
#include "tests/unit/run.h"

#define HTTP "\5_http\4_tcp"
#define SOMEWHERE ((const uint8_t[]){192, 0, 2, 1})

/* Of 4 octets or of 16. */
static struct sockaddr_storage address_of(size_t size, const uint8_t *octets)
{
	struct sockaddr_storage address = {.ss_family = AF_INET};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (size == 4) {
		memcpy(&v4.sin_addr, octets, size);
		memcpy(&address, &v4, sizeof(v4));
	} else {
		memcpy(&v6.sin6_addr, octets, size);
		memcpy(&address, &v6, sizeof(v6));
	}
	return address;
}

/* What a rule that stands alone says of it, by TCP. */
static bool is_allowed(struct conf_rule *rule, const struct sockaddr_storage *peer,
		       const struct access_subject *subject)
{
	const struct access_identity identity = {.peer = peer, .transport = ACCESS_TCP};
	const struct conf_rules rules = {.rules = rule, .count = 1, .is_written = true};

	return access_judge(&rules, &identity, subject).verdict == CONF_ALLOW;
}

/* What a pattern means, in the fewest words. */
static bool means(const char *pattern, const char *label)
{
	if (*pattern == '*') {
		return means(pattern + 1, label) || (*label != 0 && means(pattern, label + 1));
	}
	if (*label == 0 || *pattern == 0) {
		return *label == *pattern;
	}
	return (*pattern == '?' || *pattern == *label) && means(pattern + 1, label + 1);
}

/* The number-th text of letters of an alphabet, by length: "" is the first. */
static void spell(char *out, unsigned number, const char *alphabet)
{
	const unsigned base = (unsigned)strlen(alphabet);

	for (; number > 0; number = (number - 1) / base) {
		*out++ = alphabet[(number - 1) % base];
	}
	*out = 0;
}

START_TEST(every_short_pattern_matches_what_it_means_and_no_other_label)
{
	const unsigned patterns = 1 + 4 + 16 + 64 + 256 + 1024; /* up to 5 letters */
	const unsigned labels = 127; /* up to 6 */
	const struct sockaddr_storage peer = address_of(4, SOMEWHERE);
	unsigned matches = 0;

	for (unsigned i = 0; i < patterns; i++) {
		char pattern[8];
		struct conf_rule rule = {.instance = pattern};

		spell(pattern, i, "ab*?");
		for (unsigned j = 0; j < labels; j++) {
			char label[8] = "";
			const struct access_subject subject = {.instance = (uint8_t *)label};

			spell(label + 1, j, "ab");
			label[0] = (char)strlen(label + 1);
			const bool is_in = is_allowed(&rule, &peer, &subject);
			ck_assert_msg(is_in == means(pattern, label + 1), "%s %s", pattern,
				      label + 1);
			matches += is_in;
		}
	}
	ck_assert_uint_gt(matches, patterns);
	ck_assert_uint_lt(matches, patterns * labels / 2);
}
END_TEST

/* One more or one less, as one number over all octets of the address. */
static bool step(uint8_t *octets, size_t size, int by)
{
	for (size_t i = size; i > 0; i--) {
		const int sum = octets[i - 1] + by;

		octets[i - 1] = (uint8_t)sum;
		if (sum >= 0 && sum <= 255) {
			return true;
		}
	}
	return false; /* round the end */
}

static bool lets_in(const struct conf_net *net, const uint8_t *octets, size_t size)
{
	const struct sockaddr_storage peer = address_of(size, octets);
	struct conf_rule rule = {.has_net = true, .net = *net};
	const struct access_subject subject = {.type = NULL};

	return is_allowed(&rule, &peer, &subject);
}

START_TEST(every_network_has_its_first_and_last_address_and_not_those_beside)
{
	static const uint8_t some[] = {0x5a, 0xa5, 0x3c, 0xc3, 0x0f, 0xf0, 0x69, 0x96,
				       0x5a, 0xa5, 0x3c, 0xc3, 0x0f, 0xf0, 0x69, 0x96};

	for (size_t size = 4; size <= 16; size += 12) {
		for (size_t prefix = 0; prefix <= size * 8; prefix++) {
			struct conf_net net = {.family = size == 4 ? AF_INET : AF_INET6,
					       .prefix = (uint8_t)prefix};
			uint8_t first[16] = {0};
			uint8_t last[16] = {0};

			for (size_t bit = 0; bit < size * 8; bit++) {
				const uint8_t mask = (uint8_t)(0x80 >> bit % 8);
				const uint8_t own = bit < prefix ? some[bit / 8] & mask : 0;

				first[bit / 8] = (uint8_t)((first[bit / 8] & ~mask) | own);
				last[bit / 8] = (uint8_t)((last[bit / 8] & ~mask) |
							  (bit < prefix ? own : mask));
			}
			memcpy(net.octets, first, size);
			ck_assert_msg(lets_in(&net, first, size), "first of /%zu", prefix);
			ck_assert_msg(lets_in(&net, last, size), "last of /%zu", prefix);
			ck_assert_msg(!step(first, size, -1) || !lets_in(&net, first, size),
				      "before /%zu", prefix);
			ck_assert_msg(!step(last, size, 1) || !lets_in(&net, last, size),
				      "behind /%zu", prefix);
		}
	}
}
END_TEST

/* The type with each letter another, one left out, one put in, a label before, one behind. */
START_TEST(no_name_beside_a_type_is_that_type)
{
	static const uint8_t type[] = HTTP;
	struct conf_rule rule = {.type = (uint8_t *)type};
	const struct sockaddr_storage peer = address_of(4, SOMEWHERE);
	uint8_t name[32];
	const struct access_subject subject = {.type = name};
	unsigned names = 0;

	memcpy(name, type, sizeof(type));
	ck_assert(is_allowed(&rule, &peer, &subject));
	for (size_t label = 0; type[label] > 0; label += type[label] + 1) {
		const size_t end = label + type[label] + 1;

		for (size_t at = label + 1; at < end; at++) {
			for (unsigned octet = 0; octet < 256; octet++) {
				memcpy(name, type, sizeof(type));
				name[at] = (uint8_t)octet;
				const bool is_same = dns_fold((uint8_t)octet) == type[at];
				ck_assert(is_allowed(&rule, &peer, &subject) == is_same);
				names++;
			}
			memcpy(name, type, sizeof(type)); /* left out */
			memmove(name + at, type + at + 1, sizeof(type) - at - 1);
			name[label]--;
			ck_assert(!is_allowed(&rule, &peer, &subject));
			memcpy(name, type, sizeof(type)); /* put in */
			memmove(name + at + 1, type + at, sizeof(type) - at);
			name[label]++;
			ck_assert(!is_allowed(&rule, &peer, &subject));
		}
		memcpy(name, type, sizeof(type)); /* a label more */
		memcpy(name + label, "\4_sub", 5);
		memcpy(name + label + 5, type + label, sizeof(type) - label);
		ck_assert(!is_allowed(&rule, &peer, &subject));
		memcpy(name, type, sizeof(type)); /* a label less */
		memmove(name + label, type + end, sizeof(type) - end);
		ck_assert(!is_allowed(&rule, &peer, &subject));
	}
	ck_assert_uint_eq(names, 9 * 256);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_short_pattern_matches_what_it_means_and_no_other_label,
		every_network_has_its_first_and_last_address_and_not_those_beside,
		no_name_beside_a_type_is_that_type,
	};

	return run_tests("rule edges", tests, COUNT_OF(tests));
}
