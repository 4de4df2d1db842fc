/*
 * Numbers that operators watch, rendered as Prometheus text at /metrics. A metric is created once,
 * at start, and then changed without a lock from any thread. Names follow Prometheus:
 * weir_<part>_<what>_<unit>[_total]. The number of metrics is bounded (METRICS_MAX); labels are
 * fixed at creation, so a client cannot make new series.
 */
#pragma once

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

#define METRICS_MAX 2048

struct metrics;
struct metric;

/* Read at render time; any thread. */
typedef double (*metric_read_fn)(void *ctx);

/* NULL when out of memory. */
struct metrics *metrics_create(void);
void metrics_destroy(struct metrics *m);

/*
 * name and help are static texts; labels is `api="produce",code="0"` or NULL, copied. The same name
 * and labels give the same metric again. NULL when the registry is NULL, full or out of memory:
 * every function below accepts NULL, so a missing metric never stops anything.
 */
struct metric *metrics_counter(struct metrics *m, const char *name, const char *help,
                               const char *labels);
struct metric *metrics_gauge(struct metrics *m, const char *name, const char *help,
                             const char *labels);
/* A gauge that is computed when somebody looks. Remove with metrics_remove before ctx goes. */
struct metric *metrics_gauge_read(struct metrics *m, const char *name, const char *help,
                                  const char *labels, metric_read_fn read, void *ctx);
/* Seconds, in buckets from 0.0001 to 10. */
struct metric *metrics_histogram(struct metrics *m, const char *name, const char *help,
                                 const char *labels);
/* The same for a number that only grows. */
struct metric *metrics_counter_read(struct metrics *m, const char *name, const char *help,
                                    const char *labels, metric_read_fn read, void *ctx);
void metrics_remove(struct metrics *m, struct metric *metric);

void metric_add(struct metric *metric, int64_t n);
void metric_set(struct metric *metric, int64_t value);
void metric_observe_ns(struct metric *metric, int64_t ns);
int64_t metric_value(const struct metric *metric);

/* Prometheus text format 0.0.4; series of one name stand together. */
void metrics_render(struct metrics *m, struct buf *out);
