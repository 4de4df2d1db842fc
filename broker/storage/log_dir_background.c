/* What a data directory does by itself: retention, producer expiry, checkpoints, removal of what
 * was deleted. One thread; or none, and the owner calls log_dir_tick. */
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "broker/storage/checkpoint.h"
#include "broker/storage/file_io.h"
#include "broker/storage/log_dir_internal.h"
#include "broker/storage/log_flusher.h"
#include "common/check.h"

/* How often the thread looks: also the grain of flush.ms and of delayed removal. */
#define LOG_DIR_TICK_MS 1000
#define LOG_DIR_EXPIRY_INTERVAL_MS 600000
#define LOG_DIR_FIRST_RETENTION_MS 30000

/* ---- removal ---- */

static void log_dir_remove_path(struct log_dir *dir, const char *path)
{
    struct stat st;
    struct err e;
    enum err_code code = ERR_OK;
    if (stat(path, &st) == 0) {
        code = S_ISDIR(st.st_mode) ? file_io_remove_dir(path, &e) : file_io_remove(path, &e);
    }
    if (code != ERR_OK) {
        logger_warn(dir->env.logger, "remove.failed", "path=%s reason=\"%s\"", path, e.text);
    }
}

void log_dir_discard_file(void *arg, const char *path, int64_t delay_ms)
{
    struct log_dir *dir = arg;
    size_t len = strlen(path) + 1;
    struct log_dir_discarded *d = delay_ms > 0 ? mem_alloc(sizeof *d + len) : NULL;
    if (d == NULL) {
        log_dir_remove_path(dir, path);
        return;
    }
    memcpy(d->path, path, len);
    int64_t now_ms = clock_mono_ms(dir->env.clock);
    d->due_ms = delay_ms < INT64_MAX - now_ms ? now_ms + delay_ms : INT64_MAX;
    lock_acquire(&dir->lock);
    d->next = dir->discarded;
    dir->discarded = d;
    lock_release(&dir->lock);
}

/* Takes out one that is due; NULL when there is none. */
static struct log_dir_discarded *log_dir_take_discarded(struct log_dir *dir, int64_t now_mono_ms)
{
    lock_acquire(&dir->lock);
    struct log_dir_discarded **at = &dir->discarded;
    while (*at != NULL && (*at)->due_ms > now_mono_ms) {
        at = &(*at)->next;
    }
    struct log_dir_discarded *d = *at;
    if (d != NULL) {
        *at = d->next;
    }
    lock_release(&dir->lock);
    return d;
}

void log_dir_run_discarded(struct log_dir *dir, int64_t now_mono_ms)
{
    for (struct log_dir_discarded *d = log_dir_take_discarded(dir, now_mono_ms); d != NULL;
         d = log_dir_take_discarded(dir, now_mono_ms)) {
        log_dir_remove_path(dir, d->path);
        mem_free(d);
    }
}

void log_dir_forget_discarded(struct log_dir *dir)
{
    while (dir->discarded != NULL) {
        struct log_dir_discarded *d = dir->discarded;
        dir->discarded = d->next;
        mem_free(d);
    }
}

/* ---- checkpoints ---- */

enum log_dir_checkpoint_kind { LOG_DIR_RECOVERY_POINT, LOG_DIR_LOG_START, LOG_DIR_CLEANED_TO };

static const char *const log_dir_checkpoint_names[] = {
    [LOG_DIR_RECOVERY_POINT] = LOG_DIR_RECOVERY_POINTS,
    [LOG_DIR_LOG_START] = LOG_DIR_LOG_STARTS,
    [LOG_DIR_CLEANED_TO] = LOG_DIR_CLEANED,
};

/* False when the file need not name the partition. Its lock held. */
static bool log_dir_checkpoint_offset(const struct partition *p, enum log_dir_checkpoint_kind kind,
                                      int64_t *out_offset)
{
    switch (kind) {
    case LOG_DIR_RECOVERY_POINT:
        *out_offset = p->recovery_point;
        return true;
    case LOG_DIR_LOG_START:
        *out_offset = p->log_start;
        return p->segment_count == 0 || p->log_start > p->segments[0]->base_offset;
    case LOG_DIR_CLEANED_TO:
        *out_offset = p->cleaned_to;
        return p->cleaned_to > 0;
    }
    return false;
}

/* Of a broken one nothing may be assumed later but what was known before. */
static int64_t log_dir_broken_offset(const struct log_dir_entry *entry,
                                     enum log_dir_checkpoint_kind kind)
{
    switch (kind) {
    case LOG_DIR_RECOVERY_POINT:
        return entry->broken_recovery_point;
    case LOG_DIR_LOG_START:
        return entry->broken_log_start;
    case LOG_DIR_CLEANED_TO:
        break;
    }
    return 0; /* cleaning it again does no harm */
}

