/*
 * The listening socket and the workers behind it. Connections are dealt to the workers in turn.
 *
 * Stop has two phases: server_drain returns when no further handler will be started; then the
 * owner stops whoever holds unfinished requests (group members in a rebalance); server_stop waits
 * until the last of them is finished, and frees.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct broker;
struct logger;
struct metrics;
struct server;

struct server_config {
    const char *host;
    uint16_t port; /* 0 = any */
    int workers;
    int32_t max_connections;
    int64_t idle_timeout_ms;
    size_t request_max_bytes;
    struct metrics *metrics; /* NULL = none */
};

/* Listens and serves when it returns. */
ERR_MUST_CHECK enum err_code server_start(const struct server_config *config, struct broker *broker,
                                          struct logger *logger, struct server **out_server,
                                          struct err *e);
uint16_t server_port(const struct server *s);
void server_drain(struct server *s);
/* After server_drain. */
void server_stop(struct server *s);

struct server_stats {
    int32_t connections;
    uint64_t accepted;
    uint64_t refused;   /* above the connection limit */
    uint64_t malformed; /* connections closed for what they sent */
    uint64_t requests;
};
/* Any thread. */
void server_get_stats(const struct server *s, struct server_stats *out_stats);
