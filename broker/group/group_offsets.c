#include "broker/group/group_offsets.h"

#include <string.h>

#include "broker/group/group_member.h"
#include "common/mem.h"

static int compare(struct bytes a, struct bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.data, b.data, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* The first topic not below the name. */
static size_t topic_position(const struct group_offsets *o, struct bytes name, bool *out_found)
{
    size_t low = 0;
    size_t high = o->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(o->topics[middle].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out_found = low < o->count && compare(o->topics[low].name, name) == 0;
    return low;
}

static size_t partition_position(const struct group_offsets_topic *t, int32_t index,
                                 bool *out_found)
{
    size_t low = 0;
    size_t high = t->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->partitions[middle].index < index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out_found = low < t->count && t->partitions[low].index == index;
    return low;
}

static void topic_deinit(struct group_offsets_topic *t)
{
    for (size_t i = 0; i < t->count; i++) {
        group_member_free_bytes(&t->partitions[i].offset.metadata);
    }
    mem_free(t->partitions);
    group_member_free_bytes(&t->name);
}

void group_offsets_deinit(struct group_offsets *o)
{
    for (size_t i = 0; i < o->count; i++) {
        topic_deinit(&o->topics[i]);
    }
    mem_free(o->topics);
    *o = (struct group_offsets){NULL, 0, 0};
}

const struct group_offsets_topic *group_offsets_find_topic(const struct group_offsets *o,
                                                           struct bytes topic)
{
    bool found = false;
    size_t at = topic_position(o, topic, &found);
    return found ? &o->topics[at] : NULL;
}

const struct group_offset *group_offsets_find(const struct group_offsets *o, struct bytes topic,
                                              int32_t partition)
{
    const struct group_offsets_topic *t = group_offsets_find_topic(o, topic);
    bool found = false;
    size_t at = t == NULL ? 0 : partition_position(t, partition, &found);
    return found ? &t->partitions[at].offset : NULL;
}

/* Room for one more element; the array may move. */
static bool reserve(void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return true;
    }
    size_t wanted = *capacity == 0 ? 4 : *capacity * 2;
    void *grown = mem_realloc(*array, wanted * size);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    *capacity = wanted;
    return true;
}

static struct group_offsets_topic *add_topic(struct group_offsets *o, struct bytes name, size_t at)
{
    void *array = o->topics;
    struct bytes copy = group_member_copy_bytes(name);
    if (bytes_is_null(copy) || !reserve(&array, o->count, &o->capacity, sizeof *o->topics)) {
        group_member_free_bytes(&copy);
        return NULL;
    }
    o->topics = array;
    memmove(&o->topics[at + 1], &o->topics[at], (o->count - at) * sizeof *o->topics);
    o->topics[at] = (struct group_offsets_topic){.name = copy};
    o->count++;
    return &o->topics[at];
}

static struct group_offsets_partition *add_partition(struct group_offsets_topic *t, int32_t index,
                                                     size_t at)
{
    void *array = t->partitions;
    if (!reserve(&array, t->count, &t->capacity, sizeof *t->partitions)) {
        return NULL;
    }
    t->partitions = array;
    memmove(&t->partitions[at + 1], &t->partitions[at], (t->count - at) * sizeof *t->partitions);
    t->partitions[at] =
        (struct group_offsets_partition){.index = index, .offset = {.log_offset = -1}};
    t->count++;
    return &t->partitions[at];
}

bool group_offsets_set(struct group_offsets *o, struct bytes topic, int32_t partition,
                       const struct group_offset *offset)
{
    struct group_offset copy = *offset;
    copy.metadata = group_member_copy_bytes(bytes_is_null(offset->metadata) ? bytes_of("", 0)
                                                                            : offset->metadata);
    if (bytes_is_null(copy.metadata)) {
        return false;
    }
    bool found = false;
    size_t at = topic_position(o, topic, &found);
    struct group_offsets_topic *t = found ? &o->topics[at] : add_topic(o, topic, at);
    if (t != NULL) {
        at = partition_position(t, partition, &found);
    }
    struct group_offsets_partition *p = t == NULL ? NULL
                                        : found   ? &t->partitions[at]
                                                  : add_partition(t, partition, at);
    if (p == NULL || (found && p->offset.log_offset > offset->log_offset)) {
        group_member_free_bytes(&copy.metadata);
        return p != NULL;
    }
    group_member_free_bytes(&p->offset.metadata);
    p->offset = copy;
    return true;
}

bool group_offsets_remove(struct group_offsets *o, struct bytes topic, int32_t partition)
{
    bool found = false;
    size_t topic_at = topic_position(o, topic, &found);
    if (!found) {
        return false;
    }
    struct group_offsets_topic *t = &o->topics[topic_at];
    size_t at = partition_position(t, partition, &found);
    if (!found) {
        return false;
    }
    group_member_free_bytes(&t->partitions[at].offset.metadata);
    memmove(&t->partitions[at], &t->partitions[at + 1],
            (t->count - at - 1) * sizeof *t->partitions);
    t->count--;
    if (t->count == 0) {
        topic_deinit(t);
        memmove(t, t + 1, (o->count - topic_at - 1) * sizeof *t);
        o->count--;
    }
    return true;
}
