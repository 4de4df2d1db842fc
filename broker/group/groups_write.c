/* Records for __consumer_offsets: append now, answer when the disk has them. */
#include "broker/group/groups_internal.h"
#include "broker/storage/partition.h"
#include "common/arena.h"
#include "common/check.h"
#include "common/logger.h"
#include "common/mem.h"
#include "protocol/kafka_error.h"
#include "protocol/record_builder.h"

/* What one change may write: the request that caused it was no longer than that. */
#define WRITE_MAX ((size_t)128 << 20)

struct groups_write {
    struct groups *gs;
    struct groups_entry *entry;
    struct record_builder builder;
    struct buf key;
    struct buf value;
    bool failed;
    struct groups_task task;
    struct partition_waiter waiter;
    groups_write_fn done;
    void *ctx;
    int64_t base_offset;
    int16_t error;
};

struct groups_write *groups_write_begin(struct groups *gs, struct groups_entry *entry)
{
    struct groups_write *w = mem_calloc(1, sizeof *w);
    if (w == NULL) {
        return NULL;
    }
    w->gs = gs;
    w->entry = entry;
    w->base_offset = -1;
    entry->references++;
    record_builder_init(&w->builder, WRITE_MAX);
    buf_init(&w->key, WRITE_MAX);
    buf_init(&w->value, WRITE_MAX);
    return w;
}

size_t groups_write_size(const struct groups_write *w)
{
    return w->builder.records.len;
}

static void release(struct groups_write *w)
{
    record_builder_deinit(&w->builder);
    buf_deinit(&w->key);
    buf_deinit(&w->value);
}

void groups_write_drop(struct groups_write *w)
{
    release(w);
    groups_unref(w->gs, w->entry);
    mem_free(w);
}

/* The record whose key and value stand in the buffers. */
static void append_record(struct groups_write *w, bool tombstone)
{
    w->failed = w->failed || buf_failed(&w->key) || buf_failed(&w->value);
    if (!w->failed) {
        record_builder_append(&w->builder, groups_now_ms(w->gs), buf_bytes(&w->key),
                              tombstone ? bytes_null() : buf_bytes(&w->value), NULL, 0);
    }
    buf_clear(&w->key);
    buf_clear(&w->value);
}

void groups_write_offset(struct groups_write *w, struct bytes topic, int32_t partition,
                         const struct group_offset *offset)
{
    group_record_offset_key(&w->key, w->entry->group->id, topic, partition);
    group_record_offset_value(&w->value, offset);
    append_record(w, false);
}

void groups_write_offset_tombstone(struct groups_write *w, struct bytes topic, int32_t partition)
{
    group_record_offset_key(&w->key, w->entry->group->id, topic, partition);
    append_record(w, true);
}

void groups_write_group(struct groups_write *w)
{
    struct arena arena;
    arena_init(&arena, WRITE_MAX);
    group_record_group_key(&w->key, w->entry->group->id);
    w->failed =
        group_record_group_value(&w->value, w->entry->group, &arena, NULL) != ERR_OK || w->failed;
    append_record(w, false);
    arena_deinit(&arena);
}

void groups_write_group_tombstone(struct groups_write *w)
{
    group_record_group_key(&w->key, w->entry->group->id);
    append_record(w, true);
}

/* What group clients understand. */
static int16_t map_error(int16_t error)
{
    switch (error) {
    case KAFKA_ERROR_NONE:
        return KAFKA_ERROR_NONE;
    case KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION:
    case KAFKA_ERROR_REQUEST_TIMED_OUT:
    case KAFKA_ERROR_NOT_ENOUGH_REPLICAS:
        return KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE;
    case KAFKA_ERROR_NOT_LEADER_OR_FOLLOWER:
    case KAFKA_ERROR_KAFKA_STORAGE_ERROR:
        return KAFKA_ERROR_NOT_COORDINATOR;
    default: /* whatever else storage says */
        return KAFKA_ERROR_UNKNOWN_SERVER_ERROR;
    }
}

static void finished(struct groups *gs, struct groups_task *task)
{
    struct groups_write *w = task->ctx;
    struct groups_entry *entry = w->entry;
    if (w->done != NULL) {
        w->done(w->ctx, gs, entry, w->error, w->base_offset);
    }
    release(w);
    mem_free(w);
    groups_unref(gs, entry);
}

static void post(struct groups_write *w)
{
    w->task = (struct groups_task){.run = finished, .ctx = w};
    groups_post_write(w->gs, &w->task);
}

/* A flusher thread. */
static void flushed(struct partition_waiter *waiter, enum err_code status)
{
    struct groups_write *w = waiter->ctx;
    if (status != ERR_OK) {
        w->error = status == ERR_CLOSED ? KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE
                                        : KAFKA_ERROR_NOT_COORDINATOR;
    }
    post(w);
}

/* False when it failed: w->error says why. */
static bool append(struct groups_write *w, struct partition *p, int64_t *out_last_offset)
{
    struct err e = {.text = ""};
    struct buf batch;
    buf_init(&batch, WRITE_MAX);
    struct partition_append_result result = {.error_code = KAFKA_ERROR_UNKNOWN_SERVER_ERROR};
    enum err_code code =
        w->failed ? err_nomem(&e, "group records") : record_builder_finish(&w->builder, &batch, &e);
    if (code == ERR_OK) {
        struct partition_append_options options = {.now_ms = groups_now_ms(w->gs)};
        code = partition_append(p, batch.data, batch.len, &options, &result, &e);
    }
    buf_deinit(&batch);
    if (code != ERR_OK) {
        if (result.error_code != KAFKA_ERROR_KAFKA_STORAGE_ERROR) { /* the disk's are storage's */
            logger_error(w->gs->logger, "groups.write_failed", "group=%.*s error=\"%s\"",
                         (int)w->entry->group->id.len, (const char *)w->entry->group->id.data,
                         e.text);
        }
        w->error = map_error(result.error_code != 0 ? result.error_code
                                                    : KAFKA_ERROR_UNKNOWN_SERVER_ERROR);
        return false;
    }
    w->base_offset = result.base_offset;
    *out_last_offset = result.last_offset;
    return true;
}

void groups_write_end(struct groups_write *w, groups_write_fn done, void *ctx)
{
    struct groups *gs = w->gs;
    w->done = done;
    w->ctx = ctx;
    lock_acquire(&gs->lock);
    gs->writes++;
    lock_release(&gs->lock);
    struct partition *p =
        groups_open_partitions(gs) ? groups_partition_of(gs, w->entry->group->id) : NULL;
    int64_t last_offset = -1;
    if (p == NULL) {
        w->error = KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE;
        post(w);
        return;
    }
    if (!append(w, p, &last_offset)) {
        post(w);
        return;
    }
    w->waiter = (struct partition_waiter){.callback = flushed, .ctx = w};
    if (partition_wait_flushed(p, last_offset + 1, &w->waiter)) {
        post(w);
    }
}
