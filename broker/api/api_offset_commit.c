/* OffsetCommit (key 8): answered when the offsets are on disk. */
#include <string.h>

#include "broker/api/api_group.h"
#include "broker/api/api_table.h"
#include "broker/broker.h"
#include "broker/controller/controller.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

#define MEMBER_EPOCH_VERSION 9

struct commit {
    struct request *rq;
    struct kafka_offset_commit_response response;
    int64_t now_ms;
    int64_t max_metadata;
    int64_t base_offset; /* of the records, once they are on disk */
    struct groups_task again;
};

static void set_all(struct commit *c, int16_t error)
{
    for (int32_t t = 0; t < c->response.topics_count; t++) {
        for (int32_t p = 0; p < c->response.topics[t].partitions_count; p++) {
            c->response.topics[t].partitions[p].error_code = error;
        }
    }
}

/* The answer in the form of the request; NULL when memory is short. */
static struct commit *prepare(struct request *rq)
{
    const struct kafka_offset_commit_request *body = rq->body;
    struct commit *c = request_alloc(rq, sizeof *c);
    struct kafka_offset_commit_response_topic *topics = message_alloc_array(
        &kafka_offset_commit_response_topic_schema, &rq->arena, body->topics_count);
    if (c == NULL || topics == NULL) {
        return NULL;
    }
    c->rq = rq;
    message_init(&kafka_offset_commit_response_schema, &c->response);
    c->response.topics = topics;
    c->response.topics_count = body->topics_count;
    for (int32_t t = 0; t < body->topics_count; t++) {
        const struct kafka_offset_commit_request_topic *from = &body->topics[t];
        topics[t].name = from->name;
        topics[t].partitions = message_alloc_array(&kafka_offset_commit_response_partition_schema,
                                                   &rq->arena, from->partitions_count);
        topics[t].partitions_count = topics[t].partitions == NULL ? 0 : from->partitions_count;
        for (int32_t p = 0; p < topics[t].partitions_count; p++) {
            topics[t].partitions[p].partition_index = from->partitions[p].partition_index;
        }
    }
    return arena_failed(&rq->arena) ? NULL : c;
}

static void refuse(struct request *rq, int16_t error)
{
    struct commit *c = prepare(rq);
    if (c == NULL) {
        request_close(rq, "out of memory for the answer to OffsetCommit");
        return;
    }
    set_all(c, error);
    request_respond(rq, &c->response);
}

/* The group that may be committed to, creating a simple one; or why not. */
static struct groups_entry *find_group(struct groups *gs, const struct request *rq,
                                       int16_t *out_error)
{
    const struct kafka_offset_commit_request *body = rq->body;
    struct groups_entry *entry = groups_find(gs, body->group_id);
    struct group_sender sender = {body->member_id, body->group_instance_id,
                                  body->generation_id_or_member_epoch};
    if (entry == NULL && sender.generation >= 0) {
        *out_error = rq->version >= MEMBER_EPOCH_VERSION ? KAFKA_ERROR_GROUP_ID_NOT_FOUND
                                                         : KAFKA_ERROR_ILLEGAL_GENERATION;
        return NULL;
    }
    if (entry == NULL) {
        entry = groups_create(gs, body->group_id);
        *out_error = entry == NULL ? KAFKA_ERROR_UNKNOWN_SERVER_ERROR : KAFKA_ERROR_NONE;
    }
    if (entry != NULL) {
        *out_error = group_check_commit(entry->group, &sender, groups_now_ms(gs));
        groups_changed(gs, entry);
    }
    return *out_error == KAFKA_ERROR_NONE ? entry : NULL;
}

static void read_offset(const struct commit *c,
                        const struct kafka_offset_commit_request_partition *from,
                        struct group_offset *out)
{
    const struct kafka_offset_commit_request *body = c->rq->body;
    bool given = c->rq->version == 1 && from->commit_timestamp != -1;
    *out = (struct group_offset){.offset = from->committed_offset,
                                 .commit_ms = given ? from->commit_timestamp : c->now_ms,
                                 .expire_ms = -1,
                                 .metadata = bytes_is_null(from->committed_metadata)
                                                 ? bytes_of("", 0)
                                                 : from->committed_metadata,
                                 .leader_epoch = from->committed_leader_epoch};
    bool retention = c->rq->version >= 2 && c->rq->version <= 4 && body->retention_time_ms != -1;
    if (retention && body->retention_time_ms >= 0 &&
        body->retention_time_ms < INT64_MAX - out->commit_ms) {
        out->expire_ms = out->commit_ms + body->retention_time_ms;
    }
}

