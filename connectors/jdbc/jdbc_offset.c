#include "connectors/jdbc/jdbc_offset.h"

#include "common/json.h"
#include "common/mem.h"

#define JDBC_OFFSET_PARTITION_MAX 4096
#define JDBC_OFFSET_ARENA_MAX ((size_t)64 * 1024)
#define MICROS_PER_SECOND INT64_C(1000000)

static void jdbc_offset_write_partition(const struct jdbc_table *table, bool legacy, struct buf *b)
{
    if (table == NULL) {
        buf_append_text(b, "{\"query\":\"query\"}");
        return;
    }
    struct buf name;
    buf_init(&name, JDBC_OFFSET_PARTITION_MAX);
    if (table->schema != NULL && !legacy) {
        buf_append_text(&name, table->schema);
        buf_append_char(&name, '.');
    }
    buf_append_text(&name, table->name);
    buf_append_text(b, legacy ? "{\"table\":" : "{\"protocol\":\"1\",\"table\":");
    json_write_text(b, (const char *)name.data, name.len);
    buf_append_char(b, '}');
    b->failed = b->failed || buf_failed(&name);
    buf_deinit(&name);
}

char *jdbc_offset_partition(const struct jdbc_table *table, bool legacy)
{
    struct buf b;
    buf_init(&b, JDBC_OFFSET_PARTITION_MAX);
    jdbc_offset_write_partition(table, legacy, &b);
    char *text = buf_take_text(&b);
    buf_deinit(&b);
    return text;
}

static bool jdbc_offset_read_integer(const struct connect_value *map, const char *key, int64_t *out)
{
    const struct connect_value *v = connect_value_map_get(map, key);
    if (v == NULL || v->kind < CONNECT_INT8 || v->kind > CONNECT_INT64) {
        return false;
    }
    *out = v->integer;
    return true;
}

static int64_t jdbc_offset_floor_seconds(int64_t ms)
{
    return ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000);
}

static void jdbc_offset_parse(const struct connect_value *map, struct jdbc_offset *out)
{
    int64_t ms = 0;
    int64_t nanos = 0;
    *out = (struct jdbc_offset){.found = true};
    out->has_id = jdbc_offset_read_integer(map, "incrementing", &out->id);
    out->has_timestamp = jdbc_offset_read_integer(map, "timestamp", &ms);
    out->us = ms * 1000;
    if (jdbc_offset_read_integer(map, "timestamp_nanos", &nanos)) {
        /* The nanoseconds are those of the second that the milliseconds lie in. */
        out->us = jdbc_offset_floor_seconds(ms) * MICROS_PER_SECOND + nanos / 1000;
    }
}

enum err_code jdbc_offset_load(struct source_context *ctx, const struct jdbc_table *table,
                               struct jdbc_offset *out_offset, struct err *e)
{
    struct arena a;
    arena_init(&a, JDBC_OFFSET_ARENA_MAX);
    enum err_code rc = ERR_OK;
    *out_offset = (struct jdbc_offset){0};
    for (int legacy = 0; legacy < (table != NULL ? 2 : 1) && rc == ERR_OK; legacy++) {
        char *partition = jdbc_offset_partition(table, legacy == 1);
        if (partition == NULL) {
            rc = err_nomem(e, "source partition");
            break;
        }
        struct connect_value v = connect_value_null();
        rc = source_context_offset(ctx, partition, &a, &v, e);
        mem_free(partition);
        if (rc == ERR_OK && v.kind == CONNECT_MAP) {
            jdbc_offset_parse(&v, out_offset);
            break;
        }
    }
    arena_deinit(&a);
    return rc;
}

static struct connect_pair jdbc_offset_pair(const char *key, int64_t value)
{
    return (struct connect_pair){connect_value_text(key), connect_value_int64(value)};
}

struct connect_value jdbc_offset_value(struct connect_batch *batch, enum jdbc_mode mode, int64_t id,
                                       int64_t us)
{
    if (mode == JDBC_MODE_BULK) {
        return connect_value_null();
    }
    if (mode == JDBC_MODE_INCREMENTING) {
        return connect_batch_offset(batch, "incrementing", id);
    }
    struct connect_pair *pairs = arena_alloc_array(&batch->scope.arena, 3, sizeof *pairs);
    if (pairs == NULL) {
        return connect_value_null();
    }
    int64_t ms = us >= 0 ? us / 1000 : -((-us + 999) / 1000);
    int64_t nanos = (us - jdbc_offset_floor_seconds(ms) * MICROS_PER_SECOND) * 1000;
    size_t n = 0;
    pairs[n++] = jdbc_offset_pair("timestamp_nanos", nanos);
    if (mode == JDBC_MODE_TIMESTAMP_INCREMENTING) {
        pairs[n++] = jdbc_offset_pair("incrementing", id);
    }
    pairs[n++] = jdbc_offset_pair("timestamp", ms);
    return connect_value_map(pairs, n);
}
