/* JoinGroup (key 11). */
#include "broker/api/api_group.h"
#include "broker/api/api_table.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

static void respond(struct request *rq, const struct kafka_join_group_response *from)
{
    struct kafka_join_group_response *response = request_alloc(rq, sizeof *response);
    if (response == NULL || arena_failed(&rq->arena)) {
        request_close(rq, "out of memory for the answer to JoinGroup");
        return;
    }
    *response = *from;
    request_respond(rq, response);
}

static void refuse(struct request *rq, int16_t error)
{
    const struct kafka_join_group_request *body = rq->body;
    struct kafka_join_group_response response;
    message_init(&kafka_join_group_response_schema, &response);
    response.error_code = error;
    response.generation_id = -1;
    response.protocol_name = rq->version >= 7 ? bytes_null() : bytes_of("", 0);
    response.leader = bytes_of("", 0);
    response.member_id = body->member_id;
    respond(rq, &response);
}

static void copy_members(struct request *rq, const struct group *g,
                         struct kafka_join_group_response *response)
{
    struct kafka_join_group_response_member *members = message_alloc_array(
        &kafka_join_group_response_member_schema, &rq->arena, (int32_t)g->member_count);
    if (members == NULL) {
        return;
    }
    for (size_t i = 0; i < g->member_count; i++) {
        struct bytes metadata = group_member_metadata(g->members[i], g->protocol_name);
        members[i].member_id = api_group_copy(rq, g->members[i]->id);
        members[i].group_instance_id = api_group_copy(rq, g->members[i]->instance_id);
        members[i].metadata =
            api_group_copy(rq, bytes_is_null(metadata) ? bytes_of("", 0) : metadata);
    }
    response->members = members;
    response->members_count = (int32_t)g->member_count;
}

static void joined(struct groups_waiter *w, const struct group *g,
                   const struct group_join_answer *answer)
{
    struct request *rq = w->ctx;
    struct kafka_join_group_response response;
    message_init(&kafka_join_group_response_schema, &response);
    response.error_code = answer->error;
    response.generation_id = answer->generation;
    response.protocol_type = api_group_copy(rq, answer->protocol_type);
    response.protocol_name = api_group_copy(rq, answer->protocol_name);
    if (bytes_is_null(response.protocol_name) && rq->version < 7) {
        response.protocol_name = bytes_of("", 0);
    }
    response.leader =
        api_group_copy(rq, bytes_is_null(answer->leader) ? bytes_of("", 0) : answer->leader);
    response.skip_assignment = answer->skip_assignment;
    response.member_id = api_group_copy(rq, answer->member_id);
    if (answer->with_members) {
        copy_members(rq, g, &response);
    }
    respond(rq, &response);
}

/* Creates the group for a new member only. */
static struct groups_entry *
find_group(struct groups *gs, const struct kafka_join_group_request *body, int16_t *out_error)
{
    struct groups_entry *entry = groups_find(gs, body->group_id);
    if (entry != NULL) {
        return entry;
    }
    if (body->member_id.len > 0) {
        *out_error = KAFKA_ERROR_UNKNOWN_MEMBER_ID;
        return NULL;
    }
    const struct group_config *config = groups_group_config(gs);
    if (body->session_timeout_ms < config->min_session_timeout_ms ||
        body->session_timeout_ms > config->max_session_timeout_ms) {
        *out_error = KAFKA_ERROR_INVALID_SESSION_TIMEOUT;
        return NULL;
    }
    entry = groups_create(gs, body->group_id);
    *out_error = entry == NULL ? KAFKA_ERROR_UNKNOWN_SERVER_ERROR : KAFKA_ERROR_NONE;
    return entry;
}

static void run(struct groups *gs, struct request *rq)
{
    const struct kafka_join_group_request *body = rq->body;
    struct groups_waiter *waiter = request_alloc(rq, sizeof *waiter);
    struct group_protocol *protocols =
        arena_alloc_array(&rq->arena, (size_t)body->protocols_count, sizeof *protocols);
    if (waiter == NULL || protocols == NULL) {
        request_close(rq, "out of memory for JoinGroup");
        return;
    }
    for (int32_t i = 0; i < body->protocols_count; i++) {
        protocols[i] =
            (struct group_protocol){body->protocols[i].name, body->protocols[i].metadata};
    }
    int16_t error = KAFKA_ERROR_NONE;
    struct groups_entry *entry = find_group(gs, body, &error);
    if (entry == NULL) {
        refuse(rq, error);
        return;
    }
    *waiter = (struct groups_waiter){.joined = joined, .ctx = rq};
    struct group_join join = {
        .token = waiter,
        .member_id = body->member_id,
        .info = {.instance_id = body->group_instance_id,
                 .client_id = bytes_is_null(rq->client_id) ? bytes_of("", 0) : rq->client_id,
                 .client_host = bytes_of_text(rq->client_host),
                 .session_timeout_ms = body->session_timeout_ms,
                 .rebalance_timeout_ms =
                     rq->version >= 1 ? body->rebalance_timeout_ms : body->session_timeout_ms,
                 .protocols = protocols,
                 .protocol_count = body->protocols_count},
        .protocol_type = body->protocol_type,
        .require_known_id = rq->version >= 4,
        .may_skip = rq->version >= 9};
    group_join(entry->group, &join, groups_now_ms(gs));
    groups_changed(gs, entry);
}

void api_join_group(struct request *rq)
{
    const struct kafka_join_group_request *body = rq->body;
    if (body->group_id.len == 0) {
        refuse(rq, KAFKA_ERROR_INVALID_GROUP_ID);
        return;
    }
    api_group_post(rq, run, refuse);
}
