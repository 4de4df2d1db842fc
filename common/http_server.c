#include "common/http_server.h"

#include <errno.h>
#include <netdb.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/http_accept.h"
#include "common/http_internal.h"
#include "common/logger.h"
#include "common/mem.h"
#include "common/text.h"

#define HTTP_SERVER_BODY_BYTES ((size_t)16 * 1024 * 1024)
#define HTTP_SERVER_HEADER_BYTES ((size_t)32 * 1024)
#define HTTP_SERVER_CONNECTIONS 1000
#define HTTP_SERVER_IDLE_S 60
#define HTTP_SERVER_ANSWER_MS 90000
#define HTTP_SERVER_THREADS 2
#define HTTP_SERVER_ARENA_BYTES ((size_t)256 * 1024)
#define HTTP_SERVER_BACKLOG 511
/* A refused body up to this size is read and thrown away, so that a client which does not look at
 * the answer before it has sent everything still gets it; past it the connection is cut. */
#define HTTP_SERVER_DISCARD_BYTES ((uint64_t)256 * 1024 * 1024)

static const char *const http_server_json[] = {"application/json", NULL};

static void http_server_refuse(struct http_request *rq, unsigned status, const char *text)
{
    if (rq->refused_text == NULL) {
        rq->refused_status = status;
        rq->refused_text = text;
        rq->discarding = true;
    }
}

static const struct http_server_route *http_server_find(const struct http_request *rq,
                                                        const char *method, bool *out_path_known)
{
    const struct http_server_config *config = &rq->server->config;
    for (size_t i = 0; i < config->route_count; i++) {
        const struct http_server_route *route = &config->routes[i];
        if (http_route_matches(route->path, &rq->path)) {
            *out_path_known = true;
            if (strcmp(route->method, method) == 0) {
                return route;
            }
        }
    }
    return NULL;
}

/* The methods of the path, for OPTIONS and 405. */
static void http_server_add_allow(struct http_request *rq)
{
    char allow[128] = "OPTIONS";
    size_t at = strlen(allow);
    const struct http_server_config *config = &rq->server->config;
    for (size_t i = 0; i < config->route_count && at < sizeof allow; i++) {
        const struct http_server_route *route = &config->routes[i];
        if (http_route_matches(route->path, &rq->path) && strstr(allow, route->method) == NULL) {
            bool head = strcmp(route->method, MHD_HTTP_METHOD_GET) == 0;
            int n = snprintf(allow + at, sizeof allow - at, ",%s%s", route->method,
                             head ? ",HEAD" : "");
            at += n > 0 ? (size_t)n : 0;
        }
    }
    http_request_add_header(rq, MHD_HTTP_HEADER_ALLOW, allow);
}

static void http_server_route_request(struct http_request *rq)
{
    struct err e = {.code = ERR_OK};
    if (http_route_split(&rq->arena, rq->target, &rq->path, &e) != ERR_OK) {
        if (e.code == ERR_INVALID) {
            http_server_refuse(rq, MHD_HTTP_BAD_REQUEST, "HTTP 400 Bad Request");
        } else {
            http_server_refuse(rq, MHD_HTTP_NOT_FOUND, "HTTP 404 Not Found");
        }
        return;
    }
    bool known = false;
    rq->route = http_server_find(rq, rq->method, &known);
    if (rq->route == NULL && strcmp(rq->method, MHD_HTTP_METHOD_HEAD) == 0) {
        rq->route = http_server_find(rq, MHD_HTTP_METHOD_GET, &known);
    }
    if (rq->route != NULL) {
        return;
    }
    if (!known) {
        http_server_refuse(rq, MHD_HTTP_NOT_FOUND, "HTTP 404 Not Found");
        return;
    }
    http_server_add_allow(rq);
    if (strcmp(rq->method, MHD_HTTP_METHOD_OPTIONS) == 0) {
        http_server_refuse(rq, MHD_HTTP_OK, "");
    } else {
        http_server_refuse(rq, MHD_HTTP_METHOD_NOT_ALLOWED, "HTTP 405 Method Not Allowed");
    }
}

static void http_server_examine_types(struct http_request *rq)
{
    const struct http_server_config *config = &rq->server->config;
    rq->content_type =
        http_accept_choose(http_request_header(rq, MHD_HTTP_HEADER_ACCEPT), config->produces);
    if (rq->content_type == NULL) {
        rq->content_type = config->produces[0];
        http_server_refuse(rq, MHD_HTTP_NOT_ACCEPTABLE, "HTTP 406 Not Acceptable");
    }
    if (config->consumes == NULL || rq->method[0] == 'G') {
        return; /* a GET has no body whose type could matter */
    }
    const char *sent = http_request_header(rq, MHD_HTTP_HEADER_CONTENT_TYPE);
    if (sent != NULL && !http_accept_consumes(sent, config->consumes)) {
        http_server_refuse(rq, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "HTTP 415 Unsupported Media Type");
    }
}

