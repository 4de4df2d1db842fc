/*
 * A loop with the connections that it owns. Everything in here belongs to the loop's thread, except
 * worker_adopt and worker_drain, which post to it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "broker/net/loop.h"
#include "broker/net/net_metrics.h"
#include "common/err.h"

struct broker;
struct connection;
struct exchange;
struct logger;
struct worker;

/* The same for all workers of a server, and what they count together. */
struct worker_shared {
    struct broker *broker;
    struct logger *logger;
    int32_t max_connections;
    int64_t idle_timeout_ms;
    size_t request_max_bytes;
    struct net_metrics metrics;
    /* Received and not yet let go of, in all connections together. */
    _Atomic size_t buffered_bytes;
    _Atomic int32_t connection_count;
    _Atomic uint64_t accepted_count;
    _Atomic uint64_t refused_count; /* over max_connections */
    _Atomic uint64_t malformed_count;
    _Atomic uint64_t request_count;
};

struct worker {
    struct loop loop;
    struct worker_shared *shared;
    struct connection *oldest; /* by last activity; the newest end is where they are put */
    struct connection *newest;
    struct exchange *pool;
    size_t pool_count;
    size_t exchange_count; /* outside the pool */
    uv_timer_t sweep;
    bool ended; /* the timer is closed, the thread about to end */
    bool draining;
    void (*on_drained)(void *ctx);
    void *on_drained_ctx;
    int64_t drain_deadline_ms;
    struct loop_task start_task;
    struct loop_task drain_task;
};

ERR_MUST_CHECK enum err_code worker_start(struct worker *w, struct worker_shared *shared,
                                          struct err *e);
/* Hands over an accepted socket; any thread. The socket is closed when that is not possible. */
void worker_adopt(struct worker *w, int socket);
/* No new requests from here on: connections close as soon as what is under way is answered, or a
 * few seconds later. on_drained runs on the loop when no handler will be started any more. Any
 * thread, once. The thread ends by itself when the last request is finished. */
void worker_drain(struct worker *w, void (*on_drained)(void *ctx), void *ctx);
/* After worker_drain. Waits for the end of the thread. */
void worker_join(struct worker *w);

/* For connections. */
void worker_link(struct worker *w, struct connection *c);
void worker_unlink(struct worker *w, struct connection *c);
/* Marks it as the most recently active. */
void worker_touch(struct worker *w, struct connection *c);
/* A connection or an exchange is gone: while draining, that may have been the last. */
void worker_check_end(struct worker *w);
