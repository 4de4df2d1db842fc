/*
 * One data directory: all its partitions, the exclusive lock on it, recovery after a crash, the
 * flusher threads (group commit), the background thread (retention, delayed deletion, checkpoints,
 * producer expiry) and the cleaner (compaction). docs/on-disk-format.md has the files.
 *
 * Threads: any thread may call; open, create, delete and close do disk work and belong on a worker,
 * find and each do not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/storage/partition.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/logger.h"

struct log_dir;
struct metrics;

struct log_dir_config {
    const char *path; /* created when absent; copied */
    int64_t retention_check_interval_ms;
    int64_t checkpoint_interval_ms; /* recovery points: bounds the work after a crash */
    int64_t producer_expiry_ms;
    size_t max_producers; /* per partition; beyond it the longest idle one is forgotten */
    size_t flusher_threads;
    int64_t cleaner_backoff_ms; /* how often logs to compact are looked for */
    size_t cleaner_table_bytes; /* memory for keys while one is compacted */
    struct metrics *metrics;    /* NULL = none; outlives the directory */
    bool background;            /* false: no background threads, the owner calls log_dir_tick and
                                   log_dir_clean (tests) */
};

/* Kafka's defaults; path stays NULL. */
void log_dir_config_init(struct log_dir_config *config);

/*
 * Locks the directory (ERR_STATE, naming the holder, when another process has it), opens every
 * partition in it and recovers them when the last stop was not clean. Partitions found are there
 * at once with default configuration: the controller gives each its own, and deletes those that it
 * does not know. clock and logger (may be NULL) are borrowed until close.
 */
enum err_code log_dir_open(const struct log_dir_config *config, const struct clock *clock,
                           struct logger *logger, struct log_dir **out_dir, struct err *e);

/*
 * Clean stop: waits for the flushers, writes everything to disk, indexes, snapshots and checkpoints
 * included, then the clean-shutdown marker. An error means that the marker was not written and the
 * next open recovers; the directory is closed and freed all the same. NULL is fine.
 */
enum err_code log_dir_close(struct log_dir *dir, struct err *e);

/* What a crash leaves behind, for tests: stops the threads, writes nothing, frees all. */
void log_dir_abandon(struct log_dir *dir);

/* Whether so many partitions more may be made: each keeps a file open, and when all that the
 * process may open are in use it can neither take a connection nor remove what it made. */
enum err_code log_dir_check_files(size_t count, struct err *e);

/*
 * A new empty partition. ERR_EXISTS when there is one of that topic and index, unless it has the
 * same topic id: then that one, so that a controller may repeat itself. Not durable by itself: the
 * first flush makes files and folder so, and the controller creates again what it misses after a
 * crash.
 */
enum err_code log_dir_create_partition(struct log_dir *dir, const struct partition_id *id,
                                       const struct partition_config *config,
                                       struct partition **out_partition, struct err *e);

/* With a reference for the caller; NULL when there is none. */
struct partition *log_dir_find_partition(struct log_dir *dir, const char *topic, int32_t index);

/* Gone at once for everybody (waiters get ERR_CLOSED), the folder renamed and removed after
 * file.delete.delay.ms. ERR_NOT_FOUND when there is none. */
enum err_code log_dir_delete_partition(struct log_dir *dir, const char *topic, int32_t index,
                                       struct err *e);

/* The same for many: remove each, then settle once, which writes the checkpoints without them. No
 * partition is created in between. */
enum err_code log_dir_remove_partition(struct log_dir *dir, const char *topic, int32_t index,
                                       struct err *e);
enum err_code log_dir_settle_removals(struct log_dir *dir, struct err *e);

typedef void (*log_dir_each_fn)(void *ctx, struct partition *p);
/* Calls fn for each partition (borrowed), in no order, without any lock held. ERR_NOMEM possible.
 */
enum err_code log_dir_each_partition(struct log_dir *dir, log_dir_each_fn fn, void *ctx,
                                     struct err *e);

struct log_dir_stats {
    uint64_t append_count; /* batches sets */
    uint64_t append_bytes;
    uint64_t flush_count; /* fdatasync calls on logs */
    uint64_t flush_ns;    /* time in them */
    uint64_t partition_count;
    uint64_t segment_count;
    uint64_t failed_partition_count;
    int64_t size_bytes;
};
void log_dir_get_stats(struct log_dir *dir, struct log_dir_stats *out_stats);

/* Retention, expiry, delayed deletion and checkpoints that are due by the clock given at open. The
 * background thread's work; public for tests. */
void log_dir_tick(struct log_dir *dir);
/* Compacts all that is due. The cleaner thread's work; public for tests. */
void log_dir_clean(struct log_dir *dir);
