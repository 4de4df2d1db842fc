/* The partitions of a topic: PARTITION LEADER EPOCH REPLICAS [OFFLINE-REPLICAS] [LOAD-ERROR]. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* Prints the table; with `lead` not NULL a first column with that text (rpk's detailed list has an
 * empty one). */
bool partition_table_print(const rd_kafka_metadata_topic_t *topic, const char *lead);
/* "[0 1 2]", as Go prints a list. */
void partition_table_ids(const int32_t *ids, int count, char *out, size_t size);
