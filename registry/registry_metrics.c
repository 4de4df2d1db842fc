#include <stdio.h>

#include "common/metrics.h"
#include "registry/registry_internal.h"

static double registry_metrics_schemas(void *ctx)
{
    struct registry *r = ctx;
    registry_store_lock_read(r->store);
    size_t n = registry_store_id_count(r->store);
    registry_store_unlock(r->store);
    return (double)n;
}

static double registry_metrics_subjects(void *ctx)
{
    struct registry *r = ctx;
    size_t n = 0;
    registry_store_lock_read(r->store);
    for (size_t i = 0; i < registry_store_subject_count(r->store); i++) {
        n += registry_store_has(registry_store_subject_at(r->store, i), false) ? 1 : 0;
    }
    registry_store_unlock(r->store);
    return (double)n;
}

void registry_metrics_init(struct registry *r, struct metrics *metrics)
{
    struct registry_metrics *m = &r->metrics;
    m->registry = metrics;
    for (int i = 2; i < 6; i++) {
        char labels[32];
        (void)snprintf(labels, sizeof labels, "code=\"%dxx\"", i);
        m->requests[i] = metrics_counter(metrics, "weir_registry_requests_total",
                                         "Answers of the schema registry", labels);
    }
    m->duration = metrics_histogram(metrics, "weir_registry_request_seconds",
                                    "From the head of a request to its answer", NULL);
    m->schemas = metrics_gauge_read(metrics, "weir_registry_schemas", "Ids of schemas in use", NULL,
                                    registry_metrics_schemas, r);
    m->subjects = metrics_gauge_read(metrics, "weir_registry_subjects",
                                     "Subjects with a version that is not deleted", NULL,
                                     registry_metrics_subjects, r);
    m->write_failures = metrics_counter(metrics, "weir_registry_write_failures_total",
                                        "Writes that the cluster did not take in time", NULL);
    m->collisions =
        metrics_counter(metrics, "weir_registry_write_collisions_total",
                        "Registrations decided again because another registry was first", NULL);
    m->skipped = metrics_counter(metrics, "weir_registry_records_skipped_total",
                                 "Records of the topic without effect", NULL);
}

void registry_metrics_deinit(struct registry *r)
{
    struct registry_metrics *m = &r->metrics;
    if (m->registry != NULL) {
        metrics_remove(m->registry, m->schemas);
        metrics_remove(m->registry, m->subjects);
    }
}

void registry_metrics_observe(void *ctx, const char *method, const char *route, unsigned status,
                              int64_t duration_ns)
{
    (void)method;
    (void)route;
    struct registry *r = ctx;
    metric_add(r->metrics.requests[status < 600 ? status / 100 : 5], 1);
    metric_observe_ns(r->metrics.duration, duration_ns);
}
