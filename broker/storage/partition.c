#include "broker/storage/partition.h"

#include <inttypes.h>
#include <limits.h>
#include <utlist.h>

#include "broker/storage/file_io.h"
#include "broker/storage/log_flusher.h"
#include "broker/storage/partition_internal.h"
#include "common/check.h"
#include "common/mem.h"

/* partition_waiter.linked */
#define PARTITION_WAITS_NOT 0
#define PARTITION_WAITS_FLUSH 1
#define PARTITION_WAITS_FETCH 2

enum err_code partition_make(struct partition_env *env, const struct partition_id *id,
                             const char *path, struct partition **out_partition, struct err *e)
{
    struct partition *p = mem_calloc(1, sizeof *p);
    char *path_copy = mem_strdup(path);
    if (p == NULL || path_copy == NULL) {
        mem_free(p);
        mem_free(path_copy);
        return err_nomem(e, "partition");
    }
    atomic_init(&p->refs, 1);
    p->id = *id;
    p->path = path_copy;
    p->env = env;
    p->status = PARTITION_CLOSED;
    p->state_seq = 1; /* 0 in a waiter means that it waits for records only */
    p->flushed_state_seq = 1;
    for (size_t i = 0; i < PARTITION_SNAPSHOTS_KEPT; i++) {
        p->snapshots[i] = -1;
    }
    lock_init(&p->files_lock);
    lock_init(&p->flush_lock);
    lock_init(&p->lock);
    partition_config_init(&p->config);
    producer_state_init(&p->producers, env->max_producers);
    epoch_cache_init(&p->epochs);
    *out_partition = p;
    return ERR_OK;
}

struct partition *partition_ref(struct partition *p)
{
    CHECK(atomic_fetch_add(&p->refs, 1) > 0);
    return p;
}

static void partition_drop_segments(struct partition *p)
{
    for (size_t i = 0; i < p->segment_count; i++) {
        segment_unref(p->segments[i]);
    }
    p->segment_count = 0;
}

void partition_unref(struct partition *p)
{
    if (p == NULL || atomic_fetch_sub(&p->refs, 1) > 1) {
        return;
    }
    CHECK(p->flush_waiters == NULL);
    CHECK(p->fetch_waiters == NULL);
    partition_drop_segments(p);
    mem_free(p->segments);
    producer_state_deinit(&p->producers);
    epoch_cache_deinit(&p->epochs);
    lock_deinit(&p->lock);
    lock_deinit(&p->flush_lock);
    lock_deinit(&p->files_lock);
    mem_free(p->path);
    mem_free(p);
}

enum partition_status partition_begin_deletion(struct partition *p)
{
    lock_acquire(&p->lock);
    enum partition_status before = p->status;
    p->status = PARTITION_CLOSED;
    struct partition_waiter *due = partition_collect_waiters(p);
    lock_release(&p->lock);
    partition_run_waiters(due);
    return before;
}

void partition_cancel_deletion(struct partition *p, enum partition_status before)
{
    lock_acquire(&p->lock);
    p->status = before;
    /* A flush may have failed unnoticed. */
    p->metadata_dirty = true;
    p->dir_dirty = true;
    lock_release(&p->lock);
}

void partition_shut(struct partition *p)
{
    /* These first: a flush or an exchange of files that is under way ends before the files go. */
    lock_acquire(&p->files_lock);
    lock_acquire(&p->flush_lock);
    lock_acquire(&p->lock);
    p->status = PARTITION_CLOSED;
    p->env = NULL;
    struct partition_waiter *due = partition_collect_waiters(p);
    partition_drop_segments(p);
    lock_release(&p->lock);
    lock_release(&p->flush_lock);
    lock_release(&p->files_lock);
    partition_run_waiters(due);
}

const struct partition_id *partition_identity(const struct partition *p)
{
    return &p->id;
}

void partition_set_config(struct partition *p, const struct partition_config *config)
{
    CHECK(config->segment_bytes > 0);
    lock_acquire(&p->lock);
    p->config = *config;
    p->configured = true;
    struct partition_env *env = p->env;
    lock_release(&p->lock);
    if (env != NULL) {
        /* Stricter or looser flushing changes who waits for what. */
        log_flusher_kick(env->flusher, p);
    }
}

void partition_get_config(struct partition *p, struct partition_config *out_config)
{
    lock_acquire(&p->lock);
    *out_config = p->config;
    lock_release(&p->lock);
}

