/* Text to name and back: a name that is read once is read for ever, and compares to itself. */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "dns/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[2048];
	char back[DNS_NAME_TEXT_MAX];
	uint8_t name[DNS_NAME_MAX];
	uint8_t again[DNS_NAME_MAX];
	int length;

	if (size >= sizeof(text)) {
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	length = dns_name_from_text(name, text, NULL);
	if (length < 0) {
		return 0;
	}
	assert(dns_name_check(name, (size_t)length) == 0);
	assert(dns_name_from_text(again, dns_name_to_text(back, name), NULL) == length);
	assert(memcmp(name, again, (size_t)length) == 0);
	assert(dns_name_compare(name, again) == 0 && dns_name_is_in(name, again));
	return 0;
}