static void http_server_refuse_body(struct http_request *rq)
{
    char *text = arena_alloc(&rq->arena, 96);
    if (text != NULL) {
        (void)snprintf(text, 96, "Request body is larger than the limit of %zu bytes",
                       rq->server->config.body_limit_bytes);
    }
    http_server_refuse(rq, MHD_HTTP_CONTENT_TOO_LARGE,
                       text != NULL ? text : "Request body is too large");
    buf_deinit(&rq->body);
}

static enum MHD_Result http_server_queue(struct http_request *rq)
{
    if (rq->response == NULL) {
        return MHD_NO; /* out of memory: the connection is closed */
    }
    enum MHD_Result result = MHD_queue_response(rq->connection, rq->status, rq->response);
    const struct http_server_config *config = &rq->server->config;
    if (config->observe != NULL) {
        config->observe(config->ctx, rq->method, rq->route != NULL ? rq->route->path : NULL,
                        rq->status, clock_mono_ns(clock_system()) - rq->started_ns);
    }
    return result;
}

static enum MHD_Result http_server_queue_refusal(struct http_request *rq)
{
    if (http_request_claim(rq)) {
        struct MHD_Response *response =
            rq->refused_status == MHD_HTTP_OK
                ? http_request_make(rq, NULL, bytes_of("", 0))
                : http_request_make_error(rq, rq->refused_status, (int)rq->refused_status,
                                          rq->refused_text);
        http_request_settle(rq, rq->refused_status, response);
    }
    return http_server_queue(rq);
}

/* The head is complete: everything that can be refused without the body is. */
static enum MHD_Result http_server_begin(struct http_request *rq)
{
    rq->started = true;
    http_server_examine_types(rq);
    http_server_route_request(rq);
    if (rq->method[0] == 'G' && !rq->discarding) {
        return MHD_YES; /* should it have a body after all, it is bounded while it comes in */
    }
    const char *length = http_request_header(rq, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t announced = 0;
    if (length != NULL && !text_parse_int64(length, &announced)) {
        announced = INT64_MAX; /* the library has let it through, so it is a number, past 2^63 */
    }
    if (announced > 0 && (uint64_t)announced > rq->server->config.body_limit_bytes) {
        http_server_refuse_body(rq);
    }
    bool waits = http_request_header(rq, MHD_HTTP_HEADER_EXPECT) != NULL;
    if (rq->discarding && (waits || (uint64_t)announced > HTTP_SERVER_DISCARD_BYTES)) {
        return http_server_queue_refusal(rq);
    }
    return MHD_YES;
}

static enum MHD_Result http_server_take_body(struct http_request *rq, const char *data, size_t *len)
{
    size_t n = *len;
    *len = 0;
    if (!rq->discarding) {
        buf_append(&rq->body, data, n);
        if (buf_failed(&rq->body)) {
            http_server_refuse_body(rq);
        }
        return MHD_YES;
    }
    rq->discarded_bytes += n;
    return rq->discarded_bytes > HTTP_SERVER_DISCARD_BYTES ? MHD_NO : MHD_YES;
}

/* Puts the request into the list of kept ones; false when the server is stopping. */
static bool http_server_keep(struct http_request *rq)
{
    struct http_server *s = rq->server;
    lock_acquire(&s->lock);
    bool keep = !s->stopping;
    if (keep) {
        rq->deadline_ns =
            clock_mono_ns(clock_system()) + (int64_t)s->config.answer_timeout_ms * 1000000;
        rq->prev = s->last;
        if (s->last != NULL) {
            s->last->next = rq;
        } else {
            s->first = rq;
            cond_broadcast(&s->changed);
        }
        s->last = rq;
    }
    lock_release(&s->lock);
    return keep;
}

static void http_server_answer_late(struct http_request *rq, const char *text)
{
    http_request_settle(rq, MHD_HTTP_SERVICE_UNAVAILABLE,
                        http_request_make_error(rq, MHD_HTTP_SERVICE_UNAVAILABLE,
                                                MHD_HTTP_SERVICE_UNAVAILABLE, text));
}

static enum MHD_Result http_server_dispatch(struct http_request *rq)
{
    struct http_server *s = rq->server;
    (void)buf_text(&rq->body);
    rq->dispatched = true;
    http_request_ref(rq);
    if (s->config.filter == NULL || !s->config.filter(s->config.ctx, rq)) {
        rq->route->handler(s->config.ctx, rq);
    }
    if (atomic_load(&rq->state) == HTTP_ANSWERED) {
        return http_server_queue(rq);
    }
    if (!http_server_keep(rq)) {
        if (http_request_claim(rq)) {
            http_server_answer_late(rq, "The server is stopping");
            return http_server_queue(rq);
        }
        /* Another thread is answering this very moment; it only has to build the response. */
        while (atomic_load(&rq->state) != HTTP_ANSWERED) {
            (void)sched_yield();
        }
        return http_server_queue(rq);
    }
    MHD_suspend_connection(rq->connection);
    int running = HTTP_RUNNING;
    if (!atomic_compare_exchange_strong(&rq->state, &running, HTTP_SUSPENDED)) {
        /* Answered in between, by a thread that saw it running and left the waking to us. */
        atomic_store(&rq->state, HTTP_SUSPENDED);
        http_request_settle(rq, rq->status, rq->response);
    }
    return MHD_YES;
}

static void *http_server_on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct http_server *s = cls;
    struct http_request *rq = mem_calloc(1, sizeof *rq);
    if (rq == NULL) {
        return NULL;
    }
    rq->server = s;
    rq->connection = connection;
    rq->started_ns = clock_mono_ns(clock_system());
    rq->content_type = s->config.produces[0];
    atomic_init(&rq->refs, 1);
    arena_init(&rq->arena, HTTP_SERVER_ARENA_BYTES);
    buf_init(&rq->body, s->config.body_limit_bytes);
    rq->target = arena_strdup(&rq->arena, uri);
    return rq;
}

