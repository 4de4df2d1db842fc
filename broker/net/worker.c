#include "broker/net/worker.h"

#include <stddef.h>

#include "broker/net/connection.h"
#include "broker/net/exchange.h"
#include "common/check.h"
#include "common/mem.h"

#define WORKER_SWEEP_MAX_MS 10000
/* How long a stopping server waits for clients to take their last answers. */
#define WORKER_DRAIN_MS 5000
#define WORKER_DRAIN_STEP_MS 50

struct worker_adoption {
    struct loop_task task; /* first */
    struct worker *worker;
    int socket;
};

static void worker_run_adopt(struct loop_task *task)
{
    struct worker_adoption *adoption = (struct worker_adoption *)task;
    struct worker *w = adoption->worker;
    int socket = adoption->socket;
    mem_free(adoption);
    if (w->draining) {
        connection_refuse(w, socket);
    } else {
        connection_open(w, socket);
    }
}

void worker_adopt(struct worker *w, int socket)
{
    struct worker_adoption *adoption = mem_calloc(1, sizeof *adoption);
    if (adoption == NULL) {
        connection_refuse(w, socket);
        return;
    }
    adoption->task.run = worker_run_adopt;
    adoption->worker = w;
    adoption->socket = socket;
    loop_post(&w->loop, &adoption->task);
}

void worker_link(struct worker *w, struct connection *c)
{
    c->prev = w->newest;
    c->next = NULL;
    if (w->newest != NULL) {
        w->newest->next = c;
    } else {
        w->oldest = c;
    }
    w->newest = c;
}

void worker_unlink(struct worker *w, struct connection *c)
{
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        CHECK(w->oldest == c);
        w->oldest = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    } else {
        CHECK(w->newest == c);
        w->newest = c->prev;
    }
    c->prev = NULL;
    c->next = NULL;
}

void worker_touch(struct worker *w, struct connection *c)
{
    c->active_ms = (int64_t)uv_now(&w->loop.uv);
    if (w->newest != c) {
        worker_unlink(w, c);
        worker_link(w, c);
    }
}

/* Closes what has been idle for too long. A connection with a request under way (a group member in
 * a long rebalance) is not idle: it goes to the back of the list. */
static void worker_close_idle(struct worker *w)
{
    int64_t deadline_ms = (int64_t)uv_now(&w->loop.uv) - w->shared->idle_timeout_ms;
    while (w->oldest != NULL && w->oldest->active_ms <= deadline_ms) {
        if (connection_idle(w->oldest)) {
            connection_close(w->oldest, NULL);
        } else {
            worker_touch(w, w->oldest);
        }
    }
}

static void worker_on_sweep(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    if (!w->draining) {
        worker_close_idle(w);
    } else if ((int64_t)uv_now(&w->loop.uv) >= w->drain_deadline_ms) {
        while (w->oldest != NULL) {
            connection_close(w->oldest, "the server stops");
        }
    }
    worker_check_end(w);
}

static void worker_run_start(struct loop_task *task)
{
    struct worker *w =
        (struct worker *)(void *)((char *)task - offsetof(struct worker, start_task));
    CHECK(uv_timer_init(&w->loop.uv, &w->sweep) == 0);
    w->sweep.data = w;
    int64_t every_ms = w->shared->idle_timeout_ms / 4;
    every_ms = every_ms > WORKER_SWEEP_MAX_MS ? WORKER_SWEEP_MAX_MS : every_ms;
    uint64_t interval = every_ms < 10 ? 10 : (uint64_t)every_ms;
    CHECK(uv_timer_start(&w->sweep, worker_on_sweep, interval, interval) == 0);
}

static void worker_run_drain(struct loop_task *task)
{
    struct worker *w =
        (struct worker *)(void *)((char *)task - offsetof(struct worker, drain_task));
    CHECK(!w->draining);
    w->draining = true;
    w->drain_deadline_ms = (int64_t)uv_now(&w->loop.uv) + WORKER_DRAIN_MS;
    CHECK(uv_timer_start(&w->sweep, worker_on_sweep, WORKER_DRAIN_STEP_MS, WORKER_DRAIN_STEP_MS) ==
          0);
    struct connection *c = w->oldest;
    while (c != NULL) {
        struct connection *next = c->next;
        connection_drain(c);
        c = next;
    }
    w->on_drained(w->on_drained_ctx);
    worker_check_end(w);
}

enum err_code worker_start(struct worker *w, struct worker_shared *shared, struct err *e)
{
    *w = (struct worker){.shared = shared};
    w->start_task.run = worker_run_start;
    w->drain_task.run = worker_run_drain;
    if (loop_start(&w->loop, e) != ERR_OK) {
        return e != NULL ? e->code : ERR_IO;
    }
    loop_post(&w->loop, &w->start_task);
    return ERR_OK;
}

void worker_drain(struct worker *w, void (*on_drained)(void *ctx), void *ctx)
{
    w->on_drained = on_drained;
    w->on_drained_ctx = ctx;
    loop_post(&w->loop, &w->drain_task);
}

void worker_check_end(struct worker *w)
{
    if (!w->draining || w->ended || w->oldest != NULL || w->exchange_count > 0) {
        return;
    }
    w->ended = true;
    uv_close((uv_handle_t *)&w->sweep, NULL);
    while (w->pool != NULL) {
        struct exchange *x = w->pool;
        w->pool = x->next;
        exchange_destroy(x);
    }
    loop_finish(&w->loop);
}

void worker_join(struct worker *w)
{
    loop_join(&w->loop);
}
