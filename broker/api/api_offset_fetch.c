/* OffsetFetch (key 9): one group before v8, several from then on. */
#include "broker/api/api_group.h"
#include "broker/api/api_table.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

#define GROUPS_VERSION 8
#define TOP_LEVEL_ERROR_VERSION 2

/* Both forms of the request have the same shape, under two names; so have the responses. What they
 * share is done on this. */
struct wanted_topic {
    struct bytes name;
    const int32_t *partitions;
    int32_t count;
};

struct found_partition {
    int32_t index;
    int64_t offset;
    int32_t leader_epoch;
    struct bytes metadata;
};

static struct found_partition find(struct request *rq, const struct groups_entry *entry,
                                   struct bytes topic, int32_t partition)
{
    const struct group_offset *o =
        entry == NULL ? NULL : group_offsets_find(&entry->offsets, topic, partition);
    if (o == NULL) {
        return (struct found_partition){partition, -1, -1, bytes_of("", 0)};
    }
    return (struct found_partition){partition, o->offset, o->leader_epoch,
                                    api_group_copy(rq, o->metadata)};
}

/* All that the group has, as if it had been asked for. */
static struct wanted_topic *want_all(struct request *rq, const struct groups_entry *entry,
                                     int32_t *out_count)
{
    size_t count = entry == NULL ? 0 : entry->offsets.count;
    struct wanted_topic *wanted = arena_alloc_array(&rq->arena, count, sizeof *wanted);
    *out_count = wanted == NULL ? 0 : (int32_t)count;
    for (size_t t = 0; wanted != NULL && t < count; t++) {
        const struct group_offsets_topic *topic = &entry->offsets.topics[t];
        int32_t *partitions = arena_alloc_array(&rq->arena, topic->count, sizeof *partitions);
        for (size_t p = 0; partitions != NULL && p < topic->count; p++) {
            partitions[p] = topic->partitions[p].index;
        }
        wanted[t] = (struct wanted_topic){api_group_copy(rq, topic->name), partitions,
                                          partitions == NULL ? 0 : (int32_t)topic->count};
    }
    return wanted;
}

/* ---- v0-7 ---- */

static struct wanted_topic *want_old(struct request *rq, const struct groups_entry *entry,
                                     int32_t *out_count)
{
    const struct kafka_offset_fetch_request *body = rq->body;
    if (body->topics_count < 0) {
        return want_all(rq, entry, out_count);
    }
    struct wanted_topic *wanted =
        arena_alloc_array(&rq->arena, (size_t)body->topics_count, sizeof *wanted);
    *out_count = wanted == NULL ? 0 : body->topics_count;
    for (int32_t t = 0; t < *out_count; t++) {
        wanted[t] = (struct wanted_topic){body->topics[t].name, body->topics[t].partition_indexes,
                                          body->topics[t].partition_indexes_count};
    }
    return wanted;
}

/* error goes to each partition before v2, and to the top from then on. */
static void fill_old(struct request *rq, const struct groups_entry *entry, int16_t error,
                     struct kafka_offset_fetch_response *response)
{
    int32_t count = 0;
    const struct wanted_topic *wanted = want_old(rq, entry, &count);
    response->error_code = error;
    if (error != KAFKA_ERROR_NONE && rq->version >= TOP_LEVEL_ERROR_VERSION) {
        return;
    }
    struct kafka_offset_fetch_response_topic *topics =
        message_alloc_array(&kafka_offset_fetch_response_topic_schema, &rq->arena, count);
    for (int32_t t = 0; wanted != NULL && topics != NULL && t < count; t++) {
        struct kafka_offset_fetch_response_partition *partitions = message_alloc_array(
            &kafka_offset_fetch_response_partition_schema, &rq->arena, wanted[t].count);
        topics[t].name = wanted[t].name;
        topics[t].partitions = partitions;
        topics[t].partitions_count = partitions == NULL ? 0 : wanted[t].count;
        for (int32_t p = 0; p < topics[t].partitions_count; p++) {
            struct found_partition f = find(rq, entry, wanted[t].name, wanted[t].partitions[p]);
            partitions[p].partition_index = f.index;
            partitions[p].committed_offset = f.offset;
            partitions[p].committed_leader_epoch = f.leader_epoch;
            partitions[p].metadata = f.metadata;
            partitions[p].error_code = error;
        }
    }
    response->topics = topics;
    response->topics_count = topics == NULL ? 0 : count;
}

