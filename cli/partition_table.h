/* The partitions of a topic, as a table and as JSON. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* At most this many replicas of a partition are shown. */
#define PARTITION_TABLE_IDS_MAX 128

/* "[0 1 2]", ascending, as Go prints a list. */
void partition_table_ids(const int32_t *ids, int count, char *out, size_t size);
/* The replicas whose broker is not among those that the cluster knows as alive; returns how many.
 */
int partition_table_offline(const struct rd_kafka_metadata *md,
                            const rd_kafka_metadata_partition_t *p,
                            int32_t out_ids[PARTITION_TABLE_IDS_MAX]);
/* [0,1,2], ascending. */
json_t *partition_table_ids_json(const int32_t *ids, int count);

/* "name, 6 partitions, 1 replicas", then PARTITION LEADER EPOCH REPLICAS with an empty first
 * column, and OFFLINE-REPLICAS and LOAD-ERROR when some partition has them. */
bool partition_table_print(const struct rd_kafka_metadata *md,
                           const rd_kafka_metadata_topic_t *topic);
/* The same as a list of objects. */
json_t *partition_table_json(const struct rd_kafka_metadata *md,
                             const rd_kafka_metadata_topic_t *topic);
int partition_table_replicas(const rd_kafka_metadata_topic_t *topic);
