/* Every message in every version, filled at random: what is written is what is read. */
#include <string.h>

#include "common/mem.h"
#include "protocol/generated/messages.h"
#include "protocol/message.h"
#include "tests/support/message_fill.h"
#include "tests/support/test.h"

#define ARENA_BYTES ((size_t)8 << 20)
#define BUF_BYTES ((size_t)8 << 20)
#define SEEDS 6

struct trip {
    struct arena arena;
    struct buf first;
    struct buf second;
    void *input;
    struct err e;
};

static void trip_init(struct trip *t)
{
    arena_init(&t->arena, ARENA_BYTES);
    buf_init(&t->first, BUF_BYTES);
    buf_init(&t->second, BUF_BYTES);
    t->input = NULL;
}

static void trip_deinit(struct trip *t)
{
    arena_deinit(&t->arena);
    buf_deinit(&t->first);
    buf_deinit(&t->second);
    mem_free(t->input);
}

static void trip_clear(struct trip *t)
{
    arena_reset(&t->arena);
    buf_clear(&t->first);
    buf_clear(&t->second);
}

static void *trip_fill(struct trip *t, const struct message_schema *s, int16_t version,
                       uint64_t seed)
{
    void *msg = arena_alloc(&t->arena, s->size);
    struct message_fill fill = {&t->arena, seed * 0x9e3779b97f4a7c15U, version};
    message_fill(&fill, s, msg);
    assert_false(arena_failed(&t->arena));
    return msg;
}

/* Decodes from a heap copy of the exact size, so that the sanitizer sees a read past the end. */
static enum err_code trip_decode(struct trip *t, const struct message_schema *s, int16_t version,
                                 struct bytes in, void **out_msg, size_t *out_left)
{
    mem_free(t->input);
    t->input = mem_dup(in.data, in.len);
    struct reader r;
    reader_init(&r, bytes_of(t->input, in.len));
    *out_msg = arena_alloc(&t->arena, s->size);
    enum err_code rc = message_decode(s, version, &r, &t->arena, *out_msg, &t->e);
    *out_left = reader_left(&r);
    return rc;
}

static void trip_check(struct trip *t, const struct message_schema *s, int16_t version,
                       uint64_t seed)
{
    trip_clear(t);
    void *msg = trip_fill(t, s, version, seed);
    assert_int_equal(message_encode(s, version, msg, &t->first, NULL, &t->e), ERR_OK);
    assert_int_equal(message_size(s, version, msg), t->first.len);
    void *again = NULL;
    size_t left = 1;
    if (trip_decode(t, s, version, buf_bytes(&t->first), &again, &left) != ERR_OK) {
        fail_msg("%s", t->e.text);
    }
    assert_int_equal(left, 0);
    assert_int_equal(message_encode(s, version, again, &t->second, NULL, &t->e), ERR_OK);
    assert_true(bytes_equal(buf_bytes(&t->first), buf_bytes(&t->second)));
    /* The values too, not only their bytes. */
    buf_clear(&t->first);
    buf_clear(&t->second);
    message_print(s, version, msg, &t->first);
    message_print(s, version, again, &t->second);
    assert_string_equal(buf_text(&t->first), buf_text(&t->second));
}

static void every_version_reads_what_it_wrote(void **state)
{
    (void)state;
    struct trip t;
    trip_init(&t);
    for (size_t i = 0; i < message_schemas_count; i++) {
        const struct message_schema *s = message_schemas[i];
        for (int16_t version = s->min_version; version <= s->max_version; version++) {
            for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                trip_check(&t, s, version, seed);
            }
        }
    }
    trip_deinit(&t);
}

/* No strict prefix of a message is a message. */
static void every_truncation_is_an_error(void **state)
{
    (void)state;
    struct trip t;
    trip_init(&t);
    for (size_t i = 0; i < message_schemas_count; i++) {
        const struct message_schema *s = message_schemas[i];
        for (int16_t version = s->min_version; version <= s->max_version; version++) {
            trip_clear(&t);
            void *msg = trip_fill(&t, s, version, 7);
            assert_int_equal(message_encode(s, version, msg, &t.first, NULL, &t.e), ERR_OK);
            size_t step = t.first.len / 400 + 1;
            for (size_t n = 0; n < t.first.len; n += step) {
                arena_reset(&t.arena);
                void *out = NULL;
                size_t left = 0;
                enum err_code rc =
                    trip_decode(&t, s, version, bytes_of(t.first.data, n), &out, &left);
                assert_int_equal(rc, ERR_PARSE);
            }
        }
    }
    trip_deinit(&t);
}

static void every_failed_allocation_is_an_error(void **state)
{
    (void)state;
    struct trip t;
    trip_init(&t);
    const struct message_schema *s = &kafka_fetch_response_schema;
    void *msg = trip_fill(&t, s, 17, 4);
    assert_int_equal(message_encode(s, 17, msg, &t.first, NULL, &t.e), ERR_OK);
    enum err_code rc = ERR_LIMIT;
    for (uint64_t n = 1; rc != ERR_OK; n++) {
        struct arena arena;
        arena_init(&arena, ARENA_BYTES);
        struct kafka_fetch_response out;
        struct reader r;
        reader_init(&r, buf_bytes(&t.first));
        mem_test_fail_at(n);
        rc = message_decode(s, 17, &r, &arena, &out, &t.e);
        mem_test_fail_at(0);
        assert_true(n < 100);
        assert_true(n > 1 || rc != ERR_OK);
        arena_deinit(&arena);
    }
    mem_test_fail_at(1);
    buf_deinit(&t.second);
    assert_int_not_equal(message_encode(s, 17, msg, &t.second, NULL, &t.e), ERR_OK);
    mem_test_fail_at(0);
    trip_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_reads_what_it_wrote),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(every_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
