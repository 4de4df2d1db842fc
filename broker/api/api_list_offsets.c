/*
 * Key 2. The special times are answered from memory, but a time stamp may need segment files from
 * the disk: then the whole request is worked off on the thread pool.
 */
#include <stdlib.h>

#include "broker/api/api_table.h"
#include "broker/api/partition_lookup.h"
#include "broker/broker.h"
#include "broker/controller/controller.h"
#include "broker/storage/partition.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

/* Special times beyond those of partition.h, and the first versions that know them. */
#define LIST_OFFSETS_MAX_TIME_VERSION 7
#define LIST_OFFSETS_EARLIEST_LOCAL (-4)
#define LIST_OFFSETS_EARLIEST_LOCAL_VERSION 8
#define LIST_OFFSETS_LATEST_TIERED (-5)
#define LIST_OFFSETS_LATEST_TIERED_VERSION 9

struct list_offsets {
    struct controller_view *view;
    struct kafka_list_offsets_response *response;
};

static void list_offsets_release(struct request *rq)
{
    struct list_offsets *op = rq->state;
    controller_view_release(op->view);
}

/* The time as storage knows it; false when this version has no such special time. */
static bool list_offsets_time(int16_t version, int64_t asked, int64_t *out_time)
{
    *out_time = asked;
    switch (asked) {
    case PARTITION_TIME_LATEST:
    case PARTITION_TIME_EARLIEST:
        return true;
    case PARTITION_TIME_MAX:
        return version >= LIST_OFFSETS_MAX_TIME_VERSION;
    case LIST_OFFSETS_EARLIEST_LOCAL:
        *out_time = PARTITION_TIME_EARLIEST; /* all of it is local */
        return version >= LIST_OFFSETS_EARLIEST_LOCAL_VERSION;
    default:
        return asked >= 0;
    }
}

/* Version 0 wants a list of at most max_num_offsets offsets, newest first. */
static int16_t list_offsets_old_style(struct request *rq, struct partition *p,
                                      const struct kafka_list_offsets_request_partition *asked,
                                      int64_t offset,
                                      struct kafka_list_offsets_response_partition *out)
{
    out->old_style_offsets = arena_alloc_array(&rq->arena, 2, sizeof *out->old_style_offsets);
    if (out->old_style_offsets == NULL) {
        return KAFKA_ERROR_UNKNOWN_SERVER_ERROR;
    }
    if (offset >= 0 && asked->max_num_offsets > 0) {
        out->old_style_offsets[out->old_style_offsets_count++] = offset;
    }
    struct partition_offsets offsets;
    partition_get_offsets(p, &offsets);
    if (asked->timestamp == PARTITION_TIME_LATEST && asked->max_num_offsets > 1 &&
        offsets.log_start < offset) {
        out->old_style_offsets[out->old_style_offsets_count++] = offsets.log_start;
    }
    return KAFKA_ERROR_NONE;
}

static int16_t list_offsets_find(struct request *rq, struct partition *p,
                                 const struct kafka_list_offsets_request_partition *asked,
                                 struct kafka_list_offsets_response_partition *out)
{
    const struct kafka_list_offsets_request *body = rq->body;
    if (asked->timestamp == LIST_OFFSETS_LATEST_TIERED &&
        rq->version >= LIST_OFFSETS_LATEST_TIERED_VERSION) {
        return KAFKA_ERROR_NONE; /* nothing is tiered: offset -1 */
    }
    int64_t time_ms = 0;
    if (!list_offsets_time(rq->version, asked->timestamp, &time_ms)) {
        return KAFKA_ERROR_UNSUPPORTED_VERSION;
    }
    struct partition_found_offset found = {.offset = -1, .timestamp = -1, .leader_epoch = -1};
    enum partition_isolation isolation =
        body->isolation_level == 1 ? PARTITION_READ_COMMITTED : PARTITION_READ_UNCOMMITTED;
    if (partition_offset_for_time(p, time_ms, isolation, &found, NULL) != ERR_OK) {
        return KAFKA_ERROR_KAFKA_STORAGE_ERROR;
    }
    if (rq->version == 0) {
        return list_offsets_old_style(rq, p, asked, found.offset, out);
    }
    out->offset = found.offset;
    out->timestamp = found.timestamp;
    out->leader_epoch = found.leader_epoch;
    return KAFKA_ERROR_NONE;
}

static void list_offsets_answer(struct request *rq, const struct topic *topic,
                                const struct kafka_list_offsets_request_partition *asked,
                                struct kafka_list_offsets_response_partition *out)
{
    struct partition *p = NULL;
    out->error_code = partition_lookup(topic, asked->partition_index, &p);
    if (out->error_code == KAFKA_ERROR_NONE) {
        out->error_code = partition_lookup_check_epoch(asked->current_leader_epoch);
    }
    if (out->error_code == KAFKA_ERROR_NONE) {
        out->error_code = list_offsets_find(rq, p, asked, out);
    }
}

