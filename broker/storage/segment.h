/*
 * One segment of a partition: the log file from one base offset to the next, and its two indexes.
 * Counted references: the partition's list holds one, each slice and flush round one; the last
 * closes the file. All fields but the count belong to the partition's lock; bytes of the file below
 * a known size never change, so a holder of a reference reads them without it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/storage/batch_header.h"
#include "broker/storage/segment_index.h"
#include "common/err.h"

#define SEGMENT_SUFFIX_LOG ".log"
#define SEGMENT_SUFFIX_INDEX ".index"
#define SEGMENT_SUFFIX_TIMEINDEX ".timeindex"
#define SEGMENT_SUFFIX_SNAPSHOT ".snapshot"
#define SEGMENT_SUFFIX_DELETED ".deleted"
/* Behind one of the others: partition_clean_swap.c. */
#define SEGMENT_SUFFIX_CLEANED ".cleaned"
#define SEGMENT_SUFFIX_SWAP ".swap"
/* Positions in the index are int32. */
#define SEGMENT_BYTES_MAX INT32_MAX

struct segment {
    _Atomic int refs;
    int fd; /* -1 = closed, opened at the next use */
    int64_t base_offset;
    int64_t next_offset;
    int64_t size_bytes;
    int64_t max_timestamp;        /* -1 = no record has one */
    int64_t max_timestamp_offset; /* last offset of the first batch that has it */
    int64_t first_timestamp;      /* of the first batch; -1 */
    int64_t created_ms;
    int64_t unindexed_bytes; /* since the last index entry */
    struct segment_index offsets;
    struct segment_index times;
    bool sealed;
    bool indexes_stored; /* completely in their files, and on disk */
    bool indexes_loaded; /* in memory or mapped; false only when stored */
};

/* "<dir>/<20 digits><suffix>" */
enum err_code segment_path(const char *dir, int64_t base_offset, const char *suffix, char *out_path,
                           size_t size, struct err *e);

/* A new empty file; it must not exist. One reference for the caller. */
enum err_code segment_create(const char *dir, int64_t base_offset, int64_t now_ms,
                             struct segment **out_segment, struct err *e);
/* An existing file: descriptor and size, nothing known of the content. */
enum err_code segment_open(const char *dir, int64_t base_offset, int64_t now_ms,
                           struct segment **out_segment, struct err *e);
/* A new file of any name, emptied when it exists: to be renamed. */
enum err_code segment_create_copy(const char *path, int64_t base_offset, int64_t now_ms,
                                  struct segment **out_segment, struct err *e);
struct segment *segment_ref(struct segment *s);
void segment_unref(struct segment *s); /* NULL is fine */

/* Opens the file again when it was closed as idle. */
enum err_code segment_use(struct segment *s, const char *dir, struct err *e);
/* Maps the indexes when they were let go. */
enum err_code segment_use_indexes(struct segment *s, const char *dir, struct err *e);
/* Closes file and indexes of a sealed and stored segment that nobody else references. */
void segment_rest(struct segment *s);

/* Room in the indexes for this many batches and the seal. */
enum err_code segment_reserve(struct segment *s, size_t batches, struct err *e);
/* The batch is in the file at the position, which is the end: counts it and indexes it when due.
 * Room must be reserved. */
void segment_note(struct segment *s, const struct batch_header *h, int64_t index_interval_bytes);
/* No more batches: the last time entry, so that the file tells the largest timestamp. */
void segment_seal(struct segment *s);
/* Forgets all that was noted. */
void segment_forget(struct segment *s);

/* Walks over batch headers in a file. Stack object, 4 KB. */
struct segment_walker {
    int fd;
    int64_t position; /* of the next batch */
    int64_t end;
    int64_t buf_position;
    size_t buf_len;
    uint8_t buf[4096];
};

void segment_walker_init(struct segment_walker *w, int fd, int64_t position, int64_t end);
/*
 * The next batch, at w->position - size_bytes afterwards. *out_found false at the end. ERR_CORRUPT
 * when what is there is not a batch or runs over the end; the position stays there.
 */
enum err_code segment_walker_next(struct segment_walker *w, struct batch_header *out_header,
                                  bool *out_found, struct err *e);
