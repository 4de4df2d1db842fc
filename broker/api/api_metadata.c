/*
 * Key 3. Two steps: create the missing topics that the client wants created (Kafka answers "not
 * there yet" and lets it ask again; one node is quick enough to wait), then answer from one view.
 */
#include <string.h>

#include "broker/api/api_table.h"
#include "broker/api/partition_lookup.h"
#include "broker/broker.h"
#include "broker/controller/controller.h"
#include "broker/controller/topic_config.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

/* First versions with the rule. */
#define METADATA_NULL_IS_ALL_VERSION 1
#define METADATA_ALLOW_AUTO_VERSION 4
#define METADATA_BY_ID_VERSION 12

/* Without an authorizer everybody may do all that a resource knows: bit n = operation n. */
#define METADATA_TOPIC_OPERATIONS 0x0df8
#define METADATA_CLUSTER_OPERATIONS 0x1fa0

/* Topics that one request may create; it names the others again. */
#define METADATA_CREATES_MAX 64

struct metadata {
    struct request *rq;
    struct controller_view *view;
    struct kafka_metadata_response *response;
    struct controller_create_topic *creates;
    size_t create_count;
};

static void metadata_release(struct request *rq)
{
    struct metadata *m = rq->state;
    if (m->view != NULL) {
        controller_view_release(m->view);
    }
}

/* ---- one topic ---- */

static void metadata_fill_partition(struct metadata *m, const struct topic *topic, int32_t index,
                                    int32_t *node_list,
                                    struct kafka_metadata_response_partition *out)
{
    bool online = topic_partition(topic, index) != NULL;
    out->partition_index = index;
    out->error_code = online ? KAFKA_ERROR_NONE : KAFKA_ERROR_LEADER_NOT_AVAILABLE;
    out->leader_id = online ? broker_get_config(m->rq->broker)->node_id : -1;
    out->leader_epoch = PARTITION_LOOKUP_LEADER_EPOCH;
    out->replica_nodes = node_list;
    out->replica_nodes_count = 1;
    out->isr_nodes = node_list;
    out->isr_nodes_count = online ? 1 : 0;
    out->offline_replicas = node_list;
    out->offline_replicas_count = online ? 0 : 1;
}

static bool metadata_fill_topic(struct metadata *m, const struct topic *topic,
                                struct kafka_metadata_response_topic *out)
{
    const struct kafka_metadata_request *body = m->rq->body;
    int32_t *node_list = arena_alloc(&m->rq->arena, sizeof *node_list);
    out->partitions = message_alloc_array(&kafka_metadata_response_partition_schema, &m->rq->arena,
                                          topic->partition_count);
    if (node_list == NULL || out->partitions == NULL) {
        return false;
    }
    *node_list = broker_get_config(m->rq->broker)->node_id;
    out->error_code = KAFKA_ERROR_NONE;
    out->name = topic->name;
    memcpy(out->topic_id.bytes, topic->id, sizeof out->topic_id.bytes);
    out->is_internal = topic->internal;
    out->partitions_count = topic->partition_count;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        metadata_fill_partition(m, topic, i, node_list, &out->partitions[i]);
    }
    if (body->include_topic_authorized_operations) {
        out->topic_authorized_operations = METADATA_TOPIC_OPERATIONS;
    }
    return true;
}

/* ---- topics that are not there ---- */

static bool metadata_name_valid(struct bytes name)
{
    char why[CONTROLLER_MESSAGE_MAX];
    return topic_config_check_name(name, why, sizeof why) == KAFKA_ERROR_NONE;
}

static bool metadata_uuid_is_zero(const struct kafka_uuid *id)
{
    static const struct kafka_uuid zero;
    return memcmp(id, &zero, sizeof zero) == 0;
}

static const struct controller_create_topic *metadata_find_create(const struct metadata *m,
                                                                  struct bytes name)
{
    for (size_t i = 0; i < m->create_count; i++) {
        if (bytes_equal(m->creates[i].name, name)) {
            return &m->creates[i];
        }
    }
    return NULL;
}

static int16_t metadata_missing_error(const struct metadata *m, struct bytes name)
{
    const struct controller_create_topic *create = metadata_find_create(m, name);
    if (create == NULL) {
        return metadata_name_valid(name) ? KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION
                                         : KAFKA_ERROR_INVALID_TOPIC_EXCEPTION;
    }
    switch (create->error) {
    case KAFKA_ERROR_NONE:
    case KAFKA_ERROR_TOPIC_ALREADY_EXISTS: /* by another request, and deleted again since */
    case KAFKA_ERROR_REQUEST_TIMED_OUT:
        return KAFKA_ERROR_LEADER_NOT_AVAILABLE; /* the client asks again */
    default:
        return create->error;
    }
}

/* Internal topics are created by those who own them. */
static bool metadata_is_internal_name(struct bytes name)
{
    return bytes_equal(name, bytes_of_text("__consumer_offsets")) ||
           bytes_equal(name, bytes_of_text("__transaction_state"));
}

/* ---- the answer ---- */

