/* Key 10: with one node, the coordinator of everything is this one. */
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
    return KAFKA_ERROR_NONE;
}

static void find_coordinator_fill(const struct broker *b, int8_t type, struct bytes key,
                                  struct kafka_find_coordinator_response_coordinator *out)
{
    const char *message = NULL;
    out->key = key;
    out->error_code = find_coordinator_check(type, key, &message);
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

void api_find_coordinator(struct request *rq)
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
        find_coordinator_fill(rq->broker, body->key_type,
                              batch ? body->coordinator_keys[i] : body->key, &coordinators[i]);
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
