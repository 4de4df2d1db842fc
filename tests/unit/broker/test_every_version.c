/*
 * The life of a consumer group in every version of the requests that it is made of: round r speaks
 * version r of each, or the last one. Every answer must be decodable to its last byte.
 */
#include <stdio.h>
#include <string.h>

#include "broker/broker.h"
#include "common/arena.h"
#include "common/buf.h"
#include "common/reader.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"
#include "protocol/request_header.h"
#include "tests/support/broker_fixture.h"
#include "tests/support/raw_client.h"
#include "tests/support/test.h"

#define ROUNDS 11
#define TOPIC "every"
#define TOPIC_PARTITIONS 3

struct client {
    struct broker_fixture broker;
    int socket;
    int16_t round;
    struct arena arena;
};

static struct bytes text(const char *s)
{
    return bytes_of_text(s);
}

#define assert_text(actual, expected) assert_true(bytes_equal((actual), text(expected)))

static int16_t version_of(const struct client *c, int16_t key)
{
    const struct message_api *api = message_api_find(key);
    assert_non_null(api);
    return c->round < api->max_version ? c->round : api->max_version;
}

/* A request body with its defaults. */
static void *body_of(struct client *c, int16_t key)
{
    const struct message_schema *schema = message_api_find(key)->request;
    void *body = arena_alloc(&c->arena, schema->size);
    assert_non_null(body);
    message_init(schema, body);
    return body;
}

static void send_request(const struct client *c, const struct request_header *header,
                         const void *body)
{
    struct err e = {0};
    struct buf frame;
    buf_init(&frame, 1 << 20);
    request_header_encode(header, &frame);
    if (message_encode(header->api->request, header->api_version, body, &frame, NULL, &e) !=
        ERR_OK) {
        fail_msg("%s v%d: %s", header->api->name, header->api_version, e.text);
    }
    assert_true(raw_client_send_frame(c->socket, buf_bytes(&frame)));
    buf_deinit(&frame);
}

/* The decoded answer, in the arena. */
static void *call(struct client *c, int16_t key, const void *body)
{
    const struct message_api *api = message_api_find(key);
    struct request_header header = {.api_key = key,
                                    .api_version = version_of(c, key),
                                    .correlation_id = 4711,
                                    .client_id = text("every"),
                                    .api = api};
    send_request(c, &header, body);
    struct buf frame;
    buf_init(&frame, 1 << 20);
    assert_true(raw_client_read_frame(c->socket, &frame));
    uint8_t *copy = arena_alloc(&c->arena, frame.len);
    assert_non_null(copy);
    memcpy(copy, frame.data, frame.len);
    struct reader r;
    struct err e = {0};
    int32_t correlation_id = 0;
    reader_init(&r, bytes_of(copy, frame.len));
    buf_deinit(&frame);
    assert_int_equal(request_header_decode_response(&header, &r, &correlation_id, &e), ERR_OK);
    assert_int_equal(correlation_id, 4711);
    void *answer = arena_alloc(&c->arena, api->response->size);
    assert_non_null(answer);
    if (message_decode(api->response, header.api_version, &r, &c->arena, answer, &e) != ERR_OK) {
        fail_msg("%s v%d: %s", api->name, header.api_version, e.text);
    }
    assert_int_equal(reader_left(&r), 0);
    return answer;
}

static void create_topic(struct client *c)
{
    struct kafka_create_topics_request *body = body_of(c, KAFKA_API_CREATE_TOPICS);
    struct kafka_create_topics_request_topic topic = {
        .name = text(TOPIC), .num_partitions = TOPIC_PARTITIONS, .replication_factor = 1};
    body->topics = &topic;
    body->topics_count = 1;
    body->timeout_ms = 10000;
    const struct kafka_create_topics_response *answer = call(c, KAFKA_API_CREATE_TOPICS, body);
    assert_int_equal(answer->topics[0].error_code, 0);
}

static int setup(void **state)
{
    static struct client c;
    struct broker_config config;
    broker_config_init(&config);
    config.io_threads = 1;
    config.initial_rebalance_delay_ms = 0;
    broker_fixture_start(&c.broker, &config);
    c.socket = raw_client_connect(c.broker.port);
    arena_init(&c.arena, 1 << 20);
    create_topic(&c);
    *state = &c;
    return 0;
}

static int teardown(void **state)
{
    struct client *c = *state;
    raw_client_close(c->socket);
    arena_deinit(&c->arena);
    broker_fixture_stop(&c->broker);
    return 0;
}

