/*
 * Addresses that are nobody's whom another machine could reach (RFC 1122 3.2.1.3, RFC 4291 2.4).
 * A provider that registers one has asked the wrong interface, and its consumers would talk to
 * themselves or to nobody. Each row is a network; the first that holds the address says why.
 */
#include <stdbool.h>
#include <string.h>

#include "update/inside.h"

struct fault {
	uint8_t bits; /* of the network's prefix */
	uint8_t octets[12]; /* those that follow are 0 */
	const char *reason; /* behind "refused by" */
};

/* clang-format off */
static const struct fault v4_faults[] = {
	{8, {127}, "its address: loopback, from afar"},
	{8, {0}, "its address: unspecified"},
	{16, {169, 254}, "its address: link-local"},
	{4, {224}, "its address: multicast"},
	{32, {255, 255, 255, 255}, "its address: broadcast"},
};
/* clang-format on */

static const struct fault v6_faults[] = {
	{128, {0}, "its address: unspecified"},
	{96, {[10] = 0xff, [11] = 0xff}, "its address: IPv4 in IPv6 form, register it by A"},
	{10, {0xfe, 0x80}, "its address: link-local"},
	{8, {0xff}, "its address: multicast"},
};

static bool has_prefix(const struct fault *fault, const uint8_t *address, size_t size)
{
	uint8_t octets[16] = {0};
	const size_t whole = fault->bits / 8;
	const unsigned mask = 0xff00u >> fault->bits % 8 & 0xff;

	memcpy(octets, fault->octets, sizeof(fault->octets));
	return memcmp(octets, address, whole) == 0 &&
	       (whole == size || ((octets[whole] ^ address[whole]) & mask) == 0);
}

static const char *find(const struct fault *faults, size_t count, const uint8_t *address,
			size_t size)
{
	for (size_t i = 0; i < count; i++) {
		if (has_prefix(&faults[i], address, size)) {
			return faults[i].reason;
		}
	}
	return NULL;
}

const char *update_address_fault(uint16_t type, const uint8_t *rdata)
{
	static const uint8_t loopback[16] = {[15] = 1};

	if (type == DNS_TYPE_A) {
		return find(v4_faults, sizeof(v4_faults) / sizeof(v4_faults[0]), rdata, 4);
	}
	if (type != DNS_TYPE_AAAA) {
		return NULL;
	}
	if (memcmp(rdata, loopback, sizeof(loopback)) == 0) {
		return v4_faults[0].reason;
	}
	return find(v6_faults, sizeof(v6_faults) / sizeof(v6_faults[0]), rdata, 16);
}
