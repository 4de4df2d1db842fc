#include "broker/broker_metrics.h"

#include <stdbool.h>
#include <stddef.h>

#include "broker/group/groups.h"
#include "broker/net/server.h"
#include "broker/storage/log_dir.h"
#include "common/mem.h"
#include "common/metrics.h"

struct broker_numbers {
    struct server_stats server;
    struct log_dir_stats log;
    size_t groups;
};

static void broker_metrics_collect(const struct broker_metrics_parts *parts,
                                   struct broker_numbers *out_numbers)
{
    server_get_stats(parts->server, &out_numbers->server);
    log_dir_get_stats(parts->log_dir, &out_numbers->log);
    out_numbers->groups = groups_published_count(parts->groups);
}

/* X(identifier, counts up, name, value in struct broker_numbers, help) */
/* clang-format off */
#define BROKER_METRICS(X) \
    X(connections, false, "weir_broker_connections", server.connections, "Open connections of clients.") \
    X(accepted, true, "weir_broker_connections_accepted_total", server.accepted, "Connections accepted.") \
    X(refused, true, "weir_broker_connections_refused_total", server.refused, "Connections closed at the connection limit.") \
    X(malformed, true, "weir_broker_malformed_requests_total", server.malformed, "Connections closed for what their client sent.") \
    X(requests, true, "weir_broker_requests_total", server.requests, "Requests handled.") \
    X(appends, true, "weir_broker_appends_total", log.append_count, "Sets of batches written to logs.") \
    X(append_bytes, true, "weir_broker_append_bytes_total", log.append_bytes, "Bytes written to logs.") \
    X(flushes, true, "weir_broker_flushes_total", log.flush_count, "Calls of fdatasync on logs.") \
    X(log_bytes, false, "weir_broker_log_size_bytes", log.size_bytes, "Size of all logs.") \
    X(partitions, false, "weir_broker_partitions", log.partition_count, "Partitions.") \
    X(stopped, false, "weir_broker_stopped_partitions", log.failed_partition_count, "Partitions stopped by a disk error.") \
    X(segments, false, "weir_broker_segments", log.segment_count, "Segments of all partitions.") \
    X(groups, false, "weir_broker_groups", groups, "Consumer groups, those with offsets alone included.")
/* clang-format on */

#define BROKER_METRICS_READ(id, counter, name, value, help) \
    static double broker_metrics_read_##id(void *ctx)       \
    {                                                       \
        struct broker_numbers numbers;                      \
        broker_metrics_collect(ctx, &numbers);              \
        return (double)numbers.value;                       \
    }
BROKER_METRICS(BROKER_METRICS_READ)
#undef BROKER_METRICS_READ

static const struct {
    bool counter;
    const char *name;
    const char *help;
    metric_read_fn read;
} broker_metrics_rows[] = {
#define BROKER_METRICS_ROW(id, counter, name, value, help) \
    {counter, name, help, broker_metrics_read_##id},
    BROKER_METRICS(BROKER_METRICS_ROW)
#undef BROKER_METRICS_ROW
};

#define BROKER_METRICS_COUNT (sizeof broker_metrics_rows / sizeof broker_metrics_rows[0])

struct broker_gauges {
    struct metrics *metrics;
    struct broker_metrics_parts parts;
    struct metric *items[BROKER_METRICS_COUNT];
};

struct broker_gauges *broker_metrics_add(struct metrics *m,
                                         const struct broker_metrics_parts *parts)
{
    struct broker_gauges *g = m == NULL ? NULL : mem_calloc(1, sizeof *g);
    if (g == NULL) {
        return NULL;
    }
    g->metrics = m;
    g->parts = *parts;
    for (size_t i = 0; i < BROKER_METRICS_COUNT; i++) {
        g->items[i] = (broker_metrics_rows[i].counter ? metrics_counter_read : metrics_gauge_read)(
            m, broker_metrics_rows[i].name, broker_metrics_rows[i].help, NULL,
            broker_metrics_rows[i].read, &g->parts);
    }
    return g;
}

void broker_metrics_remove(struct broker_gauges *gauges)
{
    for (size_t i = 0; gauges != NULL && i < BROKER_METRICS_COUNT; i++) {
        metrics_remove(gauges->metrics, gauges->items[i]);
    }
    mem_free(gauges);
}
