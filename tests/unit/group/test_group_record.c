/* The bytes of __consumer_offsets, as Kafka 3.x writes them, and what partition a group is in. */
#include "tests/support/test.h"

#include <string.h>

#include "broker/group/group.h"
#include "broker/group/group_record.h"
#include "common/arena.h"
#include "common/buf.h"
#include "protocol/generated/messages.h"

static void offset_records_have_kafkas_bytes(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    group_record_offset_key(&out, bytes_of_text("g"), bytes_of_text("t"), 7);
    static const uint8_t key[] = {0, 1, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 7};
    assert_int_equal(out.len, sizeof key);
    assert_memory_equal(out.data, key, sizeof key);
    buf_clear(&out);
    struct group_offset offset = {.offset = 5,
                                  .commit_ms = 6,
                                  .expire_ms = -1,
                                  .metadata = bytes_of_text("m"),
                                  .leader_epoch = 2};
    group_record_offset_value(&out, &offset);
    static const uint8_t v3[] = {0, 3, 0, 0,   0, 0, 0, 0, 0, 5, 0, 0, 0,
                                 2, 0, 1, 'm', 0, 0, 0, 0, 0, 0, 0, 6};
    assert_int_equal(out.len, sizeof v3);
    assert_memory_equal(out.data, v3, sizeof v3);
    buf_clear(&out);
    offset.expire_ms = 9;
    group_record_offset_value(&out, &offset);
    static const uint8_t v1[] = {0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 1, 'm', 0, 0,
                                 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,   9};
    assert_int_equal(out.len, sizeof v1);
    assert_memory_equal(out.data, v1, sizeof v1);

    struct arena arena;
    arena_init(&arena, 65536);
    struct group_record record;
    assert_int_equal(group_record_decode(bytes_of(key, sizeof key), bytes_of(v1, sizeof v1), &arena,
                                         &record, NULL),
                     ERR_OK);
    assert_int_equal(record.kind, GROUP_RECORD_OFFSET);
    assert_int_equal(record.partition, 7);
    assert_int_equal(record.offset.offset, 5);
    assert_int_equal(record.offset.expire_ms, 9);
    assert_int_equal(record.offset.leader_epoch, -1);
    for (size_t len = 0; len < sizeof v3; len++) { /* every cut is an error */
        assert_int_equal(group_record_decode(bytes_of(key, sizeof key), bytes_of(v3, len), &arena,
                                             &record, NULL),
                         ERR_CORRUPT);
    }
    for (size_t len = 0; len < sizeof key; len++) {
        assert_int_equal(
            group_record_decode(bytes_of(key, len), bytes_null(), &arena, &record, NULL),
            ERR_CORRUPT);
    }
    arena_deinit(&arena);
    buf_deinit(&out);
}

