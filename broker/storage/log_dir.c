/* One data directory: its lock, its partitions, its life. The scan at open is log_dir_scan.c, what
 * happens in the background log_dir_background.c. */
#include "broker/storage/log_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker/storage/file_io.h"
#include "broker/storage/log_dir_internal.h"
#include "broker/storage/log_flusher.h"
#include "common/check.h"
#include "common/mem.h"
#include "common/metrics.h"

#define LOG_DIR_LOCK_NAME ".lock"
#define LOG_DIR_CLEAN_NAME ".kafka_cleanshutdown"

void log_dir_config_init(struct log_dir_config *config)
{
    *config = (struct log_dir_config){
        .retention_check_interval_ms = 300000,
        .checkpoint_interval_ms = 60000,
        .producer_expiry_ms = INT64_C(86400000),
        .max_producers = 100000,
        .flusher_threads = 4,
        .cleaner_backoff_ms = 15000,
        .cleaner_table_bytes = (size_t)128 << 20,
        .background = true,
    };
}

enum err_code log_dir_path(const struct log_dir *dir, const char *name, char *out_path, size_t size,
                           struct err *e)
{
    int n = snprintf(out_path, size, "%s/%s", dir->path, name);
    if (n < 0 || (size_t)n >= size) {
        return err_set(e, ERR_LIMIT, "path too long: %s/%s", dir->path, name);
    }
    return ERR_OK;
}

/* ---- the table ---- */

void log_dir_key(char *out_key, const char *topic, int32_t index)
{
    (void)snprintf(out_key, LOG_DIR_KEY_MAX, "%s-%" PRId32, topic, index);
}

/* NOLINTNEXTLINE(readability-function-size): the table's macros */
struct log_dir_entry *log_dir_find_entry(struct log_dir *dir, const char *topic, int32_t index)
{
    char key[LOG_DIR_KEY_MAX];
    log_dir_key(key, topic, index);
    struct log_dir_entry *entry = NULL;
    HASH_FIND_STR(dir->entries, key, entry);
    return entry;
}

/* NOLINTNEXTLINE(readability-function-size): the table's macros */
enum err_code log_dir_add_entry(struct log_dir *dir, struct partition *p, bool broken,
                                struct err *e)
{
    struct log_dir_entry *entry = mem_calloc(1, sizeof *entry);
    if (entry == NULL) {
        return err_nomem(e, "partition table");
    }
    log_dir_key(entry->key, p->id.topic, p->id.index);
    entry->partition = p;
    entry->broken = broken;
    HASH_ADD_STR(dir->entries, key, entry);
    if (entry->hh.tbl == NULL) {
        mem_free(entry);
        return err_nomem(e, "partition table");
    }
    return ERR_OK;
}

void log_dir_remove_entry(struct log_dir *dir, struct log_dir_entry *entry)
{
    HASH_DEL(dir->entries, entry);
    mem_free(entry);
}

struct partition *log_dir_find_partition(struct log_dir *dir, const char *topic, int32_t index)
{
    lock_acquire(&dir->lock);
    const struct log_dir_entry *entry = log_dir_find_entry(dir, topic, index);
    struct partition *p = NULL;
    if (entry != NULL && !entry->broken) {
        p = partition_ref(entry->partition);
    }
    lock_release(&dir->lock);
    return p;
}

enum err_code log_dir_list(struct log_dir *dir, struct log_dir_list *out_list, struct err *e)
{
    lock_acquire(&dir->lock);
    size_t count = HASH_COUNT(dir->entries);
    struct partition **partitions = mem_calloc(count, sizeof *partitions);
    if (partitions == NULL) {
        lock_release(&dir->lock);
        return err_nomem(e, "list of partitions");
    }
    size_t n = 0;
    for (struct log_dir_entry *entry = dir->entries; entry != NULL; entry = entry->hh.next) {
        if (!entry->broken) {
            partitions[n++] = partition_ref(entry->partition);
        }
    }
    lock_release(&dir->lock);
    *out_list = (struct log_dir_list){.partitions = partitions, .count = n};
    return ERR_OK;
}

