/* Counting handles. */
#include "libclient/reactor.h"

#include <assert.h>

void wgl_reactor_hold(struct wgl_reactor *reactor)
{
	reactor->handles++;
}

void wgl_reactor_release(struct wgl_reactor *reactor)
{
	assert(reactor->handles > 0);
	if (--reactor->handles == 0) {
		reactor->closed(reactor);
	}
}
