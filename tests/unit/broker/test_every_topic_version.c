/*
 * The life of a topic in every version of the requests that it is made of: round r speaks version r
 * of each, or the last one that there is. Every answer must be decodable to its last byte.
 */
#include <stdio.h>
#include <string.h>

#include "broker/broker.h"
#include "protocol/generated/messages.h"
#include "protocol/kafka_error.h"
#include "protocol/message.h"
#include "protocol/record_builder.h"
#include "tests/support/api_client.h"
#include "tests/support/broker_fixture.h"
#include "tests/support/test.h"

#define ROUNDS 19
#define TIMESTAMP INT64_C(1700000000000)

struct client {
    struct api_client api;
    struct broker_fixture broker;
};

/* A topic of one round. */
struct subject {
    struct client *c;
    char name[32];
    struct kafka_uuid id; /* from Metadata v10 on */
    int16_t round;
};

static struct bytes name_of(const struct subject *s)
{
    return bytes_of_text(s->name);
}

static int16_t spoken(const struct subject *s, int16_t key)
{
    return api_client_version(&s->c->api, key);
}

static int setup(void **state)
{
    static struct client c;
    struct broker_config config;
    broker_config_init(&config);
    config.io_threads = 1;
    broker_fixture_start(&c.broker, &config);
    api_client_open(&c.api, c.broker.port);
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

static void create(struct subject *s)
{
    struct kafka_create_topics_request *body = api_client_body(&s->c->api, KAFKA_API_CREATE_TOPICS);
    struct kafka_create_topics_request_config config = {bytes_of_text("retention.ms"),
                                                        bytes_of_text("-1")};
    struct kafka_create_topics_request_topic topic = {.name = name_of(s),
                                                      .num_partitions = 1,
                                                      .replication_factor = 1,
                                                      .configs = &config,
                                                      .configs_count = 1};
    int16_t version = spoken(s, KAFKA_API_CREATE_TOPICS);
    body->topics = &topic;
    body->topics_count = 1;
    if (version >= 1) {
        body->validate_only = true;
        const struct kafka_create_topics_response *checked =
            api_client_call(&s->c->api, KAFKA_API_CREATE_TOPICS, body);
        assert_int_equal(checked->topics[0].error_code, 0);
        body->validate_only = false;
    }
    const struct kafka_create_topics_response *answer =
        api_client_call(&s->c->api, KAFKA_API_CREATE_TOPICS, body);
    assert_int_equal(answer->topics_count, 1);
    assert_true(bytes_equal(answer->topics[0].name, name_of(s)));
    assert_int_equal(answer->topics[0].error_code, 0);
    if (version >= 5) {
        assert_int_equal(answer->topics[0].num_partitions, 1);
        assert_int_equal(answer->topics[0].replication_factor, 1);
        assert_true(answer->topics[0].configs_count > 30);
    }
    answer = api_client_call(&s->c->api, KAFKA_API_CREATE_TOPICS, body);
    assert_int_equal(answer->topics[0].error_code, KAFKA_ERROR_TOPIC_ALREADY_EXISTS);
    assert_int_equal(answer->topics[0].error_message.len > 0, version >= 1);
}

static void metadata(struct subject *s, int32_t partitions)
{
    struct kafka_metadata_request *body = api_client_body(&s->c->api, KAFKA_API_METADATA);
    struct kafka_metadata_request_topic topic = {.name = name_of(s)};
    body->topics = &topic;
    body->topics_count = 1;
    const struct kafka_metadata_response *answer =
        api_client_call(&s->c->api, KAFKA_API_METADATA, body);
    int16_t version = spoken(s, KAFKA_API_METADATA);
    assert_int_equal(answer->brokers_count, 1);
    assert_int_equal(answer->brokers[0].port, s->c->broker.port);
    assert_int_equal(answer->topics_count, 1);
    assert_int_equal(answer->topics[0].error_code, 0);
    assert_int_equal(answer->topics[0].partitions_count, partitions);
    const struct kafka_metadata_response_partition *p = &answer->topics[0].partitions[0];
    assert_int_equal(p->leader_id, answer->brokers[0].node_id);
    assert_int_equal(p->replica_nodes_count, 1);
    assert_int_equal(p->isr_nodes_count, 1);
    if (version >= 1) {
        assert_int_equal(answer->controller_id, answer->brokers[0].node_id);
    }
    if (version >= 2) {
        assert_int_equal(answer->cluster_id.len, 22);
    }
    if (version >= 7) {
        assert_int_equal(p->leader_epoch, 0);
    }
    if (version >= 10) {
        s->id = answer->topics[0].topic_id;
    }
    if (version >= 12) { /* by id */
        struct kafka_metadata_request_topic by_id = {.topic_id = s->id, .name = bytes_null()};
        body->topics = &by_id;
        answer = api_client_call(&s->c->api, KAFKA_API_METADATA, body);
        assert_true(bytes_equal(answer->topics[0].name, name_of(s)));
        by_id.topic_id.bytes[3] ^= 1;
        answer = api_client_call(&s->c->api, KAFKA_API_METADATA, body);
        assert_int_equal(answer->topics[0].error_code, KAFKA_ERROR_UNKNOWN_TOPIC_ID);
    }
}

static void produce(struct subject *s, int64_t offset)
{
    struct record_builder b;
    struct buf batch;
    struct err e;
    record_builder_init(&b, 1000);
    buf_init(&batch, 1000);
    for (int i = 0; i < 2; i++) {
        record_builder_append(&b, TIMESTAMP + offset + i, bytes_of_text("k"), bytes_of_text("v"),
                              NULL, 0);
    }
    assert_int_equal(record_builder_finish(&b, &batch, &e), ERR_OK);
    struct kafka_produce_request *body = api_client_body(&s->c->api, KAFKA_API_PRODUCE);
    struct kafka_produce_request_partition_data data = {.records = {.bytes = buf_bytes(&batch)}};
    struct kafka_produce_request_topic_data topic = {name_of(s), &data, 1};
    body->acks = -1;
    body->timeout_ms = 10000;
    body->topic_data = &topic;
    body->topic_data_count = 1;
    const struct kafka_produce_response *answer =
        api_client_call(&s->c->api, KAFKA_API_PRODUCE, body);
    assert_true(bytes_equal(answer->responses[0].name, name_of(s)));
    const struct kafka_produce_response_partition_response *p =
        &answer->responses[0].partition_responses[0];
    assert_int_equal(p->error_code, 0);
    assert_int_equal(p->base_offset, offset);
    assert_int_equal(p->log_append_time_ms, -1);
    if (spoken(s, KAFKA_API_PRODUCE) >= 5) {
        assert_int_equal(p->log_start_offset, 0);
    }
    record_builder_deinit(&b);
    buf_deinit(&batch);
}

static void fetch(struct subject *s, int64_t high_watermark)
{
    int16_t version = spoken(s, KAFKA_API_FETCH);
    struct kafka_fetch_request *body = api_client_body(&s->c->api, KAFKA_API_FETCH);
    struct kafka_fetch_request_partition partition = {.current_leader_epoch = -1,
                                                      .fetch_offset = 1,
                                                      .last_fetched_epoch = -1,
                                                      .log_start_offset = -1,
                                                      .partition_max_bytes = 1 << 20};
    struct kafka_fetch_request_topic topic = {
        .topic = name_of(s), .topic_id = s->id, .partitions = &partition, .partitions_count = 1};
    body->replica_id = -1;
    body->max_bytes = 1 << 20;
    body->session_epoch = -1;
    body->topics = &topic;
    body->topics_count = 1;
    const struct kafka_fetch_response *answer = api_client_call(&s->c->api, KAFKA_API_FETCH, body);
    assert_int_equal(answer->error_code, 0);
    assert_int_equal(answer->session_id, 0);
    assert_int_equal(answer->responses_count, 1);
    const struct kafka_fetch_response_partition *p = &answer->responses[0].partitions[0];
    if (version < 4) { /* these know older formats only, and nothing is converted */
        assert_int_equal(p->error_code, KAFKA_ERROR_UNSUPPORTED_VERSION);
        return;
    }
    assert_int_equal(p->error_code, 0);
    assert_int_equal(p->high_watermark, high_watermark);
    struct record_batch batch;
    assert_int_equal(record_batch_parse(p->records.bytes, &batch), RECORD_BATCH_OK);
    assert_int_equal(batch.base_offset, 0);
    assert_int_equal(batch.count, 2);
    if (version >= 13) {
        topic.topic_id.bytes[0] ^= 1;
        answer = api_client_call(&s->c->api, KAFKA_API_FETCH, body);
        assert_int_equal(answer->responses[0].partitions[0].error_code,
                         KAFKA_ERROR_UNKNOWN_TOPIC_ID);
    }
    partition.fetch_offset = 100;
    topic.topic_id = s->id;
    answer = api_client_call(&s->c->api, KAFKA_API_FETCH, body);
    assert_int_equal(answer->responses[0].partitions[0].error_code,
                     KAFKA_ERROR_OFFSET_OUT_OF_RANGE);
    if (version >= 9) {
        partition.fetch_offset = 0;
        partition.current_leader_epoch = 7;
        answer = api_client_call(&s->c->api, KAFKA_API_FETCH, body);
        assert_int_equal(answer->responses[0].partitions[0].error_code,
                         KAFKA_ERROR_UNKNOWN_LEADER_EPOCH);
    }
}

static void list_one(struct subject *s, int64_t timestamp, int16_t error, int64_t offset)
{
    struct kafka_list_offsets_request *body = api_client_body(&s->c->api, KAFKA_API_LIST_OFFSETS);
    struct kafka_list_offsets_request_partition partition = {
        .current_leader_epoch = -1, .timestamp = timestamp, .max_num_offsets = 1};
    struct kafka_list_offsets_request_topic topic = {name_of(s), &partition, 1};
    body->replica_id = -1;
    body->topics = &topic;
    body->topics_count = 1;
    const struct kafka_list_offsets_response *answer =
        api_client_call(&s->c->api, KAFKA_API_LIST_OFFSETS, body);
    const struct kafka_list_offsets_response_partition *p = &answer->topics[0].partitions[0];
    assert_int_equal(p->error_code, error);
    if (error == 0 && spoken(s, KAFKA_API_LIST_OFFSETS) == 0) {
        assert_int_equal(p->old_style_offsets_count, offset >= 0);
        assert_true(offset < 0 || p->old_style_offsets[0] == offset);
    } else if (error == 0) {
        assert_int_equal(p->offset, offset);
    }
}

static void list_offsets(struct subject *s, int64_t end)
{
    int16_t version = spoken(s, KAFKA_API_LIST_OFFSETS);
    list_one(s, -1, 0, end);
    list_one(s, -2, 0, 0);
    list_one(s, TIMESTAMP + 1, 0, 1);
    list_one(s, TIMESTAMP + 1000, 0, -1);
    list_one(s, -3, version >= 7 ? 0 : KAFKA_ERROR_UNSUPPORTED_VERSION, end - 1);
    list_one(s, -4, version >= 8 ? 0 : KAFKA_ERROR_UNSUPPORTED_VERSION, 0);
    list_one(s, -5, version >= 9 ? 0 : KAFKA_ERROR_UNSUPPORTED_VERSION, -1);
    list_one(s, -99, KAFKA_ERROR_UNSUPPORTED_VERSION, 0);
}

static void leader_epoch(struct subject *s, int64_t end)
{
    struct kafka_offset_for_leader_epoch_request *body =
        api_client_body(&s->c->api, KAFKA_API_OFFSET_FOR_LEADER_EPOCH);
    struct kafka_offset_for_leader_epoch_request_partition partition = {.current_leader_epoch = -1,
                                                                        .leader_epoch = 0};
    struct kafka_offset_for_leader_epoch_request_topic topic = {name_of(s), &partition, 1};
    body->topics = &topic;
    body->topics_count = 1;
    const struct kafka_offset_for_leader_epoch_response *answer =
        api_client_call(&s->c->api, KAFKA_API_OFFSET_FOR_LEADER_EPOCH, body);
    assert_int_equal(answer->topics[0].partitions[0].error_code, 0);
    assert_int_equal(answer->topics[0].partitions[0].end_offset, end);
    if (spoken(s, KAFKA_API_OFFSET_FOR_LEADER_EPOCH) >= 1) {
        assert_int_equal(answer->topics[0].partitions[0].leader_epoch, 0);
    }
    partition.leader_epoch = 5; /* never heard of */
    answer = api_client_call(&s->c->api, KAFKA_API_OFFSET_FOR_LEADER_EPOCH, body);
    assert_int_equal(answer->topics[0].partitions[0].end_offset, -1);
}

static const struct kafka_describe_configs_response_config *described(struct subject *s,
                                                                      const char *key)
{
    struct kafka_describe_configs_request *body =
        api_client_body(&s->c->api, KAFKA_API_DESCRIBE_CONFIGS);
    struct bytes keys[] = {bytes_of_text(key), bytes_of_text("no.such.key")};
    struct kafka_describe_configs_request_resource resource = {2, name_of(s), keys, 2};
    body->resources = &resource;
    body->resources_count = 1;
    body->include_synonyms = true;
    body->include_documentation = true;
    const struct kafka_describe_configs_response *answer =
        api_client_call(&s->c->api, KAFKA_API_DESCRIBE_CONFIGS, body);
    assert_int_equal(answer->results[0].error_code, 0);
    assert_int_equal(answer->results[0].configs_count, 1);
    return &answer->results[0].configs[0];
}

static void configs(struct subject *s)
{
    int16_t version = spoken(s, KAFKA_API_DESCRIBE_CONFIGS);
    const struct kafka_describe_configs_response_config *entry = described(s, "retention.ms");
    assert_true(bytes_equal(entry->value, bytes_of_text("-1")));
    if (version == 0) {
        assert_false(entry->is_default);
    } else {
        assert_int_equal(entry->config_source, 1);
        assert_true(entry->synonyms_count >= 2);
    }
    if (version >= 3) {
        assert_int_equal(entry->config_type, 5);
        assert_true(entry->documentation.len > 0);
    }
    struct kafka_incremental_alter_configs_request *body =
        api_client_body(&s->c->api, KAFKA_API_INCREMENTAL_ALTER_CONFIGS);
    struct kafka_incremental_alter_configs_request_config change = {bytes_of_text("retention.ms"),
                                                                    0, bytes_of_text("123456")};
    struct kafka_incremental_alter_configs_request_resource resource = {2, name_of(s), &change, 1};
    body->resources = &resource;
    body->resources_count = 1;
    const struct kafka_incremental_alter_configs_response *answer =
        api_client_call(&s->c->api, KAFKA_API_INCREMENTAL_ALTER_CONFIGS, body);
    assert_int_equal(answer->responses[0].error_code, 0);
    assert_true(bytes_equal(described(s, "retention.ms")->value, bytes_of_text("123456")));
    change.config_operation = 1;
    change.value = bytes_null();
    answer = api_client_call(&s->c->api, KAFKA_API_INCREMENTAL_ALTER_CONFIGS, body);
    assert_int_equal(answer->responses[0].error_code, 0);
    assert_true(bytes_equal(described(s, "retention.ms")->value, bytes_of_text("604800000")));
}

static void delete_records(struct subject *s)
{
    struct kafka_delete_records_request *body =
        api_client_body(&s->c->api, KAFKA_API_DELETE_RECORDS);
    struct kafka_delete_records_request_partition partition = {0, 3};
    struct kafka_delete_records_request_topic topic = {name_of(s), &partition, 1};
    body->topics = &topic;
    body->topics_count = 1;
    const struct kafka_delete_records_response *answer =
        api_client_call(&s->c->api, KAFKA_API_DELETE_RECORDS, body);
    assert_int_equal(answer->topics[0].partitions[0].error_code, 0);
    assert_int_equal(answer->topics[0].partitions[0].low_watermark, 3);
    list_one(s, -2, 0, 3);
    partition.offset = 99;
    answer = api_client_call(&s->c->api, KAFKA_API_DELETE_RECORDS, body);
    assert_int_equal(answer->topics[0].partitions[0].error_code, KAFKA_ERROR_OFFSET_OUT_OF_RANGE);
    assert_int_equal(answer->topics[0].partitions[0].low_watermark, -1);
}

static void add_partitions(struct subject *s)
{
    struct kafka_create_partitions_request *body =
        api_client_body(&s->c->api, KAFKA_API_CREATE_PARTITIONS);
    struct kafka_create_partitions_request_topic topic = {.name = name_of(s), .count = 3};
    topic.assignments_count = -1; /* null */
    body->topics = &topic;
    body->topics_count = 1;
    const struct kafka_create_partitions_response *answer =
        api_client_call(&s->c->api, KAFKA_API_CREATE_PARTITIONS, body);
    assert_int_equal(answer->results[0].error_code, 0);
    metadata(s, 3);
    answer = api_client_call(&s->c->api, KAFKA_API_CREATE_PARTITIONS, body);
    assert_int_equal(answer->results[0].error_code, KAFKA_ERROR_INVALID_PARTITIONS);
    assert_true(answer->results[0].error_message.len > 0);
}

static void producer_id(struct subject *s)
{
    struct kafka_init_producer_id_request *body =
        api_client_body(&s->c->api, KAFKA_API_INIT_PRODUCER_ID);
    body->transactional_id = bytes_null();
    body->transaction_timeout_ms = 1000;
    body->producer_id = -1;
    body->producer_epoch = -1;
    const struct kafka_init_producer_id_response *answer =
        api_client_call(&s->c->api, KAFKA_API_INIT_PRODUCER_ID, body);
    assert_int_equal(answer->error_code, 0);
    assert_true(answer->producer_id >= 0);
    assert_int_equal(answer->producer_epoch, 0);
    int64_t first = answer->producer_id;
    answer = api_client_call(&s->c->api, KAFKA_API_INIT_PRODUCER_ID, body);
    assert_true(answer->producer_id != first);
}

static void delete (struct subject *s)
{
    struct kafka_delete_topics_request *body = api_client_body(&s->c->api, KAFKA_API_DELETE_TOPICS);
    int16_t version = spoken(s, KAFKA_API_DELETE_TOPICS);
    struct kafka_delete_topics_request_topic topic = {.name = name_of(s)};
    struct bytes name = name_of(s);
    bool by_id = version >= 6 && spoken(s, KAFKA_API_METADATA) >= 10 && s->round % 2 == 0;
    if (by_id) {
        topic = (struct kafka_delete_topics_request_topic){.name = bytes_null(), .topic_id = s->id};
    }
    body->topics = &topic;
    body->topics_count = 1;
    body->topic_names = &name;
    body->topic_names_count = 1;
    const struct kafka_delete_topics_response *answer =
        api_client_call(&s->c->api, KAFKA_API_DELETE_TOPICS, body);
    assert_int_equal(answer->responses_count, 1);
    assert_int_equal(answer->responses[0].error_code, 0);
    assert_true(bytes_equal(answer->responses[0].name, name));
    answer = api_client_call(&s->c->api, KAFKA_API_DELETE_TOPICS, body);
    assert_int_equal(answer->responses[0].error_code, bytes_is_null(topic.name)
                                                          ? KAFKA_ERROR_UNKNOWN_TOPIC_ID
                                                          : KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION);
}

static void a_topic_lives_through_every_version(void **state)
{
    struct client *c = *state;
    for (int16_t round = 0; round < ROUNDS; round++) {
        struct subject s = {.c = c, .round = round};
        (void)snprintf(s.name, sizeof s.name, "round-%d", round);
        print_message("version %d\n", round);
        arena_reset(&c->api.arena);
        c->api.version = round;
        create(&s);
        metadata(&s, 1);
        produce(&s, 0);
        produce(&s, 2);
        fetch(&s, 4);
        list_offsets(&s, 4);
        leader_epoch(&s, 4);
        configs(&s);
        delete_records(&s);
        add_partitions(&s);
        producer_id(&s);
        delete (&s);
    }
}

/* The last version of every request was spoken. */
static void there_are_no_more_versions(void **state)
{
    (void)state;
    for (size_t i = 0; i < message_apis_count; i++) {
        assert_true(message_apis[i].max_version < ROUNDS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_lives_through_every_version),
        cmocka_unit_test(there_are_no_more_versions),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
