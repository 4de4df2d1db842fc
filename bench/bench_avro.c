/*
 * Avro records of a purchase (five fields, one union) per second on one core: encoded and decoded
 * field by field, as the serdes of streams and Connect do it, then as trees of any schema, then
 * decoded into a reader schema with one more field. Prints five numbers in that order: encode,
 * decode, tree encode, tree decode, resolving decode.
 *
 *     bench_avro [records]
 */
#include <string.h>

#include "bench/stats.h"
#include "common/arena.h"
#include "serde/avro_codec.h"
#include "serde/avro_datum.h"
#include "serde/avro_resolver.h"
#include "serde/avro_schema.h"

#define BENCH_DISTINCT 1024
#define BENCH_BYTES ((size_t)1024 * 1024)
#define BENCH_FIELDS                                                                           \
    "{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"category\",\"type\":\"string\"},"         \
    "{\"name\":\"amount\",\"type\":\"double\"},{\"name\":\"card\",\"type\":[\"null\","         \
    "\"string\"],\"default\":null},{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType" \
    "\":\"timestamp-millis\"}}"

static const char bench_schema[] =
    "{\"type\":\"record\",\"name\":\"Purchase\",\"fields\":[" BENCH_FIELDS "]}";
static const char bench_wider[] =
    "{\"type\":\"record\",\"name\":\"Purchase\",\"fields\":[" BENCH_FIELDS
    ",{\"name\":\"far\",\"type\":\"boolean\",\"default\":false}]}";

struct bench_purchase {
    int64_t id;
    struct bytes category;
    double amount;
    struct bytes card;
    int64_t at;
};

struct bench {
    long records;
    struct buf data; /* all records, one after the other */
    size_t starts[BENCH_DISTINCT + 1];
    struct avro_schema *schema;
    struct avro_resolver *resolver;
    struct arena arena;
    int64_t sum; /* of what was read, so that reading cannot be left out */
};

static void bench_need(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "bench_avro: %s\n", what);
        exit(1);
    }
}

static struct bench_purchase bench_make(long i, char text[32])
{
    int n = snprintf(text, 32, "1111-2222-3333-%04ld", i % 10000);
    return (struct bench_purchase){.id = i * 7919,
                                   .category = bytes_of_text("groceries and more"),
                                   .amount = (double)i / 100,
                                   .card = bytes_of(text, i % 16 == 0 ? 0 : (size_t)n),
                                   .at = 1700000000000 + i};
}

static void bench_put(struct buf *b, const struct bench_purchase *p)
{
    avro_codec_put_long(b, p->id);
    avro_codec_put_bytes(b, p->category);
    avro_codec_put_double(b, p->amount);
    avro_codec_put_index(b, p->card.len > 0 ? 1 : 0);
    if (p->card.len > 0) {
        avro_codec_put_bytes(b, p->card);
    }
    avro_codec_put_long(b, p->at);
}

static struct bytes bench_record(const struct bench *bench, long i)
{
    size_t at = (size_t)i % BENCH_DISTINCT;
    return bytes_of(bench->data.data + bench->starts[at],
                    bench->starts[at + 1] - bench->starts[at]);
}

static void bench_encode(struct bench *bench)
{
    struct buf b;
    buf_init(&b, 4096);
    char text[32];
    struct bench_purchase p = bench_make(1, text);
    for (long i = 0; i < bench->records; i++) {
        buf_clear(&b);
        p.id = i;
        bench_put(&b, &p);
        bench->sum += (int64_t)b.len;
    }
    buf_deinit(&b);
}

