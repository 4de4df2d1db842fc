/* The command's connection to a Kafka cluster, through librdkafka. One handle a command; everything
 * here blocks. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "common/err.h"

struct cli;

/* For requests to a broker that is known to answer. */
#define KAFKA_TIMEOUT_MS 10000

/* How long to look for a broker that answers. */
int kafka_timeout_ms(const struct cli *cli);

/* A property for kafka_open; the array ends with a NULL name. */
struct kafka_property {
    const char *name;
    const char *value;
};

typedef void (*kafka_delivered_fn)(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque);

/* A handle for the brokers of the command line. Nothing is sent yet. */
enum err_code kafka_open(const struct cli *cli, rd_kafka_type_t type,
                         const struct kafka_property *properties, rd_kafka_t **out_rk,
                         struct err *e) ERR_MUST_CHECK;
/* The same for a producer whose delivery reports are wanted; they come from rd_kafka_poll. */
enum err_code kafka_open_producer(const struct cli *cli, const struct kafka_property *properties,
                                  kafka_delivered_fn delivered, void *opaque, rd_kafka_t **out_rk,
                                  struct err *e) ERR_MUST_CHECK;
/* All topics, or the one named (which is not created); brokers, topics and partitions in order. The
 * caller destroys it. */
enum err_code kafka_metadata(const struct cli *cli, rd_kafka_t *rk, const char *topic,
                             const struct rd_kafka_metadata **out_metadata,
                             struct err *e) ERR_MUST_CHECK;
/* Topics that hold a cluster's own state and are hidden from lists. */
bool kafka_topic_is_internal(const char *topic);
/* "UNKNOWN_TOPIC_OR_PARTITION": the protocol's name of a broker's error, librdkafka's own as it
 * names them. */
const char *kafka_error_name(rd_kafka_resp_err_t code);
/* Maps librdkafka's code to ours and sets "<what>: NAME: text". */
enum err_code kafka_error(struct err *e, rd_kafka_resp_err_t code, const char *what);

/* Waits for the one event of an admin call. On success *out_event is the caller's. */
enum err_code kafka_admin_wait(const struct cli *cli, rd_kafka_t *rk, rd_kafka_queue_t *queue,
                               const char *what, rd_kafka_event_t **out_event,
                               struct err *e) ERR_MUST_CHECK;
