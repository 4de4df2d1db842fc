/*
 * The producer of a stream thread: a collector on librdkafka. Idempotent, so that retries neither
 * lose nor reorder. Partitions are chosen here, as Kafka's own clients choose them. Delivery
 * reports are served by the owner thread in stream_producer_poll and _flush; the first failed
 * delivery fails the next call. One owner thread.
 */
#pragma once

#include <stdatomic.h>

#include <librdkafka/rdkafka.h>

#include "streams/task/collector.h"

struct client_config;
struct stream_producer;

/* stop: once set, waiting for room or for a topic ends with ERR_CANCELLED. */
enum err_code stream_producer_open(const struct client_config *config, const atomic_bool *stop,
                                   struct stream_producer **out_producer, struct err *e);
/* Waits for what the broker has accepted, gives up the rest. NULL is fine. */
void stream_producer_close(struct stream_producer *p);
struct collector *stream_producer_collector(struct stream_producer *p);
/* Serves delivery reports. */
enum err_code stream_producer_poll(struct stream_producer *p, struct err *e);
/* Until all is delivered. ERR_TIMEOUT when that takes longer; call again. */
enum err_code stream_producer_flush(struct stream_producer *p, int timeout_ms, struct err *e);
/* Murmur2 of Kafka's default partitioner, without the sign. */
uint32_t stream_producer_murmur2(struct bytes key);