static void group_records_come_back(void **state)
{
    (void)state;
    struct group_config config = {.min_session_timeout_ms = 1, .max_session_timeout_ms = 100000};
    struct group_io io = {.ctx = NULL};
    struct group *g = group_create(bytes_of_text("g"), &config, &io, 42);
    struct group_protocol protocol = {bytes_of_text("range"), bytes_of_text("sub")};
    struct group_member_info info = {.instance_id = bytes_of_text("i"),
                                     .client_id = bytes_of_text("c"),
                                     .client_host = bytes_of_text("h"),
                                     .session_timeout_ms = 7,
                                     .rebalance_timeout_ms = 8,
                                     .protocols = &protocol,
                                     .protocol_count = 1};
    assert_true(group_load_member(g, bytes_of_text("id"), &info, bytes_of_text("asg")));
    assert_true(group_loaded(g, 3, bytes_of_text("consumer"), bytes_of_text("range"),
                             bytes_of_text("id"), 42));
    struct buf key;
    struct buf value;
    struct arena arena;
    buf_init(&key, 4096);
    buf_init(&value, 4096);
    arena_init(&arena, 65536);
    group_record_group_key(&key, g->id);
    assert_int_equal(group_record_group_value(&value, g, &arena, NULL), ERR_OK);
    static const uint8_t golden[] = {
        0,   3,   0,   8,   'c', 'o', 'n', 's', 'u', 'm', 'e', 'r', 0, 0,   0,   3,   0,  5, 'r',
        'a', 'n', 'g', 'e', 0,   2,   'i', 'd', 0,   0,   0,   0,   0, 0,   0,   42,  0,  0, 0,
        1,   0,   2,   'i', 'd', 0,   1,   'i', 0,   1,   'c', 0,   1, 'h', 0,   0,   0,  8, 0,
        0,   0,   7,   0,   0,   0,   3,   's', 'u', 'b', 0,   0,   0, 3,   'a', 's', 'g'};
    assert_int_equal(value.len, sizeof golden);
    assert_memory_equal(value.data, golden, sizeof golden);
    struct group_record record;
    assert_int_equal(group_record_decode(buf_bytes(&key), buf_bytes(&value), &arena, &record, NULL),
                     ERR_OK);
    assert_int_equal(record.kind, GROUP_RECORD_GROUP);
    assert_int_equal(record.metadata.generation, 3);
    assert_int_equal(record.metadata.members_count, 1);
    arena_deinit(&arena);
    buf_deinit(&key);
    buf_deinit(&value);
    group_kill(g, 15, 43);
    group_destroy(g);
}

static void later_kinds_of_records_are_let_be(void **state)
{
    (void)state;
    struct arena arena;
    struct group_record record;
    arena_init(&arena, 4096);
    static const uint8_t key[] = {0, 3, 0, 1, 'g'};
    assert_int_equal(
        group_record_decode(bytes_of(key, sizeof key), bytes_of("x", 1), &arena, &record, NULL),
        ERR_OK);
    assert_int_equal(record.kind, GROUP_RECORD_OTHER);
    arena_deinit(&arena);
}

/* As "...".hashCode() says in Java. */
static void groups_are_spread_as_java_does(void **state)
{
    (void)state;
    assert_int_equal(group_record_partition(bytes_of_text(""), 50), 0);
    assert_int_equal(group_record_partition(bytes_of_text("test"), 50), 3556498 % 50);
    assert_int_equal(group_record_partition(bytes_of_text("hello world"), 50), 1794106052 % 50);
    assert_int_equal(group_record_partition(bytes_of_text("my-group"), 1), 0);
    assert_int_equal(group_record_partition(bytes_of_text("\xc3\xa9"), 1000), 233);
    /* U+1F600 is the pair d83d de00. */
    assert_int_equal(group_record_partition(bytes_of_text("\xf0\x9f\x98\x80"), 1 << 30),
                     (0xd83d * 31 + 0xde00) % (1 << 30));
    /* Negative in Java: the sign bit is cleared, not the number negated. */
    uint32_t hash = 0;
    for (const char *c = "console-consumer-99999"; *c != '\0'; c++) {
        hash = hash * 31 + (uint8_t)*c;
    }
    assert_int_equal(group_record_partition(bytes_of_text("console-consumer-99999"), 50),
                     (int32_t)((hash & 0x7fffffffu) % 50));
}

static void topics_of_a_subscription_are_found_in_any_version(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    const struct bytes *topics = NULL;
    static const uint8_t v9[] = {0, 9, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 0, 1, 2, 3};
    assert_int_equal(group_record_subscription(bytes_of(v9, sizeof v9), &arena, &topics), 1);
    assert_true(bytes_equal(topics[0], bytes_of_text("t")));
    assert_int_equal(group_record_subscription(bytes_of("junk", 4), &arena, &topics), -1);
    assert_int_equal(group_record_subscription(bytes_of("", 0), &arena, &topics), -1);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offset_records_have_kafkas_bytes),
        cmocka_unit_test(group_records_come_back),
        cmocka_unit_test(later_kinds_of_records_are_let_be),
        cmocka_unit_test(groups_are_spread_as_java_does),
        cmocka_unit_test(topics_of_a_subscription_are_found_in_any_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
