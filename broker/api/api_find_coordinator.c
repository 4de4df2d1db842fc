/* Key 10: with one node, the coordinator of every group is this one. The first question for it
 * creates __consumer_offsets. Transactions are not served: error 53 with a text. */
#include "broker/api/api_group.h"
#include "broker/api/api_table.h"
#include "broker/broker.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

#define FIND_COORDINATOR_BATCH_VERSION 4

enum find_coordinator_type { FIND_COORDINATOR_GROUP = 0, FIND_COORDINATOR_TXN = 1 };

static int16_t find_coordinator_check(int8_t type, struct bytes key, const char **out_message)
{
    if (type == FIND_COORDINATOR_GROUP) {
        return KAFKA_ERROR_NONE;
    }
    if (type != FIND_COORDINATOR_TXN) {
        *out_message = "this key type has no coordinator: use 0 (group) or 1 (transaction)";
        return KAFKA_ERROR_INVALID_REQUEST;
    }
    if (key.len == 0) {
        *out_message = "a transactional id must not be empty";
        return KAFKA_ERROR_INVALID_REQUEST;
    }
    /* The one answer that every client takes as final and shows with its text; after any other,
     * librdkafka asks again until its own timeout and says only that. */
    *out_message = "this broker has no transactions: produce without transactional.id";
    return KAFKA_ERROR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
}

static void find_coordinator_fill(const struct broker *b, int8_t type, int16_t error,
                                  struct kafka_find_coordinator_response_coordinator *out)
{
    const char *message = NULL;
    out->error_code = find_coordinator_check(type, out->key, &message);
    if (out->error_code == KAFKA_ERROR_NONE && error != KAFKA_ERROR_NONE) {
        out->error_code = error;
        message = "the group coordinator is not ready";
    }
    out->error_message = bytes_of_text(message);
    if (out->error_code == KAFKA_ERROR_NONE) {
        out->node_id = broker_get_config(b)->node_id;
        out->host = bytes_of_text(broker_advertised_host(b));
        out->port = broker_advertised_port(b);
    } else {
        out->node_id = -1;
        out->host = bytes_of_text("");
        out->port = -1;
    }
}

/* error: why groups have no coordinator now, or 0 */
static void find_coordinator_answer(struct request *rq, int16_t error)
{
    const struct kafka_find_coordinator_request *body = rq->body;
    bool batch = rq->version >= FIND_COORDINATOR_BATCH_VERSION;
    int32_t count = batch ? body->coordinator_keys_count : 1;
    struct kafka_find_coordinator_response *response = request_alloc(rq, sizeof *response);
    struct kafka_find_coordinator_response_coordinator *coordinators =
        message_alloc_array(&kafka_find_coordinator_response_coordinator_schema, &rq->arena, count);
    if (response == NULL || coordinators == NULL) {
        request_close(rq, "out of memory");
        return;
    }
    message_init(&kafka_find_coordinator_response_schema, response);
    for (int32_t i = 0; i < count; i++) {
        coordinators[i].key = batch ? body->coordinator_keys[i] : body->key;
        find_coordinator_fill(rq->broker, body->key_type, error, &coordinators[i]);
    }
    if (batch) {
        response->coordinators = coordinators;
        response->coordinators_count = count;
    } else {
        response->error_code = coordinators[0].error_code;
        response->error_message = coordinators[0].error_message;
        response->node_id = coordinators[0].node_id;
        response->host = coordinators[0].host;
        response->port = coordinators[0].port;
    }
    request_respond(rq, response);
}

struct find_coordinator_wait {
    struct groups_topic_wait wait;
    struct request *rq;
};

static void find_coordinator_topic(void *ctx, int16_t error)
{
    struct find_coordinator_wait *w = ctx;
    find_coordinator_answer(w->rq, error);
}

static void find_coordinator_run(struct groups *gs, struct request *rq)
{
    struct find_coordinator_wait *w = request_alloc(rq, sizeof *w);
    if (w == NULL) {
        request_close(rq, "out of memory");
        return;
    }
    w->rq = rq;
    w->wait = (struct groups_topic_wait){.done = find_coordinator_topic, .ctx = w};
    groups_await_topic(gs, &w->wait);
}

static void find_coordinator_refuse(struct request *rq, int16_t error)
{
    /* Loading is told by the requests that follow: this one is the coordinator all the same. */
    find_coordinator_answer(rq, error == KAFKA_ERROR_COORDINATOR_LOAD_IN_PROGRESS ? KAFKA_ERROR_NONE
                                                                                  : error);
}

void api_find_coordinator(struct request *rq)
{
    const struct kafka_find_coordinator_request *body = rq->body;
    if (body->key_type == FIND_COORDINATOR_GROUP) {
        api_group_post(rq, find_coordinator_run, find_coordinator_refuse);
    } else {
        find_coordinator_answer(rq, KAFKA_ERROR_NONE);
    }
}
