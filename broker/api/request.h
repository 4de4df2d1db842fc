/*
 * One request of a client, from the decoded frame to the last byte of its answer.
 *
 * A handler gets it on the loop thread of its connection and must not block there. It finishes now
 * or later, on any thread, by calling exactly one of request_respond, request_respond_nothing and
 * request_close; after that call it must not touch the request again. Until then the request and
 * all that it points to stay valid, also when the client has gone: the answer is then dropped
 * quietly.
 *
 * The arena is the handler's: body and client_id lie in it or in the frame, the response should
 * too. It is not thread-safe: whoever works on the request at the moment owns it.
 *
 * Order: a connection's answers leave in the order of its requests. The next request of the
 * connection is started when this one is finished, or already when the handler says request_proceed
 * (Produce does, once the batches are in the log: what comes next may see them, and the wait for
 * the disk does not hold it up).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/bytes.h"

struct broker;
struct request;

/* Runs on the connection's loop when the client has gone or the broker stops, while the request is
 * unfinished. It may finish the request; if it does not (someone else is about to), nothing is
 * lost.
 */
typedef void (*request_cancel_fn)(struct request *rq);
/* Runs on the connection's loop after the answer has left or was dropped: the place to let go of
 * what the response referred to outside the arena (segment files of a fetch). */
typedef void (*request_release_fn)(struct request *rq);

struct request {
    struct broker *broker;
    int16_t api_key;
    int16_t version;
    int32_t correlation_id;
    struct bytes client_id;  /* null when the client sent null */
    const char *client_host; /* numeric address, "127.0.0.1"; valid as long as the request */
    const void *body; /* struct kafka_<api>_request, decoded; NULL for an ApiVersions of a version
                       * that we do not have, which is answered in version 0 */
    struct arena arena;
    void *state; /* the handler's own, between its steps */
    request_cancel_fn cancel;
    request_release_fn release;
};

/* Zeroed memory from the arena, or NULL; see arena_failed. */
static inline void *request_alloc(struct request *rq, size_t size)
{
    return arena_alloc(&rq->arena, size);
}

/* Ends the request with this struct kafka_<api>_response, which must stay valid until release.
 * Any thread. */
void request_respond(struct request *rq, const void *response);
/* Ends it without an answer: Produce with acks=0. Any thread. */
void request_respond_nothing(struct request *rq);
/* Ends it by closing the connection: what cannot be answered, such as no memory for the answer, or
 * an error of Produce with acks=0. The reason is logged at info. Any thread. */
void request_close(struct request *rq, const char *reason);
/* The effects of this request are in place: the connection's next one may start. Loop thread only,
 * at most once, before the request is finished. */
void request_proceed(struct request *rq);

/* Runs fn(rq) on the request's loop, soon: for handlers that must come back from another thread.
 * Any thread; at most one call may be under way for a request. A handler that uses this or the
 * timer finishes the request on the loop only: fn is then never called for a finished one. */
void request_post(struct request *rq, void (*fn)(struct request *rq));
/* Runs fn(rq) on the loop after delay_ms, unless stopped or finished before. One timer per request.
 * Loop thread only, from the handler or one of its callbacks. */
void request_start_timer(struct request *rq, int64_t delay_ms, void (*fn)(struct request *rq));
void request_stop_timer(struct request *rq);
/* Runs work(rq) on a thread of the pool, for what may take long, then after(rq) on the loop, which
 * the rule above holds for as well. Loop thread only, one at a time. */
void request_offload(struct request *rq, void (*work)(struct request *rq),
                     void (*after)(struct request *rq));
