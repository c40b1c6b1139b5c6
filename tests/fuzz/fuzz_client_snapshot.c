/*
 * A client's snapshot of any octets: refused with a reason and nothing kept, or taken; what is
 * taken is written again, and read again alike. The checksum is mended first, so that what it
 * guards is reached.
 */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc.h"
#include "libclient/snapshot.h"

#define CRC_AT 36
#define HEADER_SIZE 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wgl_now now = {.mono_ms = 1ull << 41, .wall_s = 1700000000};

static void mend(uint8_t *data, size_t size)
{
	struct buf_writer out = buf_writer(data + CRC_AT, HEADER_SIZE - CRC_AT);

	buf_write_u32(&out, crc32c(crc32c(0, data, CRC_AT), data + HEADER_SIZE,
				   size - HEADER_SIZE));
}

static void again(struct wgl_cache *cache)
{
	struct wgl_cache other;
	uint8_t *data[2];
	size_t size[2];

	wgl_cache_init(&other, 1 << 24, 86400, 86400, 1);
	assert(wgl_snapshot_encode(cache, &now, &data[0], &size[0]) == WAGGLE_OK);
	assert(wgl_snapshot_decode(&other, &now, data[0], size[0], NULL) == WAGGLE_OK);
	assert(wgl_snapshot_encode(&other, &now, &data[1], &size[1]) == WAGGLE_OK);
	assert(size[0] == size[1] && memcmp(data[0], data[1], size[0]) == 0);
	free(data[0]);
	free(data[1]);
	wgl_cache_deinit(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct waggle_error error;
	struct wgl_cache cache;
	uint8_t *copy = malloc(size + 1);

	if (copy == NULL) {
		return 0;
	}
	if (size > 0) {
		memcpy(copy, data, size);
	}
	wgl_cache_init(&cache, 1 << 24, 86400, 86400, 1);
	for (int is_mended = 0; is_mended < 2; is_mended++) {
		if (is_mended && size >= HEADER_SIZE) {
			mend(copy, size);
		}
		if (wgl_snapshot_decode(&cache, &now, copy, size, &error) == WAGGLE_OK) {
			again(&cache);
		} else {
			assert(error.code == WAGGLE_ERR_SNAPSHOT && error.text[0] != '\0');
		}
	}
	wgl_cache_deinit(&cache);
	free(copy);
	return 0;
}
