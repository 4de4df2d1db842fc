#include "connect/runtime/record_chain.h"

#include <inttypes.h>
#include <string.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "connect/include/transform.h"

#define STEPS_MAX ((size_t)100)
#define MESSAGE_BYTES_MAX ((size_t)64 << 20)
#define RETRY_FIRST_MS 300

struct step {
    const struct connect_plugin *plugin;
    void *transform;
    const struct connect_plugin *predicate_plugin; /* NULL: always */
    void *predicate;
    bool negate;
};

struct converter {
    const struct connect_plugin *plugin;
    void *object;
};

struct record_chain {
    struct step *steps;
    size_t step_count;
    struct converter key;
    struct converter value;
    struct converter header;
    struct record_chain_output output;
    const char *connector_name;
    int task_id;
    struct logger *lg;
    struct metric *failed;
    bool (*wait)(void *ctx, int64_t timeout_ms);
    void *ctx;
    bool tolerate_all;
    bool log_errors;
    bool log_messages;
    int64_t retry_timeout_ms; /* -1: for ever */
    int64_t retry_delay_max_ms;
};

/* One attempt of one stage on one record. */
struct stage {
    const char *name; /* "VALUE_CONVERTER" */
    const char *class_name;
    enum err_code (*run)(struct record_chain *c, void *arg, struct err *e);
    void *arg;
};

static const char *text_or(const struct connect_config *config, const char *key,
                           const char *fallback)
{
    const char *value = connect_config_get(config, key);
    return value != NULL ? value : fallback;
}

static enum err_code no_class(struct err *e, const char *class_name, const char *key)
{
    return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                             "Invalid value %s for configuration %s: Class %s could not be found.",
                             class_name, key, class_name);
}

/* The keys behind a prefix, checked against the plug-in's table. */
static enum err_code plugin_config(const struct connect_plugin *plugin,
                                   const struct connect_config *from, const char *prefix,
                                   struct connect_config *out, struct err *e)
{
    enum err_code code = connect_config_merge_prefix(out, from, prefix, e);
    return code == ERR_OK ? connect_config_check(out, plugin->keys, plugin->key_count, e) : code;
}

/* Set in the connector: only the connector's keys count. Otherwise the worker's class with the
 * worker's keys, and the connector's `value.converter.x` are ignored. */
static enum err_code create_converter(const struct record_chain_config *config, const char *key,
                                      enum connect_plugin_type type, struct converter *out,
                                      struct err *e)
{
    const char *class_name = connect_config_get(config->connector, key);
    const struct connect_config *from =
        class_name != NULL ? config->connector : config->worker_defaults;
    if (class_name == NULL) {
        class_name = connect_config_get(config->worker_defaults, key);
    }
    if (class_name == NULL) {
        return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "Missing required configuration \"%s\" which has no default "
                                 "value.",
                                 key);
    }
    out->plugin = plugin_list_find(config->plugins, type, class_name);
    if (out->plugin == NULL) {
        return no_class(e, class_name, key);
    }
    char prefix[64];
    struct buf name;
    buf_init(&name, sizeof prefix);
    buf_printf(&name, "%s.", key);
    struct connect_config own;
    connect_config_init(&own);
    const struct converter_options options = {
        .is_key = strcmp(key, "key.converter") == 0,
        .logger = config->lg,
        .stopping = config->stopping,
        .ctx = config->ctx,
    };
    enum err_code code = plugin_config(out->plugin, from, buf_text(&name), &own, e);
    if (code == ERR_OK) {
        code = out->plugin->converter->create(out->plugin, &own, &options, &out->object, e);
    }
    connect_config_deinit(&own);
    buf_deinit(&name);
    return code == ERR_OK ? ERR_OK : connect_error_name(e);
}

static enum err_code create_predicate(const struct record_chain_config *config, const char *alias,
                                      struct step *step, struct err *e)
{
    struct buf key;
    buf_init(&key, 4096);
    buf_printf(&key, "predicates.%s.type", alias);
    const char *type_key = buf_text(&key);
    const char *class_name =
        type_key != NULL ? connect_config_get(config->connector, type_key) : NULL;
    enum err_code code = ERR_OK;
    if (class_name == NULL) {
        code = connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "Missing required configuration \"predicates.%s.type\" which has "
                                 "no default value.",
                                 alias);
    } else if ((step->predicate_plugin = plugin_list_find(config->plugins, CONNECT_PLUGIN_PREDICATE,
                                                          class_name)) == NULL) {
        code = no_class(e, class_name, type_key);
    } else {
        struct connect_config own;
        connect_config_init(&own);
        buf_clear(&key);
        buf_printf(&key, "predicates.%s.", alias);
        code = plugin_config(step->predicate_plugin, config->connector, buf_text(&key), &own, e);
        if (code == ERR_OK) {
            code = step->predicate_plugin->predicate->create(step->predicate_plugin, &own,
                                                             &step->predicate, e);
        }
        connect_config_deinit(&own);
    }
    buf_deinit(&key);
    return code;
}

