/* All groups by id, and the heap of their deadlines. */
#include <string.h>

#include "broker/group/groups_internal.h"
#include "common/check.h"
#include "common/mem.h"

/* Each group costs memory for as long as it has offsets. */
#define GROUPS_MAX 1000000
#define NO_TIMER SIZE_MAX

static size_t hash_id(struct bytes id)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < id.len; i++) {
        h = (h ^ id.data[i]) * 1099511628211u;
    }
    return (size_t)(h ^ (h >> 32));
}

/* ---- the table ---- */

static size_t find_slot(const struct groups *gs, struct bytes id)
{
    size_t at = hash_id(id) & gs->slot_mask;
    while (gs->slots[at] != 0 && !bytes_equal(gs->entries[gs->slots[at] - 1]->group->id, id)) {
        at = (at + 1) & gs->slot_mask;
    }
    return at;
}

struct groups_entry *groups_find(struct groups *gs, struct bytes id)
{
    if (gs->entry_count == 0) {
        return NULL;
    }
    uint32_t found = gs->slots[find_slot(gs, id)];
    return found == 0 ? NULL : gs->entries[found - 1];
}

static void fill_slots(struct groups *gs)
{
    memset(gs->slots, 0, (gs->slot_mask + 1) * sizeof *gs->slots);
    for (size_t i = 0; i < gs->entry_count; i++) {
        gs->slots[find_slot(gs, gs->entries[i]->group->id)] = (uint32_t)i + 1;
    }
}

/* Room for twice as many; all three arrays or none that matters. */
static bool grow(struct groups *gs)
{
    if (gs->entry_count < gs->entry_capacity) {
        return true;
    }
    size_t capacity = gs->entry_capacity == 0 ? 16 : gs->entry_capacity * 2;
    struct groups_entry **entries =
        mem_realloc(gs->entries, capacity * sizeof(struct groups_entry *));
    if (entries != NULL) {
        gs->entries = entries;
    }
    struct groups_entry **timers =
        mem_realloc(gs->timers, capacity * sizeof(struct groups_entry *));
    if (timers != NULL) {
        gs->timers = timers;
    }
    uint32_t *slots = mem_calloc(capacity * 2, sizeof *slots);
    if (entries == NULL || timers == NULL || slots == NULL) {
        mem_free(slots);
        return false;
    }
    mem_free(gs->slots);
    gs->slots = slots;
    gs->slot_mask = capacity * 2 - 1;
    gs->entry_capacity = capacity;
    fill_slots(gs);
    return true;
}

/* ---- the heap ---- */

static void heap_put(struct groups *gs, size_t at, struct groups_entry *entry)
{
    gs->timers[at] = entry;
    entry->timer = at;
}

static void heap_up(struct groups *gs, size_t at)
{
    struct groups_entry *entry = gs->timers[at];
    while (at > 0 && gs->timers[(at - 1) / 2]->deadline_ms > entry->deadline_ms) {
        heap_put(gs, at, gs->timers[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(gs, at, entry);
}

static void heap_down(struct groups *gs, size_t at, size_t count)
{
    struct groups_entry *entry = gs->timers[at];
    for (size_t child = at * 2 + 1; child < count; child = at * 2 + 1) {
        if (child + 1 < count &&
            gs->timers[child + 1]->deadline_ms < gs->timers[child]->deadline_ms) {
            child++;
        }
        if (gs->timers[child]->deadline_ms >= entry->deadline_ms) {
            break;
        }
        heap_put(gs, at, gs->timers[child]);
        at = child;
    }
    heap_put(gs, at, entry);
}

static void heap_move(struct groups *gs, struct groups_entry *entry, int64_t deadline_ms)
{
    if (entry->deadline_ms == deadline_ms) {
        return;
    }
    entry->deadline_ms = deadline_ms;
    heap_up(gs, entry->timer);
    heap_down(gs, entry->timer, gs->entry_count);
}

/* ---- entries ---- */

struct groups_entry *groups_create(struct groups *gs, struct bytes id)
{
    struct groups_entry *entry = mem_calloc(1, sizeof *entry);
    if (entry == NULL || gs->entry_count >= GROUPS_MAX || !grow(gs)) {
        mem_free(entry);
        return NULL;
    }
    entry->group = group_create(id, &gs->group_config, &gs->io, groups_now_ms(gs));
    if (entry->group == NULL) {
        mem_free(entry);
        return NULL;
    }
    entry->group->owner_data = entry;
    entry->references = 1;
    entry->deadline_ms = GROUP_NO_DEADLINE;
    size_t slot = find_slot(gs, id);
    entry->place = gs->entry_count;
    gs->entries[gs->entry_count] = entry;
    gs->timers[gs->entry_count] = entry;
    entry->timer = gs->entry_count;
    gs->slots[slot] = (uint32_t)++gs->entry_count;
    atomic_store(&gs->published_count, gs->entry_count);
    return entry;
}

void groups_unref(struct groups *gs, struct groups_entry *entry)
{
    (void)gs;
    CHECK(entry->references > 0);
    if (--entry->references == 0) {
        group_destroy(entry->group);
        group_offsets_deinit(&entry->offsets);
        mem_free(entry);
    }
}

void groups_remove(struct groups *gs, struct groups_entry *entry)
{
    CHECK(entry->timer != NO_TIMER);
    size_t count = gs->entry_count - 1;
    size_t timer = entry->timer;
    if (timer != count) {
        heap_put(gs, timer, gs->timers[count]);
        heap_up(gs, timer);
        heap_down(gs, gs->timers[timer]->timer, count);
    }
    entry->timer = NO_TIMER;
    gs->entries[entry->place] = gs->entries[count];
    gs->entries[entry->place]->place = entry->place;
    gs->entry_count = count;
    atomic_store(&gs->published_count, count);
    fill_slots(gs);
    groups_unref(gs, entry);
}

void groups_changed(struct groups *gs, struct groups_entry *entry)
{
    if (entry->timer == NO_TIMER) {
        return; /* removed while a write was under way */
    }
    if (entry->group->state == GROUP_DEAD) {
        groups_remove(gs, entry);
        return;
    }
    heap_move(gs, entry, group_next_deadline(entry->group));
}

size_t groups_count(const struct groups *gs)
{
    return gs->entry_count;
}

struct groups_entry *groups_at(const struct groups *gs, size_t index)
{
    CHECK(index < gs->entry_count);
    return gs->entries[index];
}
