/* What the network counts for /metrics: bytes, and a histogram of times for every API. Created with
 * the server; the metrics themselves live as long as the registry. Any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct metric;
struct metrics;

#define NET_METRICS_KEYS 128

struct net_metrics {
    struct metric *received_bytes;
    struct metric *sent_bytes;
    struct metric *seconds[NET_METRICS_KEYS]; /* by API key; NULL = not served */
};

/* m NULL: nothing is counted. */
void net_metrics_init(struct net_metrics *n, struct metrics *m);
void net_metrics_received(const struct net_metrics *n, size_t bytes);
/* From the whole frame to the last byte of the answer in the socket's buffer. */
void net_metrics_answered(const struct net_metrics *n, int16_t api_key, size_t bytes,
                          int64_t took_ns);