static int list_offsets_compare(const void *a, const void *b)
{
    const struct kafka_list_offsets_response_partition *const *left = a;
    const struct kafka_list_offsets_response_partition *const *right = b;
    int32_t x = (*left)->partition_index;
    int32_t y = (*right)->partition_index;
    return (x > y) - (x < y);
}

/* A partition that is named twice gets error 42 in both places. */
static bool list_offsets_mark_duplicates(struct request *rq,
                                         struct kafka_list_offsets_response_topic *topic)
{
    size_t count = (size_t)topic->partitions_count;
    struct kafka_list_offsets_response_partition **sorted =
        arena_alloc_array(&rq->arena, count, sizeof(void *));
    if (sorted == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &topic->partitions[i];
    }
    qsort(sorted, count, sizeof(void *), list_offsets_compare);
    for (size_t i = 1; i < count; i++) {
        if (sorted[i]->partition_index == sorted[i - 1]->partition_index) {
            sorted[i]->error_code = KAFKA_ERROR_INVALID_REQUEST;
            sorted[i - 1]->error_code = KAFKA_ERROR_INVALID_REQUEST;
        }
    }
    return true;
}

static void list_offsets_work(struct request *rq)
{
    const struct kafka_list_offsets_request *body = rq->body;
    struct list_offsets *op = rq->state;
    for (int32_t i = 0; i < body->topics_count; i++) {
        const struct kafka_list_offsets_request_topic *asked = &body->topics[i];
        struct kafka_list_offsets_response_topic *out = &op->response->topics[i];
        const struct topic *topic = controller_view_topic(op->view, asked->name);
        for (int32_t j = 0; j < asked->partitions_count; j++) {
            if (out->partitions[j].error_code == KAFKA_ERROR_NONE) {
                list_offsets_answer(rq, topic, &asked->partitions[j], &out->partitions[j]);
            }
        }
    }
}

static void list_offsets_respond(struct request *rq)
{
    struct list_offsets *op = rq->state;
    request_respond(rq, op->response);
}

static bool list_offsets_build(struct request *rq, struct kafka_list_offsets_response *response)
{
    const struct kafka_list_offsets_request *body = rq->body;
    message_init(&kafka_list_offsets_response_schema, response);
    response->topics = message_alloc_array(&kafka_list_offsets_response_topic_schema, &rq->arena,
                                           body->topics_count);
    if (response->topics == NULL) {
        return false;
    }
    response->topics_count = body->topics_count;
    for (int32_t i = 0; i < body->topics_count; i++) {
        const struct kafka_list_offsets_request_topic *asked = &body->topics[i];
        struct kafka_list_offsets_response_topic *out = &response->topics[i];
        out->name = asked->name;
        out->partitions = message_alloc_array(&kafka_list_offsets_response_partition_schema,
                                              &rq->arena, asked->partitions_count);
        if (out->partitions == NULL) {
            return false;
        }
        out->partitions_count = asked->partitions_count;
        for (int32_t j = 0; j < asked->partitions_count; j++) {
            out->partitions[j].partition_index = asked->partitions[j].partition_index;
        }
        if (!list_offsets_mark_duplicates(rq, out)) {
            return false;
        }
    }
    return true;
}

/* Does any partition ask for more than the ends of the log? */
static bool list_offsets_may_read(const struct kafka_list_offsets_request *body)
{
    for (int32_t i = 0; i < body->topics_count; i++) {
        for (int32_t j = 0; j < body->topics[i].partitions_count; j++) {
            int64_t time_ms = body->topics[i].partitions[j].timestamp;
            if (time_ms >= 0 || time_ms == PARTITION_TIME_MAX) {
                return true;
            }
        }
    }
    return false;
}

void api_list_offsets(struct request *rq)
{
    struct list_offsets *op = request_alloc(rq, sizeof *op);
    struct kafka_list_offsets_response *response = request_alloc(rq, sizeof *response);
    if (op == NULL || response == NULL || !list_offsets_build(rq, response)) {
        request_close(rq, "out of memory");
        return;
    }
    op->response = response;
    op->view = controller_view_acquire(broker_controller(rq->broker));
    rq->state = op;
    rq->release = list_offsets_release;
    if (list_offsets_may_read(rq->body)) {
        request_offload(rq, list_offsets_work, list_offsets_respond);
    } else {
        list_offsets_work(rq);
        list_offsets_respond(rq);
    }
}
