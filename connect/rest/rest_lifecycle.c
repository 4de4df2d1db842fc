/* Pause, resume, stop, restart, delete, and the offsets of a stopped connector. All on the herder.
 */
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"
#include "common/logger.h"
#include "common/mem.h"
#include "connect/rest/rest_internal.h"

#define OFFSETS_TIMEOUT_MS 30000

static void set_target(struct rest_call *call, enum connector_state_target target, unsigned status)
{
    struct err e;
    const struct connector_state *state = rest_call_connector(call, "Unknown connector");
    if (state == NULL) {
        return;
    }
    struct config_store *configs = call->server->worker->configs;
    enum err_code code = config_store_put_target(configs, state->name, target, &e);
    if (code == ERR_OK && target == CONNECTOR_STATE_STOPPED && state->tasks.count > 0) {
        /* A stopped connector has no tasks; resuming makes them anew. */
        struct connect_config_set none;
        connect_config_set_init(&none);
        code = config_store_put_tasks(configs, state->name, &none, &e);
    }
    logger_info(call->server->lg, "connector.target", "connector=%s target=%s", state->name,
                connector_state_target_word(target));
    connector_state_unref(state);
    if (code == ERR_OK) {
        rest_call_empty(call, status);
    } else {
        rest_call_fail(call, &e);
    }
}

void rest_lifecycle_pause(struct rest_call *call)
{
    set_target(call, CONNECTOR_STATE_PAUSED, 202);
}

void rest_lifecycle_resume(struct rest_call *call)
{
    set_target(call, CONNECTOR_STATE_STARTED, 202);
}

void rest_lifecycle_stop(struct rest_call *call)
{
    set_target(call, CONNECTOR_STATE_STOPPED, 204);
}

void rest_lifecycle_delete(struct rest_call *call)
{
    struct err e;
    const struct connector_state *state = rest_call_connector(call, "Connector");
    if (state == NULL) {
        return;
    }
    enum err_code code = config_store_delete(call->server->worker->configs, state->name, &e);
    if (code == ERR_OK) {
        logger_info(call->server->lg, "connector.deleted", "connector=%s", state->name);
    }
    connector_state_unref(state);
    if (code == ERR_OK) {
        rest_call_empty(call, 204);
    } else {
        rest_call_fail(call, &e);
    }
}

static bool is_failed(struct rest_call *call, const char *name, int task)
{
    struct status_store_entry entry = {0};
    bool failed = status_store_get(call->server->worker->statuses, name, task, &entry) &&
                  entry.state == STATUS_STORE_FAILED;
    status_store_entry_deinit(&entry);
    return failed;
}

static void say_restarting(struct rest_call *call, const char *name)
{
    struct status_store *statuses = call->server->worker->statuses;
    int *ids = NULL;
    size_t count = 0;
    if (!call->only_failed || is_failed(call, name, STATUS_STORE_CONNECTOR)) {
        status_store_set(statuses, name, STATUS_STORE_CONNECTOR, STATUS_STORE_RESTARTING, NULL);
    }
    if (call->include_tasks && status_store_tasks(statuses, name, &ids, &count, NULL) == ERR_OK) {
        for (size_t i = 0; i < count; i++) {
            if (!call->only_failed || is_failed(call, name, ids[i])) {
                status_store_set(statuses, name, ids[i], STATUS_STORE_RESTARTING, NULL);
            }
        }
    }
    mem_free(ids);
}

void rest_lifecycle_restart(struct rest_call *call)
{
    const struct connector_state *state = rest_call_connector(call, "Unknown connector:");
    if (state == NULL) {
        return;
    }
    CHECK(call->herder != NULL);
    herder_restart(call->herder, state->name, call->include_tasks, call->only_failed);
    if (!call->include_tasks && !call->only_failed) {
        connector_state_unref(state);
        rest_call_empty(call, 204);
        return;
    }
    /* The restart itself and the answer look at what has failed, so they go first. */
    herder_mark_restarts(call->herder);
    struct buf b;
    buf_init(&b, REST_ANSWER_BYTES_MAX);
    call->restarting = true;
    bool known = rest_call_write_status(call, state->name, &b);
    say_restarting(call, state->name);
    connector_state_unref(state);
    if (known) {
        rest_call_json(call, 202, &b);
    } else {
        buf_deinit(&b);
        rest_call_empty(call, 202);
    }
}

void rest_lifecycle_restart_task(struct rest_call *call)
{
    const struct connector_state *state = rest_call_connector(call, "Unknown connector:");
    if (state == NULL) {
        return;
    }
    CHECK(call->herder != NULL);
    const char *text = http_request_param(call->rq, "task");
    char *end = NULL;
    long id = strtol(text, &end, 10);
    bool known = *text != '\0' && *end == '\0' && id >= 0 && id < (long)state->tasks.count &&
                 herder_restart_task(call->herder, state->name, (int)id);
    if (known) {
        rest_call_empty(call, 204);
    } else {
        rest_call_error(call, 404, "Unknown task: %s-%s", state->name, text);
    }
    connector_state_unref(state);
}