static int64_t partition_sum_sizes(const struct partition *p)
{
    int64_t sum = 0;
    for (size_t i = 0; i < p->segment_count; i++) {
        sum += p->segments[i]->size_bytes;
    }
    return sum;
}

void partition_get_offsets(struct partition *p, struct partition_offsets *out_offsets)
{
    lock_acquire(&p->lock);
    *out_offsets = (struct partition_offsets){
        .log_start = p->log_start,
        .last_stable = p->last_stable,
        .high_watermark = p->high_watermark,
        .log_end = p->log_end,
        .size_bytes = partition_sum_sizes(p),
        .leader_epoch = epoch_cache_latest(&p->epochs),
    };
    lock_release(&p->lock);
}

int64_t partition_size_bytes(struct partition *p)
{
    lock_acquire(&p->lock);
    int64_t size = partition_sum_sizes(p);
    lock_release(&p->lock);
    return size;
}

size_t partition_list_producers(struct partition *p, struct partition_producer *out_producers,
                                size_t capacity)
{
    lock_acquire(&p->lock);
    size_t count = producer_state_list(&p->producers, out_producers, capacity);
    lock_release(&p->lock);
    return count;
}

void partition_offset_for_epoch(struct partition *p, int32_t epoch, int32_t *out_epoch,
                                int64_t *out_end_offset)
{
    lock_acquire(&p->lock);
    epoch_cache_find(&p->epochs, epoch, p->log_end, out_epoch, out_end_offset);
    lock_release(&p->lock);
}

enum err_code partition_push_segment(struct partition *p, struct segment *s, struct err *e)
{
    if (p->segment_count == p->segment_capacity) {
        size_t capacity = p->segment_capacity > 0 ? p->segment_capacity * 2 : 4;
        struct segment **segments = mem_realloc(p->segments, capacity * sizeof *segments);
        if (segments == NULL) {
            return err_nomem(e, "segments");
        }
        p->segments = segments;
        p->segment_capacity = capacity;
    }
    p->segments[p->segment_count++] = s;
    return ERR_OK;
}

size_t partition_find_segment(const struct partition *p, int64_t offset)
{
    size_t low = 0;
    size_t high = p->segment_count;
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (p->segments[mid]->base_offset <= offset) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return low;
}

enum err_code partition_roll(struct partition *p, int64_t now_ms, struct err *e)
{
    CHECK(lock_held(&p->lock));
    struct segment *old = partition_active(p);
    CHECK(old->size_bytes > 0);
    struct segment *fresh = NULL;
    enum err_code code = segment_create(p->path, p->log_end, now_ms, &fresh, e);
    if (code != ERR_OK) {
        return code;
    }
    code = partition_push_segment(p, fresh, e);
    if (code != ERR_OK) {
        char path[PATH_MAX];
        if (segment_path(p->path, p->log_end, SEGMENT_SUFFIX_LOG, path, sizeof path, NULL) ==
            ERR_OK) {
            (void)file_io_remove(path, NULL); /* empty; the next roll would find it */
        }
        segment_unref(fresh);
        return code;
    }
    segment_seal(old);
    p->dir_dirty = true;
    p->state_seq++;
    logger_debug(p->env->logger, "segment.rolled", "topic=%s partition=%" PRId32 " base=%" PRId64,
                 p->id.topic, p->id.index, fresh->base_offset);
    return ERR_OK;
}

void partition_stop(struct partition *p, const char *why)
{
    CHECK(lock_held(&p->lock));
    if (p->status != PARTITION_OPEN) {
        return;
    }
    p->status = PARTITION_STOPPED;
    logger_error(
        p->env->logger, "partition.stopped",
        "topic=%s partition=%" PRId32 " log_end=%" PRId64 " on_disk=%" PRId64
        " reason=\"%s\" remedy=\"check the disk, then restart: recovery keeps what is whole\"",
        p->id.topic, p->id.index, p->log_end, p->flushed, why);
}

void partition_update_last_stable(struct partition *p)
{
    int64_t unstable = producer_state_first_unstable(&p->producers);
    p->last_stable = unstable < p->high_watermark ? unstable : p->high_watermark;
}

/* ---- waiters ---- */

/* Whether the flush waiter's condition holds. */
static bool partition_flushed_for(const struct partition *p, int64_t offset, uint64_t state_seq)
{
    if (state_seq == 0 && partition_relaxed(p)) {
        return p->log_end >= offset;
    }
    return p->flushed >= offset && p->flushed_state_seq >= state_seq;
}

