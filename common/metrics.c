#include "common/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/lock.h"
#include "common/mem.h"

#define METRICS_BUCKETS 16

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Upper bounds in nanoseconds, and as Prometheus prints them. */
static const struct {
    int64_t ns;
    const char *le;
} metrics_buckets[METRICS_BUCKETS] = {
    {100000, "0.0001"},  {250000, "0.00025"}, {500000, "0.0005"},  {1000000, "0.001"},
    {2500000, "0.0025"}, {5000000, "0.005"},  {10000000, "0.01"},  {25000000, "0.025"},
    {50000000, "0.05"},  {100000000, "0.1"},  {250000000, "0.25"}, {500000000, "0.5"},
    {1000000000, "1"},   {2500000000, "2.5"}, {5000000000, "5"},   {10000000000, "10"},
};

struct metric {
    enum metric_kind kind;
    const char *name;
    const char *help;
    char *labels; /* never NULL */
    metric_read_fn read;
    void *read_ctx;
    _Atomic int64_t value; /* histogram: count */
    _Atomic int64_t sum_ns;
    _Atomic int64_t buckets[METRICS_BUCKETS];
};

struct metrics {
    struct lock lock;
    size_t count;
    struct metric *items[METRICS_MAX]; /* grouped by name, in order of first creation */
};

struct metrics *metrics_create(void)
{
    struct metrics *m = mem_calloc(1, sizeof *m);
    if (m != NULL) {
        lock_init(&m->lock);
    }
    return m;
}

static void metric_free(struct metric *metric)
{
    mem_free(metric->labels);
    mem_free(metric);
}

void metrics_destroy(struct metrics *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->count; i++) {
        metric_free(m->items[i]);
    }
    lock_deinit(&m->lock);
    mem_free(m);
}

/* The place behind the last metric of that name, so that series of one name stay together; *found
 * when it exists. */
static size_t metrics_place(struct metrics *m, const char *name, const char *labels,
                            struct metric **found)
{
    size_t place = m->count;
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->items[i]->name, name) == 0) {
            place = i + 1;
            if (strcmp(m->items[i]->labels, labels) == 0) {
                *found = m->items[i];
            }
        }
    }
    return place;
}

static struct metric *metrics_new(enum metric_kind kind, const char *name, const char *help,
                                  const char *labels)
{
    struct metric *metric = mem_calloc(1, sizeof *metric);
    if (metric == NULL) {
        return NULL;
    }
    metric->kind = kind;
    metric->name = name;
    metric->help = help;
    metric->labels = mem_strdup(labels);
    if (metric->labels == NULL) {
        mem_free(metric);
        return NULL;
    }
    return metric;
}

static struct metric *metrics_get(struct metrics *m, enum metric_kind kind, const char *name,
                                  const char *help, const char *labels)
{
    if (m == NULL) {
        return NULL;
    }
    const char *wanted = labels != NULL ? labels : "";
    struct metric *metric = NULL;
    lock_acquire(&m->lock);
    size_t place = metrics_place(m, name, wanted, &metric);
    if (metric == NULL && m->count < METRICS_MAX) {
        metric = metrics_new(kind, name, help, wanted);
        if (metric != NULL) {
            memmove(&m->items[place + 1], &m->items[place],
                    (m->count - place) * sizeof m->items[0]);
            m->items[place] = metric;
            m->count++;
        }
    }
    lock_release(&m->lock);
    return metric;
}

struct metric *metrics_counter(struct metrics *m, const char *name, const char *help,
                               const char *labels)
{
    return metrics_get(m, METRIC_COUNTER, name, help, labels);
}

struct metric *metrics_gauge(struct metrics *m, const char *name, const char *help,
                             const char *labels)
{
    return metrics_get(m, METRIC_GAUGE, name, help, labels);
}

static struct metric *metrics_get_read(struct metrics *m, struct metric *metric,
                                       metric_read_fn read, void *ctx)
{
    if (metric != NULL) {
        lock_acquire(&m->lock);
        metric->read = read;
        metric->read_ctx = ctx;
        lock_release(&m->lock);
    }
    return metric;
}

