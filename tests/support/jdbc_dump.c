/*
 * Runs the JDBC source connector without a worker and prints what it delivers, one JSON object a
 * line. For the integration tests.
 *
 *     jdbc_dump [--offsets FILE] [--count N] [--quiet] [--schema] [--tasks N] key=value...
 *
 * Ends after N records, on SIGTERM/SIGINT, or when connector or task fails (exit 1, the error's
 * text on standard error). FILE keeps {"partition": offset} between runs, as the worker would.
 */
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/lock.h"
#include "common/mem.h"
#include "connect/include/source_connector.h"
#include "connectors/jdbc/jdbc_source.h"

#define BATCH_RECORDS 20000
#define BATCH_BYTES ((size_t)256 << 20)

static atomic_bool stop_wanted;
static json_t *offsets;

struct options {
    const char *offsets_file;
    long count;
    int tasks;
    bool quiet;
    bool schema;
};

static bool context_stopping(struct source_context *ctx)
{
    (void)ctx;
    return atomic_load(&stop_wanted);
}

static bool context_wait(struct source_context *ctx, int64_t timeout_ms)
{
    int64_t end_ms = clock_mono_ms(clock_system()) + timeout_ms;
    while (!context_stopping(ctx)) {
        int64_t left_ms = end_ms - clock_mono_ms(clock_system());
        if (left_ms <= 0) {
            return false;
        }
        int64_t slice_ms = left_ms < 20 ? left_ms : 20;
        struct timespec ts = {0, (long)slice_ms * 1000000};
        (void)nanosleep(&ts, NULL);
    }
    return true;
}

static enum err_code context_offset(struct source_context *ctx, const char *partition,
                                    struct arena *a, struct connect_value *out_offset,
                                    struct err *e)
{
    (void)ctx;
    json_t *found = json_object_get(offsets, partition);
    *out_offset = connect_value_null();
    if (found == NULL) {
        return ERR_OK;
    }
    char *text = json_dumps(found, JSON_COMPACT);
    enum err_code rc = connect_value_parse_json(a, text, strlen(text), out_offset, e);
    free(text);
    return rc;
}

static void context_reconfigure(struct source_context *ctx)
{
    (void)ctx;
}

static const struct source_context_ops context_ops = {context_stopping, context_wait,
                                                      context_offset, context_reconfigure};

static void on_signal(int number)
{
    (void)number;
    atomic_store(&stop_wanted, true);
}

static json_t *value_json(const struct connect_value *v, const struct connect_schema *schema)
{
    struct buf b;
    json_t *out = NULL;
    switch ((enum connect_kind)v->kind) {
    case CONNECT_NULL:
        return json_null();
    case CONNECT_INT8:
    case CONNECT_INT16:
    case CONNECT_INT32:
    case CONNECT_INT64:
        return json_integer(v->integer);
    case CONNECT_FLOAT32:
        return json_real((double)v->float32);
    case CONNECT_FLOAT64:
        return json_real(v->float64);
    case CONNECT_BOOLEAN:
        return json_boolean(v->boolean);
    case CONNECT_STRING:
        return json_stringn((const char *)v->data, v->len);
    case CONNECT_BYTES:
        buf_init(&b, BATCH_BYTES);
        for (size_t i = 0; i < v->len; i++) {
            buf_printf(&b, "%02x", v->data[i]);
        }
        out = json_stringn((const char *)b.data, b.len);
        buf_deinit(&b);
        return out;
    case CONNECT_DECIMAL:
        buf_init(&b, BATCH_BYTES);
        connect_value_print_decimal(v, &b);
        out = json_stringn((const char *)b.data, b.len);
        buf_deinit(&b);
        return out;
    case CONNECT_MAP:
        out = json_object();
        for (size_t i = 0; i < v->len; i++) {
            char key[64];
            (void)snprintf(key, sizeof key, "%.*s", (int)v->pairs[i].key.len,
                           (const char *)v->pairs[i].key.data);
            (void)json_object_set_new(out, key, value_json(&v->pairs[i].value, NULL));
        }
        return out;
    case CONNECT_STRUCT:
        out = json_object();
        for (size_t i = 0; i < schema->field_count; i++) {
            (void)json_object_set_new(out, schema->fields[i].name,
                                      value_json(&v->record->values[i], schema->fields[i].schema));
        }
        return out;
    case CONNECT_ARRAY:
        break;
    }
    return json_null();
}

static json_t *schema_json(const struct connect_schema *s)
{
    json_t *out = json_object();
    (void)json_object_set_new(out, "type", json_string(connect_schema_type_word(s->type)));
    (void)json_object_set_new(out, "optional", json_boolean(s->optional));
    if (s->name != NULL) {
        (void)json_object_set_new(out, "name", json_string(s->name));
    }
    for (size_t i = 0; i < s->parameter_count; i++) {
        (void)json_object_set_new(out, s->parameters[i].key, json_string(s->parameters[i].value));
    }
    for (size_t i = 0; i < s->field_count; i++) {
        (void)json_object_set_new(out, s->fields[i].name, schema_json(s->fields[i].schema));
    }
    return out;
}