/* ERR_OK for one that is due, ERR_TIMEOUT for one that goes on waiting. */
static enum err_code partition_waiter_status(const struct partition *p,
                                             const struct partition_waiter *w)
{
    bool flush = w->linked == PARTITION_WAITS_FLUSH;
    if (flush ? partition_flushed_for(p, w->offset, w->state_seq) : p->hw_bytes >= w->wake_bytes) {
        return ERR_OK;
    }
    switch (p->status) {
    case PARTITION_OPEN:
        return flush && w->state_seq > 0 && p->state_failed ? ERR_IO : ERR_TIMEOUT;
    case PARTITION_STOPPED:
        /* What can still be read is all there; a long poll ends by its own time. */
        return flush ? ERR_IO : ERR_TIMEOUT;
    case PARTITION_CLOSED:
        return ERR_CLOSED;
    }
    return ERR_INTERNAL;
}

/* NOLINTNEXTLINE(readability-function-size): the table's macros */
static struct partition_waiter *partition_collect_from(const struct partition *p,
                                                       struct partition_waiter **list,
                                                       struct partition_waiter *due)
{
    struct partition_waiter *w = NULL;
    struct partition_waiter *next = NULL;
    DL_FOREACH_SAFE(*list, w, next)
    {
        enum err_code status = partition_waiter_status(p, w);
        if (status != ERR_TIMEOUT) {
            DL_DELETE(*list, w);
            w->linked = PARTITION_WAITS_NOT;
            w->status = status;
            DL_APPEND(due, w);
        }
    }
    return due;
}

struct partition_waiter *partition_collect_waiters(struct partition *p)
{
    CHECK(lock_held(&p->lock));
    struct partition_waiter *due = partition_collect_from(p, &p->flush_waiters, NULL);
    return partition_collect_from(p, &p->fetch_waiters, due);
}

void partition_run_waiters(struct partition_waiter *list)
{
    struct partition_waiter *w = NULL;
    struct partition_waiter *next = NULL;
    DL_FOREACH_SAFE(list, w, next)
    {
        /* The callback may free w. */
        w->callback(w, w->status);
    }
}

/* True when there is nothing to wait for. */
static bool partition_wait(struct partition *p, int64_t offset, bool synced,
                           struct partition_waiter *w)
{
    lock_acquire(&p->lock);
    w->linked = PARTITION_WAITS_FLUSH;
    w->offset = synced ? p->log_end : offset;
    w->state_seq = synced ? p->state_seq : 0;
    w->status = partition_waiter_status(p, w);
    struct partition_env *env = NULL;
    if (w->status == ERR_TIMEOUT) {
        DL_APPEND(p->flush_waiters, w);
        env = p->env;
        p->sync_wanted = p->sync_wanted || synced;
    } else {
        w->linked = PARTITION_WAITS_NOT;
    }
    enum err_code status = w->status;
    lock_release(&p->lock);
    if (env != NULL) {
        log_flusher_kick(env->flusher, p);
    } else if (status != ERR_OK) {
        w->callback(w, status);
    }
    return status == ERR_OK;
}

bool partition_wait_flushed(struct partition *p, int64_t offset, struct partition_waiter *w)
{
    return partition_wait(p, offset, false, w);
}

bool partition_wait_synced(struct partition *p, struct partition_waiter *w)
{
    return partition_wait(p, 0, true, w);
}

bool partition_add_waiter(struct partition *p, int64_t seen_high_watermark, int64_t min_bytes,
                          struct partition_waiter *w)
{
    lock_acquire(&p->lock);
    bool added = p->status != PARTITION_CLOSED && p->high_watermark == seen_high_watermark;
    if (added) {
        w->linked = PARTITION_WAITS_FETCH;
        w->wake_bytes = p->hw_bytes + (min_bytes > 0 ? min_bytes : 1);
        DL_APPEND(p->fetch_waiters, w);
    }
    lock_release(&p->lock);
    return added;
}

bool partition_remove_waiter(struct partition *p, struct partition_waiter *w)
{
    lock_acquire(&p->lock);
    bool removed = w->linked != PARTITION_WAITS_NOT;
    if (w->linked == PARTITION_WAITS_FLUSH) {
        DL_DELETE(p->flush_waiters, w);
    } else if (w->linked == PARTITION_WAITS_FETCH) {
        DL_DELETE(p->fetch_waiters, w);
    }
    w->linked = PARTITION_WAITS_NOT;
    lock_release(&p->lock);
    return removed;
}