static void find_coordinator(struct client *c, struct bytes group)
{
    struct kafka_find_coordinator_request *body = body_of(c, KAFKA_API_FIND_COORDINATOR);
    body->key = group;
    body->coordinator_keys = &group;
    body->coordinator_keys_count = 1;
    const struct kafka_find_coordinator_response *answer =
        call(c, KAFKA_API_FIND_COORDINATOR, body);
    bool batch = version_of(c, KAFKA_API_FIND_COORDINATOR) >= 4;
    assert_int_equal(batch ? answer->coordinators[0].error_code : answer->error_code, 0);
    assert_int_equal(batch ? answer->coordinators[0].port : answer->port, c->broker.port);
}

struct membership {
    struct bytes group;
    struct bytes id;
    int32_t generation;
};

static struct membership join(struct client *c, struct bytes group)
{
    struct kafka_join_group_request *body = body_of(c, KAFKA_API_JOIN_GROUP);
    struct kafka_join_group_request_protocol protocol = {text("range"), text("topics")};
    body->group_id = group;
    body->session_timeout_ms = 10000;
    body->rebalance_timeout_ms = 10000;
    body->protocol_type = text("consumer");
    body->protocols = &protocol;
    body->protocols_count = 1;
    const struct kafka_join_group_response *answer = call(c, KAFKA_API_JOIN_GROUP, body);
    if (version_of(c, KAFKA_API_JOIN_GROUP) >= 4) {
        assert_int_equal(answer->error_code, KAFKA_ERROR_MEMBER_ID_REQUIRED);
        body->member_id = answer->member_id;
        answer = call(c, KAFKA_API_JOIN_GROUP, body);
    }
    assert_int_equal(answer->error_code, 0);
    assert_true(answer->member_id.len > 0);
    assert_true(bytes_equal(answer->leader, answer->member_id));
    assert_int_equal(answer->members_count, 1);
    assert_text(answer->members[0].metadata, "topics");
    assert_text(answer->protocol_name, "range");
    return (struct membership){group, answer->member_id, answer->generation_id};
}

static void sync_group(struct client *c, const struct membership *m)
{
    struct kafka_sync_group_request *body = body_of(c, KAFKA_API_SYNC_GROUP);
    struct kafka_sync_group_request_assignment assignment = {m->id, text("all of it")};
    body->group_id = m->group;
    body->generation_id = m->generation;
    body->member_id = m->id;
    body->protocol_type = text("consumer");
    body->protocol_name = text("range");
    body->assignments = &assignment;
    body->assignments_count = 1;
    const struct kafka_sync_group_response *answer = call(c, KAFKA_API_SYNC_GROUP, body);
    assert_int_equal(answer->error_code, 0);
    assert_text(answer->assignment, "all of it");
}

static void heartbeat(struct client *c, const struct membership *m)
{
    struct kafka_heartbeat_request *body = body_of(c, KAFKA_API_HEARTBEAT);
    body->group_id = m->group;
    body->generation_id = m->generation;
    body->member_id = m->id;
    const struct kafka_heartbeat_response *answer = call(c, KAFKA_API_HEARTBEAT, body);
    assert_int_equal(answer->error_code, 0);
}

static int16_t commit(struct client *c, const struct membership *m, int64_t offset)
{
    struct kafka_offset_commit_request *body = body_of(c, KAFKA_API_OFFSET_COMMIT);
    struct kafka_offset_commit_request_partition partition = {
        .partition_index = 1,
        .committed_offset = offset,
        .committed_leader_epoch = -1,
        .commit_timestamp = -1,
        .committed_metadata = text("where"),
    };
    struct kafka_offset_commit_request_topic topic = {text(TOPIC), &partition, 1};
    body->group_id = m->group;
    body->generation_id_or_member_epoch = m->generation;
    body->member_id = m->id;
    body->retention_time_ms = -1;
    body->topics = &topic;
    body->topics_count = 1;
    const struct kafka_offset_commit_response *answer = call(c, KAFKA_API_OFFSET_COMMIT, body);
    assert_int_equal(answer->topics_count, 1);
    assert_text(answer->topics[0].name, TOPIC);
    assert_int_equal(answer->topics[0].partitions[0].partition_index, 1);
    return answer->topics[0].partitions[0].error_code;
}

