/* What is known of one topic, as the sections of `topic describe` or as JSON. Filled by its owner.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct topic_description_parts {
    bool summary;
    bool configs;
    bool partitions;
};

/* -1: not known, for `error`. */
struct topic_description_offsets {
    int64_t start;
    int64_t stable;
    int64_t end;
    rd_kafka_resp_err_t error;
};

struct topic_description {
    const struct rd_kafka_metadata *metadata;
    const rd_kafka_metadata_topic_t *topic;    /* in metadata */
    rd_kafka_event_t *configs;                 /* one resource; NULL when it is not asked for */
    struct topic_description_offsets *offsets; /* by index of partition; NULL likewise */
};

/* Sections have a title when there are several, and a blank line between them. False when standard
 * output fails. What is printed must be there. */
bool topic_description_print(const struct topic_description *d,
                             struct topic_description_parts parts);
/* Everything; NULL when out of memory. */
json_t *topic_description_json(const struct topic_description *d);
