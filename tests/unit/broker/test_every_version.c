/*
 * The life of a consumer group in every version of the requests that it is made of: round r speaks
 * version r of each, or the last one. Every answer must be decodable to its last byte.
 */
#include <stdio.h>
#include <string.h>

#include "broker/broker.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"
#include "protocol/message.h"
#include "tests/support/api_client.h"
#include "tests/support/broker_fixture.h"
#include "tests/support/test.h"

#define ROUNDS 11
#define TOPIC "every"
#define TOPIC_PARTITIONS 3

struct client {
    struct api_client api;
    struct broker_fixture broker;
};

static struct bytes text(const char *s)
{
    return bytes_of_text(s);
}

#define assert_text(actual, expected) assert_true(bytes_equal((actual), text(expected)))

static void create_topic(struct client *c)
{
    struct kafka_create_topics_request *body = api_client_body(&c->api, KAFKA_API_CREATE_TOPICS);
    struct kafka_create_topics_request_topic topic = {
        .name = text(TOPIC), .num_partitions = TOPIC_PARTITIONS, .replication_factor = 1};
    body->topics = &topic;
    body->topics_count = 1;
    body->timeout_ms = 10000;
    const struct kafka_create_topics_response *answer =
        api_client_call(&c->api, KAFKA_API_CREATE_TOPICS, body);
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
    api_client_open(&c.api, c.broker.port);
    c.api.version = 0;
    create_topic(&c);
    *state = &c;
    return 0;
}

static int teardown(void **state)
{
    struct client *c = *state;
    api_client_close(&c->api);
    broker_fixture_stop(&c->broker);
    return 0;
}