/* Writes what can be committed and marks the rest; returns how many there are. */
static int32_t write_offsets(struct commit *c, struct groups_write *w)
{
    const struct kafka_offset_commit_request *body = c->rq->body;
    struct controller_view *view = controller_view_acquire(broker_controller(c->rq->broker));
    int32_t count = 0;
    for (int32_t t = 0; t < body->topics_count; t++) {
        const struct topic *topic = controller_view_topic(view, body->topics[t].name);
        for (int32_t p = 0; p < body->topics[t].partitions_count; p++) {
            const struct kafka_offset_commit_request_partition *from =
                &body->topics[t].partitions[p];
            int16_t *error = &c->response.topics[t].partitions[p].error_code;
            if (topic == NULL || from->partition_index < 0 ||
                from->partition_index >= topic->partition_count) {
                *error = KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
            } else if ((int64_t)from->committed_metadata.len > c->max_metadata) {
                *error = KAFKA_ERROR_OFFSET_METADATA_TOO_LARGE;
            } else {
                struct group_offset offset;
                read_offset(c, from, &offset);
                groups_write_offset(w, body->topics[t].name, from->partition_index, &offset);
                count++;
            }
        }
    }
    controller_view_release(view);
    return count;
}

/* Puts the offsets that are on disk into the group. False when memory is short: some may be in. */
static bool take_offsets(const struct commit *c, struct groups_entry *entry)
{
    const struct kafka_offset_commit_request *body = c->rq->body;
    int64_t log_offset = c->base_offset;
    for (int32_t t = 0; t < body->topics_count; t++) {
        for (int32_t p = 0; p < body->topics[t].partitions_count; p++) {
            if (c->response.topics[t].partitions[p].error_code != KAFKA_ERROR_NONE) {
                continue; /* was not written */
            }
            struct group_offset offset;
            read_offset(c, &body->topics[t].partitions[p], &offset);
            offset.log_offset = log_offset++;
            if (!group_offsets_set(&entry->offsets, body->topics[t].name,
                                   body->topics[t].partitions[p].partition_index, &offset)) {
                return false;
            }
        }
    }
    return true;
}

/*
 * The records are on disk, so the offsets are committed whatever happens now: a restart will find
 * them. If there is no memory to know them, an answer has to wait until there is: an error would
 * be wrong later, a success would be wrong until then. When the coordinator closes, or the group is
 * gone, they are as true as they will be.
 */
static void take_and_answer(struct commit *c, struct groups *gs, struct groups_entry *entry)
{
    if (entry == NULL || take_offsets(c, entry) || !groups_post(gs, &c->again)) {
        request_respond(c->rq, &c->response);
    }
}

static void take_again(struct groups *gs, struct groups_task *task)
{
    struct commit *c = task->ctx;
    const struct kafka_offset_commit_request *body = c->rq->body;
    take_and_answer(c, gs, groups_find(gs, body->group_id));
}

static void refuse_written(struct commit *c, int16_t error)
{
    for (int32_t t = 0; t < c->response.topics_count; t++) {
        for (int32_t p = 0; p < c->response.topics[t].partitions_count; p++) {
            int16_t *out = &c->response.topics[t].partitions[p].error_code;
            *out = *out == KAFKA_ERROR_NONE ? error : *out;
        }
    }
}

static void written(void *ctx, struct groups *gs, struct groups_entry *entry, int16_t error,
                    int64_t base_offset)
{
    struct commit *c = ctx;
    if (error != KAFKA_ERROR_NONE) {
        refuse_written(c, error);
        request_respond(c->rq, &c->response);
        return;
    }
    c->base_offset = base_offset;
    c->again = (struct groups_task){.run = take_again, .ctx = c};
    take_and_answer(c, gs, entry);
}

static void run(struct groups *gs, struct request *rq)
{
    int16_t error = KAFKA_ERROR_NONE;
    struct groups_entry *entry = find_group(gs, rq, &error);
    if (entry == NULL) {
        refuse(rq, error);
        return;
    }
    struct commit *c = prepare(rq);
    struct groups_write *w = c == NULL ? NULL : groups_write_begin(gs, entry);
    if (w == NULL) {
        request_close(rq, "out of memory for OffsetCommit");
        return;
    }
    c->now_ms = groups_now_ms(gs);
    c->max_metadata = groups_max_metadata(gs);
    if (write_offsets(c, w) == 0) {
        groups_write_drop(w);
        request_respond(rq, &c->response);
        return;
    }
    groups_write_end(w, written, c);
}

struct topic_first {
    struct groups_topic_wait wait;
    struct groups *gs;
    struct request *rq;
};

static void topic_there(void *ctx, int16_t error)
{
    struct topic_first *first = ctx;
    if (error != KAFKA_ERROR_NONE) {
        refuse(first->rq, error);
    } else {
        run(first->gs, first->rq);
    }
}

/* A tool may commit without ever having asked for the coordinator. */
static void run_when_topic_is_there(struct groups *gs, struct request *rq)
{
    struct topic_first *first = request_alloc(rq, sizeof *first);
    if (first == NULL) {
        request_close(rq, "out of memory for OffsetCommit");
        return;
    }
    first->gs = gs;
    first->rq = rq;
    first->wait = (struct groups_topic_wait){.done = topic_there, .ctx = first};
    groups_await_topic(gs, &first->wait);
}

void api_offset_commit(struct request *rq)
{
    api_group_post(rq, run_when_topic_is_there, refuse);
}