/* dir->lock held. */
static enum err_code log_dir_fill_checkpoint(struct log_dir *dir, enum log_dir_checkpoint_kind kind,
                                             struct checkpoint *c, struct err *e)
{
    enum err_code code = ERR_OK;
    for (struct log_dir_entry *entry = dir->entries; code == ERR_OK && entry != NULL;
         entry = entry->hh.next) {
        struct partition *p = entry->partition;
        if (entry->broken) {
            code =
                checkpoint_add(c, p->id.topic, p->id.index, log_dir_broken_offset(entry, kind), e);
            continue;
        }
        int64_t offset = 0;
        lock_acquire(&p->lock);
        bool needed = log_dir_checkpoint_offset(p, kind, &offset);
        lock_release(&p->lock);
        if (needed) {
            code = checkpoint_add(c, p->id.topic, p->id.index, offset, e);
        }
    }
    return code;
}

static enum err_code log_dir_store_one(struct log_dir *dir, enum log_dir_checkpoint_kind kind,
                                       struct err *e)
{
    CHECK(lock_held(&dir->file_lock));
    char path[PATH_MAX];
    struct checkpoint c;
    checkpoint_init(&c);
    enum err_code code = log_dir_path(dir, log_dir_checkpoint_names[kind], path, sizeof path, e);
    if (code == ERR_OK) {
        lock_acquire(&dir->lock);
        code = log_dir_fill_checkpoint(dir, kind, &c, e);
        lock_release(&dir->lock);
    }
    if (code == ERR_OK) {
        code = checkpoint_store(&c, path, e);
    }
    checkpoint_deinit(&c);
    return code;
}

enum err_code log_dir_store_log_starts(void *arg, struct err *e)
{
    struct log_dir *dir = arg;
    lock_acquire(&dir->file_lock);
    enum err_code code = log_dir_store_one(dir, LOG_DIR_LOG_START, e);
    if (code == ERR_OK) {
        code = file_io_sync_dir(dir->path, e);
    }
    lock_release(&dir->file_lock);
    return code;
}

enum err_code log_dir_store_checkpoints(struct log_dir *dir, struct err *e)
{
    lock_acquire(&dir->file_lock);
    lock_acquire(&dir->lock);
    uint64_t deletes = dir->delete_count;
    lock_release(&dir->lock);
    /* The log starts first: a recovery point beyond a lost log start could not be reached. */
    enum err_code code = log_dir_store_one(dir, LOG_DIR_LOG_START, e);
    if (code == ERR_OK) {
        code = log_dir_store_one(dir, LOG_DIR_RECOVERY_POINT, e);
    }
    if (code == ERR_OK) {
        code = log_dir_store_one(dir, LOG_DIR_CLEANED_TO, e);
    }
    if (code == ERR_OK) {
        code = file_io_sync_dir(dir->path, e);
    }
    if (code == ERR_OK) {
        lock_acquire(&dir->lock);
        if (deletes == dir->delete_count) {
            dir->checkpoints_stale = false;
        }
        lock_release(&dir->lock);
    }
    lock_release(&dir->file_lock);
    return code;
}

enum err_code log_dir_store_cleaned(struct log_dir *dir, struct err *e)
{
    lock_acquire(&dir->file_lock);
    enum err_code code = log_dir_store_one(dir, LOG_DIR_CLEANED_TO, e);
    lock_release(&dir->file_lock);
    return code;
}

enum err_code log_dir_checkpoint(struct log_dir *dir, struct err *e)
{
    struct log_dir_list list = {0};
    enum err_code code = log_dir_list(dir, &list, e);
    if (code != ERR_OK) {
        return code;
    }
    /* All of them, whatever happens to one; the first error is told. */
    for (size_t i = 0; i < list.count; i++) {
        struct err one;
        enum err_code result =
            partition_flush(list.partitions[i], PARTITION_FLUSH_CHECKPOINT, &one);
        if (result != ERR_OK && code == ERR_OK) {
            code = err_set(e, result, "%s", one.text);
        }
    }
    log_dir_list_free(&list);
    struct err stored;
    enum err_code result = log_dir_store_checkpoints(dir, &stored);
    return code == ERR_OK && result != ERR_OK ? err_set(e, result, "%s", stored.text) : code;
}

void log_dir_want_checkpoint(void *arg)
{
    struct log_dir *dir = arg;
    lock_acquire(&dir->background_lock);
    dir->checkpoint_wanted = true; /* the next tick is soon enough, and is a limit too */
    lock_release(&dir->background_lock);
}

/* ---- the round ---- */

