#include "connect/runtime/connector_runner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/lock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "connect/include/source_connector.h"
#include "connect/runtime/config_resolver.h"
#include "connect/store/offset_store.h"
#include "connect/store/status_store.h"

#define MONITOR_MS 1000

struct connector_runner {
    struct source_context context; /* first: it leads back here */
    const struct worker_context *worker;
    const struct connect_plugin *plugin;
    const struct connector_state *connector;
    struct logger *lg; /* names the connector in every line, those of the plug-in too */
    pthread_t thread;
    bool thread_started;
    void *object;                      /* the runner's thread only */
    struct config_resolution resolved; /* that, too: the config as the plug-in gets it */

    struct lock lock;
    struct cond changed;
    atomic_bool stop;
    atomic_bool ended;
    bool reconfigure; /* asked for by the connector */
    bool has_tasks;
    struct connect_config_set tasks;
};

static struct connector_runner *runner_of(struct source_context *ctx)
{
    return (struct connector_runner *)ctx;
}

static bool context_stopping(struct source_context *ctx)
{
    return atomic_load(&runner_of(ctx)->stop);
}

static bool context_wait(struct source_context *ctx, int64_t timeout_ms)
{
    struct connector_runner *r = runner_of(ctx);
    int64_t deadline = clock_mono_ns(clock_system()) + timeout_ms * 1000000;
    lock_acquire(&r->lock);
    while (!atomic_load(&r->stop) && cond_wait_until(&r->changed, &r->lock, deadline)) {
    }
    lock_release(&r->lock);
    return atomic_load(&r->stop);
}

static enum err_code context_offset(struct source_context *ctx, const char *partition,
                                    struct arena *a, struct connect_value *out_offset,
                                    struct err *e)
{
    const struct connector_runner *r = runner_of(ctx);
    return offset_store_get(r->worker->offsets, r->connector->name, partition, a, out_offset, e);
}

static void context_reconfigure(struct source_context *ctx)
{
    struct connector_runner *r = runner_of(ctx);
    lock_acquire(&r->lock);
    r->reconfigure = true;
    cond_broadcast(&r->changed);
    lock_release(&r->lock);
}

static const struct source_context_ops context_ops = {context_stopping, context_wait,
                                                      context_offset, context_reconfigure};

static int64_t config_number(const struct connect_config *config, const char *key, int64_t fallback)
{
    const char *text = connect_config_get(config, key);
    return text != NULL ? strtoll(text, NULL, 10) : fallback;
}

static enum err_code check_count(const struct connector_runner *r, size_t count, int64_t max,
                                 struct err *e)
{
    const char *enforce = connect_config_get(&r->resolved.config, "tasks.max.enforce");
    if ((int64_t)count <= max || (enforce != NULL && strcmp(enforce, "false") == 0)) {
        return ERR_OK;
    }
    return connect_error_set(
        e, ERR_LIMIT, "org.apache.kafka.connect.errors.TooManyTasksException",
        "The connector %s has generated %zu tasks, which is greater than %lld, the maximum number "
        "of tasks it is configured to create.",
        r->connector->name, count, (long long)max);
}

static enum err_code make_tasks(struct connector_runner *r, struct err *e)
{
    int64_t max = config_number(&r->resolved.config, "tasks.max", 1);
    struct connect_config_set set;
    connect_config_set_init(&set);
    enum err_code code = r->plugin->source->task_configs(r->object, (int)max, &set, e);
    if (code == ERR_OK) {
        code = check_count(r, set.count, max, e);
    }
    for (size_t i = 0; code == ERR_OK && i < set.count; i++) {
        code =
            config_resolver_restore(r->worker->resolver, &r->connector->config, &set.configs[i], e);
        if (code == ERR_OK) {
            code =
                connect_config_set(&set.configs[i], "task.class", r->plugin->source->task_class, e);
        }
    }
    if (code != ERR_OK) {
        connect_config_set_deinit(&set);
        return code;
    }
    lock_acquire(&r->lock);
    connect_config_set_deinit(&r->tasks);
    r->tasks = set;
    r->has_tasks = true;
    lock_release(&r->lock);
    r->worker->wake_herder(r->worker->ctx);
    return ERR_OK;
}

/* Waits for news from the connector or for the end; true when the task configs must be made again.
 */
static enum err_code watch(struct connector_runner *r, bool *out_again, struct err *e)
{
    bool changed = false;
    enum err_code code = ERR_OK;
    if (r->plugin->source->monitor != NULL) {
        code = r->plugin->source->monitor(r->object, MONITOR_MS, &changed, e);
    } else {
        lock_acquire(&r->lock);
        while (!atomic_load(&r->stop) && !r->reconfigure) {
            cond_wait(&r->changed, &r->lock);
        }
        lock_release(&r->lock);
    }
    lock_acquire(&r->lock);
    *out_again = changed || r->reconfigure;
    r->reconfigure = false;
    lock_release(&r->lock);
    return code;
}

