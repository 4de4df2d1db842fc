/* Compaction of a directory's partitions: the dirtiest first, one at a time, on a thread of its
 * own, because one may take minutes. */
#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/storage/log_dir_internal.h"
#include "broker/storage/partition_clean.h"
#include "common/check.h"

/* A log that could not be cleaned (full disk) is left alone for so long. */
#define CLEANER_RETRY_MS 60000
/* Producers and readers come first. */
#define CLEANER_NICE 10
/* Not at once: the controller has to hand out the configurations first. */
#define CLEANER_FIRST_MS 1000

/* The dirtiest that is due, with a reference; NULL when there is none. */
static struct partition *cleaner_choose(struct log_dir *dir, int64_t now_ms)
{
    struct log_dir_list list = {0};
    struct err e;
    if (log_dir_list(dir, &list, &e) != ERR_OK) {
        logger_warn(dir->env.logger, "compaction.failed", "reason=\"%s\"", e.text);
        return NULL;
    }
    int64_t mono_ms = clock_mono_ms(dir->env.clock);
    struct partition *chosen = NULL;
    double ratio = 0;
    for (size_t i = 0; i < list.count; i++) {
        struct partition *p = list.partitions[i];
        struct partition_dirt dirt;
        partition_get_dirt(p, now_ms, &dirt);
        if (dirt.due && dirt.ratio > ratio && mono_ms >= p->clean_retry_ms) {
            chosen = p;
            ratio = dirt.ratio;
        }
    }
    if (chosen != NULL) {
        (void)partition_ref(chosen);
    }
    log_dir_list_free(&list);
    return chosen;
}

static void cleaner_report(struct log_dir *dir, const struct partition *p,
                           const struct partition_clean_result *r, int64_t took_ms)
{
    logger_info(dir->env.logger, "compaction.done",
                "topic=%s partition=%" PRId32 " cleaned_to=%" PRId64 " bytes=%" PRId64
                " bytes_before=%" PRId64 " segments=%zu segments_before=%zu ms=%" PRId64,
                p->id.topic, p->id.index, r->cleaned_to, r->bytes_after, r->bytes_before,
                r->segments_after, r->segments_before, took_ms);
}

static void cleaner_clean(struct log_dir *dir, struct partition *p, int64_t now_ms)
{
    struct partition_clean_options options = {
        .now_ms = now_ms,
        .key_table_bytes = dir->config.cleaner_table_bytes,
        .stop = &dir->cleaner_stop,
    };
    struct partition_clean_result result;
    struct err e;
    int64_t start_ms = clock_mono_ms(dir->env.clock);
    enum err_code code = partition_clean(p, &options, &result, &e);
    if (code == ERR_OK) {
        cleaner_report(dir, p, &result, clock_mono_ms(dir->env.clock) - start_ms);
        code = log_dir_store_cleaned(dir, &e);
    }
    if (code == ERR_OK || code == ERR_CLOSED || code == ERR_CANCELLED) {
        return;
    }
    /* What is damaged stays so: nothing is lost by not touching it. */
    p->clean_retry_ms = code == ERR_CORRUPT ? INT64_MAX : start_ms + CLEANER_RETRY_MS;
    logger_warn(dir->env.logger, "compaction.failed",
                "topic=%s partition=%" PRId32 " reason=\"%s\" effect=\"nothing is lost, the log "
                "stays as large as it is\" next=\"%s\"",
                p->id.topic, p->id.index, e.text,
                code == ERR_CORRUPT ? "not tried before the next start" : "tried again");
}

void log_dir_clean(struct log_dir *dir)
{
    int64_t now_ms = clock_wall_ms(dir->env.clock);
    for (struct partition *p = cleaner_choose(dir, now_ms); p != NULL;
         p = cleaner_choose(dir, now_ms)) {
        cleaner_clean(dir, p, now_ms);
        partition_unref(p);
        if (atomic_load(&dir->cleaner_stop)) {
            return;
        }
    }
}

static void *cleaner_run(void *arg)
{
    struct log_dir *dir = arg;
    /* On Linux this thread's alone. When it may not, it works as the others do. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), CLEANER_NICE);
    int64_t wait_ms = CLEANER_FIRST_MS < dir->config.cleaner_backoff_ms
                          ? CLEANER_FIRST_MS
                          : dir->config.cleaner_backoff_ms;
    lock_acquire(&dir->background_lock);
    for (;;) {
        int64_t deadline_ns = clock_mono_ns(clock_system()) + wait_ms * INT64_C(1000000);
        while (!dir->stopping &&
               cond_wait_until(&dir->background_wake, &dir->background_lock, deadline_ns)) {
        }
        if (dir->stopping) {
            break;
        }
        lock_release(&dir->background_lock);
        log_dir_clean(dir);
        wait_ms = dir->config.cleaner_backoff_ms;
        lock_acquire(&dir->background_lock);
    }
    lock_release(&dir->background_lock);
    return NULL;
}

enum err_code log_dir_start_cleaner(struct log_dir *dir, struct err *e)
{
    int rc = pthread_create(&dir->cleaner, NULL, cleaner_run, dir);
    if (rc != 0) {
        return err_errno(e, rc, "start cleaner thread");
    }
    dir->cleaner_runs = true;
    return ERR_OK;
}
