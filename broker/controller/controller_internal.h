/*
 * Shared by controller.c (life, thread, queue) and controller_ops.c (what each operation does).
 */
#pragma once

#include <pthread.h>

#include "broker/controller/cluster_state.h"
#include "broker/controller/command_log.h"
#include "broker/controller/controller.h"
#include "broker/controller/controller_view.h"
#include "common/event_limit.h"
#include "common/lock.h"

enum controller_op_kind {
    CONTROLLER_OP_CREATE_TOPICS,
    CONTROLLER_OP_DELETE_TOPICS,
    CONTROLLER_OP_CREATE_PARTITIONS,
    CONTROLLER_OP_ALTER_CONFIGS,
    CONTROLLER_OP_PRODUCER_ID,
};

struct controller_op {
    enum controller_op_kind kind;
    void *items; /* array of the kind's struct */
    size_t count;
    bool validate_only;
    controller_done_fn done;
    void *ctx;
    struct controller_op *next;
};

struct controller {
    struct log_dir *log_dir;
    const struct clock *clock;
    struct logger *logger;
    struct event_limit create_failures;
    size_t snapshot_bytes;
    struct controller_statics statics;
    char cluster_id[CLUSTER_ID_LEN + 1];
    int32_t node_id;

    /* The controller thread's own. */
    struct cluster_state state;
    struct command_log log;

    pthread_t thread;
    bool thread_started;
    struct lock lock; /* guards what follows */
    struct cond changed;
    struct controller_op *first;
    struct controller_op **last;
    size_t queued;
    bool closing;
    struct controller_view *view;
    int64_t producer_id_next; /* the block at hand: [next, end) */
    int64_t producer_id_end;
    controller_topic_deleted_fn topic_deleted;
    void *topic_deleted_ctx;
};

/* Carries out the operation: results are in its items afterwards. Controller thread. */
void controller_ops_run(struct controller *c, struct controller_op *op);
/* Makes the state visible to readers. On failure the old view stays, which the next change mends.
 */
ERR_MUST_CHECK enum err_code controller_ops_publish(struct controller *c, struct err *e);
/* Writes one frame with these commands and applies them. */
ERR_MUST_CHECK enum err_code controller_ops_commit(struct controller *c,
                                                   const struct cluster_command *commands,
                                                   size_t count, struct err *e);