static enum err_code run(struct connector_runner *r, struct err *e)
{
    enum err_code code =
        config_resolver_resolve(r->worker->resolver, &r->connector->config, &r->resolved, e);
    if (code == ERR_OK) {
        code = r->plugin->source->start(&r->resolved.config, &r->context, &r->object, e);
    }
    if (code == ERR_OK) {
        status_store_set(r->worker->statuses, r->connector->name, STATUS_STORE_CONNECTOR,
                         STATUS_STORE_RUNNING, NULL);
        logger_info(r->context.logger, "connector.started", "connector=%s", r->connector->name);
        code = make_tasks(r, e);
    }
    while (code == ERR_OK && !atomic_load(&r->stop)) {
        bool again = false;
        code = watch(r, &again, e);
        if (code == ERR_OK && again && !atomic_load(&r->stop)) {
            code = make_tasks(r, e);
        }
    }
    return code;
}

static void *runner_main(void *arg)
{
    struct connector_runner *r = arg;
    struct err e = {.code = ERR_OK};
    enum err_code code = run(r, &e);
    if (code != ERR_OK && !atomic_load(&r->stop)) {
        (void)connect_error_name(&e);
        config_resolution_mask(&r->resolved, e.text, sizeof e.text);
        logger_error(r->context.logger, "connector.failed", "connector=%s error=\"%s\"",
                     r->connector->name, e.text);
        status_store_set(r->worker->statuses, r->connector->name, STATUS_STORE_CONNECTOR,
                         STATUS_STORE_FAILED, e.text);
    }
    if (r->object != NULL) {
        r->plugin->source->stop(r->object);
    }
    config_resolution_deinit(&r->resolved);
    /* A failed connector stays, so that nobody starts it again before it is told to. */
    lock_acquire(&r->lock);
    while (!atomic_load(&r->stop)) {
        cond_wait(&r->changed, &r->lock);
    }
    lock_release(&r->lock);
    atomic_store(&r->ended, true);
    r->worker->wake_herder(r->worker->ctx);
    return NULL;
}

enum err_code connector_runner_start(const struct worker_context *worker,
                                     const struct connect_plugin *plugin,
                                     const struct connector_state *connector,
                                     struct connector_runner **out_runner, struct err *e)
{
    struct connector_runner *r = mem_calloc(1, sizeof *r);
    if (r == NULL) {
        return err_nomem(e, "start connector");
    }
    r->worker = worker;
    r->plugin = plugin;
    r->connector = connector_state_ref(connector);
    char component[300];
    (void)snprintf(component, sizeof component, "connect/%s", r->connector->name);
    r->lg = logger_child(worker->lg, component);
    r->context = (struct source_context){
        .connector_name = r->connector->name,
        .task_id = -1,
        .logger = r->lg,
        .clock = worker->clock,
        .ops = &context_ops,
    };
    lock_init(&r->lock);
    cond_init(&r->changed);
    int failed = pthread_create(&r->thread, NULL, runner_main, r);
    if (failed != 0) {
        connector_runner_destroy(r);
        return err_errno(e, failed, "start connector");
    }
    r->thread_started = true;
    *out_runner = r;
    return ERR_OK;
}

void connector_runner_stop(struct connector_runner *r)
{
    lock_acquire(&r->lock);
    atomic_store(&r->stop, true);
    cond_broadcast(&r->changed);
    lock_release(&r->lock);
}

bool connector_runner_ended(const struct connector_runner *r)
{
    return atomic_load(&r->ended);
}

bool connector_runner_stopping(const struct connector_runner *r)
{
    return atomic_load(&r->stop);
}

const struct connector_state *connector_runner_connector(const struct connector_runner *r)
{
    return r->connector;
}

bool connector_runner_take_tasks(struct connector_runner *r, struct connect_config_set *out_set)
{
    lock_acquire(&r->lock);
    bool found = r->has_tasks;
    if (found) {
        *out_set = r->tasks;
        connect_config_set_init(&r->tasks);
        r->has_tasks = false;
    }
    lock_release(&r->lock);
    return found;
}

void connector_runner_destroy(struct connector_runner *r)
{
    if (r == NULL) {
        return;
    }
    if (r->thread_started) {
        connector_runner_stop(r);
        (void)pthread_join(r->thread, NULL);
    }
    connect_config_set_deinit(&r->tasks);
    logger_destroy(r->lg);
    connector_state_unref(r->connector);
    cond_deinit(&r->changed);
    lock_deinit(&r->lock);
    mem_free(r);
}