static void bench_decode(struct bench *bench)
{
    for (long i = 0; i < bench->records; i++) {
        struct reader r;
        reader_init(&r, bench_record(bench, i));
        struct bench_purchase p = {.id = avro_codec_get_long(&r)};
        p.category = avro_codec_get_bytes(&r);
        p.amount = avro_codec_get_double(&r);
        p.card = avro_codec_get_index(&r, 2) == 1 ? avro_codec_get_bytes(&r) : bytes_null();
        p.at = avro_codec_get_long(&r);
        bench_need(!reader_failed(&r), "a record that cannot be read");
        bench->sum += p.id + (int64_t)p.category.len + (int64_t)p.amount + (int64_t)p.card.len;
        bench->sum += p.at;
    }
}

static void bench_tree_encode(struct bench *bench)
{
    struct buf b;
    buf_init(&b, 4096);
    struct avro_datum d;
    bench_need(avro_datum_decode(avro_schema_root(bench->schema), bench_record(bench, 1),
                                 &bench->arena, &d, NULL) == ERR_OK,
               "a record that cannot be read");
    for (long i = 0; i < bench->records; i++) {
        buf_clear(&b);
        d.as.list.items[0].as.long_value = i;
        avro_datum_encode(&d, &b);
        bench->sum += (int64_t)b.len;
    }
    arena_reset(&bench->arena);
    buf_deinit(&b);
}

static void bench_tree_decode(struct bench *bench)
{
    const struct avro_type *type = avro_schema_root(bench->schema);
    for (long i = 0; i < bench->records; i++) {
        struct avro_datum d;
        arena_reset(&bench->arena);
        bench_need(avro_datum_decode(type, bench_record(bench, i), &bench->arena, &d, NULL) ==
                       ERR_OK,
                   "a record that cannot be read");
        bench->sum += d.as.list.items[0].as.long_value;
    }
}

static void bench_resolve(struct bench *bench)
{
    for (long i = 0; i < bench->records; i++) {
        struct avro_datum d;
        arena_reset(&bench->arena);
        bench_need(avro_resolver_decode(bench->resolver, bench_record(bench, i), &bench->arena, &d,
                                        NULL) == ERR_OK,
                   "a record that cannot be resolved");
        bench->sum += d.as.list.items[0].as.long_value;
    }
}

static struct avro_schema *bench_parse(const char *text)
{
    struct avro_schema *schema = NULL;
    bench_need(avro_schema_parse(bytes_of_text(text), NULL, &schema, NULL) == ERR_OK, "schema");
    return schema;
}

int main(int argc, char **argv)
{
    static struct bench bench; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */
    long all = getenv("BENCH_QUICK") != NULL ? 10000 : 5000000;
    bench.records = argc > 1 ? strtol(argv[1], NULL, 10) : all;
    bench_need(bench.records > 0, "usage: bench_avro [records]");
    struct avro_schema *wider = bench_parse(bench_wider);
    bench.schema = bench_parse(bench_schema);
    bench_need(avro_resolver_create(bench.schema, wider, &bench.resolver, NULL) == ERR_OK, "plan");
    arena_init(&bench.arena, BENCH_BYTES);
    buf_init(&bench.data, BENCH_BYTES);
    for (long i = 0; i < BENCH_DISTINCT; i++) {
        char text[32];
        struct bench_purchase p = bench_make(i, text);
        bench.starts[i] = bench.data.len;
        bench_put(&bench.data, &p);
    }
    bench.starts[BENCH_DISTINCT] = bench.data.len;
    void (*const runs[])(struct bench *) = {bench_encode, bench_decode, bench_tree_encode,
                                            bench_tree_decode, bench_resolve};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        int64_t begin = stats_now_ns();
        runs[i](&bench);
        double seconds = (double)(stats_now_ns() - begin) / 1e9;
        (void)printf("%s%.0f", i > 0 ? " " : "", (double)bench.records / seconds);
    }
    (void)printf("\n");
    bench_need(bench.sum != 0, "nothing was read");
    buf_deinit(&bench.data);
    arena_deinit(&bench.arena);
    avro_resolver_destroy(bench.resolver);
    avro_schema_unref(bench.schema);
    avro_schema_unref(wider);
    return 0;
}
