/*
 * Memory runs out at every single allocation that a few requests make, on whatever thread: the
 * broker answers, or closes the connection; it lives on, and what it acknowledged is there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "broker/broker.h"
#include "common/clock.h"
#include "common/mem.h"
#include "protocol/generated/messages.h"
#include "protocol/record_builder.h"
#include "protocol/request_header.h"
#include "tests/support/broker_fixture.h"
#include "tests/support/raw_client.h"
#include "tests/support/test.h"

#define FAILURES 60
#define FRAMES_MAX 8

struct requests {
    struct buf frames[FRAMES_MAX];
    size_t count;
};

static void add(struct requests *all, int16_t key, int16_t version, const void *body)
{
    const struct message_api *api = message_api_find(key);
    struct request_header header = {.api_key = key,
                                    .api_version = version,
                                    .correlation_id = (int32_t)all->count,
                                    .client_id = bytes_of_text("memory"),
                                    .api = api};
    struct buf *frame = &all->frames[all->count++];
    buf_init(frame, 1 << 20);
    request_header_encode(&header, frame);
    assert_int_equal(message_encode(api->request, version, body, frame, NULL, NULL), ERR_OK);
}

static void add_metadata(struct requests *all, const char *topic)
{
    struct kafka_metadata_request_topic name;
    struct kafka_metadata_request body;
    message_init(&kafka_metadata_request_topic_schema, &name);
    message_init(&kafka_metadata_request_schema, &body);
    name.name = bytes_of_text(topic);
    body.topics = &name;
    body.topics_count = 1;
    add(all, KAFKA_API_METADATA, 9, &body);
}

static void add_produce(struct requests *all, const char *topic)
{
    struct record_builder builder;
    struct buf batch;
    record_builder_init(&builder, 1 << 16);
    buf_init(&batch, 1 << 16);
    record_builder_append(&builder, 1000, bytes_null(), bytes_of_text("value"), NULL, 0);
    assert_int_equal(record_builder_finish(&builder, &batch, NULL), ERR_OK);
    struct kafka_produce_request_partition_data partition;
    struct kafka_produce_request_topic_data data;
    struct kafka_produce_request body;
    message_init(&kafka_produce_request_partition_data_schema, &partition);
    message_init(&kafka_produce_request_topic_data_schema, &data);
    message_init(&kafka_produce_request_schema, &body);
    partition.records = (struct kafka_records){.bytes = buf_bytes(&batch), .fd = -1};
    data.name = bytes_of_text(topic);
    data.partition_data = &partition;
    data.partition_data_count = 1;
    body.acks = -1;
    body.timeout_ms = 10000;
    body.topic_data = &data;
    body.topic_data_count = 1;
    add(all, KAFKA_API_PRODUCE, 9, &body);
    buf_deinit(&batch);
    record_builder_deinit(&builder);
}

static void add_fetch(struct requests *all, const char *topic, int32_t max_wait_ms)
{
    struct kafka_fetch_request_partition partition;
    struct kafka_fetch_request_topic data;
    struct kafka_fetch_request body;
    message_init(&kafka_fetch_request_partition_schema, &partition);
    message_init(&kafka_fetch_request_topic_schema, &data);
    message_init(&kafka_fetch_request_schema, &body);
    partition.partition_max_bytes = 1000;
    data.topic = bytes_of_text(topic);
    data.partitions = &partition;
    data.partitions_count = 1;
    body.max_bytes = 1000;
    body.max_wait_ms = max_wait_ms;
    body.min_bytes = max_wait_ms > 0 ? 500000 : 1; /* above what there is: it waits */
    body.topics = &data;
    body.topics_count = 1;
    add(all, KAFKA_API_FETCH, 12, &body);
}

static void add_versions(struct requests *all)
{
    struct kafka_api_versions_request body;
    message_init(&kafka_api_versions_request_schema, &body);
    body.client_software_name = bytes_of_text("memory");
    body.client_software_version = bytes_of_text("1");
    add(all, KAFKA_API_API_VERSIONS, 3, &body);
}

/* Answers or the end of the connection, without an allocation of our own. */
static void drain(int socket, size_t answers)
{
    static uint8_t chunk[65536];
    int64_t deadline = clock_mono_ms(clock_system()) + RAW_CLIENT_DEADLINE_MS;
    size_t seen = 0;
    size_t have = 0;
    while (seen < answers) {
        assert_true(clock_mono_ms(clock_system()) < deadline);
        ssize_t n = recv(socket, chunk + have, sizeof chunk - have, 0);
        if (n <= 0) {
            return; /* closed: that is an answer too */
        }
        have += (size_t)n;
        for (;;) {
            size_t length =
                (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
            if (have < 4 || have - 4 < length) {
                break;
            }
            have -= 4 + length;
            memmove(chunk, chunk + 4 + length, have);
            seen++;
        }
    }
}

static void send_all(const struct broker_fixture *f, const struct requests *all)
{
    int socket = raw_client_connect(f->port);
    for (size_t i = 0; i < all->count; i++) {
        if (!raw_client_send_frame(socket, buf_bytes(&all->frames[i]))) {
            break;
        }
    }
    drain(socket, all->count);
    raw_client_close(socket);
}

static void build(struct requests *all, const char *topic)
{
    *all = (struct requests){.count = 0};
    add_versions(all);
    add_metadata(all, topic);
    add_produce(all, topic);
    add_fetch(all, topic, 0);
    add_fetch(all, topic, 5);
}

static void drop(struct requests *all)
{
    for (size_t i = 0; i < all->count; i++) {
        buf_deinit(&all->frames[i]);
    }
}

static void lives_through_every_failed_allocation(void **state)
{
    (void)state;
    struct broker_fixture f;
    struct broker_config config;
    broker_config_init(&config);
    config.io_threads = 1;
    broker_fixture_start(&f, &config);
    for (uint64_t n = 1; n <= FAILURES; n++) {
        /* A topic of its own each time, so that the creation is under fire too. */
        char topic[32];
        (void)snprintf(topic, sizeof topic, "t%" PRIu64, n);
        struct requests all;
        build(&all, topic);
        mem_test_fail_at(n);
        send_all(&f, &all);
        mem_test_fail_at(0);
        send_all(&f, &all);
        drop(&all);
        /* A new one has no memory of earlier requests to use again. */
        broker_fixture_restart(&f, &config);
    }
    struct requests all;
    build(&all, "t1");
    send_all(&f, &all);
    drop(&all);
    broker_fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lives_through_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
