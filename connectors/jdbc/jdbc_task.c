#include "connectors/jdbc/jdbc_task.h"

#include <inttypes.h>

#include "common/check.h"
#include "common/mem.h"
#include "connectors/jdbc/jdbc_link.h"
#include "connectors/jdbc/jdbc_querier.h"
#include "connectors/jdbc/jdbc_tables.h"

struct jdbc_task {
    struct source_context *ctx;
    struct jdbc_settings settings;
    struct jdbc_table_list tables;
    struct jdbc_querier **queriers;
    size_t querier_count;
    struct jdbc_link link;
    int64_t query_failures; /* consecutive */
};

static enum err_code jdbc_task_add_querier(struct jdbc_task *t, const struct jdbc_table *table,
                                           struct err *e)
{
    enum err_code rc =
        jdbc_querier_create(&t->settings, t->ctx, table, &t->queriers[t->querier_count], e);
    t->querier_count += rc == ERR_OK ? 1 : 0;
    return rc;
}

static enum err_code jdbc_task_setup(struct jdbc_task *t, const struct connect_config *config,
                                     struct err *e)
{
    enum err_code rc = jdbc_link_init(&t->link, &t->settings, t->ctx, e);
    if (rc != ERR_OK) {
        return rc;
    }
    const char *tables = connect_config_get(config, "tables");
    bool by_query = t->settings.query[0] != '\0';
    if (!by_query) {
        rc = jdbc_tables_read(tables != NULL ? tables : "", &t->tables, e);
    }
    if (rc == ERR_OK && !by_query && t->tables.count == 0) {
        return connect_error_set(
            e, ERR_INVALID, CONNECT_EXCEPTION,
            "Task is being killed because it was not assigned a table nor a query to execute. If "
            "run in table mode please make sure that the tables exist on the database. If the "
            "table does exist on the database, we recommend using the fully qualified table name.");
    }
    t->queriers = mem_calloc(t->tables.count + 1, sizeof *t->queriers);
    if (rc == ERR_OK && t->queriers == NULL) {
        rc = err_nomem(e, "task");
    }
    if (rc == ERR_OK && by_query) {
        return jdbc_task_add_querier(t, NULL, e);
    }
    for (size_t i = 0; i < t->tables.count && rc == ERR_OK; i++) {
        rc = jdbc_task_add_querier(t, &t->tables.items[i], e);
    }
    return rc;
}

enum err_code jdbc_task_create(const struct connect_config *config, struct source_context *ctx,
                               void **out_task, struct err *e)
{
    struct jdbc_task *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "task");
    }
    t->ctx = ctx;
    enum err_code rc = jdbc_settings_read(config, &t->settings, e);
    rc = rc == ERR_OK ? jdbc_task_setup(t, config, e) : rc;
    if (rc != ERR_OK) {
        jdbc_task_destroy(t);
        return rc;
    }
    *out_task = t;
    return ERR_OK;
}

static void jdbc_task_disconnect(struct jdbc_task *t)
{
    for (size_t i = 0; i < t->querier_count; i++) {
        jdbc_querier_detach(t->queriers[i]);
    }
    jdbc_link_drop(&t->link);
}

void jdbc_task_destroy(void *task)
{
    struct jdbc_task *t = task;
    jdbc_task_disconnect(t);
    for (size_t i = 0; i < t->querier_count; i++) {
        jdbc_querier_destroy(t->queriers[i]);
    }
    mem_free(t->queriers);
    jdbc_dialect_free_tables(&t->tables);
    jdbc_settings_deinit(&t->settings);
    mem_free(t);
}

/* A statement that is under way comes first: it must end before another may run. */
static struct jdbc_querier *jdbc_task_choose(const struct jdbc_task *t)
{
    struct jdbc_querier *best = t->queriers[0];
    for (size_t i = 1; i < t->querier_count; i++) {
        if (jdbc_querier_due_ms(t->queriers[i]) < jdbc_querier_due_ms(best)) {
            best = t->queriers[i];
        }
    }
    return best;
}

/* What a failed query means for the task: OK = go on later. */
static enum err_code jdbc_task_judge_failure(struct jdbc_task *t, struct jdbc_querier *q,
                                             enum err_code rc, struct err *e)
{
    if (rc == ERR_CANCELLED) {
        return ERR_OK;
    }
    bool lost = rc == ERR_UNAVAILABLE;
    /* A table that is gone may be created again: migrations do that. */
    bool gone = rc == ERR_NOT_FOUND && t->settings.query[0] == '\0';
    bool passing = lost || gone || rc == ERR_CONFLICT || rc == ERR_TIMEOUT;
    int64_t allowed = t->settings.query_retry_attempts;
    t->query_failures++;
    if (!passing || (allowed >= 0 && t->query_failures > allowed)) {
        return connect_error_name(e);
    }
    logger_warn(t->ctx->logger, "jdbc.query_failed", "table=%s failures=%" PRId64 " error=\"%s\"",
                jdbc_querier_name(q), t->query_failures, e->text);
    jdbc_querier_reset(q);
    if (lost) {
        jdbc_task_disconnect(t);
    }
    return ERR_OK;
}

enum err_code jdbc_task_poll(void *task, struct connect_batch *batch, int64_t timeout_ms,
                             struct err *e)
{
    struct jdbc_task *t = task;
    struct err local;
    e = e != NULL ? e : &local;
    int64_t deadline_ms = clock_mono_ms(clock_system()) + timeout_ms;
    while (batch->count == 0 && !source_context_stopping(t->ctx)) {
        int64_t now_ms = clock_mono_ms(clock_system());
        int64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
        bool ready = false;
        enum err_code rc = jdbc_link_get(&t->link, left_ms, &ready, e);
        if (rc != ERR_OK) {
            return rc;
        }
        if (!ready) {
            return ERR_OK;
        }
        struct jdbc_querier *q = jdbc_task_choose(t);
        int64_t wait_ms = jdbc_querier_due_ms(q) - clock_mono_ms(clock_system());
        if (wait_ms > 0) {
            bool stop = source_context_wait(t->ctx, wait_ms < left_ms ? wait_ms : left_ms);
            if (stop || wait_ms > left_ms) {
                return ERR_OK;
            }
        }
        rc = jdbc_querier_read(q, t->link.session, batch, e);
        if (rc != ERR_OK) {
            rc = jdbc_task_judge_failure(t, q, rc, e);
            return rc;
        }
        t->query_failures = 0;
        if (clock_mono_ms(clock_system()) >= deadline_ms) {
            break;
        }
    }
    return ERR_OK;
}
