#include "connect/runtime/delivery_tracker.h"

#include <string.h>

#include "common/check.h"
#include "common/mem.h"

#define SLOTS_MAX ((size_t)100000)

/* One source partition. */
struct delivery_slot {
    char *partition;
    struct delivery *head; /* oldest that is not settled */
    struct delivery *tail;
    const struct connect_value *offset; /* committable, in the memory of batch; NULL: none */
    struct delivery_batch *batch;
    bool news; /* offset is not committed yet */
};

struct delivery_tracker {
    struct delivery_slot **slots;
    size_t slot_count;
    size_t slot_capacity;
    const char *last_partition; /* pointer compare first: a table's records come in runs */
    struct delivery_slot *last_slot;
    struct delivery_batch *batches;
    size_t batch_count;
    struct delivery_batch *free_batches;
    size_t open;
};

enum err_code delivery_tracker_create(void *owner, size_t batch_count, size_t capacity,
                                      size_t limit_bytes, struct delivery_tracker **out_tracker,
                                      struct err *e)
{
    struct delivery_tracker *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "track deliveries");
    }
    t->batches = mem_calloc(batch_count, sizeof *t->batches);
    enum err_code code = t->batches != NULL ? ERR_OK : err_nomem(e, "track deliveries");
    for (size_t i = 0; code == ERR_OK && i < batch_count; i++) {
        CHECK(t->batches != NULL);
        struct delivery_batch *b = &t->batches[i];
        t->batch_count++;
        b->owner = owner;
        b->deliveries = mem_calloc(capacity, sizeof *b->deliveries);
        code = connect_batch_init(&b->batch, capacity, limit_bytes, e);
        if (code == ERR_OK && b->deliveries == NULL) {
            code = err_nomem(e, "track deliveries");
        }
        b->next_free = t->free_batches;
        t->free_batches = b;
    }
    if (code != ERR_OK) {
        delivery_tracker_destroy(t);
        return code;
    }
    *out_tracker = t;
    return ERR_OK;
}

void delivery_tracker_destroy(struct delivery_tracker *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; t->batches != NULL && i < t->batch_count; i++) {
        connect_batch_deinit(&t->batches[i].batch);
        mem_free(t->batches[i].deliveries);
    }
    for (size_t i = 0; i < t->slot_count; i++) {
        mem_free(t->slots[i]->partition);
        mem_free(t->slots[i]);
    }
    mem_free(t->slots);
    mem_free(t->batches);
    mem_free(t);
}

struct delivery_batch *delivery_tracker_take(struct delivery_tracker *t)
{
    struct delivery_batch *b = t->free_batches;
    if (b != NULL) {
        t->free_batches = b->next_free;
        b->next_free = NULL;
        connect_batch_reset(&b->batch);
    }
    return b;
}

void delivery_tracker_give_back(struct delivery_tracker *t, struct delivery_batch *b)
{
    CHECK(b->open == 0);
    CHECK(b->holds == 0);
    b->next_free = t->free_batches;
    t->free_batches = b;
}

static void release_if_done(struct delivery_tracker *t, struct delivery_batch *b)
{
    if (b->open == 0 && b->holds == 0) {
        delivery_tracker_give_back(t, b);
    }
}

static struct delivery_slot *slot_add(struct delivery_tracker *t, const char *partition)
{
    if (t->slot_count == t->slot_capacity) {
        size_t capacity = t->slot_capacity == 0 ? 8 : t->slot_capacity * 2;
        struct delivery_slot **bigger =
            capacity <= SLOTS_MAX * 2
                ? mem_realloc(t->slots, capacity * sizeof(struct delivery_slot *))
                : NULL;
        if (bigger == NULL) {
            return NULL;
        }
        t->slots = bigger;
        t->slot_capacity = capacity;
    }
    struct delivery_slot *slot = mem_calloc(1, sizeof *slot);
    if (slot != NULL) {
        slot->partition = mem_strdup(partition);
    }
    if (slot == NULL || slot->partition == NULL) {
        mem_free(slot);
        return NULL;
    }
    t->slots[t->slot_count++] = slot;
    return slot;
}

