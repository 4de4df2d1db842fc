/*
 * One HTTP port: libmicrohttpd with an epoll thread pool, routes as a table. A handler runs on a
 * pool thread and must not block: it either answers at once or keeps the request and answers later
 * from any thread (common/http_request.h). What a client may send is bounded before a handler sees
 * it: header bytes, body bytes, connections, time.
 *
 * Thread-safe after start. Ownership: the tables and texts of the configuration are borrowed until
 * http_server_stop; host is copied.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

struct buf;
struct http_request;
struct http_server;
struct logger;

/* Must answer the request exactly once, now or later: see http_request_respond. */
typedef void (*http_server_handler_fn)(void *ctx, struct http_request *rq);

/* path is "/subjects/{subject}/versions/{version}": a segment is a literal or one {name}. The first
 * row that matches wins, so literals stand before names. HEAD is answered from GET; OPTIONS lists
 * the methods of the path, unless a row says otherwise. */
struct http_server_route {
    const char *method;
    const char *path;
    http_server_handler_fn handler;
};

/* Appends the body of an error answer. code is what the handler gave, or the HTTP status for errors
 * of the server itself (404, 405, 406, 413, 415, 503). */
typedef void (*http_server_error_fn)(void *ctx, unsigned status, int code, const char *message,
                                     struct buf *out);
/* Called before the handler: authentication, read-only modes. True = it has answered. */
typedef bool (*http_server_filter_fn)(void *ctx, struct http_request *rq);
/* Called once after each answer was queued; route is the pattern, or NULL when none matched. */
typedef void (*http_server_observe_fn)(void *ctx, const char *method, const char *route,
                                       unsigned status, int64_t duration_ns);

struct http_server_header {
    const char *name;
    const char *value;
};

struct http_server_config {
    const char *host; /* NULL = 127.0.0.1; a name or an address, v4 or v6 */
    uint16_t port;    /* 0 = any free one, see http_server_port */
    const struct http_server_route *routes;
    size_t route_count;
    void *ctx; /* for handlers and every hook below */
    struct logger *lg;

    /* NULL = {"error_code":CODE,"message":"TEXT"}, the form of the registry and of Connect. */
    http_server_error_fn error;
    http_server_filter_fn filter;
    http_server_observe_fn observe;
    /* Added to every answer (CORS, server name). */
    const struct http_server_header *headers;
    size_t header_count;

    /* Answers are of the first of these types that the Accept header allows (406 when none is); the
     * first is the default. NULL-terminated; NULL = application/json only. */
    const char *const *produces;
    /* Content types that a body may have (415 otherwise; no Content-Type is fine). NULL-terminated;
     * NULL = any. */
    const char *const *consumes;

    /* 0 = the default. */
    size_t body_limit_bytes;    /* 16 MiB; more is 413, and is never buffered */
    size_t header_limit_bytes;  /* 32 KiB a connection; more is 431 */
    unsigned connection_limit;  /* 1000; more are closed at accept */
    unsigned idle_timeout_s;    /* 60: a connection that sends nothing */
    unsigned answer_timeout_ms; /* 90000: a handler that kept the request; the client gets 503 */
    unsigned thread_count;      /* 2 */
};

/* Binds and listens; requests are served before it returns. ERR_EXISTS when the port is taken. */
enum err_code http_server_start(const struct http_server_config *config,
                                struct http_server **out_server, struct err *e);
/* The port it listens on. */
uint16_t http_server_port(const struct http_server *s);
/* Closes the port, answers kept requests with 503, waits for answers in progress, frees all. A
 * handler's thread may still call http_request_respond for a kept request afterwards: it is a
 * no-op. NULL is fine. */
void http_server_stop(struct http_server *s);
