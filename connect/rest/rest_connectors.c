/* What is known of connectors, and putting their configs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/logger.h"
#include "common/mem.h"
#include "connect/rest/rest_internal.h"
#include "connect/runtime/validation.h"
#include "connect/store/config_json.h"

#define NOT_FOUND "Connector"
#define STALE                                                         \
    "Cannot complete request momentarily due to stale configuration " \
    "(typically caused by a concurrent config change)"

static void body_init(struct buf *b)
{
    buf_init(b, REST_ANSWER_BYTES_MAX);
}

static void write_task_id(struct buf *out, const char *name, size_t id)
{
    buf_append_text(out, "{\"connector\":");
    rest_call_write_text(out, name);
    buf_printf(out, ",\"task\":%zu}", id);
}

void rest_call_write_info(const struct rest_call *call, const struct connector_state *state,
                          struct buf *out)
{
    buf_append_text(out, "{\"name\":");
    rest_call_write_text(out, state->name);
    buf_append_text(out, ",\"config\":");
    config_json_write(&state->config, out);
    buf_append_text(out, ",\"tasks\":[");
    for (size_t i = 0; state->consistent && i < state->tasks.count; i++) {
        buf_append_text(out, i > 0 ? "," : "");
        write_task_id(out, state->name, i);
    }
    buf_printf(out, "],\"type\":\"%s\"}", rest_call_type(call, state));
}

static void write_entry(struct buf *out, const struct status_store_entry *entry)
{
    buf_printf(out, "\"state\":\"%s\",\"worker_id\":", status_store_word(entry->state));
    rest_call_write_text(out, entry->worker_id != NULL ? entry->worker_id : "");
    if (entry->trace != NULL) {
        buf_append_text(out, ",\"trace\":");
        rest_call_write_text(out, entry->trace);
    }
}

static void show_restart(const struct rest_call *call, struct status_store_entry *entry)
{
    if (call->restarting && (!call->only_failed || entry->state == STATUS_STORE_FAILED)) {
        entry->state = STATUS_STORE_RESTARTING;
    }
}

bool rest_call_write_status(const struct rest_call *call, const char *name, struct buf *out)
{
    struct status_store *statuses = call->server->worker->statuses;
    const struct connector_state *state = config_store_get(call->server->worker->configs, name);
    struct status_store_entry entry = {0};
    int *ids = NULL;
    size_t count = 0;
    bool known = state != NULL &&
                 status_store_get(statuses, name, STATUS_STORE_CONNECTOR, &entry) &&
                 status_store_tasks(statuses, name, &ids, &count, NULL) == ERR_OK;
    if (known) {
        buf_append_text(out, "{\"name\":");
        rest_call_write_text(out, name);
        buf_append_text(out, ",\"connector\":{");
        show_restart(call, &entry);
        write_entry(out, &entry);
        buf_append_text(out, "},\"tasks\":[");
        const char *separator = "";
        for (size_t i = 0; i < count; i++) {
            struct status_store_entry task = {0};
            if (status_store_get(statuses, name, ids[i], &task)) {
                buf_printf(out, "%s{\"id\":%d,", separator, ids[i]);
                if (call->include_tasks) {
                    show_restart(call, &task);
                }
                write_entry(out, &task);
                buf_append_char(out, '}');
                separator = ",";
            }
            status_store_entry_deinit(&task);
        }
        buf_printf(out, "],\"type\":\"%s\"}", rest_call_type(call, state));
    }
    status_store_entry_deinit(&entry);
    mem_free(ids);
    connector_state_unref(state);
    return known;
}

static void write_expanded(const struct rest_call *call, const struct connector_state *state,
                           struct buf *out)
{
    rest_call_write_text(out, state->name);
    buf_append_text(out, ":{");
    if (call->expand_status) {
        buf_append_text(out, "\"status\":");
        if (!rest_call_write_status(call, state->name, out)) {
            buf_append_text(out, "null");
        }
    }
    if (call->expand_info) {
        buf_append_text(out, call->expand_status ? ",\"info\":" : "\"info\":");
        rest_call_write_info(call, state, out);
    }
    buf_append_char(out, '}');
}

void rest_connectors_list(struct rest_call *call)
{
    struct err e;
    struct connector_state_list list = {0};
    if (config_store_list(call->server->worker->configs, &list, &e) != ERR_OK) {
        rest_call_fail(call, &e);
        return;
    }
    struct buf b;
    body_init(&b);
    bool expand = call->expand_status || call->expand_info;
    buf_append_char(&b, expand ? '{' : '[');
    for (size_t i = 0; i < list.count; i++) {
        buf_append_text(&b, i > 0 ? "," : "");
        if (expand) {
            write_expanded(call, list.items[i], &b);
        } else {
            rest_call_write_text(&b, list.items[i]->name);
        }
    }
    buf_append_char(&b, expand ? '}' : ']');
    connector_state_list_deinit(&list);
    rest_call_json(call, 200, &b);
}

void rest_connectors_info(struct rest_call *call)
{
    const struct connector_state *state = rest_call_connector(call, NOT_FOUND);
    if (state == NULL) {
        return;
    }
    struct buf b;
    body_init(&b);
    rest_call_write_info(call, state, &b);
    connector_state_unref(state);
    rest_call_json(call, 200, &b);
}

void rest_connectors_get_config(struct rest_call *call)
{
    const struct connector_state *state = rest_call_connector(call, NOT_FOUND);
    if (state == NULL) {
        return;
    }
    struct buf b;
    body_init(&b);
    config_json_write(&state->config, &b);
    connector_state_unref(state);
    rest_call_json(call, 200, &b);
}

void rest_connectors_status(struct rest_call *call)
{
    struct buf b;
    body_init(&b);
    const char *name = http_request_param(call->rq, "connector");
    if (rest_call_write_status(call, name, &b)) {
        rest_call_json(call, 200, &b);
        return;
    }
    buf_deinit(&b);
    rest_call_error(call, 404, "No status found for connector %s", name);
}

void rest_connectors_tasks(struct rest_call *call)
{
    const struct connector_state *state = rest_call_connector(call, NOT_FOUND);
    if (state == NULL) {
        return;
    }
    struct buf b;
    body_init(&b);
    buf_append_char(&b, '[');
    for (size_t i = 0; state->consistent && i < state->tasks.count; i++) {
        buf_append_text(&b, i > 0 ? ",{\"id\":" : "{\"id\":");
        write_task_id(&b, state->name, i);
        buf_append_text(&b, ",\"config\":");
        config_json_write(&state->tasks.configs[i], &b);
        buf_append_char(&b, '}');
    }
    buf_append_char(&b, ']');
    connector_state_unref(state);
    rest_call_json(call, 200, &b);
}

void rest_connectors_tasks_config(struct rest_call *call)
{
    const struct connector_state *state = rest_call_connector(call, NOT_FOUND);
    if (state == NULL) {
        return;
    }
    struct buf b;
    body_init(&b);
    buf_append_char(&b, '{');
    for (size_t i = 0; state->consistent && i < state->tasks.count; i++) {
        buf_printf(&b, "%s\"", i > 0 ? "," : "");
        buf_append_text(&b, state->name);
        buf_printf(&b, "-%zu\":", i);
        config_json_write(&state->tasks.configs[i], &b);
    }
    buf_append_char(&b, '}');
    connector_state_unref(state);
    rest_call_json(call, 200, &b);
}

void rest_connectors_task_status(struct rest_call *call)
{
    const char *name = http_request_param(call->rq, "connector");
    const char *text = http_request_param(call->rq, "task");
    char *end = NULL;
    long id = strtol(text, &end, 10);
    struct status_store_entry entry = {0};
    bool known = *text != '\0' && *end == '\0' && id >= 0 && id < INT32_MAX &&
                 status_store_get(call->server->worker->statuses, name, (int)id, &entry);
    if (!known) {
        rest_call_error(call, 404, "No status found for task %s-%s", name, text);
        return;
    }
    struct buf b;
    body_init(&b);
    buf_printf(&b, "{\"id\":%ld,", id);
    write_entry(&b, &entry);
    buf_append_char(&b, '}');
    status_store_entry_deinit(&entry);
    rest_call_json(call, 200, &b);
}

void rest_connectors_topics(struct rest_call *call)
{
    const char *name = http_request_param(call->rq, "connector");
    if (!call->server->worker->topic_tracking_enable) {
        rest_call_error(call, 403, "Topic tracking is disabled.");
        return;
    }
    struct buf b;
    body_init(&b);
    buf_append_char(&b, '{');
    rest_call_write_text(&b, name);
    buf_append_text(&b, ":{\"topics\":");
    status_store_write_topics(call->server->worker->statuses, name, &b);
    buf_append_text(&b, "}}");
    rest_call_json(call, 200, &b);
}

void rest_connectors_reset_topics(struct rest_call *call)
{
    if (!call->server->worker->topic_tracking_enable) {
        rest_call_error(call, 403, "Topic tracking is disabled.");
    } else if (!call->server->allow_reset) {
        rest_call_error(call, 403, "Topic tracking reset is disabled.");
    } else {
        status_store_reset_topics(call->server->worker->statuses,
                                  http_request_param(call->rq, "connector"));
        rest_call_empty(call, 202);
    }
}

void rest_connectors_offsets(struct rest_call *call)
{
    const struct connector_state *state = rest_call_connector(call, NOT_FOUND);
    if (state == NULL) {
        return;
    }
    struct buf b;
    body_init(&b);
    buf_append_text(&b, "{\"offsets\":");
    offset_store_write_json(call->server->worker->offsets, state->name, &b);
    buf_append_char(&b, '}');
    connector_state_unref(state);
    rest_call_json(call, 200, &b);
}

static void answer_info(struct rest_call *call, unsigned status, const char *name)
{
    const struct connector_state *state = config_store_get(call->server->worker->configs, name);
    if (state == NULL) {
        rest_call_error(call, 409, STALE);
        return;
    }
    struct buf b;
    body_init(&b);
    rest_call_write_info(call, state, &b);
    connector_state_unref(state);
    rest_call_json(call, status, &b);
}

/* Percent-encodes what a path segment may not hold. */
static void add_location(struct rest_call *call, const char *name)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    struct buf b;
    buf_init(&b, REST_BODY_BYTES_MAX);
    buf_append_text(&b, "/connectors/");
    for (const char *at = name; *at != '\0'; at++) {
        if (strchr(plain, *at) != NULL) {
            buf_append_char(&b, *at);
        } else {
            buf_printf(&b, "%%%02X", (unsigned)(uint8_t)*at);
        }
    }
    const char *location = buf_text(&b);
    if (location != NULL) {
        http_request_add_header(call->rq, "Location", location);
    }
    buf_deinit(&b);
}

