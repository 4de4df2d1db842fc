/*
 * One flush of a partition: under the lock a round is planned (what, up to where), without it the
 * disk is waited for, under it again the result is booked and the waiters that it serves are
 * called. First the records, because producers wait for them; then what only recovery needs.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "broker/storage/file_io.h"
#include "broker/storage/partition_internal.h"
#include "common/check.h"
#include "common/metrics.h"

#define PARTITION_FLUSH_SEGMENTS 8
#define PARTITION_FLUSH_TEXT_MAX ((size_t)16 << 20)
#define PARTITION_FLUSH_SNAPSHOT_MAX ((size_t)1 << 30)

struct partition_flush_round {
    struct segment *segments[PARTITION_FLUSH_SEGMENTS]; /* references; oldest first */
    size_t segment_count;
    int64_t target; /* all below is on disk afterwards */
    int64_t target_base;
    int64_t target_position;
    int64_t target_bytes;
    uint64_t state_seq;
    bool covers_end; /* the target was the log end */
    bool metadata;
    bool dir;
    bool log_start;
    bool checkpoint;
    bool failed_late; /* index, epochs or log start could not be written */
    int active_index_fds[2];
    struct buf epochs;   /* empty = nothing to write */
    struct buf snapshot; /* the same */
};

static bool partition_is_dirty(const struct partition *p)
{
    return p->log_end > p->flushed || p->state_seq != p->flushed_state_seq;
}

/* Whether the topic's settings ask for fdatasync now. */
static bool partition_flush_due(const struct partition *p)
{
    if (!partition_is_dirty(p)) {
        return false;
    }
    if (!partition_relaxed(p) || p->sync_wanted) {
        return true;
    }
    if (p->config.flush_messages > 0 && p->log_end - p->flushed >= p->config.flush_messages) {
        return true;
    }
    int64_t age = clock_wall_ms(p->env->clock) - p->dirty_since_ms;
    return p->config.flush_ms > 0 && p->log_end > p->flushed && age >= p->config.flush_ms;
}

static bool partition_segment_pending(const struct partition *p, const struct segment *s)
{
    return s->next_offset > p->flushed || (s->sealed && !s->indexes_stored);
}

static void partition_plan_segments(struct partition *p, struct partition_flush_round *round)
{
    size_t first = p->segment_count - 1;
    while (first > 0 && partition_segment_pending(p, p->segments[first - 1])) {
        first--;
    }
    size_t end = first;
    while (end < p->segment_count && round->segment_count < PARTITION_FLUSH_SEGMENTS) {
        round->segments[round->segment_count++] = segment_ref(p->segments[end]);
        end++;
    }
    const struct segment *last = p->segments[end - 1];
    round->covers_end = end == p->segment_count;
    round->target = last->next_offset;
    round->target_base = last->base_offset;
    round->target_position = last->size_bytes;
    round->target_bytes = p->end_bytes;
    for (size_t i = end; i < p->segment_count; i++) {
        round->target_bytes -= p->segments[i]->size_bytes;
    }
}

/* Into the index files under the lock, because the arrays grow; synced later, without it. */
static enum err_code partition_plan_checkpoint(struct partition *p,
                                               struct partition_flush_round *round, struct err *e)
{
    struct segment *active = partition_active(p);
    char path[PATH_MAX];
    enum err_code code =
        segment_path(p->path, active->base_offset, SEGMENT_SUFFIX_INDEX, path, sizeof path, e);
    if (code == ERR_OK) {
        code = segment_index_store(&active->offsets, path, &round->active_index_fds[0], e);
    }
    if (code == ERR_OK) {
        code = segment_path(p->path, active->base_offset, SEGMENT_SUFFIX_TIMEINDEX, path,
                            sizeof path, e);
    }
    if (code == ERR_OK) {
        code = segment_index_store(&active->times, path, &round->active_index_fds[1], e);
    }
    if (code == ERR_OK) {
        producer_state_encode(&p->producers, &round->snapshot);
        code = buf_check(&round->snapshot, "producer snapshot", e);
    }
    return code;
}

