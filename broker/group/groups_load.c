/* What __consumer_offsets says, at start. The last record of a key counts. */
#include <inttypes.h>

#include "broker/group/groups_internal.h"
#include "broker/storage/partition.h"
#include "common/arena.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "protocol/record_iterator.h"

#define READ_BYTES ((size_t)1 << 20)
#define BATCH_MAX ((size_t)256 << 20)

struct load {
    struct groups *gs;
    struct arena arena; /* of one record */
    struct buf scratch;
    uint64_t records;
    uint64_t bad;
};

static struct groups_entry *entry_of(struct load *load, struct bytes id)
{
    struct groups_entry *entry = groups_find(load->gs, id);
    return entry != NULL ? entry : groups_create(load->gs, id);
}

/* A group record replaces the whole group. */
static struct group *fresh_group(struct load *load, struct groups_entry *entry, struct bytes id)
{
    struct groups *gs = load->gs;
    struct group *g = group_create(id, &gs->group_config, &gs->io, groups_now_ms(gs));
    if (g == NULL) {
        return NULL;
    }
    group_destroy(entry->group);
    entry->group = g;
    g->owner_data = entry;
    return g;
}

static bool load_member(struct group *g, const struct kafka_group_metadata_value *value,
                        const struct kafka_group_metadata_value_member *m)
{
    struct group_protocol protocol = {value->protocol, m->subscription};
    struct group_member_info info = {.instance_id = m->group_instance_id,
                                     .client_id = m->client_id,
                                     .client_host = m->client_host,
                                     .session_timeout_ms = m->session_timeout,
                                     .rebalance_timeout_ms = m->rebalance_timeout < 0
                                                                 ? m->session_timeout
                                                                 : m->rebalance_timeout,
                                     .protocols = &protocol,
                                     .protocol_count = bytes_is_null(value->protocol) ? 0 : 1};
    return group_load_member(g, m->member_id, &info, m->assignment);
}

static bool load_group(struct load *load, const struct group_record *record)
{
    struct groups_entry *entry = groups_find(load->gs, record->group);
    if (record->tombstone) {
        struct group *gone = entry == NULL ? NULL : fresh_group(load, entry, record->group);
        return entry == NULL || gone != NULL;
    }
    entry = entry_of(load, record->group);
    struct group *g = entry == NULL ? NULL : fresh_group(load, entry, record->group);
    bool ok = g != NULL;
    const struct kafka_group_metadata_value *value = &record->metadata;
    for (int32_t i = 0; ok && i < value->members_count; i++) {
        ok = load_member(g, value, &value->members[i]);
    }
    struct bytes type = value->protocol_type.len == 0 ? bytes_null() : value->protocol_type;
    ok = ok && group_loaded(g, value->generation, type, value->protocol, value->leader,
                            groups_now_ms(load->gs));
    if (ok && value->current_state_timestamp >= 0) {
        g->state_since_ms = value->current_state_timestamp;
    }
    return ok;
}

static bool load_offset(struct load *load, struct group_record *record, int64_t log_offset)
{
    if (record->tombstone) {
        struct groups_entry *entry = groups_find(load->gs, record->group);
        if (entry != NULL) {
            (void)group_offsets_remove(&entry->offsets, record->topic, record->partition);
        }
        return true;
    }
    struct groups_entry *entry = entry_of(load, record->group);
    record->offset.log_offset = log_offset;
    return entry != NULL &&
           group_offsets_set(&entry->offsets, record->topic, record->partition, &record->offset);
}

static void load_record(struct load *load, const struct record *r)
{
    struct group_record record;
    struct err e = {.text = "out of memory"};
    arena_reset(&load->arena);
    load->records++;
    bool ok = group_record_decode(r->key, r->value, &load->arena, &record, &e) == ERR_OK;
    if (ok && record.kind == GROUP_RECORD_OFFSET) {
        ok = load_offset(load, &record, r->offset);
    } else if (ok && record.kind == GROUP_RECORD_GROUP) {
        ok = load_group(load, &record);
    }
    if (!ok && load->bad++ == 0) {
        logger_error(load->gs->logger, "groups.bad_record",
                     "offset=%" PRId64 " error=\"%s\" next=\"skipped\"", r->offset, e.text);
    }
}

