#include "connect/runtime/herder.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "common/check.h"
#include "common/lock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "connect/runtime/connector_runner.h"
#include "connect/runtime/source_task.h"
#include "connect/store/config_store.h"
#include "connect/store/offset_store.h"
#include "connect/store/status_store.h"
#include "connect/store/text_map.h"

#define JOBS_MAX ((size_t)256)
#define RESTARTS_MAX ((size_t)256)
#define LIVE_MAX ((size_t)10000)
#define RETRY_NS INT64_C(1000000000)

/* What runs for one connector. Herder thread only. */
struct live {
    char *name;
    struct connector_runner *runner;
    bool restart_runner; /* start it again when it has ended, whatever its config */
    struct source_task **tasks;
    bool *restart_tasks;
    size_t task_count;          /* slots; a slot may be empty */
    int64_t configured_version; /* of the connector config that the task configs were made from */
    struct connect_config_set unwritten; /* task configs that could not be written yet */
    bool has_unwritten;
    int64_t unwritten_version;
    enum connector_state_target said; /* PAUSED or STOPPED is in the status store; else STARTED */
};

struct restart {
    char *connector;
    bool include_tasks;
    bool only_failed;
};

struct herder {
    const struct worker_context *worker;
    pthread_t thread;
    bool started;
    struct lock lock;
    struct cond changed;
    /* Under the lock. */
    struct herder_job *first;
    struct herder_job *last;
    size_t job_count;
    bool dirty;
    bool stop;
    struct restart restarts[RESTARTS_MAX];
    size_t restart_count;
    atomic_bool ready;
    /* Herder thread. */
    struct text_map lives;
    bool retry; /* something could not be done: try again in a while */
};

enum err_code herder_create(struct herder **out_herder, struct err *e)
{
    struct herder *h = mem_calloc(1, sizeof *h);
    if (h == NULL) {
        return err_nomem(e, "create herder");
    }
    lock_init(&h->lock);
    cond_init(&h->changed);
    text_map_init(&h->lives, LIVE_MAX);
    h->dirty = true;
    *out_herder = h;
    return ERR_OK;
}

void herder_wake(struct herder *h)
{
    lock_acquire(&h->lock);
    h->dirty = true;
    cond_signal(&h->changed);
    lock_release(&h->lock);
}

enum err_code herder_submit(struct herder *h, struct herder_job *take_job, struct err *e)
{
    enum err_code code = ERR_OK;
    lock_acquire(&h->lock);
    if (h->stop) {
        code = err_set(e, ERR_CLOSED, "The worker is shutting down");
    } else if (h->job_count == JOBS_MAX) {
        code = err_set(e, ERR_LIMIT, "%zu requests are waiting already", JOBS_MAX);
    } else {
        take_job->next = NULL;
        if (h->last != NULL) {
            h->last->next = take_job;
        } else {
            h->first = take_job;
        }
        h->last = take_job;
        h->job_count++;
        cond_signal(&h->changed);
    }
    lock_release(&h->lock);
    return code;
}

bool herder_ready(struct herder *h)
{
    return atomic_load(&h->ready);
}

void herder_restart(struct herder *h, const char *connector, bool include_tasks, bool only_failed)
{
    char *name = mem_strdup(connector);
    lock_acquire(&h->lock);
    if (name != NULL && h->restart_count < RESTARTS_MAX) {
        h->restarts[h->restart_count++] = (struct restart){name, include_tasks, only_failed};
        name = NULL;
        h->dirty = true;
        cond_signal(&h->changed);
    }
    lock_release(&h->lock);
    mem_free(name);
}

/* Every worker asks this for every connector and task. One worker owns all. */
static bool herder_owns(const struct herder *h, const char *connector)
{
    (void)h;
    (void)connector;
    return true;
}

