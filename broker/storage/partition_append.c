/* partition_append: check, place, write, note. All under the partition's lock. */
#include <inttypes.h>
#include <limits.h>

#include "broker/storage/file_io.h"
#include "broker/storage/log_flusher.h"
#include "broker/storage/partition_internal.h"
#include "common/check.h"
#include "protocol/kafka_error.h"
#include "protocol/record_batch.h"

/* What came, and what the first pass finds out about it. */
struct partition_incoming {
    uint8_t *batches;
    size_t len;
    struct batch_header first;
    size_t batch_count;
    int64_t record_span; /* offsets that the batches take */
    int64_t largest_batch_bytes;
    int64_t max_timestamp;
};

static enum err_code partition_refuse(struct partition_append_result *out_result, int16_t error,
                                      enum err_code code)
{
    out_result->error_code = error;
    return code;
}

/* Walks the batches in memory. */
static enum err_code partition_survey(uint8_t *batches, size_t len,
                                      struct partition_incoming *out_incoming, struct err *e)
{
    struct partition_incoming in = {.batches = batches, .len = len, .max_timestamp = -1};
    size_t at = 0;
    while (at < len) {
        struct batch_header h;
        if (len - at < BATCH_HEADER_BYTES || !batch_header_decode(batches + at, &h) ||
            (uint64_t)h.size_bytes > len - at) {
            return err_set(e, ERR_CORRUPT, "no whole record batch at byte %zu of %zu", at, len);
        }
        if (in.batch_count == 0) {
            in.first = h;
        }
        in.batch_count++;
        in.record_span += (int64_t)h.last_offset_delta + 1;
        if (h.size_bytes > in.largest_batch_bytes) {
            in.largest_batch_bytes = h.size_bytes;
        }
        if (h.max_timestamp > in.max_timestamp) {
            in.max_timestamp = h.max_timestamp;
        }
        at += (size_t)h.size_bytes;
    }
    if (in.batch_count == 0) {
        return err_set(e, ERR_INVALID, "no record batch");
    }
    *out_incoming = in;
    return ERR_OK;
}

static enum err_code partition_check_sizes(const struct partition *p,
                                           const struct partition_incoming *in, bool from_client,
                                           struct partition_append_result *out_result,
                                           struct err *e)
{
    if (from_client && in->largest_batch_bytes > p->config.max_message_bytes) {
        return partition_refuse(out_result, KAFKA_ERROR_MESSAGE_TOO_LARGE,
                                err_set(e, ERR_LIMIT,
                                        "batch of %" PRId64 " bytes, max.message.bytes is %" PRId64,
                                        in->largest_batch_bytes, p->config.max_message_bytes));
    }
    if ((int64_t)in->len > p->config.segment_bytes || in->len > SEGMENT_BYTES_MAX) {
        return partition_refuse(out_result, KAFKA_ERROR_RECORD_LIST_TOO_LARGE,
                                err_set(e, ERR_LIMIT, "%zu bytes, segment.bytes is %" PRId64,
                                        in->len, p->config.segment_bytes));
    }
    if (in->record_span > INT32_MAX) {
        return partition_refuse(
            out_result, KAFKA_ERROR_INVALID_RECORD,
            err_set(e, ERR_LIMIT, "batches span %" PRId64 " offsets", in->record_span));
    }
    return ERR_OK;
}

/* The table of reference 3.4. ERR_EXISTS = a duplicate, the result is filled. */
static enum err_code partition_check_producer(const struct partition *p,
                                              const struct partition_incoming *in,
                                              struct partition_append_result *out_result,
                                              struct err *e)
{
    const struct batch_header *h = &in->first;
    if (h->producer_id < 0) {
        return ERR_OK;
    }
    if (in->batch_count > 1) {
        return partition_refuse(out_result, KAFKA_ERROR_INVALID_RECORD,
                                err_set(e, ERR_INVALID,
                                        "an idempotent producer sent %zu batches at once",
                                        in->batch_count));
    }
    struct producer_batch first = {0};
    switch (producer_state_check(&p->producers, h, &first)) {
    case PRODUCER_APPEND:
        return ERR_OK;
    case PRODUCER_DUPLICATE:
        *out_result = (struct partition_append_result){
            .duplicate = true,
            .base_offset = first.last_offset - first.offset_delta,
            .last_offset = first.last_offset,
            .log_append_time_ms = p->config.log_append_time ? first.timestamp : -1,
            .log_start_offset = p->log_start,
        };
        return ERR_EXISTS;
    case PRODUCER_OUT_OF_ORDER:
        return partition_refuse(out_result, KAFKA_ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                err_set(e, ERR_CONFLICT,
                                        "producer %" PRId64 " epoch %d: sequence %" PRId32
                                        " is not the next one",
                                        h->producer_id, h->producer_epoch, h->base_sequence));
    case PRODUCER_FENCED:
        return partition_refuse(out_result, KAFKA_ERROR_INVALID_PRODUCER_EPOCH,
                                err_set(e, ERR_CONFLICT,
                                        "producer %" PRId64 ": epoch %d is older than the latest",
                                        h->producer_id, h->producer_epoch));
    case PRODUCER_NOT_IN_TXN:
        return partition_refuse(out_result, KAFKA_ERROR_INVALID_TXN_STATE,
                                err_set(e, ERR_STATE,
                                        "producer %" PRId64
                                        " wrote without its transaction while one is open",
                                        h->producer_id));
    }
    return ERR_INTERNAL;
}

