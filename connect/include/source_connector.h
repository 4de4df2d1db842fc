/*
 * The interface of a source connector. The worker calls
 *
 *   validate                          any thread, no connector needed, looks at the config only
 *   start -> monitor* / task_configs* -> stop       the connector's own thread
 *   task_create -> (task_poll / task_commit)* -> task_destroy     the task's own thread
 *
 * so the functions of one connector, and those of one task, never run at the same time, and may
 * block, as long as they come back soon after source_context_stopping() has become true: wait with
 * source_context_wait, never sleep. The connector object exists once, its tasks may outlive it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/logger.h"
#include "connect/include/connect_config.h"
#include "connect/include/connect_error.h"
#include "connect/include/connect_plugin.h"
#include "connect/include/connect_record.h"

/* What the worker gives to a connector or task. Lives until stop or task_destroy has returned.
 * Tests make their own. */
struct source_context {
    const char *connector_name;
    int task_id; /* -1 for the connector itself */
    struct logger *logger;
    const struct clock *clock;
    const struct source_context_ops *ops;
};

struct source_context_ops {
    bool (*stopping)(struct source_context *ctx);
    bool (*wait)(struct source_context *ctx, int64_t timeout_ms);
    enum err_code (*offset)(struct source_context *ctx, const char *partition, struct arena *a,
                            struct connect_value *out_offset, struct err *e);
    void (*request_task_reconfiguration)(struct source_context *ctx);
};

/* True once the worker wants the connector or task to end. Any thread. */
static inline bool source_context_stopping(struct source_context *ctx)
{
    return ctx->ops->stopping(ctx);
}

/* Waits; returns true at once when the worker wants an end, false when the time is over. */
static inline bool source_context_wait(struct source_context *ctx, int64_t timeout_ms)
{
    return ctx->ops->wait(ctx, timeout_ms);
}

/* The last committed offset of a partition (text as in connect_record.source_partition): a MAP, or
 * null when there is none. Member order of the partition does not matter here. */
static inline enum err_code source_context_offset(struct source_context *ctx, const char *partition,
                                                  struct arena *a, struct connect_value *out_offset,
                                                  struct err *e)
{
    return ctx->ops->offset(ctx, partition, a, out_offset, e);
}

/* Connectors: have task_configs called again soon. Any thread. Tasks may not. */
static inline void source_context_request_task_reconfiguration(struct source_context *ctx)
{
    ctx->ops->request_task_reconfiguration(ctx);
}

/* One finding of validate. */
struct source_finding {
    char *key;
    char *text;
};

/* Errors that validation of a whole config adds to those of the key table, and values that it
 * recommends. */
struct source_findings {
    struct source_finding *errors;
    size_t error_count;
    struct source_finding *recommendations; /* text: one recommended value */
    size_t recommendation_count;
};

void source_findings_init(struct source_findings *f);
void source_findings_deinit(struct source_findings *f);
/* Both copy. */
enum err_code source_findings_add_error(struct source_findings *f, const char *key,
                                        const char *text, struct err *e);
enum err_code source_findings_add_recommendation(struct source_findings *f, const char *key,
                                                 const char *value, struct err *e);

struct source_connector_ops {
    const char *task_class; /* "io.confluent.connect.jdbc.source.JdbcSourceTask" */

    /* Optional. Checks that need more than one key; add findings. The config may have failed the
     * checks of the key table. Must not wait for anything outside: it runs where the HTTP request
     * came in, and whether a database answers is for start to find out, again and again. */
    enum err_code (*validate)(const struct connect_config *config, struct source_findings *findings,
                              struct err *e);

    /* config is borrowed until stop. A retriable error is no different from another here: the
     * connector becomes FAILED; make further attempts inside, with source_context_wait. */
    enum err_code (*start)(const struct connect_config *config, struct source_context *ctx,
                           void **out_connector, struct err *e);
    /* One config for each task, at most max_tasks; 0 is legal. The worker adds task.class. */
    enum err_code (*task_configs)(void *connector, int max_tasks,
                                  struct connect_config_set *out_set, struct err *e);
    /* Optional. Watches the outside world for up to timeout_ms, returning earlier on news or stop;
     * *out_changed = true has task_configs called again. */
    enum err_code (*monitor)(void *connector, int64_t timeout_ms, bool *out_changed, struct err *e);
    void (*stop)(void *connector);

    /* config is borrowed until task_destroy. */
    enum err_code (*task_create)(const struct connect_config *config, struct source_context *ctx,
                                 void **out_task, struct err *e);
    /* Adds records to the (empty) batch; waits up to timeout_ms when there are none yet, and may
     * come back with none. On a retriable error the worker logs it, forgets the batch and calls
     * again after a while; on any other the task becomes FAILED. */
    enum err_code (*task_poll)(void *task, struct connect_batch *batch, int64_t timeout_ms,
                               struct err *e);
    /* Optional. Offsets have been committed; for sources that acknowledge upstream. */
    enum err_code (*task_commit)(void *task, struct err *e);
    void (*task_destroy)(void *task);
};
