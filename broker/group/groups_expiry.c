/* Offsets that end: by age, with their topic, with their group. */
#include "broker/group/groups_internal.h"
#include "common/arena.h"
#include "common/logger.h"

#define SUBSCRIPTIONS_MAX ((size_t)16 << 20)

/* How the offsets of one group age. */
struct ageing {
    const struct groups *gs;
    const struct group *g;
    int64_t now_ms;
    bool from_empty;    /* count from when the group became empty, not from the commit */
    bool may_expire;    /* false: members of another protocol may use any of them */
    bool by_topic;      /* only what no member subscribes to */
    struct arena arena; /* of subscriptions */
};

static bool is_subscribed(struct ageing *a, struct bytes topic)
{
    for (size_t i = 0; i < a->g->member_count; i++) {
        const struct bytes *topics = NULL;
        struct bytes subscription = group_member_metadata(a->g->members[i], a->g->protocol_name);
        int32_t count = group_record_subscription(subscription, &a->arena, &topics);
        if (count < 0) {
            return true; /* what we cannot read may be anything */
        }
        for (int32_t t = 0; t < count; t++) {
            if (bytes_equal(topics[t], topic)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_expired(const struct ageing *a, const struct group_offset *offset)
{
    if (offset->expire_ms >= 0) {
        return a->now_ms >= offset->expire_ms;
    }
    int64_t since = a->from_empty ? a->g->state_since_ms : offset->commit_ms;
    return a->now_ms - since >= a->gs->retention_ms;
}

static void init_ageing(struct ageing *a, const struct groups *gs, const struct group *g)
{
    bool simple = bytes_is_null(g->protocol_type);
    bool consumer = bytes_equal(g->protocol_type, bytes_of_text("consumer"));
    *a = (struct ageing){.gs = gs, .g = g, .now_ms = groups_now_ms(gs)};
    arena_init(&a->arena, SUBSCRIPTIONS_MAX);
    a->from_empty = !simple && g->state == GROUP_EMPTY;
    a->by_topic = consumer && g->state == GROUP_STABLE;
    a->may_expire = simple || a->from_empty || a->by_topic;
}

/* Removes the offset at once: its tombstone need not be waited for, it is written again if lost. */
static void end_offset(struct groups *gs, struct groups_entry *entry, struct groups_write **w,
                       size_t topic, size_t partition)
{
    const struct group_offsets_topic *t = &entry->offsets.topics[topic];
    int32_t index = t->partitions[partition].index;
    *w = *w != NULL ? *w : groups_write_begin(gs, entry);
    if (*w != NULL) {
        groups_write_offset_tombstone(*w, t->name, index);
        (void)group_offsets_remove(&entry->offsets, t->name, index);
    }
}

static void expire_offsets(struct groups *gs, struct groups_entry *entry, struct groups_write **w)
{
    struct ageing a;
    init_ageing(&a, gs, entry->group);
    for (size_t t = entry->offsets.count; a.may_expire && t > 0; t--) {
        struct group_offsets_topic *topic = &entry->offsets.topics[t - 1];
        arena_reset(&a.arena);
        if (a.by_topic && is_subscribed(&a, topic->name)) {
            continue;
        }
        for (size_t p = topic->count; p > 0; p--) {
            /* The topic's entry goes with its last partition: read it before that. */
            if (is_expired(&a, &topic->partitions[p - 1].offset)) {
                end_offset(gs, entry, w, t - 1, p - 1);
            }
        }
    }
    arena_deinit(&a.arena);
}

/* Not while a write is under way: an offset that is being committed is not among the offsets yet,
 * so the group would seem to be over, or the tombstone of what it replaces would come behind it. */
static void expire_group(struct groups *gs, struct groups_entry *entry)
{
    if (entry->references > 1) {
        return;
    }
    struct groups_write *w = NULL;
    expire_offsets(gs, entry, &w);
    const struct group *g = entry->group;
    bool over = g->state == GROUP_EMPTY && entry->offsets.count == 0 && g->pending_count == 0;
    if (over && g->generation > 0) {
        w = w != NULL ? w : groups_write_begin(gs, entry);
        if (w != NULL) {
            groups_write_group_tombstone(w);
        }
    }
    if (over) {
        group_kill(entry->group, 0, groups_now_ms(gs));
    }
    if (w != NULL) {
        groups_write_end(w, NULL, NULL);
    }
    groups_changed(gs, entry);
}

void groups_expire(struct groups *gs)
{
    for (size_t i = groups_count(gs); i > 0; i--) {
        expire_group(gs, groups_at(gs, i - 1));
    }
}

void groups_drop_topic(struct groups *gs, struct bytes topic)
{
    for (size_t i = groups_count(gs); i > 0; i--) {
        struct groups_entry *entry = groups_at(gs, i - 1);
        struct groups_write *w = NULL;
        const struct group_offsets_topic *t = group_offsets_find_topic(&entry->offsets, topic);
        for (size_t p = t == NULL ? 0 : t->count; p > 0; p--) {
            end_offset(gs, entry, &w, (size_t)(t - entry->offsets.topics), p - 1);
        }
        if (w != NULL) {
            groups_write_end(w, NULL, NULL);
        }
    }
}
