/* What makes a log shorter at its front: retention and DeleteRecords; and letting go of files that
 * nobody uses. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/storage/file_io.h"
#include "broker/storage/log_flusher.h"
#include "broker/storage/partition_internal.h"
#include "common/check.h"
#include "protocol/kafka_error.h"

/* A batch of removals; more wait for the next check. */
#define PARTITION_RETENTION_BATCH 64

struct partition_removals {
    struct segment *segments[PARTITION_RETENTION_BATCH]; /* the list's references */
    size_t count;
};

/* Largest timestamp, or when the file was last written if no record has one. */
static int64_t partition_segment_time(const struct partition *p, const struct segment *s)
{
    if (s->max_timestamp >= 0) {
        return s->max_timestamp;
    }
    char path[PATH_MAX];
    struct stat st;
    if (segment_path(p->path, s->base_offset, SEGMENT_SUFFIX_LOG, path, sizeof path, NULL) !=
            ERR_OK ||
        stat(path, &st) != 0) {
        return INT64_MAX; /* keep it */
    }
    return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}

/* Whether the oldest segment goes. `total` is the size of all that would remain with it. */
static bool partition_first_expired(const struct partition *p, int64_t total, int64_t now_ms)
{
    const struct segment *s = p->segments[0];
    if (s->size_bytes == 0 || s->next_offset > p->high_watermark) {
        return false;
    }
    if (p->segment_count > 1 && p->segments[1]->base_offset <= p->log_start) {
        return true;
    }
    if (!p->config.cleanup_delete) {
        return false;
    }
    if (p->config.retention_ms >= 0 &&
        partition_segment_time(p, s) < now_ms - p->config.retention_ms) {
        return true;
    }
    return p->config.retention_bytes >= 0 && total - p->config.retention_bytes >= s->size_bytes;
}

static void partition_take_first(struct partition *p, struct partition_removals *removals)
{
    CHECK(p->segment_count > 1);
    removals->segments[removals->count++] = p->segments[0];
    p->segment_count--;
    memmove(p->segments, p->segments + 1, p->segment_count * sizeof p->segments[0]);
    int64_t base = p->segments[0]->base_offset;
    if (base > p->log_start) {
        p->log_start = base;
    }
    if (epoch_cache_cut_start(&p->epochs, p->log_start)) {
        p->epochs_dirty = true;
        p->state_seq++;
    }
}

/* Renames outside the lock. files_lock held: the cleaner uses a name again. */
static void partition_discard(struct partition *p, struct partition_env *env,
                              const struct segment *s, int64_t delay_ms)
{
    static const char *const suffixes[] = {SEGMENT_SUFFIX_INDEX, SEGMENT_SUFFIX_TIMEINDEX,
                                           SEGMENT_SUFFIX_LOG};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char path[PATH_MAX];
        char gone[PATH_MAX];
        if (segment_path(p->path, s->base_offset, suffixes[i], path, sizeof path, NULL) != ERR_OK) {
            continue;
        }
        int n = snprintf(gone, sizeof gone, "%s" SEGMENT_SUFFIX_DELETED, path);
        if (n > 0 && (size_t)n < sizeof gone && file_io_rename(path, gone, NULL) == ERR_OK) {
            env->discard_file(env->dir, gone, delay_ms);
        }
    }
}

/* One batch; true when there may be more. */
static bool partition_retention_step(struct partition *p, int64_t now_ms)
{
    struct partition_removals removals = {.count = 0};
    lock_acquire(&p->files_lock);
    lock_acquire(&p->lock);
    struct partition_env *env = p->env;
    bool active = p->status == PARTITION_OPEN && p->configured;
    int64_t total = 0;
    for (size_t i = 0; active && i < p->segment_count; i++) {
        total += p->segments[i]->size_bytes;
    }
    while (active && removals.count < PARTITION_RETENTION_BATCH &&
           partition_first_expired(p, total, now_ms)) {
        struct err e;
        if (p->segment_count == 1 && partition_roll(p, now_ms, &e) != ERR_OK) {
            logger_warn(env->logger, "retention.failed", "dir=%s reason=\"%s\"", p->path, e.text);
            break;
        }
        total -= p->segments[0]->size_bytes;
        partition_take_first(p, &removals);
    }
    int64_t log_start = p->log_start;
    int64_t delay_ms = p->config.file_delete_delay_ms;
    lock_release(&p->lock);
    for (size_t i = 0; i < removals.count; i++) {
        partition_discard(p, env, removals.segments[i], delay_ms);
        segment_unref(removals.segments[i]);
    }
    lock_release(&p->files_lock);
    if (removals.count > 0) {
        logger_info(env->logger, "retention.deleted",
                    "topic=%s partition=%" PRId32 " segments=%zu log_start=%" PRId64, p->id.topic,
                    p->id.index, removals.count, log_start);
        log_flusher_kick(env->flusher, p);
    }
    return removals.count == PARTITION_RETENTION_BATCH;
}

void partition_apply_retention(struct partition *p, int64_t now_ms)
{
    while (partition_retention_step(p, now_ms)) {
    }
}

void partition_rest(struct partition *p)
{
    lock_acquire(&p->lock);
    for (size_t i = 0; i + 1 < p->segment_count; i++) {
        segment_rest(p->segments[i]);
    }
    lock_release(&p->lock);
}

enum err_code partition_delete_records(struct partition *p, int64_t before,
                                       int64_t *out_low_watermark, int16_t *out_error_code,
                                       struct err *e)
{
    lock_acquire(&p->lock);
    enum err_code code = ERR_OK;
    int16_t error_code = KAFKA_ERROR_NONE;
    int64_t to = before == -1 ? p->high_watermark : before;
    if (p->status != PARTITION_OPEN) {
        error_code = p->status == PARTITION_CLOSED ? KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION
                                                   : KAFKA_ERROR_KAFKA_STORAGE_ERROR;
        code = err_set(e, ERR_CLOSED, "the partition is stopped or deleted");
    } else if (to < 0 || to > p->high_watermark) {
        error_code = KAFKA_ERROR_OFFSET_OUT_OF_RANGE;
        code = err_set(e, ERR_INVALID,
                       "offset %" PRId64 " is not between 0 and the high watermark %" PRId64,
                       before, p->high_watermark);
    } else if (to > p->log_start) {
        p->log_start = to;
        p->log_start_dirty = true;
        p->epochs_dirty = epoch_cache_cut_start(&p->epochs, to) || p->epochs_dirty;
        p->state_seq++;
    }
    *out_error_code = error_code;
    if (code == ERR_OK) {
        *out_low_watermark = p->log_start;
    }
    lock_release(&p->lock);
    return code;
}
