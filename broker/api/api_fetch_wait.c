/*
 * The long poll of Fetch.
 *
 * A waiter sits on each partition; the first that has enough posts the request back to its loop,
 * which takes all waiters off, reads again, and answers or parks again. A callback may be under way
 * on another thread while its waiter is being taken off: `linked` counts those, and nothing is read
 * or freed before it is 0. The callback posts under the lock, so that the request lives until it is
 * out again.
 */
#include "broker/api/api_fetch.h"

#include "common/check.h"

/* A partition that grows faster than we can park is read again so many times in a row. */
#define FETCH_WAIT_TRIES 4

static void fetch_wait_continue(struct request *rq);

void fetch_wait_init(struct fetch *f)
{
    lock_init(&f->lock);
}

void fetch_wait_deinit(struct fetch *f)
{
    lock_acquire(&f->lock);
    CHECK(f->linked == 0);
    lock_release(&f->lock);
    lock_deinit(&f->lock);
}

static void fetch_wait_on_wake(struct partition_waiter *waiter, enum err_code status)
{
    struct fetch_entry *entry = waiter->ctx;
    struct fetch *f = entry->fetch;
    (void)status; /* what is wrong with the partition, the next read says */
    lock_acquire(&f->lock);
    f->linked--;
    request_post(f->rq, fetch_wait_continue);
    lock_release(&f->lock);
}

/* Takes all waiters off. True when no callback is under way any more. */
static bool fetch_wait_unpark(struct fetch *f)
{
    size_t removed = 0;
    for (size_t i = 0; i < f->entry_count; i++) {
        struct fetch_entry *entry = &f->entries[i];
        if (entry->parked) {
            entry->parked = false;
            removed += partition_remove_waiter(entry->partition, &entry->waiter) ? 1 : 0;
        }
    }
    lock_acquire(&f->lock);
    CHECK(removed <= f->linked);
    f->linked -= removed;
    bool quiet = f->linked == 0;
    lock_release(&f->lock);
    return quiet;
}

/* False when a partition has grown since it was read. */
static bool fetch_wait_park(struct fetch *f)
{
    size_t missing = f->min_bytes - f->bytes;
    /* If all of them together bring what is missing, one of them brings this much. */
    size_t share = missing / f->entry_count;
    for (size_t i = 0; i < f->entry_count; i++) {
        struct fetch_entry *entry = &f->entries[i];
        entry->waiter.callback = fetch_wait_on_wake;
        entry->waiter.ctx = entry;
        lock_acquire(&f->lock);
        f->linked++;
        lock_release(&f->lock);
        entry->parked = partition_add_waiter(entry->partition, entry->slice.high_watermark,
                                             share > 0 ? (int64_t)share : 1, &entry->waiter);
        if (!entry->parked) {
            lock_acquire(&f->lock);
            f->linked--;
            lock_release(&f->lock);
            return false;
        }
    }
    return true;
}

static bool fetch_wait_satisfied(const struct fetch *f)
{
    return f->over || f->error_seen || f->bytes >= f->min_bytes || f->entry_count == 0;
}

/* Reads and answers, or parks. No waiter is linked. */
static void fetch_wait_try(struct fetch *f)
{
    for (int i = 0; i < FETCH_WAIT_TRIES; i++) {
        fetch_read(f);
        if (fetch_wait_satisfied(f)) {
            request_respond(f->rq, f->response);
            return;
        }
        if (fetch_wait_park(f)) {
            return;
        }
        if (!fetch_wait_unpark(f)) {
            return; /* the callback that is under way posts */
        }
    }
    request_post(f->rq, fetch_wait_continue); /* let others have the loop */
}

static void fetch_wait_continue(struct request *rq)
{
    struct fetch *f = rq->state;
    if (fetch_wait_unpark(f)) {
        fetch_wait_try(f);
    } /* else the callback that is under way posts again */
}

static void fetch_wait_end(struct request *rq)
{
    struct fetch *f = rq->state;
    f->over = true;
    fetch_wait_continue(rq);
}

void fetch_wait_run(struct fetch *f, int32_t max_wait_ms)
{
    f->over = max_wait_ms <= 0;
    f->rq->cancel = fetch_wait_end;
    if (!f->over) {
        request_start_timer(f->rq, max_wait_ms, fetch_wait_end); /* the answer stops it */
    }
    fetch_wait_try(f);
}
