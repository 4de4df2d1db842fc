#include "broker/api/partition_lookup.h"

#include <stddef.h>

#include "broker/controller/controller.h"
#include "protocol/kafka_error.h"

int16_t partition_lookup(const struct topic *topic, int32_t index, struct partition **out_partition)
{
    if (topic == NULL || index < 0 || index >= topic->partition_count) {
        return KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION;
    }
    struct partition *p = topic_partition(topic, index);
    if (p == NULL) {
        return KAFKA_ERROR_KAFKA_STORAGE_ERROR;
    }
    *out_partition = p;
    return KAFKA_ERROR_NONE;
}

int16_t partition_lookup_check_epoch(int32_t client_epoch)
{
    if (client_epoch < 0 || client_epoch == PARTITION_LOOKUP_LEADER_EPOCH) {
        return KAFKA_ERROR_NONE;
    }
    return client_epoch < PARTITION_LOOKUP_LEADER_EPOCH ? KAFKA_ERROR_FENCED_LEADER_EPOCH
                                                        : KAFKA_ERROR_UNKNOWN_LEADER_EPOCH;
}