static void log_dir_expire_producers(struct partition *p, int64_t before_ms)
{
    lock_acquire(&p->lock);
    producer_state_expire(&p->producers, before_ms);
    lock_release(&p->lock);
}

/* True once per interval. */
static bool log_dir_due(int64_t *due_ms, int64_t now_ms, int64_t interval_ms)
{
    if (now_ms < *due_ms) {
        return false;
    }
    *due_ms = interval_ms < INT64_MAX - now_ms ? now_ms + interval_ms : INT64_MAX;
    return true;
}

static bool log_dir_checkpoint_is_wanted(struct log_dir *dir)
{
    lock_acquire(&dir->background_lock);
    bool wanted = dir->checkpoint_wanted;
    dir->checkpoint_wanted = false;
    lock_release(&dir->background_lock);
    return wanted;
}

static bool log_dir_needs_tick(struct partition *p)
{
    lock_acquire(&p->lock);
    bool dirty = p->status == PARTITION_OPEN && p->log_end > p->flushed && p->config.flush_ms > 0;
    lock_release(&p->lock);
    return dirty;
}

void log_dir_tick(struct log_dir *dir)
{
    struct log_dir_list list = {0};
    struct err e;
    if (log_dir_list(dir, &list, &e) != ERR_OK) {
        logger_warn(dir->env.logger, "background.failed", "reason=\"%s\"", e.text);
        return;
    }
    int64_t now_ms = clock_mono_ms(dir->env.clock);
    int64_t wall_ms = clock_wall_ms(dir->env.clock);
    bool retention =
        log_dir_due(&dir->retention_due_ms, now_ms, dir->config.retention_check_interval_ms);
    bool expiry = log_dir_due(&dir->expiry_due_ms, now_ms, LOG_DIR_EXPIRY_INTERVAL_MS);
    bool checkpoint = log_dir_checkpoint_is_wanted(dir);
    checkpoint = log_dir_due(&dir->checkpoint_due_ms, now_ms, dir->config.checkpoint_interval_ms) ||
                 checkpoint;
    for (size_t i = 0; i < list.count; i++) {
        struct partition *p = list.partitions[i];
        if (retention) {
            partition_apply_retention(p, wall_ms);
            partition_rest(p);
        }
        if (expiry) {
            log_dir_expire_producers(p, wall_ms - dir->config.producer_expiry_ms);
        }
        if (log_dir_needs_tick(p)) {
            log_flusher_kick(dir->env.flusher, p);
        }
    }
    log_dir_list_free(&list);
    if (checkpoint && log_dir_checkpoint(dir, &e) != ERR_OK) {
        logger_warn(dir->env.logger, "checkpoint.failed", "dir=%s reason=\"%s\"", dir->path,
                    e.text);
    }
    log_dir_run_discarded(dir, now_ms);
}

static void *log_dir_run(void *arg)
{
    struct log_dir *dir = arg;
    lock_acquire(&dir->background_lock);
    while (!dir->stopping) {
        lock_release(&dir->background_lock);
        log_dir_tick(dir);
        lock_acquire(&dir->background_lock);
        int64_t deadline_ns = clock_mono_ns(clock_system()) + LOG_DIR_TICK_MS * INT64_C(1000000);
        while (!dir->stopping &&
               cond_wait_until(&dir->background_wake, &dir->background_lock, deadline_ns)) {
        }
    }
    lock_release(&dir->background_lock);
    return NULL;
}

enum err_code log_dir_start_background(struct log_dir *dir, struct err *e)
{
    int64_t now_ms = clock_mono_ms(dir->env.clock);
    /* Not at once: the controller has to hand out the configurations first. */
    dir->retention_due_ms = now_ms + LOG_DIR_FIRST_RETENTION_MS;
    dir->checkpoint_due_ms = now_ms + dir->config.checkpoint_interval_ms;
    dir->expiry_due_ms = now_ms + LOG_DIR_EXPIRY_INTERVAL_MS;
    int rc = pthread_create(&dir->background, NULL, log_dir_run, dir);
    if (rc != 0) {
        return err_errno(e, rc, "start background thread");
    }
    dir->background_runs = true;
    return ERR_OK;
}

void log_dir_stop_background(struct log_dir *dir)
{
    atomic_store(&dir->cleaner_stop, true);
    lock_acquire(&dir->background_lock);
    dir->stopping = true;
    cond_broadcast(&dir->background_wake);
    lock_release(&dir->background_lock);
    if (dir->background_runs) {
        CHECK(pthread_join(dir->background, NULL) == 0);
        dir->background_runs = false;
    }
    if (dir->cleaner_runs) {
        CHECK(pthread_join(dir->cleaner, NULL) == 0);
        dir->cleaner_runs = false;
    }
}