/* The library's signature. NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result http_server_on_access(void *cls, struct MHD_Connection *connection,
                                             const char *url, const char *method,
                                             const char *version, const char *data, size_t *len,
                                             void **con_cls)
{
    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    struct http_request *rq = *con_cls;
    if (rq == NULL || rq->target == NULL) {
        return MHD_NO;
    }
    if (!rq->started) {
        rq->method = arena_strdup(&rq->arena, method);
        return rq->method != NULL ? http_server_begin(rq) : MHD_NO;
    }
    if (*len > 0) {
        return http_server_take_body(rq, data, len);
    }
    if (rq->dispatched) {
        return http_server_queue(rq);
    }
    return rq->discarding ? http_server_queue_refusal(rq) : http_server_dispatch(rq);
}

static void http_server_on_complete(void *cls, struct MHD_Connection *connection, void **con_cls,
                                    enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    if (*con_cls != NULL) {
        http_request_unref(*con_cls);
        *con_cls = NULL;
    }
}

/* The first kept request that is due and that nobody else is answering, claimed. Under the lock. */
static struct http_request *http_server_due(struct http_server *s, int64_t now_ns)
{
    CHECK(lock_held(&s->lock));
    for (struct http_request *rq = s->first; rq != NULL; rq = rq->next) {
        if (!s->stopping && rq->deadline_ns > now_ns) {
            return NULL;
        }
        if (http_request_claim(rq)) {
            return rq;
        }
    }
    return NULL;
}

/* Answers kept requests that took too long; when the server stops, all of them. Ends with the
 * list. */
static void *http_server_timer(void *arg)
{
    struct http_server *s = arg;
    lock_acquire(&s->lock);
    while (!s->stopping || s->first != NULL) {
        struct http_request *rq = http_server_due(s, clock_mono_ns(clock_system()));
        if (rq != NULL) {
            const char *text = s->stopping ? "The server is stopping" : "Request timed out";
            lock_release(&s->lock);
            http_server_answer_late(rq, text);
            lock_acquire(&s->lock);
        } else if (s->first != NULL && !s->stopping) {
            (void)cond_wait_until(&s->changed, &s->lock, s->first->deadline_ns);
        } else {
            cond_wait(&s->changed, &s->lock);
        }
    }
    lock_release(&s->lock);
    return NULL;
}

static enum err_code http_server_listen_one(const struct addrinfo *address, int *out_fd,
                                            struct err *e)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_errno(e, errno, "create socket");
    }
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) != 0 ||
        listen(fd, HTTP_SERVER_BACKLOG) != 0) {
        int errnum = errno;
        (void)close(fd);
        if (errnum == EADDRINUSE) {
            return err_set(e, ERR_EXISTS, "address already in use");
        }
        return err_errno(e, errnum, "bind");
    }
    *out_fd = fd;
    return ERR_OK;
}

