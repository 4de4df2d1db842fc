/* The network part alone: no handler in here needs a broker. */
#include "broker/net/server.h"

#include <string.h>

#include "common/clock.h"
#include "common/reader.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"
#include "tests/support/raw_client.h"
#include "tests/support/test.h"

static struct server *start(int workers, int32_t max_connections, int64_t idle_timeout_ms)
{
    struct server_config config = {
        .host = "127.0.0.1",
        .workers = workers,
        .max_connections = max_connections,
        .idle_timeout_ms = idle_timeout_ms,
        .request_max_bytes = (size_t)1024 * 1024,
    };
    struct server *s = NULL;
    struct err e = {0};
    if (server_start(&config, NULL, NULL, &s, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
    return s;
}

static void stop(struct server *s)
{
    server_drain(s);
    server_stop(s);
}

static void append_versions_request(struct buf *stream, int16_t version, int32_t correlation_id)
{
    struct buf frame;
    buf_init(&frame, 1000);
    raw_client_header(&frame, KAFKA_API_API_VERSIONS, version, correlation_id);
    if (version >= 3) {
        buf_append_u8(&frame, 0); /* no tagged fields in the header */
        buf_append_text(&frame, "\x05weir\x04"
                                "1.0");
        buf_append_u8(&frame, 0);
    }
    buf_append_be32(stream, (uint32_t)frame.len);
    buf_append_bytes(stream, buf_bytes(&frame));
    buf_deinit(&frame);
}

static void send_versions_request(int socket, int16_t version, int32_t correlation_id)
{
    struct buf stream;
    buf_init(&stream, 1000);
    append_versions_request(&stream, version, correlation_id);
    assert_true(raw_client_send(socket, stream.data, stream.len));
    buf_deinit(&stream);
}

/* Returns the error code. */
static int16_t read_versions_response(int socket, int32_t correlation_id)
{
    struct buf frame;
    buf_init(&frame, 100000);
    assert_true(raw_client_read_frame(socket, &frame));
    struct reader r;
    reader_init(&r, buf_bytes(&frame));
    assert_int_equal((int32_t)reader_be32(&r), correlation_id);
    int16_t error = (int16_t)reader_be16(&r);
    assert_false(reader_failed(&r));
    buf_deinit(&frame);
    return error;
}

static void answers_every_version_of_api_versions(void **state)
{
    (void)state;
    struct server *s = start(2, 100, 60000);
    int c = raw_client_connect(server_port(s));
    for (int16_t version = 0; version <= 4; version++) {
        send_versions_request(c, version, 100 + version);
        assert_int_equal(read_versions_response(c, 100 + version), 0);
    }
    /* From the future: error 35 in version 0, with the range of key 18. */
    send_versions_request(c, 99, 7);
    struct buf frame;
    buf_init(&frame, 1000);
    assert_true(raw_client_read_frame(c, &frame));
    static const uint8_t expected[] = {0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4};
    assert_int_equal(frame.len, sizeof expected);
    assert_memory_equal(frame.data, expected, sizeof expected);
    buf_deinit(&frame);
    raw_client_close(c);
    stop(s);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    struct server *s = start(1, 100, 60000);
    int c = raw_client_connect(server_port(s));
    struct buf stream;
    buf_init(&stream, 1000000);
    for (int32_t i = 0; i < COUNT; i++) {
        append_versions_request(&stream, (int16_t)(i % 5), i);
    }
    assert_true(raw_client_send(c, stream.data, stream.len));
    raw_client_end_input(c); /* what has been sent is answered all the same */
    for (int32_t i = 0; i < COUNT; i++) {
        assert_int_equal(read_versions_response(c, i), 0);
    }
    raw_client_expect_closed(c);
    buf_deinit(&stream);
    raw_client_close(c);
    stop(s);
}

static void a_client_that_does_not_read_stops_being_read(void **state)
{
    (void)state;
    struct server *s = start(1, 100, 60000);
    int slow = raw_client_connect(server_port(s));
    int other = raw_client_connect(server_port(s));
    struct buf stream;
    buf_init(&stream, (size_t)64 * 1024 * 1024);
    for (int32_t i = 0; i < 20000; i++) {
        append_versions_request(&stream, 0, i);
    }
    /* Some 4 MB of answers, more than a socket holds. */
    assert_true(raw_client_send(slow, stream.data, stream.len));
    send_versions_request(other, 0, 1);
    assert_int_equal(read_versions_response(other, 1), 0);
    for (int32_t i = 0; i < 20000; i++) {
        assert_int_equal(read_versions_response(slow, i), 0);
    }
    buf_deinit(&stream);
    raw_client_close(slow);
    raw_client_close(other);
    stop(s);
}

static void closes_what_is_not_kafka(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const char *data;
        size_t len;
    } cases[] = {
        {"http", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27},
        {"tls", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03", 10},
        {"negative length", "\xff\xff\xff\xfe", 4},
        {"no room for a header", "\0\0\0\1\0", 5},
        {"unknown key", "\0\0\0\x0c\x03\xe7\0\0\0\0\0\1\0\2ab", 16},
        {"unknown version", "\0\0\0\x0c\0\x03\0\x63\0\0\0\1\0\2ab", 16},
        {"negative version", "\0\0\0\x0c\0\x03\xff\xff\0\0\0\1\0\2ab", 16},
        {"client id past the end", "\0\0\0\x0a\0\x12\0\0\0\0\0\1\x7f\xff", 14},
        {"bad client id length", "\0\0\0\x0a\0\x12\0\0\0\0\0\1\xff\xfe", 14},
    };
    struct server *s = start(1, 100, 60000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int c = raw_client_connect(server_port(s));
        assert_true(raw_client_send(c, cases[i].data, cases[i].len));
        raw_client_expect_closed(c);
        raw_client_close(c);
    }
    struct server_stats stats;
    server_get_stats(s, &stats);
    assert_int_equal(stats.malformed, sizeof cases / sizeof cases[0]);
    stop(s);
}

static void refuses_a_bad_client_name(void **state)
{
    (void)state;
    struct server *s = start(1, 100, 60000);
    int c = raw_client_connect(server_port(s));
    struct buf frame;
    buf_init(&frame, 1000);
    raw_client_header(&frame, KAFKA_API_API_VERSIONS, 3, 1);
    buf_append_u8(&frame, 0);
    buf_append_text(&frame, "\x06-weir\x04"
                            "1.0");
    buf_append_u8(&frame, 0);
    assert_true(raw_client_send_frame(c, buf_bytes(&frame)));
    assert_int_equal(read_versions_response(c, 1), KAFKA_ERROR_INVALID_REQUEST);
    buf_deinit(&frame);
    raw_client_close(c);
    stop(s);
}

static void connections_above_the_limit_are_closed(void **state)
{
    (void)state;
    struct server *s = start(2, 2, 60000);
    int first = raw_client_connect(server_port(s));
    int second = raw_client_connect(server_port(s));
    send_versions_request(first, 0, 1);
    send_versions_request(second, 0, 1);
    assert_int_equal(read_versions_response(first, 1), 0);
    assert_int_equal(read_versions_response(second, 1), 0);
    int third = raw_client_connect(server_port(s));
    raw_client_expect_closed(third);
    raw_client_close(third);
    raw_client_close(second);
    /* The place is free as soon as the server has seen it: ask until then. */
    int64_t deadline = clock_mono_ms(clock_system()) + RAW_CLIENT_DEADLINE_MS;
    bool served = false;
    while (!served && clock_mono_ms(clock_system()) < deadline) {
        int again = raw_client_connect(server_port(s));
        struct buf stream;
        buf_init(&stream, 100000);
        append_versions_request(&stream, 0, 1);
        struct buf answer;
        buf_init(&answer, 100000);
        served = raw_client_send(again, stream.data, stream.len) &&
                 raw_client_read_frame(again, &answer);
        buf_deinit(&stream);
        buf_deinit(&answer);
        raw_client_close(again);
    }
    assert_true(served);
    raw_client_close(first);
    stop(s);
}

static void idle_connections_are_closed(void **state)
{
    (void)state;
    struct server *s = start(1, 100, 50);
    int c = raw_client_connect(server_port(s));
    send_versions_request(c, 0, 1);
    assert_int_equal(read_versions_response(c, 1), 0);
    raw_client_expect_closed(c);
    raw_client_close(c);
    stop(s);
}

static void stops_with_clients_in_every_state(void **state)
{
    (void)state;
    struct server *s = start(2, 100, 60000);
    int idle = raw_client_connect(server_port(s));
    int half = raw_client_connect(server_port(s));
    assert_true(raw_client_send(half, "\0\0\1\0\0\x12", 6));
    send_versions_request(idle, 0, 1);
    assert_int_equal(read_versions_response(idle, 1), 0);
    stop(s);
    raw_client_expect_closed(idle);
    raw_client_expect_closed(half);
    raw_client_close(idle);
    raw_client_close(half);
}

static void a_port_in_use_is_an_error(void **state)
{
    (void)state;
    struct server *s = start(1, 100, 60000);
    struct server_config config = {.host = "127.0.0.1",
                                   .port = server_port(s),
                                   .workers = 1,
                                   .max_connections = 1,
                                   .idle_timeout_ms = 1000,
                                   .request_max_bytes = 1000};
    struct server *second = NULL;
    struct err e = {0};
    assert_int_not_equal(server_start(&config, NULL, NULL, &second, &e), ERR_OK);
    assert_null(second);
    assert_non_null(strstr(e.text, "listen on 127.0.0.1"));
    stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_every_version_of_api_versions),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_client_that_does_not_read_stops_being_read),
        cmocka_unit_test(closes_what_is_not_kafka),
        cmocka_unit_test(refuses_a_bad_client_name),
        cmocka_unit_test(connections_above_the_limit_are_closed),
        cmocka_unit_test(idle_connections_are_closed),
        cmocka_unit_test(stops_with_clients_in_every_state),
        cmocka_unit_test(a_port_in_use_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
