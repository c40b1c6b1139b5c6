/*
 * The registry's state as a snapshot, and back. Derived records are not in it: they follow from
 * the names when these are put again. FORMAT.md has it octet by octet.
 *
 * Frames: size u32 (of what follows), kind u8, payload. A head, then each zone followed by its
 * names and marks, then an end that counts these.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/rrtype.h"
#include "registry/inside.h"

#define SNAPSHOT_FORMAT 1
#define FRAME_MAX (128u << 20) /* octets; more is damage */

enum frame_kind { FRAME_HEAD = 1, FRAME_ZONE = 2, FRAME_NAME = 3, FRAME_END = 4, FRAME_MARK = 5 };

/* ---- saving ------------------------------------------------------------------------------ */

struct saver {
	int (*put)(void *sink, const void *data, size_t size);
	void *sink;
	uint8_t *octets; /* frames not yet given away */
	size_t used;
	size_t room;
	uint64_t names; /* and marks */
	struct record *records;
	size_t record_room;
};

static int flush(struct saver *saver)
{
	const int ret = saver->put(saver->sink, saver->octets, saver->used);

	saver->used = 0;
	return ret;
}

/* Room for a frame with a payload of `size` octets; its head is written. */
static int frame(struct saver *saver, enum frame_kind kind, size_t size, struct buf_writer *out)
{
	const size_t whole = 5 + size;

	if (saver->used + whole > saver->room) {
		const int ret = saver->used > 0 ? flush(saver) : OK;
		if (ret != OK) {
			return ret;
		}
		if (whole > saver->room) {
			uint8_t *octets = realloc(saver->octets, whole);
			if (octets == NULL) {
				return ERR_NOMEM;
			}
			saver->octets = octets;
			saver->room = whole;
		}
	}
	*out = buf_writer(saver->octets + saver->used, whole);
	saver->used += whole;
	buf_write_u32(out, (uint32_t)(1 + size));
	buf_write_u8(out, (uint8_t)kind);
	return OK;
}

size_t content_size(const struct content *content)
{
	size_t size = dns_name_size(content->name) + 1 + 2 + content->owner.id_size + 4 + 4 + 8 +
		      8 + 8 + 2 + content->subtypes_size + 4;

	for (size_t i = 0; i < content->count; i++) {
		size += 2 + 4 + 1 + 2 + (size_t)content->records[i].size;
	}
	return size;
}

void content_write(struct buf_writer *out, const struct content *content)
{
	buf_write(out, content->name, dns_name_size(content->name));
	buf_write_u8(out, content->flags);
	buf_write_u8(out, (uint8_t)content->owner.kind);
	buf_write_u8(out, content->owner.id_size);
	buf_write(out, content->owner.id, content->owner.id_size);
	buf_write_u32(out, content->lease_s);
	buf_write_u32(out, content->key_lease_s);
	buf_write_u64(out, content->version);
	buf_write_u64(out, content->changed_s);
	buf_write_u64(out, content->signed_s);
	buf_write_u16(out, content->subtypes_size);
	buf_write(out, content->subtypes, content->subtypes_size);
	buf_write_u32(out, (uint32_t)content->count);
	for (size_t i = 0; i < content->count; i++) {
		const struct record *record = &content->records[i];
		buf_write_u16(out, record->type);
		buf_write_u32(out, record->ttl);
		buf_write_u8(out, record->flags);
		buf_write_u16(out, record->size);
		buf_write(out, record->rdata, record->size);
	}
}

static int save_name(void *context, const struct zone *zone, const struct node *node)
{
	struct saver *saver = context;
	const size_t count = node_record_count(node);
	struct content content;
	struct buf_writer out;

	(void)zone;
	if (count > saver->record_room) {
		struct record *records = realloc(saver->records, count * sizeof(*records));
		if (records == NULL) {
			return ERR_NOMEM;
		}
		saver->records = records;
		saver->record_room = count;
	}
	node_content(node, &content, saver->records, count);
	if (content.count == 0 && content.flags == 0 && content.owner.kind == OWNER_NONE) {
		return OK; /* nothing was put here: an empty non-terminal, a derived set */
	}
	const int ret = frame(saver, FRAME_NAME, content_size(&content), &out);
	if (ret == OK) {
		content_write(&out, &content);
		saver->names++;
	}
	return ret;
}

void mark_write(struct buf_writer *out, const struct zone_mark *mark)
{
	buf_write_u64(out, mark->hash);
	buf_write_u64(out, mark->signed_s);
	buf_write_u64(out, mark->until_s);
}

void mark_read(struct buf_reader *in, struct zone_mark *mark)
{
	mark->hash = buf_read_u64(in);
	mark->signed_s = buf_read_u64(in);
	mark->until_s = buf_read_u64(in);
}

static int save_mark(void *context, const struct zone_mark *mark)
{
	struct saver *saver = context;
	struct buf_writer out;
	const int ret = frame(saver, FRAME_MARK, MARK_SIZE, &out);

	if (ret == OK) {
		mark_write(&out, mark);
		saver->names++;
	}
	return ret;
}