static void load_batch(struct load *load, const struct record_batch *batch)
{
    struct record_iterator it;
    struct record record;
    enum record_batch_status status = record_iterator_init(&it, batch, &load->scratch);
    while (status == RECORD_BATCH_OK && record_iterator_next(&it, &record)) {
        load_record(load, &record);
    }
    if (status != RECORD_BATCH_OK || it.status != RECORD_BATCH_OK) {
        if (load->bad++ == 0) {
            logger_error(load->gs->logger, "groups.bad_batch",
                         "offset=%" PRId64 " next=\"the rest of it is skipped\"",
                         batch->base_offset);
        }
    }
}

/* The slice is whole batches. */
static void load_batches(struct load *load, struct bytes bytes)
{
    struct record_batch batch;
    while (record_batch_parse(bytes, &batch) == RECORD_BATCH_OK) {
        size_t size = record_batch_size(&batch);
        if (!record_batch_is_control(&batch)) {
            load_batch(load, &batch);
        }
        bytes = bytes_of(bytes.data + size, bytes.len - size);
    }
}

static enum err_code load_slice(struct load *load, const struct partition_slice *slice,
                                struct err *e)
{
    uint8_t *data = mem_alloc(slice->length);
    if (data == NULL) {
        return err_nomem(e, "read group records");
    }
    enum err_code code = partition_slice_read(slice, 0, data, slice->length, e);
    if (code == ERR_OK) {
        load_batches(load, bytes_of(data, slice->length));
    }
    mem_free(data);
    return code;
}

static enum err_code load_partition(struct load *load, struct partition *p, struct err *e)
{
    struct partition_offsets offsets;
    partition_get_offsets(p, &offsets);
    int64_t at = offsets.log_start;
    enum err_code code = ERR_OK;
    while (code == ERR_OK && at < offsets.log_end) {
        struct partition_read_options options = {.offset = at,
                                                 .max_bytes = READ_BYTES,
                                                 .min_one_batch = true,
                                                 .isolation = PARTITION_READ_LOG_END};
        struct partition_slice slice;
        code = partition_read(p, &options, &slice, e);
        if (code == ERR_OK && slice.length == 0) {
            partition_slice_release(&slice);
            break;
        }
        if (code == ERR_OK) {
            code = load_slice(load, &slice, e);
            at = slice.next_offset;
        }
        partition_slice_release(&slice);
    }
    return code;
}

/* A group that its tombstone left without offsets is nothing. */
static void drop_empty(struct groups *gs)
{
    for (size_t i = groups_count(gs); i > 0; i--) {
        struct groups_entry *entry = groups_at(gs, i - 1);
        bool nothing = entry->group->state == GROUP_EMPTY && entry->offsets.count == 0 &&
                       bytes_is_null(entry->group->protocol_type);
        if (nothing) {
            groups_remove(gs, entry);
        } else {
            groups_changed(gs, entry);
        }
    }
}

void groups_load(struct groups *gs)
{
    if (!groups_open_partitions(gs)) {
        return;
    }
    int64_t start_ms = clock_mono_ms(gs->clock);
    struct load load = {.gs = gs};
    arena_init(&load.arena, BATCH_MAX);
    buf_init(&load.scratch, BATCH_MAX);
    for (int32_t i = 0; i < gs->partition_count; i++) {
        struct err e = {.text = "its storage failed"};
        enum err_code code =
            gs->partitions[i] == NULL ? ERR_IO : load_partition(&load, gs->partitions[i], &e);
        if (code != ERR_OK) {
            logger_error(gs->logger, "groups.load_failed",
                         "partition=%" PRId32
                         " error=\"%s\" next=\"its groups start without offsets\"",
                         i, e.text);
        }
    }
    drop_empty(gs);
    arena_deinit(&load.arena);
    buf_deinit(&load.scratch);
    logger_info(gs->logger, "groups.loaded",
                "groups=%zu records=%" PRIu64 " bad=%" PRIu64 " ms=%" PRId64, groups_count(gs),
                load.records, load.bad, clock_mono_ms(gs->clock) - start_ms);
}