void log_dir_list_free(struct log_dir_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        partition_unref(list->partitions[i]);
    }
    mem_free(list->partitions);
    *list = (struct log_dir_list){0};
}

enum err_code log_dir_each_partition(struct log_dir *dir, log_dir_each_fn fn, void *ctx,
                                     struct err *e)
{
    struct log_dir_list list = {0};
    enum err_code code = log_dir_list(dir, &list, e);
    for (size_t i = 0; code == ERR_OK && i < list.count; i++) {
        fn(ctx, list.partitions[i]);
    }
    log_dir_list_free(&list);
    return code;
}

void log_dir_get_stats(struct log_dir *dir, struct log_dir_stats *out_stats)
{
    struct log_dir_stats stats = {
        .append_count = atomic_load(&dir->env.append_count),
        .append_bytes = atomic_load(&dir->env.append_bytes),
        .flush_count = atomic_load(&dir->env.flush_count),
        .flush_ns = atomic_load(&dir->env.flush_ns),
    };
    lock_acquire(&dir->lock);
    for (struct log_dir_entry *entry = dir->entries; entry != NULL; entry = entry->hh.next) {
        struct partition *p = entry->partition;
        lock_acquire(&p->lock);
        stats.partition_count++;
        stats.segment_count += p->segment_count;
        if (p->status != PARTITION_OPEN) {
            stats.failed_partition_count++;
        }
        for (size_t i = 0; i < p->segment_count; i++) {
            stats.size_bytes += p->segments[i]->size_bytes;
        }
        lock_release(&p->lock);
    }
    lock_release(&dir->lock);
    *out_stats = stats;
}

/* ---- lock and marker ---- */

/* The holder's process id from the file, for the message. */
static void log_dir_read_holder(int fd, char *out_text, size_t size)
{
    size_t len = 0;
    if (file_io_read_some(fd, out_text, size - 1, 0, &len, NULL) != ERR_OK) {
        len = 0;
    }
    out_text[len] = '\0';
    out_text[strcspn(out_text, "\n")] = '\0';
}

static enum err_code log_dir_lock(struct log_dir *dir, struct err *e)
{
    char path[PATH_MAX];
    enum err_code code = log_dir_path(dir, LOG_DIR_LOCK_NAME, path, sizeof path, e);
    if (code == ERR_OK) {
        code = file_io_open(path, O_CREAT, &dir->lock_fd, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return err_errno(e, errno, "lock %s", path);
        }
        char holder[32];
        log_dir_read_holder(dir->lock_fd, holder, sizeof holder);
        return err_set(
            e, ERR_STATE,
            "the data directory %s is in use by another broker (process %s): stop it, or "
            "choose another directory",
            dir->path, holder[0] != '\0' ? holder : "unknown");
    }
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    code = file_io_truncate(dir->lock_fd, 0, path, e);
    return code == ERR_OK ? file_io_write_at(dir->lock_fd, text, (size_t)n, 0, path, e) : code;
}

/* Takes the marker away, so that only the next clean stop brings it back. */
static enum err_code log_dir_take_marker(struct log_dir *dir, bool *out_clean, struct err *e)
{
    char path[PATH_MAX];
    enum err_code code = log_dir_path(dir, LOG_DIR_CLEAN_NAME, path, sizeof path, e);
    if (code != ERR_OK) {
        return code;
    }
    if (unlink(path) != 0) {
        *out_clean = false;
        return errno == ENOENT ? ERR_OK : err_errno(e, errno, "remove %s", path);
    }
    *out_clean = true;
    return file_io_sync_dir(dir->path, e);
}

static enum err_code log_dir_put_marker(struct log_dir *dir, struct err *e)
{
    static const char text[] = "{\"version\":0}\n";
    char path[PATH_MAX];
    enum err_code code = log_dir_path(dir, LOG_DIR_CLEAN_NAME, path, sizeof path, e);
    if (code == ERR_OK) {
        code = file_io_replace(path, bytes_of(text, sizeof text - 1), e);
    }
    return code == ERR_OK ? file_io_sync_dir(dir->path, e) : code;
}

/* ---- open and close ---- */

#define LOG_DIR_SPARE_FILES_SHARE 8

