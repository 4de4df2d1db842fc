#include "common/check.h"
#include "common/mem.h"
#include "connect/include/connect_record.h"

enum err_code connect_batch_init(struct connect_batch *b, size_t capacity, size_t limit_bytes,
                                 struct err *e)
{
    CHECK(capacity > 0);
    *b = (struct connect_batch){.capacity = capacity};
    b->records = mem_calloc(capacity, sizeof *b->records);
    if (b->records == NULL) {
        return err_nomem(e, "create record batch");
    }
    connect_scope_init(&b->scope, limit_bytes);
    return ERR_OK;
}

void connect_batch_reset(struct connect_batch *b)
{
    b->count = 0;
    connect_scope_reset(&b->scope);
}

void connect_batch_deinit(struct connect_batch *b)
{
    connect_scope_deinit(&b->scope);
    mem_free(b->records);
    *b = (struct connect_batch){0};
}

struct connect_record *connect_batch_add(struct connect_batch *b)
{
    if (b->count == b->capacity) {
        return NULL;
    }
    struct connect_record *r = &b->records[b->count++];
    *r = (struct connect_record){.partition = CONNECT_PARTITION_NONE,
                                 .timestamp_ms = CONNECT_TIMESTAMP_NONE};
    return r;
}

void connect_batch_remove_last(struct connect_batch *b)
{
    CHECK(b->count > 0);
    b->count--;
}

struct connect_value connect_batch_offset(struct connect_batch *b, const char *key, int64_t value)
{
    struct connect_pair *pair = arena_alloc(&b->scope.arena, sizeof *pair);
    if (pair == NULL) {
        return connect_value_null();
    }
    pair->key = connect_value_text(key);
    pair->value = connect_value_int64(value);
    return connect_value_map(pair, 1);
}
