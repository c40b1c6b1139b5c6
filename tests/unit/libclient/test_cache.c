#include <stdio.h>
#include <string.h>

#include "base/rand.h"
#include "libclient/cache.h"
#include "libclient/error.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/libclient/packet.h"
#include "tests/unit/run.h"

#define START 1000000000ull /* ms */
#define STALE_S 100

static struct wgl_cache cache;

static void begin(size_t size_max)
{
	wgl_cache_init(&cache, size_max, 1000, STALE_S, 1);
}

/* An A record under `name`; its last octet tells records apart. */
static int put(const char *name, enum wgl_known known, uint32_t ttl_s, uint8_t octet,
	       uint64_t now_ms)
{
	const uint8_t record[] = {0, 4, 10, 0, 0, octet};
	const struct wgl_news news = {
		.name = packet_name(name),
		.type = DNS_TYPE_A,
		.known = known,
		.ttl_s = ttl_s,
		.count = known == WGL_RECORDS ? 1 : 0,
		.records = record,
		.size = known == WGL_RECORDS ? sizeof(record) : 0,
	};

	return wgl_cache_put(&cache, &news, now_ms, now_ms);
}

static struct wgl_found find(const char *name, uint64_t now_ms)
{
	return wgl_cache_find(&cache, packet_name(name), DNS_TYPE_A, now_ms);
}

static int octet_of(const struct wgl_rrset *set)
{
	uint16_t size = 0;
	size_t at = 0;
	const uint8_t *rdata = wgl_rrset_next(set, &at, &size);

	ck_assert_uint_eq(size, 4);
	ck_assert_ptr_null(wgl_rrset_next(set, &at, &size));
	return rdata[3];
}

