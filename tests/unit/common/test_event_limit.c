#include "common/event_limit.h"

#include "tests/support/test.h"

static void passes_once_in_ten_seconds(void **state)
{
    (void)state;
    struct event_limit l = {0};
    uint64_t held_back = 7;
    assert_true(event_limit_pass(&l, 0, &held_back));
    assert_int_equal(held_back, 0);
    for (int64_t now = 0; now < EVENT_LIMIT_MS; now += 1000) {
        assert_false(event_limit_pass(&l, now, &held_back));
    }
    assert_true(event_limit_pass(&l, EVENT_LIMIT_MS, &held_back));
    assert_int_equal(held_back, 10);
    assert_false(event_limit_pass(&l, EVENT_LIMIT_MS + 1, &held_back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_once_in_ten_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
