/* The data directory's inside, for log_dir*.c only. Lock order: partition_internal.h. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/storage/log_dir.h"
#include "broker/storage/partition_internal.h"
#include "common/mem.h"

/* uthash takes its memory from us, and reports instead of exiting. */
#define uthash_malloc(size) mem_alloc(size)          /* NOLINT(readability-identifier-naming) */
#define uthash_free(pointer, size) mem_free(pointer) /* NOLINT(readability-identifier-naming) */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define LOG_DIR_KEY_MAX (PARTITION_TOPIC_MAX + 16)
#define LOG_DIR_DELETED_SUFFIX "-delete"
#define LOG_DIR_RECOVERY_POINTS "recovery-point-offset-checkpoint"
#define LOG_DIR_LOG_STARTS "log-start-offset-checkpoint"
#define LOG_DIR_CLEANED "cleaner-offset-checkpoint"

/* A partition by its folder's name. A broken one could not be recovered: it only keeps the place,
 * so that nobody creates it anew over the files. */
struct log_dir_entry {
    char key[LOG_DIR_KEY_MAX];
    struct partition *partition; /* a reference */
    bool broken;
    int64_t broken_recovery_point; /* as the checkpoints had them */
    int64_t broken_log_start;
    UT_hash_handle hh;
};

/* A file or folder that is to be removed. */
struct log_dir_discarded {
    struct log_dir_discarded *next;
    int64_t due_ms; /* monotonic */
    char path[];
};

struct log_dir {
    char *path; /* absolute; from realpath */
    struct log_dir_config config;
    struct partition_env env;
    int lock_fd;

    struct lock lock; /* entries, discarded */
    struct log_dir_entry *entries;
    struct log_dir_discarded *discarded;
    uint64_t delete_count;
    bool checkpoints_stale; /* they may name a partition that is gone */

    struct lock file_lock; /* over the writing of checkpoint files; taken before `lock` */

    struct lock background_lock; /* below */
    struct cond background_wake;
    pthread_t background;
    pthread_t cleaner;
    bool background_runs;
    bool cleaner_runs;
    bool stopping;
    bool checkpoint_wanted;
    int64_t retention_due_ms; /* monotonic; background thread or the caller of log_dir_tick */
    int64_t checkpoint_due_ms;
    int64_t expiry_due_ms;

    atomic_bool cleaner_stop;
};

struct log_dir_list {
    struct partition **partitions; /* references */
    size_t count;
};

/* log_dir.c */
enum err_code log_dir_path(const struct log_dir *dir, const char *name, char *out_path, size_t size,
                           struct err *e);
void log_dir_key(char *out_key, const char *topic, int32_t index); /* LOG_DIR_KEY_MAX bytes */
struct log_dir_entry *log_dir_find_entry(struct log_dir *dir, const char *topic, int32_t index);
/* Takes the caller's reference on success. */
enum err_code log_dir_add_entry(struct log_dir *dir, struct partition *p, bool broken,
                                struct err *e);
/* The reference becomes the caller's. */
void log_dir_remove_entry(struct log_dir *dir, struct log_dir_entry *entry);
enum err_code log_dir_list(struct log_dir *dir, struct log_dir_list *out_list, struct err *e);
void log_dir_list_free(struct log_dir_list *list);

/* log_dir_scan.c */
enum err_code log_dir_scan(struct log_dir *dir, bool clean, struct err *e);

/* log_dir_background.c */
enum err_code log_dir_start_background(struct log_dir *dir, struct err *e);
/* The cleaner too. */
void log_dir_stop_background(struct log_dir *dir);
/* Flushes everything in checkpoint mode, then writes both checkpoint files. */
enum err_code log_dir_checkpoint(struct log_dir *dir, struct err *e);
enum err_code log_dir_store_checkpoints(struct log_dir *dir, struct err *e);
/* How far each log was compacted. Not synced: what is lost is done again. */
enum err_code log_dir_store_cleaned(struct log_dir *dir, struct err *e);
/* These three are the env's callbacks; arg is the directory. */
enum err_code log_dir_store_log_starts(void *arg, struct err *e);
void log_dir_want_checkpoint(void *arg);
/* Removes a file or folder after the delay, at once when there is no memory to remember it. */
void log_dir_discard_file(void *arg, const char *path, int64_t delay_ms);
/* Removes what is due. */
void log_dir_run_discarded(struct log_dir *dir, int64_t now_mono_ms);
void log_dir_forget_discarded(struct log_dir *dir);

/* log_dir_cleaner.c */
enum err_code log_dir_start_cleaner(struct log_dir *dir, struct err *e);