START_TEST(records_are_fresh_for_their_ttl_and_usable_after_it)
{
	const struct wgl_rrset *set;

	begin(1 << 20);
	ck_assert_ptr_null(find("a.x.", START).set);
	ck_assert_int_eq(put("A.x.", WGL_RECORDS, 10, 1, START), WAGGLE_OK);
	set = find("a.X.", START).set;
	ck_assert_int_eq(octet_of(set), 1);
	ck_assert_uint_eq(set->fresh_ms, START + 10000);
	ck_assert(dns_name_equal(wgl_rrset_name(set), packet_name("a.x.")));
	ck_assert_int_eq(memcmp(wgl_rrset_name(set), "\1A\1x", 4), 0);
	ck_assert_ptr_nonnull(find("a.x.", START + (10 + STALE_S) * 1000 - 1).set);
	ck_assert_ptr_null(find("a.x.", START + (10 + STALE_S) * 1000).set);
	ck_assert_uint_eq(cache.size, 0);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(ttls_are_cut_and_negative_ones_more)
{
	wgl_cache_init(&cache, 1 << 20, 86400, 0, 1);
	put("a.x.", WGL_RECORDS, 0x7fffffff, 1, START);
	ck_assert_uint_eq(find("a.x.", START).set->fresh_ms, START + 86400000);
	put("b.x.", WGL_NODATA, 86400, 0, START);
	ck_assert_uint_eq(find("b.x.", START).set->fresh_ms, START + 3600000);
	/* Nothing is kept beyond its TTL here. */
	ck_assert_ptr_null(find("b.x.", START + 3600000).set);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(absence_of_a_name_is_absence_of_all_its_types)
{
	begin(1 << 20);
	put("a.x.", WGL_NXDOMAIN, 5, 0, START);
	ck_assert_int_eq(find("a.x.", START).set->known, WGL_NXDOMAIN);
	ck_assert_int_eq(
		wgl_cache_find(&cache, packet_name("a.x."), DNS_TYPE_TXT, START).set->known,
		WGL_NXDOMAIN);
	put("b.x.", WGL_NODATA, 5, 0, START);
	ck_assert_int_eq(find("b.x.", START).set->known, WGL_NODATA);
	ck_assert_ptr_null(wgl_cache_find(&cache, packet_name("b.x."), DNS_TYPE_TXT, START).set);
	/* The younger word counts. */
	put("a.x.", WGL_RECORDS, 5, 7, START + 1);
	ck_assert_int_eq(octet_of(find("a.x.", START + 1).set), 7);
	put("a.x.", WGL_NXDOMAIN, 5, 0, START + 2);
	ck_assert_int_eq(find("a.x.", START + 2).set->known, WGL_NXDOMAIN);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(a_failure_holds_the_question_and_leaves_the_data)
{
	struct waggle_error failure;
	struct wgl_found found;

	begin(1 << 20);
	wgl_error_set(&failure, WAGGLE_ERR_TIMEOUT, "silence");
	put("a.x.", WGL_RECORDS, 10, 1, START);
	wgl_cache_fail(&cache, packet_name("a.x."), DNS_TYPE_A, START + 30000, &failure);
	found = find("a.x.", START + 29999);
	ck_assert_int_eq(octet_of(found.set), 1);
	ck_assert(found.is_held);
	ck_assert_str_eq(found.failure->text, "silence");
	ck_assert(!find("a.x.", START + 30000).is_held);
	/* An answer ends it. */
	put("a.x.", WGL_RECORDS, 10, 2, START + 1);
	ck_assert(!find("a.x.", START + 1).is_held);
	/* Of a name that is not known there is the failure alone, as long as it holds. */
	wgl_cache_fail(&cache, packet_name("b.x."), DNS_TYPE_A, START + 1000, &failure);
	found = find("b.x.", START);
	ck_assert_ptr_null(found.set);
	ck_assert(found.is_held);
	ck_assert(!find("b.x.", START + 1000).is_held);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(what_a_server_has_stale_itself_is_not_fresh_here)
{
	const uint8_t record[] = {0, 4, 10, 0, 0, 1};
	const struct wgl_news news = {.name = packet_name("a.x."),
				      .type = DNS_TYPE_A,
				      .known = WGL_RECORDS,
				      .ttl_s = 30,
				      .is_stale = true,
				      .count = 1,
				      .records = record,
				      .size = sizeof(record)};
	struct wgl_found found;

	begin(1 << 20);
	ck_assert_int_eq(wgl_cache_put(&cache, &news, START, START), WAGGLE_OK);
	found = find("a.x.", START + 1);
	ck_assert_uint_le(found.set->fresh_ms, START + 1);
	ck_assert(found.is_held);
	ck_assert(!find("a.x.", START + 30000).is_held);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(the_longest_unused_goes_when_it_is_full)
{
	char name[32];

	begin(64 * 1024);
	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "h%d.x.", i);
		ck_assert_int_eq(put(name, WGL_RECORDS, 1000, 1, START), WAGGLE_OK);
		ck_assert_uint_le(cache.size, 64 * 1024);
		/* This one is used all the time. */
		ck_assert_ptr_nonnull(find("h0.x.", START).set);
	}
	ck_assert_ptr_null(find("h1.x.", START).set);
	ck_assert_ptr_nonnull(find("h1999.x.", START).set);
	ck_assert_uint_gt(cache.sets.count, 100);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(sweeping_drops_what_is_of_no_use)
{
	begin(1 << 20);
	put("a.x.", WGL_RECORDS, 1, 1, START);
	put("b.x.", WGL_RECORDS, 500, 1, START);
	wgl_cache_sweep(&cache, START + (1 + STALE_S) * 1000);
	ck_assert_uint_eq(cache.sets.count, 1);
	wgl_cache_deinit(&cache);
	wgl_cache_deinit(&cache);
}
END_TEST

/* Any order of puts, failures and looks: the size is what the entries cost, and all is found. */
START_TEST(any_history_agrees_with_a_plain_array)
{
	struct waggle_error failure;
	uint8_t known[64] = {0};
	struct rand rand;
	char name[32];

	wgl_error_set(&failure, WAGGLE_ERR_TIMEOUT, "silence");
	begin(1 << 20);
	rand_init(&rand, 11);
	for (int step = 0; step < 20000; step++) {
		const uint32_t i = rand_below(&rand, 64);
		const uint8_t octet = (uint8_t)(1 + rand_below(&rand, 200));

		snprintf(name, sizeof(name), "h%u.x.", i);
		switch (rand_below(&rand, 4)) {
		case 0:
			put(name, WGL_RECORDS, 100, octet, START);
			known[i] = octet;
			break;
		case 1:
			wgl_cache_fail(&cache, packet_name(name), DNS_TYPE_A, START + 1, &failure);
			break;
		case 2:
			put(name, WGL_NODATA, 100, 0, START);
			known[i] = 255;
			break;
		default:
			break;
		}
		const struct wgl_rrset *set = find(name, START).set;
		ck_assert_int_eq(set != NULL, known[i] != 0);
		if (set != NULL && set->known == WGL_RECORDS) {
			ck_assert_int_eq(octet_of(set), known[i]);
		}
	}
	wgl_cache_deinit(&cache);
	ck_assert_uint_eq(cache.size, 0);
}
END_TEST

START_TEST(any_failed_allocation_leaves_what_was_there)
{
	struct waggle_error failure;

	wgl_error_set(&failure, WAGGLE_ERR_TIMEOUT, "silence");
	for (unsigned n = 0;; n++) {
		int results[20];
		char names[20][16];

		begin(1 << 20);
		for (int i = 0; i < 20; i++) {
			snprintf(names[i], sizeof(names[i]), "h%d.x.", i);
		}
		ck_assert_int_eq(put("h0.x.", WGL_RECORDS, 10, 9, START), WAGGLE_OK);
		fail_alloc_after(n);
		for (int i = 0; i < 20; i++) {
			results[i] = put(names[i], WGL_RECORDS, 10, 1, START);
		}
		wgl_cache_fail(&cache, packet_name("h0.x."), DNS_TYPE_A, START + 1, &failure);
		wgl_cache_fail(&cache, packet_name("z.x."), DNS_TYPE_A, START + 1, &failure);
		fail_alloc_off();
		for (int i = 0; i < 20; i++) {
			const struct wgl_rrset *set = find(names[i], START).set;

			ck_assert_int_eq(set != NULL, results[i] == WAGGLE_OK || i == 0);
		}
		ck_assert_int_eq(octet_of(find("h0.x.", START).set),
				 results[0] == WAGGLE_OK ? 1 : 9);
		ck_assert(find("h0.x.", START).is_held);
		wgl_cache_deinit(&cache);
		if (!fail_alloc_hit()) {
			break;
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		records_are_fresh_for_their_ttl_and_usable_after_it,
		ttls_are_cut_and_negative_ones_more,
		absence_of_a_name_is_absence_of_all_its_types,
		a_failure_holds_the_question_and_leaves_the_data,
		what_a_server_has_stale_itself_is_not_fresh_here,
		the_longest_unused_goes_when_it_is_full,
		sweeping_drops_what_is_of_no_use,
		any_history_agrees_with_a_plain_array,
		any_failed_allocation_leaves_what_was_there,
	};

	return run_tests("cache", tests, COUNT_OF(tests));
}
