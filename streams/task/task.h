/*
 * A task: one sub-topology on one partition of each of its topics. It queues records per partition,
 * takes the one with the smallest timestamp among the heads, and runs it through the nodes. Knows
 * no network: records are pushed in, results leave through a collector. One owner thread at a time.
 *
 * Waiting (max.task.idle.ms): which head is the smallest is only known when every partition has
 * one. A partition that has none is waited for while more is known to lie on the broker, or while
 * that is not known (task_set_lag), and then for max_idle_ms more.
 *
 * Times (reference 2.1): each input has a partition time, committed with its offset; each windowed
 * node has an operator time, which starts at -1 whenever the task is opened.
 */
#pragma once

#include <stdatomic.h>

#include "streams/state/store.h"
#include "streams/task/collector.h"
#include "streams/topology/topology.h"

struct logger;
struct task;

/* A task's records need this much memory at most, each. */
#define TASK_RECORD_BYTES_MAX ((size_t)256 * 1024 * 1024)

/* As it came: bytes are borrowed until it is released. */
struct task_record {
    struct bytes key;
    struct bytes value;
    int64_t timestamp_ms;
    int64_t offset;
    struct value_headers headers; /* mem_free(items) on release */
    void *owner;
};

struct task_counters {
    _Atomic int64_t processed;
    _Atomic int64_t dropped;
};

struct task_config {
    const struct weir_topology *topology;
    int sub;
    int32_t partition;
    struct collector *collector;
    struct record_cache_budget *budget;
    struct serde_registry *schemas;
    struct task_counters *counters;
    struct logger *logger; /* may be NULL */
    const struct clock *clock;
    const char *application_id;      /* prefix of internal topics */
    bool skip_poison;                /* deserialization handler LogAndContinue */
    enum weir_timestamps timestamps; /* what WEIR_TIMESTAMPS_DEFAULT means */
    int64_t max_idle_ms;             /* -1: take what is there, wait for nothing */
    /* Gives a record's owner back; NULL: nothing to give back. */
    void (*release)(void *owner);
    /* Opens the bytes of a store (not windowed or not, in memory or not). */
    enum err_code (*open_kv)(void *open_ctx, const struct topology_store *def, struct kv **out_kv,
                             struct err *e);
    void *open_ctx;
};

enum task_result {
    TASK_IDLE,    /* nothing queued */
    TASK_WAITING, /* an input without records may still have older ones: task_set_lag, time */
    TASK_PROCESSED
};

enum err_code task_create(const struct task_config *config, struct task **out_task, struct err *e);
/* Closes without flushing: what is in the caches is lost. NULL is fine. */
void task_destroy(struct task *t);

int task_sub(const struct task *t);
int32_t task_partition(const struct task *t);
/* Inputs: the partitions of the source topics that the task reads. */
size_t task_input_count(const struct task *t);
/* The topic as the cluster knows it (internal ones with their prefix). */
const char *task_input_topic(const struct task *t, size_t input);
/* A repartition topic. */
bool task_input_is_internal(const struct task *t, size_t input);
size_t task_input_queued(const struct task *t, size_t input);
/* -1 when the topic is none of this task's. */
int task_find_input(const struct task *t, const char *topic);
/* Where reading resumes: the head's offset, or the one behind the last record. -1: not read yet. */
int64_t task_input_position(const struct task *t, size_t input);
int64_t task_input_partition_time(const struct task *t, size_t input);
/* Before the first record: what was committed. An input that is never resumed is a topic with fewer
 * partitions than its sub-topology has tasks: nothing comes, nothing is waited for. */
void task_input_resume(struct task *t, size_t input, int64_t offset, int64_t partition_time_ms);
/* The consumer's position without a record (a transaction's marker, the end). */
void task_input_advance(struct task *t, size_t input, int64_t position);
/* How many records lie on the partition that were not pushed yet: 0 for none, -1 for not known,
 * which is also what it is after each push. */
void task_set_lag(struct task *t, size_t input, int64_t lag);

/* The record is the task's; it is released on failure too. */
enum err_code task_push(struct task *t, size_t input, const struct task_record *record,
                        struct err *e);
/* At most one record. After a failure only task_destroy makes sense. ERR_UNAVAILABLE and
 * ERR_TIMEOUT mean that the record was not touched yet: call again later. */
enum err_code task_process(struct task *t, enum task_result *out_result, struct err *e);
/* Empties the caches: sends, logs and stores. */
enum err_code task_flush(struct task *t, struct err *e);
/* Makes the stores durable. */
enum err_code task_sync(struct task *t, struct err *e);
/* Records processed or skipped since the last call. */
bool task_take_progress(struct task *t);

size_t task_store_count(const struct task *t);
struct store *task_store(struct task *t, size_t index);
struct store *task_find_store(struct task *t, const char *name);
/* "<application id>-<name>-changelog" or "-repartition"; mem_free. NULL: out of memory. */
char *task_internal_topic(const char *application_id, const char *name, const char *suffix);
/* The context for callbacks and serdes outside a record; its memory lasts until task_reset_scratch
 * or the next record. */
struct weir_context *task_context(struct task *t);
