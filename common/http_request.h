/*
 * What a handler sees of one HTTP request, and how it answers. A handler owns the request until it
 * answers, which it does exactly once: at once, or later from any thread after keeping the pointer.
 * Answering gives the request back; the pointer is dead then. When the answer comes too late (the
 * server answered 503 after its time limit, or was stopped) it is dropped silently.
 *
 * http_request_query and http_request_header may be called only on the handler's thread before it
 * returns (copy what is needed later). Method, path parameters and body stay valid until the
 * answer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes.h"
#include "common/err.h"
#include "common/http_server.h"

struct http_request_shared;

const char *http_request_method(const struct http_request *rq);
/* The path as it was sent, without the query; for messages. */
const char *http_request_path(const struct http_request *rq);
/* The value of {name} in the route, percent-decoded after splitting ("%2F" stays inside its
 * segment,
 * "+" is itself). CHECKs that the route has that name. Never NULL. */
const char *http_request_param(const struct http_request *rq, const char *name);
/* The first value of a query parameter, decoded; NULL when absent, "" when without a value. */
const char *http_request_query(const struct http_request *rq, const char *name);
/* All values of a repeatable one: calls each(ctx, value). */
void http_request_query_each(const struct http_request *rq, const char *name,
                             void (*each)(void *ctx, const char *value), void *ctx);
/* "true" in any case is true; everything else, and absence, is false (as JAX-RS reads booleans). */
bool http_request_query_bool(const struct http_request *rq, const char *name);
/* Any case; NULL when absent. */
const char *http_request_header(const struct http_request *rq, const char *name);
/* Empty when there was none; always followed by a NUL that does not count. */
struct bytes http_request_body(const struct http_request *rq);

/* Adds a header to the answer to come; only before answering, by the owner. */
void http_request_add_header(struct http_request *rq, const char *name, const char *value);

/* The body is copied; its type is the negotiated one. Status 204 sends none. */
void http_request_respond(struct http_request *rq, unsigned status, struct bytes body);
/* As above with another content type. */
void http_request_respond_typed(struct http_request *rq, unsigned status, const char *content_type,
                                struct bytes body);
/* An error body by the server's formatter. */
void http_request_respond_error(struct http_request *rq, unsigned status, int code, const char *fmt,
                                ...) ERR_PRINTF(4, 5);

/*
 * An answer that was made once and is sent many times, without copying. Immutable, counted, any
 * thread. content_type NULL is not allowed: it must not depend on the request.
 */
struct http_request_shared *http_request_shared_create(unsigned status, const char *content_type,
                                                       struct bytes body);
struct http_request_shared *http_request_shared_ref(struct http_request_shared *shared);
void http_request_shared_unref(struct http_request_shared *shared);
/* Whether the request's negotiated type is the given one, so that the shared answer fits. */
bool http_request_wants(const struct http_request *rq, const char *content_type);
/* Sends it; the caller keeps its reference. Headers of the server and of http_request_add_header
 * are not sent with it. */
void http_request_respond_shared(struct http_request *rq, struct http_request_shared *shared);