/* All errors, however many: more than an ordinary error message holds. */
static void answer_errors(struct rest_call *call, const struct validation *v)
{
    struct buf message;
    struct buf body;
    body_init(&message);
    body_init(&body);
    validation_write_message(v, &message);
    const char *text = buf_text(&message);
    buf_append_text(&body, "{\"error_code\":400,\"message\":");
    rest_call_write_text(&body, text != NULL ? text : "Connector configuration is invalid");
    buf_append_char(&body, '}');
    buf_deinit(&message);
    rest_call_json(call, 400, &body);
}

/* False after an answer that refuses the call's config. */
static bool accept_config(struct rest_call *call)
{
    struct validation v;
    struct err e;
    enum err_code code = validation_run(call->server->worker, &call->config, &v, &e);
    if (code != ERR_OK) {
        if (code == ERR_NOT_FOUND) {
            rest_call_error(call, 500, "%s", e.text);
        } else {
            rest_call_fail(call, &e);
        }
        return false;
    }
    bool good = v.error_count == 0;
    if (!good) {
        answer_errors(call, &v);
    }
    validation_deinit(&v);
    return good;
}

/* Herder: stores the call's config and answers with what is stored then. */
static void store_config(struct rest_call *call)
{
    struct err e;
    struct config_store *configs = call->server->worker->configs;
    const struct connector_state *old = config_store_get(configs, call->name);
    bool created = old == NULL;
    bool stale =
        call->base_version != 0 && (old == NULL || old->config_version != call->base_version);
    /* An unchanged config is not written: nothing restarts but a connector that has failed, which
     * is what somebody who sends it again wants. */
    bool same = old != NULL && connect_config_equal(&old->config, &call->config);
    connector_state_unref(old);
    if (stale) {
        rest_call_error(call, 409, STALE);
        return;
    }
    if (!same && config_store_put_connector(configs, call->name, &call->config, call->target, &e) !=
                     ERR_OK) {
        rest_call_fail(call, &e);
        return;
    }
    if (same) {
        herder_restart(call->herder, call->name, false, true);
    }
    logger_info(call->server->lg, created ? "connector.created" : "connector.configured",
                "connector=%s", call->name);
    if (created) {
        add_location(call, call->name);
    }
    answer_info(call, created ? 201 : 200, call->name);
}