static int save_zone(struct saver *saver, const struct zone *zone)
{
	const struct zone_soa *soa = zone_soa(zone);
	struct command_base base = {
		.zone = zone_apex(zone), .shape = *zone_shape(zone), .soa = soa};
	struct buf_writer out;

	memcpy(base.ring_key, zone_ring_key(zone), SIPHASH_KEY_SIZE);
	int ret = frame(saver, FRAME_ZONE, 1 + 4 + 8 + command_base_size(&base), &out);
	if (ret != OK) {
		return ret;
	}
	buf_write_u8(&out, zone_is_served(zone));
	buf_write_u32(&out, zone_serial(zone));
	buf_write_u64(&out, zone_base_hash(zone));
	command_write_base(&out, &base);
	ret = zone_walk_in_order(zone, save_name, saver);
	return ret == OK ? zone_walk_marks(zone, save_mark, saver) : ret;
}

int registry_save(const struct root *root, int (*put)(void *sink, const void *data, size_t size),
		  void *sink)
{
	struct saver saver = {.put = put, .sink = sink, .room = 1 << 16};
	const struct zone *zone;
	struct buf_writer out;
	size_t at = 0;

	saver.octets = malloc(saver.room);
	int ret = saver.octets == NULL ? ERR_NOMEM : frame(&saver, FRAME_HEAD, 2 + 8, &out);
	if (ret == OK) {
		buf_write_u16(&out, SNAPSHOT_FORMAT);
		buf_write_u64(&out, root_index(root));
	}
	while (ret == OK && (zone = root_next_zone(root, &at)) != NULL) {
		if (zone_is_registry(zone) && zone_soa(zone) != NULL) {
			ret = save_zone(&saver, zone);
		}
	}
	if (ret == OK) {
		ret = frame(&saver, FRAME_END, 8, &out);
	}
	if (ret == OK) {
		buf_write_u64(&out, saver.names);
		ret = flush(&saver);
	}
	free(saver.records);
	free(saver.octets);
	return ret;
}

/* ---- loading ----------------------------------------------------------------------------- */

struct registry_loader {
	struct root_writer *writer;
	uint8_t *octets; /* a frame that has not come whole yet */
	size_t used;
	size_t room;
	uint64_t index;
	uint64_t names; /* and marks */
	bool has_head;
	bool has_zone;
	bool has_end;
	uint8_t apex[DNS_NAME_MAX];
	struct content_room room_for;
};

int registry_loader_new(struct registry_loader **out, struct root_writer *writer)
{
	struct registry_loader *loader = calloc(1, sizeof(*loader));

	if (loader == NULL) {
		return ERR_NOMEM;
	}
	loader->writer = writer;
	root_silence(writer);
	*out = loader;
	return OK;
}

static int load_head(struct registry_loader *loader, struct buf_reader *in)
{
	const uint16_t format = buf_read_u16(in);

	loader->index = buf_read_u64(in);
	if (!in->failed && format != SNAPSHOT_FORMAT) {
		return ERR_FOREIGN;
	}
	loader->has_head = true;
	return in->failed ? ERR_DAMAGED : OK;
}

static int load_zone(struct registry_loader *loader, struct buf_reader *in)
{
	struct command_base base;
	struct zone_soa soa;
	const bool is_served = buf_read_u8(in) != 0;
	const uint32_t serial = buf_read_u32(in);
	const uint64_t hash = buf_read_u64(in);

	if (in->failed || command_read_base(&base, &soa, in->at, buf_left(in)) != OK) {
		return ERR_DAMAGED;
	}
	in->at = in->end;
	memcpy(loader->apex, base.zone, dns_name_size(base.zone));
	loader->has_zone = true;
	struct root_writer *writer = loader->writer;
	int ret = zone_open(writer, loader->apex, &base.shape, base.ring_key);
	if (ret == OK) {
		ret = zone_set_soa(writer, loader->apex, &soa);
	}
	if (ret == OK) {
		ret = zone_set_serial(writer, loader->apex, serial);
	}
	if (ret == OK) {
		ret = zone_set_base_hash(writer, loader->apex, hash);
	}
	return ret == OK ? zone_set_served(writer, loader->apex, is_served) : ret;
}

static bool is_sound_subtypes(const uint8_t *labels, uint16_t size)
{
	size_t at = 0;

	while (at < size && labels[at] > 0 && labels[at] <= DNS_LABEL_MAX) {
		at += labels[at] + 1u;
	}
	return at == size;
}

static int read_records(struct content_room *room, struct buf_reader *in, size_t count)
{
	if (count > buf_left(in) / 9) {
		return ERR_DAMAGED;
	}
	if (count > room->count) {
		struct record *records = realloc(room->records, count * sizeof(*records));
		if (records == NULL) {
			return ERR_NOMEM;
		}
		room->records = records;
		room->count = count;
	}
	for (size_t i = 0; i < count; i++) {
		struct record *record = &room->records[i];
		record->type = buf_read_u16(in);
		record->ttl = buf_read_u32(in);
		record->flags = buf_read_u8(in);
		record->size = buf_read_u16(in);
		record->rdata = buf_read(in, record->size);
		if (in->failed || dns_rrtype_is_meta(record->type) ||
		    dns_rdata_check(record->type, record->rdata, record->size) != OK) {
			return ERR_DAMAGED;
		}
	}
	return OK;
}

