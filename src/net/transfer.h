/*
 * Zone transfers by TCP: one reply of many messages (net/source.h), made from one version of the
 * zone.
 *
 * 1. transfer_submit() takes one of server.transfer-max places and asks the core for the version.
 * 2. The core's thread lends it; a ticket brings the transfer to its connection as a source.
 * 3. The connection asks for message after message, as fast as they are read, and each is signed
 *    (RFC 8945 5.3.1). What takes too long or keeps too much memory is cut.
 * 4. At the end, whichever, the version goes back to the core.
 *
 * Thread: the stream thread that has the connection, but for step 2 and the end of step 4.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/inner.h"
#include "net/request.h"

/*
 * Starts the transfer for a request that is REQUEST_TRANSFER. false: it cannot be now, and the
 * request is REQUEST_REPLY with SERVFAIL.
 */
bool transfer_submit(struct stream_thread *stream, uint64_t connection, struct net *net,
		     struct request_desk *desk, struct request *request);
