/*
 * One partition's log: append, read, look up, wait. The files are described in
 * docs/on-disk-format.md.
 *
 * Threads: every function may be called from any thread and takes the partition's own lock, for
 * memory work and one write into the page cache; nothing here waits for the disk. Callbacks are
 * called without any lock held, mostly on a flusher thread (exceptions are said where they are);
 * they copy and post, and may call back into the partition.
 *
 * Offsets:  log start <= last stable offset <= high watermark <= log end.
 * The high watermark follows the disk: a record is readable once it would survive a power cut
 * (docs/decisions/001-high-watermark-follows-the-disk.md). Every append kicks the flusher, so that
 * is one fdatasync later whatever acks the producer asked for.
 *
 * A partition whose fdatasync failed, or whose file could not be cut back after a failed write, is
 * stopped: appends and waits answer KAFKA_STORAGE_ERROR until a restart has recovered it; what was
 * on disk before stays readable. A write that fails otherwise (full disk) leaves no trace, and the
 * next one is tried.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/storage/partition_config.h"
#include "common/err.h"

struct partition;
struct segment;

#define PARTITION_TOPIC_MAX 249
#define PARTITION_TOPIC_ID_BYTES 16

/* Copied into the partition; topic is NUL-terminated. A topic id of zeroes is "none". */
struct partition_id {
    char topic[PARTITION_TOPIC_MAX + 1];
    int32_t index;
    uint8_t topic_id[PARTITION_TOPIC_ID_BYTES];
};

struct partition_offsets {
    int64_t log_start;
    int64_t last_stable;
    int64_t high_watermark;
    int64_t log_end;
    int64_t size_bytes;
    int32_t leader_epoch; /* of the newest record; -1 when none was ever written */
};

/* ---- lifetime ---------------------------------------------------------------------------------
 * Partitions come from log_dir.h, with a reference for the caller. The object outlives deletion and
 * log_dir_close only as long as references are held; calls then answer
 * UNKNOWN_TOPIC_OR_PARTITION or STORAGE. All references must be given back before log_dir_close. */
struct partition *partition_ref(struct partition *p);
void partition_unref(struct partition *p); /* NULL is fine */

/* Never changes. */
const struct partition_id *partition_identity(const struct partition *p);

/* Takes effect with the next append and the next retention check. Retention never touches a
 * partition before its first call. */
void partition_set_config(struct partition *p, const struct partition_config *config);
void partition_get_config(struct partition *p, struct partition_config *out_config);
void partition_get_offsets(struct partition *p, struct partition_offsets *out_offsets);
int64_t partition_size_bytes(struct partition *p);

/* ---- append -----------------------------------------------------------------------------------
 */
struct partition_append_options {
    int64_t now_ms; /* wall clock: append time, and age of producers */
    int32_t leader_epoch;
    /* Client writes: true. Internal writes (group offsets, controller): false skips
     * max.message.bytes and the producer checks. */
    bool from_client;
};

/* error_code is always set; the rest when it is 0. */
struct partition_append_result {
    int16_t error_code; /* enum kafka_error */
    bool duplicate;     /* nothing was written: the offsets are those of the first time */
    int64_t base_offset;
    int64_t last_offset;        /* durable: partition_wait_flushed for last_offset + 1 */
    int64_t log_append_time_ms; /* -1 under CreateTime */
    int64_t log_start_offset;
};

/*
 * Appends one or more whole v2 batches, all or nothing. The caller has validated them
 * (protocol/record_batch.h: CRC, records, timestamps); here only what keeps the log walkable is
 * checked again. Base offset and leader epoch are written into `batches` in place, under
 * LogAppendTime the attributes, max timestamp and CRC too; the bytes then go to the file as they
 * are. An idempotent batch from a client must come alone.
 * Returns ERR_OK when error_code is 0; otherwise e has the text for the client.
 */
enum err_code partition_append(struct partition *p, uint8_t *batches, size_t len,
                               const struct partition_append_options *options,
                               struct partition_append_result *out_result, struct err *e);

/* ---- waiting ----------------------------------------------------------------------------------
 */
struct partition_waiter;
/* status: ERR_OK; ERR_IO when the partition stopped; ERR_CLOSED when it was deleted or closed. */
typedef void (*partition_waiter_fn)(struct partition_waiter *w, enum err_code status);

/* Memory of the caller (part of its request), so that waiting cannot fail. Set callback and ctx,
 * leave the rest; it must stay where it is until the callback ran or a removal returned true. */
struct partition_waiter {
    partition_waiter_fn callback;
    void *ctx;
    /* private */
    struct partition_waiter *prev;
    struct partition_waiter *next;
    int64_t offset;
    uint64_t state_seq;
    int64_t wake_bytes;
    enum err_code status;
    int linked; /* 0 no, 1 flush list, 2 fetch list */
};

