/* For tests of the log: a temporary directory, batches, and waiting for the flusher. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/storage/log_dir.h"
#include "common/buf.h"
#include "common/clock.h"

struct storage_fixture {
    char path[256];
    struct log_dir *dir;
    struct clock_manual clock; /* 2023-11-14, stands still */
    struct log_dir_config config;
};

#define STORAGE_FIXTURE_NOW INT64_C(1700000000000)

/* A new empty directory, opened without background thread; the storage_* functions fail the test
 * when they cannot do their work. */
void storage_fixture_open(struct storage_fixture *f);
/* Clean stop, or none at all, then opened again. */
void storage_fixture_reopen(struct storage_fixture *f, bool clean);
/* Closes and removes the directory. */
void storage_fixture_close(struct storage_fixture *f);
void storage_remove_tree(const char *path);

struct partition *storage_partition(struct storage_fixture *f, const char *topic,
                                    const struct partition_config *config);

struct storage_batch {
    int64_t timestamp;   /* of each record; advances by 1 per record */
    int32_t count;       /* records */
    size_t value_bytes;  /* of each */
    int64_t producer_id; /* < 0 = none */
    int16_t producer_epoch;
    int32_t base_sequence;
    int16_t attributes;
    uint8_t fill;
};

/* Appends the encoded batch. */
void storage_encode(struct buf *out, const struct storage_batch *batch);
/* One batch of one record of `value_bytes`, from a client; fails the test when refused. Returns the
 * base offset. */
int64_t storage_append(struct partition *p, int64_t timestamp, size_t value_bytes);
enum err_code storage_append_batch(struct partition *p, const struct storage_batch *batch,
                                   struct partition_append_result *out_result);
/* Blocks, at most 20 s. */
enum err_code storage_wait_flushed(struct partition *p, int64_t offset);
enum err_code storage_wait_synced(struct partition *p);
/* All flushed up to the log end. */
void storage_settle(struct partition *p);
/* Reads everything from the offset on, batch headers checked, into out; returns the next offset. */
int64_t storage_read_all(struct partition *p, int64_t offset, size_t max_bytes, struct buf *out);
int64_t storage_read_all_isolated(struct partition *p, int64_t offset, size_t max_bytes,
                                  enum partition_isolation isolation, struct buf *out);
/* Files in the partition's folder with that suffix. */
int storage_count_files(const struct storage_fixture *f, const char *folder, const char *suffix);
/* "<dir>/<folder>/<20 digits><suffix>" */
void storage_path(const struct storage_fixture *f, const char *folder, int64_t base,
                  const char *suffix, char *out_path, size_t size);
/* xorshift; for tests that print their seed. */
uint64_t storage_random(uint64_t *state);
