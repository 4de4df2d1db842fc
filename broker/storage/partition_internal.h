/*
 * The partition's inside, for the files partition*.c, log_dir*.c and log_flusher.c only.
 *
 * Locks, in this order: files_lock -> flush_lock -> log_dir's -> lock -> the flusher's. flush_lock
 * is held over fdatasync, and only by those who flush (flusher threads, background thread, close)
 * or shut; files_lock by those who take away, exchange or rename files of sealed segments
 * (retention, the cleaner) or shut. `lock` is held over writes into the page cache, never over a
 * wait for the disk. No callback runs under lock.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/storage/epoch_cache.h"
#include "broker/storage/partition.h"
#include "broker/storage/producer_state.h"
#include "broker/storage/segment.h"
#include "common/clock.h"
#include "common/event_limit.h"
#include "common/lock.h"
#include "common/logger.h"

struct log_flusher;
struct metric;

/* What all partitions of a directory share. Outlives their OPEN and STOPPED states. */
struct partition_env {
    const struct clock *clock;
    struct logger *logger;
    struct log_flusher *flusher;
    size_t max_producers;
    _Atomic uint64_t append_count;
    _Atomic uint64_t append_bytes;
    _Atomic uint64_t flush_count;
    _Atomic uint64_t flush_ns;
    struct metric *flush_seconds; /* NULL = nobody looks */
    struct event_limit append_failures;
    struct event_limit flush_failures;
    /* Upward: the directory's own files. */
    void *dir;
    enum err_code (*store_log_starts)(void *dir, struct err *e);
    void (*want_checkpoint)(void *dir);
    void (*discard_file)(void *dir, const char *path, int64_t delay_ms);
};

/*
 *   OPEN -> STOPPED (fdatasync failed, or a failed write could not be undone) -> CLOSED
 *   OPEN -> CLOSED  (deleted, or the directory was closed)
 */
enum partition_status { PARTITION_OPEN, PARTITION_STOPPED, PARTITION_CLOSED };

/* Of the flusher, under its lock. */
enum partition_queue_state {
    PARTITION_IDLE,
    PARTITION_QUEUED,
    PARTITION_FLUSHING,
    PARTITION_FLUSHING_AGAIN, /* kicked while it was being flushed */
};

#define PARTITION_SNAPSHOTS_KEPT 2
#define PARTITION_EPOCHS_NAME "leader-epoch-checkpoint"

struct partition {
    _Atomic int refs;
    struct partition_id id;
    char *path;

    int64_t clean_retry_ms; /* monotonic; the cleaner thread's */
    struct lock files_lock;
    struct lock flush_lock;
    int64_t snapshots[PARTITION_SNAPSHOTS_KEPT]; /* newest first, -1 = none; flush_lock */

    struct lock lock; /* all below */
    struct partition_env *env;
    enum partition_status status;
    struct partition_config config;
    bool configured;

    struct segment **segments; /* ascending; the last is the active one; never empty when open */
    size_t segment_count;
    size_t segment_capacity;

    int64_t log_start;
    int64_t log_end;
    int64_t flushed; /* all below is on disk */
    int64_t high_watermark;
    int64_t last_stable;
    int64_t recovery_point; /* flushed, with index entries and snapshot */
    int64_t cleaned_to;     /* all below was compacted; partition_clean.h */
    /* Where the high watermark lies: position in the segment of that base offset. */
    int64_t hw_segment_base;
    int64_t hw_position;
    /* Bytes ever appended since the open, and of them below the high watermark. */
    int64_t end_bytes;
    int64_t hw_bytes;

    /* Counts changes other than records that a flush must carry to disk. */
    uint64_t state_seq;
    uint64_t flushed_state_seq;
    bool sync_wanted;  /* somebody waits for a strict flush */
    bool state_failed; /* while waiters are told that the state could not be written */
    bool metadata_dirty;
    bool dir_dirty;
    bool epochs_dirty;
    bool log_start_dirty;
    int64_t dirty_since_ms; /* wall time of the oldest append not flushed */

    struct producer_state producers;
    struct epoch_cache epochs;

    struct partition_waiter *flush_waiters; /* utlist, oldest first */
    struct partition_waiter *fetch_waiters;