static struct live *live_of(struct herder *h, const char *name)
{
    struct live *live = text_map_get(&h->lives, name);
    if (live != NULL) {
        return live;
    }
    live = mem_calloc(1, sizeof *live);
    if (live != NULL) {
        live->name = mem_strdup(name);
    }
    if (live == NULL || live->name == NULL || text_map_put(&h->lives, name, live, NULL) != ERR_OK) {
        if (live != NULL) {
            mem_free(live->name);
        }
        mem_free(live);
        return NULL;
    }
    return live;
}

static void live_free(struct live *live)
{
    connector_runner_destroy(live->runner);
    for (size_t i = 0; i < live->task_count; i++) {
        source_task_destroy(live->tasks[i]);
    }
    connect_config_set_deinit(&live->unwritten);
    mem_free(live->tasks);
    mem_free(live->restart_tasks);
    mem_free(live->name);
    mem_free(live);
}

static bool live_empty(const struct live *live)
{
    bool empty = live->runner == NULL;
    for (size_t i = 0; i < live->task_count; i++) {
        empty = empty && live->tasks[i] == NULL;
    }
    return empty;
}

static bool grow_tasks(struct live *live, size_t count)
{
    if (count <= live->task_count) {
        return true;
    }
    struct source_task **tasks = mem_realloc(live->tasks, count * sizeof(struct source_task *));
    if (tasks == NULL) {
        return false;
    }
    live->tasks = tasks;
    bool *restarts = mem_realloc(live->restart_tasks, count * sizeof *restarts);
    if (restarts == NULL) {
        return false;
    }
    live->restart_tasks = restarts;
    for (; live->task_count < count; live->task_count++) {
        tasks[live->task_count] = NULL;
        restarts[live->task_count] = false;
    }
    return true;
}

static const struct connect_plugin *plugin_of(const struct herder *h,
                                              const struct connector_state *state)
{
    const char *class_name = connect_config_get(&state->config, "connector.class");
    return class_name != NULL
               ? plugin_list_find(h->worker->plugins, CONNECT_PLUGIN_SOURCE, class_name)
               : NULL;
}

static void say(struct herder *h, const char *name, int task, enum status_store_state state,
                const char *trace)
{
    status_store_set(h->worker->statuses, name, task, state, trace);
}

/* A stored connector whose class this worker does not have: it is shown as failed, not forgotten.
 */
static void say_no_plugin(struct herder *h, const struct connector_state *state)
{
    struct err e;
    const char *class_name = connect_config_get(&state->config, "connector.class");
    (void)err_set(&e, ERR_NOT_FOUND,
                  "org.apache.kafka.connect.errors.ConnectException: Failed to find any class that "
                  "implements Connector and which name matches %s",
                  class_name != NULL ? class_name : "null");
    say(h, state->name, STATUS_STORE_CONNECTOR, STATUS_STORE_FAILED, e.text);
}

static void reconcile_runner(struct herder *h, struct live *live,
                             const struct connector_state *state)
{
    bool wanted = state != NULL && state->target == CONNECTOR_STATE_STARTED;
    if (live->runner != NULL && connector_runner_ended(live->runner)) {
        connector_runner_destroy(live->runner);
        live->runner = NULL;
        live->restart_runner = false;
    }
    if (live->runner != NULL) {
        bool same = wanted && connector_runner_connector(live->runner)->config_version ==
                                  state->config_version;
        if ((!same || live->restart_runner) && !connector_runner_stopping(live->runner)) {
            connector_runner_stop(live->runner);
        }
        return;
    }
    if (wanted) {
        const struct connect_plugin *plugin = plugin_of(h, state);
        struct err e;
        live->said = CONNECTOR_STATE_STARTED;
        if (plugin == NULL) {
            if (live->configured_version != state->config_version) {
                live->configured_version = state->config_version;
                say_no_plugin(h, state);
            }
        } else if (connector_runner_start(h->worker, plugin, state, &live->runner, &e) != ERR_OK) {
            logger_error(h->worker->lg, "connector.start_failed", "connector=%s error=\"%s\"",
                         state->name, e.text);
            h->retry = true;
        }
        return;
    }
    if (state != NULL && live->said != state->target) {
        say(h, state->name, STATUS_STORE_CONNECTOR,
            state->target == CONNECTOR_STATE_PAUSED ? STATUS_STORE_PAUSED : STATUS_STORE_STOPPED,
            NULL);
        live->said = state->target;
    }
}