static void partition_log_incomplete(const struct partition *p, struct partition_env *env,
                                     const char *why)
{
    uint64_t held_back = 0;
    if (event_limit_pass(&env->flush_failures, clock_mono_ms(env->clock), &held_back)) {
        logger_warn(env->logger, "flush.incomplete",
                    "topic=%s partition=%" PRId32 " reason=\"%s\" before=%" PRIu64
                    " effect=\"records are on disk, recovery would take longer\"",
                    p->id.topic, p->id.index, why, held_back);
    }
}

static void partition_plan(struct partition *p, enum partition_flush_mode mode,
                           struct partition_flush_round *round)
{
    *round = (struct partition_flush_round){.active_index_fds = {-1, -1}};
    buf_init(&round->epochs, PARTITION_FLUSH_TEXT_MAX);
    buf_init(&round->snapshot, PARTITION_FLUSH_SNAPSHOT_MAX);
    partition_plan_segments(p, round);
    round->state_seq = p->state_seq;
    /* Cleared here, not when booked: a roll may make the folder dirty again meanwhile. A failure
     * stops the partition anyway. */
    round->metadata = p->metadata_dirty;
    round->dir = p->dir_dirty;
    p->metadata_dirty = false;
    p->dir_dirty = false;
    if (!round->covers_end) {
        return; /* the rest belongs to the last round */
    }
    p->sync_wanted = false;
    round->log_start = p->log_start_dirty;
    if (p->epochs_dirty) {
        epoch_cache_encode(&p->epochs, &round->epochs);
        round->failed_late = buf_failed(&round->epochs);
    }
    if (mode == PARTITION_FLUSH_CHECKPOINT) {
        struct err e;
        round->checkpoint = true;
        if (partition_plan_checkpoint(p, round, &e) != ERR_OK) {
            round->failed_late = true;
            partition_log_incomplete(p, p->env, e.text);
        }
    }
}

static void partition_release_round(struct partition_flush_round *round)
{
    for (size_t i = 0; i < round->segment_count; i++) {
        segment_unref(round->segments[i]);
    }
    file_io_close(round->active_index_fds[0]);
    file_io_close(round->active_index_fds[1]);
    buf_deinit(&round->epochs);
    buf_deinit(&round->snapshot);
}

/* What records need to survive. No lock. */
static enum err_code partition_sync_records(struct partition *p, struct partition_env *env,
                                            const struct partition_flush_round *round,
                                            struct err *e)
{
    enum err_code code = ERR_OK;
    int64_t start_ns = clock_mono_ns(env->clock);
    for (size_t i = 0; code == ERR_OK && i < round->segment_count; i++) {
        code = file_io_sync(round->segments[i]->fd, p->path, e);
        (void)atomic_fetch_add_explicit(&env->flush_count, 1, memory_order_relaxed);
    }
    int64_t took_ns = clock_mono_ns(env->clock) - start_ns;
    (void)atomic_fetch_add_explicit(&env->flush_ns, (uint64_t)took_ns, memory_order_relaxed);
    metric_observe_ns(env->flush_seconds, took_ns);
    if (code == ERR_OK && round->metadata) {
        code = partition_metadata_sync(p, e);
    }
    if (code == ERR_OK && round->dir) {
        code = file_io_sync_dir(p->path, e);
    }
    if (code == ERR_OK && round->metadata) {
        code = partition_sync_parent(p, e);
    }
    return code;
}

static void partition_set_high_watermark(struct partition *p, int64_t offset, int64_t base,
                                         int64_t position, int64_t bytes)
{
    if (offset > p->high_watermark) {
        p->high_watermark = offset;
        p->hw_segment_base = base;
        p->hw_position = position;
        p->hw_bytes = bytes;
    }
    partition_update_last_stable(p);
}

/* Relaxed topics: readable as soon as appended. */
static void partition_follow_log_end(struct partition *p)
{
    if (partition_relaxed(p)) {
        const struct segment *active = partition_active(p);
        partition_set_high_watermark(p, p->log_end, active->base_offset, active->size_bytes,
                                     p->end_bytes);
    }
}

