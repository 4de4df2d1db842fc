/* max.task.idle.ms: how long a task waits for records of its other topics, as the original does. */
#include <stdio.h>
#include <string.h>

#include "streams/include/weir/streams.h"
#include "tests/support/test.h"

static const struct weir_value *pair(struct weir_context *ctx, const struct weir_value *key,
                                     const struct weir_value *left, const struct weir_value *right,
                                     void *user)
{
    (void)key;
    (void)user;
    struct weir_text x = weir_as_text(ctx, left);
    struct weir_text y = {"none", 4};
    if (right != NULL) {
        y = weir_as_text(ctx, right);
    }
    char both[100];
    (void)snprintf(both, sizeof both, "%.*s+%.*s", (int)x.len, x.data, (int)y.len, y.data);
    return weir_make_string(ctx, both);
}

/* A stream "s", joined with a table "t". */
static struct weir_test_driver *open_join(const char *idle_ms)
{
    struct weir_error error = {""};
    struct weir_consumed in = {.key = weir_serde_string(), .value = weir_serde_string()};
    struct weir_builder *b = weir_builder_create();
    struct weir_stream *joined = weir_stream_left_join_table(
        weir_builder_stream(b, "s", &in), weir_builder_table(b, "t", &in, NULL), pair, NULL);
    weir_stream_to(joined, "out", &(struct weir_produced){.value = weir_serde_string()});
    struct weir_config *c = weir_config_create();
    assert_true(weir_config_set(c, "application.id", "app", &error));
    assert_true(weir_config_set(c, "max.task.idle.ms", idle_ms, &error));
    struct weir_topology *t = weir_builder_build(b, &error);
    weir_builder_destroy(b);
    assert_non_null(t);
    struct weir_test_driver *d = weir_test_driver_create(t, c, NULL, &error);
    weir_config_destroy(c);
    if (d == NULL) {
        fail_msg("%s", error.text);
    }
    return d;
}

static void send(struct weir_test_driver *d, const char *topic, const char *value, int64_t ts)
{
    struct weir_error error;
    struct weir_test_record r = {topic, {"k", 1}, {value, strlen(value)}, ts};
    if (!weir_test_driver_pipe(d, &r, &error)) {
        fail_msg("%s", error.text);
    }
}

static void advance(struct weir_test_driver *d, int64_t ms)
{
    struct weir_error error;
    assert_true(weir_test_driver_advance(d, ms, &error));
}

/* The next output; NULL: nothing came. */
static void expect(struct weir_test_driver *d, const char *text)
{
    struct weir_test_record r;
    bool any = weir_test_driver_read(d, "out", &r);
    if (text == NULL) {
        assert_false(any);
        return;
    }
    assert_true(any);
    assert_int_equal(r.value.len, strlen(text));
    assert_memory_equal(r.value.data, text, r.value.len);
}

static void without_idling_what_is_there_is_taken(void **state)
{
    (void)state;
    static const char *const idle[] = {"-1", "0"};
    for (size_t i = 0; i < 2; i++) {
        struct weir_test_driver *d = open_join(idle[i]);
        send(d, "s", "a", 10);
        expect(d, "a+none");
        send(d, "t", "on", 5);
        send(d, "s", "b", 1);
        expect(d, "b+on");
        weir_test_driver_destroy(d);
    }
}

static void an_older_record_that_comes_in_time_goes_first(void **state)
{
    (void)state;
    struct weir_test_driver *d = open_join("1000");
    send(d, "s", "a", 10);
    advance(d, 999);
    expect(d, NULL);
    send(d, "t", "on", 5);
    expect(d, NULL); /* the table's queue is empty again */
    advance(d, 999);
    expect(d, NULL);
    advance(d, 1);
    expect(d, "a+on");
    weir_test_driver_destroy(d);
}

static void a_newer_record_goes_behind(void **state)
{
    (void)state;
    struct weir_test_driver *d = open_join("1000");
    send(d, "s", "a", 10);
    send(d, "t", "on", 15);
    expect(d, "a+none"); /* both have a head: nothing to wait for */
    weir_test_driver_destroy(d);
}

static void who_was_waited_for_is_not_waited_for_again_until_it_has_records(void **state)
{
    (void)state;
    struct weir_test_driver *d = open_join("1000");
    send(d, "s", "a", 10);
    advance(d, 1000);
    expect(d, "a+none");
    send(d, "s", "b", 20);
    expect(d, "b+none");
    send(d, "t", "on", 15); /* waits for s, whose last record has just gone */
    advance(d, 500);
    send(d, "s", "c", 30); /* lets it pass, and waits for t itself */
    expect(d, NULL);
    advance(d, 1000);
    expect(d, "c+on");
    weir_test_driver_destroy(d);
}

static void what_waits_at_a_clean_stop_is_read_again(void **state)
{
    (void)state;
    struct weir_error error;
    struct weir_test_driver *d = open_join("1000");
    send(d, "s", "a", 10);
    assert_true(weir_test_driver_restart(d, WEIR_TEST_RESTART_CLEAN, &error));
    expect(d, NULL);
    advance(d, 0);
    advance(d, 1000);
    expect(d, "a+none");
    expect(d, NULL);
    weir_test_driver_destroy(d);
}

static void the_setting_is_checked(void **state)
{
    (void)state;
    struct weir_error error;
    struct weir_config *c = weir_config_create();
    assert_false(weir_config_set(c, "max.task.idle.ms", "-2", &error));
    assert_true(weir_config_set(c, "max.task.idle.ms", "9223372036854775807", &error));
    assert_string_equal(weir_config_get(c, "max.task.idle.ms"), "9223372036854775807");
    weir_config_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_idling_what_is_there_is_taken),
        cmocka_unit_test(an_older_record_that_comes_in_time_goes_first),
        cmocka_unit_test(a_newer_record_goes_behind),
        cmocka_unit_test(who_was_waited_for_is_not_waited_for_again_until_it_has_records),
        cmocka_unit_test(what_waits_at_a_clean_stop_is_read_again),
        cmocka_unit_test(the_setting_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