/* segment.ms less this segment's share of the jitter: the same for a segment every time. What must
 * be compacted sooner must be sealed sooner. */
static int64_t partition_segment_ms(const struct partition *p, const struct segment *s)
{
    if (p->config.cleanup_compact && p->config.max_compaction_lag_ms < p->config.segment_ms) {
        return p->config.max_compaction_lag_ms;
    }
    int64_t jitter = 0;
    if (p->config.segment_jitter_ms > 0) {
        uint64_t mixed =
            ((uint64_t)s->base_offset + (uint64_t)s->created_ms + (uint64_t)(uint32_t)p->id.index) *
            UINT64_C(0x9E3779B97F4A7C15);
        jitter = (int64_t)((mixed >> 1) % (uint64_t)p->config.segment_jitter_ms);
    }
    return p->config.segment_ms > jitter ? p->config.segment_ms - jitter : 0;
}

/* Reference 3.1, "Roll when". */
static bool partition_must_roll(const struct partition *p, const struct segment *s,
                                const struct partition_incoming *in, int64_t now_ms)
{
    if (s->size_bytes == 0) {
        return false;
    }
    int64_t limit =
        p->config.segment_bytes < SEGMENT_BYTES_MAX ? p->config.segment_bytes : SEGMENT_BYTES_MAX;
    if ((int64_t)in->len > limit - s->size_bytes) {
        return true;
    }
    if (p->log_end + in->record_span - 1 - s->base_offset > INT32_MAX) {
        return true;
    }
    int64_t index_max = p->config.segment_index_bytes / SEGMENT_INDEX_TIME_BYTES;
    if ((int64_t)(s->offsets.count + in->batch_count) > index_max && s->offsets.count > 0) {
        return true;
    }
    bool timed = s->first_timestamp >= 0 && in->max_timestamp >= 0;
    int64_t age = timed ? in->max_timestamp - s->first_timestamp : now_ms - s->created_ms;
    return age > partition_segment_ms(p, s);
}

/* Offsets, epoch and, if the topic wants it, the broker's time, into the bytes. */
static void partition_stamp(const struct partition *p, const struct partition_incoming *in,
                            const struct partition_append_options *options)
{
    int64_t next = p->log_end;
    for (size_t at = 0; at < in->len;) {
        struct batch_header h;
        CHECK(batch_header_decode(in->batches + at, &h));
        record_batch_set_base_offset(in->batches + at, next);
        record_batch_set_leader_epoch(in->batches + at, options->leader_epoch);
        if (p->config.log_append_time) {
            record_batch_set_append_time(in->batches + at, (size_t)h.size_bytes, options->now_ms);
        }
        next += (int64_t)h.last_offset_delta + 1;
        at += (size_t)h.size_bytes;
    }
}

/* Everything that could fail after the write is done before it. */
static enum err_code partition_prepare(struct partition *p, const struct partition_incoming *in,
                                       struct err *e)
{
    enum err_code code = segment_reserve(partition_active(p), in->batch_count, e);
    if (code == ERR_OK) {
        code = epoch_cache_reserve(&p->epochs, e);
    }
    for (size_t at = 0; code == ERR_OK && at < in->len;) {
        struct batch_header h;
        CHECK(batch_header_decode(in->batches + at, &h));
        if (h.producer_id >= 0) {
            code = producer_state_prepare(&p->producers, h.producer_id, e);
        }
        at += (size_t)h.size_bytes;
    }
    return code;
}

static enum err_code partition_write(struct partition *p, const struct partition_incoming *in,
                                     struct err *e)
{
    struct segment *s = partition_active(p);
    char path[PATH_MAX];
    enum err_code code =
        segment_path(p->path, s->base_offset, SEGMENT_SUFFIX_LOG, path, sizeof path, e);
    if (code != ERR_OK) {
        return code;
    }
    code = file_io_write_at(s->fd, in->batches, in->len, s->size_bytes, path, e);
    if (code == ERR_OK) {
        return ERR_OK;
    }
    struct err undo;
    if (file_io_truncate(s->fd, s->size_bytes, path, &undo) != ERR_OK) {
        partition_stop(p, undo.text);
    }
    return code;
}

