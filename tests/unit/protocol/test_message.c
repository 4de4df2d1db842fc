#include "protocol/message.h"

#include <string.h>

#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"
#include "protocol/request_header.h"
#include "tests/support/test.h"

struct box {
    struct arena arena;
    struct buf out;
    struct err e;
};

static void box_init(struct box *b)
{
    arena_init(&b->arena, (size_t)1 << 20);
    buf_init(&b->out, (size_t)1 << 20);
}

static void box_deinit(struct box *b)
{
    arena_deinit(&b->arena);
    buf_deinit(&b->out);
}

/* Metadata v1 for two topics, as any old client sends it. */
static void reads_a_classic_request(void **state)
{
    (void)state;
    static const uint8_t raw[] = {0, 0, 0, 2, 0, 1, 'a', 0, 2, 'b', 'c'};
    struct box b;
    box_init(&b);
    struct reader r;
    reader_init(&r, bytes_of(raw, sizeof raw));
    struct kafka_metadata_request rq;
    assert_int_equal(message_decode(&kafka_metadata_request_schema, 1, &r, &b.arena, &rq, &b.e),
                     ERR_OK);
    assert_int_equal(rq.topics_count, 2);
    assert_true(bytes_equal(rq.topics[1].name, bytes_of_text("bc")));
    /* Not in version 1, so at its default, which is true. */
    assert_true(rq.allow_auto_topic_creation);
    box_deinit(&b);
}

/* Metadata v12: compact lengths, nullable name, a topic id, tag sections. */
static void writes_a_flexible_request(void **state)
{
    (void)state;
    struct box b;
    box_init(&b);
    struct kafka_metadata_request_topic topic;
    message_init(&kafka_metadata_request_topic_schema, &topic);
    topic.topic_id.bytes[15] = 9;
    topic.name = bytes_null();
    struct kafka_metadata_request rq;
    message_init(&kafka_metadata_request_schema, &rq);
    rq.topics = &topic;
    rq.topics_count = 1;
    assert_int_equal(message_encode(&kafka_metadata_request_schema, 12, &rq, &b.out, NULL, &b.e),
                     ERR_OK);
    static const uint8_t expected[] = {2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                       0, 0, 0, 0, 0, 9, 0, 0, 1, 0, 0};
    assert_int_equal(b.out.len, sizeof expected);
    assert_memory_equal(b.out.data, expected, sizeof expected);
    box_deinit(&b);
}

static void tells_null_from_empty(void **state)
{
    (void)state;
    struct box b;
    box_init(&b);
    static const uint8_t null_topics[] = {0xff, 0xff, 0xff, 0xff};
    struct reader r;
    reader_init(&r, bytes_of(null_topics, sizeof null_topics));
    struct kafka_metadata_request rq;
    assert_int_equal(message_decode(&kafka_metadata_request_schema, 1, &r, &b.arena, &rq, &b.e),
                     ERR_OK);
    assert_int_equal(rq.topics_count, -1);
    /* Version 0 has no null: an error on the way in, empty on the way out. */
    reader_init(&r, bytes_of(null_topics, sizeof null_topics));
    assert_int_equal(message_decode(&kafka_metadata_request_schema, 0, &r, &b.arena, &rq, &b.e),
                     ERR_PARSE);
    assert_non_null(strstr(b.e.text, "metadata_request.topics: null is not allowed"));
    rq.topics_count = -1;
    assert_int_equal(message_encode(&kafka_metadata_request_schema, 0, &rq, &b.out, NULL, &b.e),
                     ERR_OK);
    assert_int_equal(b.out.data[0], 0);
    box_deinit(&b);
}