static bool same_tasks(const struct connector_state *state, const struct connect_config_set *set)
{
    if (!state->consistent || state->tasks_version == 0 || state->tasks.count != set->count) {
        return false;
    }
    for (size_t i = 0; i < set->count; i++) {
        if (!connect_config_equal(&state->tasks.configs[i], &set->configs[i])) {
            return false;
        }
    }
    return true;
}

/* Writes what a connector returned from task_configs, if that is news. */
static void write_tasks(struct herder *h, struct live *live, const struct connector_state *state)
{
    struct err e;
    struct connect_config_set set;
    if (live->runner != NULL && connector_runner_take_tasks(live->runner, &set)) {
        connect_config_set_deinit(&live->unwritten);
        live->unwritten = set;
        live->has_unwritten = true;
        live->unwritten_version = connector_runner_connector(live->runner)->config_version;
    }
    if (!live->has_unwritten) {
        return;
    }
    if (state != NULL && state->config_version == live->unwritten_version) {
        if (!same_tasks(state, &live->unwritten) &&
            config_store_put_tasks(h->worker->configs, live->name, &live->unwritten, &e) !=
                ERR_OK) {
            logger_warn(h->worker->lg, "tasks.write_failed",
                        "connector=%s error=\"%s\" (tried again)", live->name, e.text);
            h->retry = true;
            return;
        }
        live->configured_version = live->unwritten_version;
    }
    live->has_unwritten = false;
    connect_config_set_deinit(&live->unwritten);
}

/* A task keeps running on its old configs until the connector has made new ones from the new
 * config, so that a change restarts it once. */
static bool task_outdated(const struct live *live, const struct source_task *task,
                          const struct connector_state *state, size_t id)
{
    const struct connector_state *on = source_task_connector(task);
    if (id >= state->tasks.count) {
        return true;
    }
    if (on->tasks_version != state->tasks_version &&
        !connect_config_equal(&on->tasks.configs[id], &state->tasks.configs[id])) {
        return true;
    }
    return on->config_version != state->config_version &&
           live->configured_version == state->config_version;
}

static void start_task(struct herder *h, struct live *live, const struct connector_state *state,
                       size_t id)
{
    struct err e;
    const struct source_task_config config = {
        .worker = h->worker,
        .plugin = plugin_of(h, state),
        .connector = state,
        .id = (int)id,
        .paused = state->target == CONNECTOR_STATE_PAUSED,
    };
    if (config.plugin == NULL) {
        return;
    }
    if (source_task_start(&config, &live->tasks[id], &e) != ERR_OK) {
        logger_error(h->worker->lg, "task.start_failed", "connector=%s task=%zu error=\"%s\"",
                     live->name, id, e.text);
        h->retry = true;
    }
}

static bool task_wanted(const struct connector_state *state, size_t id)
{
    return state != NULL && state->target != CONNECTOR_STATE_STOPPED && state->consistent &&
           id < state->tasks.count;
}

/* Ends a task that is not to go on as it is. True while it is still about it. */
static bool retire_task(struct herder *h, struct live *live, const struct connector_state *state,
                        size_t id)
{
    bool wanted = task_wanted(state, id);
    struct source_task *task = live->tasks[id];
    if (task == NULL ||
        (wanted && !live->restart_tasks[id] && !task_outdated(live, task, state, id))) {
        return false;
    }
    if (!source_task_stopping(task)) {
        source_task_stop(task);
    }
    if (!source_task_ended(task)) {
        return true;
    }
    source_task_destroy(task);
    live->tasks[id] = NULL;
    live->restart_tasks[id] = false;
    if (!wanted) {
        status_store_remove(h->worker->statuses, live->name, (int)id);
    }
    return false;
}

