/*
 * Key 22. A producer without transactions gets an id that was never given out before, with epoch 0.
 * Transactions are not served: a transactional id gets error 53, which ends a producer at once
 * (api_find_coordinator.c says why that one).
 */
#include "broker/api/api_table.h"
#include "broker/broker.h"
#include "broker/controller/controller.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

struct init_producer_id {
    struct kafka_init_producer_id_response response;
    struct controller_producer_id next;
    struct request *rq;
};

static void init_producer_id_done(void *ctx)
{
    struct init_producer_id *op = ctx;
    op->response.error_code = op->next.error;
    if (op->next.error == KAFKA_ERROR_NONE) {
        op->response.producer_id = op->next.id;
        op->response.producer_epoch = 0;
    }
    request_respond(op->rq, &op->response);
}

static int16_t init_producer_id_check(const struct kafka_init_producer_id_request *body)
{
    if ((body->producer_id == -1) != (body->producer_epoch == -1)) {
        return KAFKA_ERROR_INVALID_REQUEST;
    }
    if (bytes_is_null(body->transactional_id)) {
        return KAFKA_ERROR_NONE;
    }
    return body->transactional_id.len == 0 ? KAFKA_ERROR_INVALID_REQUEST
                                           : KAFKA_ERROR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
}

void api_init_producer_id(struct request *rq)
{
    struct init_producer_id *op = request_alloc(rq, sizeof *op);
    if (op == NULL) {
        request_close(rq, "out of memory");
        return;
    }
    op->rq = rq;
    message_init(&kafka_init_producer_id_response_schema, &op->response);
    op->response.producer_epoch = -1;
    op->response.error_code = init_producer_id_check(rq->body);
    if (op->response.error_code == KAFKA_ERROR_NONE) {
        if (controller_next_producer_id(broker_controller(rq->broker), &op->next,
                                        init_producer_id_done, op) == ERR_OK) {
            return;
        }
        op->response.error_code = KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE; /* clients try again */
    }
    request_respond(rq, &op->response);
}
