/* The texts of the errors; the table stands in the header. */
#include "base/err.h"

#include <stddef.h>

static const char *const texts[] = {[0] = "success",
#define ERR_ROW(name, value, text) [-(value)] = (text),
				    ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

const char *err_text(int err)
{
	const size_t count = sizeof(texts) / sizeof(texts[0]);

	if (err > 0 || err <= -(int)count || texts[-err] == NULL) {
		return "unknown error";
	}
	return texts[-err];
}