static void skips_unknown_tagged_fields(void **state)
{
    (void)state;
    struct box b;
    box_init(&b);
    /* Heartbeat v4: group, generation, member, instance null, then tag 77 of 3 bytes. */
    static const uint8_t raw[] = {2, 'g', 0, 0, 0, 5, 2, 'm', 0, 1, 77, 3, 'x', 'y', 'z'};
    struct reader r;
    reader_init(&r, bytes_of(raw, sizeof raw));
    struct kafka_heartbeat_request rq;
    assert_int_equal(message_decode(&kafka_heartbeat_request_schema, 4, &r, &b.arena, &rq, &b.e),
                     ERR_OK);
    assert_int_equal(rq.generation_id, 5);
    assert_int_equal(reader_left(&r), 0);
    box_deinit(&b);
}

static void keeps_a_tagged_field_inside_its_size(void **state)
{
    (void)state;
    struct box b;
    box_init(&b);
    /* ApiVersions response v3: no error, no keys, no throttle, then tag 1 (epoch, 8 bytes) that
     * says 4. */
    static const uint8_t raw[] = {0, 0, 1, 0, 0, 0, 0, 1, 1, 4, 0, 0, 0, 0, 0, 0, 0, 1};
    struct reader r;
    reader_init(&r, bytes_of(raw, sizeof raw));
    struct kafka_api_versions_response rs;
    assert_int_equal(
        message_decode(&kafka_api_versions_response_schema, 3, &r, &b.arena, &rs, &b.e), ERR_PARSE);
    box_deinit(&b);
}

/* A count is checked against the bytes that are there before memory is taken for it. */
static void refuses_counts_that_cannot_be(void **state)
{
    (void)state;
    struct box b;
    box_init(&b);
    static const uint8_t raw[] = {0x00, 0x01, 0x00, 0x00, 'x'};
    struct reader r;
    reader_init(&r, bytes_of(raw, sizeof raw));
    struct kafka_metadata_request rq;
    assert_int_equal(message_decode(&kafka_metadata_request_schema, 0, &r, &b.arena, &rq, &b.e),
                     ERR_PARSE);
    assert_int_equal(b.arena.used_bytes, 0);
    static const uint8_t huge[] = {0x7f, 0xff, 0xff, 0xff, 'x'};
    reader_init(&r, bytes_of(huge, sizeof huge));
    assert_int_equal(message_decode(&kafka_metadata_request_schema, 0, &r, &b.arena, &rq, &b.e),
                     ERR_LIMIT);
    box_deinit(&b);
}

static void refuses_versions_that_are_not_there(void **state)
{
    (void)state;
    struct box b;
    box_init(&b);
    struct reader r;
    reader_init(&r, bytes_of("", 0));
    struct kafka_metadata_request rq;
    assert_int_equal(message_decode(&kafka_metadata_request_schema, 99, &r, &b.arena, &rq, &b.e),
                     ERR_UNSUPPORTED);
    assert_int_equal(message_encode(&kafka_metadata_request_schema, -1, &rq, &b.out, NULL, &b.e),
                     ERR_UNSUPPORTED);
    box_deinit(&b);
}

static void refuses_strings_that_do_not_fit(void **state)
{
    (void)state;
    struct box b;
    box_init(&b);
    struct kafka_heartbeat_request rq;
    message_init(&kafka_heartbeat_request_schema, &rq);
    static char text[40000];
    rq.group_id = bytes_of(text, sizeof text);
    assert_int_equal(message_encode(&kafka_heartbeat_request_schema, 4, &rq, &b.out, NULL, &b.e),
                     ERR_LIMIT);
    box_deinit(&b);
}

