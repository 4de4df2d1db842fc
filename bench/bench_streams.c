/*
 * Windowed count of Avro purchases: what one stream thread's engine does per second, with RocksDB,
 * the record cache and a changelog. Decoding, windows, cache, store and the serialized changelog
 * are the real ones; the network is not there: records come from memory, and the collector counts
 * what it is given. So this is the ceiling that the clients' cost comes off.
 *
 *     bench_streams [records] [cards] [cache bytes]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "serde/avro_codec.h"
#include "serde/confluent_frame.h"
#include "streams/runtime/streams_config.h"
#include "streams/state/rocks.h"
#include "streams/task/task.h"
#include "streams/value/serde_registry.h"

bool bench_build(struct weir_builder *b, struct weir_config *config);
#define weir_streams_app_build bench_build
#include "examples/fraud/count.c"
#undef weir_streams_app_build

#define BENCH_BATCH 1000

struct bench_collector {
    struct collector collector;
    int64_t count;
    int64_t bytes;
};

static enum err_code bench_send(struct collector *c, const struct collector_record *r,
                                struct err *e)
{
    (void)e;
    struct bench_collector *b = (struct bench_collector *)c;
    b->count++;
    b->bytes += (int64_t)(r->key.len + r->value.len);
    return ERR_OK;
}

static enum err_code bench_open_kv(void *open_ctx, const struct topology_store *def,
                                   struct kv **out_kv, struct err *e)
{
    return rocks_open_kv(open_ctx, def->name, out_kv, e);
}

/* The Purchase of the example, as the connector writes it. */
static void bench_purchase(struct buf *out, int32_t schema_id, int64_t id, const char *card,
                           int64_t ts)
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
    avro_codec_put_long(out, ts);
}

static int32_t bench_schema(struct weir_builder *b, struct serde_registry *registry)
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
        (void)fprintf(stderr, "%s\n", e.text);
        exit(1);
    }
    arena_deinit(&arena);
    return id;
}

static enum err_code bench_run(struct task *t, int32_t schema_id, int64_t records, int64_t cards,
                               struct err *e)
{
    static char keys[BENCH_BATCH][24];
    static struct buf values[BENCH_BATCH];
    uint64_t random = 42;
    for (int i = 0; i < BENCH_BATCH; i++) {
        buf_init(&values[i], 1024);
    }
    enum err_code code = ERR_OK;
    for (int64_t done = 0; done < records && code == ERR_OK; done += BENCH_BATCH) {
        for (int i = 0; i < BENCH_BATCH && code == ERR_OK; i++) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            (void)snprintf(keys[i], sizeof keys[i], "4023-8871-%010" PRIu64,
                           (random >> 33) % (uint64_t)cards);
            /* 5 M purchases in about 8 minutes of event time. */
            bench_purchase(&values[i], schema_id, done + i, keys[i], (done + i) / 10);
            struct task_record r = {.key = bytes_of_text(keys[i]),
                                    .value = buf_bytes(&values[i]),
                                    .timestamp_ms = done + i,
                                    .offset = done + i};
            code = task_push(t, 0, &r, e);
        }
        enum task_result result = TASK_PROCESSED;
        while (code == ERR_OK && result == TASK_PROCESSED) {
            code = task_process(t, &result, e);
        }
    }
    code = code == ERR_OK ? task_flush(t, e) : code;
    return code == ERR_OK ? task_sync(t, e) : code;
}

int main(int argc, char **argv)
{
    int64_t records = argc > 1 ? strtoll(argv[1], NULL, 10) : 5000000;
    int64_t cards = argc > 2 ? strtoll(argv[2], NULL, 10) : 100000;
    struct err e = {0};
    struct weir_error error = {""};
    char dir[] = "/tmp/weir-bench-XXXXXX";
    struct weir_builder *b = weir_builder_create();
    struct weir_config *c = weir_config_create();
    struct serde_registry *registry = NULL;
    struct serde_registry_config in_memory = {0};
    struct rocks *rocks = NULL;
    struct task *task = NULL;
    struct task_counters counters = {0};
    struct bench_collector sink = {.collector = {bench_send}};
    struct record_cache_budget budget = {
        .limit_bytes = argc > 3 ? (size_t)strtoll(argv[3], NULL, 10) : (size_t)64 << 20};
    bool ok = b != NULL && c != NULL && bench_build(b, c) && mkdtemp(dir) != NULL &&
              serde_registry_create(&in_memory, &registry, &e) == ERR_OK;
    int32_t schema_id = ok ? bench_schema(b, registry) : 0;
    struct weir_topology *t = ok ? weir_builder_build(b, &error) : NULL;
    ok = t != NULL && rocks_open(dir, t, 0, &rocks, &e) == ERR_OK;
    struct task_config config = {.topology = t,
                                 .collector = &sink.collector,
                                 .budget = &budget,
                                 .schemas = registry,
                                 .counters = &counters,
                                 .clock = clock_system(),
                                 .application_id = "bench",
                                 .open_kv = bench_open_kv,
                                 .open_ctx = rocks};
    ok = ok && task_create(&config, &task, &e) == ERR_OK;
    int64_t start = clock_mono_ns(clock_system());
    ok = ok && bench_run(task, schema_id, records, cards, &e) == ERR_OK;
    double seconds = (double)(clock_mono_ns(clock_system()) - start) / 1e9;
    if (ok) {
        (void)printf("windowed count, engine: %" PRId64 " records, %" PRId64 " cards, cache %zu: "
                     "%.2f s, %.0f records/s; %" PRId64 " records out, %" PRId64 " dropped\n",
                     records, cards, budget.limit_bytes, seconds, (double)records / seconds,
                     sink.count, (int64_t)counters.dropped);
    } else {
        (void)fprintf(stderr, "bench_streams: %s%s\n", error.text, e.text);
    }
    task_destroy(task);
    rocks_close(rocks);
    (void)rocks_remove(dir, &e);
    weir_topology_destroy(t);
    serde_registry_destroy(registry);
    weir_builder_destroy(b);
    weir_config_destroy(c);
    return ok ? 0 : 1;
}
