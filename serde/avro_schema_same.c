#include <string.h>

#include "common/mem.h"
#include "serde/avro_schema.h"

/* Types may refer to each other in circles, and forward: a chain is as long as the document. */
#define AVRO_SCHEMA_SAME_DEPTH_MAX 1000
#define AVRO_SCHEMA_SAME_PAIRS_MAX 10000

/* Two records that were met: taken to be the same while they are looked at. The first difference
 * ends everything, so what was looked at is the same. */
struct avro_schema_pair {
    struct avro_schema_pair *next;
    const struct avro_type *a;
    const struct avro_type *b;
};

struct avro_schema_comparison {
    bool meta;
    unsigned depth;
    unsigned pair_count;
    struct avro_schema_pair *pairs;
};

static bool avro_schema_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool avro_schema_same_json(const json_t *a, const json_t *b)
{
    /* json_equal wants what it does not change. */
    return a == NULL || b == NULL ? a == b
                                  : json_equal((json_t *)(uintptr_t)a, (json_t *)(uintptr_t)b) == 1;
}

static bool avro_schema_same_order(const struct avro_names *a, const struct avro_names *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++) {
        same = strcmp(a->items[i], b->items[i]) == 0;
    }
    return same;
}

/* Names that are each there once, in any order. */
static bool avro_schema_same_set(const struct avro_names *a, const struct avro_names *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; i < a->count && same; i++) {
        bool found = false;
        for (size_t j = 0; j < b->count && !found; j++) {
            found = strcmp(a->items[i], b->items[j]) == 0;
        }
        same = found;
    }
    return same;
}

static bool avro_schema_same_type(struct avro_schema_comparison *c, const struct avro_type *a,
                                  const struct avro_type *b);

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static bool avro_schema_same_field(struct avro_schema_comparison *c, const struct avro_field *a,
                                   const struct avro_field *b)
{
    if (c->meta && !(avro_schema_same_text(a->doc, b->doc) &&
                     avro_schema_same_set(&a->aliases, &b->aliases))) {
        return false;
    }
    return strcmp(a->name, b->name) == 0 && a->order == b->order &&
           avro_schema_same_json(a->default_json, b->default_json) &&
           avro_schema_same_json(a->props, b->props) && avro_schema_same_type(c, a->type, b->type);
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static bool avro_schema_same_record(struct avro_schema_comparison *c, const struct avro_type *a,
                                    const struct avro_type *b)
{
    for (const struct avro_schema_pair *p = c->pairs; p != NULL; p = p->next) {
        if (p->a == a && p->b == b) {
            return true;
        }
    }
    bool full = c->pair_count++ == AVRO_SCHEMA_SAME_PAIRS_MAX;
    struct avro_schema_pair *pair = full ? NULL : mem_alloc(sizeof *pair);
    if (pair == NULL) {
        return false;
    }
    *pair = (struct avro_schema_pair){.next = c->pairs, .a = a, .b = b};
    c->pairs = pair;
    bool same = a->field_count == b->field_count;
    for (size_t i = 0; i < a->field_count && same; i++) {
        same = avro_schema_same_field(c, &a->fields[i], &b->fields[i]);
    }
    return same;
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static bool avro_schema_same_inside(struct avro_schema_comparison *c, const struct avro_type *a,
                                    const struct avro_type *b)
{
    if (a->kind == AVRO_KIND_RECORD) {
        return avro_schema_same_record(c, a, b);
    }
    if (a->items != NULL && !avro_schema_same_type(c, a->items, b->items)) {
        return false;
    }
    bool same = a->branch_count == b->branch_count && a->size == b->size;
    for (size_t i = 0; i < a->branch_count && same; i++) {
        same = avro_schema_same_type(c, a->branches[i], b->branches[i]);
    }
    return same && avro_schema_same_order(&a->symbols, &b->symbols);
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static bool avro_schema_same_type(struct avro_schema_comparison *c, const struct avro_type *a,
                                  const struct avro_type *b)
{
    if (a == b) {
        return true;
    }
    if (a->kind != b->kind || !avro_schema_same_text(a->full_name, b->full_name) ||
        !avro_schema_same_json(a->props, b->props) || c->depth == AVRO_SCHEMA_SAME_DEPTH_MAX) {
        return false;
    }
    if (c->meta && !(avro_schema_same_text(a->doc, b->doc) &&
                     avro_schema_same_text(a->enum_default, b->enum_default) &&
                     avro_schema_same_set(&a->aliases, &b->aliases))) {
        return false;
    }
    c->depth++;
    bool same = avro_schema_same_inside(c, a, b);
    c->depth--;
    return same;
}

bool avro_schema_same(const struct avro_type *a, const struct avro_type *b, bool meta)
{
    struct avro_schema_comparison c = {.meta = meta};
    bool same = avro_schema_same_type(&c, a, b);
    while (c.pairs != NULL) {
        struct avro_schema_pair *next = c.pairs->next;
        mem_free(c.pairs);
        c.pairs = next;
    }
    return same;
}