int content_read(struct buf_reader *in, const uint8_t *apex, struct content_room *room,
		 struct content *out)
{
	struct content content = {.name = room->name};

	if (dns_name_read_plain(in, room->name) < 0 || !dns_name_is_in(room->name, apex)) {
		return ERR_DAMAGED;
	}
	content.flags = buf_read_u8(in);
	const uint8_t kind = buf_read_u8(in);
	content.owner.kind = (enum owner_kind)kind;
	content.owner.id_size = buf_read_u8(in);
	content.owner.id = buf_read(in, content.owner.id_size);
	content.lease_s = buf_read_u32(in);
	content.key_lease_s = buf_read_u32(in);
	content.version = buf_read_u64(in);
	content.changed_s = buf_read_u64(in);
	content.signed_s = buf_read_u64(in);
	content.subtypes_size = buf_read_u16(in);
	content.subtypes = buf_read(in, content.subtypes_size);
	content.count = buf_read_u32(in);
	if (in->failed || kind > OWNER_OPERATOR || content.signed_s > content.changed_s ||
	    (kind == OWNER_KEY && dns_name_check(content.owner.id, content.owner.id_size) != OK) ||
	    !is_sound_subtypes(content.subtypes, content.subtypes_size)) {
		return ERR_DAMAGED;
	}
	const int ret = read_records(room, in, content.count);
	content.records = room->records;
	*out = content;
	return ret;
}

void content_room_free(struct content_room *room)
{
	free(room->records);
}

static int load_name(struct registry_loader *loader, struct buf_reader *in)
{
	struct content content;

	if (!loader->has_zone) {
		return ERR_DAMAGED;
	}
	const int ret = content_read(in, loader->apex, &loader->room_for, &content);
	if (ret != OK) {
		return ret;
	}
	loader->names++;
	return zone_load(loader->writer, loader->apex, &content);
}

static int load_mark(struct registry_loader *loader, struct buf_reader *in)
{
	struct zone_mark mark;

	mark_read(in, &mark);
	if (in->failed || !loader->has_zone) {
		return ERR_DAMAGED;
	}
	loader->names++;
	return zone_load_mark(loader->writer, loader->apex, &mark);
}

static int load_frame(struct registry_loader *loader, const uint8_t *octets, size_t size)
{
	struct buf_reader in = buf_reader(octets, size);
	const uint8_t kind = buf_read_u8(&in);
	int ret = ERR_DAMAGED;

	if (loader->has_end || (kind == FRAME_HEAD) == loader->has_head) {
		return ERR_DAMAGED;
	}
	switch (kind) {
	case FRAME_HEAD:
		ret = load_head(loader, &in);
		break;
	case FRAME_ZONE:
		ret = load_zone(loader, &in);
		break;
	case FRAME_NAME:
		ret = load_name(loader, &in);
		break;
	case FRAME_MARK:
		ret = load_mark(loader, &in);
		break;
	case FRAME_END:
		loader->has_end = true;
		ret = buf_read_u64(&in) == loader->names ? OK : ERR_DAMAGED;
		break;
	default:
		break;
	}
	if (ret == OK && (in.failed || buf_left(&in) > 0)) {
		return ERR_DAMAGED;
	}
	return ret;
}

static int keep(struct registry_loader *loader, const uint8_t *data, size_t size)
{
	if (loader->used + size > loader->room) {
		const size_t room = (loader->used + size) * 2;
		uint8_t *octets = realloc(loader->octets, room);
		if (octets == NULL) {
			return ERR_NOMEM;
		}
		loader->octets = octets;
		loader->room = room;
	}
	memcpy(loader->octets + loader->used, data, size);
	loader->used += size;
	return OK;
}

int registry_loader_put(struct registry_loader *loader, const void *data, size_t size)
{
	int ret = keep(loader, data, size);
	size_t at = 0;

	while (ret == OK && loader->used - at >= 4) {
		struct buf_reader in = buf_reader(loader->octets + at, 4);
		const uint32_t frame_size = buf_read_u32(&in);
		if (frame_size == 0 || frame_size > FRAME_MAX) {
			return ERR_DAMAGED;
		}
		if (loader->used - at - 4 < frame_size) {
			break;
		}
		ret = load_frame(loader, loader->octets + at + 4, frame_size);
		at += 4 + (size_t)frame_size;
	}
	if (at > 0 && ret == OK) {
		memmove(loader->octets, loader->octets + at, loader->used - at);
		loader->used -= at;
	}
	return ret;
}

int registry_loader_end(struct registry_loader *loader, uint64_t *index)
{
	if (!loader->has_end || loader->used > 0) {
		return ERR_DAMAGED;
	}
	*index = loader->index;
	return zone_load_end(loader->writer);
}

void registry_loader_free(struct registry_loader *loader)
{
	if (loader == NULL) {
		return;
	}
	free(loader->octets);
	content_room_free(&loader->room_for);
	free(loader);
}