/* Every partition keeps a file open: as many as this user may have. The soft limit is often 1024,
 * for the sake of programs that use select(). */
static void log_dir_raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); /* the old one serves as well, up to its end */
    }
}

/* 0 where there is no /proc: then the limit tells by itself, later. */
static size_t log_dir_open_files(void)
{
    DIR *fds = opendir("/proc/self/fd");
    size_t count = 0;
    while (fds != NULL && readdir(fds) != NULL) {
        count++;
    }
    if (fds != NULL) {
        (void)closedir(fds);
    }
    return count;
}

enum err_code log_dir_check_files(size_t count, struct err *e)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return ERR_OK;
    }
    size_t spare = limit.rlim_cur / LOG_DIR_SPARE_FILES_SHARE; /* for connections, and to work */
    size_t open = log_dir_open_files();
    if (open + spare + count <= limit.rlim_cur) {
        return ERR_OK;
    }
    return err_set(e, ERR_LIMIT,
                   "Too many open files: %zu partitions keep as many open, and %zu of the %ju that "
                   "this process may open are in use; raise the limit (ulimit -n, LimitNOFILE=)",
                   count, open, (uintmax_t)limit.rlim_cur);
}

static enum err_code log_dir_make_folder(const char *path, struct err *e)
{
    if (mkdir(path, 0750) != 0 && errno != EEXIST) {
        return err_errno(e, errno, "create data directory %s", path);
    }
    return ERR_OK;
}

static enum err_code log_dir_make(const struct log_dir_config *config, const struct clock *clock,
                                  struct logger *logger, struct log_dir **out_dir, struct err *e)
{
    struct log_dir *dir = mem_calloc(1, sizeof *dir);
    if (dir == NULL) {
        return err_nomem(e, "data directory");
    }
    lock_init(&dir->lock);
    lock_init(&dir->file_lock);
    lock_init(&dir->background_lock);
    cond_init(&dir->background_wake);
    dir->lock_fd = -1;
    dir->config = *config;
    dir->config.path = NULL;
    dir->env = (struct partition_env){
        .clock = clock,
        .logger = logger,
        .max_producers = config->max_producers,
        .dir = dir,
        .store_log_starts = log_dir_store_log_starts,
        .want_checkpoint = log_dir_want_checkpoint,
        .discard_file = log_dir_discard_file,
        .flush_seconds = metrics_histogram(config->metrics, "weir_broker_flush_seconds",
                                           "Time in fdatasync of one partition's records.", NULL),
    };
    /* An absolute path: the process may change its working directory. */
    dir->path = realpath(config->path, NULL);
    if (dir->path == NULL) {
        enum err_code code = err_errno(e, errno, "data directory %s", config->path);
        log_dir_abandon(dir);
        return code;
    }
    *out_dir = dir;
    return ERR_OK;
}

