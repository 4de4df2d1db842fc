/*
 * A sparse index of one segment: sorted entries in the byte form of the file, in memory while the
 * segment grows, mapped from the file once it is sealed. Offset index: {relative last offset i32,
 * position i32}; time index: {timestamp i64, relative offset i32}. Not thread-safe: the partition's
 * lock. The files have no checksum: they are believed only below the recovery point.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define SEGMENT_INDEX_OFFSET_BYTES 8
#define SEGMENT_INDEX_TIME_BYTES 12

struct segment_index {
    uint8_t *entries;
    size_t count;
    size_t capacity;     /* 0 while mapped */
    size_t mapped_bytes; /* 0 while in memory */
    size_t stored_count; /* entries that are in the file */
    size_t entry_bytes;
};

struct segment_index_offset {
    int32_t relative_offset;
    int32_t position;
};

struct segment_index_time {
    int64_t timestamp;
    int32_t relative_offset;
};

void segment_index_init(struct segment_index *x, size_t entry_bytes);
void segment_index_deinit(struct segment_index *x);

/* Room for `more` entries, so that the push cannot fail. */
enum err_code segment_index_reserve(struct segment_index *x, size_t more, struct err *e);
void segment_index_push_offset(struct segment_index *x, struct segment_index_offset entry);
void segment_index_push_time(struct segment_index *x, struct segment_index_time entry);
/* From the bytes of one entry. */
struct segment_index_offset segment_index_decode_offset(const uint8_t *entry);
struct segment_index_time segment_index_decode_time(const uint8_t *entry);
struct segment_index_offset segment_index_offset_at(const struct segment_index *x, size_t i);
struct segment_index_time segment_index_time_at(const struct segment_index *x, size_t i);
/* Forgets the entries from `count` on. In memory only. */
void segment_index_truncate(struct segment_index *x, size_t count);

/* Position of the last entry with relative offset <= the given one; 0 when there is none. */
int32_t segment_index_floor_offset(const struct segment_index *x, int64_t relative_offset);
/* The largest indexed position <= the given one; 0 when there is none. */
int32_t segment_index_floor_position(const struct segment_index *x, int64_t position);
/* Relative offset of the last entry with timestamp < the given one; -1 when there is none. */
int32_t segment_index_before_time(const struct segment_index *x, int64_t timestamp);

/* Writes the entries that the file lacks, and cuts what it has behind them; out_fd is for the
 * caller to sync and close. */
enum err_code segment_index_store(struct segment_index *x, const char *path, int *out_fd,
                                  struct err *e);
/* Into memory. ERR_CORRUPT when the entries are not sorted or the size is not a multiple. */
enum err_code segment_index_load(struct segment_index *x, const char *path, struct err *e);
/* Only how many entries the file has, and the bytes of the last (untouched when there is none). */
enum err_code segment_index_peek(const struct segment_index *x, const char *path, size_t *out_count,
                                 uint8_t *out_last, struct err *e);
/* Mapped, read-only; not checked: only for files below the recovery point. */
enum err_code segment_index_map(struct segment_index *x, const char *path, struct err *e);
