/* Configurations as text, for the tests of conf. */
#pragma once

#include <check.h>
#include <string.h>

#include "base/err.h"
#include "conf/conf.h"

/* Files that are right but for what a case adds. */
#define BARE "server: {listen: [127.0.0.1]}\n"
#define FULL "server: {listen: [127.0.0.1], name: n, data: d}\n"
#define SERVER(more) "server: {listen: [127.0.0.1], " more "}\n"
#define REGISTRY(keys) FULL "zone: [{name: a, registry: " keys "}]\n"
#define RULE(rule) REGISTRY("{rules: [" rule "]}")

static inline int parse(struct conf **out, const char *text, struct conf_error *error)
{
	return conf_parse(out, text, strlen(text), "w.conf", "dir", error);
}

/* A configuration that must be right. */
static inline struct conf *parsed(const char *text)
{
	struct conf_error error;
	struct conf *conf = NULL;

	const int ret = parse(&conf, text, &error);
	ck_assert_msg(ret == OK, "%s\n%s", error.text, text);
	return conf;
}
