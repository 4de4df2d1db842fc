#include "streams/topology/topology.h"

#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "streams/value/serde_avro.h"

#define TOPOLOGY_SEGMENT_INTERVAL_MIN_MS 60000

struct weir_topology *topology_create(void)
{
    struct weir_topology *t = mem_calloc(1, sizeof *t);
    if (t != NULL) {
        arena_init(&t->arena, TOPOLOGY_ARENA_BYTES_MAX);
    }
    return t;
}

void weir_topology_destroy(struct weir_topology *t)
{
    if (t == NULL) {
        return;
    }
    serde_avro_free_schemas(t->schemas);
    arena_deinit(&t->arena);
    mem_free(t);
}

struct topology_node *topology_add_node(struct weir_topology *t, enum topology_kind kind,
                                        const char *name)
{
    if (t->node_count >= TOPOLOGY_NODES_MAX || name == NULL) {
        return NULL;
    }
    struct topology_node *n = arena_alloc(&t->arena, sizeof *n);
    if (n == NULL) {
        return NULL;
    }
    n->kind = kind;
    n->name = name;
    n->index = t->node_count++;
    n->sub = -1;
    if (t->last != NULL) {
        t->last->next = n;
    } else {
        t->first = n;
    }
    t->last = n;
    return n;
}

struct topology_store *topology_add_store(struct weir_topology *t, const char *name)
{
    struct topology_store *s = name != NULL ? arena_alloc(&t->arena, sizeof *s) : NULL;
    if (s == NULL) {
        return NULL;
    }
    s->name = name;
    s->index = t->store_count++;
    s->sub = -1;
    if (t->last_store != NULL) {
        t->last_store->next = s;
    } else {
        t->stores = s;
    }
    t->last_store = s;
    return s;
}

static bool topology_list_add(struct arena *arena, struct topology_list *list,
                              struct topology_node *node)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        struct topology_node **items =
            (struct topology_node **)arena_alloc_array(arena, capacity, sizeof(void *));
        if (items == NULL) {
            return false;
        }
        for (size_t i = 0; i < list->count; i++) {
            items[i] = list->items[i];
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = node;
    return true;
}

bool topology_connect(struct weir_topology *t, struct topology_node *parent,
                      struct topology_node *child)
{
    return topology_list_add(&t->arena, &parent->children, child) &&
           topology_list_add(&t->arena, &child->parents, parent);
}

/* Spreads the number of a node over its edges and its store until nothing changes. */
static bool topology_spread_sub(struct weir_topology *t, int sub)
{
    bool changed = false;
    for (struct topology_node *n = t->first; n != NULL; n = n->next) {
        bool joins = n->sub == sub || (n->store != NULL && n->store->sub == sub);
        for (size_t i = 0; i < n->parents.count && !joins; i++) {
            joins = n->parents.items[i]->sub == sub;
        }
        for (size_t i = 0; i < n->children.count && !joins; i++) {
            joins = n->children.items[i]->sub == sub;
        }
        if (!joins) {
            continue;
        }
        if (n->sub != sub) {
            n->sub = sub;
            changed = true;
        }
        if (n->store != NULL && n->store->sub != sub) {
            n->store->sub = sub;
            changed = true;
        }
    }
    return changed;
}

void topology_number_subs(struct weir_topology *t)
{
    t->sub_count = 0;
    for (struct topology_node *n = t->first; n != NULL; n = n->next) {
        if (n->sub >= 0) {
            continue;
        }
        n->sub = t->sub_count++;
        while (topology_spread_sub(t, n->sub)) {
        }
    }
}

struct topology_node *topology_source_of(const struct weir_topology *t, const char *topic)
{
    for (struct topology_node *n = t->first; n != NULL; n = n->next) {
        if (n->kind != TOPOLOGY_SOURCE) {
            continue;
        }
        for (size_t i = 0; i < n->topic_count; i++) {
            if (strcmp(n->topics[i], topic) == 0) {
                return n;
            }
        }
    }
    return NULL;
}

struct topology_store *topology_find_store(const struct weir_topology *t, const char *name)
{
    struct topology_store *s = t->stores;
    while (s != NULL && strcmp(s->name, name) != 0) {
        s = s->next;
    }
    return s;
}

int64_t topology_segment_interval(const struct topology_store *s)
{
    CHECK(s->windowed);
    int64_t half = s->retention_ms / 2;
    return half > TOPOLOGY_SEGMENT_INTERVAL_MIN_MS ? half : TOPOLOGY_SEGMENT_INTERVAL_MIN_MS;
}

static enum err_code topology_no_serde(const char *what, const char *where, struct err *e)
{
    return err_set(e, ERR_INVALID,
                   "%s has no %s serde: name one where it is made, or set default.%s.serde", where,
                   what, what);
}

enum err_code topology_default_serdes(struct weir_topology *t, const struct weir_serde *key,
                                      const struct weir_serde *value, struct err *e)
{
    for (struct topology_node *n = t->first; n != NULL; n = n->next) {
        if (n->kind != TOPOLOGY_SOURCE && n->kind != TOPOLOGY_SINK) {
            continue;
        }
        n->key = n->key != NULL ? n->key : key;
        n->value = n->value != NULL ? n->value : value;
        if (n->key == NULL || n->value == NULL) {
            return topology_no_serde(n->key == NULL ? "key" : "value", n->name, e);
        }
    }
    for (struct topology_store *s = t->stores; s != NULL; s = s->next) {
        s->key = s->key != NULL ? s->key : key;
        s->value = s->value != NULL ? s->value : value;
        if (s->key == NULL || s->value == NULL) {
            return topology_no_serde(s->key == NULL ? "key" : "value", s->name, e);
        }
    }
    return ERR_OK;
}