/* Fetch v12 with one partition in a file and one in memory. */
static void notes_where_file_bytes_belong(void **state)
{
    (void)state;
    struct box b;
    box_init(&b);
    struct kafka_fetch_response_partition *parts =
        message_alloc_array(&kafka_fetch_response_partition_schema, &b.arena, 2);
    parts[0].records = (struct kafka_records){.fd = 5, .file_position = 4096, .file_length = 1000};
    parts[1].records = (struct kafka_records){.fd = -1, .bytes = bytes_of_text("abc")};
    struct kafka_fetch_response_response topic = {
        .topic = bytes_of_text("t"), .partitions = parts, .partitions_count = 2};
    struct kafka_fetch_response rs;
    message_init(&kafka_fetch_response_schema, &rs);
    rs.responses = &topic;
    rs.responses_count = 1;
    assert_int_not_equal(message_encode(&kafka_fetch_response_schema, 12, &rs, &b.out, NULL, &b.e),
                         ERR_OK);
    buf_clear(&b.out);
    buf_append(&b.out, "head", 4);
    struct message_splices splices;
    message_splices_init(&splices, &b.arena);
    assert_int_equal(message_encode(&kafka_fetch_response_schema, 12, &rs, &b.out, &splices, &b.e),
                     ERR_OK);
    assert_int_equal(splices.count, 1);
    assert_int_equal(splices.items[0].records.fd, 5);
    assert_int_equal(message_size(&kafka_fetch_response_schema, 12, &rs), b.out.len - 4 + 1000);
    /* In front of the splice stands the compact length of 1000 bytes: 1001 = e9 07. */
    size_t at = splices.items[0].position;
    assert_int_equal(b.out.data[at - 2], 0xe9);
    assert_int_equal(b.out.data[at - 1], 0x07);
    box_deinit(&b);
}

static void leaves_default_tagged_structs_out(void **state)
{
    (void)state;
    struct box b;
    box_init(&b);
    struct kafka_produce_response_partition_response *part =
        message_alloc_array(&kafka_produce_response_partition_response_schema, &b.arena, 1);
    assert_int_equal(part->current_leader.leader_id, -1);
    struct kafka_produce_response_response topic = {
        .name = bytes_of_text("t"), .partition_responses = part, .partition_responses_count = 1};
    struct kafka_produce_response rs = {.responses = &topic, .responses_count = 1};
    size_t without = message_size(&kafka_produce_response_schema, 10, &rs);
    part->current_leader.leader_id = 3;
    /* Tag, size, two int32 and the section of the struct itself. */
    assert_int_equal(message_size(&kafka_produce_response_schema, 10, &rs), without + 2 + 9);
    box_deinit(&b);
}

static void prints_one_line_of_json(void **state)
{
    (void)state;
    struct box b;
    box_init(&b);
    struct kafka_heartbeat_request rq;
    message_init(&kafka_heartbeat_request_schema, &rq);
    rq.group_id = bytes_of_text("a\"b");
    rq.member_id = bytes_of("\xff", 1);
    message_print(&kafka_heartbeat_request_schema, 3, &rq, &b.out);
    assert_string_equal(buf_text(&b.out), "{\"group_id\":\"a\\\"b\",\"generation_id\":0,"
                                          "\"member_id\":\"ff\",\"group_instance_id\":null}");
    box_deinit(&b);
}

/* kcat 1.7.1 (librdkafka 2.0.2) asking for ApiVersions, byte for byte. */
static void reads_the_header_that_librdkafka_sends(void **state)
{
    (void)state;
    static const uint8_t raw[] = {0,   18,  0,   3,   0,   0, 0,   1,   0,   7,   'r', 'd',
                                  'k', 'a', 'f', 'k', 'a', 0, 11,  'l', 'i', 'b', 'r', 'd',
                                  'k', 'a', 'f', 'k', 'a', 6, '2', '.', '0', '.', '2', 0};
    struct box b;
    box_init(&b);
    struct reader r;
    reader_init(&r, bytes_of(raw, sizeof raw));
    struct request_header h;
    assert_int_equal(request_header_decode(&r, &h, &b.e), ERR_OK);
    assert_int_equal(h.correlation_id, 1);
    assert_true(bytes_equal(h.client_id, bytes_of_text("rdkafka")));
    struct kafka_api_versions_request rq;
    assert_int_equal(message_decode(&kafka_api_versions_request_schema, 3, &r, &b.arena, &rq, &b.e),
                     ERR_OK);
    assert_true(bytes_equal(rq.client_software_name, bytes_of_text("librdkafka")));
    assert_int_equal(reader_left(&r), 0);
    /* And back. */
    request_header_encode(&h, &b.out);
    assert_int_equal(message_encode(&kafka_api_versions_request_schema, 3, &rq, &b.out, NULL, &b.e),
                     ERR_OK);
    assert_int_equal(b.out.len, sizeof raw);
    assert_memory_equal(b.out.data, raw, sizeof raw);
    box_deinit(&b);
}

