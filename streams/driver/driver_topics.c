#include "streams/driver/driver_topics.h"

#include <string.h>

#include "common/mem.h"

#define DRIVER_TOPIC_BYTES_MAX ((size_t)4 * 1024 * 1024 * 1024)

void driver_topics_deinit(struct driver_topics *topics)
{
    while (topics->first != NULL) {
        struct driver_topic *t = topics->first;
        topics->first = t->next;
        arena_deinit(&t->arena);
        mem_free(t->records);
        mem_free(t->name);
        mem_free(t);
    }
}

struct driver_topic *driver_topics_find(const struct driver_topics *topics, const char *name)
{
    struct driver_topic *t = topics->first;
    while (t != NULL && strcmp(t->name, name) != 0) {
        t = t->next;
    }
    return t;
}

struct driver_topic *driver_topics_open(struct driver_topics *topics, const char *name)
{
    struct driver_topic *t = driver_topics_find(topics, name);
    if (t != NULL) {
        return t;
    }
    t = mem_calloc(1, sizeof *t);
    char *copy = mem_strdup(name);
    if (t == NULL || copy == NULL) {
        mem_free(t);
        mem_free(copy);
        return NULL;
    }
    t->name = copy;
    t->partition_time_ms = DRIVER_TOPICS_NOT_INPUT;
    arena_init(&t->arena, DRIVER_TOPIC_BYTES_MAX);
    t->next = topics->first;
    topics->first = t;
    return t;
}

static struct bytes driver_copy(struct arena *a, struct bytes b)
{
    return bytes_is_null(b) ? b : bytes_of(arena_dup(a, b.data, b.len), b.len);
}

static const struct value_headers *driver_keep_headers(struct arena *a,
                                                       const struct value_headers *from)
{
    if (from == NULL || from->count == 0) {
        return NULL;
    }
    struct value_headers *copy = arena_alloc(a, sizeof *copy);
    struct value_header *items = arena_alloc_array(a, from->count, sizeof *items);
    if (copy == NULL || items == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < from->count; i++) {
        items[i].name = arena_strdup(a, from->items[i].name);
        items[i].value = driver_copy(a, from->items[i].value);
    }
    *copy = (struct value_headers){from->count, items};
    return copy;
}

enum err_code driver_topics_append(struct driver_topic *topic, const struct driver_record *record,
                                   struct err *e)
{
    if (topic->count == topic->capacity) {
        size_t capacity = topic->capacity == 0 ? 64 : topic->capacity * 2;
        struct driver_record *records = mem_realloc(topic->records, capacity * sizeof *records);
        if (records == NULL) {
            return err_nomem(e, "driver topic");
        }
        topic->records = records;
        topic->capacity = capacity;
    }
    struct driver_record copy = {.key = driver_copy(&topic->arena, record->key),
                                 .value = driver_copy(&topic->arena, record->value),
                                 .timestamp_ms = record->timestamp_ms,
                                 .headers = driver_keep_headers(&topic->arena, record->headers)};
    if (arena_failed(&topic->arena)) {
        return err_nomem(e, "driver topic");
    }
    topic->records[topic->count++] = copy;
    return ERR_OK;
}

enum err_code driver_topics_copy_headers(const struct driver_record *record,
                                         struct value_headers *out, struct err *e)
{
    *out = (struct value_headers){0};
    if (record->headers == NULL) {
        return ERR_OK;
    }
    size_t size = record->headers->count * sizeof *record->headers->items;
    out->items = mem_dup(record->headers->items, size);
    if (out->items == NULL) {
        return err_nomem(e, "headers");
    }
    out->count = record->headers->count;
    return ERR_OK;
}