static void partition_book_records(struct partition *p, const struct partition_flush_round *round)
{
    if (round->target > p->flushed) {
        p->flushed = round->target;
        p->dirty_since_ms = clock_wall_ms(p->env->clock);
    }
    partition_set_high_watermark(p, round->target, round->target_base, round->target_position,
                                 round->target_bytes);
    partition_follow_log_end(p);
}

static enum err_code partition_store_sealed_indexes(const struct partition *p, struct segment *s,
                                                    struct err *e)
{
    static const char *const suffixes[] = {SEGMENT_SUFFIX_INDEX, SEGMENT_SUFFIX_TIMEINDEX};
    struct segment_index *const indexes[] = {&s->offsets, &s->times};
    for (size_t i = 0; i < 2; i++) {
        char path[PATH_MAX];
        int fd = -1;
        enum err_code code =
            segment_path(p->path, s->base_offset, suffixes[i], path, sizeof path, e);
        if (code == ERR_OK) {
            code = segment_index_store(indexes[i], path, &fd, e);
        }
        if (code == ERR_OK) {
            code = file_io_sync(fd, path, e);
            file_io_close(fd);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static enum err_code partition_store_epochs(const struct partition *p,
                                            const struct partition_flush_round *round,
                                            struct err *e)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/" PARTITION_EPOCHS_NAME, p->path);
    if (n < 0 || (size_t)n >= sizeof path) {
        return err_set(e, ERR_LIMIT, "path too long: %s", p->path);
    }
    return file_io_replace(path, buf_bytes(&round->epochs), e);
}

/* The new snapshot, and away with the oldest. flush_lock held. */
static enum err_code partition_store_snapshot(struct partition *p,
                                              const struct partition_flush_round *round,
                                              struct err *e)
{
    char path[PATH_MAX];
    enum err_code code =
        segment_path(p->path, round->target, SEGMENT_SUFFIX_SNAPSHOT, path, sizeof path, e);
    if (code == ERR_OK) {
        code = file_io_replace(path, buf_bytes(&round->snapshot), e);
    }
    if (code != ERR_OK || p->snapshots[0] == round->target) {
        return code;
    }
    int64_t oldest = p->snapshots[PARTITION_SNAPSHOTS_KEPT - 1];
    memmove(p->snapshots + 1, p->snapshots, (PARTITION_SNAPSHOTS_KEPT - 1) * sizeof oldest);
    p->snapshots[0] = round->target;
    if (oldest >= 0) {
        code = segment_path(p->path, oldest, SEGMENT_SUFFIX_SNAPSHOT, path, sizeof path, e);
        if (code == ERR_OK) {
            (void)file_io_remove(path, NULL); /* an old snapshot does no harm */
        }
    }
    return code;
}

/* What recovery, and the waiters for state, need. No lock; out_stored tells which sealed segments
 * have their indexes on disk. */
static enum err_code partition_store_late(struct partition *p, struct partition_env *env,
                                          const struct partition_flush_round *round,
                                          bool *out_stored, struct err *e)
{
    enum err_code code =
        round->failed_late ? err_set(e, ERR_IO, "indexes, epochs or snapshot could not be written")
                           : ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < round->segment_count; i++) {
        struct segment *s = round->segments[i];
        if (out_stored[i]) { /* asked for */
            code = partition_store_sealed_indexes(p, s, e);
            out_stored[i] = code == ERR_OK;
        }
    }
    if (code == ERR_OK && round->epochs.len > 0) {
        code = partition_store_epochs(p, round, e);
    }
    for (size_t i = 0; code == ERR_OK && i < 2; i++) {
        if (round->active_index_fds[i] >= 0) {
            code = file_io_sync(round->active_index_fds[i], p->path, e);
        }
    }
    if (code == ERR_OK && round->checkpoint) {
        code = partition_store_snapshot(p, round, e);
    }
    if (code == ERR_OK && (round->checkpoint || round->epochs.len > 0)) {
        code = file_io_sync_dir(p->path, e);
    }
    if (code == ERR_OK && round->log_start) {
        code = env->store_log_starts(env->dir, e);
    }
    return code;
}

static bool partition_all_indexes_stored(const struct partition *p)
{
    for (size_t i = 0; i + 1 < p->segment_count; i++) {
        if (!p->segments[i]->indexes_stored) {
            return false;
        }
    }
    return true;
}

static void partition_book_late(struct partition *p, const struct partition_flush_round *round,
                                const bool *stored, bool ok)
{
    for (size_t i = 0; i < round->segment_count; i++) {
        if (stored[i]) {
            round->segments[i]->indexes_stored = true;
        }
    }
    if (!ok || !round->covers_end) {
        return;
    }
    p->flushed_state_seq = round->state_seq;
    if (p->state_seq == round->state_seq) {
        p->epochs_dirty = false;
        p->log_start_dirty = false;
    }
    if (round->checkpoint && partition_all_indexes_stored(p)) {
        p->recovery_point = round->target;
    }
}

/* Books under the lock and tells those who waited for it. */
static void partition_finish_late(struct partition *p, const struct partition_flush_round *round,
                                  const bool *stored, enum err_code code)
{
    lock_acquire(&p->lock);
    partition_book_late(p, round, stored, code == ERR_OK);
    p->state_failed = code != ERR_OK;
    struct partition_waiter *due = partition_collect_waiters(p);
    p->state_failed = false;
    lock_release(&p->lock);
    partition_run_waiters(due);
}

/* One round; false in *out_more when the partition is clean. flush_lock held. */
static enum err_code partition_flush_round(struct partition *p, enum partition_flush_mode mode,
                                           bool *out_more, struct err *e)
{
    struct partition_flush_round round;
    bool stored[PARTITION_FLUSH_SEGMENTS] = {false};
    bool sealed = false;
    *out_more = false;
    lock_acquire(&p->lock);
    struct partition_env *env = p->env;
    if (p->status == PARTITION_OPEN) {
        partition_follow_log_end(p);
    }
    bool wanted = mode == PARTITION_FLUSH_CHECKPOINT ? p->recovery_point != p->log_end
                                                     : partition_is_dirty(p);
    if (p->status != PARTITION_OPEN ||
        (mode == PARTITION_FLUSH_DUE ? !partition_flush_due(p)
                                     : !wanted && !partition_is_dirty(p))) {
        enum err_code code = p->status == PARTITION_STOPPED
                                 ? err_set(e, ERR_IO, "%s is stopped after a disk error", p->path)
                                 : ERR_OK;
        struct partition_waiter *due = partition_collect_waiters(p);
        lock_release(&p->lock);
        partition_run_waiters(due);
        return code;
    }
    partition_plan(p, mode, &round);
    for (size_t i = 0; i < round.segment_count; i++) {
        stored[i] = round.segments[i]->sealed && !round.segments[i]->indexes_stored;
        sealed = sealed || stored[i];
    }
    lock_release(&p->lock);

    enum err_code code = partition_sync_records(p, env, &round, e);
    lock_acquire(&p->lock);
    if (code == ERR_OK) {
        partition_book_records(p, &round);
    } else {
        partition_stop(p, e->text);
    }
    struct partition_waiter *due = partition_collect_waiters(p);
    lock_release(&p->lock);
    partition_run_waiters(due);
    if (code == ERR_OK) {
        code = partition_store_late(p, env, &round, stored, e);
        partition_finish_late(p, &round, stored, code);
        if (code != ERR_OK) {
            partition_log_incomplete(p, env, e->text);
        } else if (sealed && mode != PARTITION_FLUSH_CHECKPOINT) {
            env->want_checkpoint(env->dir);
        }
        *out_more = code == ERR_OK && !round.covers_end;
    }
    partition_release_round(&round);
    return code;
}

enum err_code partition_flush(struct partition *p, enum partition_flush_mode mode, struct err *e)
{
    struct err local;
    struct err *error = e != NULL ? e : &local;
    enum err_code code = ERR_OK;
    bool more = true;
    lock_acquire(&p->flush_lock);
    while (code == ERR_OK && more) {
        code = partition_flush_round(p, mode, &more, error);
    }
    lock_release(&p->flush_lock);
    return code;
}
