#include "common/mem.h"
#include "connect/include/connect_record.h"

#define SCHEMAS_MAX ((size_t)100000)

void connect_scope_init(struct connect_scope *s, size_t limit_bytes)
{
    *s = (struct connect_scope){0};
    arena_init(&s->arena, limit_bytes);
}

void connect_scope_reset(struct connect_scope *s)
{
    for (size_t i = 0; i < s->schema_count; i++) {
        connect_schema_unref(s->schemas[i]);
    }
    s->schema_count = 0;
    s->failed = false;
    arena_reset(&s->arena);
}

void connect_scope_deinit(struct connect_scope *s)
{
    connect_scope_reset(s);
    mem_free(s->schemas);
    s->schemas = NULL;
    s->schema_capacity = 0;
    arena_deinit(&s->arena);
}

static bool already_kept(const struct connect_scope *s, const struct connect_schema *schema)
{
    /* A chain of transforms alternates between a few schemas, so look a little way back. */
    size_t first = s->schema_count > 8 ? s->schema_count - 8 : 0;
    for (size_t i = s->schema_count; i > first; i--) {
        if (s->schemas[i - 1] == schema) {
            return true;
        }
    }
    return false;
}

const struct connect_schema *connect_scope_keep_schema(struct connect_scope *s,
                                                       const struct connect_schema *schema)
{
    if (schema == NULL || already_kept(s, schema)) {
        return schema;
    }
    if (s->schema_count == s->schema_capacity) {
        size_t capacity = s->schema_capacity == 0 ? 16 : s->schema_capacity * 2;
        const struct connect_schema **bigger = NULL;
        if (capacity <= SCHEMAS_MAX) {
            bigger = mem_realloc(s->schemas, capacity * sizeof(struct connect_schema *));
        }
        if (bigger == NULL) {
            s->failed = true;
            return schema;
        }
        s->schemas = bigger;
        s->schema_capacity = capacity;
    }
    s->schemas[s->schema_count++] = connect_schema_ref(schema);
    return schema;
}

bool connect_scope_failed(const struct connect_scope *s)
{
    return s->failed || arena_failed(&s->arena);
}
