/* DeleteTopics (key 20): by name, from v6 on also by id. */
#include <string.h>

#include "broker/api/api_admin.h"
#include "broker/api/api_table.h"
#include "broker/broker.h"
#include "common/check.h"
#include "protocol/kafka_error.h"

struct deletion {
    struct controller_delete_topic *topics;
    struct kafka_delete_topics_response response;
    int32_t *slots; /* [topic of the response] = topic of the controller, -1 = refused here */
    int32_t count;
};

static bool is_zero(const struct kafka_uuid *id)
{
    static const struct kafka_uuid zero;
    return memcmp(id, &zero, sizeof zero) == 0;
}

/* What a topic is asked for by: its name, or the bytes of its id (16, so names cannot be mistaken
 * for one by accident: a list is either by name or by id in practice, and a clash is refused). */
static const enum api_admin_repeat *
find_repeats(struct request *rq, const struct kafka_delete_topics_request_topic *t, int32_t count)
{
    struct bytes *keys = arena_alloc_array(&rq->arena, (size_t)count, sizeof *keys);
    for (int32_t i = 0; keys != NULL && i < count; i++) {
        keys[i] =
            bytes_is_null(t[i].name) ? bytes_of(&t[i].topic_id, sizeof t[i].topic_id) : t[i].name;
    }
    return keys == NULL ? NULL : api_admin_find_repeats(rq, keys, count);
}

static void respond(struct request *rq, struct deletion *deletion)
{
    for (int32_t i = 0; i < deletion->response.responses_count; i++) {
        if (deletion->slots[i] < 0) {
            continue;
        }
        const struct controller_delete_topic *t = &deletion->topics[deletion->slots[i]];
        struct kafka_delete_topics_response_response *out = &deletion->response.responses[i];
        out->error_code = t->error == KAFKA_ERROR_TOPIC_DELETION_DISABLED && rq->version < 3
                              ? KAFKA_ERROR_INVALID_REQUEST
                              : t->error;
        out->error_message = api_admin_message(t->message);
    }
    request_respond(rq, &deletion->response);
}

static void deleted(void *ctx)
{
    struct request *rq = ctx;
    respond(rq, rq->state);
}

/* The two forms of the request, as one. */
static struct kafka_delete_topics_request_topic *all_topics(struct request *rq, int32_t *out_count)
{
    const struct kafka_delete_topics_request *body = rq->body;
    if (rq->version >= 6) {
        *out_count = body->topics_count;
        return body->topics;
    }
    struct kafka_delete_topics_request_topic *topics = message_alloc_array(
        &kafka_delete_topics_request_topic_schema, &rq->arena, body->topic_names_count);
    for (int32_t i = 0; topics != NULL && i < body->topic_names_count; i++) {
        topics[i].name = body->topic_names[i];
    }
    *out_count = body->topic_names_count;
    return topics;
}

/* Why this one cannot be asked of the controller, or 0. */
static int16_t check(const struct kafka_delete_topics_request_topic *asked, bool repeated,
                     const char **out_why)
{
    bool by_id = bytes_is_null(asked->name);
    if (!by_id && !is_zero(&asked->topic_id)) {
        *out_why = "You may not specify both topic name and topic id.";
        return KAFKA_ERROR_INVALID_REQUEST;
    }
    if (by_id && is_zero(&asked->topic_id)) {
        *out_why = "Neither topic name nor id were specified.";
        return KAFKA_ERROR_INVALID_REQUEST;
    }
    if (repeated) {
        *out_why = by_id ? "Duplicate topic id." : "Duplicate topic name.";
        return KAFKA_ERROR_INVALID_REQUEST;
    }
    return KAFKA_ERROR_NONE;
}

/* What the client did not say: the name for an id, the id for a name. */
static void complete(struct request *rq, const struct controller_view *view,
                     struct kafka_delete_topics_response_response *out)
{
    bool by_id = bytes_is_null(out->name);
    const struct topic *t = by_id ? controller_view_topic_by_id(view, out->topic_id.bytes)
                                  : controller_view_topic(view, out->name);
    if (t == NULL) {
        return;
    }
    memcpy(out->topic_id.bytes, t->id, sizeof out->topic_id.bytes);
    if (by_id) {
        out->name = bytes_of(arena_dup(&rq->arena, t->name.data, t->name.len), t->name.len);
    }
}

static void plan(struct request *rq, struct deletion *deletion)
{
    int32_t total = 0;
    const struct kafka_delete_topics_request_topic *topics = all_topics(rq, &total);
    const enum api_admin_repeat *repeats = topics == NULL ? NULL : find_repeats(rq, topics, total);
    deletion->topics = arena_alloc_array(&rq->arena, (size_t)total, sizeof *deletion->topics);
    deletion->slots = arena_alloc_array(&rq->arena, (size_t)total, sizeof *deletion->slots);
    struct kafka_delete_topics_response_response *out =
        message_alloc_array(&kafka_delete_topics_response_response_schema, &rq->arena, total);
    deletion->response.responses = out;
    struct controller_view *view = controller_view_acquire(broker_controller(rq->broker));
    for (int32_t i = 0; !arena_failed(&rq->arena) && i < total; i++) {
        CHECK(repeats != NULL); /* or the arena has failed */
        if (repeats[i] == API_ADMIN_REPEATED_AGAIN) {
            continue;
        }
        int32_t at = deletion->response.responses_count++;
        const char *why = NULL;
        out[at].name = topics[i].name;
        out[at].topic_id = topics[i].topic_id;
        out[at].error_code = check(&topics[i], repeats[i] != API_ADMIN_ONCE, &why);
        deletion->slots[at] = -1;
        if (why != NULL) {
            out[at].error_message = bytes_of_text(why);
            continue;
        }
        deletion->slots[at] = deletion->count;
        struct controller_delete_topic *t = &deletion->topics[deletion->count++];
        t->name = topics[i].name;
        memcpy(t->id, topics[i].topic_id.bytes, sizeof t->id);
        complete(rq, view, &out[at]);
    }
    controller_view_release(view);
}

void api_delete_topics(struct request *rq)
{
    struct deletion *deletion = request_alloc(rq, sizeof *deletion);
    if (deletion != NULL) {
        message_init(&kafka_delete_topics_response_schema, &deletion->response);
        plan(rq, deletion);
    }
    if (deletion == NULL || arena_failed(&rq->arena)) {
        request_close(rq, "out of memory for DeleteTopics");
        return;
    }
    rq->state = deletion;
    if (deletion->count == 0) {
        respond(rq, deletion);
        return;
    }
    if (controller_delete_topics(broker_controller(rq->broker), deletion->topics,
                                 (size_t)deletion->count, deleted, rq) != ERR_OK) {
        for (int32_t i = 0; i < deletion->count; i++) {
            api_admin_queue_full(&deletion->topics[i].error, deletion->topics[i].message);
        }
        respond(rq, deletion);
    }
}
