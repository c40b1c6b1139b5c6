/* What the generators send: questions about instances, and registrations of them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packet_form {
	PACKET_REGISTER, /* also a heartbeat, when the same is there already */
	PACKET_CHANGE, /* the old SRVs go, one with another port comes */
	PACKET_REMOVE,
};

struct packet_options {
	bool is_update;
	enum packet_form form;
	bool is_whole; /* all of instance and host is deleted and added, as SRP clients do */
	uint16_t port; /* of the SRV, above 8080 */
	uint32_t types; /* number i is of type i % types; 0: as `members` says */
	uint32_t instances;
	uint32_t first; /* number of the first */
	uint32_t members; /* of a type; 0: all have one type */
	const char *zone;
};

/* All requests, one behind the other, each from start[i] to start[i + 1]; their IDs are 0. */
struct packets {
	uint8_t *octets;
	size_t *start; /* count + 1 */
	size_t count;
};

/* One for each instance; ends the program where it cannot. */
void packets_make(struct packets *packets, const struct packet_options *options);

/* Those of a file, each behind its length in two octets. */
void packets_read(struct packets *packets, const char *path);
void packets_free(struct packets *packets);
