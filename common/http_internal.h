/*
 * The request and the server as http_server.c and http_request.c share them; nobody else includes
 * this.
 *
 * The life of a request. The pool thread that owns the connection creates it, collects the body and
 * calls the handler. `claimed` decides who answers: the handler's side, the timer, or stop; whoever
 * sets it first builds the response, the others are dropped. `state` then settles who wakes whom:
 *
 *     RUNNING --handler returned without an answer--> SUSPENDED   (pool thread)
 *     RUNNING --answered--> ANSWERED      the pool thread finds it and queues the response
 *     SUSPENDED --answered--> ANSWERED    the answering thread resumes the connection
 *
 * References: one of the connection (until libmicrohttpd reports completion), one of the handler
 * (until it answers).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <microhttpd.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/http_request.h"
#include "common/http_route.h"
#include "common/http_server.h"
#include "common/lock.h"

#define HTTP_INTERNAL_HEADER_MAX 16

enum http_internal_state { HTTP_RUNNING, HTTP_SUSPENDED, HTTP_ANSWERED };

struct http_request {
    struct http_server *server; /* not to be used after the answer */
    struct MHD_Connection *connection;
    const struct http_server_route *route;
    const char *method;
    const char *target; /* path and query as sent */
    struct http_route_path path;
    struct arena arena;
    struct buf body;
    const char *content_type; /* negotiated */

    bool started;    /* the head has been examined */
    bool discarding; /* the body is read and thrown away, because refused_status is set */
    unsigned refused_status;
    const char *refused_text;
    uint64_t discarded_bytes;
    bool dispatched;
    int64_t started_ns;

    struct http_server_header headers[HTTP_INTERNAL_HEADER_MAX];
    size_t header_count;

    _Atomic int refs;
    _Atomic bool claimed;
    _Atomic int state; /* enum http_internal_state */
    struct MHD_Response *response;
    struct http_request_shared *shared; /* whose response it is, if it is shared */
    unsigned status;

    /* In the server's list of kept requests, oldest first; under its lock. */
    struct http_request *prev;
    struct http_request *next;
    int64_t deadline_ns;
};

struct http_server {
    struct http_server_config config;
    struct MHD_Daemon *daemon;
    uint16_t port;
    struct lock lock;
    struct cond changed;
    struct http_request *first; /* kept requests */
    struct http_request *last;
    bool stopping;
    bool timer_running;
    pthread_t timer;
};

/* Gives the claimed request its response (taken over) and wakes the connection if it sleeps. */
void http_request_settle(struct http_request *rq, unsigned status, struct MHD_Response *response);
/* A response with the server's and the request's headers; NULL when out of memory. */
struct MHD_Response *http_request_make(struct http_request *rq, const char *content_type,
                                       struct bytes body);
/* The formatter's body for an error. */
struct MHD_Response *http_request_make_error(struct http_request *rq, unsigned status, int code,
                                             const char *message);
/* True for the one caller that may answer. */
bool http_request_claim(struct http_request *rq);
void http_request_ref(struct http_request *rq);
void http_request_unref(struct http_request *rq);
