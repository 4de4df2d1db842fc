/* What is read from the broker's parts when somebody looks at /metrics: one row a value, in
 * broker_metrics.c. What is counted as it happens (net/net_metrics.h, flush times) is not here. */
#pragma once

struct broker_gauges;
struct groups;
struct log_dir;
struct metrics;
struct server;

struct broker_metrics_parts {
    struct server *server;
    struct log_dir *log_dir;
    struct groups *groups;
};

/* NULL when memory is short or there is no registry: then there is nothing to see. */
struct broker_gauges *broker_metrics_add(struct metrics *m,
                                         const struct broker_metrics_parts *parts);
/* Before the parts go. NULL is fine. */
void broker_metrics_remove(struct broker_gauges *gauges);
