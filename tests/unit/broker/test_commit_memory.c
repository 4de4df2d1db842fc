/*
 * Memory runs out at every single allocation behind an OffsetCommit. What was answered must be true
 * afterwards and after a restart: an offset that was refused is not there, one that was taken is.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#include "broker/broker.h"
#include "common/clock.h"
#include "common/mem.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"
#include "protocol/message.h"
#include "tests/support/api_client.h"
#include "tests/support/broker_fixture.h"
#include "tests/support/raw_client.h"
#include "tests/support/test.h"

#define FAILURES 40

struct stage {
    struct api_client api;
    struct broker_fixture broker;
};

static void create_topic(struct stage *s)
{
    struct kafka_create_topics_request *body = api_client_body(&s->api, KAFKA_API_CREATE_TOPICS);
    struct kafka_create_topics_request_topic topic = {
        .name = bytes_of_text("t"), .num_partitions = FAILURES + 1, .replication_factor = 1};
    body->topics = &topic;
    body->topics_count = 1;
    body->timeout_ms = 10000;
    const struct kafka_create_topics_response *answer =
        api_client_call(&s->api, KAFKA_API_CREATE_TOPICS, body);
    assert_int_equal(answer->topics[0].error_code, 0);
}

static void encode_commit(struct stage *s, int32_t index, int64_t offset, struct buf *out)
{
    struct kafka_offset_commit_request *body = api_client_body(&s->api, KAFKA_API_OFFSET_COMMIT);
    struct kafka_offset_commit_request_partition partition = {
        .partition_index = index,
        .committed_offset = offset,
        .committed_leader_epoch = -1,
        .committed_metadata = bytes_of_text("where"),
    };
    struct kafka_offset_commit_request_topic topic = {bytes_of_text("t"), &partition, 1};
    body->group_id = bytes_of_text("g");
    body->generation_id_or_member_epoch = -1;
    body->topics = &topic;
    body->topics_count = 1;
    api_client_encode(&s->api, KAFKA_API_OFFSET_COMMIT, body, out);
}

/* One answer without an allocation of our own; empty when the connection was closed. */
static struct bytes receive(int socket)
{
    static uint8_t chunk[4096];
    size_t have = 0;
    int64_t deadline = clock_mono_ms(clock_system()) + RAW_CLIENT_DEADLINE_MS;
    for (;;) {
        assert_true(clock_mono_ms(clock_system()) < deadline);
        ssize_t n = recv(socket, chunk + have, sizeof chunk - have, 0);
        if (n <= 0) {
            return bytes_of(chunk, 0);
        }
        have += (size_t)n;
        size_t length = have < 4 ? SIZE_MAX : (size_t)chunk[2] << 8 | chunk[3];
        if (length != SIZE_MAX && have - 4 == length) {
            return bytes_of(chunk + 4, length);
        }
    }
}

static int64_t committed(struct stage *s, int32_t index)
{
    s->api.version = 7;
    struct kafka_offset_fetch_request *body = api_client_body(&s->api, KAFKA_API_OFFSET_FETCH);
    struct kafka_offset_fetch_request_topic topic = {bytes_of_text("t"), &index, 1};
    body->group_id = bytes_of_text("g");
    body->topics = &topic;
    body->topics_count = 1;
    const struct kafka_offset_fetch_response *answer = NULL;
    do { /* a coordinator that has just started is loading */
        answer = api_client_call(&s->api, KAFKA_API_OFFSET_FETCH, body);
    } while (answer->error_code == KAFKA_ERROR_COORDINATOR_LOAD_IN_PROGRESS);
    s->api.version = INT16_MAX;
    assert_int_equal(answer->error_code, 0);
    return answer->topics[0].partitions[0].committed_offset;
}

static void reopen(struct stage *s)
{
    api_client_close(&s->api);
    api_client_open(&s->api, s->broker.port);
}

/* What is to be found afterwards: the offset, -1, or -2 for nobody knows. */
static int64_t commit_without_memory(struct stage *s, uint64_t n)
{
    int64_t offset = (int64_t)n * 10;
    struct buf frame;
    buf_init(&frame, 1 << 16);
    encode_commit(s, (int32_t)n, offset, &frame);
    mem_test_fail_at(n);
    bool sent = raw_client_send_frame(s->api.socket, buf_bytes(&frame));
    struct bytes got = sent ? receive(s->api.socket) : bytes_of(NULL, 0);
    mem_test_fail_at(0);
    buf_deinit(&frame);
    reopen(s); /* this one may be closed, now or soon */
    if (got.len == 0) {
        return -2;
    }
    const struct kafka_offset_commit_response *answer =
        api_client_decode(&s->api, KAFKA_API_OFFSET_COMMIT, got);
    return answer->topics[0].partitions[0].error_code == 0 ? offset : -1;
}

static void a_commit_is_what_was_answered(void **state)
{
    (void)state;
    struct stage s;
    struct broker_config config;
    broker_config_init(&config);
    config.io_threads = 1;
    broker_fixture_start(&s.broker, &config);
    api_client_open(&s.api, s.broker.port);
    create_topic(&s);
    /* So that the topic of the offsets and the group are there. */
    assert_int_equal(commit_without_memory(&s, 0), 0);
    int64_t expected[FAILURES + 1] = {0};
    for (uint64_t n = 1; n <= FAILURES; n++) {
        arena_reset(&s.api.arena);
        expected[n] = commit_without_memory(&s, n);
        assert_true(expected[n] == -2 || committed(&s, (int32_t)n) == expected[n]);
    }
    api_client_close(&s.api);
    broker_fixture_restart(&s.broker, &config);
    api_client_open(&s.api, s.broker.port);
    for (int32_t n = 0; n <= FAILURES; n++) {
        assert_true(expected[n] == -2 || committed(&s, n) == expected[n]);
    }
    api_client_close(&s.api);
    broker_fixture_stop(&s.broker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_commit_is_what_was_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