static void print_record(const struct connect_record *r, const struct options *o)
{
    json_t *line = json_object();
    (void)json_object_set_new(line, "topic", json_string(r->topic));
    (void)json_object_set_new(line, "partition", json_string(r->source_partition));
    (void)json_object_set_new(line, "offset", value_json(&r->source_offset, NULL));
    if (o->schema) {
        (void)json_object_set_new(line, "schema", schema_json(r->value_schema));
    }
    (void)json_object_set_new(line, "value", value_json(&r->value, r->value_schema));
    (void)json_dumpf(line, stdout, JSON_COMPACT);
    (void)fputc('\n', stdout);
    json_decref(line);
}

static long take_batch(const struct connect_batch *batch, const struct options *o, long left)
{
    long n = 0;
    for (size_t i = 0; i < batch->count && (o->count == 0 || n < left); i++, n++) {
        const struct connect_record *r = &batch->records[i];
        struct err e;
        if (connect_value_check(&r->value, r->value_schema, NULL, &e) != ERR_OK) {
            (void)fprintf(stderr, "invalid record: %s\n", e.text);
            exit(2);
        }
        if (!o->quiet) {
            print_record(r, o);
        }
        if (r->source_offset.kind == CONNECT_MAP && o->offsets_file != NULL) {
            (void)json_object_set_new(offsets, r->source_partition,
                                      value_json(&r->source_offset, NULL));
        }
    }
    (void)fflush(stdout);
    return n;
}

static enum err_code poll_tasks(void **tasks, size_t task_count, const struct options *o,
                                struct err *e)
{
    const struct source_connector_ops *ops = jdbc_source_plugin.source;
    struct connect_batch batch;
    enum err_code rc = connect_batch_init(&batch, BATCH_RECORDS, BATCH_BYTES, e);
    long total = 0;
    int64_t began_ns = clock_mono_ns(clock_system());
    for (size_t i = 0; rc == ERR_OK && !atomic_load(&stop_wanted); i = (i + 1) % task_count) {
        rc = ops->task_poll(tasks[i], &batch, task_count > 1 ? 20 : 200, e);
        total += rc == ERR_OK ? take_batch(&batch, o, o->count - total) : 0;
        connect_batch_reset(&batch);
        if (o->count > 0 && total >= o->count) {
            break;
        }
    }
    if (o->quiet) {
        double seconds = (double)(clock_mono_ns(clock_system()) - began_ns) / 1e9;
        (void)printf("records=%ld seconds=%.3f per_second=%.0f\n", total, seconds,
                     (double)total / seconds);
    }
    connect_batch_deinit(&batch);
    return rc;
}

static enum err_code run(const struct connect_config *config, struct source_context *ctx,
                         const struct options *o, struct err *e)
{
    const struct source_connector_ops *ops = jdbc_source_plugin.source;
    void *connector = NULL;
    void *tasks[64] = {NULL};
    size_t task_count = 0;
    struct connect_config_set set;
    connect_config_set_init(&set);
    enum err_code rc = ops->start(config, ctx, &connector, e);
    if (rc == ERR_OK) {
        rc = ops->task_configs(connector, o->tasks, &set, e);
        for (size_t i = 0; i < set.count && rc == ERR_OK; i++) {
            rc = ops->task_create(&set.configs[i], ctx, &tasks[task_count], e);
            task_count += rc == ERR_OK ? 1 : 0;
        }
        ops->stop(connector);
    }
    if (rc == ERR_OK && task_count > 0) {
        rc = poll_tasks(tasks, task_count, o, e);
    }
    for (size_t i = 0; i < task_count; i++) {
        ops->task_destroy(tasks[i]);
    }
    connect_config_set_deinit(&set);
    return rc;
}

static void parse_arguments(int argc, char **argv, struct options *o, struct connect_config *config)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--offsets") == 0 && i + 1 < argc) {
            o->offsets_file = argv[++i];
        } else if (strcmp(argv[i], "--count") == 0 && i + 1 < argc) {
            o->count = strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--tasks") == 0 && i + 1 < argc) {
            o->tasks = (int)strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--quiet") == 0) {
            o->quiet = true;
        } else if (strcmp(argv[i], "--schema") == 0) {
            o->schema = true;
        } else {
            char *equals = strchr(argv[i], '=');
            if (equals == NULL) {
                (void)fprintf(stderr, "key=value expected: %s\n", argv[i]);
                exit(2);
            }
            *equals = '\0';
            (void)connect_config_set(config, argv[i], equals + 1, NULL);
        }
    }
}

int main(int argc, char **argv)
{
    struct options o = {.tasks = 1};
    struct connect_config config;
    connect_config_init(&config);
    parse_arguments(argc, argv, &o, &config);
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    offsets = o.offsets_file != NULL ? json_load_file(o.offsets_file, 0, NULL) : NULL;
    offsets = offsets != NULL ? offsets : json_object();
    struct logger *lg = logger_create("jdbc", LOGGER_INFO, NULL, NULL);
    struct source_context ctx = {"test", 0, lg, clock_system(), &context_ops};
    struct err e;
    enum err_code rc = run(&config, &ctx, &o, &e);
    if (rc != ERR_OK) {
        (void)fprintf(stderr, "FAILED %s\n", e.text);
    }
    if (o.offsets_file != NULL) {
        (void)json_dump_file(offsets, o.offsets_file, 0);
    }
    json_decref(offsets);
    logger_destroy(lg);
    connect_config_deinit(&config);
    return rc == ERR_OK ? 0 : 1;
}
