/* Master files: any octets, as a zone and as a base; what is taken can be written again. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "zone/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* ldns 1.8 loses a field where a certificate's algorithm is not known: "CERT 0 2 3 aaaa". */
const char *__lsan_default_suppressions(void)
{
	return "leak:libldns.so\n"; /* by its library: symbols need a program that may not be there */
}

static int write_again(void *context, const uint8_t *name, uint16_t type, uint32_t ttl,
		       const uint8_t *rdata, uint16_t size)
{
	char *text = NULL;

	(void)context;
	(void)ttl;
	if (dns_name_check(name, dns_name_size(name)) < 0 ||
	    text_rdata(&text, type, rdata, size) != OK) {
		abort();
	}
	free(text);
	return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t apex[] = "\6static\7example";
	struct text_error error;

	for (int is_base = 0; is_base < 2; is_base++) {
		(void)text_parse((const char *)data, size, "fuzz", apex, is_base, write_again, NULL,
				 &error);
	}
	return 0;
}
