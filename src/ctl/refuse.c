/*
 * A reply that refuses. It stands alone, as policy.c needs it where no server runs.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "ctl/inside.h"

int ctl_refuse(json_t *reply, const char *code, const char *format, ...)
{
	char text[640];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_object_clear(reply);
	if (json_object_set_new(reply, "ok", json_false()) != 0 ||
	    json_object_set_new(reply, "error", json_string(text)) != 0 ||
	    (code != NULL && json_object_set_new(reply, "code", json_string(code)) != 0)) {
		return ERR_NOMEM;
	}
	return OK;
}