struct metric *metrics_gauge_read(struct metrics *m, const char *name, const char *help,
                                  const char *labels, metric_read_fn read, void *ctx)
{
    return metrics_get_read(m, metrics_get(m, METRIC_GAUGE, name, help, labels), read, ctx);
}

struct metric *metrics_counter_read(struct metrics *m, const char *name, const char *help,
                                    const char *labels, metric_read_fn read, void *ctx)
{
    return metrics_get_read(m, metrics_get(m, METRIC_COUNTER, name, help, labels), read, ctx);
}

struct metric *metrics_histogram(struct metrics *m, const char *name, const char *help,
                                 const char *labels)
{
    return metrics_get(m, METRIC_HISTOGRAM, name, help, labels);
}

void metrics_remove(struct metrics *m, struct metric *metric)
{
    if (m == NULL || metric == NULL) {
        return;
    }
    lock_acquire(&m->lock);
    for (size_t i = 0; i < m->count; i++) {
        if (m->items[i] == metric) {
            m->count--;
            memmove(&m->items[i], &m->items[i + 1], (m->count - i) * sizeof m->items[0]);
            metric_free(metric);
            break;
        }
    }
    lock_release(&m->lock);
}

void metric_add(struct metric *metric, int64_t n)
{
    if (metric != NULL) {
        (void)atomic_fetch_add_explicit(&metric->value, n, memory_order_relaxed);
    }
}

void metric_set(struct metric *metric, int64_t value)
{
    if (metric != NULL) {
        atomic_store_explicit(&metric->value, value, memory_order_relaxed);
    }
}

void metric_observe_ns(struct metric *metric, int64_t ns)
{
    if (metric == NULL) {
        return;
    }
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        if (ns <= metrics_buckets[i].ns) {
            (void)atomic_fetch_add_explicit(&metric->buckets[i], 1, memory_order_relaxed);
            break;
        }
    }
    (void)atomic_fetch_add_explicit(&metric->sum_ns, ns, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&metric->value, 1, memory_order_relaxed);
}

int64_t metric_value(const struct metric *metric)
{
    return metric != NULL ? atomic_load_explicit(&metric->value, memory_order_relaxed) : 0;
}

static void metrics_render_histogram(const struct metric *metric, struct buf *out)
{
    const char *labels = metric->labels;
    const char *comma = *labels != '\0' ? "," : "";
    int64_t total = 0;
    for (size_t i = 0; i < METRICS_BUCKETS; i++) {
        total += atomic_load(&metric->buckets[i]);
        buf_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRId64 "\n", metric->name, labels, comma,
                   metrics_buckets[i].le, total);
    }
    int64_t count = metric_value(metric);
    double sum = (double)atomic_load(&metric->sum_ns) / 1e9;
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRId64 "\n", metric->name, labels, comma, count);
    if (*labels != '\0') {
        buf_printf(out, "%s_sum{%s} %.9g\n%s_count{%s} %" PRId64 "\n", metric->name, labels, sum,
                   metric->name, labels, count);
    } else {
        buf_printf(out, "%s_sum %.9g\n%s_count %" PRId64 "\n", metric->name, sum, metric->name,
                   count);
    }
}

static void metrics_render_one(const struct metric *metric, struct buf *out)
{
    if (metric->kind == METRIC_HISTOGRAM) {
        metrics_render_histogram(metric, out);
        return;
    }
    buf_append_text(out, metric->name);
    if (*metric->labels != '\0') {
        buf_printf(out, "{%s}", metric->labels);
    }
    if (metric->read != NULL) {
        buf_printf(out, " %.17g\n", metric->read(metric->read_ctx));
    } else {
        buf_printf(out, " %" PRId64 "\n", metric_value(metric));
    }
}

void metrics_render(struct metrics *m, struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    lock_acquire(&m->lock);
    for (size_t i = 0; i < m->count; i++) {
        const struct metric *metric = m->items[i];
        if (i == 0 || strcmp(m->items[i - 1]->name, metric->name) != 0) {
            buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                       metric->name, kinds[metric->kind]);
        }
        metrics_render_one(metric, out);
    }
    lock_release(&m->lock);
}