static struct delivery_slot *slot_of(struct delivery_tracker *t, const char *partition)
{
    if (partition == t->last_partition) {
        return t->last_slot;
    }
    struct delivery_slot *slot = NULL;
    for (size_t i = 0; slot == NULL && i < t->slot_count; i++) {
        if (strcmp(t->slots[i]->partition, partition) == 0) {
            slot = t->slots[i];
        }
    }
    if (slot == NULL) {
        slot = slot_add(t, partition);
    }
    if (slot != NULL) {
        t->last_partition = partition;
        t->last_slot = slot;
    }
    return slot;
}

enum err_code delivery_tracker_enter(struct delivery_tracker *t, struct delivery_batch *b,
                                     struct err *e)
{
    struct connect_batch *batch = &b->batch;
    for (size_t i = 0; i < batch->count; i++) {
        struct connect_record *r = &batch->records[i];
        struct delivery *d = &b->deliveries[i];
        *d = (struct delivery){.batch = b};
        if (r->source_partition != NULL && r->source_offset.kind != CONNECT_NULL) {
            d->slot = slot_of(t, r->source_partition);
            d->offset = &r->source_offset;
            if (d->slot == NULL) {
                return err_nomem(e, "track deliveries");
            }
            if (d->slot->tail != NULL) {
                d->slot->tail->next = d;
            } else {
                d->slot->head = d;
            }
            d->slot->tail = d;
        }
        b->open++;
        t->open++;
    }
    release_if_done(t, b);
    return ERR_OK;
}

static void hold(struct delivery_tracker *t, struct delivery_slot *slot, struct delivery *d)
{
    struct delivery_batch *old = slot->batch;
    if (old != d->batch) {
        slot->batch = d->batch;
        d->batch->holds++;
        if (old != NULL) {
            old->holds--;
            release_if_done(t, old);
        }
    }
    slot->offset = d->offset;
    slot->news = true;
}

/* Settles what stands first in line and is acknowledged. */
static void settle(struct delivery_tracker *t, struct delivery_slot *slot)
{
    while (slot->head != NULL && slot->head->acknowledged) {
        struct delivery *d = slot->head;
        slot->head = d->next;
        if (slot->head == NULL) {
            slot->tail = NULL;
        }
        hold(t, slot, d);
        d->batch->open--;
        release_if_done(t, d->batch);
    }
}

void delivery_tracker_acknowledge(struct delivery_tracker *t, struct delivery *d)
{
    CHECK(!d->acknowledged);
    CHECK(t->open > 0);
    d->acknowledged = true;
    t->open--;
    if (d->slot == NULL) {
        d->batch->open--;
        release_if_done(t, d->batch);
    } else if (d->slot->head == d) {
        settle(t, d->slot);
    }
}

size_t delivery_tracker_open_count(const struct delivery_tracker *t)
{
    return t->open;
}

bool delivery_tracker_has_news(const struct delivery_tracker *t)
{
    for (size_t i = 0; i < t->slot_count; i++) {
        if (t->slots[i]->news) {
            return true;
        }
    }
    return false;
}

void delivery_tracker_each(struct delivery_tracker *t,
                           void (*visit)(void *ctx, const char *partition,
                                         const struct connect_value *offset),
                           void *ctx)
{
    for (size_t i = 0; i < t->slot_count; i++) {
        if (t->slots[i]->news) {
            visit(ctx, t->slots[i]->partition, t->slots[i]->offset);
        }
    }
}

void delivery_tracker_mark_committed(struct delivery_tracker *t)
{
    for (size_t i = 0; i < t->slot_count; i++) {
        struct delivery_slot *slot = t->slots[i];
        if (!slot->news) {
            continue;
        }
        slot->news = false;
        slot->offset = NULL;
        struct delivery_batch *b = slot->batch;
        slot->batch = NULL;
        b->holds--;
        release_if_done(t, b);
    }
}
