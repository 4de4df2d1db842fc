/* LeaveGroup (key 13): one member before v3, a list from then on. */
#include "broker/api/api_group.h"
#include "broker/api/api_table.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

#define LIST_VERSION 3

static struct kafka_leave_group_response *new_response(struct request *rq, int16_t error)
{
    struct kafka_leave_group_response *response = request_alloc(rq, sizeof *response);
    if (response != NULL) {
        message_init(&kafka_leave_group_response_schema, response);
        response->error_code = error;
    }
    return response;
}

static void refuse(struct request *rq, int16_t error)
{
    struct kafka_leave_group_response *response = new_response(rq, error);
    if (response == NULL) {
        request_close(rq, "out of memory for the answer to LeaveGroup");
        return;
    }
    request_respond(rq, response);
}

static int16_t leave(struct groups *gs, struct groups_entry *entry, struct bytes member_id,
                     struct bytes instance_id)
{
    if (entry == NULL) {
        return KAFKA_ERROR_UNKNOWN_MEMBER_ID;
    }
    struct group_sender sender = {member_id, instance_id, -1};
    return group_leave(entry->group, &sender, groups_now_ms(gs));
}

static void run(struct groups *gs, struct request *rq)
{
    const struct kafka_leave_group_request *body = rq->body;
    struct groups_entry *entry = groups_find(gs, body->group_id);
    struct kafka_leave_group_response *response = new_response(rq, KAFKA_ERROR_NONE);
    int32_t count = rq->version >= LIST_VERSION ? body->members_count : 0;
    struct kafka_leave_group_response_member *members =
        message_alloc_array(&kafka_leave_group_response_member_schema, &rq->arena, count);
    if (response == NULL || members == NULL) {
        request_close(rq, "out of memory for LeaveGroup");
        return;
    }
    if (rq->version < LIST_VERSION) {
        response->error_code = leave(gs, entry, body->member_id, bytes_null());
    }
    for (int32_t i = 0; i < count; i++) {
        members[i].member_id = body->members[i].member_id;
        members[i].group_instance_id = body->members[i].group_instance_id;
        members[i].error_code =
            leave(gs, entry, body->members[i].member_id, body->members[i].group_instance_id);
    }
    response->members = members;
    response->members_count = count;
    if (entry != NULL) {
        groups_changed(gs, entry);
    }
    request_respond(rq, response);
}

void api_leave_group(struct request *rq)
{
    const struct kafka_leave_group_request *body = rq->body;
    if (body->group_id.len == 0) {
        refuse(rq, KAFKA_ERROR_INVALID_GROUP_ID);
    } else {
        api_group_post(rq, run, refuse);
    }
}