/* The batches are in the file: into the indexes, producers and epochs. */
static void partition_note(struct partition *p, const struct partition_incoming *in)
{
    struct segment *s = partition_active(p);
    for (size_t at = 0; at < in->len;) {
        struct batch_header h;
        CHECK(batch_header_decode(in->batches + at, &h));
        segment_note(s, &h, p->config.index_interval_bytes);
        if (h.producer_id >= 0) {
            producer_state_update(&p->producers, &h);
        }
        if (epoch_cache_assign(&p->epochs, h.leader_epoch, h.base_offset)) {
            p->epochs_dirty = true;
            p->state_seq++;
        }
        at += (size_t)h.size_bytes;
    }
    p->log_end = s->next_offset;
    p->end_bytes += (int64_t)in->len;
}

static enum err_code partition_append_locked(struct partition *p,
                                             const struct partition_incoming *in,
                                             const struct partition_append_options *options,
                                             struct partition_append_result *out_result,
                                             struct err *e)
{
    enum err_code code = ERR_OK;
    if (partition_must_roll(p, partition_active(p), in, options->now_ms)) {
        code = partition_roll(p, options->now_ms, e);
    }
    if (code == ERR_OK) {
        code = partition_prepare(p, in, e);
    }
    if (code == ERR_OK) {
        partition_stamp(p, in, options);
        code = partition_write(p, in, e);
    }
    if (code != ERR_OK) {
        return partition_refuse(out_result,
                                code == ERR_NOMEM ? KAFKA_ERROR_UNKNOWN_SERVER_ERROR
                                                  : KAFKA_ERROR_KAFKA_STORAGE_ERROR,
                                code);
    }
    if (p->log_end == p->flushed) {
        p->dirty_since_ms = options->now_ms;
    }
    int64_t base_offset = p->log_end;
    partition_note(p, in);
    *out_result = (struct partition_append_result){
        .base_offset = base_offset,
        .last_offset = p->log_end - 1,
        .log_append_time_ms = p->config.log_append_time ? options->now_ms : -1,
        .log_start_offset = p->log_start,
    };
    (void)atomic_fetch_add_explicit(&p->env->append_count, 1, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&p->env->append_bytes, in->len, memory_order_relaxed);
    return ERR_OK;
}

/* A full disk refuses every append of every partition: said once in a while. */
static void partition_log_failure(struct partition *p, const char *why)
{
    uint64_t held_back = 0;
    if (event_limit_pass(&p->env->append_failures, clock_mono_ms(p->env->clock), &held_back)) {
        logger_error(p->env->logger, "append.failed",
                     "topic=%s partition=%" PRId32 " reason=\"%s\" before=%" PRIu64
                     " next=\"nothing was written, the client is told; the next one is tried\"",
                     p->id.topic, p->id.index, why, held_back);
    }
}

static enum err_code partition_check_open(const struct partition *p,
                                          struct partition_append_result *out_result, struct err *e)
{
    switch (p->status) {
    case PARTITION_OPEN:
        return ERR_OK;
    case PARTITION_STOPPED:
        return partition_refuse(
            out_result, KAFKA_ERROR_KAFKA_STORAGE_ERROR,
            err_set(e, ERR_IO,
                    "the partition is stopped after a disk error, see the broker's log"));
    case PARTITION_CLOSED:
        return partition_refuse(out_result, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
                                err_set(e, ERR_CLOSED, "the partition was deleted or closed"));
    }
    return ERR_INTERNAL;
}

enum err_code partition_append(struct partition *p, uint8_t *batches, size_t len,
                               const struct partition_append_options *options,
                               struct partition_append_result *out_result, struct err *e)
{
    struct partition_incoming in = {0};
    enum err_code code = partition_survey(batches, len, &in, e);
    if (code != ERR_OK) {
        return partition_refuse(
            out_result,
            code == ERR_CORRUPT ? KAFKA_ERROR_CORRUPT_MESSAGE : KAFKA_ERROR_INVALID_RECORD, code);
    }
    lock_acquire(&p->lock);
    struct partition_env *env = p->env;
    code = partition_check_open(p, out_result, e);
    if (code == ERR_OK) {
        code = partition_check_sizes(p, &in, options->from_client, out_result, e);
    }
    if (code == ERR_OK && options->from_client) {
        code = partition_check_producer(p, &in, out_result, e);
    }
    if (code == ERR_OK) {
        code = partition_append_locked(p, &in, options, out_result, e);
        if (code != ERR_OK) {
            partition_log_failure(p, e != NULL ? e->text : err_code_text(code));
        }
    }
    bool stopped = p->status == PARTITION_STOPPED;
    lock_release(&p->lock);
    if (code == ERR_EXISTS) {
        return ERR_OK;
    }
    if (env != NULL && (code == ERR_OK || stopped)) {
        /* When stopped: the flusher tells those who wait. */
        log_flusher_kick(env->flusher, p);
    }
    return code;
}