/* No task starts before all that have to end have ended: what one did may now be another's, who
 * must find the offsets that it leaves. */
static void reconcile_tasks(struct herder *h, struct live *live,
                            const struct connector_state *state)
{
    bool ending = false;
    for (size_t i = 0; i < live->task_count; i++) {
        ending = retire_task(h, live, state, i) || ending;
    }
    for (size_t i = 0; i < live->task_count; i++) {
        if (!task_wanted(state, i)) {
            continue;
        }
        if (live->tasks[i] != NULL) {
            source_task_set_paused(live->tasks[i], state->target == CONNECTOR_STATE_PAUSED);
        } else if (!ending) {
            start_task(h, live, state, i);
        }
    }
}

static void reconcile_one(struct herder *h, const char *name, const struct connector_state *state)
{
    struct live *live = live_of(h, name);
    if (live == NULL) {
        h->retry = true;
        return;
    }
    reconcile_runner(h, live, state);
    write_tasks(h, live, state);
    /* What was just written has been read back: go on with it. */
    const struct connector_state *now = config_store_get(h->worker->configs, name);
    size_t wanted = now != NULL ? now->tasks.count : 0;
    if (!grow_tasks(live, wanted)) {
        h->retry = true;
    }
    reconcile_tasks(h, live, now);
    if (now == NULL && live_empty(live)) {
        status_store_remove_all(h->worker->statuses, name);
        (void)text_map_remove(&h->lives, name);
        live_free(live);
    }
    connector_state_unref(now);
}

static void apply_restart(struct herder *h, const struct restart *r)
{
    struct live *live = text_map_get(&h->lives, r->connector);
    if (live == NULL) {
        return;
    }
    struct status_store_entry status = {0};
    (void)status_store_get(h->worker->statuses, r->connector, STATUS_STORE_CONNECTOR, &status);
    if (live->runner != NULL && (!r->only_failed || status.state == STATUS_STORE_FAILED)) {
        live->restart_runner = true;
    }
    status_store_entry_deinit(&status);
    for (size_t i = 0; r->include_tasks && i < live->task_count; i++) {
        if (live->tasks[i] != NULL && (!r->only_failed || source_task_failed(live->tasks[i]))) {
            live->restart_tasks[i] = true;
        }
    }
}

void herder_mark_restarts(struct herder *h)
{
    lock_acquire(&h->lock);
    while (h->restart_count > 0) {
        struct restart r = h->restarts[--h->restart_count];
        lock_release(&h->lock);
        apply_restart(h, &r);
        mem_free(r.connector);
        lock_acquire(&h->lock);
    }
    lock_release(&h->lock);
}

void herder_reconcile(struct herder *h)
{
    struct connector_state_list list = {0};
    struct err e;
    if (!herder_ready(h)) {
        return;
    }
    herder_mark_restarts(h);
    h->retry = false;
    if (config_store_list(h->worker->configs, &list, &e) != ERR_OK) {
        h->retry = true;
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        if (herder_owns(h, list.items[i]->name)) {
            reconcile_one(h, list.items[i]->name, list.items[i]);
        }
    }
    connector_state_list_deinit(&list);
    /* What runs and is not configured any more. Backwards: entries may go. */
    for (size_t i = h->lives.count; i > 0; i--) {
        const struct live *live = h->lives.entries[i - 1].value;
        const struct connector_state *state = config_store_get(h->worker->configs, live->name);
        if (state == NULL) {
            reconcile_one(h, live->name, NULL);
        }
        connector_state_unref(state);
    }
}

bool herder_restart_task(struct herder *h, const char *connector, int task)
{
    struct live *live = text_map_get(&h->lives, connector);
    if (live == NULL || task < 0 || (size_t)task >= live->task_count) {
        return false;
    }
    if (live->tasks[task] != NULL) {
        live->restart_tasks[task] = true;
    }
    herder_wake(h);
    return true;
}