static void lets_api_versions_step_down(void **state)
{
    (void)state;
    static const uint8_t raw[] = {0, 18, 0, 99, 0, 0, 0, 7, 0xff, 0xff, 0};
    struct reader r;
    reader_init(&r, bytes_of(raw, sizeof raw));
    struct request_header h;
    struct err e;
    assert_int_equal(request_header_decode(&r, &h, &e), ERR_OK);
    assert_true(h.api_versions_too_new);
    assert_true(bytes_is_null(h.client_id));
    /* The answer has the bare header. */
    struct buf out;
    buf_init(&out, 100);
    request_header_encode_response(&h, &out);
    assert_int_equal(out.len, 4);
    buf_deinit(&out);
}

static void refuses_headers_it_does_not_know(void **state)
{
    (void)state;
    static const struct {
        uint8_t raw[10];
        size_t len;
        enum err_code code;
    } cases[] = {
        {{0, 4, 0, 0, 0, 0, 0, 1, 0xff, 0xff}, 10, ERR_UNSUPPORTED}, /* LeaderAndIsr */
        {{0, 3, 0, 99, 0, 0, 0, 1, 0xff, 0xff}, 10, ERR_UNSUPPORTED},
        {{0, 3, 0xff, 0xff, 0, 0, 0, 1, 0xff, 0xff}, 10, ERR_UNSUPPORTED},
        {{0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xfe}, 10, ERR_PARSE}, /* length -2 */
        {{0, 3, 0, 1, 0, 0, 0, 1, 0, 9}, 10, ERR_PARSE},
        {{0, 3, 0, 1, 0, 0, 0}, 7, ERR_PARSE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reader r;
        reader_init(&r, bytes_of(cases[i].raw, cases[i].len));
        struct request_header h;
        struct err e;
        assert_int_equal(request_header_decode(&r, &h, &e), cases[i].code);
    }
}

static void names_error_codes(void **state)
{
    (void)state;
    assert_string_equal(kafka_error_name(KAFKA_ERROR_NONE), "NONE");
    assert_string_equal(kafka_error_name(-1), "UNKNOWN_SERVER_ERROR");
    assert_string_equal(kafka_error_name(29), "TOPIC_AUTHORIZATION_FAILED");
    assert_string_equal(kafka_error_name(99), "UNKNOWN");
    assert_true(kafka_error_retriable(KAFKA_ERROR_NOT_COORDINATOR));
    assert_false(kafka_error_retriable(KAFKA_ERROR_INVALID_RECORD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_classic_request),
        cmocka_unit_test(writes_a_flexible_request),
        cmocka_unit_test(tells_null_from_empty),
        cmocka_unit_test(skips_unknown_tagged_fields),
        cmocka_unit_test(keeps_a_tagged_field_inside_its_size),
        cmocka_unit_test(refuses_counts_that_cannot_be),
        cmocka_unit_test(refuses_versions_that_are_not_there),
        cmocka_unit_test(refuses_strings_that_do_not_fit),
        cmocka_unit_test(notes_where_file_bytes_belong),
        cmocka_unit_test(leaves_default_tagged_structs_out),
        cmocka_unit_test(prints_one_line_of_json),
        cmocka_unit_test(reads_the_header_that_librdkafka_sends),
        cmocka_unit_test(lets_api_versions_step_down),
        cmocka_unit_test(refuses_headers_it_does_not_know),
        cmocka_unit_test(names_error_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
