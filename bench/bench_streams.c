/*
 * Windowed count of Avro purchases (examples/fraud/count.c, with the record cache on), end to end
 * through a broker: consumer, engine, RocksDB store, changelog, commit; one stream thread.
 *
 *     bench_streams BROKERS REGISTRY_URL COUNT STATE_DIR [key=value ...]
 *         produces COUNT purchases of 100,000 cards, then runs the application on them; prints
 *         records_per_s, from the first record to the commit behind the last
 *     bench_streams --engine [RECORDS [CARDS [CACHE_BYTES]]]
 *         the engine alone: see bench_streams_engine.c
 */
#include "bench/bench_streams.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/stats.h"
#include "client/client_admin.h"
#include "common/buf.h"
#include "serde/avro_codec.h"
#include "serde/confluent_frame.h"
#include "serde/registry_client.h"
#include "streams/include/weir/streams.h"
#include "streams/value/serde_registry.h"

/* The example is the application, under a name of its own. */
#define weir_streams_app_build bench_build /* NOLINT(readability-identifier-naming) */
#include "examples/fraud/count.c"          /* NOLINT(bugprone-suspicious-include) */
#undef weir_streams_app_build

#define BENCH_CARDS 100000
#define BENCH_DEADLINE_NS (INT64_C(600) * 1000000000)

static const char *const bench_settings[][2] = {
    {"application.id", "bench"},
    {"statestore.cache.max.bytes", "134217728"},
    {"commit.interval.ms", "30000"},
};

void bench_card(uint64_t *random, int64_t cards, char out[BENCH_CARD_TEXT])
{
    *random = *random * 6364136223846793005U + 1442695040888963407U;
    (void)snprintf(out, BENCH_CARD_TEXT, "4023-8871-%010" PRIu64,
                   (*random >> 33) % (uint64_t)cards);
}

void bench_purchase(struct buf *out, int32_t schema_id, int64_t id, const char *card)
{
    buf_clear(out);
    confluent_frame_write(out, schema_id);
    avro_codec_put_int(out, (int32_t)id);
    avro_codec_put_index(out, 1);
    avro_codec_put_text(out, "electronics");
    avro_codec_put_index(out, 1);
    avro_codec_put_double(out, 72.2);
    avro_codec_put_index(out, 1);
    avro_codec_put_text(out, card);
    avro_codec_put_index(out, 1);
    avro_codec_put_double(out, 43);
    avro_codec_put_index(out, 1);
    avro_codec_put_long(out, id / 10);
}

static void bench_fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench_streams: %s: %s\n", what, why);
    exit(1);
}

int32_t bench_schema(struct weir_builder *b, struct serde_registry *registry)
{
    static const char json[] =
        "{\"type\":\"record\",\"name\":\"Purchase\",\"namespace\":\"com.example.model\",\"fields\":"
        "[{\"name\":\"id\",\"type\":\"int\"},{\"name\":\"category\",\"type\":[\"null\",\"string\"]}"
        ","
        "{\"name\":\"amount\",\"type\":[\"null\",\"double\"]},{\"name\":\"credit_card\",\"type\":["
        "\"null\",\"string\"]},{\"name\":\"distance_from_billing_zip\",\"type\":[\"null\","
        "\"double\"]},{\"name\":\"timestamp\",\"type\":[\"null\",\"long\"]}]}";
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct weir_context ctx = {.arena = &arena, .schemas = registry};
    const struct weir_value *v = weir_make_record(&ctx, weir_avro_schema_parse(b, json));
    struct err e;
    int32_t id = 0;
    if (serde_registry_id(registry, v->u.list.schema, "purchases", false, &id, &e) != ERR_OK) {
        bench_fail("schema", e.text);
    }
    arena_deinit(&arena);
    return id;
}

static void bench_topics(const char *brokers)
{
    static const char *const topics[] = {"purchases", "alerts-avro", "alerts-json"};
    struct err e;
    struct client_config c = {0};
    struct client_admin *admin = NULL;
    if (client_config_init(&c, brokers, &e) != ERR_OK ||
        client_admin_open(&c, NULL, &admin, &e) != ERR_OK) {
        bench_fail("admin", e.text);
    }
    for (size_t i = 0; i < sizeof topics / sizeof topics[0]; i++) {
        struct client_admin_topic topic = {
            .name = topics[i], .partitions = 1, .replication_factor = -1};
        if (client_admin_create_topic(admin, &topic, 10000, &e) != ERR_OK) {
            bench_fail("topic", e.text);
        }
    }
    client_admin_close(admin);
    client_config_deinit(&c);
}

