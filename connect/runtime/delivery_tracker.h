/*
 * Which source offsets may be committed. Records are entered in the order in which the task gave
 * them; an offset may be committed when its record and all earlier ones of the same source
 * partition have been acknowledged (or dropped). Batches stay alive while any of their records is
 * open or their memory holds the offset that would be committed next. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "connect/include/connect_record.h"

struct delivery_tracker;
struct delivery_batch;

/* One record on its way; its address is the message's opaque. */
struct delivery {
    struct delivery *next; /* of the same source partition */
    struct delivery_batch *batch;
    struct delivery_slot *slot; /* NULL: the record has no source position */
    const struct connect_value *offset;
    bool acknowledged;
};

/* A batch and the deliveries of its records. */
struct delivery_batch {
    void *owner; /* whoever made the tracker: delivery reports find their way back with it */
    struct connect_batch batch;
    struct delivery *deliveries; /* as many as the batch's capacity */
    size_t open;                 /* not acknowledged, or not first in line yet */
    size_t holds;                /* slots whose next offset is in this batch */
    struct delivery_batch *next_free;
};

/* limit_bytes bounds each batch's memory; at most batch_count batches exist at a time. */
enum err_code delivery_tracker_create(void *owner, size_t batch_count, size_t capacity,
                                      size_t limit_bytes, struct delivery_tracker **out_tracker,
                                      struct err *e);
/* Everything at once, whatever is open. */
void delivery_tracker_destroy(struct delivery_tracker *t);

/* An empty batch; NULL when all are under way (serve acknowledgements and ask again). */
struct delivery_batch *delivery_tracker_take(struct delivery_tracker *t);
/* Gives an untouched batch back. */
void delivery_tracker_give_back(struct delivery_tracker *t, struct delivery_batch *b);
/* Enters all records of a filled batch, in order. */
enum err_code delivery_tracker_enter(struct delivery_tracker *t, struct delivery_batch *b,
                                     struct err *e);
void delivery_tracker_acknowledge(struct delivery_tracker *t, struct delivery *d);
/* Records entered and not acknowledged. */
size_t delivery_tracker_open_count(const struct delivery_tracker *t);

/* Calls visit for each partition whose committable offset has changed since it was last marked
 * committed. */
void delivery_tracker_each(struct delivery_tracker *t,
                           void (*visit)(void *ctx, const char *partition,
                                         const struct connect_value *offset),
                           void *ctx);
bool delivery_tracker_has_news(const struct delivery_tracker *t);
/* What the last delivery_tracker_each visited has been committed. No acknowledgement may come in
 * between. */
void delivery_tracker_mark_committed(struct delivery_tracker *t);
