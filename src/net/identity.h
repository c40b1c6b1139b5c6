/*
 * What the server says of itself to whoever asks, where the configuration has it: class CH, type
 * TXT, version.bind and version.server, id.server and hostname.bind (RFC 4892). NSID (RFC 5001)
 * says the same as the latter in OPT; see reply.h. Thread: any.
 */
#pragma once

#include "conf/conf.h"
#include "dns/message.h"
#include "dns/writer.h"

/* The text that answers this question of class CH; NULL: not ours to say. Of `conf`. */
const char *identity_text(const struct conf *conf, const struct dns_message *message);

/* Writes the answer, with authority: nobody knows better. */
void identity_write(struct dns_writer *writer, const struct dns_message *message, const char *text);
