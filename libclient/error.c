/* The texts of the codes, and of what servers say. */
#include "libclient/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dns/types.h"

static const char *const texts[] = {
	[-WAGGLE_OK] = "success",
	[-WAGGLE_ERR_NOMEM] = "out of memory",
	[-WAGGLE_ERR_ARGUMENT] = "a parameter is out of its range",
	[-WAGGLE_ERR_NAME] = "neither a service type nor an instance name",
	[-WAGGLE_ERR_CONFIG] = "settings cannot be used",
	[-WAGGLE_ERR_KEY] = "the key file cannot be used",
	[-WAGGLE_ERR_SYSTEM] = "the system refused",
	[-WAGGLE_ERR_TIMEOUT] = "no answer in time",
	[-WAGGLE_ERR_UNREACHABLE] = "no server can be reached",
	[-WAGGLE_ERR_SERVER] = "the server cannot answer",
	[-WAGGLE_ERR_REFUSED] = "the server refuses",
	[-WAGGLE_ERR_TAKEN] = "the name belongs to somebody else",
	[-WAGGLE_ERR_SIGNATURE] = "no answer with a valid signature",
	[-WAGGLE_ERR_NO_REGISTRAR] = "no server for registrations is known",
	[-WAGGLE_ERR_ADDRESS] = "no address to register",
	[-WAGGLE_ERR_FULL] = "limit reached",
	[-WAGGLE_ERR_CANCELLED] = "cancelled",
	[-WAGGLE_ERR_CLOSED] = "closed",
	[-WAGGLE_ERR_DEADLOCK] = "a blocking call from the loop's own thread",
	[-WAGGLE_ERR_SNAPSHOT] = "the snapshot cannot be used",
};

const char *waggle_error_text(int code)
{
	const int count = (int)(sizeof(texts) / sizeof(texts[0]));

	return code > 0 || code <= -count ? "unknown error" : texts[-code];
}

void wgl_error_clear(struct waggle_error *error)
{
	wgl_error_code(error, WAGGLE_OK);
}

static void begin(struct waggle_error *error, int code)
{
	error->code = code;
	error->rcode = WAGGLE_NO_CODE;
	error->info = WAGGLE_NO_CODE;
	error->tsig = WAGGLE_NO_CODE;
}

int wgl_error_set(struct waggle_error *error, int code, const char *format, ...)
{
	char text[2 * sizeof(error->text)];
	va_list arguments;

	if (error == NULL) {
		return code;
	}
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	begin(error, code);
	wgl_text_clean(error->text, sizeof(error->text), (const uint8_t *)text, strlen(text));
	return code;
}

int wgl_error_code(struct waggle_error *error, int code)
{
	return wgl_error_set(error, code, "%s", waggle_error_text(code));
}

int wgl_code_of_rcode(int rcode)
{
	switch (rcode) {
	case DNS_RCODE_NOERROR:
		return WAGGLE_OK;
	case DNS_RCODE_REFUSED:
	case DNS_RCODE_NOTAUTH:
	case DNS_RCODE_NOTZONE:
		return WAGGLE_ERR_REFUSED;
	case DNS_RCODE_YXDOMAIN:
	case DNS_RCODE_YXRRSET:
		return WAGGLE_ERR_TAKEN;
	default:
		return WAGGLE_ERR_SERVER;
	}
}

const char *wgl_rcode_text(char out[16], int rcode)
{
	static const char *const names[] = {"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN",
					    "NOTIMP",   "REFUSED", "YXDOMAIN", "YXRRSET",
					    "NXRRSET",  "NOTAUTH", "NOTZONE"};

	if (rcode >= 0 && rcode < (int)(sizeof(names) / sizeof(names[0]))) {
		return names[rcode];
	}
	snprintf(out, 16, "RCODE %d", rcode & 0xffff);
	return out;
}

/* Octets of the UTF-8 character at `text` (RFC 3629), or 0 where there is none. */
static size_t character(const uint8_t *text, size_t left)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const size_t size = text[0] < 0x80	    ? 1
			    : text[0] >> 5 == 0x06  ? 2
			    : text[0] >> 4 == 0x0e  ? 3
			    : text[0] >> 3 == 0x1e  ? 4
						    : 0;
	uint32_t point = size < 2 ? text[0] : text[0] & (0x7fu >> size);

	if (size == 0 || size > left) {
		return 0;
	}
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xc0) != 0x80) {
			return 0;
		}
		point = point << 6 | (text[i] & 0x3f);
	}
	/* C0, DEL and C1 are control characters; surrogates and long forms are no UTF-8. */
	if (point < ' ' || (point >= 0x7f && point < 0xa0) || point < least[size] ||
	    (point >= 0xd800 && point < 0xe000) || point > 0x10ffff) {
		return 0;
	}
	return size;
}

char *wgl_text_clean(char *out, size_t room, const uint8_t *text, size_t size)
{
	size_t at = 0;
	size_t done = 0;

	while (done < size) {
		const size_t width = character(text + done, size - done);

		if (at + (width == 0 ? 1 : width) >= room) {
			break;
		}
		if (width == 0) {
			out[at++] = '?';
			done++;
			continue;
		}
		memcpy(out + at, text + done, width);
		at += width;
		done += width;
	}
	out[at] = '\0';
	return out;
}
