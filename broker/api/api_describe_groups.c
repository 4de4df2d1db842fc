/* DescribeGroups (key 15). */
#include "broker/api/api_admin.h"
#include "broker/api/api_group.h"
#include "broker/api/api_table.h"
#include "common/check.h"
#include "protocol/kafka_error.h"

#define NOT_FOUND_VERSION 6

static void fill_members(struct request *rq, const struct group *g,
                         struct kafka_describe_groups_response_group *out)
{
    bool stable = g->state == GROUP_STABLE;
    out->members = message_alloc_array(&kafka_describe_groups_response_member_schema, &rq->arena,
                                       (int32_t)g->member_count);
    out->members_count = out->members == NULL ? 0 : (int32_t)g->member_count;
    for (int32_t i = 0; i < out->members_count; i++) {
        const struct group_member *m = g->members[i];
        struct bytes metadata = group_member_metadata(m, g->protocol_name);
        out->members[i].member_id = api_group_copy(rq, m->id);
        out->members[i].group_instance_id = api_group_copy(rq, m->instance_id);
        out->members[i].client_id = api_group_copy(rq, m->client_id);
        out->members[i].client_host = api_group_copy(rq, m->client_host);
        out->members[i].member_metadata =
            stable && !bytes_is_null(metadata) ? api_group_copy(rq, metadata) : bytes_of("", 0);
        out->members[i].member_assignment =
            stable ? api_group_copy(rq, m->assignment) : bytes_of("", 0);
    }
}

static void fill_group(struct request *rq, const struct group *g,
                       struct kafka_describe_groups_response_group *out)
{
    if (g == NULL) {
        bool says_so = rq->version >= NOT_FOUND_VERSION;
        out->group_state = bytes_of_text(group_state_name(GROUP_DEAD));
        out->error_code = says_so ? KAFKA_ERROR_GROUP_ID_NOT_FOUND : KAFKA_ERROR_NONE;
        out->error_message = says_so ? bytes_of_text("Group not found.") : bytes_null();
        return;
    }
    out->group_state = bytes_of_text(group_state_name(g->state));
    out->protocol_type =
        bytes_is_null(g->protocol_type) ? bytes_of("", 0) : api_group_copy(rq, g->protocol_type);
    if (g->state == GROUP_STABLE && !bytes_is_null(g->protocol_name)) {
        out->protocol_data = api_group_copy(rq, g->protocol_name);
    }
    fill_members(rq, g, out);
}

/* gs NULL: every group gets the error. */
static void answer(struct groups *gs, struct request *rq, int16_t error)
{
    const struct kafka_describe_groups_request *body = rq->body;
    struct kafka_describe_groups_response *response = request_alloc(rq, sizeof *response);
    struct kafka_describe_groups_response_group *out = message_alloc_array(
        &kafka_describe_groups_response_group_schema, &rq->arena, body->groups_count);
    for (int32_t i = 0; response != NULL && out != NULL && i < body->groups_count; i++) {
        out[i].group_id = body->groups[i];
        out[i].error_code = error;
        out[i].group_state = bytes_of("", 0);
        out[i].protocol_type = bytes_of("", 0);
        out[i].protocol_data = bytes_of("", 0);
        out[i].authorized_operations = body->include_authorized_operations
                                           ? API_ADMIN_OPERATIONS_GROUP
                                           : API_ADMIN_OPERATIONS_NONE;
        if (gs != NULL) {
            const struct groups_entry *entry = groups_find(gs, body->groups[i]);
            fill_group(rq, entry == NULL ? NULL : entry->group, &out[i]);
        }
    }
    if (arena_failed(&rq->arena)) {
        request_close(rq, "out of memory for the answer to DescribeGroups");
        return;
    }
    CHECK(response != NULL); /* or the arena has failed */
    message_init(&kafka_describe_groups_response_schema, response);
    response->groups = out;
    response->groups_count = body->groups_count;
    request_respond(rq, response);
}

static void run(struct groups *gs, struct request *rq)
{
    answer(gs, rq, KAFKA_ERROR_NONE);
}

static void refuse(struct request *rq, int16_t error)
{
    answer(NULL, rq, error);
}

void api_describe_groups(struct request *rq)
{
    api_group_post(rq, run, refuse);
}
