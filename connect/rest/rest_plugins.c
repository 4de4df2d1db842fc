/* Plug-ins, validation, and the loggers' levels. */
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/logger.h"
#include "common/mem.h"
#include "connect/rest/rest_internal.h"
#include "connect/runtime/common_keys.h"
#include "connect/runtime/validation.h"
#include "connect/store/config_json.h"

void rest_plugins_list(struct rest_call *call)
{
    const struct plugin_list *plugins = call->server->worker->plugins;
    struct buf b;
    const char *separator = "";
    buf_init(&b, REST_ANSWER_BYTES_MAX);
    buf_append_char(&b, '[');
    for (size_t i = 0; i < plugins->count; i++) {
        const struct connect_plugin *p = plugins->items[i];
        bool connector = p->type == CONNECT_PLUGIN_SOURCE || p->type == CONNECT_PLUGIN_SINK;
        if (call->connectors_only && !connector) {
            continue;
        }
        buf_printf(&b, "%s{\"class\":", separator);
        rest_call_write_text(&b, p->class_name);
        buf_printf(&b, ",\"type\":\"%s\"", plugin_list_type_word(p->type));
        if (p->version != NULL) {
            buf_append_text(&b, ",\"version\":");
            rest_call_write_text(&b, p->version);
        }
        buf_append_char(&b, '}');
        separator = ",";
    }
    buf_append_char(&b, ']');
    rest_call_json(call, 200, &b);
}

static void write_keys(struct buf *b, const struct connect_config_key *keys, size_t count,
                       const struct connect_config_key *shown_before, size_t before_count)
{
    for (size_t i = 0; i < count; i++) {
        if (connect_config_find_key(shown_before, before_count, keys[i].name) == NULL) {
            buf_append_text(b, b->len > 1 ? "," : "");
            validation_write_definition(&keys[i], b);
        }
    }
}

void rest_plugins_config(struct rest_call *call)
{
    const char *name = http_request_param(call->rq, "plugin");
    const struct connect_plugin *p = plugin_list_find_any(call->server->worker->plugins, name);
    if (p == NULL) {
        rest_call_error(call, 404, "Unknown plugin %s.", name);
        return;
    }
    struct buf b;
    size_t common_count = 0;
    const struct connect_config_key *common = common_keys_source(&common_count);
    bool connector = p->type == CONNECT_PLUGIN_SOURCE || p->type == CONNECT_PLUGIN_SINK;
    buf_init(&b, REST_ANSWER_BYTES_MAX);
    buf_append_char(&b, '[');
    write_keys(&b, p->keys, p->key_count, NULL, 0);
    if (connector) {
        write_keys(&b, common, common_count, p->keys, p->key_count);
    }
    buf_append_char(&b, ']');
    rest_call_json(call, 200, &b);
}

static void validate(struct rest_call *call, const struct connect_config *config)
{
    const char *requested = http_request_param(call->rq, "plugin");
    const struct plugin_list *plugins = call->server->worker->plugins;
    const char *class_name = connect_config_get(config, "connector.class");
    struct validation v;
    struct err e;
    if (class_name != NULL) {
        const struct connect_plugin *included = plugin_list_find_connector(plugins, class_name);
        const struct connect_plugin *wanted = plugin_list_find_connector(plugins, requested);
        bool same = included != NULL ? included == wanted : strcmp(class_name, requested) == 0;
        if (!same) {
            rest_call_error(call, 400, "Included connector type %s does not match request type %s",
                            class_name, requested);
            return;
        }
    }
    enum err_code code = validation_run(call->server->worker, config, &v, &e);
    if (code == ERR_NOT_FOUND) {
        rest_call_error(call, 500, "%s", e.text);
        return;
    }
    if (code != ERR_OK) {
        rest_call_fail(call, &e);
        return;
    }
    struct buf b;
    buf_init(&b, REST_ANSWER_BYTES_MAX);
    validation_write_json(&v, &b);
    validation_deinit(&v);
    rest_call_json(call, 200, &b);
}

void rest_plugins_validate(struct rest_call *call)
{
    struct err e;
    json_t *body = rest_call_body(call);
    if (body == NULL) {
        return;
    }
    struct connect_config config;
    connect_config_init(&config);
    if (config_json_read(body, &config, &e) != ERR_OK) {
        rest_call_fail(call, &e);
    } else {
        validate(call, &config);
    }
    connect_config_deinit(&config);
    json_decref(body);
}

/* The worker has one level for everything: the logger "root". */
static const char *level_of(const struct logger *lg)
{
    return logger_enabled(lg, LOGGER_DEBUG)  ? "DEBUG"
           : logger_enabled(lg, LOGGER_INFO) ? "INFO"
           : logger_enabled(lg, LOGGER_WARN) ? "WARN"
                                             : "ERROR";
}

void rest_plugins_loggers(struct rest_call *call)
{
    struct buf b;
    buf_init(&b, REST_ANSWER_BYTES_MAX);
    buf_printf(&b, "{\"root\":{\"level\":\"%s\",\"last_modified\":null}}",
               level_of(call->server->lg));
    rest_call_json(call, 200, &b);
}

void rest_plugins_logger(struct rest_call *call)
{
    const char *name = http_request_param(call->rq, "logger");
    if (strcmp(name, "root") != 0) {
        rest_call_error(call, 404, "Logger %s not found.", name);
        return;
    }
    struct buf b;
    buf_init(&b, REST_ANSWER_BYTES_MAX);
    buf_printf(&b, "{\"level\":\"%s\",\"last_modified\":null}", level_of(call->server->lg));
    rest_call_json(call, 200, &b);
}

void rest_plugins_set_logger(struct rest_call *call)
{
    static const char *const levels[] = {"TRACE", "DEBUG", "INFO", "WARN",
                                         "ERROR", "FATAL", "OFF",  NULL};
    json_t *body = rest_call_body(call);
    if (body == NULL) {
        return;
    }
    const char *level = json_string_value(json_object_get(body, "level"));
    bool known = false;
    for (size_t i = 0; level != NULL && levels[i] != NULL; i++) {
        known = known || strcasecmp(levels[i], level) == 0;
    }
    if (level == NULL) {
        rest_call_error(call, 400, "Desired 'level' parameter was not specified in request.");
    } else if (!known) {
        rest_call_error(call, 404, "invalid log level '%s'.", level);
    } else {
        /* Levels are set where the process is started; no logger is affected here. */
        struct buf b;
        buf_init(&b, REST_ANSWER_BYTES_MAX);
        buf_append_text(&b, "[]");
        rest_call_json(call, 200, &b);
    }
    json_decref(body);
}
