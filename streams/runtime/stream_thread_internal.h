/* What the files of a stream thread share: stream_thread.c (loop), thread_poll.c (records in),
 * thread_tasks.c (assignment, commit), thread_restore.c, thread_purge.c. */
#pragma once

#include <pthread.h>

#include <librdkafka/rdkafka.h>

#include "common/lock.h"
#include "common/metrics.h"
#include "streams/runtime/stream_producer.h"
#include "streams/runtime/stream_thread.h"
#include "streams/state/rocks.h"

#define THREAD_PATH_MAX 4096
#define THREAD_POLL_BATCH 1000

struct thread_restore {
    int64_t next; /* offset to apply */
    int64_t end;  /* of the changelog when restoring began; -1: not asked yet */
};

struct thread_input {
    int64_t committed;           /* -1: nothing */
    int64_t purged;              /* offset below which deletion was asked for; -1: nothing */
    const rd_kafka_topic_t *rkt; /* once a message came */
    int64_t next;                /* offset of the record to be queued next, or below it */
    int64_t open_end;            /* end of the partition when all that may be read of it was; -1 */
    bool paused;
    bool resumed;  /* at some time: records from before the pause may have come again */
    bool assigned; /* a topic may have fewer partitions than its sub-topology has tasks */
};

struct thread_task {
    struct task *task;
    struct rocks *rocks;
    struct thread_input *inputs;
    struct thread_restore *restores; /* by store */
    bool waiting;                    /* for a record of another input */
    bool restoring;
    bool restored;        /* something was applied */
    int64_t checkpointed; /* sum of offsets in the checkpoint file */
    char dir[THREAD_PATH_MAX];
    char checkpoint[THREAD_PATH_MAX + 16];
};

/* Each may be NULL. */
struct thread_metrics {
    struct metric *processed;
    struct metric *dropped;
    struct metric *commits;
    struct metric *lag;
    struct metric *running;
};

struct stream_thread {
    struct stream_thread_config config;
    pthread_t pthread;
    bool started;
    struct lock lock; /* only for pauses that end early */
    struct cond stopped;
    atomic_bool stop;
    _Atomic int state; /* enum weir_state */
    struct err error;
    struct task_counters counters;
    struct record_cache_budget budget;
    struct serde_registry *schemas;
    struct stream_producer *producer;
    rd_kafka_t *consumer;
    rd_kafka_queue_t *queue; /* the consumer's */
    rd_kafka_message_t *batch[THREAD_POLL_BATCH];
    size_t batch_stale;
    rd_kafka_t *restorer;                     /* only while restoring */
    rd_kafka_topic_partition_list_t *pending; /* to be assigned when all is restored */
    struct thread_task **tasks;
    size_t task_count;
    rd_kafka_queue_t *purge_answers; /* NULL: nothing was purged yet */
    bool purging;                    /* an answer is awaited */
    int64_t last_purge_ms;
    int64_t purge_interval_ms;
    int64_t last_commit_ms;
    int64_t commit_interval_ms;
    int64_t last_poll_ms;
    size_t buffered_max; /* buffered.records.per.partition */
    int retry_backoff_ms;
    int restart_pause_ms;
    struct thread_metrics metrics;
    int64_t reported_processed;
    int64_t reported_dropped;
    int64_t timeout_ms;    /* task.timeout.ms */
    bool read_committed;   /* isolation.level of the consumer */
    bool dirty;            /* tasks must not be committed */
    enum err_code failure; /* of a callback; ends the session */
    struct err failure_text;
    size_t last_task; /* where the last message went */
    size_t last_input;
};

/* Pauses, serving the producer; false when asked to stop. */
bool thread_pause(struct stream_thread *t, int ms);
void thread_set_state(struct stream_thread *t, enum weir_state state);
/* The first failure of the session is kept. */
void thread_fail(struct stream_thread *t, enum err_code code, const struct err *e);

/* A client's settings with the application's own on top; "consumer." also takes "main.consumer.".
 */
struct client_config;
enum err_code thread_client_config(const struct stream_thread *t, const char *const *prefixes,
                                   const char *suffix, struct client_config *out, struct err *e);

/* thread_poll.c: takes what is there, after waiting for the first record. */
enum err_code thread_poll(struct stream_thread *t, int timeout_ms, struct err *e);
/* Tells the task what is known to lie on those of its partitions that have no record queued. */
void thread_poll_lags(struct stream_thread *t, struct thread_task *k);
/* librdkafka keeps a pause over an assignment: before a task goes. */
void thread_poll_resume(struct stream_thread *t, struct thread_task *k);

/* thread_tasks.c */
void thread_tasks_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t why,
                            rd_kafka_topic_partition_list_t *partitions, void *opaque);
enum err_code thread_tasks_commit(struct stream_thread *t, struct err *e);
/* Commits and checkpoints if clean; then frees. */
void thread_tasks_close(struct stream_thread *t, bool clean);
enum err_code thread_tasks_checkpoint(struct thread_task *k, struct err *e);
/* After ERR_CORRUPT: when a store was found damaged, makes sure that the next session restores it,
 * and turns the failure into one that may pass. */
enum err_code thread_tasks_forget_corrupt(struct stream_thread *t, enum err_code code,
                                          struct err *e);
/* Removes a task's stores and opens it anew, with the inputs where they were. */
enum err_code thread_tasks_wipe(struct stream_thread *t, struct thread_task *k, const char *why,
                                struct err *e);

/* thread_purge.c: after a commit, when it is time. */
void thread_purge_committed(struct stream_thread *t);
/* Before the consumer goes. */
void thread_purge_end(struct stream_thread *t);

/* thread_restore.c */
enum err_code thread_restore_begin(struct stream_thread *t, struct err *e);
bool thread_restore_is_needed(const struct stream_thread *t);
/* Some records; *out_done when no task is behind any more. */
enum err_code thread_restore_step(struct stream_thread *t, bool *out_done, struct err *e);
void thread_restore_end(struct stream_thread *t);