static void find_coordinator(struct client *c, struct bytes group)
{
    struct kafka_find_coordinator_request *body =
        api_client_body(&c->api, KAFKA_API_FIND_COORDINATOR);
    body->key = group;
    body->coordinator_keys = &group;
    body->coordinator_keys_count = 1;
    const struct kafka_find_coordinator_response *answer =
        api_client_call(&c->api, KAFKA_API_FIND_COORDINATOR, body);
    bool batch = api_client_version(&c->api, KAFKA_API_FIND_COORDINATOR) >= 4;
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
    struct kafka_join_group_request *body = api_client_body(&c->api, KAFKA_API_JOIN_GROUP);
    struct kafka_join_group_request_protocol protocol = {text("range"), text("topics")};
    body->group_id = group;
    body->session_timeout_ms = 10000;
    body->rebalance_timeout_ms = 10000;
    body->protocol_type = text("consumer");
    body->protocols = &protocol;
    body->protocols_count = 1;
    const struct kafka_join_group_response *answer =
        api_client_call(&c->api, KAFKA_API_JOIN_GROUP, body);
    if (api_client_version(&c->api, KAFKA_API_JOIN_GROUP) >= 4) {
        assert_int_equal(answer->error_code, KAFKA_ERROR_MEMBER_ID_REQUIRED);
        body->member_id = answer->member_id;
        answer = api_client_call(&c->api, KAFKA_API_JOIN_GROUP, body);
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
    struct kafka_sync_group_request *body = api_client_body(&c->api, KAFKA_API_SYNC_GROUP);
    struct kafka_sync_group_request_assignment assignment = {m->id, text("all of it")};
    body->group_id = m->group;
    body->generation_id = m->generation;
    body->member_id = m->id;
    body->protocol_type = text("consumer");
    body->protocol_name = text("range");
    body->assignments = &assignment;
    body->assignments_count = 1;
    const struct kafka_sync_group_response *answer =
        api_client_call(&c->api, KAFKA_API_SYNC_GROUP, body);
    assert_int_equal(answer->error_code, 0);
    assert_text(answer->assignment, "all of it");
}

static void heartbeat(struct client *c, const struct membership *m)
{
    struct kafka_heartbeat_request *body = api_client_body(&c->api, KAFKA_API_HEARTBEAT);
    body->group_id = m->group;
    body->generation_id = m->generation;
    body->member_id = m->id;
    const struct kafka_heartbeat_response *answer =
        api_client_call(&c->api, KAFKA_API_HEARTBEAT, body);
    assert_int_equal(answer->error_code, 0);
}

static int16_t commit(struct client *c, const struct membership *m, int64_t offset)
{
    struct kafka_offset_commit_request *body = api_client_body(&c->api, KAFKA_API_OFFSET_COMMIT);
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
    const struct kafka_offset_commit_response *answer =
        api_client_call(&c->api, KAFKA_API_OFFSET_COMMIT, body);
    assert_int_equal(answer->topics_count, 1);
    assert_text(answer->topics[0].name, TOPIC);
    assert_int_equal(answer->topics[0].partitions[0].partition_index, 1);
    return answer->topics[0].partitions[0].error_code;
}

static void expect_committed(struct client *c, struct bytes group, int64_t offset)
{
    struct kafka_offset_fetch_request *body = api_client_body(&c->api, KAFKA_API_OFFSET_FETCH);
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
    const struct kafka_offset_fetch_response *answer =
        api_client_call(&c->api, KAFKA_API_OFFSET_FETCH, body);
    assert_int_equal(answer->error_code, 0);
    if (api_client_version(&c->api, KAFKA_API_OFFSET_FETCH) < 8) {
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
    struct kafka_describe_groups_request *body =
        api_client_body(&c->api, KAFKA_API_DESCRIBE_GROUPS);
    struct bytes groups[] = {m->group, text("no such group")};
    body->groups = groups;
    body->groups_count = 2;
    const struct kafka_describe_groups_response *answer =
        api_client_call(&c->api, KAFKA_API_DESCRIBE_GROUPS, body);
    assert_int_equal(answer->groups_count, 2);
    assert_int_equal(answer->groups[0].error_code, 0);
    assert_text(answer->groups[0].group_state, group_state);
    bool stable = strcmp(group_state, "Stable") == 0;
    assert_int_equal(answer->groups[0].members_count, stable ? 1 : 0);
    if (stable) {
        assert_text(answer->groups[0].members[0].client_id, "api-client");
        assert_text(answer->groups[0].members[0].member_assignment, "all of it");
    }
    assert_text(answer->groups[1].group_state, "Dead");
    assert_int_equal(answer->groups[1].error_code,
                     api_client_version(&c->api, KAFKA_API_DESCRIBE_GROUPS) >= 6
                         ? KAFKA_ERROR_GROUP_ID_NOT_FOUND
                         : 0);
}

static bool is_listed(struct client *c, struct bytes group)
{
    const struct kafka_list_groups_response *answer = api_client_call(
        &c->api, KAFKA_API_LIST_GROUPS, api_client_body(&c->api, KAFKA_API_LIST_GROUPS));
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
    struct kafka_leave_group_request *body = api_client_body(&c->api, KAFKA_API_LEAVE_GROUP);
    struct kafka_leave_group_request_member member = {
        .member_id = m->id, .group_instance_id = bytes_null(), .reason = bytes_null()};
    body->group_id = m->group;
    body->member_id = m->id;
    body->members = &member;
    body->members_count = 1;
    const struct kafka_leave_group_response *answer =
        api_client_call(&c->api, KAFKA_API_LEAVE_GROUP, body);
    assert_int_equal(answer->error_code, 0);
    if (api_client_version(&c->api, KAFKA_API_LEAVE_GROUP) >= 3) {
        assert_int_equal(answer->members_count, 1);
        assert_int_equal(answer->members[0].error_code, 0);
    }
}

static int16_t delete_group(struct client *c, struct bytes group)
{
    struct kafka_delete_groups_request *body = api_client_body(&c->api, KAFKA_API_DELETE_GROUPS);
    body->groups_names = &group;
    body->groups_names_count = 1;
    const struct kafka_delete_groups_response *answer =
        api_client_call(&c->api, KAFKA_API_DELETE_GROUPS, body);
    assert_int_equal(answer->results_count, 1);
    return answer->results[0].error_code;
}

static void live_through(struct client *c)
{
    char name[32];
    (void)snprintf(name, sizeof name, "group-%d", c->api.version);
    struct bytes group = text(name);
    find_coordinator(c, group);
    struct membership m = join(c, group);
    sync_group(c, &m);
    heartbeat(c, &m);
    /* Version 0 cannot say who commits, so it may not while there are members. */
    bool anonymous = api_client_version(&c->api, KAFKA_API_OFFSET_COMMIT) == 0;
    assert_int_equal(commit(c, &m, 100 + c->api.version),
                     anonymous ? KAFKA_ERROR_UNKNOWN_MEMBER_ID : 0);
    expect_described(c, &m, "Stable");
    assert_true(is_listed(c, group));
    assert_int_equal(delete_group(c, group), KAFKA_ERROR_NON_EMPTY_GROUP);
    leave(c, &m);
    expect_described(c, &m, "Empty");
    struct membership nobody = {group, text(""), -1};
    assert_int_equal(commit(c, &nobody, 200 + c->api.version), 0);
    expect_committed(c, group, 200 + c->api.version);
    assert_int_equal(delete_group(c, group), 0);
    assert_false(is_listed(c, group));
    assert_int_equal(delete_group(c, group), KAFKA_ERROR_GROUP_ID_NOT_FOUND);
}

static void a_group_lives_through_every_version(void **state)
{
    struct client *c = *state;
    for (c->api.version = 0; c->api.version < ROUNDS; c->api.version++) {
        arena_reset(&c->api.arena);
        live_through(c);
    }
}

/* A group that nobody knows: a commit without generation makes it, one with a generation tells the
 * member that it is out, in the words of its version. */
static void commits_to_unknown_groups(void **state)
{
    struct client *c = *state;
    for (c->api.version = 0; c->api.version < ROUNDS; c->api.version++) {
        struct membership stranger = {text("stranger"), text("somebody"), 3};
        struct membership simple = {text("simple"), text(""), -1};
        struct membership nameless = {text(""), text(""), -1};
        int16_t version = api_client_version(&c->api, KAFKA_API_OFFSET_COMMIT);
        arena_reset(&c->api.arena);
        if (version >= 1) { /* version 0 knows no generations */
            assert_int_equal(commit(c, &stranger, 5), version >= 9
                                                          ? KAFKA_ERROR_GROUP_ID_NOT_FOUND
                                                          : KAFKA_ERROR_ILLEGAL_GENERATION);
        }
        assert_int_equal(commit(c, &simple, 5 + c->api.version), 0);
        expect_committed(c, simple.group, 5 + c->api.version);
        assert_int_equal(commit(c, &nameless, 7), 0);
        expect_committed(c, nameless.group, 7);
    }
    c->api.version = 8;
    assert_int_equal(delete_group(c, text("simple")), 0);
    assert_int_equal(delete_group(c, text("stranger")), KAFKA_ERROR_GROUP_ID_NOT_FOUND);
}

static void long_commit_metadata_is_refused(void **state)
{
    struct client *c = *state;
    static char longest[4097];
    memset(longest, 'x', sizeof longest);
    c->api.version = 7;
    for (size_t len = 4096; len <= 4097; len++) {
        struct kafka_offset_commit_request *body =
            api_client_body(&c->api, KAFKA_API_OFFSET_COMMIT);
        struct kafka_offset_commit_request_partition partition = {.committed_offset = 1,
                                                                  .committed_leader_epoch = -1,
                                                                  .committed_metadata =
                                                                      bytes_of(longest, len)};
        struct kafka_offset_commit_request_topic topic = {text(TOPIC), &partition, 1};
        body->group_id = text("talker");
        body->generation_id_or_member_epoch = -1;
        body->topics = &topic;
        body->topics_count = 1;
        const struct kafka_offset_commit_response *answer =
            api_client_call(&c->api, KAFKA_API_OFFSET_COMMIT, body);
        assert_int_equal(answer->topics[0].partitions[0].error_code,
                         len > 4096 ? KAFKA_ERROR_OFFSET_METADATA_TOO_LARGE : 0);
    }
}

static void describe_cluster_answers_every_version(void **state)
{
    struct client *c = *state;
    for (c->api.version = 0; c->api.version < 3; c->api.version++) {
        arena_reset(&c->api.arena);
        struct kafka_describe_cluster_request *body =
            api_client_body(&c->api, KAFKA_API_DESCRIBE_CLUSTER);
        const struct kafka_describe_cluster_response *answer =
            api_client_call(&c->api, KAFKA_API_DESCRIBE_CLUSTER, body);
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
    for (c->api.version = 1; c->api.version < 3; c->api.version++) {
        struct kafka_describe_cluster_request *body =
            api_client_body(&c->api, KAFKA_API_DESCRIBE_CLUSTER);
        body->endpoint_type = 2; /* controllers: a broker's listener is none */
        const struct kafka_describe_cluster_response *answer =
            api_client_call(&c->api, KAFKA_API_DESCRIBE_CLUSTER, body);
        assert_int_equal(answer->error_code, 114);
        body->endpoint_type = 9;
        answer = api_client_call(&c->api, KAFKA_API_DESCRIBE_CLUSTER, body);
        assert_int_equal(answer->error_code, 115);
    }
}

static void describe_topic_partitions_pages(void **state)
{
    struct client *c = *state;
    c->api.version = 0;
    struct kafka_describe_topic_partitions_request *body =
        api_client_body(&c->api, KAFKA_API_DESCRIBE_TOPIC_PARTITIONS);
    struct kafka_describe_topic_partitions_request_topic topics[] = {{text("missing")},
                                                                     {text(TOPIC)}};
    body->topics = topics;
    body->topics_count = 2;
    body->response_partition_limit = 2;
    const struct kafka_describe_topic_partitions_response *answer =
        api_client_call(&c->api, KAFKA_API_DESCRIBE_TOPIC_PARTITIONS, body);
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
    answer = api_client_call(&c->api, KAFKA_API_DESCRIBE_TOPIC_PARTITIONS, body);
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
        cmocka_unit_test(commits_to_unknown_groups),
        cmocka_unit_test(long_commit_metadata_is_refused),
        cmocka_unit_test(describe_cluster_answers_every_version),
        cmocka_unit_test(describe_cluster_knows_brokers_only),
        cmocka_unit_test(describe_topic_partitions_pages),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
