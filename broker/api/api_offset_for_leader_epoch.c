/* Key 23: where an epoch ended, by which consumers notice that the log was cut under them. */
#include "broker/api/api_table.h"
#include "broker/api/partition_lookup.h"
#include "broker/broker.h"
#include "broker/controller/controller.h"
#include "broker/storage/partition.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"

static void
offset_for_leader_epoch_answer(const struct topic *topic,
                               const struct kafka_offset_for_leader_epoch_request_partition *asked,
                               struct kafka_offset_for_leader_epoch_response_partition *out)
{
    struct partition *p = NULL;
    out->partition = asked->partition;
    out->error_code = partition_lookup(topic, asked->partition, &p);
    if (out->error_code == KAFKA_ERROR_NONE) {
        out->error_code = partition_lookup_check_epoch(asked->current_leader_epoch);
    }
    if (out->error_code == KAFKA_ERROR_NONE) {
        partition_offset_for_epoch(p, asked->leader_epoch, &out->leader_epoch, &out->end_offset);
    }
}

static bool offset_for_leader_epoch_fill(struct request *rq,
                                         const struct kafka_offset_for_leader_epoch_request *body,
                                         const struct controller_view *view,
                                         struct kafka_offset_for_leader_epoch_response *response)
{
    response->topics = message_alloc_array(&kafka_offset_for_leader_epoch_response_topic_schema,
                                           &rq->arena, body->topics_count);
    if (response->topics == NULL) {
        return false;
    }
    response->topics_count = body->topics_count;
    for (int32_t i = 0; i < body->topics_count; i++) {
        const struct kafka_offset_for_leader_epoch_request_topic *asked = &body->topics[i];
        struct kafka_offset_for_leader_epoch_response_topic *out = &response->topics[i];
        const struct topic *topic = controller_view_topic(view, asked->topic);
        out->topic = asked->topic;
        out->partitions =
            message_alloc_array(&kafka_offset_for_leader_epoch_response_partition_schema,
                                &rq->arena, asked->partitions_count);
        if (out->partitions == NULL) {
            return false;
        }
        out->partitions_count = asked->partitions_count;
        for (int32_t j = 0; j < asked->partitions_count; j++) {
            offset_for_leader_epoch_answer(topic, &asked->partitions[j], &out->partitions[j]);
        }
    }
    return true;
}

void api_offset_for_leader_epoch(struct request *rq)
{
    struct kafka_offset_for_leader_epoch_response *response = request_alloc(rq, sizeof *response);
    if (response == NULL) {
        request_close(rq, "out of memory");
        return;
    }
    message_init(&kafka_offset_for_leader_epoch_response_schema, response);
    struct controller_view *view = controller_view_acquire(broker_controller(rq->broker));
    bool filled = offset_for_leader_epoch_fill(rq, rq->body, view, response);
    controller_view_release(view);
    if (filled) {
        request_respond(rq, response);
    } else {
        request_close(rq, "out of memory");
    }
}
