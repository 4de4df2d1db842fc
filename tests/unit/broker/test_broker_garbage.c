/*
 * What a broker makes of requests that are not what they seem: every request type, cut at every
 * byte, and with every byte changed. It must stay alive, answer or close, and stop cleanly with
 * whatever they left behind.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "broker/api/api_table.h"
#include "broker/broker.h"
#include "common/arena.h"
#include "common/reader.h"
#include "protocol/generated/messages.h"
#include "protocol/request_header.h"
#include "tests/support/broker_fixture.h"
#include "tests/support/message_fill.h"
#include "tests/support/raw_client.h"
#include "tests/support/test.h"

/* What is inside is random, so the process may well use some memory: but not that much. */
#define MEMORY_MAX_KB ((long)2 * 1024 * 1024)

static int setup(void **state)
{
    static struct broker_fixture fixture;
    struct broker_config config;
    broker_config_init(&config);
    config.io_threads = 2;
    broker_fixture_start(&fixture, &config);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    broker_fixture_stop(*state);
    return 0;
}

static void encode_request(const struct message_api *api, int16_t version, uint64_t seed,
                           struct buf *frame)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct request_header header = {.api_key = api->key,
                                    .api_version = version,
                                    .correlation_id = 77,
                                    .client_id = bytes_of_text("garbage"),
                                    .api = api};
    request_header_encode(&header, frame);
    struct message_fill fill = {.arena = &arena, .state = seed, .version = version};
    void *body = arena_alloc(&arena, api->request->size);
    assert_non_null(body);
    message_fill(&fill, api->request, body);
    struct err e = {0};
    if (message_encode(api->request, version, body, frame, NULL, &e) != ERR_OK) {
        fail_msg("%s v%d: %s", api->name, version, e.text);
    }
    assert_false(buf_failed(frame));
    arena_deinit(&arena);
}

static void expect_alive(const struct broker_fixture *f)
{
    int c = raw_client_connect(f->port);
    struct buf frame;
    buf_init(&frame, 100000);
    raw_client_header(&frame, KAFKA_API_API_VERSIONS, 0, 4711);
    assert_true(raw_client_send_frame(c, buf_bytes(&frame)));
    buf_clear(&frame);
    assert_true(raw_client_read_frame(c, &frame));
    assert_int_equal(frame.data[3], 4711 & 0xff);
    buf_deinit(&frame);
    raw_client_close(c);
}

/* The answer is not waited for: a random request may wait for hours (a join, a long poll). What
 * follows on the same connection shows whether the broker lives. */
static void send_and_go(const struct broker_fixture *f, struct bytes frame)
{
    int c = raw_client_connect(f->port);
    (void)raw_client_send_frame(c, frame);
    raw_client_close(c);
}

static void cut_everywhere(const struct broker_fixture *f, struct bytes frame)
{
    for (size_t len = 0; len < frame.len; len++) {
        send_and_go(f, bytes_of(frame.data, len));
    }
}

static void change_everywhere(const struct broker_fixture *f, struct buf *frame)
{
    static const uint8_t values[] = {0x00, 0x7f, 0x80, 0xff};
    for (size_t at = 0; at < frame->len; at++) {
        uint8_t original = frame->data[at];
        frame->data[at] = values[at % sizeof values];
        send_and_go(f, buf_bytes(frame));
        frame->data[at] = original;
    }
}

static void survives_garbage_in_every_request(void **state)
{
    const struct broker_fixture *f = *state;
    for (size_t i = 0; i < message_apis_count; i++) {
        const struct message_api *api = &message_apis[i];
        if (api_table_find(api->key) == NULL) {
            continue;
        }
        const int16_t versions[] = {api->min_version, api->max_version};
        for (size_t v = 0; v < 2; v++) {
            struct buf frame;
            buf_init(&frame, 1 << 20);
            encode_request(api, versions[v], 1000 * (i + 1) + v, &frame);
            cut_everywhere(f, buf_bytes(&frame));
            change_everywhere(f, &frame);
            buf_deinit(&frame);
            expect_alive(f);
        }
    }
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    assert_true(usage.ru_maxrss < MEMORY_MAX_KB);
}

/* Valid requests with random content, of every version: whatever they mean, they are answered or
 * refused. */
static void survives_random_content_of_every_version(void **state)
{
    const struct broker_fixture *f = *state;
    for (size_t i = 0; i < message_apis_count; i++) {
        const struct message_api *api = &message_apis[i];
        if (api_table_find(api->key) == NULL) {
            continue;
        }
        for (int16_t version = api->min_version; version <= api->max_version; version++) {
            for (uint64_t seed = 1; seed <= 10; seed++) {
                struct buf frame;
                buf_init(&frame, 1 << 20);
                encode_request(api, version, seed * 7919, &frame);
                send_and_go(f, buf_bytes(&frame));
                buf_deinit(&frame);
            }
        }
        expect_alive(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(survives_garbage_in_every_request),
        cmocka_unit_test(survives_random_content_of_every_version),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
