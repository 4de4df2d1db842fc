/*
 * A Confluent-compatible schema registry: REST on one port, state in the compacted topic _schemas
 * of any Kafka cluster, reached through librdkafka only.
 *
 * It listens at once and answers 503 until the topic has been read to its end; a cluster that is
 * away, then or later, is waited for. Several may serve and write one topic
 * (docs/decisions/024).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct client_config;
struct logger;
struct metrics;
struct registry;

struct registry_config {
    const char *bootstrap_servers;
    const struct client_config *client; /* further client settings (security), or NULL; copied */
    const char *host;                   /* NULL = 127.0.0.1 */
    uint16_t port;                      /* 0 = any free one */
    const char *topic;                  /* NULL = _schemas */
    int replication_factor;             /* for creation; 0 = the cluster's default */
    const char *compatibility;          /* the default level; NULL = BACKWARD */
    int write_timeout_ms;               /* 0 = 10000: a write that the cluster does not take */
};

/* lg may be NULL. ERR_INVALID for a bad configuration, ERR_EXISTS when the port is taken. */
enum err_code registry_start(const struct registry_config *config, struct logger *lg,
                             struct metrics *metrics, struct registry **out_registry,
                             struct err *e);
uint16_t registry_port(const struct registry *r);
/* True once it answers from the whole of its topic. */
bool registry_is_ready(struct registry *r);
/* Waits until then, at most timeout_ms; false when it took longer. */
bool registry_wait_ready(struct registry *r, int timeout_ms);
/* Waits for writes in progress. NULL is fine. */
void registry_stop(struct registry *r);
