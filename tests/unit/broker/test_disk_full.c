/* A full disk under the controller and the group coordinator: a clear error, no half state, and
 * work again as soon as there is room. */
#include <errno.h>

#include "broker/broker.h"
#include "broker/storage/file_io.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"
#include "protocol/message.h"
#include "tests/support/api_client.h"
#include "tests/support/broker_fixture.h"
#include "tests/support/test.h"

struct stage {
    struct api_client api;
    struct broker_fixture broker;
};

static int setup(void **state)
{
    static struct stage s;
    struct broker_config config;
    broker_config_init(&config);
    config.io_threads = 1;
    broker_fixture_start(&s.broker, &config);
    api_client_open(&s.api, s.broker.port);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct stage *s = *state;
    file_io_test_fail_at(FILE_IO_FAULT_WRITE, 0, 0);
    api_client_close(&s->api);
    broker_fixture_stop(&s->broker);
    return 0;
}

static void restart(struct stage *s)
{
    api_client_close(&s->api);
    broker_fixture_restart(&s->broker, NULL);
    api_client_open(&s->api, s->broker.port);
}

static int16_t create_topic(struct stage *s, const char *name)
{
    struct kafka_create_topics_request *body = api_client_body(&s->api, KAFKA_API_CREATE_TOPICS);
    struct kafka_create_topics_request_topic topic = {
        .name = bytes_of_text(name), .num_partitions = 1, .replication_factor = 1};
    body->topics = &topic;
    body->topics_count = 1;
    body->timeout_ms = 10000;
    const struct kafka_create_topics_response *answer =
        api_client_call(&s->api, KAFKA_API_CREATE_TOPICS, body);
    int16_t error = answer->topics[0].error_code;
    assert_true(error == 0 || answer->topics[0].error_message.len > 0);
    return error;
}

static bool topic_exists(struct stage *s, const char *name)
{
    s->api.version = 8;
    struct kafka_metadata_request *body = api_client_body(&s->api, KAFKA_API_METADATA);
    struct kafka_metadata_request_topic topic = {.name = bytes_of_text(name)};
    body->topics = &topic;
    body->topics_count = 1;
    body->allow_auto_topic_creation = false;
    const struct kafka_metadata_response *answer =
        api_client_call(&s->api, KAFKA_API_METADATA, body);
    s->api.version = INT16_MAX;
    return answer->topics[0].error_code == 0;
}

static int16_t commit(struct stage *s, int64_t offset)
{
    struct kafka_offset_commit_request *body = api_client_body(&s->api, KAFKA_API_OFFSET_COMMIT);
    struct kafka_offset_commit_request_partition partition = {
        .committed_offset = offset,
        .committed_leader_epoch = -1,
        .committed_metadata = bytes_null(),
    };
    struct kafka_offset_commit_request_topic topic = {bytes_of_text("there"), &partition, 1};
    body->group_id = bytes_of_text("g");
    body->generation_id_or_member_epoch = -1;
    body->topics = &topic;
    body->topics_count = 1;
    const struct kafka_offset_commit_response *answer =
        api_client_call(&s->api, KAFKA_API_OFFSET_COMMIT, body);
    return answer->topics[0].partitions[0].error_code;
}

static int64_t committed(struct stage *s)
{
    s->api.version = 7;
    struct kafka_offset_fetch_request *body = api_client_body(&s->api, KAFKA_API_OFFSET_FETCH);
    int32_t index = 0;
    struct kafka_offset_fetch_request_topic topic = {bytes_of_text("there"), &index, 1};
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

/* Every write that a creation makes fails once, the partition's files and the controller's log:
 * nothing is created, or all of it. */
static void a_topic_is_created_wholly_or_not_at_all(void **state)
{
    struct stage *s = *state;
    int16_t error = -1;
    int failures = 0;
    for (uint64_t n = 1; error != 0; n++) {
        file_io_test_fail_at(FILE_IO_FAULT_WRITE, n, ENOSPC);
        error = create_topic(s, "wholly");
        file_io_test_fail_at(FILE_IO_FAULT_WRITE, 0, 0);
        assert_int_equal(topic_exists(s, "wholly"), error == 0);
        if (error != 0) {
            assert_int_equal(error, KAFKA_ERROR_KAFKA_STORAGE_ERROR);
            failures++;
            restart(s);
            assert_false(topic_exists(s, "wholly"));
        }
    }
    assert_true(failures >= 2);
    restart(s);
    assert_true(topic_exists(s, "wholly"));
}

static void a_commit_that_was_refused_is_not_there_later(void **state)
{
    struct stage *s = *state;
    assert_int_equal(create_topic(s, "there"), 0);
    int64_t offset = 10;
    assert_int_equal(commit(s, offset), 0);
    /* The first fault may hit a file that the flusher writes after it has told the first commit. */
    int16_t error = 0;
    for (int n = 0; error == 0 && n < 10; n++) {
        file_io_test_fail_at(FILE_IO_FAULT_WRITE, 1, ENOSPC);
        error = commit(s, offset + 1);
        file_io_test_fail_at(FILE_IO_FAULT_WRITE, 0, 0);
        offset += error == 0 ? 1 : 0;
    }
    assert_int_equal(error, KAFKA_ERROR_NOT_COORDINATOR);
    assert_int_equal(committed(s), offset);
    restart(s);
    assert_int_equal(committed(s), offset);
    assert_int_equal(commit(s, 30), 0);
    restart(s);
    assert_int_equal(committed(s), 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_is_created_wholly_or_not_at_all),
        cmocka_unit_test(a_commit_that_was_refused_is_not_there_later),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
