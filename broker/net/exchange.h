/*
 * One request and its answer as the network sees them: the frame that came in, the public request
 * (broker/api/request.h) that the handler works on, and the bytes that go out.
 *
 *   WAITING --start--> RUNNING --request_respond & co--> FINISHED --sent or dropped--> free
 *
 * Only the loop of the connection changes the state. A call of request_respond from another thread
 * leaves its result in the exchange and posts it; the memory is reused only when no such task is
 * under way. Exchanges are pooled by the worker, with their arenas.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "broker/api/request.h"
#include "broker/net/frame_reader.h"
#include "broker/net/loop.h"
#include "broker/net/output.h"
#include "common/err.h"
#include "protocol/request_header.h"

struct connection;
struct worker;

enum exchange_state { EXCHANGE_FREE, EXCHANGE_WAITING, EXCHANGE_RUNNING, EXCHANGE_FINISHED };

enum exchange_outcome { EXCHANGE_NONE, EXCHANGE_RESPONSE, EXCHANGE_NOTHING, EXCHANGE_CLOSE };

struct exchange {
    struct request rq; /* first: request_* cast back */
    struct worker *worker;
    struct connection *connection; /* stays until the exchange is free */
    struct exchange *next;         /* in the connection's queue, or in the pool */
    enum exchange_state state;
    bool entered; /* handler code runs on the loop right now: finishing is noted, not posted */
    bool finished_inline; /* it was finished while entered */
    bool prepared;        /* the connection has looked at the outcome */
    bool proceeded;       /* the connection's next exchange may start */

    int64_t received_ns; /* when the frame was whole */
    struct bytes frame;
    struct frame_buffer *frame_ref;
    struct request_header header;

    /* Set by whoever finishes it, read by the loop after the task. */
    enum exchange_outcome outcome;
    const void *response;
    const char *close_reason;
    int64_t spliced_bytes; /* of the encoded response, at first */
    struct loop_task finish_task;

    struct loop_task post_task;
    void (*post_fn)(struct request *rq);
    atomic_bool posted;

    uv_timer_t timer;
    bool timer_ready; /* initialised in the worker's loop */
    void (*timer_fn)(struct request *rq);

    uv_work_t work;
    void (*work_fn)(struct request *rq);
    void (*after_fn)(struct request *rq);

    struct output output;
};

/* From the pool or the heap, in state WAITING; takes over the frame's reference. NULL when out of
 * memory, and the reference stays the caller's. */
struct exchange *exchange_create(struct worker *w, struct connection *c, struct bytes frame,
                                 struct frame_buffer *frame_ref);
/* Reads header and body. Failure means that the connection must be closed. */
ERR_MUST_CHECK enum err_code exchange_decode(struct exchange *x, struct err *e);
/* Runs the handler: WAITING to RUNNING, possibly to FINISHED. */
void exchange_start(struct exchange *x);
/* Encodes the response into the output. */
ERR_MUST_CHECK enum err_code exchange_encode(struct exchange *x, struct err *e);
/* The answer has left: into the metrics. */
void exchange_count(const struct exchange *x);
/* Runs the handler's cancel, if it is unfinished and has one. */
void exchange_cancel(struct exchange *x);
/* Back to the pool, after the handler's release. WAITING or FINISHED. */
void exchange_free(struct exchange *x);
/* Closes the timer and frees the memory, when the worker ends. */
void exchange_destroy(struct exchange *x);
