/* Latency samples and their percentiles, for the benchmark programs. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct stats {
    int64_t *samples_ns;
    size_t count;
    size_t capacity;
};

static inline int64_t stats_now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static inline struct stats stats_create(size_t capacity)
{
    struct stats s = {calloc(capacity, sizeof *s.samples_ns), 0, capacity};
    if (s.samples_ns == NULL) {
        (void)fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return s;
}

static inline void stats_add(struct stats *s, int64_t ns)
{
    if (s->count < s->capacity) {
        s->samples_ns[s->count++] = ns;
    }
}

static inline int stats_compare(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Milliseconds; sorts. */
static inline double stats_percentile_ms(struct stats *s, double p)
{
    if (s->count == 0) {
        return 0;
    }
    qsort(s->samples_ns, s->count, sizeof *s->samples_ns, stats_compare);
    size_t i = (size_t)(p / 100.0 * (double)(s->count - 1) + 0.5);
    return (double)s->samples_ns[i] / 1e6;
}
