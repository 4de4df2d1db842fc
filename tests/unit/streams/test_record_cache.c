/* The record cache against a naive model: latest values, order of what is let go, nothing lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "streams/state/record_cache.h"
#include "tests/support/test.h"

#define KEYS 300

struct model {
    struct record_cache *cache;
    struct record_cache_budget budget;
    int latest[KEYS];  /* last value written; -1: deleted, 0: never */
    int below[KEYS];   /* what was let go last */
    int written[KEYS]; /* number of the last write */
    int last_gone;     /* number of the write that left last, in this run */
    int gone;
    int runs;
    int fail_after; /* 0: never */
};

static struct bytes key_of(int k, char text[32])
{
    int len = snprintf(text, 32, "%0*d", 3 + k % 20, k);
    return bytes_of(text, (size_t)len);
}

static enum err_code let_go(void *ctx, struct bytes key, struct bytes value,
                            const struct record_cache_origin *origin, struct err *e)
{
    struct model *m = ctx;
    if (m->fail_after > 0 && --m->fail_after == 0) {
        return err_set(e, ERR_IO, "no");
    }
    int k = atoi((const char *)memcpy((char[32]){0}, key.data, key.len)); /* NOLINT(cert-err34-c) */
    assert_in_range(k, 0, KEYS - 1);
    int v = -1;
    if (!bytes_is_null(value)) {
        assert_true(value.len >= sizeof v);
        memcpy(&v, value.data, sizeof v);
    }
    assert_int_equal(v, m->latest[k]);
    assert_int_equal(origin->offset, m->written[k]);
    assert_true(m->written[k] > m->last_gone);
    m->last_gone = m->written[k];
    m->below[k] = v;
    m->gone++;
    return ERR_OK;
}

static enum err_code let_go_end(void *ctx, struct err *e)
{
    (void)e;
    struct model *m = ctx;
    m->last_gone = 0;
    m->runs++;
    return ERR_OK;
}

static void put(struct model *m, int k, int number, int padding)
{
    char text[32];
    char value[64] = {0};
    memcpy(value, &number, sizeof number);
    struct record_cache_origin origin = {number, number, NULL};
    struct err e;
    bool deletes = number % 7 == 0;
    m->latest[k] = deletes ? -1 : number;
    m->written[k] = number;
    struct bytes bytes = deletes ? bytes_null() : bytes_of(value, sizeof number + (size_t)padding);
    assert_int_equal(record_cache_put(m->cache, key_of(k, text), bytes, &origin, &e), ERR_OK);
}

/* What the cache has, and what lies below, make up the latest values. */
static void check(struct model *m)
{
    size_t cached = 0;
    for (int k = 0; k < KEYS; k++) {
        char text[32];
        struct bytes value = bytes_null();
        int v = m->below[k];
        if (record_cache_get(m->cache, key_of(k, text), &value)) {
            cached++;
            v = -1;
            if (!bytes_is_null(value)) {
                memcpy(&v, value.data, sizeof v);
            }
        }
        assert_int_equal(v, m->latest[k]);
    }
    assert_int_equal(record_cache_count(m->cache), cached);
}

static void run(size_t limit_bytes, int writes)
{
    struct model m = {.budget = {.limit_bytes = limit_bytes}};
    m.cache = record_cache_create(&m.budget, let_go, let_go_end, &m);
    assert_non_null(m.cache);
    srand(7);
    for (int i = 1; i <= writes; i++) {
        put(&m, rand() % KEYS, i, rand() % 40); /* NOLINT(cert-msc30-c,cert-msc50-cpp) */
        assert_true(m.budget.used_bytes <= limit_bytes || record_cache_count(m.cache) == 1);
        if (i % 500 == 0) {
            check(&m);
        }
    }
    struct err e;
    assert_int_equal(record_cache_flush(m.cache, &e), ERR_OK);
    check(&m);
    assert_memory_equal(m.below, m.latest, sizeof m.below);
    int gone = m.gone;
    assert_int_equal(record_cache_flush(m.cache, &e), ERR_OK);
    assert_int_equal(m.gone, gone);
    record_cache_destroy(m.cache);
    assert_int_equal(m.budget.used_bytes, 0);
}

static void keeps_all_that_fits(void **state)
{
    (void)state;
    run((size_t)1 << 20, 5000);
}

static void gives_up_what_does_not_fit_and_loses_nothing(void **state)
{
    (void)state;
    run(8000, 5000);
    run(400, 3000);
    run(1, 1000);
}

static void an_entry_in_use_stays_longer(void **state)
{
    (void)state;
    struct model m = {.budget = {.limit_bytes = 8000}};
    m.cache = record_cache_create(&m.budget, let_go, let_go_end, &m);
    assert_non_null(m.cache);
    int missed = 0;
    for (int i = 1; i <= 250; i++) {
        char text[32];
        struct bytes value;
        put(&m, i, i, 0);
        missed += i > 1 && !record_cache_get(m.cache, key_of(1, text), &value);
    }
    assert_true(m.gone > 100);
    assert_int_equal(missed, 0);
    record_cache_destroy(m.cache);
}

static void a_failure_on_the_way_out_is_reported(void **state)
{
    (void)state;
    struct model m = {.budget = {.limit_bytes = 100000}, .fail_after = 3};
    m.cache = record_cache_create(&m.budget, let_go, let_go_end, &m);
    assert_non_null(m.cache);
    for (int i = 1; i <= 5; i++) {
        put(&m, i, i, 0);
    }
    struct err e;
    assert_int_equal(record_cache_flush(m.cache, &e), ERR_IO);
    assert_int_equal(m.gone, 2);
    record_cache_destroy(m.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_all_that_fits),
        cmocka_unit_test(gives_up_what_does_not_fit_and_loses_nothing),
        cmocka_unit_test(an_entry_in_use_stays_longer),
        cmocka_unit_test(a_failure_on_the_way_out_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
