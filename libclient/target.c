/*
 * Reading names. The service is the last pair of labels of which the second is _tcp or _udp and
 * the first begins with an underscore: labels are never counted from the left, since names with
 * more of them than expected occur.
 */
#include "libclient/target.h"

#include <string.h>

#include "libclient/error.h"

int wgl_type_at(const uint8_t *name, size_t *behind)
{
	int found = -1;

	for (size_t at = 0; name[at] != 0;) {
		const uint8_t *label = name + at;
		const uint8_t *next = dns_name_parent(label);

		if (label[0] > 1 && label[1] == '_' &&
		    (dns_label_is(next, "_tcp") || dns_label_is(next, "_udp"))) {
			found = (int)at;
			*behind = (size_t)(dns_name_parent(next) - name);
		}
		at = (size_t)(next - name);
	}
	return found;
}

const uint8_t *wgl_domain_of(const uint8_t *name)
{
	size_t behind = 0;

	(void)wgl_type_at(name, &behind);
	return name + behind;
}

/* What stands before the service says what it is. */
static int kind_of(enum wgl_kind *kind, const uint8_t *name, size_t type_at)
{
	const uint8_t *label = name;
	size_t before = 0;

	for (; label < name + type_at; label = dns_name_parent(label)) {
		before++;
	}
	if (before == 0) {
		*kind = WGL_TYPE;
	} else if (before == 1) {
		*kind = WGL_INSTANCE;
	} else if (before == 2 && dns_label_is(dns_name_parent(name), "_sub")) {
		*kind = WGL_SUBTYPE;
	} else {
		return WAGGLE_ERR_NAME;
	}
	return WAGGLE_OK;
}

int wgl_target_parse(struct wgl_target *out, const char *text)
{
	size_t behind = 0;
	int type_at;

	if (strcmp(text, "@") == 0 || dns_name_from_text(out->name, text, NULL) < 0) {
		return WAGGLE_ERR_NAME;
	}
	type_at = wgl_type_at(out->name, &behind);
	if (type_at < 0) {
		out->kind = WGL_DOMAIN;
		out->is_relative = false;
		return WAGGLE_OK;
	}
	out->is_relative = out->name[behind] == 0;
	return kind_of(&out->kind, out->name, (size_t)type_at);
}

int wgl_target_full(uint8_t out[DNS_NAME_MAX], const struct wgl_target *target, const uint8_t *zone)
{
	static const uint8_t root[] = {0};

	if (dns_name_join(out, target->name, target->is_relative ? zone : root) < 0) {
		return WAGGLE_ERR_NAME;
	}
	return WAGGLE_OK;
}

int wgl_label_from_text(uint8_t out[DNS_LABEL_MAX + 1], const char *text)
{
	const size_t size = strnlen(text, DNS_LABEL_MAX + 1);
	char clean[DNS_LABEL_MAX + 1];

	if (size == 0 || size > DNS_LABEL_MAX) {
		return WAGGLE_ERR_NAME;
	}
	wgl_text_clean(clean, sizeof(clean), (const uint8_t *)text, size);
	if (memcmp(clean, text, size + 1) != 0) {
		return WAGGLE_ERR_NAME;
	}
	out[0] = (uint8_t)size;
	memcpy(out + 1, text, size);
	return WAGGLE_OK;
}

int wgl_domain_from_text(uint8_t out[DNS_NAME_MAX], const char *text)
{
	if (strcmp(text, "@") == 0 || dns_name_from_text(out, text, NULL) < 0) {
		return WAGGLE_ERR_NAME;
	}
	return WAGGLE_OK;
}