static bool metadata_fill_named(struct metadata *m,
                                const struct kafka_metadata_request_topic *asked,
                                struct kafka_metadata_response_topic *out)
{
    const struct topic *topic = NULL;
    if (!bytes_is_null(asked->name)) {
        topic = controller_view_topic(m->view, asked->name);
        out->name = asked->name;
        out->error_code = topic == NULL ? metadata_missing_error(m, asked->name) : KAFKA_ERROR_NONE;
    } else if (m->rq->version >= METADATA_BY_ID_VERSION &&
               !metadata_uuid_is_zero(&asked->topic_id)) {
        topic = controller_view_topic_by_id(m->view, asked->topic_id.bytes);
        out->name = bytes_null();
        out->topic_id = asked->topic_id;
        out->error_code = topic == NULL ? KAFKA_ERROR_UNKNOWN_TOPIC_ID : KAFKA_ERROR_NONE;
    } else {
        out->name = m->rq->version >= METADATA_BY_ID_VERSION ? bytes_null() : bytes_of("", 0);
        out->error_code = KAFKA_ERROR_INVALID_REQUEST;
    }
    return topic == NULL || metadata_fill_topic(m, topic, out);
}

static bool metadata_wants_all(const struct request *rq)
{
    const struct kafka_metadata_request *body = rq->body;
    return rq->version < METADATA_NULL_IS_ALL_VERSION ? body->topics_count <= 0
                                                      : body->topics_count < 0;
}

static bool metadata_fill_topics(struct metadata *m)
{
    const struct kafka_metadata_request *body = m->rq->body;
    bool all = metadata_wants_all(m->rq);
    int32_t count = all ? (int32_t)controller_view_topic_count(m->view) : body->topics_count;
    m->response->topics =
        message_alloc_array(&kafka_metadata_response_topic_schema, &m->rq->arena, count);
    if (m->response->topics == NULL) {
        return false;
    }
    m->response->topics_count = count;
    for (int32_t i = 0; i < count; i++) {
        struct kafka_metadata_response_topic *out = &m->response->topics[i];
        bool filled =
            all ? metadata_fill_topic(m, controller_view_topic_at(m->view, (size_t)i), out)
                : metadata_fill_named(m, &body->topics[i], out);
        if (!filled) {
            return false;
        }
    }
    return true;
}

static bool metadata_fill_cluster(struct metadata *m)
{
    const struct kafka_metadata_request *body = m->rq->body;
    const struct broker *b = m->rq->broker;
    struct kafka_metadata_response *response = m->response;
    response->brokers =
        message_alloc_array(&kafka_metadata_response_broker_schema, &m->rq->arena, 1);
    if (response->brokers == NULL) {
        return false;
    }
    response->brokers_count = 1;
    response->brokers[0].node_id = broker_get_config(b)->node_id;
    response->brokers[0].host = bytes_of_text(broker_advertised_host(b));
    response->brokers[0].port = broker_advertised_port(b);
    response->cluster_id = bytes_of_text(broker_cluster_id(b));
    response->controller_id = broker_get_config(b)->node_id;
    if (body->include_cluster_authorized_operations) {
        response->cluster_authorized_operations = METADATA_CLUSTER_OPERATIONS;
    }
    return true;
}

static void metadata_respond(struct request *rq)
{
    struct metadata *m = rq->state;
    m->view = controller_view_acquire(broker_controller(rq->broker));
    if (metadata_fill_cluster(m) && metadata_fill_topics(m)) {
        request_respond(rq, m->response);
    } else {
        request_close(rq, "out of memory");
    }
}

/* ---- creating ---- */

static bool metadata_may_create(const struct request *rq)
{
    const struct kafka_metadata_request *body = rq->body;
    return broker_get_config(rq->broker)->auto_create_topics && !metadata_wants_all(rq) &&
           (rq->version < METADATA_ALLOW_AUTO_VERSION || body->allow_auto_topic_creation);
}

static bool metadata_must_create(const struct metadata *m, const struct controller_view *view,
                                 struct bytes name)
{
    return !bytes_is_null(name) && controller_view_topic(view, name) == NULL &&
           metadata_name_valid(name) && !metadata_is_internal_name(name) &&
           metadata_find_create(m, name) == NULL;
}

static bool metadata_collect_creates(struct metadata *m)
{
    const struct kafka_metadata_request *body = m->rq->body;
    struct controller_view *view = controller_view_acquire(broker_controller(m->rq->broker));
    bool fits = true;
    for (int32_t i = 0; fits && i < body->topics_count; i++) {
        struct bytes name = body->topics[i].name;
        if (!metadata_must_create(m, view, name)) {
            continue;
        }
        if (m->creates == NULL) {
            m->creates = arena_alloc_array(&m->rq->arena, METADATA_CREATES_MAX, sizeof *m->creates);
        }
        fits = m->creates != NULL;
        if (fits && m->create_count < METADATA_CREATES_MAX) {
            m->creates[m->create_count++] = (struct controller_create_topic){
                .name = name, .partition_count = -1, .replication_factor = -1};
        }
    }
    controller_view_release(view);
    return fits;
}

static void metadata_on_created(void *ctx)
{
    struct metadata *m = ctx;
    request_post(m->rq, metadata_respond);
}

void api_metadata(struct request *rq)
{
    struct metadata *m = request_alloc(rq, sizeof *m);
    struct kafka_metadata_response *response = request_alloc(rq, sizeof *response);
    if (m == NULL || response == NULL) {
        request_close(rq, "out of memory");
        return;
    }
    m->rq = rq;
    m->response = response;
    message_init(&kafka_metadata_response_schema, response);
    rq->state = m;
    rq->release = metadata_release;
    if (metadata_may_create(rq) && !metadata_collect_creates(m)) {
        request_close(rq, "out of memory");
        return;
    }
    if (m->create_count > 0 &&
        controller_create_topics(broker_controller(rq->broker), m->creates, m->create_count, false,
                                 metadata_on_created, m) == ERR_OK) {
        return;
    }
    m->create_count = 0; /* too busy: the client asks again */
    metadata_respond(rq);
}