/* ---- v8 and later ---- */

static struct wanted_topic *want_new(struct request *rq, const struct groups_entry *entry,
                                     const struct kafka_offset_fetch_request_group *group,
                                     int32_t *out_count)
{
    if (group->topics_count < 0) {
        return want_all(rq, entry, out_count);
    }
    struct wanted_topic *wanted =
        arena_alloc_array(&rq->arena, (size_t)group->topics_count, sizeof *wanted);
    *out_count = wanted == NULL ? 0 : group->topics_count;
    for (int32_t t = 0; t < *out_count; t++) {
        wanted[t] = (struct wanted_topic){group->topics[t].name, group->topics[t].partition_indexes,
                                          group->topics[t].partition_indexes_count};
    }
    return wanted;
}

static void fill_group(struct request *rq, const struct groups_entry *entry,
                       const struct kafka_offset_fetch_request_group *group,
                       struct kafka_offset_fetch_response_group *out)
{
    int32_t count = 0;
    const struct wanted_topic *wanted = want_new(rq, entry, group, &count);
    struct kafka_offset_fetch_response_group_topic *topics =
        message_alloc_array(&kafka_offset_fetch_response_group_topic_schema, &rq->arena, count);
    for (int32_t t = 0; wanted != NULL && topics != NULL && t < count; t++) {
        struct kafka_offset_fetch_response_group_topic_partition *partitions = message_alloc_array(
            &kafka_offset_fetch_response_group_topic_partition_schema, &rq->arena, wanted[t].count);
        topics[t].name = wanted[t].name;
        topics[t].partitions = partitions;
        topics[t].partitions_count = partitions == NULL ? 0 : wanted[t].count;
        for (int32_t p = 0; p < topics[t].partitions_count; p++) {
            struct found_partition f = find(rq, entry, wanted[t].name, wanted[t].partitions[p]);
            partitions[p].partition_index = f.index;
            partitions[p].committed_offset = f.offset;
            partitions[p].committed_leader_epoch = f.leader_epoch;
            partitions[p].metadata = f.metadata;
        }
    }
    out->topics = topics;
    out->topics_count = topics == NULL ? 0 : count;
}

static void fill_new(struct groups *gs, struct request *rq, int16_t error,
                     struct kafka_offset_fetch_response *response)
{
    const struct kafka_offset_fetch_request *body = rq->body;
    response->groups = message_alloc_array(&kafka_offset_fetch_response_group_schema, &rq->arena,
                                           body->groups_count);
    response->groups_count = response->groups == NULL ? 0 : body->groups_count;
    for (int32_t i = 0; i < response->groups_count; i++) {
        response->groups[i].group_id = body->groups[i].group_id;
        response->groups[i].error_code = error;
        if (error == KAFKA_ERROR_NONE) {
            fill_group(rq, groups_find(gs, body->groups[i].group_id), &body->groups[i],
                       &response->groups[i]);
        }
    }
}

static void answer(struct groups *gs, struct request *rq, int16_t error)
{
    const struct kafka_offset_fetch_request *body = rq->body;
    struct kafka_offset_fetch_response *response = request_alloc(rq, sizeof *response);
    if (response != NULL) {
        message_init(&kafka_offset_fetch_response_schema, response);
        if (rq->version >= GROUPS_VERSION) {
            fill_new(gs, rq, error, response);
        } else {
            bool ok = error == KAFKA_ERROR_NONE;
            fill_old(rq, ok ? groups_find(gs, body->group_id) : NULL, error, response);
        }
    }
    if (arena_failed(&rq->arena)) {
        request_close(rq, "out of memory for the answer to OffsetFetch");
        return;
    }
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

void api_offset_fetch(struct request *rq)
{
    api_group_post(rq, run, refuse);
}
