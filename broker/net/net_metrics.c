#include "broker/net/net_metrics.h"

#include <stdio.h>

#include "broker/api/api_table.h"
#include "common/check.h"
#include "common/metrics.h"
#include "protocol/message.h"

#define NET_METRICS_LABEL_MAX 96

static void net_metrics_add_api(struct net_metrics *n, struct metrics *m, int16_t key)
{
    CHECK(key >= 0 && key < NET_METRICS_KEYS);
    const struct message_api *api = message_api_find(key);
    CHECK(api != NULL);
    char labels[NET_METRICS_LABEL_MAX];
    int len = snprintf(labels, sizeof labels, "api=\"%s\"", api->name);
    CHECK(len > 0 && (size_t)len < sizeof labels);
    n->seconds[key] = metrics_histogram(
        m, "weir_broker_request_seconds",
        "Time from a whole request to the end of its answer, waits included.", labels);
}

void net_metrics_init(struct net_metrics *n, struct metrics *m)
{
    *n = (struct net_metrics){0};
    n->received_bytes =
        metrics_counter(m, "weir_broker_received_bytes_total", "Bytes from clients.", NULL);
    n->sent_bytes =
        metrics_counter(m, "weir_broker_sent_bytes_total", "Bytes of answers to clients.", NULL);
#define NET_METRICS_ADD(key, handler) net_metrics_add_api(n, m, key);
    API_TABLE(NET_METRICS_ADD)
#undef NET_METRICS_ADD
}

void net_metrics_received(const struct net_metrics *n, size_t bytes)
{
    metric_add(n->received_bytes, (int64_t)bytes);
}

void net_metrics_answered(const struct net_metrics *n, int16_t api_key, size_t bytes,
                          int64_t took_ns)
{
    CHECK(api_key >= 0 && api_key < NET_METRICS_KEYS);
    metric_add(n->sent_bytes, (int64_t)bytes);
    metric_observe_ns(n->seconds[api_key], took_ns);
}
