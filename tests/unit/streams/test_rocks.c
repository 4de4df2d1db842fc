/* The store on disk against a naive model: random writes, deletes, dropped runs, flushes,
 * reopening. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "streams/include/weir/streams.h"
#include "streams/state/rocks.h"
#include "tests/support/test.h"

#define KEYS 3000
#define VALUE_MAX 40
#define STEPS 60000

struct model {
    struct weir_topology *topology;
    char dir[64];
    struct rocks *rocks;
    struct kv *kv;
    int floor; /* keys below are gone for good */
    int lens[KEYS];
    unsigned char values[KEYS][VALUE_MAX]; /* lens of -1: not there */
};

static struct weir_topology *one_store(const char *name)
{
    struct weir_builder *b = weir_builder_create();
    struct weir_consumed in = {.key = weir_serde_string(), .value = weir_serde_string()};
    struct weir_materialized named = {.name = name};
    weir_grouped_count(weir_stream_group_by_key(weir_builder_stream(b, "in", &in), NULL), &named);
    struct weir_topology *t = weir_builder_build(b, NULL);
    weir_builder_destroy(b);
    assert_non_null(t);
    return t;
}

static void open_store(struct model *m)
{
    struct err e = {0};
    if (rocks_open(m->dir, m->topology, 0, &m->rocks, &e) != ERR_OK ||
        rocks_open_kv(m->rocks, "counts", &m->kv, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
}

static struct bytes key_of(int k, char text[16])
{
    return bytes_of(text, (size_t)snprintf(text, 16, "%06d", k));
}

static void check(struct model *m, int k)
{
    char text[16];
    struct buf out;
    struct err e;
    bool found = false;
    buf_init(&out, VALUE_MAX);
    assert_int_equal(kv_get(m->kv, key_of(k, text), &out, &found, &e), ERR_OK);
    bool there = k >= m->floor && m->lens[k] >= 0;
    if (found != there || (found && out.len != (size_t)m->lens[k])) {
        fail_msg("key %d: %s, %zu bytes instead of %d", k, found ? "found" : "missing", out.len,
                 there ? m->lens[k] : -1);
    }
    if (found) {
        assert_memory_equal(out.data, m->values[k], out.len);
    }
    buf_deinit(&out);
}

static void write_one(struct model *m, int k, int len, bool later)
{
    char text[16];
    struct err e;
    struct bytes value = bytes_null();
    m->lens[k] = len;
    if (len >= 0) {
        memset(m->values[k], rand() & 0xff, VALUE_MAX); /* NOLINT(cert-msc30-c,cert-msc50-cpp) */
        value = bytes_of(m->values[k], (size_t)len);
    }
    enum err_code code = later ? kv_put_later(m->kv, key_of(k, text), value, &e)
                               : kv_put(m->kv, key_of(k, text), value, &e);
    assert_int_equal(code, ERR_OK);
}

static void step(struct model *m, int number)
{
    char text[16];
    struct err e;
    /* NOLINTBEGIN(cert-msc30-c,cert-msc50-cpp) */
    int k = m->floor + rand() % (KEYS - m->floor);
    int what = rand() % 100;
    int len = rand() % (VALUE_MAX + 1);
    /* NOLINTEND(cert-msc30-c,cert-msc50-cpp) */
    if (what < 60) {
        write_one(m, k, what < 10 ? -1 : len, what % 2 == 0);
    } else {
        check(m, k);
    }
    if (number % 2000 == 0) {
        m->floor += 10;
        assert_int_equal(kv_drop_below(m->kv, key_of(m->floor, text), &e), ERR_OK);
    }
    if (number % 7000 == 0) {
        assert_int_equal(kv_sync(m->kv, &e), ERR_OK);
    }
    if (number % 21000 == 0) {
        rocks_close(m->rocks);
        open_store(m);
    }
}

static void holds_what_it_was_given(void **state)
{
    (void)state;
    static struct model m;
    struct err e;
    m.topology = one_store("counts");
    (void)snprintf(m.dir, sizeof m.dir, "/tmp/weir-rocks-XXXXXX");
    assert_non_null(mkdtemp(m.dir));
    memset(m.lens, -1, sizeof m.lens);
    open_store(&m);
    srand(7);
    for (int i = 1; i <= STEPS; i++) {
        step(&m, i);
    }
    for (int k = 0; k < KEYS; k++) {
        check(&m, k);
    }
    rocks_close(m.rocks);
    assert_int_equal(rocks_remove(m.dir, &e), ERR_OK);
    weir_topology_destroy(m.topology);
}

static void what_was_only_gathered_goes_with_the_store(void **state)
{
    (void)state;
    static struct model m;
    struct err e;
    m.topology = one_store("counts");
    (void)snprintf(m.dir, sizeof m.dir, "/tmp/weir-rocks-XXXXXX");
    assert_non_null(mkdtemp(m.dir));
    memset(m.lens, -1, sizeof m.lens);
    open_store(&m);
    write_one(&m, 1, 8, false);
    assert_int_equal(kv_sync(m.kv, &e), ERR_OK);
    write_one(&m, 2, 8, true);
    rocks_close(m.rocks);
    m.lens[2] = -1;
    open_store(&m);
    check(&m, 1);
    check(&m, 2);
    rocks_close(m.rocks);
    assert_int_equal(rocks_remove(m.dir, &e), ERR_OK);
    weir_topology_destroy(m.topology);
}

static void a_directory_of_another_topology_is_of_no_use(void **state)
{
    (void)state;
    static struct model m;
    struct err e;
    m.topology = one_store("counts");
    (void)snprintf(m.dir, sizeof m.dir, "/tmp/weir-rocks-XXXXXX");
    assert_non_null(mkdtemp(m.dir));
    open_store(&m);
    rocks_close(m.rocks);
    struct weir_topology *other = one_store("sums");
    assert_int_equal(rocks_open(m.dir, other, 0, &m.rocks, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.text, "counts"));
    assert_int_equal(rocks_remove(m.dir, &e), ERR_OK);
    weir_topology_destroy(other);
    weir_topology_destroy(m.topology);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_it_was_given),
        cmocka_unit_test(what_was_only_gathered_goes_with_the_store),
        cmocka_unit_test(a_directory_of_another_topology_is_of_no_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
