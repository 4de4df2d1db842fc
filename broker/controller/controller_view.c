#include "broker/controller/controller_view.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "broker/controller/node_config.h"
#include "broker/controller/topic_config.h"
#include "broker/storage/partition.h"
#include "common/arena.h"
#include "common/check.h"
#include "common/mem.h"

#define NO_LIMIT ((size_t)1 << 30)

struct counted_topic {
    struct topic topic; /* first: the public part */
    atomic_int references;
    struct arena arena;
};

struct controller_view {
    atomic_int references;
    struct topic **topics;
    size_t topic_count;
    uint32_t *by_name; /* open addressing, index + 1, 0 = free */
    uint32_t *by_id;
    size_t slot_mask;
    struct cluster_configs node_configs;
    struct cluster_configs default_configs;
    const struct controller_statics *statics;
    struct arena arena;
};

/* ---- topics ---- */

static struct bytes copy_text(struct arena *a, struct bytes text)
{
    return bytes_of(arena_strndup(a, (const char *)text.data, text.len), text.len);
}

static void copy_configs(struct arena *a, const struct cluster_configs *from,
                         struct cluster_configs *out_copy)
{
    struct controller_config *entries = arena_alloc_array(a, from->count, sizeof *entries);
    for (size_t i = 0; entries != NULL && i < from->count; i++) {
        entries[i].key = copy_text(a, from->entries[i].key);
        entries[i].value = copy_text(a, from->entries[i].value);
    }
    *out_copy = (struct cluster_configs){entries, entries == NULL ? 0 : from->count};
}

struct topic *controller_view_create_topic(const struct cluster_topic *source)
{
    struct counted_topic *counted = mem_calloc(1, sizeof *counted);
    if (counted == NULL) {
        return NULL;
    }
    counted->references = 1;
    arena_init(&counted->arena, NO_LIMIT);
    struct topic *t = &counted->topic;
    t->name = copy_text(&counted->arena, source->name);
    memcpy(t->id, source->id, sizeof t->id);
    t->internal = topic_config_is_internal(source->name);
    t->partition_count = source->partition_count;
    t->partitions = arena_alloc_array(&counted->arena, (size_t)source->partition_count,
                                      sizeof(struct partition *));
    struct cluster_configs configs;
    copy_configs(&counted->arena, &source->configs, &configs);
    t->configs = configs.entries;
    t->config_count = configs.count;
    if (arena_failed(&counted->arena)) {
        arena_deinit(&counted->arena);
        mem_free(counted);
        return NULL;
    }
    return t;
}

static struct counted_topic *counted_of(struct topic *t)
{
    return (struct counted_topic *)(void *)t; /* its first member */
}

void controller_view_unref_topic(struct topic *t)
{
    if (t == NULL || atomic_fetch_sub(&counted_of(t)->references, 1) > 1) {
        return;
    }
    for (int32_t i = 0; i < t->partition_count; i++) {
        partition_unref(t->partitions[i]);
    }
    struct counted_topic *counted = counted_of(t);
    arena_deinit(&counted->arena);
    mem_free(counted);
}

struct partition *topic_partition(const struct topic *t, int32_t index)
{
    return index >= 0 && index < t->partition_count ? t->partitions[index] : NULL;
}

/* ---- views ---- */

static size_t hash_bytes(struct bytes b)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < b.len; i++) {
        h = (h ^ b.data[i]) * 1099511628211u;
    }
    return (size_t)(h ^ (h >> 32));
}

static void index_add(uint32_t *slots, size_t mask, struct bytes key, size_t index)
{
    size_t at = hash_bytes(key) & mask;
    while (slots[at] != 0) {
        at = (at + 1) & mask;
    }
    slots[at] = (uint32_t)index + 1;
}

static bool view_fill(struct controller_view *view, const struct cluster_state *s)
{
    size_t slots = 16;
    while (slots < s->topic_count * 2) {
        slots *= 2;
    }
    view->slot_mask = slots - 1;
    view->topics = arena_alloc_array(&view->arena, s->topic_count, sizeof(struct topic *));
    view->by_name = arena_alloc_array(&view->arena, slots, sizeof(uint32_t));
    view->by_id = arena_alloc_array(&view->arena, slots, sizeof(uint32_t));
    copy_configs(&view->arena, &s->node_configs, &view->node_configs);
    copy_configs(&view->arena, &s->default_configs, &view->default_configs);
    if (arena_failed(&view->arena)) {
        return false;
    }
    for (size_t i = 0; i < s->topic_count; i++) {
        struct topic *t = s->topics[i]->owner_data;
        if (t == NULL) {
            continue; /* not open yet */
        }
        size_t at = view->topic_count++;
        atomic_fetch_add(&counted_of(t)->references, 1);
        view->topics[at] = t;
        index_add(view->by_name, view->slot_mask, t->name, at);
        index_add(view->by_id, view->slot_mask, bytes_of(t->id, sizeof t->id), at);
    }
    return true;
}