    enum partition_queue_state queue_state;
    struct partition *queue_next;
};

/* partition.c */
/* A closed shell: one reference, no segments, nothing on disk. */
enum err_code partition_make(struct partition_env *env, const struct partition_id *id,
                             const char *path, struct partition **out_partition, struct err *e);
/* Before the folder goes: appends and flushes are refused and waiters get ERR_CLOSED, so that none
 * of them takes a missing file for a failing disk. Returns the status until now. */
enum partition_status partition_begin_deletion(struct partition *p);
/* The folder did not go. */
void partition_cancel_deletion(struct partition *p, enum partition_status before);
/* Terminal: waiters get ERR_CLOSED, files are closed, the env is let go. Nothing is written. */
void partition_shut(struct partition *p);
enum err_code partition_push_segment(struct partition *p, struct segment *s, struct err *e);
/* Index of the segment that holds the offset: the last with base <= offset, or 0. */
size_t partition_find_segment(const struct partition *p, int64_t offset);
static inline struct segment *partition_active(const struct partition *p)
{
    return p->segments[p->segment_count - 1];
}
/* A flush is not needed before acknowledging: the user asked for it. */
static inline bool partition_relaxed(const struct partition *p)
{
    return p->config.flush_messages > 1 ||
           (p->config.flush_messages == 0 && p->config.flush_ms > 0);
}
/* Closes the active segment and begins the next at the log end. Lock held. */
enum err_code partition_roll(struct partition *p, int64_t now_ms, struct err *e);
/* Lock held. Takes no part in waking anybody: the flusher does. */
void partition_stop(struct partition *p, const char *why);
/* Takes out the waiters that are due, with their status set; run them without the lock. Lock held.
 */
struct partition_waiter *partition_collect_waiters(struct partition *p);
void partition_run_waiters(struct partition_waiter *list);
void partition_update_last_stable(struct partition *p);

/* partition_metadata.c */
/* Not synced: the first flush does that, partition_metadata_sync. */
enum err_code partition_metadata_store(const struct partition *p, struct err *e);
enum err_code partition_metadata_sync(const struct partition *p, struct err *e);
/* Makes the partition's folder itself durable in the data directory. */
enum err_code partition_sync_parent(const struct partition *p, struct err *e);
/* A missing or torn file gives a topic id of zeroes. */
enum err_code partition_metadata_load(struct partition *p, struct err *e);

/* partition_recovery.c */
struct partition_recovery {
    int64_t recovery_point;
    int64_t log_start; /* of the checkpoint */
    int64_t cleaned_to;
    bool clean;
};
/* What a folder has, by base offset. */
struct partition_files {
    int64_t *logs;
    size_t log_count;
    size_t log_capacity;
    int64_t *snapshots;
    size_t snapshot_count;
    size_t snapshot_capacity;
    int64_t *swaps; /* of logs */
    size_t swap_count;
    size_t swap_capacity;
};

/* Creates the folder and the first segment. */
enum err_code partition_start_new(struct partition *p, struct err *e);
/* Loads what is in the folder; afterwards open, with everything on disk. */
enum err_code partition_recover(struct partition *p, const struct partition_recovery *how,
                                struct err *e);

/* partition_replay.c */
/* The newest good snapshot at or below the recovery point, then the batches after it. Removes the
 * snapshots that cannot be used. The log must be loaded. */
enum err_code partition_load_producers(struct partition *p, const struct partition_recovery *how,
                                       const struct partition_files *files, struct err *e);

/* partition_flush.c */
enum partition_flush_mode {
    PARTITION_FLUSH_DUE,        /* what the topic's settings ask for: the flusher */
    PARTITION_FLUSH_ALL,        /* everything */
    PARTITION_FLUSH_CHECKPOINT, /* and index entries, snapshot: moves the recovery point */
};
/* No lock held. ERR_OK also when there was nothing to do; a failure has stopped the partition or
 * left the recovery point where it was. */
enum err_code partition_flush(struct partition *p, enum partition_flush_mode mode, struct err *e);

/* partition_retention.c */
void partition_apply_retention(struct partition *p, int64_t now_ms);
/* Closes files that nobody uses. */
void partition_rest(struct partition *p);
