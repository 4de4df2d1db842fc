/*
 * Compaction of one partition; docs/decisions/002-compaction.md. For the cleaner thread
 * (log_dir_cleaner.c): one at a time in a directory. Produce and fetch go on meanwhile.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "protocol/record_filter.h"

struct partition;
struct partition_env;
struct segment;

/* What there is to clean. */
struct partition_dirt {
    double ratio; /* of the bytes that could be cleaned, those that never were */
    bool due;     /* by the topic's settings */
};

/* due is false for a topic without `compact`. */
void partition_get_dirt(struct partition *p, int64_t now_ms, struct partition_dirt *out_dirt);

struct partition_clean_options {
    int64_t now_ms; /* wall clock */
    size_t key_table_bytes;
    const atomic_bool *stop; /* set by another thread: ERR_CANCELLED soon */
};

struct partition_clean_result {
    int64_t cleaned_to; /* the first offset that is not clean now */
    int64_t bytes_before;
    int64_t bytes_after;
    size_t segments_before;
    size_t segments_after;
};

/*
 * Cleans what is dirty, as far as the table of keys reaches. On any failure the log says what it
 * said before: ERR_CLOSED when the partition was deleted meanwhile, ERR_CORRUPT when it holds what
 * cannot be read, ERR_NOSPACE and others of the disk.
 */
enum err_code partition_clean(struct partition *p, const struct partition_clean_options *options,
                              struct partition_clean_result *out_result, struct err *e);

/* ---- between partition_clean*.c ----------------------------------------------------------------
 */
struct key_offsets;

/* Which records stay. */
struct partition_clean_rules {
    const struct key_offsets *keys;
    int64_t end; /* records from here on are not judged yet */
    int64_t now_ms;
    int64_t delete_retention_ms;
    int64_t index_interval_bytes;
    const atomic_bool *stop;
};

/* Neighbours that may become one segment. */
struct partition_clean_group {
    struct segment *const *segments; /* references of the caller, files open */
    size_t count;
    int64_t bytes_max; /* what one segment may have */
};

/* Memory that one copy leaves to the next. */
struct partition_clean_copier {
    struct record_filter filter;
    struct buf in;
    struct buf out;
};

void partition_clean_copier_init(struct partition_clean_copier *c);
void partition_clean_copier_deinit(struct partition_clean_copier *c);

/* partition_clean_copy.c */
/* The group's records that stay, in "<base>.log.cleaned" with its indexes, all on disk; *out_clean
 * is the segment, one reference, not in the partition's list. group->count is cut to as many as
 * surely fit into one. On failure no file is left. */
enum err_code partition_clean_copy(struct partition *p, struct partition_clean_copier *c,
                                   struct partition_clean_group *group,
                                   const struct partition_clean_rules *rules,
                                   struct segment **out_clean, struct err *e);

/* Reads a segment batch by batch, in pieces. */
struct partition_batch_reader {
    const struct segment *segment;
    struct buf *buf; /* of the caller; cleared */
    int64_t position;
    size_t at; /* in buf */
};

void partition_batch_reader_init(struct partition_batch_reader *r, const struct segment *s,
                                 struct buf *buf);
/* The batch's bytes are valid until the next call. Its CRC was checked. *out_found false at the
 * end. */
enum err_code partition_batch_reader_next(struct partition_batch_reader *r,
                                          struct record_batch *out_batch, bool *out_found,
                                          struct err *e);

/* partition_clean_swap.c */
/* Removes the three files of a copy that is not used. */
void partition_clean_discard(const struct partition *p, int64_t base_offset);
/* Puts `clean` into the place of the group; see the file for the order. Takes the reference of
 * `clean` in every case. */
enum err_code partition_clean_swap(struct partition *p, const struct partition_clean_group *group,
                                   struct segment *clean, struct err *e);
/* Finishes what a crash left: the names of "<base>.log.swap" files, ascending, and of the logs that
 * are there; `logs` is brought up to date. */
enum err_code partition_clean_finish_swaps(const struct partition *p, const int64_t *swaps,
                                           size_t swap_count, int64_t *logs, size_t *log_count,
                                           struct err *e);