static enum err_code http_server_listen(const char *host, uint16_t port, int *out_fd, struct err *e)
{
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0) {
        return err_set(e, ERR_INVALID, "listen on %s:%u: %s", host, (unsigned)port,
                       gai_strerror(rc));
    }
    enum err_code code = ERR_NOT_FOUND;
    for (const struct addrinfo *a = found; a != NULL && code != ERR_OK; a = a->ai_next) {
        code = http_server_listen_one(a, out_fd, e);
    }
    freeaddrinfo(found);
    if (code != ERR_OK) {
        (void)err_wrap(e, "listen on %s:%u", host, (unsigned)port);
    }
    return code;
}

static uint16_t http_server_bound_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char service[8] = "0";
    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0) {
        (void)getnameinfo((struct sockaddr *)&address, len, NULL, 0, service, sizeof service,
                          NI_NUMERICSERV);
    }
    int64_t port = 0;
    return text_parse_int64(service, &port) ? (uint16_t)port : 0;
}

static void http_server_set_defaults(struct http_server_config *c)
{
    c->host = c->host != NULL ? c->host : "127.0.0.1";
    c->produces = c->produces != NULL ? c->produces : http_server_json;
    c->body_limit_bytes = c->body_limit_bytes > 0 ? c->body_limit_bytes : HTTP_SERVER_BODY_BYTES;
    c->header_limit_bytes =
        c->header_limit_bytes > 0 ? c->header_limit_bytes : HTTP_SERVER_HEADER_BYTES;
    c->connection_limit = c->connection_limit > 0 ? c->connection_limit : HTTP_SERVER_CONNECTIONS;
    c->idle_timeout_s = c->idle_timeout_s > 0 ? c->idle_timeout_s : HTTP_SERVER_IDLE_S;
    c->answer_timeout_ms = c->answer_timeout_ms > 0 ? c->answer_timeout_ms : HTTP_SERVER_ANSWER_MS;
    c->thread_count = c->thread_count > 0 ? c->thread_count : HTTP_SERVER_THREADS;
}

static void ERR_PRINTF(2, 0) http_server_log(void *cls, const char *fmt, va_list args)
{
    const struct http_server *s = cls;
    if (!logger_enabled(s->config.lg, LOGGER_DEBUG)) {
        return;
    }
    char line[256];
    (void)vsnprintf(line, sizeof line, fmt, args);
    logger_debug(s->config.lg, "http.library", "text=%s", line);
}

static struct MHD_Daemon *http_server_start_daemon(struct http_server *s, int fd)
{
    const struct http_server_config *c = &s->config;
    unsigned pool = c->thread_count > 1 ? c->thread_count : 0;
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        http_server_on_access, s, MHD_OPTION_EXTERNAL_LOGGER, http_server_log, s,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, http_server_on_uri, s,
        MHD_OPTION_NOTIFY_COMPLETED, http_server_on_complete, s, MHD_OPTION_THREAD_POOL_SIZE, pool,
        MHD_OPTION_CONNECTION_LIMIT, c->connection_limit, MHD_OPTION_CONNECTION_TIMEOUT,
        c->idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, c->header_limit_bytes,
        MHD_OPTION_END);
}

enum err_code http_server_start(const struct http_server_config *config,
                                struct http_server **out_server, struct err *e)
{
    struct http_server *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "HTTP server");
    }
    s->config = *config;
    http_server_set_defaults(&s->config);
    lock_init(&s->lock);
    cond_init(&s->changed);
    int fd = -1;
    enum err_code code = http_server_listen(s->config.host, s->config.port, &fd, e);
    if (code != ERR_OK) {
        http_server_stop(s);
        return code;
    }
    s->port = http_server_bound_port(fd);
    if (pthread_create(&s->timer, NULL, http_server_timer, s) != 0) {
        (void)close(fd);
        http_server_stop(s);
        return err_set(e, ERR_NOMEM, "start HTTP server: no thread");
    }
    s->timer_running = true;
    s->daemon = http_server_start_daemon(s, fd);
    if (s->daemon == NULL) {
        (void)close(fd);
        http_server_stop(s);
        return err_set(e, ERR_INTERNAL, "start HTTP server on port %u", (unsigned)s->port);
    }
    *out_server = s;
    return ERR_OK;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_stop(struct http_server *s)
{
    if (s == NULL) {
        return;
    }
    if (s->daemon != NULL) {
        MHD_socket fd = MHD_quiesce_daemon(s->daemon);
        if (fd != MHD_INVALID_SOCKET) {
            (void)close(fd);
        }
    }
    lock_acquire(&s->lock);
    s->stopping = true;
    cond_broadcast(&s->changed);
    lock_release(&s->lock);
    if (s->timer_running) {
        (void)pthread_join(s->timer, NULL);
    }
    if (s->daemon != NULL) {
        MHD_stop_daemon(s->daemon);
    }
    cond_deinit(&s->changed);
    lock_deinit(&s->lock);
    mem_free(s);
}