enum err_code log_dir_open(const struct log_dir_config *config, const struct clock *clock,
                           struct logger *logger, struct log_dir **out_dir, struct err *e)
{
    CHECK(config->path != NULL);
    struct log_dir *dir = NULL;
    struct err local;
    bool clean = false;
    e = e != NULL ? e : &local; /* recovery logs the text */
    log_dir_raise_file_limit();
    enum err_code code = log_dir_make_folder(config->path, e);
    if (code == ERR_OK) {
        code = log_dir_make(config, clock, logger, &dir, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    CHECK(dir != NULL);
    code = log_dir_lock(dir, e);
    if (code == ERR_OK) {
        code = log_flusher_create(config->flusher_threads, &dir->env.flusher, e);
    }
    if (code == ERR_OK) {
        code = log_dir_take_marker(dir, &clean, e);
    }
    if (code == ERR_OK) {
        code = log_dir_scan(dir, clean, e);
    }
    /* What was scanned need not be scanned again after the next crash. */
    dir->checkpoint_wanted = !clean;
    if (code == ERR_OK && config->background) {
        code = log_dir_start_background(dir, e);
    }
    if (code == ERR_OK && config->background) {
        code = log_dir_start_cleaner(dir, e);
    }
    if (code != ERR_OK) {
        log_dir_abandon(dir);
        return code;
    }
    *out_dir = dir;
    return ERR_OK;
}

/* Threads end, partitions are shut, memory goes. */
void log_dir_abandon(struct log_dir *dir)
{
    if (dir == NULL) {
        return;
    }
    log_dir_stop_background(dir);
    log_flusher_destroy(dir->env.flusher);
    while (dir->entries != NULL) {
        struct log_dir_entry *entry = dir->entries;
        struct partition *p = entry->partition;
        log_dir_remove_entry(dir, entry);
        partition_shut(p);
        partition_unref(p);
    }
    log_dir_forget_discarded(dir);
    file_io_close(dir->lock_fd);
    cond_deinit(&dir->background_wake);
    lock_deinit(&dir->background_lock);
    lock_deinit(&dir->file_lock);
    lock_deinit(&dir->lock);
    mem_free(dir->path); /* from realpath, which uses the same heap */
    mem_free(dir);
}

enum err_code log_dir_close(struct log_dir *dir, struct err *e)
{
    if (dir == NULL) {
        return ERR_OK;
    }
    log_dir_stop_background(dir);
    log_flusher_destroy(dir->env.flusher);
    dir->env.flusher = NULL;
    enum err_code code = log_dir_checkpoint(dir, e);
    if (code == ERR_OK) {
        log_dir_run_discarded(dir, INT64_MAX);
        code = log_dir_put_marker(dir, e);
    }
    if (code != ERR_OK) {
        struct err *why = e;
        logger_warn(dir->env.logger, "log_dir.unclean", "dir=%s reason=\"%s\"", dir->path,
                    why != NULL ? why->text : "");
    }
    log_dir_abandon(dir);
    return code;
}

/* ---- create and delete ---- */

static bool log_dir_id_is_none(const uint8_t *topic_id)
{
    static const uint8_t none[PARTITION_TOPIC_ID_BYTES];
    return memcmp(topic_id, none, sizeof none) == 0;
}

/* The one that is there: the same topic, or one whose id was lost in a crash before its first
 * flush. dir->lock held. */
static enum err_code log_dir_adopt(struct log_dir_entry *entry, const struct partition_id *id,
                                   struct err *e)
{
    struct partition *p = entry->partition;
    if (entry->broken) {
        return err_set(e, ERR_CORRUPT, "partition %s could not be recovered, see the broker's log",
                       entry->key);
    }
    if (memcmp(p->id.topic_id, id->topic_id, PARTITION_TOPIC_ID_BYTES) == 0) {
        return ERR_OK;
    }
    if (!log_dir_id_is_none(p->id.topic_id)) {
        return err_set(e, ERR_EXISTS, "partition %s exists, of another topic of that name",
                       entry->key);
    }
    lock_acquire(&p->lock);
    memcpy(p->id.topic_id, id->topic_id, PARTITION_TOPIC_ID_BYTES);
    p->metadata_dirty = true;
    p->state_seq++;
    enum err_code code = partition_metadata_store(p, e);
    lock_release(&p->lock);
    return code;
}

static enum err_code log_dir_add_new(struct log_dir *dir, const struct partition_id *id,
                                     struct partition **out_partition, struct err *e)
{
    char key[LOG_DIR_KEY_MAX];
    char path[PATH_MAX];
    log_dir_key(key, id->topic, id->index);
    enum err_code code = log_dir_path(dir, key, path, sizeof path, e);
    struct partition *p = NULL;
    if (code == ERR_OK) {
        code = partition_make(&dir->env, id, path, &p, e);
    }
    if (code == ERR_OK) {
        code = partition_start_new(p, e);
    }
    if (code == ERR_OK) {
        code = log_dir_add_entry(dir, p, false, e);
        if (code != ERR_OK) {
            (void)file_io_remove_dir(path, NULL); /* the first error is the one to tell */
        }
    }
    if (code != ERR_OK) {
        partition_unref(p);
        return code;
    }
    *out_partition = p;
    return ERR_OK;
}

/* Names that leave the directory or end up in another partition's folder must not come this far. */
static bool log_dir_name_valid(const struct partition_id *id)
{
    size_t len = strnlen(id->topic, sizeof id->topic);
    return len > 0 && len <= PARTITION_TOPIC_MAX && strchr(id->topic, '/') == NULL &&
           strcmp(id->topic, ".") != 0 && strcmp(id->topic, "..") != 0 && id->index >= 0;
}

enum err_code log_dir_create_partition(struct log_dir *dir, const struct partition_id *id,
                                       const struct partition_config *config,
                                       struct partition **out_partition, struct err *e)
{
    if (!log_dir_name_valid(id)) {
        return err_set(e, ERR_INVALID, "not a partition name: \"%.*s\" %" PRId32,
                       PARTITION_TOPIC_MAX, id->topic, id->index);
    }
    struct partition *p = NULL;
    lock_acquire(&dir->lock);
    struct log_dir_entry *entry = log_dir_find_entry(dir, id->topic, id->index);
    enum err_code code = ERR_OK;
    if (entry != NULL) {
        code = log_dir_adopt(entry, id, e);
        p = entry->partition;
    } else if (dir->checkpoints_stale) {
        code = err_set(e, ERR_UNAVAILABLE,
                       "a checkpoint could not be written when a partition was deleted");
    } else {
        code = log_dir_add_new(dir, id, &p, e);
    }
    if (code == ERR_OK) {
        (void)partition_ref(p);
    }
    lock_release(&dir->lock);
    if (code != ERR_OK) {
        return code;
    }
    partition_set_config(p, config);
    *out_partition = p;
    return ERR_OK;
}

enum err_code log_dir_remove_partition(struct log_dir *dir, const char *topic, int32_t index,
                                       struct err *e)
{
    char gone[PATH_MAX];
    lock_acquire(&dir->lock);
    struct log_dir_entry *entry = log_dir_find_entry(dir, topic, index);
    struct partition *p = entry != NULL ? partition_ref(entry->partition) : NULL;
    lock_release(&dir->lock);
    if (p == NULL) {
        return err_set(e, ERR_NOT_FOUND, "no partition %s-%" PRId32, topic, index);
    }
    enum partition_status before = partition_begin_deletion(p);
    /* An exchange of its files goes by their paths: it ends before the folder gets another name,
     * and none begins any more. */
    lock_acquire(&p->files_lock);
    lock_acquire(&dir->lock);
    entry = log_dir_find_entry(dir, topic, index);
    CHECK(entry != NULL && entry->partition == p); /* deletions come from one thread */
    int n = snprintf(gone, sizeof gone, "%s.%016" PRIx64 LOG_DIR_DELETED_SUFFIX, p->path,
                     (uint64_t)clock_mono_ns(dir->env.clock) + dir->delete_count++);
    enum err_code code = n < 0 || (size_t)n >= sizeof gone
                             ? err_set(e, ERR_LIMIT, "path too long: %s", p->path)
                             : file_io_rename(p->path, gone, e);
    if (code == ERR_OK) {
        log_dir_remove_entry(dir, entry);
        dir->checkpoints_stale = true;
    }
    lock_release(&dir->lock);
    lock_release(&p->files_lock);
    if (code != ERR_OK) {
        partition_cancel_deletion(p, before);
        partition_unref(p);
        return code;
    }
    int64_t delay_ms = p->config.file_delete_delay_ms;
    partition_shut(p);
    partition_unref(p); /* the directory's */
    partition_unref(p);
    log_dir_discard_file(dir, gone, delay_ms);
    return ERR_OK;
}

enum err_code log_dir_settle_removals(struct log_dir *dir, struct err *e)
{
    lock_acquire(&dir->lock);
    bool stale = dir->checkpoints_stale;
    lock_release(&dir->lock);
    enum err_code code = stale ? file_io_sync_dir(dir->path, e) : ERR_OK;
    /* A later partition of that name must not inherit its checkpoints. */
    return stale && code == ERR_OK ? log_dir_store_checkpoints(dir, e) : code;
}

enum err_code log_dir_delete_partition(struct log_dir *dir, const char *topic, int32_t index,
                                       struct err *e)
{
    enum err_code code = log_dir_remove_partition(dir, topic, index, e);
    return code == ERR_OK ? log_dir_settle_removals(dir, e) : code;
}
