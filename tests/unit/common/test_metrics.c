#include "common/metrics.h"

#include "tests/support/test.h"

static void renders_series_of_one_name_together(void **state)
{
    (void)state;
    struct metrics *m = metrics_create();
    struct metric *a = metrics_counter(m, "weir_a_total", "A", "x=\"1\"");
    struct metric *b = metrics_gauge(m, "weir_b", "B", NULL);
    struct metric *a2 = metrics_counter(m, "weir_a_total", "A", "x=\"2\"");
    assert_ptr_equal(metrics_counter(m, "weir_a_total", "A", "x=\"1\""), a);
    metric_add(a, 3);
    metric_add(a2, 4);
    metric_set(b, -1);
    struct buf out;
    buf_init(&out, 10000);
    metrics_render(m, &out);
    assert_string_equal(buf_text(&out), "# HELP weir_a_total A\n# TYPE weir_a_total counter\n"
                                        "weir_a_total{x=\"1\"} 3\nweir_a_total{x=\"2\"} 4\n"
                                        "# HELP weir_b B\n# TYPE weir_b gauge\nweir_b -1\n");
    buf_deinit(&out);
    metrics_destroy(m);
}

static void histograms_are_cumulative(void **state)
{
    (void)state;
    struct metrics *m = metrics_create();
    struct metric *h = metrics_histogram(m, "weir_h_seconds", "H", NULL);
    metric_observe_ns(h, 50000);
    metric_observe_ns(h, 2000000000);
    metric_observe_ns(h, 20000000000);
    struct buf out;
    buf_init(&out, 10000);
    metrics_render(m, &out);
    const char *text = buf_text(&out);
    assert_non_null(strstr(text, "weir_h_seconds_bucket{le=\"0.0001\"} 1\n"));
    assert_non_null(strstr(text, "weir_h_seconds_bucket{le=\"10\"} 2\n"));
    assert_non_null(strstr(text, "weir_h_seconds_bucket{le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text, "weir_h_seconds_count 3\n"));
    buf_deinit(&out);
    metrics_destroy(m);
}

static void a_missing_registry_is_harmless(void **state)
{
    (void)state;
    struct metric *none = metrics_counter(NULL, "x", "x", NULL);
    metric_add(none, 1);
    metric_observe_ns(none, 1);
    assert_int_equal(metric_value(none), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renders_series_of_one_name_together),
        cmocka_unit_test(histograms_are_cumulative),
        cmocka_unit_test(a_missing_registry_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
