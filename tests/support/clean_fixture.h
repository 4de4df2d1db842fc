/*
 * A compacted log on real files, for tests. Everything that is written goes into a model too;
 * whatever the log has later must be a record of the model at its own offset, and the newest of
 * each key must be there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "broker/storage/partition_internal.h"
#include "tests/support/storage_fixture.h"

#define MODEL_MAX 20000
#define NO_KEY (-1)
/* In place of a key: a record of that key without value. */
#define TOMBSTONE(key) (-(key)-2)

struct model_record {
    int key;    /* NO_KEY = null */
    bool value; /* false = tombstone */
    int64_t timestamp;
};

struct model {
    struct model_record records[MODEL_MAX];
    int64_t count;
};

struct clean_fixture {
    struct storage_fixture storage;
    struct partition_config config;
    struct partition *p;
    struct model *model;
    int64_t now_ms;
    int32_t sequence; /* of producer 7 */
    int codec;
};

/* One partition of topic "t"; delete_retention_ms and others may be changed with
 * partition_set_config. */
void clean_fixture_open(struct clean_fixture *f);
void clean_fixture_close(struct clean_fixture *f);
/* After a clean stop, or none at all. */
void clean_fixture_reopen(struct clean_fixture *f, bool clean);

/* One batch of records with the keys, at f->now_ms and later, in f->codec. */
void clean_fixture_put_batch(struct clean_fixture *f, const int *keys, int32_t count,
                             bool idempotent);
void clean_fixture_put(struct clean_fixture *f, int key);
/* Everything so far into sealed segments below the recovery point. */
void clean_fixture_seal(struct clean_fixture *f);
enum err_code clean_fixture_clean(struct clean_fixture *f);

/* What the log says. */
struct seen {
    bool at[MODEL_MAX];
    int64_t count;
    int64_t batches;
    int64_t empty_batches;
    int64_t next; /* where the last batch ends */
};

/* Reads from the offset to the end as a consumer does. */
void clean_fixture_read(const struct clean_fixture *f, int64_t offset, struct seen *seen);
/* The rules of compaction, for a log that was cleaned up to `cleaned_to` for sure, and perhaps in
 * parts up to `touched_to`. Tombstones may be missing when they may be gone. */
void clean_fixture_check_rules(const struct clean_fixture *f, int64_t cleaned_to,
                               int64_t touched_to, bool tombstones_may_go);
/* The same, when all is on disk. */
void clean_fixture_check(const struct clean_fixture *f, int64_t cleaned_to, bool tombstones_may_go);
/* A read from every offset begins with the first record at or behind it. */
void clean_fixture_check_every_offset(const struct clean_fixture *f);
