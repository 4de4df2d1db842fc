/*
 * The test driver: all tasks of a topology on one partition, topics as lists in memory. A record
 * that goes to an internal topic is read back at once, as the original's driver does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/reader.h"
#include "streams/driver/driver_topics.h"
#include "streams/runtime/streams_config.h"
#include "streams/state/rocks.h"
#include "streams/task/task.h"
#include "streams/value/serde_registry.h"

#define DRIVER_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct weir_test_driver {
    struct collector collector;
    struct weir_topology *topology;
    size_t store_count;
    struct weir_config *config;
    struct weir_test_driver_options options;
    char *state_dir;
    struct clock_manual clock;
    int64_t last_commit_ms;
    struct driver_topics topics;
    struct record_cache_budget budget;
    struct task_counters counters;
    struct serde_registry *schemas;
    struct task **tasks; /* by sub-topology */
    struct rocks **rocks;
    struct kv **kept;   /* stores in memory, by store: they survive a clean restart */
    int64_t **restored; /* by task and store: the changelog's offset at its last checkpoint */
    bool wipe;          /* the next opening forgets local stores */
    struct buf bytes;
    struct arena arena;
};

static bool driver_error(struct weir_error *error, const struct err *e)
{
    if (error != NULL) {
        (void)snprintf(error->text, sizeof error->text, "%s", e->text);
    }
    return false;
}

static enum err_code driver_send(struct collector *c, const struct collector_record *r,
                                 struct err *e)
{
    struct weir_test_driver *d = (struct weir_test_driver *)c;
    struct driver_topic *topic = driver_topics_open(&d->topics, r->topic);
    if (topic == NULL) {
        return err_nomem(e, "driver topic");
    }
    struct driver_record record = {
        .key = r->key, .value = r->value, .timestamp_ms = r->timestamp_ms, .headers = r->headers};
    enum err_code code = driver_topics_append(topic, &record, e);
    if (code == ERR_OK && r->acked_offset != NULL) {
        *r->acked_offset = (int64_t)topic->count;
    }
    return code;
}

static enum err_code driver_open_kv(void *open_ctx, const struct topology_store *def,
                                    struct kv **out_kv, struct err *e)
{
    struct weir_test_driver *d = open_ctx;
    if (d->state_dir != NULL && !def->in_memory) {
        return rocks_open_kv(d->rocks[def->sub], def->name, out_kv, e);
    }
    if (def->in_memory || d->wipe) {
        kv_close(d->kept[def->index]);
        d->kept[def->index] = NULL;
    }
    if (d->kept[def->index] == NULL) {
        d->kept[def->index] = kv_memory_create();
    }
    if (d->kept[def->index] == NULL) {
        return err_nomem(e, "store in memory");
    }
    *out_kv = kv_memory_ref(d->kept[def->index]);
    return ERR_OK;
}

static enum err_code driver_open_rocks(struct weir_test_driver *d, int sub, struct err *e)
{
    if (d->state_dir == NULL) {
        return ERR_OK;
    }
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s/%d_0", d->state_dir,
                   weir_config_get(d->config, "application.id"), sub);
    enum err_code code = d->wipe ? rocks_remove(path, e) : ERR_OK;
    return code != ERR_OK ? code : rocks_open(path, d->topology, sub, &d->rocks[sub], e);
}