static void store_new_config(struct rest_call *call)
{
    const struct connector_state *old = config_store_get(call->server->worker->configs, call->name);
    connector_state_unref(old);
    if (old != NULL) {
        rest_call_error(call, 409, "Connector %s already exists", call->name);
    } else {
        store_config(call);
    }
}

static bool name_is_legal(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return false;
        }
    }
    return name[0] != '\0';
}

static char *trimmed_copy(const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        len--;
    }
    while (len > 0 && strchr(" \t\r\n", *text) != NULL) {
        text++;
        len--;
    }
    return mem_strndup(text, len);
}

/* Sets "name" of the call's config to the connector's name, or refuses another one. */
static bool settle_name(struct rest_call *call)
{
    struct err e;
    const char *given = connect_config_get(&call->config, "name");
    if (given != NULL && strcmp(given, call->name) != 0) {
        rest_call_error(call, 400,
                        "Connector name configuration (%s) doesn't match connector name in the URL "
                        "(%s)",
                        given, call->name);
        return false;
    }
    if (!name_is_legal(call->name)) {
        rest_call_error(call, 400,
                        "Connector configuration is invalid: a connector name must not be empty or "
                        "contain control characters");
        return false;
    }
    if (connect_config_set(&call->config, "name", call->name, &e) != ERR_OK) {
        rest_call_fail(call, &e);
        return false;
    }
    return true;
}

