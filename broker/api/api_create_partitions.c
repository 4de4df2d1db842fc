/* CreatePartitions (key 37). */
#include <string.h>

#include "broker/api/api_admin.h"
#include "broker/api/api_table.h"
#include "broker/broker.h"
#include "protocol/kafka_error.h"

struct addition {
    struct controller_create_partitions *topics;
    struct kafka_create_partitions_response response;
    int32_t *slots; /* [result of the response] = topic of the controller, -1 = refused here */
    int32_t count;
};

static void respond(struct request *rq, struct addition *addition)
{
    for (int32_t i = 0; i < addition->response.results_count; i++) {
        if (addition->slots[i] >= 0) {
            const struct controller_create_partitions *t = &addition->topics[addition->slots[i]];
            addition->response.results[i].error_code = t->error;
            addition->response.results[i].error_message = api_admin_message(t->message);
        }
    }
    request_respond(rq, &addition->response);
}

static void added(void *ctx)
{
    struct request *rq = ctx;
    respond(rq, rq->state);
}

static const enum api_admin_repeat *find_repeats(struct request *rq)
{
    const struct kafka_create_partitions_request *body = rq->body;
    struct bytes *names = arena_alloc_array(&rq->arena, (size_t)body->topics_count, sizeof *names);
    for (int32_t i = 0; names != NULL && i < body->topics_count; i++) {
        names[i] = body->topics[i].name;
    }
    return names == NULL ? NULL : api_admin_find_repeats(rq, names, body->topics_count);
}

static void copy_topic(struct request *rq, const struct kafka_create_partitions_request_topic *from,
                       struct controller_create_partitions *to)
{
    int32_t count = from->assignments_count < 0 ? 0 : from->assignments_count;
    to->name = from->name;
    to->partition_count = from->count;
    to->assignment_count = count;
    struct controller_assignment *assignments =
        arena_alloc_array(&rq->arena, (size_t)count, sizeof *assignments);
    for (int32_t i = 0; assignments != NULL && i < count; i++) {
        assignments[i].brokers = from->assignments[i].broker_ids;
        assignments[i].broker_count = from->assignments[i].broker_ids_count;
    }
    to->assignments = assignments;
}

static void plan(struct request *rq, struct addition *addition)
{
    const struct kafka_create_partitions_request *body = rq->body;
    int32_t total = body->topics_count;
    const enum api_admin_repeat *repeats = find_repeats(rq);
    addition->topics = arena_alloc_array(&rq->arena, (size_t)total, sizeof *addition->topics);
    addition->slots = arena_alloc_array(&rq->arena, (size_t)total, sizeof *addition->slots);
    struct kafka_create_partitions_response_result *out =
        message_alloc_array(&kafka_create_partitions_response_result_schema, &rq->arena, total);
    addition->response.results = out;
    for (int32_t i = 0; !arena_failed(&rq->arena) && i < total; i++) {
        struct bytes name = body->topics[i].name;
        if (repeats[i] == API_ADMIN_REPEATED_AGAIN) {
            continue;
        }
        int32_t at = addition->response.results_count++;
        out[at].name = name;
        addition->slots[at] = -1;
        if (repeats[i] != API_ADMIN_ONCE) {
            out[at].error_code = KAFKA_ERROR_INVALID_REQUEST;
            out[at].error_message = bytes_of_text("Duplicate topic name.");
            continue;
        }
        addition->slots[at] = addition->count;
        copy_topic(rq, &body->topics[i], &addition->topics[addition->count++]);
    }
}

void api_create_partitions(struct request *rq)
{
    const struct kafka_create_partitions_request *body = rq->body;
    struct addition *addition = request_alloc(rq, sizeof *addition);
    if (addition != NULL) {
        message_init(&kafka_create_partitions_response_schema, &addition->response);
        plan(rq, addition);
    }
    if (addition == NULL || arena_failed(&rq->arena)) {
        request_close(rq, "out of memory for CreatePartitions");
        return;
    }
    rq->state = addition;
    if (addition->count == 0) {
        respond(rq, addition);
        return;
    }
    if (controller_create_partitions(broker_controller(rq->broker), addition->topics,
                                     (size_t)addition->count, body->validate_only, added,
                                     rq) != ERR_OK) {
        for (int32_t i = 0; i < addition->count; i++) {
            api_admin_queue_full(&addition->topics[i].error, addition->topics[i].message);
        }
        respond(rq, addition);
    }
}