static enum err_code driver_restore_store(struct weir_test_driver *d, struct store *s, int64_t from,
                                          struct err *e)
{
    const struct driver_topic *topic =
        s->logged ? driver_topics_find(&d->topics, s->changelog) : NULL;
    if (topic == NULL) {
        return ERR_OK;
    }
    for (size_t i = (size_t)from; i < topic->count; i++) {
        store_observe(s, topic->records[i].key);
    }
    for (size_t i = (size_t)from; i < topic->count; i++) {
        const struct driver_record *r = &topic->records[i];
        enum err_code code = store_restore(s, r->key, r->value, r->timestamp_ms, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    s->acked_offset = (int64_t)topic->count;
    return ERR_OK;
}

static enum err_code driver_open_task(struct weir_test_driver *d, int sub, struct err *e)
{
    struct task_config c = {
        .topology = d->topology,
        .sub = sub,
        .partition = 0,
        .collector = &d->collector,
        .budget = &d->budget,
        .schemas = d->schemas,
        .counters = &d->counters,
        .clock = &d->clock.clock,
        .application_id = weir_config_get(d->config, "application.id"),
        .skip_poison = streams_config_contains(d->config, "deserialization.exception.handler",
                                               "LogAndContinueExceptionHandler"),
        .timestamps = streams_config_timestamps(d->config),
        .max_idle_ms = streams_config_number(d->config, "max.task.idle.ms"),
        .open_kv = driver_open_kv,
        .open_ctx = d};
    enum err_code code = driver_open_rocks(d, sub, e);
    if (code == ERR_OK) {
        code = task_create(&c, &d->tasks[sub], e);
    }
    if (code != ERR_OK) {
        return code;
    }
    struct task *t = d->tasks[sub];
    for (size_t i = 0; i < task_store_count(t) && code == ERR_OK; i++) {
        bool kept = !task_store(t, i)->def->in_memory && !d->wipe;
        int64_t from = kept ? d->restored[sub][i] : 0;
        code = driver_restore_store(d, task_store(t, i), from, e);
    }
    for (size_t i = 0; i < task_input_count(t) && code == ERR_OK; i++) {
        struct driver_topic *topic = driver_topics_open(&d->topics, task_input_topic(t, i));
        if (topic == NULL) {
            return err_nomem(e, "driver topic");
        }
        if (topic->partition_time_ms == DRIVER_TOPICS_NOT_INPUT) {
            topic->partition_time_ms = -1;
        }
        task_input_resume(t, i, (int64_t)topic->committed, topic->partition_time_ms);
        topic->consumed = topic->committed;
    }
    return code;
}

static void driver_close_tasks(struct weir_test_driver *d)
{
    for (int sub = 0; sub < d->topology->sub_count; sub++) {
        if (d->tasks != NULL) {
            task_destroy(d->tasks[sub]);
            d->tasks[sub] = NULL;
        }
        if (d->rocks != NULL) {
            rocks_close(d->rocks[sub]);
            d->rocks[sub] = NULL;
        }
    }
}

static enum err_code driver_open_tasks(struct weir_test_driver *d, struct err *e)
{
    enum err_code code = ERR_OK;
    for (int sub = 0; sub < d->topology->sub_count && code == ERR_OK; sub++) {
        code = driver_open_task(d, sub, e);
    }
    return code;
}

static enum err_code driver_open(struct weir_test_driver *d, struct err *e)
{
    size_t subs = (size_t)d->topology->sub_count;
    d->tasks = (struct task **)mem_calloc(subs + 1, sizeof *d->tasks);
    d->rocks = (struct rocks **)mem_calloc(subs + 1, sizeof *d->rocks);
    d->restored = (int64_t **)mem_calloc(subs + 1, sizeof *d->restored);
    d->kept = (struct kv **)mem_calloc(d->topology->store_count + 1, sizeof *d->kept);
    if (d->tasks == NULL || d->rocks == NULL || d->restored == NULL || d->kept == NULL) {
        return err_nomem(e, "test driver");
    }
    for (size_t i = 0; i < subs; i++) {
        d->restored[i] = mem_calloc(d->topology->store_count + 1, sizeof **d->restored);
        if (d->restored[i] == NULL) {
            return err_nomem(e, "test driver");
        }
    }
    const char *key = weir_config_get(d->config, "default.key.serde");
    const char *value = weir_config_get(d->config, "default.value.serde");
    enum err_code code =
        topology_default_serdes(d->topology, key != NULL ? stream_serde_by_name(key) : NULL,
                                value != NULL ? stream_serde_by_name(value) : NULL, e);
    struct serde_registry_config registry = {0};
    if (code == ERR_OK) {
        code = serde_registry_create(&registry, &d->schemas, e);
    }
    return code != ERR_OK ? code : driver_open_tasks(d, e);
}

struct weir_test_driver *weir_test_driver_create(struct weir_topology *t,
                                                 const struct weir_config *config,
                                                 const struct weir_test_driver_options *options,
                                                 struct weir_error *error)
{
    struct err e;
    if (weir_config_get(config, "application.id") == NULL) {
        (void)err_set(&e, ERR_INVALID, "application.id is not set");
        (void)driver_error(error, &e);
        return NULL;
    }
    struct weir_test_driver *d = mem_calloc(1, sizeof *d);
    struct weir_config *copy = streams_config_copy(config);
    char *state_dir = options != NULL ? mem_strdup(options->state_dir) : NULL;
    if (d == NULL || copy == NULL ||
        (options != NULL && options->state_dir != NULL && state_dir == NULL)) {
        mem_free(d);
        weir_config_destroy(copy);
        mem_free(state_dir);
        (void)err_nomem(&e, "test driver");
        (void)driver_error(error, &e);
        return NULL;
    }
    d->collector.send = driver_send;
    d->topology = t;
    d->store_count = t->store_count;
    d->config = copy;
    d->options = options != NULL ? *options : (struct weir_test_driver_options){0};
    d->state_dir = state_dir;
    d->budget.limit_bytes = (size_t)streams_config_number(copy, "statestore.cache.max.bytes");
    clock_manual_init(&d->clock, d->options.wall_clock_ms);
    buf_init(&d->bytes, DRIVER_BYTES_MAX);
    arena_init(&d->arena, DRIVER_BYTES_MAX);
    if (driver_open(d, &e) != ERR_OK) {
        (void)driver_error(error, &e);
        driver_close_tasks(d);
        d->topology = NULL; /* stays the caller's */
        weir_test_driver_destroy(d);
        return NULL;
    }
    return d;
}

void weir_test_driver_destroy(struct weir_test_driver *d)
{
    if (d == NULL) {
        return;
    }
    if (d->topology != NULL) {
        driver_close_tasks(d);
    }
    for (size_t i = 0; d->kept != NULL && i < d->store_count; i++) {
        kv_close(d->kept[i]);
    }
    mem_free((void *)d->kept);
    for (size_t i = 0; d->restored != NULL && d->restored[i] != NULL; i++) {
        mem_free(d->restored[i]);
    }
    mem_free((void *)d->restored);
    mem_free((void *)d->tasks);
    mem_free((void *)d->rocks);
    serde_registry_destroy(d->schemas);
    driver_topics_deinit(&d->topics);
    buf_deinit(&d->bytes);
    arena_deinit(&d->arena);
    weir_config_destroy(d->config);
    mem_free(d->state_dir);
    weir_topology_destroy(d->topology);
    mem_free(d);
}

/* Feeds a task what its topics hold; false in *out_any when there was nothing. */
static enum err_code driver_feed(struct weir_test_driver *d, struct task *t, bool *out_any,
                                 struct err *e)
{
    for (size_t i = 0; i < task_input_count(t); i++) {
        struct driver_topic *topic = driver_topics_find(&d->topics, task_input_topic(t, i));
        CHECK(topic != NULL);
        while (topic->consumed < topic->count) {
            const struct driver_record *r = &topic->records[topic->consumed];
            struct task_record record = {.key = r->key,
                                         .value = r->value,
                                         .timestamp_ms = r->timestamp_ms,
                                         .offset = (int64_t)topic->consumed};
            enum err_code code = driver_topics_copy_headers(r, &record.headers, e);
            if (code == ERR_OK) {
                code = task_push(t, i, &record, e);
            }
            if (code != ERR_OK) {
                return code;
            }
            topic->consumed++;
            *out_any = true;
        }
        task_set_lag(t, i, 0);
    }
    return ERR_OK;
}

static enum err_code driver_run(struct weir_test_driver *d, struct err *e)
{
    bool any = true;
    while (any) {
        any = false;
        for (int sub = 0; sub < d->topology->sub_count; sub++) {
            enum task_result result = TASK_PROCESSED;
            enum err_code code = driver_feed(d, d->tasks[sub], &any, e);
            while (code == ERR_OK && result == TASK_PROCESSED) {
                code = task_process(d->tasks[sub], &result, e);
            }
            if (code != ERR_OK) {
                return code;
            }
        }
    }
    return ERR_OK;
}

static enum err_code driver_commit(struct weir_test_driver *d, struct err *e)
{
    for (int sub = 0; sub < d->topology->sub_count; sub++) {
        struct task *t = d->tasks[sub];
        enum err_code code = task_flush(t, e);
        if (code == ERR_OK) {
            code = task_sync(t, e);
        }
        if (code != ERR_OK) {
            return code;
        }
        for (size_t i = 0; i < task_input_count(t); i++) {
            struct driver_topic *topic = driver_topics_find(&d->topics, task_input_topic(t, i));
            topic->partition_time_ms = task_input_partition_time(t, i);
            topic->committed = (size_t)task_input_position(t, i);
        }
        for (size_t i = 0; i < task_store_count(t); i++) {
            int64_t acked = task_store(t, i)->acked_offset;
            d->restored[sub][i] = acked > 0 ? acked : 0;
        }
    }
    d->last_commit_ms = clock_wall_ms(&d->clock.clock);
    /* What was flushed may have gone to an internal topic. */
    return driver_run(d, e);
}

bool weir_test_driver_commit(struct weir_test_driver *d, struct weir_error *error)
{
    struct err e;
    return driver_commit(d, &e) == ERR_OK || driver_error(error, &e);
}

bool weir_test_driver_pipe(struct weir_test_driver *d, const struct weir_test_record *record,
                           struct weir_error *error)
{
    struct err e;
    struct driver_topic *topic = driver_topics_find(&d->topics, record->topic);
    if (topic == NULL || topic->partition_time_ms == DRIVER_TOPICS_NOT_INPUT) {
        (void)err_set(&e, ERR_NOT_FOUND, "the topology does not read the topic %s", record->topic);
        return driver_error(error, &e);
    }
    struct driver_record r = {.key = bytes_of(record->key.data, record->key.len),
                              .value = bytes_of(record->value.data, record->value.len),
                              .timestamp_ms = record->timestamp_ms};
    enum err_code code = driver_topics_append(topic, &r, &e);
    if (code == ERR_OK) {
        code = driver_run(d, &e);
    }
    if (code == ERR_OK && !d->options.manual_commit) {
        code = driver_commit(d, &e);
    }
    return code == ERR_OK || driver_error(error, &e);
}

bool weir_test_driver_advance(struct weir_test_driver *d, int64_t ms, struct weir_error *error)
{
    struct err e;
    clock_manual_advance(&d->clock, ms);
    if (driver_run(d, &e) != ERR_OK) { /* tasks that have waited long enough */
        return driver_error(error, &e);
    }
    int64_t since = clock_wall_ms(&d->clock.clock) - d->last_commit_ms;
    if (d->options.manual_commit ||
        since < streams_config_number(d->config, "commit.interval.ms")) {
        return true;
    }
    return weir_test_driver_commit(d, error);
}

bool weir_test_driver_read(struct weir_test_driver *d, const char *topic,
                           struct weir_test_record *out)
{
    struct driver_topic *t = driver_topics_find(&d->topics, topic);
    if (t == NULL || t->read == t->count) {
        return false;
    }
    const struct driver_record *r = &t->records[t->read++];
    *out = (struct weir_test_record){.topic = t->name,
                                     .key = {r->key.data, r->key.len},
                                     .value = {r->value.data, r->value.len},
                                     .timestamp_ms = r->timestamp_ms};
    return true;
}

int64_t weir_test_driver_dropped_total(const struct weir_test_driver *d)
{
    return atomic_load(&d->counters.dropped);
}

bool weir_test_driver_restart(struct weir_test_driver *d, enum weir_test_restart kind,
                              struct weir_error *error)
{
    struct err e;
    if (kind != WEIR_TEST_RESTART_KILL && driver_commit(d, &e) != ERR_OK) {
        return driver_error(error, &e);
    }
    for (struct driver_topic *topic = d->topics.first;
         kind == WEIR_TEST_RESTART_KILL && topic != NULL; topic = topic->next) {
        topic->committed = topic->count; /* what came since the last commit is piped again */
    }
    d->wipe = kind != WEIR_TEST_RESTART_CLEAN;
    driver_close_tasks(d);
    enum err_code code = driver_open_tasks(d, &e);
    d->wipe = false;
    return code == ERR_OK || driver_error(error, &e);
}

bool weir_test_driver_store_get(struct weir_test_driver *d, const char *store,
                                struct weir_bytes key, int64_t window_start_ms,
                                struct weir_bytes *out_value, int64_t *out_timestamp_ms)
{
    for (int sub = 0; sub < d->topology->sub_count; sub++) {
        struct store *s = task_find_store(d->tasks[sub], store);
        if (s == NULL) {
            continue;
        }
        buf_clear(&d->bytes);
        buf_append(&d->bytes, key.data, key.len);
        if (s->def->windowed) {
            buf_append_be64(&d->bytes, (uint64_t)window_start_ms);
            buf_append_be32(&d->bytes, 0);
        }
        struct bytes value = bytes_null();
        if (store_get(s, buf_bytes(&d->bytes), &value, NULL) != ERR_OK || bytes_is_null(value)) {
            return false;
        }
        struct reader r;
        reader_init(&r, value);
        *out_timestamp_ms = (int64_t)reader_be64(&r);
        *out_value = (struct weir_bytes){value.data + 8, value.len - 8};
        return true;
    }
    return false;
}

struct weir_context *weir_test_driver_context(struct weir_test_driver *d)
{
    return task_context(d->tasks[0]);
}

bool weir_test_driver_write(struct weir_test_driver *d, const struct weir_serde *serde,
                            const char *topic, const struct weir_value *value,
                            struct weir_bytes *out_bytes, struct weir_error *error)
{
    struct arena *arena = &d->arena;
    struct weir_context ctx = {.arena = arena, .schemas = d->schemas, .topic = topic};
    if (value == NULL) {
        *out_bytes = (struct weir_bytes){NULL, 0};
        return true;
    }
    struct buf out;
    buf_init(&out, DRIVER_BYTES_MAX);
    struct serde_target target = {topic, false};
    stream_serde_write(serde, &ctx, value, target, &out);
    const void *copy = ctx.failed ? NULL : arena_dup(arena, out.data, out.len);
    *out_bytes = (struct weir_bytes){copy, out.len};
    buf_deinit(&out);
    return !ctx.failed || driver_error(error, &ctx.err);
}

const struct weir_value *weir_test_driver_value(struct weir_test_driver *d,
                                                const struct weir_serde *serde, const char *topic,
                                                struct weir_bytes bytes, struct weir_error *error)
{
    struct weir_context ctx = {.arena = &d->arena, .schemas = d->schemas, .topic = topic};
    const struct weir_value *v = stream_serde_read(serde, &ctx, bytes_of(bytes.data, bytes.len));
    if (ctx.failed) {
        (void)driver_error(error, &ctx.err);
    }
    return v;
}
