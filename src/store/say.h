/* What went wrong with the store, in one sentence. For the files of this module. Thread: any. */
#pragma once

#include "registry/log.h"

/* Fills *error as printf does and returns `ret`. */
int say(struct log_error *error, int ret, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The error that an errno is: ERR_FULL, ERR_DENIED, ERR_NOMEM, else ERR_IO. */
int say_errno(int number);