static void expect_committed(struct client *c, struct bytes group, int64_t offset)
{
    struct kafka_offset_fetch_request *body = body_of(c, KAFKA_API_OFFSET_FETCH);
    int32_t indexes[] = {1, 2};
    struct kafka_offset_fetch_request_topic topic = {text(TOPIC), indexes, 2};
    struct kafka_offset_fetch_request_group_topic group_topic = {text(TOPIC), indexes, 2};
    struct kafka_offset_fetch_request_group one = {
        .group_id = group, .member_epoch = -1, .topics = &group_topic, .topics_count = 1};
    body->group_id = group;
    body->topics = &topic;
    body->topics_count = 1;
    body->groups = &one;
    body->groups_count = 1;
    const struct kafka_offset_fetch_response *answer = call(c, KAFKA_API_OFFSET_FETCH, body);
    assert_int_equal(answer->error_code, 0);
    if (version_of(c, KAFKA_API_OFFSET_FETCH) < 8) {
        assert_int_equal(answer->topics_count, 1);
        assert_int_equal(answer->topics[0].partitions_count, 2);
        assert_int_equal(answer->topics[0].partitions[0].committed_offset, offset);
        assert_text(answer->topics[0].partitions[0].metadata, "where");
        assert_int_equal(answer->topics[0].partitions[1].committed_offset, -1);
        return;
    }
    assert_int_equal(answer->groups_count, 1);
    assert_true(bytes_equal(answer->groups[0].group_id, group));
    assert_int_equal(answer->groups[0].error_code, 0);
    assert_int_equal(answer->groups[0].topics[0].partitions[0].committed_offset, offset);
    assert_int_equal(answer->groups[0].topics[0].partitions[1].committed_offset, -1);
}

static void expect_described(struct client *c, const struct membership *m, const char *group_state)
{
    struct kafka_describe_groups_request *body = body_of(c, KAFKA_API_DESCRIBE_GROUPS);
    struct bytes groups[] = {m->group, text("no such group")};
    body->groups = groups;
    body->groups_count = 2;
    const struct kafka_describe_groups_response *answer = call(c, KAFKA_API_DESCRIBE_GROUPS, body);
    assert_int_equal(answer->groups_count, 2);
    assert_int_equal(answer->groups[0].error_code, 0);
    assert_text(answer->groups[0].group_state, group_state);
    bool stable = strcmp(group_state, "Stable") == 0;
    assert_int_equal(answer->groups[0].members_count, stable ? 1 : 0);
    if (stable) {
        assert_text(answer->groups[0].members[0].client_id, "every");
        assert_text(answer->groups[0].members[0].member_assignment, "all of it");
    }
    assert_text(answer->groups[1].group_state, "Dead");
    assert_int_equal(answer->groups[1].error_code, version_of(c, KAFKA_API_DESCRIBE_GROUPS) >= 6
                                                       ? KAFKA_ERROR_GROUP_ID_NOT_FOUND
                                                       : 0);
}

static bool is_listed(struct client *c, struct bytes group)
{
    const struct kafka_list_groups_response *answer =
        call(c, KAFKA_API_LIST_GROUPS, body_of(c, KAFKA_API_LIST_GROUPS));
    assert_int_equal(answer->error_code, 0);
    for (int32_t i = 0; i < answer->groups_count; i++) {
        if (bytes_equal(answer->groups[i].group_id, group)) {
            return true;
        }
    }
    return false;
}

static void leave(struct client *c, const struct membership *m)
{
    struct kafka_leave_group_request *body = body_of(c, KAFKA_API_LEAVE_GROUP);
    struct kafka_leave_group_request_member member = {
        .member_id = m->id, .group_instance_id = bytes_null(), .reason = bytes_null()};
    body->group_id = m->group;
    body->member_id = m->id;
    body->members = &member;
    body->members_count = 1;
    const struct kafka_leave_group_response *answer = call(c, KAFKA_API_LEAVE_GROUP, body);
    assert_int_equal(answer->error_code, 0);
    if (version_of(c, KAFKA_API_LEAVE_GROUP) >= 3) {
        assert_int_equal(answer->members_count, 1);
        assert_int_equal(answer->members[0].error_code, 0);
    }
}

static int16_t delete_group(struct client *c, struct bytes group)
{
    struct kafka_delete_groups_request *body = body_of(c, KAFKA_API_DELETE_GROUPS);
    body->groups_names = &group;
    body->groups_names_count = 1;
    const struct kafka_delete_groups_response *answer = call(c, KAFKA_API_DELETE_GROUPS, body);
    assert_int_equal(answer->results_count, 1);
    return answer->results[0].error_code;
}