/* Takes the name. Checks name and config, then hands the call to the herder, which runs `store`. */
static void submit_config(struct rest_call *call, char *take_name, rest_call_fn store)
{
    call->name = take_name;
    if (take_name == NULL) {
        rest_call_error(call, 500, "out of memory");
    } else if (settle_name(call) && accept_config(call)) {
        rest_call_submit(call, store);
    }
}

/* {"name","config","initial_state"?} and nothing else. */
static bool read_create(struct rest_call *call, const json_t *body)
{
    struct err e;
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)body, key, value)
    {
        if (strcmp(key, "name") != 0 && strcmp(key, "config") != 0 &&
            strcmp(key, "initial_state") != 0) {
            rest_call_error(call, 400,
                            "Unrecognized field \"%s\", not marked as ignorable (3 known "
                            "properties: \"name\", \"config\", \"initial_state\")",
                            key);
            return false;
        }
    }
    if (!json_is_string(json_object_get(body, "name")) ||
        !json_is_object(json_object_get(body, "config"))) {
        rest_call_error(call, 400, "The request needs a text \"name\" and an object \"config\"");
        return false;
    }
    const json_t *initial = json_object_get(body, "initial_state");
    enum connector_state_target target = CONNECTOR_STATE_STARTED;
    if (initial != NULL && !json_is_null(initial)) {
        if (!json_is_string(initial) ||
            !connector_state_target_parse(json_string_value(initial), &target)) {
            rest_call_error(call, 400, "initial_state must be one of RUNNING, PAUSED, STOPPED");
            return false;
        }
        call->target = (int)target;
    }
    if (config_json_read(json_object_get(body, "config"), &call->config, &e) != ERR_OK) {
        rest_call_fail(call, &e);
        return false;
    }
    return true;
}

void rest_connectors_create(struct rest_call *call)
{
    json_t *body = rest_call_body(call);
    if (body == NULL) {
        return;
    }
    if (read_create(call, body)) {
        submit_config(call, trimmed_copy(json_string_value(json_object_get(body, "name"))),
                      store_new_config);
    }
    json_decref(body);
}

void rest_connectors_put_config(struct rest_call *call)
{
    struct err e;
    json_t *body = rest_call_body(call);
    if (body == NULL) {
        return;
    }
    if (config_json_read(body, &call->config, &e) != ERR_OK) {
        rest_call_fail(call, &e);
    } else {
        submit_config(call, mem_strdup(http_request_param(call->rq, "connector")), store_config);
    }
    json_decref(body);
}

/* A null value deletes the key. */
static enum err_code merge_patch(struct connect_config *config, const struct connect_config *patch,
                                 struct err *e)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < patch->count; i++) {
        if (patch->entries[i].value == NULL) {
            connect_config_remove(config, patch->entries[i].key);
        } else {
            code = connect_config_set(config, patch->entries[i].key, patch->entries[i].value, e);
        }
    }
    return code;
}

void rest_connectors_patch_config(struct rest_call *call)
{
    struct err e;
    json_t *body = rest_call_body(call);
    const struct connector_state *old = body != NULL ? rest_call_connector(call, NOT_FOUND) : NULL;
    if (old != NULL) {
        struct connect_config patch;
        connect_config_init(&patch);
        call->base_version = old->config_version;
        if (config_json_read(body, &patch, &e) != ERR_OK ||
            connect_config_merge(&call->config, &old->config, &e) != ERR_OK ||
            merge_patch(&call->config, &patch, &e) != ERR_OK) {
            rest_call_fail(call, &e);
        } else {
            submit_config(call, mem_strdup(old->name), store_config);
        }
        connect_config_deinit(&patch);
    }
    connector_state_unref(old);
    json_decref(body);
}