/* The connector of the path, stopped and with all its threads gone; NULL after an answer. */
static const struct connector_state *stopped_connector(struct rest_call *call)
{
    const struct connector_state *state = rest_call_connector(call, "Connector");
    if (state == NULL) {
        return NULL;
    }
    CHECK(call->herder != NULL);
    bool stopped = state->target == CONNECTOR_STATE_STOPPED && state->tasks.count == 0 &&
                   herder_is_idle(call->herder, state->name);
    if (!stopped) {
        rest_call_error(call, 400,
                        "Connectors must be in the STOPPED state before their offsets can be "
                        "modified. This can be done for the specified connector by issuing a 'PUT' "
                        "request to the '/connectors/%s/stop' endpoint",
                        state->name);
        connector_state_unref(state);
        return NULL;
    }
    return state;
}

static void answer_message(struct rest_call *call, const char *what)
{
    struct buf b;
    buf_init(&b, REST_ANSWER_BYTES_MAX);
    buf_printf(&b, "{\"message\":\"The offsets for this connector have been %s successfully\"}",
               what);
    rest_call_json(call, 200, &b);
}

/* Partitions and offsets are maps of texts, numbers and booleans, so that every worker can read
 * them. object may be NULL. */
static enum err_code check_primitives(const json_t *object, struct err *e)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (json_is_object(value) || json_is_array(value)) {
            return err_set(e, ERR_INVALID,
                           "Offsets may only contain primitive types as values, but field %s "
                           "contains %s",
                           key, json_is_object(value) ? "MAP" : "ARRAY");
        }
    }
    return ERR_OK;
}

/* {"partition":{...},"offset":{...}|null}, as texts in the arena. */
static enum err_code read_entry(const json_t *entry, struct arena *a,
                                struct offset_store_write *out, struct err *e)
{
    const json_t *partition = json_object_get(entry, "partition");
    const json_t *offset = json_object_get(entry, "offset");
    if (!json_is_object(partition) ||
        !(offset == NULL || json_is_null(offset) || json_is_object(offset))) {
        return err_set(e, ERR_INVALID,
                       "The partition for a source connector's offset must be an object, and the "
                       "offset an object or null");
    }
    enum err_code code = check_primitives(partition, e);
    if (code == ERR_OK) {
        code = check_primitives(offset, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    char *partition_text = json_encode(partition, REST_BODY_BYTES_MAX);
    char *offset_text = json_is_object(offset) ? json_encode(offset, REST_BODY_BYTES_MAX) : NULL;
    out->partition = partition_text != NULL ? arena_strdup(a, partition_text) : NULL;
    out->offset = offset_text != NULL ? arena_strdup(a, offset_text) : NULL;
    bool whole = out->partition != NULL && (out->offset != NULL || !json_is_object(offset));
    mem_free(partition_text);
    mem_free(offset_text);
    return whole ? ERR_OK : err_nomem(e, "read offsets");
}

static enum err_code alter(struct rest_call *call, const char *name, const json_t *list,
                           struct err *e)
{
    struct arena a;
    arena_init(&a, REST_BODY_BYTES_MAX * 2);
    size_t count = json_array_size(list);
    struct offset_store_write *writes = arena_alloc_array(&a, count, sizeof *writes);
    enum err_code code = writes != NULL ? ERR_OK : err_nomem(e, "read offsets");
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        CHECK(writes != NULL);
        code = read_entry(json_array_get(list, i), &a, &writes[i], e);
    }
    if (code == ERR_OK) {
        code = offset_store_put(call->server->worker->offsets, name, writes, count,
                                OFFSETS_TIMEOUT_MS, e);
    }
    arena_deinit(&a);
    return code;
}

void rest_lifecycle_alter_offsets(struct rest_call *call)
{
    struct err e;
    json_t *body = rest_call_body(call);
    if (body == NULL) {
        return;
    }
    const json_t *list = json_object_get(body, "offsets");
    if (json_array_size(list) == 0) {
        rest_call_error(call, 400,
                        "Partitions / offsets need to be provided for an alter offsets request");
    } else {
        const struct connector_state *state = stopped_connector(call);
        if (state != NULL && alter(call, state->name, list, &e) == ERR_OK) {
            answer_message(call, "altered");
        } else if (state != NULL) {
            rest_call_fail(call, &e);
        }
        connector_state_unref(state);
    }
    json_decref(body);
}

void rest_lifecycle_reset_offsets(struct rest_call *call)
{
    struct err e;
    const struct connector_state *state = stopped_connector(call);
    if (state == NULL) {
        return;
    }
    enum err_code code =
        offset_store_reset(call->server->worker->offsets, state->name, OFFSETS_TIMEOUT_MS, &e);
    connector_state_unref(state);
    if (code == ERR_OK) {
        answer_message(call, "reset");
    } else {
        rest_call_fail(call, &e);
    }
}