static enum err_code create_step(const struct record_chain_config *config, const char *alias,
                                 struct step *step, struct err *e)
{
    struct buf prefix;
    struct connect_config own;
    buf_init(&prefix, 4096);
    connect_config_init(&own);
    buf_printf(&prefix, "transforms.%s.", alias);
    enum err_code code = buf_check(&prefix, "transform alias", e);
    if (code == ERR_OK) {
        code = connect_config_merge_prefix(&own, config->connector, buf_text(&prefix), e);
    }
    const char *class_name = connect_config_get(&own, "type");
    if (code == ERR_OK && class_name == NULL) {
        code = connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "Missing required configuration \"transforms.%s.type\" which has "
                                 "no default value.",
                                 alias);
    }
    if (code == ERR_OK) {
        step->plugin = plugin_list_find(config->plugins, CONNECT_PLUGIN_TRANSFORMATION, class_name);
        code = step->plugin != NULL
                   ? connect_config_check(&own, step->plugin->keys, step->plugin->key_count, e)
                   : connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                       "Invalid value %s for configuration transforms.%s.type: "
                                       "Class %s could not be found.",
                                       class_name, alias, class_name);
    }
    if (code == ERR_OK) {
        CHECK(step->plugin != NULL);
        code = step->plugin->transform->create(step->plugin, &own, &step->transform, e);
    }
    const char *predicate = connect_config_get(&own, "predicate");
    step->negate = strcmp(text_or(&own, "negate", "false"), "true") == 0;
    if (code == ERR_OK && predicate != NULL && predicate[0] != '\0') {
        code = create_predicate(config, predicate, step, e);
    }
    connect_config_deinit(&own);
    buf_deinit(&prefix);
    return code == ERR_OK ? ERR_OK : connect_error_name(e);
}

static enum err_code create_steps(struct record_chain *c, const struct record_chain_config *config,
                                  struct err *e)
{
    struct connect_config_list aliases = {0};
    enum err_code code =
        connect_config_parse_list(connect_config_get(config->connector, "transforms"), &aliases, e);
    if (code == ERR_OK && aliases.count > STEPS_MAX) {
        code = err_set(e, ERR_LIMIT, "more than %zu transforms", STEPS_MAX);
    }
    if (code == ERR_OK) {
        c->steps = mem_calloc(aliases.count + 1, sizeof *c->steps);
        code = c->steps != NULL ? ERR_OK : err_nomem(e, "create transforms");
    }
    for (size_t i = 0; code == ERR_OK && i < aliases.count; i++) {
        CHECK(c->steps != NULL);
        c->step_count++;
        code = create_step(config, aliases.items[i], &c->steps[i], e);
    }
    connect_config_list_deinit(&aliases);
    return code;
}

static void read_error_rules(struct record_chain *c, const struct connect_config *config)
{
    static const struct connect_config_key keys[] = {
        {.name = "errors.retry.timeout", .type = CONNECT_CONFIG_LONG, .default_value = "0"},
        {.name = "errors.retry.delay.max.ms",
         .type = CONNECT_CONFIG_LONG,
         .default_value = "60000"},
        {.name = "errors.log.enable", .type = CONNECT_CONFIG_BOOLEAN, .default_value = "false"},
        {.name = "errors.log.include.messages",
         .type = CONNECT_CONFIG_BOOLEAN,
         .default_value = "false"},
    };
    const struct connect_config_reader r = {config, keys, sizeof keys / sizeof keys[0]};
    c->tolerate_all = strcmp(text_or(config, "errors.tolerance", "none"), "all") == 0;
    c->retry_timeout_ms = connect_config_read_integer(&r, "errors.retry.timeout");
    c->retry_delay_max_ms = connect_config_read_integer(&r, "errors.retry.delay.max.ms");
    c->log_errors = connect_config_read_boolean(&r, "errors.log.enable");
    c->log_messages = connect_config_read_boolean(&r, "errors.log.include.messages");
}