/*
 * One call of w->callback when every record below `offset` is on disk (or need not be, under
 * flush.messages/flush.ms), or never will be. Returns true when it is so already: no callback then.
 * On a stopped or deleted partition the callback comes on this thread, before the return. One
 * fdatasync serves all who wait on the partition.
 */
bool partition_wait_flushed(struct partition *p, int64_t offset, struct partition_waiter *w);

/* The same for all records so far and the log start (partition_delete_records), strict whatever the
 * topic's flush settings are. */
bool partition_wait_synced(struct partition *p, struct partition_waiter *w);

/*
 * Fetch long poll: one call of w->callback when at least min_bytes (>= 1) became readable above
 * seen_high_watermark, the high watermark that the caller's partition_read reported; or when the
 * partition is deleted. Returns false, and adds nothing, when the high watermark is
 * another by now: read again.
 */
bool partition_add_waiter(struct partition *p, int64_t seen_high_watermark, int64_t min_bytes,
                          struct partition_waiter *w);

/* True: taken out, the callback will never run. False: it has run, is running, or is about to run
 * on another thread; w must stay until it has. */
bool partition_remove_waiter(struct partition *p, struct partition_waiter *w);

/* ---- read -------------------------------------------------------------------------------------
 */
enum partition_isolation {
    PARTITION_READ_UNCOMMITTED, /* below the high watermark: what consumers see */
    PARTITION_READ_COMMITTED,   /* below the last stable offset */
    PARTITION_READ_LOG_END,     /* everything: replicas, and loading internal topics */
};

/* A run of whole batches in one segment file. The descriptor stays valid until the release, even
 * when retention deletes the segment meanwhile. Do not move its file position: sendfile and pread
 * with an offset. */
struct partition_slice {
    struct segment *segment; /* NULL when empty; otherwise a reference */
    int fd;                  /* borrowed from the segment; -1 when empty */
    int64_t position;
    size_t length;
    int64_t next_offset; /* behind the last batch; the asked offset when empty */
    int64_t high_watermark;
    int64_t last_stable_offset;
    int64_t log_start_offset;
    int16_t error_code; /* enum kafka_error */
};

struct partition_read_options {
    int64_t offset;
    size_t max_bytes;
    bool min_one_batch; /* the first batch is returned even if larger than max_bytes */
    enum partition_isolation isolation;
};

/*
 * The first batch may begin below the asked offset: it is the one that holds it. At the end of what
 * the isolation lets see, an empty slice and ERR_OK. Below the log start or above the log end:
 * error_code 1. The three offsets and error_code are set in every case. Reads headers from the page
 * cache, possibly from disk. Release every slice, empty ones too.
 */
enum err_code partition_read(struct partition *p, const struct partition_read_options *options,
                             struct partition_slice *out_slice, struct err *e);
/* Reads bytes [at, at + len) of the slice into memory, for those who cannot sendfile. */
enum err_code partition_slice_read(const struct partition_slice *slice, size_t at, void *out_data,
                                   size_t len, struct err *e);
void partition_slice_release(struct partition_slice *slice);

/* ---- look up ----------------------------------------------------------------------------------
 */
#define PARTITION_TIME_LATEST (-1)
#define PARTITION_TIME_EARLIEST (-2)
#define PARTITION_TIME_MAX (-3) /* the record with the largest timestamp */

struct partition_found_offset {
    int64_t offset;    /* -1 = no such record */
    int64_t timestamp; /* of the record; -1 for the special times */
    int32_t leader_epoch;
};

/*
 * Special times, or the first record with timestamp >= time_ms. Only what the isolation lets see is
 * found; LATEST is its end. Reads and decompresses the batch that holds the record: not for a loop
 * with a tight schedule when the segment is cold.
 */
enum err_code partition_offset_for_time(struct partition *p, int64_t time_ms,
                                        enum partition_isolation isolation,
                                        struct partition_found_offset *out_found, struct err *e);

/* OffsetForLeaderEpoch: the largest epoch <= asked that the log knows, and the offset where it
 * ends; both -1 when unknown. */
void partition_offset_for_epoch(struct partition *p, int32_t epoch, int32_t *out_epoch,
                                int64_t *out_end_offset);

/*
 * DeleteRecords: moves the log start up to `before` (-1 = the high watermark) and answers the new
 * low watermark. Above the high watermark or negative: error_code 1, ERR_INVALID. Durable when a
 * partition_wait_synced after it completes; files go with the next retention check.
 */
enum err_code partition_delete_records(struct partition *p, int64_t before,
                                       int64_t *out_low_watermark, int16_t *out_error_code,
                                       struct err *e);

/* ---- producers (DescribeProducers) ------------------------------------------------------------
 */
struct partition_producer {
    int64_t producer_id;
    int64_t last_timestamp;
    int64_t txn_start_offset; /* -1 = none open */
    int32_t last_sequence;
    int32_t coordinator_epoch;
    int16_t epoch;
};

/* Copies up to `capacity` entries and returns how many there are. */
size_t partition_list_producers(struct partition *p, struct partition_producer *out_producers,
                                size_t capacity);
