/* SyncGroup (key 14). */
#include "broker/api/api_group.h"
#include "broker/api/api_table.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

static void respond(struct request *rq, const struct kafka_sync_group_response *from)
{
    struct kafka_sync_group_response *response = request_alloc(rq, sizeof *response);
    if (response == NULL || arena_failed(&rq->arena)) {
        request_close(rq, "out of memory for the answer to SyncGroup");
        return;
    }
    *response = *from;
    request_respond(rq, response);
}

static void refuse(struct request *rq, int16_t error)
{
    struct kafka_sync_group_response response;
    message_init(&kafka_sync_group_response_schema, &response);
    response.error_code = error;
    response.assignment = bytes_of("", 0);
    respond(rq, &response);
}

static void synced(struct groups_waiter *w, const struct group_sync_answer *answer)
{
    struct request *rq = w->ctx;
    struct kafka_sync_group_response response;
    message_init(&kafka_sync_group_response_schema, &response);
    response.error_code = answer->error;
    response.protocol_type = api_group_copy(rq, answer->protocol_type);
    response.protocol_name = api_group_copy(rq, answer->protocol_name);
    response.assignment = api_group_copy(rq, answer->assignment);
    respond(rq, &response);
}

static void run(struct groups *gs, struct request *rq)
{
    const struct kafka_sync_group_request *body = rq->body;
    struct groups_entry *entry = groups_find(gs, body->group_id);
    if (entry == NULL) {
        refuse(rq, KAFKA_ERROR_UNKNOWN_MEMBER_ID);
        return;
    }
    struct groups_waiter *waiter = request_alloc(rq, sizeof *waiter);
    struct group_assignment *assignments =
        arena_alloc_array(&rq->arena, (size_t)body->assignments_count, sizeof *assignments);
    if (waiter == NULL || assignments == NULL) {
        request_close(rq, "out of memory for SyncGroup");
        return;
    }
    for (int32_t i = 0; i < body->assignments_count; i++) {
        assignments[i] = (struct group_assignment){body->assignments[i].member_id,
                                                   body->assignments[i].assignment};
    }
    *waiter = (struct groups_waiter){.synced = synced, .ctx = rq};
    struct group_sync sync = {.token = waiter,
                              .member_id = body->member_id,
                              .instance_id = body->group_instance_id,
                              .generation = body->generation_id,
                              .protocol_type = body->protocol_type,
                              .protocol_name = body->protocol_name,
                              .assignments = assignments,
                              .assignment_count = body->assignments_count};
    group_sync(entry->group, &sync, groups_now_ms(gs));
    groups_changed(gs, entry);
}

void api_sync_group(struct request *rq)
{
    const struct kafka_sync_group_request *body = rq->body;
    if (body->group_id.len == 0) {
        refuse(rq, KAFKA_ERROR_INVALID_GROUP_ID);
    } else if (rq->version >= 5 &&
               (bytes_is_null(body->protocol_type) || bytes_is_null(body->protocol_name))) {
        refuse(rq, KAFKA_ERROR_INCONSISTENT_GROUP_PROTOCOL);
    } else {
        api_group_post(rq, run, refuse);
    }
}