struct controller_view *controller_view_create(const struct cluster_state *s,
                                               const struct controller_statics *statics)
{
    struct controller_view *view = mem_calloc(1, sizeof *view);
    if (view == NULL) {
        return NULL;
    }
    view->references = 1;
    view->statics = statics;
    arena_init(&view->arena, NO_LIMIT);
    if (!view_fill(view, s)) {
        controller_view_release(view);
        return NULL;
    }
    return view;
}

void controller_view_ref(struct controller_view *view)
{
    atomic_fetch_add(&view->references, 1);
}

void controller_view_release(struct controller_view *view)
{
    if (view == NULL || atomic_fetch_sub(&view->references, 1) > 1) {
        return;
    }
    for (size_t i = 0; i < view->topic_count; i++) {
        controller_view_unref_topic(view->topics[i]);
    }
    arena_deinit(&view->arena);
    mem_free(view);
}

const struct topic *controller_view_topic(const struct controller_view *view, struct bytes name)
{
    size_t at = hash_bytes(name) & view->slot_mask;
    for (; view->by_name[at] != 0; at = (at + 1) & view->slot_mask) {
        const struct topic *t = view->topics[view->by_name[at] - 1];
        if (bytes_equal(t->name, name)) {
            return t;
        }
    }
    return NULL;
}

const struct topic *controller_view_topic_by_id(const struct controller_view *view,
                                                const uint8_t id[CONTROLLER_ID_SIZE])
{
    size_t at = hash_bytes(bytes_of(id, CONTROLLER_ID_SIZE)) & view->slot_mask;
    for (; view->by_id[at] != 0; at = (at + 1) & view->slot_mask) {
        const struct topic *t = view->topics[view->by_id[at] - 1];
        if (memcmp(t->id, id, CONTROLLER_ID_SIZE) == 0) {
            return t;
        }
    }
    return NULL;
}

size_t controller_view_topic_count(const struct controller_view *view)
{
    return view->topic_count;
}

const struct topic *controller_view_topic_at(const struct controller_view *view, size_t index)
{
    CHECK(index < view->topic_count);
    return view->topics[index];
}

const struct controller_config *controller_view_node_configs(const struct controller_view *view,
                                                             bool cluster_default,
                                                             size_t *out_count)
{
    const struct cluster_configs *configs =
        cluster_default ? &view->default_configs : &view->node_configs;
    *out_count = configs->count;
    return configs->entries;
}

static struct bytes configs_find(const struct controller_config *entries, size_t count,
                                 struct bytes key)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(entries[i].key, key)) {
            return entries[i].value;
        }
    }
    return bytes_null();
}

struct bytes controller_view_node_config_at(const struct controller_view *view, const char *key,
                                            enum config_source source)
{
    struct bytes name = bytes_of_text(key);
    switch (source) {
    case CONFIG_SOURCE_TOPIC:
        return bytes_null();
    case CONFIG_SOURCE_DYNAMIC_NODE:
        return configs_find(view->node_configs.entries, view->node_configs.count, name);
    case CONFIG_SOURCE_DYNAMIC_DEFAULT:
        return configs_find(view->default_configs.entries, view->default_configs.count, name);
    case CONFIG_SOURCE_STATIC:
        return configs_find(view->statics->entries, view->statics->count, name);
    case CONFIG_SOURCE_BUILT_IN: {
        const struct config_def *def = node_config_find(name);
        return def == NULL ? bytes_null() : bytes_of_text(def->default_value);
    }
    }
    return bytes_null();
}

struct bytes controller_view_node_config(const struct controller_view *view, const char *key,
                                         enum config_source *out_source)
{
    for (int source = CONFIG_SOURCE_DYNAMIC_NODE; source <= CONFIG_SOURCE_BUILT_IN; source++) {
        struct bytes value = controller_view_node_config_at(view, key, (enum config_source)source);
        if (!bytes_is_null(value)) {
            if (out_source != NULL) {
                *out_source = (enum config_source)source;
            }
            return value;
        }
    }
    return bytes_null();
}

int64_t controller_view_node_number(const struct controller_view *view, const char *key)
{
    const struct config_def *def = node_config_find(bytes_of_text(key));
    CHECK(def != NULL);
    struct bytes value = controller_view_node_config(view, key, NULL);
    CHECK(!bytes_is_null(value));
    return config_def_number(def, value);
}
