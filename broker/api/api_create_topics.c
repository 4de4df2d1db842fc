/* CreateTopics (key 19). */
#include <string.h>

#include "broker/api/api_admin.h"
#include "broker/api/api_table.h"
#include "broker/broker.h"
#include "protocol/kafka_error.h"

/* rq->state until the controller answers. */
struct creation {
    struct controller_create_topic *topics;
    struct kafka_create_topics_response response;
    int32_t *slots; /* [topic of the response] = topic of the controller, -1 = refused here */
    int32_t count;
};

static void copy_topic(struct request *rq, const struct kafka_create_topics_request_topic *from,
                       struct controller_create_topic *to)
{
    to->name = from->name;
    to->partition_count = from->num_partitions;
    to->replication_factor = from->replication_factor;
    to->assignment_count = from->assignments_count;
    struct controller_assignment *assignments =
        arena_alloc_array(&rq->arena, (size_t)from->assignments_count, sizeof *assignments);
    for (int32_t i = 0; assignments != NULL && i < from->assignments_count; i++) {
        assignments[i].partition = from->assignments[i].partition_index;
        assignments[i].brokers = from->assignments[i].broker_ids;
        assignments[i].broker_count = from->assignments[i].broker_ids_count;
    }
    to->assignments = assignments;
    to->config_count = (size_t)from->configs_count;
    struct controller_config *configs =
        arena_alloc_array(&rq->arena, to->config_count, sizeof *configs);
    for (size_t i = 0; configs != NULL && i < to->config_count; i++) {
        configs[i].key = from->configs[i].name;
        configs[i].value = from->configs[i].value;
    }
    to->configs = configs;
}

static const enum api_admin_repeat *find_repeats(struct request *rq)
{
    const struct kafka_create_topics_request *body = rq->body;
    struct bytes *names = arena_alloc_array(&rq->arena, (size_t)body->topics_count, sizeof *names);
    for (int32_t i = 0; names != NULL && i < body->topics_count; i++) {
        names[i] = body->topics[i].name;
    }
    return names == NULL ? NULL : api_admin_find_repeats(rq, names, body->topics_count);
}

/* All configs of the new topic, as DescribeConfigs would show them (v5+). */
static void describe_configs(struct request *rq, const struct controller_create_topic *created,
                             struct kafka_create_topics_response_topic *out)
{
    const struct controller_view *view = rq->state;
    size_t count = 0;
    const struct config_def *defs = topic_config_defs(&count);
    struct topic shape = {.configs = created->configs, .config_count = created->config_count};
    struct kafka_create_topics_response_config *configs = message_alloc_array(
        &kafka_create_topics_response_config_schema, &rq->arena, (int32_t)count);
    int32_t used = 0;
    for (size_t i = 0; configs != NULL && i < count; i++) {
        enum config_source source = CONFIG_SOURCE_BUILT_IN;
        struct bytes value = topic_config_value(view, &shape, &defs[i], &source);
        if (defs[i].obsolete) {
            continue;
        }
        configs[used].name = bytes_of_text(defs[i].key);
        configs[used].value = value;
        configs[used].config_source = (int8_t)source;
        used++;
    }
    out->configs = configs;
    out->configs_count = configs == NULL ? 0 : used;
}

static void respond(struct request *rq, struct creation *creation)
{
    (void)api_admin_hold_view(rq);
    struct kafka_create_topics_response *response = &creation->response;
    for (int32_t i = 0; i < response->topics_count; i++) {
        struct kafka_create_topics_response_topic *out = &response->topics[i];
        if (creation->slots[i] < 0) {
            continue;
        }
        const struct controller_create_topic *t = &creation->topics[creation->slots[i]];
        out->error_code = t->error;
        out->error_message = api_admin_message(t->message);
        if (t->error == KAFKA_ERROR_NONE) {
            memcpy(out->topic_id.bytes, t->id, sizeof out->topic_id.bytes);
            out->num_partitions = t->result_partition_count;
            out->replication_factor = 1;
            if (rq->version >= 5) {
                describe_configs(rq, t, out);
            }
        }
    }
    if (arena_failed(&rq->arena)) {
        request_close(rq, "out of memory for the answer to CreateTopics");
        return;
    }
    request_respond(rq, response);
}

static void created(void *ctx)
{
    struct request *rq = ctx;
    respond(rq, rq->state);
}

static void plan(struct request *rq, struct creation *creation)
{
    const struct kafka_create_topics_request *body = rq->body;
    int32_t total = body->topics_count;
    const enum api_admin_repeat *repeats = find_repeats(rq);
    creation->topics = arena_alloc_array(&rq->arena, (size_t)total, sizeof *creation->topics);
    creation->slots = arena_alloc_array(&rq->arena, (size_t)total, sizeof *creation->slots);
    struct kafka_create_topics_response_topic *out =
        message_alloc_array(&kafka_create_topics_response_topic_schema, &rq->arena, total);
    creation->response.topics = out;
    for (int32_t i = 0; !arena_failed(&rq->arena) && i < total; i++) {
        struct bytes name = body->topics[i].name;
        if (repeats[i] == API_ADMIN_REPEATED_AGAIN) {
            continue; /* a repeated name is answered once, where it came first */
        }
        int32_t at = creation->response.topics_count++;
        out[at].name = name;
        if (repeats[i] != API_ADMIN_ONCE) {
            out[at].error_code = KAFKA_ERROR_INVALID_REQUEST;
            out[at].error_message = bytes_of_text("Duplicate topic name.");
            creation->slots[at] = -1;
            continue;
        }
        creation->slots[at] = creation->count;
        copy_topic(rq, &body->topics[i], &creation->topics[creation->count++]);
    }
}

void api_create_topics(struct request *rq)
{
    const struct kafka_create_topics_request *body = rq->body;
    struct creation *creation = request_alloc(rq, sizeof *creation);
    if (creation != NULL) {
        message_init(&kafka_create_topics_response_schema, &creation->response);
        plan(rq, creation);
    }
    if (creation == NULL || arena_failed(&rq->arena)) {
        request_close(rq, "out of memory for CreateTopics");
        return;
    }
    rq->state = creation;
    if (creation->count == 0) {
        respond(rq, creation);
        return;
    }
    enum err_code code =
        controller_create_topics(broker_controller(rq->broker), creation->topics,
                                 (size_t)creation->count, body->validate_only, created, rq);
    if (code != ERR_OK) {
        for (int32_t i = 0; i < creation->count; i++) {
            api_admin_queue_full(&creation->topics[i].error, creation->topics[i].message);
        }
        respond(rq, creation);
    }
}
