/*
 * Names of people: what they wrote becomes a name in one of the registry zones, or a sentence that
 * says why it is none.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "ctl/inside.h"

#define TEXT_SHOWN 200 /* octets of what a person wrote, in an error */

/* Octets of `text` to show: whole characters of UTF-8, as JSON wants them. */
static int shown(const char *text)
{
	size_t size = strlen(text);

	if (size > TEXT_SHOWN) {
		for (size = TEXT_SHOWN; size > 0 && (text[size] & 0xc0) == 0x80; size--) {
		}
	}
	return (int)size;
}

/* A refusal for which the caller has no more to do. */
static int give_up(int ret)
{
	return ret == OK ? ERR_FORMAT : ret;
}

/* The only registry zone; NULL: there is none, or there are several. */
static const struct zone *only_zone(const struct root *root)
{
	const struct zone *only = NULL;
	const struct zone *zone;
	size_t at = 0;

	while ((zone = root_next_zone(root, &at)) != NULL) {
		if (!zone_is_registry(zone)) {
			continue;
		}
		if (only != NULL) {
			return NULL;
		}
		only = zone;
	}
	return only;
}

/* Does it end with a dot that is no label's? It is a name in full then. */
static bool is_absolute(const char *text)
{
	size_t escapes = 0;
	const size_t size = strlen(text);

	if (size == 0 || text[size - 1] != '.') {
		return false;
	}
	while (escapes < size - 1 && text[size - 2 - escapes] == '\\') {
		escapes++;
	}
	return escapes % 2 == 0;
}

int ctl_find_zone(const struct root *root, const json_t *request, json_t *reply,
		  const struct zone **zone)
{
	const char *text = json_string_value(json_object_get(request, "zone"));
	uint8_t apex[DNS_NAME_MAX];

	if (text == NULL) {
		*zone = only_zone(root);
		return *zone != NULL ? OK
				     : give_up(ctl_refuse(reply, NULL,
							  "there is not one registry zone here; "
							  "say the name in full, or its zone"));
	}
	*zone = dns_name_from_text(apex, text, NULL) < 0 ? NULL : root_zone(root, apex);
	if (*zone == NULL || !zone_is_registry(*zone)) {
		return give_up(ctl_refuse(reply, CTL_NOT_FOUND,
					  "no registry zone here is called %.*s", shown(text),
					  text));
	}
	return OK;
}

int ctl_find_name(const struct root *root, const json_t *request, json_t *reply,
		  uint8_t name[DNS_NAME_MAX], const struct zone **zone)
{
	const char *text = json_string_value(json_object_get(request, "name"));
	uint8_t written[DNS_NAME_MAX];
	int ret;

	if (text == NULL) {
		return give_up(ctl_refuse(reply, NULL, "the request has no \"name\""));
	}
	if (dns_name_from_text(written, text, NULL) < 0) {
		return give_up(
			ctl_refuse(reply, CTL_ARGUMENT, "%.*s is no name", shown(text), text));
	}
	*zone = root_zone_for(root, written);
	if (*zone == NULL || !zone_is_registry(*zone)) {
		if (is_absolute(text)) {
			return give_up(ctl_refuse(reply, CTL_NOT_FOUND,
						  "%.*s is in no registry zone here", shown(text),
						  text));
		}
		ret = ctl_find_zone(root, request, reply, zone);
		if (ret == OK && dns_name_join(name, written, zone_apex(*zone)) < 0) {
			ret = give_up(
				ctl_refuse(reply, NULL, "the name is longer than 255 octets"));
		}
		return ret;
	}
	memcpy(name, written, dns_name_size(written));
	return OK;
}