enum err_code record_chain_create(const struct record_chain_config *config,
                                  struct record_chain **out_chain, struct err *e)
{
    struct record_chain *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return err_nomem(e, "create record chain");
    }
    c->connector_name = config->connector_name;
    c->task_id = config->task_id;
    c->lg = config->lg;
    c->failed = config->failed;
    c->wait = config->wait;
    c->ctx = config->ctx;
    buf_init(&c->output.key, MESSAGE_BYTES_MAX);
    buf_init(&c->output.value, MESSAGE_BYTES_MAX);
    read_error_rules(c, config->connector);
    enum err_code code =
        create_converter(config, "key.converter", CONNECT_PLUGIN_CONVERTER, &c->key, e);
    if (code == ERR_OK) {
        code = create_converter(config, "value.converter", CONNECT_PLUGIN_CONVERTER, &c->value, e);
    }
    if (code == ERR_OK) {
        code = create_converter(config, "header.converter", CONNECT_PLUGIN_HEADER_CONVERTER,
                                &c->header, e);
    }
    if (code == ERR_OK) {
        code = create_steps(c, config, e);
    }
    if (code != ERR_OK) {
        record_chain_destroy(c);
        return code;
    }
    *out_chain = c;
    return ERR_OK;
}

static void converter_destroy(struct converter *converter)
{
    if (converter->object != NULL) {
        converter->plugin->converter->destroy(converter->object);
    }
}

void record_chain_destroy(struct record_chain *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->step_count; i++) {
        struct step *step = &c->steps[i];
        if (step->transform != NULL) {
            step->plugin->transform->destroy(step->transform);
        }
        if (step->predicate != NULL) {
            step->predicate_plugin->predicate->destroy(step->predicate);
        }
    }
    mem_free(c->steps);
    converter_destroy(&c->key);
    converter_destroy(&c->value);
    converter_destroy(&c->header);
    buf_deinit(&c->output.key);
    buf_deinit(&c->output.value);
    mem_free(c);
}

bool record_chain_tolerates(const struct record_chain *c)
{
    return c->tolerate_all;
}

const struct record_chain_output *record_chain_output(const struct record_chain *c)
{
    return &c->output;
}

struct work {
    struct connect_record *record;
    struct connect_scope *scope;
    struct step *step;
};

static enum err_code run_step(struct record_chain *c, void *arg, struct err *e)
{
    (void)c;
    struct work *w = arg;
    struct step *step = w->step;
    if (step->predicate_plugin != NULL) {
        bool result = false;
        enum err_code code =
            step->predicate_plugin->predicate->test(step->predicate, w->record, &result, e);
        if (code != ERR_OK || result == step->negate) {
            return code;
        }
    }
    enum err_code code = step->plugin->transform->apply(step->transform, w->record, w->scope, e);
    return code == ERR_OK && connect_scope_failed(w->scope) ? err_nomem(e, "transform record")
                                                            : code;
}

static enum err_code run_key(struct record_chain *c, void *arg, struct err *e)
{
    const struct connect_record *r = ((struct work *)arg)->record;
    const struct converter_input in = {r->topic, r->key_schema, &r->key};
    c->output.key_null = false;
    buf_clear(&c->output.key);
    enum err_code code = c->key.plugin->converter->from_connect(c->key.object, &in, &c->output.key,
                                                                &c->output.key_null, e);
    return code == ERR_OK ? buf_check(&c->output.key, "key", e) : code;
}

static enum err_code run_value(struct record_chain *c, void *arg, struct err *e)
{
    const struct connect_record *r = ((struct work *)arg)->record;
    const struct converter_input in = {r->topic, r->value_schema, &r->value};
    c->output.value_null = false;
    buf_clear(&c->output.value);
    enum err_code code = c->value.plugin->converter->from_connect(
        c->value.object, &in, &c->output.value, &c->output.value_null, e);
    return code == ERR_OK ? buf_check(&c->output.value, "value", e) : code;
}