bool herder_is_idle(struct herder *h, const char *connector)
{
    const struct live *live = text_map_get(&h->lives, connector);
    return live == NULL || live_empty(live);
}

static bool is_live(struct compacted_topic *topic)
{
    return compacted_topic_state(topic) == COMPACTED_TOPIC_LIVE;
}

static void check_ready(struct herder *h)
{
    if (!herder_ready(h) && is_live(config_store_topic(h->worker->configs)) &&
        is_live(offset_store_topic(h->worker->offsets)) &&
        is_live(status_store_topic(h->worker->statuses))) {
        atomic_store(&h->ready, true);
        logger_info(h->worker->lg, "worker.ready", "worker_id=%s", h->worker->worker_id);
    }
}

/* The next job, when its turn has come; NULL after a change or a pause. */
static struct herder_job *next_job(struct herder *h, bool *out_stop)
{
    struct herder_job *job = NULL;
    lock_acquire(&h->lock);
    int64_t deadline = clock_mono_ns(clock_system()) + RETRY_NS;
    bool in_time = true;
    while (!h->stop && !h->dirty && in_time && (h->first == NULL || !herder_ready(h))) {
        if (h->retry) {
            in_time = cond_wait_until(&h->changed, &h->lock, deadline);
        } else {
            cond_wait(&h->changed, &h->lock);
        }
    }
    if (!h->dirty && in_time && h->first != NULL && herder_ready(h)) {
        job = h->first;
        h->first = job->next;
        h->last = h->first != NULL ? h->last : NULL;
        h->job_count--;
    }
    h->dirty = false;
    *out_stop = h->stop;
    lock_release(&h->lock);
    return job;
}

/* All at once, then one after the other is waited for. */
static void stop_everything(struct herder *h)
{
    for (size_t i = 0; i < h->lives.count; i++) {
        struct live *live = h->lives.entries[i].value;
        if (live->runner != NULL) {
            connector_runner_stop(live->runner);
        }
        for (size_t k = 0; k < live->task_count; k++) {
            if (live->tasks[k] != NULL) {
                source_task_stop(live->tasks[k]);
            }
        }
    }
    for (size_t i = 0; i < h->lives.count; i++) {
        struct live *live = h->lives.entries[i].value;
        if (live->runner != NULL) {
            say(h, live->name, STATUS_STORE_CONNECTOR, STATUS_STORE_UNASSIGNED, NULL);
        }
        live_free(live);
    }
    text_map_deinit(&h->lives);
}

static void *herder_main(void *arg)
{
    struct herder *h = arg;
    bool stop = false;
    while (!stop) {
        check_ready(h);
        herder_reconcile(h);
        struct herder_job *job = next_job(h, &stop);
        if (job != NULL) {
            job->run(job, h);
        }
    }
    stop_everything(h);
    return NULL;
}

enum err_code herder_start(struct herder *h, const struct worker_context *worker, struct err *e)
{
    h->worker = worker;
    int failed = pthread_create(&h->thread, NULL, herder_main, h);
    if (failed != 0) {
        return err_errno(e, failed, "start herder");
    }
    h->started = true;
    return ERR_OK;
}

void herder_stop(struct herder *h)
{
    if (h == NULL || !h->started) {
        return;
    }
    lock_acquire(&h->lock);
    h->stop = true;
    cond_signal(&h->changed);
    lock_release(&h->lock);
    (void)pthread_join(h->thread, NULL);
    h->started = false;
    for (struct herder_job *job = h->first; job != NULL;) {
        struct herder_job *next = job->next;
        job->discard(job);
        job = next;
    }
    h->first = NULL;
    h->last = NULL;
}

void herder_destroy(struct herder *h)
{
    if (h == NULL) {
        return;
    }
    herder_stop(h);
    for (size_t i = 0; i < h->restart_count; i++) {
        mem_free(h->restarts[i].connector);
    }
    cond_deinit(&h->changed);
    lock_deinit(&h->lock);
    text_map_deinit(&h->lives);
    mem_free(h);
}
