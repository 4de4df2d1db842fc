#include "common/check.h"
#include "common/mem.h"
#include "connect/include/transform.h"

struct entry {
    const struct connect_schema *schema;
    void *value;
    uint64_t used_at;
};

struct transform_cache {
    transform_cache_free_fn free_value;
    size_t capacity;
    size_t count;
    uint64_t tick;
    struct entry *last; /* the entry of the last hit: nearly every record */
    struct entry entries[];
};

struct transform_cache *transform_cache_create(size_t capacity, transform_cache_free_fn free_value)
{
    CHECK(capacity > 0);
    struct transform_cache *c = mem_calloc(1, sizeof *c + capacity * sizeof c->entries[0]);
    if (c != NULL) {
        c->capacity = capacity;
        c->free_value = free_value;
    }
    return c;
}

static void entry_free(struct transform_cache *c, struct entry *entry)
{
    connect_schema_unref(entry->schema);
    c->free_value(entry->value);
}

void transform_cache_destroy(struct transform_cache *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->count; i++) {
        entry_free(c, &c->entries[i]);
    }
    mem_free(c);
}

static void *hit(struct transform_cache *c, struct entry *entry)
{
    entry->used_at = ++c->tick;
    c->last = entry;
    return entry->value;
}

void *transform_cache_get(struct transform_cache *c, const struct connect_schema *schema)
{
    if (c->last != NULL && c->last->schema == schema) {
        return c->last->value;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (c->entries[i].schema == schema) {
            return hit(c, &c->entries[i]);
        }
    }
    for (size_t i = 0; i < c->count; i++) {
        if (connect_schema_equal(c->entries[i].schema, schema)) {
            /* Take over the newer pointer, so that the next look-up is a pointer compare. */
            const struct connect_schema *old = c->entries[i].schema;
            c->entries[i].schema = connect_schema_ref(schema);
            connect_schema_unref(old);
            return hit(c, &c->entries[i]);
        }
    }
    return NULL;
}

void transform_cache_put(struct transform_cache *c, const struct connect_schema *schema,
                         void *take_value)
{
    struct entry *slot = &c->entries[0];
    if (c->count < c->capacity) {
        slot = &c->entries[c->count++];
    } else {
        for (size_t i = 1; i < c->count; i++) {
            if (c->entries[i].used_at < slot->used_at) {
                slot = &c->entries[i];
            }
        }
        entry_free(c, slot);
    }
    *slot = (struct entry){.schema = connect_schema_ref(schema), .value = take_value};
    (void)hit(c, slot);
}
