/*
 * One task's producer: acks=all, idempotent, never gives a record up by itself (delivery timeouts
 * are endless, the task decides), bounded in memory. One thread.
 */
#pragma once

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stdint.h>

#include "client/client_config.h"
#include "common/bytes.h"
#include "common/err.h"
#include "connect/include/connect_config.h"

struct logger;
struct task_producer;

struct task_producer_config {
    const struct client_config *defaults;   /* the worker's producer settings */
    const struct connect_config *connector; /* producer.override.* */
    const char *client_id;
    client_config_delivered_fn delivered;
    struct logger *lg;
};

struct task_producer_message {
    const char *topic;
    int32_t partition;    /* -1: the partitioner */
    int64_t timestamp_ms; /* CONNECT_TIMESTAMP_NONE: now */
    struct bytes key;
    struct bytes value;
    rd_kafka_headers_t *headers; /* NULL: none; owned by the producer on success only */
    void *opaque;
};

enum err_code task_producer_open(const struct task_producer_config *config,
                                 struct task_producer **out_producer, struct err *e);
/* Drops what is still queued; its reports are not called any more. */
void task_producer_close(struct task_producer *p);
/* Copies the message. ERR_LIMIT and *out_full = true: serve and try again. */
enum err_code task_producer_send(struct task_producer *p, const struct task_producer_message *m,
                                 bool *out_full, struct err *e);
/* Calls the delivery reports that are there, waiting for the first. */
void task_producer_serve(struct task_producer *p, int timeout_ms);
/* Whether anything was given to it that has not been reported yet. */
bool task_producer_busy(struct task_producer *p);
/* Sends what lingers; takes a millisecond at most. */
void task_producer_hurry(struct task_producer *p);
/* ERR_OK, or why the producer can never send again. */
enum err_code task_producer_problem(struct task_producer *p, struct err *e);
