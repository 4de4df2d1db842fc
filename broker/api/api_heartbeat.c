/* Heartbeat (key 12). */
#include "broker/api/api_group.h"
#include "broker/api/api_table.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

static void respond(struct request *rq, int16_t error)
{
    struct kafka_heartbeat_response *response = request_alloc(rq, sizeof *response);
    if (response == NULL) {
        request_close(rq, "out of memory for the answer to Heartbeat");
        return;
    }
    message_init(&kafka_heartbeat_response_schema, response);
    /* While the groups load nobody can be late: the member need not look for another broker. */
    response->error_code =
        error == KAFKA_ERROR_COORDINATOR_LOAD_IN_PROGRESS ? KAFKA_ERROR_NONE : error;
    request_respond(rq, response);
}

static void run(struct groups *gs, struct request *rq)
{
    const struct kafka_heartbeat_request *body = rq->body;
    struct groups_entry *entry = groups_find(gs, body->group_id);
    int16_t error = KAFKA_ERROR_UNKNOWN_MEMBER_ID;
    if (entry != NULL) {
        struct group_sender sender = {body->member_id, body->group_instance_id,
                                      body->generation_id};
        error = group_heartbeat(entry->group, &sender, groups_now_ms(gs));
        groups_changed(gs, entry);
    }
    respond(rq, error);
}

void api_heartbeat(struct request *rq)
{
    const struct kafka_heartbeat_request *body = rq->body;
    if (body->group_id.len == 0) {
        respond(rq, KAFKA_ERROR_INVALID_GROUP_ID);
    } else {
        api_group_post(rq, run, respond);
    }
}
