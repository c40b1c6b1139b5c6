/*
 * Random records of every type as two zone files that say the same: with RDATA in octets
 * (RFC 3597), and in the words that waggled writes.
 *
 *	records SEED COUNT OCTETS WORDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "tests/unit/random_rdata.h"
#include "zone/rdata.h"
#include "zone/text.h"

/* Of different lengths and alphabets; the last has 255 octets, its labels 63. */
static const uint8_t *some_name(void *context, struct rand *rand)
{
	static const char *const names[] = {
		"\1A\2bc\7example",
		"",
		"\3a.b\2\1\377\5\"\\();\7example",
		"\1*\4_tcp\4@$/ \7example",
		"\077012345678901234567890123456789012345678901234567890123456789012"
		"\077012345678901234567890123456789012345678901234567890123456789012"
		"\077012345678901234567890123456789012345678901234567890123456789012"
		"\075abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345678",
	};

	(void)context;
	return (const uint8_t *)names[rand_below(rand, sizeof(names) / sizeof(names[0]))];
}

/*
 * Types that a zone file does not hold, those that lead away from their name, and those that BIND
 * 9.18 or ldns does not know or has its own opinion of.
 */
static bool is_left_out(uint16_t type)
{
	static const uint16_t types[] = {
		DNS_TYPE_NS,     DNS_TYPE_SOA,        DNS_TYPE_SIG,      DNS_TYPE_NXT,
		DNS_TYPE_RRSIG,  DNS_TYPE_NSEC,       DNS_TYPE_NSEC3,    DNS_TYPE_NULL,
		DNS_TYPE_DNSKEY, DNS_TYPE_NSEC3PARAM, DNS_TYPE_MD,       DNS_TYPE_MF,
		DNS_TYPE_WKS,    DNS_TYPE_RKEY,       DNS_TYPE_AMTRELAY, DNS_TYPE_DOA,
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i] == type) {
			return true;
		}
	}
	return dns_rrtype_is_meta(type) || dns_rrtype(type)->name[0] == '\0';
}

static void put_record(FILE *octets, FILE *words, struct rand *rand, uint16_t type, unsigned number)
{
	static uint8_t rdata[65536];
	const size_t size = random_rdata(rand, type, rdata, sizeof(rdata), some_name, NULL);
	char name[16];
	char *text = NULL;

	if (text_rdata(&text, type, rdata, (uint16_t)size) != 0) {
		abort();
	}
	rdata_type_text(name, type);
	fprintf(words, "r%u %s %s\n", number, name, text);
	fprintf(octets, "r%u TYPE%u \\# %zu ", number, type, size);
	for (size_t i = 0; i < size; i++) {
		fprintf(octets, "%02x", rdata[i]);
	}
	fprintf(octets, "\n");
	free(text);
}

int main(int argc, char **argv)
{
	static const char head[] = "$TTL 300\n@ SOA ns1 host 1 2 3 4 5\n@ NS ns1.other.example.\n";
	struct rand rand;
	FILE *octets;
	FILE *words;
	unsigned number = 0;

	if (argc != 5) {
		fprintf(stderr, "usage: records SEED COUNT OCTETS WORDS\n");
		return 2;
	}
	octets = fopen(argv[3], "w");
	words = fopen(argv[4], "w");
	if (octets == NULL || words == NULL) {
		perror("records");
		return 1;
	}
	rand_init(&rand, strtoull(argv[1], NULL, 10));
	fputs(head, octets);
	fputs(head, words);
	for (uint16_t type = 1; type < 300; type++) {
		for (int i = 0; i < atoi(argv[2]) && !is_left_out(type); i++) {
			put_record(octets, words, &rand, type, number++);
		}
	}
	return fclose(octets) == 0 && fclose(words) == 0 ? 0 : 1;
}
