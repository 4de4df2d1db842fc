/*
 * The engine of one stream thread alone. Decoding, windows, cache, store and the serialized
 * changelog are the real ones; the network is not there: records come from memory, and the
 * collector counts what it is given. So this is the ceiling that the clients' cost comes off.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench_streams.h"
#include "common/clock.h"
#include "common/mem.h"
#include "serde/avro_codec.h"
#include "serde/confluent_frame.h"
#include "streams/runtime/streams_config.h"
#include "streams/state/rocks.h"
#include "streams/task/task.h"
#include "streams/value/serde_registry.h"

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

static enum err_code bench_run(struct task *t, int32_t schema_id, int64_t records, int64_t cards,
                               struct err *e)
{
    static char keys[BENCH_BATCH][BENCH_CARD_TEXT];
    static struct buf values[BENCH_BATCH];
    uint64_t random = 42;
    for (int i = 0; i < BENCH_BATCH; i++) {
        buf_init(&values[i], 1024);
    }
    enum err_code code = ERR_OK;
    for (int64_t done = 0; done < records && code == ERR_OK; done += BENCH_BATCH) {
        for (int i = 0; i < BENCH_BATCH && code == ERR_OK; i++) {
            bench_card(&random, cards, keys[i]);
            bench_purchase(&values[i], schema_id, done + i, keys[i]);
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

int bench_engine(int64_t records, int64_t cards, size_t cache_bytes)
{
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
    struct record_cache_budget budget = {.limit_bytes = cache_bytes};
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
