/* IncrementalAlterConfigs (key 44). */
#include <string.h>

#include "broker/api/api_admin.h"
#include "broker/api/api_table.h"
#include "broker/broker.h"
#include "protocol/kafka_error.h"

struct alteration {
    struct controller_alter_configs *resources;
    struct kafka_incremental_alter_configs_response response;
    int32_t *slots; /* [response] = resource of the controller, -1 = refused here */
    int32_t count;
};

/* Type and name in one. */
static const enum api_admin_repeat *find_repeats(struct request *rq)
{
    const struct kafka_incremental_alter_configs_request *body = rq->body;
    struct bytes *keys = arena_alloc_array(&rq->arena, (size_t)body->resources_count, sizeof *keys);
    for (int32_t i = 0; keys != NULL && i < body->resources_count; i++) {
        struct bytes name = body->resources[i].resource_name;
        uint8_t *key = arena_alloc(&rq->arena, name.len + 1);
        if (key == NULL) {
            return NULL;
        }
        key[0] = (uint8_t)body->resources[i].resource_type;
        if (name.len > 0) {
            memcpy(key + 1, name.data, name.len);
        }
        keys[i] = bytes_of(key, name.len + 1);
    }
    return keys == NULL ? NULL : api_admin_find_repeats(rq, keys, body->resources_count);
}

static void respond(struct request *rq, struct alteration *alteration)
{
    for (int32_t i = 0; i < alteration->response.responses_count; i++) {
        if (alteration->slots[i] < 0) {
            continue;
        }
        const struct controller_alter_configs *r = &alteration->resources[alteration->slots[i]];
        alteration->response.responses[i].error_code = r->error;
        alteration->response.responses[i].error_message = api_admin_message(r->message);
    }
    request_respond(rq, &alteration->response);
}

static void altered(void *ctx)
{
    struct request *rq = ctx;
    respond(rq, rq->state);
}

static void copy_resource(struct request *rq,
                          const struct kafka_incremental_alter_configs_request_resource *from,
                          struct controller_alter_configs *to)
{
    struct controller_config_change *changes =
        arena_alloc_array(&rq->arena, (size_t)from->configs_count, sizeof *changes);
    for (int32_t k = 0; changes != NULL && k < from->configs_count; k++) {
        changes[k].key = from->configs[k].name;
        changes[k].op = from->configs[k].config_operation;
        changes[k].value = from->configs[k].value;
    }
    to->resource_type = from->resource_type;
    to->resource_name = from->resource_name;
    to->changes = changes;
    to->change_count = (size_t)from->configs_count;
}

static void plan(struct request *rq, struct alteration *alteration)
{
    const struct kafka_incremental_alter_configs_request *body = rq->body;
    int32_t total = body->resources_count;
    const enum api_admin_repeat *repeats = find_repeats(rq);
    alteration->resources =
        arena_alloc_array(&rq->arena, (size_t)total, sizeof *alteration->resources);
    alteration->slots = arena_alloc_array(&rq->arena, (size_t)total, sizeof *alteration->slots);
    struct kafka_incremental_alter_configs_response_response *out = message_alloc_array(
        &kafka_incremental_alter_configs_response_response_schema, &rq->arena, total);
    alteration->response.responses = out;
    for (int32_t i = 0; !arena_failed(&rq->arena) && i < total; i++) {
        if (repeats[i] == API_ADMIN_REPEATED_AGAIN) {
            continue;
        }
        int32_t at = alteration->response.responses_count++;
        out[at].resource_type = body->resources[i].resource_type;
        out[at].resource_name = body->resources[i].resource_name;
        alteration->slots[at] = -1;
        if (repeats[i] != API_ADMIN_ONCE) {
            out[at].error_code = KAFKA_ERROR_INVALID_REQUEST;
            out[at].error_message = bytes_of_text("Each resource must appear at most once.");
            continue;
        }
        alteration->slots[at] = alteration->count;
        copy_resource(rq, &body->resources[i], &alteration->resources[alteration->count++]);
    }
}

void api_incremental_alter_configs(struct request *rq)
{
    const struct kafka_incremental_alter_configs_request *body = rq->body;
    struct alteration *alteration = request_alloc(rq, sizeof *alteration);
    if (alteration != NULL) {
        message_init(&kafka_incremental_alter_configs_response_schema, &alteration->response);
        plan(rq, alteration);
    }
    if (alteration == NULL || arena_failed(&rq->arena)) {
        request_close(rq, "out of memory for IncrementalAlterConfigs");
        return;
    }
    rq->state = alteration;
    if (alteration->count == 0) {
        respond(rq, alteration);
        return;
    }
    if (controller_alter_configs(broker_controller(rq->broker), alteration->resources,
                                 (size_t)alteration->count, body->validate_only, altered,
                                 rq) != ERR_OK) {
        for (int32_t i = 0; i < alteration->count; i++) {
            api_admin_queue_full(&alteration->resources[i].error, alteration->resources[i].message);
        }
        respond(rq, alteration);
    }
}