static rd_kafka_t *bench_producer(const char *brokers)
{
    char text[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const properties[][2] = {{"bootstrap.servers", brokers},
                                         {"linger.ms", "20"},
                                         {"queue.buffering.max.messages", "1000000"},
                                         {"delivery.report.only.error", "true"}};
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        if (rd_kafka_conf_set(conf, properties[i][0], properties[i][1], text, sizeof text) !=
            RD_KAFKA_CONF_OK) {
            bench_fail("producer", text);
        }
    }
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (rk == NULL) {
        bench_fail("producer", text);
    }
    return rk;
}

static void bench_produce(const char *brokers, int32_t schema_id, int64_t count)
{
    rd_kafka_t *rk = bench_producer(brokers);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, "purchases", NULL);
    uint64_t random = 42;
    char card[BENCH_CARD_TEXT];
    struct buf value;
    buf_init(&value, 1024);
    for (int64_t i = 0; i < count; i++) {
        bench_card(&random, BENCH_CARDS, card);
        bench_purchase(&value, schema_id, i, card);
        while (rd_kafka_produce(topic, 0, RD_KAFKA_MSG_F_COPY, value.data, value.len, card,
                                strlen(card), NULL) != 0) {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
                bench_fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
            }
            (void)rd_kafka_poll(rk, 10);
        }
    }
    if (rd_kafka_flush(rk, 120000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_fail("produce", "not all purchases were written within two minutes");
    }
    buf_deinit(&value);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
}

static void bench_wait(struct weir_streams *s, int64_t count)
{
    int64_t end = stats_now_ns() + BENCH_DEADLINE_NS;
    while (weir_streams_processed_total(s) < count) {
        struct weir_error error = {"too slow"};
        if (weir_streams_error(s, &error) || stats_now_ns() > end) {
            bench_fail("run", error.text);
        }
        (void)poll(NULL, 0, 1);
    }
}

static double bench_app(struct weir_builder *b, struct weir_config *config, int64_t count)
{
    struct weir_error error = {""};
    struct weir_topology *t = weir_builder_build(b, &error);
    struct weir_streams *s = t != NULL ? weir_streams_create(t, config, &error) : NULL;
    if (s == NULL || !weir_streams_start(s, &error)) {
        bench_fail("start", error.text);
    }
    bench_wait(s, 1);
    int64_t begin = stats_now_ns();
    bench_wait(s, count);
    weir_streams_close(s); /* the final commit */
    double seconds = (double)(stats_now_ns() - begin) / 1e9;
    if (weir_streams_error(s, &error) || weir_streams_dropped_total(s) != 0) {
        bench_fail("end", error.text[0] != '\0' ? error.text : "records were dropped");
    }
    weir_streams_destroy(s);
    return seconds;
}

static void bench_set(struct weir_config *c, const char *key, const char *value)
{
    struct weir_error error;
    if (!weir_config_set(c, key, value, &error)) {
        bench_fail("setting", error.text);
    }
}

static int bench_cluster(int argc, char **argv)
{
    int64_t count = strtoll(argv[3], NULL, 10);
    struct weir_builder *b = weir_builder_create();
    struct weir_config *config = weir_config_create();
    struct registry_client_config client_config = {.urls = argv[2]};
    struct serde_registry_config registry_config = {0};
    struct serde_registry *registry = NULL;
    struct err e;
    if (b == NULL || config == NULL || !bench_build(b, config) ||
        registry_client_create(&client_config, &registry_config.client, &e) != ERR_OK ||
        serde_registry_create(&registry_config, &registry, &e) != ERR_OK) {
        bench_fail("setup", "failed");
    }
    bench_set(config, "bootstrap.servers", argv[1]);
    bench_set(config, "schema.registry.url", argv[2]);
    bench_set(config, "state.dir", argv[4]);
    for (size_t i = 0; i < sizeof bench_settings / sizeof bench_settings[0]; i++) {
        bench_set(config, bench_settings[i][0], bench_settings[i][1]);
    }
    for (int i = 5; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals == NULL) {
            bench_fail("setting", argv[i]);
        }
        *equals = '\0';
        bench_set(config, argv[i], equals + 1);
    }
    bench_topics(argv[1]);
    bench_produce(argv[1], bench_schema(b, registry), count);
    double seconds = bench_app(b, config, count);
    (void)printf("%.0f\n", (double)count / seconds);
    serde_registry_destroy(registry);
    registry_client_destroy(registry_config.client);
    weir_builder_destroy(b);
    weir_config_destroy(config);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "--engine") == 0) {
        return bench_engine(argc > 2 ? strtoll(argv[2], NULL, 10) : 5000000,
                            argc > 3 ? strtoll(argv[3], NULL, 10) : BENCH_CARDS,
                            argc > 4 ? strtoull(argv[4], NULL, 10) : (size_t)128 << 20);
    }
    if (argc < 5) {
        (void)fprintf(stderr, "usage: bench_streams BROKERS REGISTRY_URL COUNT STATE_DIR\n");
        return 2;
    }
    return bench_cluster(argc, argv);
}