static void log_error(struct record_chain *c, const struct stage *stage,
                      const struct connect_record *record, const struct err *e)
{
    if (!c->log_errors) {
        return;
    }
    struct buf source;
    buf_init(&source, 1 << 16);
    if (c->log_messages) {
        buf_printf(&source,
                   ", where source record is = SourceRecord{sourcePartition=%s, "
                   "sourceOffset=",
                   record->source_partition != NULL ? record->source_partition : "null");
        connect_value_write_json(&record->source_offset, &source);
        buf_printf(&source, "} ConnectRecord{topic='%s'}", record->topic);
    }
    const char *text = buf_text(&source);
    logger_error(c->lg, "record.error",
                 "Error encountered in task %s-%d. Executing stage '%s' with class '%s'%s. %s",
                 c->connector_name, c->task_id, stage->name, stage->class_name,
                 text != NULL ? text : "", e->text);
    buf_deinit(&source);
}

/* Repeats an attempt whose error is retriable, with doubling pauses, for as long as the connector
 * allows. */
static enum err_code run_with_retries(struct record_chain *c, const struct stage *stage,
                                      struct err *e)
{
    enum err_code code = stage->run(c, stage->arg, e);
    if (code == ERR_OK || c->retry_timeout_ms == 0) {
        return code;
    }
    int64_t started = clock_mono_ms(clock_system());
    int64_t delay = RETRY_FIRST_MS;
    while (code != ERR_OK && err_code_retriable(code)) {
        int64_t left = c->retry_timeout_ms - (clock_mono_ms(clock_system()) - started);
        if (c->retry_timeout_ms > 0 && left <= 0) {
            break;
        }
        if (c->retry_timeout_ms > 0 && delay > left) {
            delay = left;
        }
        if (c->wait(c->ctx, delay)) {
            return err_set(e, ERR_CANCELLED, "the task is stopping");
        }
        delay = delay * 2 < c->retry_delay_max_ms ? delay * 2 : c->retry_delay_max_ms;
        code = stage->run(c, stage->arg, e);
    }
    return code;
}

static enum err_code run_stage(struct record_chain *c, const struct stage *stage,
                               const struct connect_record *record, bool *out_skipped,
                               struct err *e)
{
    enum err_code code = run_with_retries(c, stage, e);
    if (code == ERR_OK || code == ERR_CANCELLED) {
        return code;
    }
    (void)connect_error_name(e);
    metric_add(c->failed, 1);
    log_error(c, stage, record, e);
    if (c->tolerate_all) {
        *out_skipped = true;
        return ERR_OK;
    }
    return connect_error_wrap(e, CONNECT_EXCEPTION, "Tolerance exceeded in error handler");
}

enum err_code record_chain_apply(struct record_chain *c, struct connect_record *record,
                                 struct connect_scope *scope, bool *out_dropped, struct err *e)
{
    struct work w = {.record = record, .scope = scope};
    struct stage stage = {.name = "TRANSFORMATION", .run = run_step, .arg = &w};
    *out_dropped = false;
    for (size_t i = 0; i < c->step_count; i++) {
        w.step = &c->steps[i];
        stage.class_name = w.step->plugin->class_name;
        enum err_code code = run_stage(c, &stage, record, out_dropped, e);
        if (code != ERR_OK) {
            return code;
        }
        if (*out_dropped || record->dropped) {
            *out_dropped = true;
            return ERR_OK;
        }
    }
    stage = (struct stage){"KEY_CONVERTER", c->key.plugin->class_name, run_key, &w};
    enum err_code code = run_stage(c, &stage, record, out_dropped, e);
    if (code == ERR_OK && !*out_dropped) {
        stage = (struct stage){"VALUE_CONVERTER", c->value.plugin->class_name, run_value, &w};
        code = run_stage(c, &stage, record, out_dropped, e);
    }
    return code;
}

struct header_work {
    const struct connect_record *record;
    struct record_chain_header *h;
};

static enum err_code run_header(struct record_chain *c, void *arg, struct err *e)
{
    const struct header_work *w = arg;
    const struct connect_header *header = w->h->header;
    const struct converter_input in = {w->record->topic, header->schema, &header->value};
    w->h->null = false;
    buf_clear(w->h->out);
    enum err_code code =
        c->header.plugin->converter->from_connect(c->header.object, &in, w->h->out, &w->h->null, e);
    return code == ERR_OK ? buf_check(w->h->out, "header", e) : code;
}

enum err_code record_chain_convert_header(struct record_chain *c,
                                          const struct connect_record *record,
                                          struct record_chain_header *h, struct err *e)
{
    struct header_work w = {record, h};
    const struct stage stage = {"HEADER_CONVERTER", c->header.plugin->class_name, run_header, &w};
    h->skipped = false;
    return run_stage(c, &stage, record, &h->skipped, e);
}
