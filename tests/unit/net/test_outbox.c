#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "net/outbox.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

/* A socket on 127.0.0.1, and its address. */
static int open_socket(struct outbox_peer *peer)
{
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in *address = (struct sockaddr_in *)&peer->address;

	*peer = (struct outbox_peer){.size = sizeof(*address)};
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, peer->size), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &peer->size), 0);
	return fd;
}

static void add(struct outbox *outbox, struct outbox_peer *peer, const char *text)
{
	uint8_t *wire = outbox_next(outbox);

	ck_assert_ptr_nonnull(wire);
	memcpy(wire, text, strlen(text));
	outbox_add(outbox, strlen(text), peer);
}

START_TEST(one_that_the_kernel_refuses_holds_up_none_behind_it)
{
	static const char *const texts[] = {"one", "two", "three"};
	struct outbox_peer to;
	struct outbox_peer nowhere;
	struct outbox_peer from;
	const int in = open_socket(&to);
	const int out = open_socket(&from);
	struct outbox *outbox;
	char got[16];

	nowhere = to;
	((struct sockaddr_in *)&nowhere.address)->sin_port = 0;
	ck_assert_int_eq(outbox_new(&outbox), OK);
	add(outbox, &nowhere, "lost");
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		add(outbox, &to, texts[i]);
		add(outbox, &nowhere, "lost");
	}
	ck_assert_uint_eq(outbox_send(outbox, out), 4);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		ck_assert_int_eq(recv(in, got, sizeof(got), MSG_DONTWAIT),
				 (ssize_t)strlen(texts[i]));
		ck_assert_mem_eq(got, texts[i], strlen(texts[i]));
	}
	ck_assert_int_eq(recv(in, got, sizeof(got), MSG_DONTWAIT), -1);
	ck_assert_uint_eq(outbox_send(outbox, out), 0);
	outbox_free(outbox);
	close(in);
	close(out);
}
END_TEST

START_TEST(it_says_when_it_is_full)
{
	struct outbox_peer peer;
	const int fd = open_socket(&peer);
	struct outbox *outbox;

	ck_assert_int_eq(outbox_new(&outbox), OK);
	for (int i = 0; i < OUTBOX_COUNT; i++) {
		add(outbox, &peer, "x");
	}
	ck_assert_ptr_null(outbox_next(outbox));
	ck_assert_uint_eq(outbox_send(outbox, fd), 0);
	ck_assert_ptr_nonnull(outbox_next(outbox));
	outbox_free(outbox);
	close(fd);
}
END_TEST

START_TEST(no_memory_is_an_error)
{
	struct outbox *outbox;
	int ret;

	fail_alloc_after(0);
	ret = outbox_new(&outbox);
	fail_alloc_off();
	ck_assert_int_eq(ret, ERR_NOMEM);
	outbox_free(NULL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		one_that_the_kernel_refuses_holds_up_none_behind_it,
		it_says_when_it_is_full,
		no_memory_is_an_error,
	};

	return run_tests("outbox", tests, COUNT_OF(tests));
}
