/*
 * Leader epochs and the offsets where they began, for OffsetForLeaderEpoch. Both ascend. In memory,
 * with a text file that the flusher replaces. Not thread-safe: the partition's lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct epoch_cache_entry {
    int64_t start_offset;
    int32_t epoch;
};

struct epoch_cache {
    struct epoch_cache_entry *entries;
    size_t count;
    size_t capacity;
};

void epoch_cache_init(struct epoch_cache *c);
void epoch_cache_deinit(struct epoch_cache *c);
/* Room for one more, so that the assign cannot fail. */
enum err_code epoch_cache_reserve(struct epoch_cache *c, struct err *e);
/* A record of that epoch is at the offset. True when the epoch is new. Older epochs are ignored. */
bool epoch_cache_assign(struct epoch_cache *c, int32_t epoch, int64_t offset);
int32_t epoch_cache_latest(const struct epoch_cache *c); /* -1 when empty */
/* Epochs that began at or above the offset are gone. True when something changed. */
bool epoch_cache_cut_end(struct epoch_cache *c, int64_t end_offset);
/* Epochs that ended at or below the log start are gone, the first kept one begins there. */
bool epoch_cache_cut_start(struct epoch_cache *c, int64_t start_offset);
void epoch_cache_find(const struct epoch_cache *c, int32_t epoch, int64_t log_end,
                      int32_t *out_epoch, int64_t *out_end_offset);
/* The epoch of the record at the offset; -1 when unknown. */
int32_t epoch_cache_epoch_of(const struct epoch_cache *c, int64_t offset);

void epoch_cache_encode(const struct epoch_cache *c, struct buf *out);
/* A missing file is an empty cache. */
enum err_code epoch_cache_load(struct epoch_cache *c, const char *path, struct err *e);