static void live_through(struct client *c)
{
    char name[32];
    (void)snprintf(name, sizeof name, "group-%d", c->round);
    struct bytes group = text(name);
    find_coordinator(c, group);
    struct membership m = join(c, group);
    sync_group(c, &m);
    heartbeat(c, &m);
    /* Version 0 cannot say who commits, so it may not while there are members. */
    bool anonymous = version_of(c, KAFKA_API_OFFSET_COMMIT) == 0;
    assert_int_equal(commit(c, &m, 100 + c->round), anonymous ? KAFKA_ERROR_UNKNOWN_MEMBER_ID : 0);
    expect_described(c, &m, "Stable");
    assert_true(is_listed(c, group));
    assert_int_equal(delete_group(c, group), KAFKA_ERROR_NON_EMPTY_GROUP);
    leave(c, &m);
    expect_described(c, &m, "Empty");
    struct membership nobody = {group, text(""), -1};
    assert_int_equal(commit(c, &nobody, 200 + c->round), 0);
    expect_committed(c, group, 200 + c->round);
    assert_int_equal(delete_group(c, group), 0);
    assert_false(is_listed(c, group));
    assert_int_equal(delete_group(c, group), KAFKA_ERROR_GROUP_ID_NOT_FOUND);
}

static void a_group_lives_through_every_version(void **state)
{
    struct client *c = *state;
    for (c->round = 0; c->round < ROUNDS; c->round++) {
        arena_reset(&c->arena);
        live_through(c);
    }
}

static void describe_cluster_answers_every_version(void **state)
{
    struct client *c = *state;
    for (c->round = 0; c->round < 3; c->round++) {
        arena_reset(&c->arena);
        struct kafka_describe_cluster_request *body = body_of(c, KAFKA_API_DESCRIBE_CLUSTER);
        const struct kafka_describe_cluster_response *answer =
            call(c, KAFKA_API_DESCRIBE_CLUSTER, body);
        assert_int_equal(answer->error_code, 0);
        assert_int_equal(answer->cluster_id.len, 22);
        assert_int_equal(answer->brokers_count, 1);
        assert_int_equal(answer->brokers[0].port, c->broker.port);
        assert_int_equal(answer->brokers[0].broker_id, answer->controller_id);
        assert_int_equal(answer->cluster_authorized_operations, INT32_MIN);
    }
}

static void describe_cluster_knows_brokers_only(void **state)
{
    struct client *c = *state;
    for (c->round = 1; c->round < 3; c->round++) {
        struct kafka_describe_cluster_request *body = body_of(c, KAFKA_API_DESCRIBE_CLUSTER);
        body->endpoint_type = 2; /* controllers: a broker's listener is none */
        const struct kafka_describe_cluster_response *answer =
            call(c, KAFKA_API_DESCRIBE_CLUSTER, body);
        assert_int_equal(answer->error_code, 114);
        body->endpoint_type = 9;
        answer = call(c, KAFKA_API_DESCRIBE_CLUSTER, body);
        assert_int_equal(answer->error_code, 115);
    }
}

static void describe_topic_partitions_pages(void **state)
{
    struct client *c = *state;
    c->round = 0;
    struct kafka_describe_topic_partitions_request *body =
        body_of(c, KAFKA_API_DESCRIBE_TOPIC_PARTITIONS);
    struct kafka_describe_topic_partitions_request_topic topics[] = {{text("missing")},
                                                                     {text(TOPIC)}};
    body->topics = topics;
    body->topics_count = 2;
    body->response_partition_limit = 2;
    const struct kafka_describe_topic_partitions_response *answer =
        call(c, KAFKA_API_DESCRIBE_TOPIC_PARTITIONS, body);
    /* By name, so the one that exists comes first and fills the page. */
    assert_text(answer->topics[0].name, TOPIC);
    assert_int_equal(answer->topics[0].partitions_count, 2);
    assert_int_equal(answer->topics[0].partitions[1].isr_nodes_count, 1);
    assert_non_null(answer->next_cursor);
    assert_text(answer->next_cursor->topic_name, TOPIC);
    assert_int_equal(answer->next_cursor->partition_index, 2);

    struct kafka_describe_topic_partitions_request_cursor cursor = {
        answer->next_cursor->topic_name, answer->next_cursor->partition_index};
    body->cursor = &cursor;
    answer = call(c, KAFKA_API_DESCRIBE_TOPIC_PARTITIONS, body);
    assert_int_equal(answer->topics_count, 2);
    assert_int_equal(answer->topics[0].partitions_count, 1);
    assert_int_equal(answer->topics[0].partitions[0].partition_index, 2);
    assert_text(answer->topics[1].name, "missing");
    assert_int_equal(answer->topics[1].error_code, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_null(answer->next_cursor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_lives_through_every_version),
        cmocka_unit_test(describe_cluster_answers_every_version),
        cmocka_unit_test(describe_cluster_knows_brokers_only),
        cmocka_unit_test(describe_topic_partitions_pages),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
