/* ListGroups (key 16). */
#include <strings.h>

#include "broker/api/api_group.h"
#include "broker/api/api_table.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

/* An empty filter lets all pass; case does not count. */
static bool passes(const struct bytes *filter, int32_t count, const char *value)
{
    struct bytes v = bytes_of_text(value);
    for (int32_t i = 0; i < count; i++) {
        if (filter[i].len == v.len &&
            strncasecmp((const char *)filter[i].data, value, v.len) == 0) {
            return true;
        }
    }
    return count <= 0;
}

static void answer(struct groups *gs, struct request *rq, int16_t error)
{
    const struct kafka_list_groups_request *body = rq->body;
    size_t total = gs == NULL ? 0 : groups_count(gs);
    struct kafka_list_groups_response *response = request_alloc(rq, sizeof *response);
    struct kafka_list_groups_response_group *out =
        message_alloc_array(&kafka_list_groups_response_group_schema, &rq->arena, (int32_t)total);
    int32_t count = 0;
    for (size_t i = 0; out != NULL && i < total; i++) {
        const struct group *g = groups_at(gs, i)->group;
        const char *state = group_state_name(g->state);
        if (passes(body->states_filter, body->states_filter_count, state) &&
            passes(body->types_filter, body->types_filter_count, "classic")) {
            out[count].group_id = api_group_copy(rq, g->id);
            out[count].protocol_type = bytes_is_null(g->protocol_type)
                                           ? bytes_of("", 0)
                                           : api_group_copy(rq, g->protocol_type);
            out[count].group_state = bytes_of_text(state);
            out[count].group_type = bytes_of_text("classic");
            count++;
        }
    }
    if (arena_failed(&rq->arena)) {
        request_close(rq, "out of memory for the answer to ListGroups");
        return;
    }
    message_init(&kafka_list_groups_response_schema, response);
    response->error_code = error;
    response->groups = out;
    response->groups_count = count;
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

void api_list_groups(struct request *rq)
{
    api_group_post(rq, run, refuse);
}
