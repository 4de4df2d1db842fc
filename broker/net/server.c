#include "broker/net/server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "broker/net/worker.h"
#include "common/check.h"
#include "common/lock.h"
#include "common/logger.h"
#include "common/mem.h"

#define SERVER_BACKLOG 1024
#define SERVER_ACCEPTS_PER_EVENT 64
/* After accept has failed for want of descriptors or memory. */
#define SERVER_ACCEPT_PAUSE_MS 200

struct server {
    struct worker_shared shared;
    struct worker *workers;
    int worker_count;
    int next_worker;
    int socket;
    uint16_t port;
    uv_poll_t listen_poll; /* these two in the loop of worker 0 */
    uv_timer_t accept_pause;
    struct loop_task open_task;
    struct loop_task close_task;
    struct lock lock; /* guards waiting_for */
    struct cond cond;
    int waiting_for;
};

static void server_on_connection(uv_poll_t *handle, int status, int events);

/* ---- waiting for the loops ---- */

static void server_wait(struct server *s)
{
    lock_acquire(&s->lock);
    while (s->waiting_for > 0) {
        cond_wait(&s->cond, &s->lock);
    }
    lock_release(&s->lock);
}

static void server_notify(void *ctx)
{
    struct server *s = ctx;
    lock_acquire(&s->lock);
    CHECK(s->waiting_for > 0);
    s->waiting_for--;
    cond_signal(&s->cond);
    lock_release(&s->lock);
}

/* ---- the listening socket ---- */

static enum err_code server_bind(int fd, const struct addrinfo *address, const char *host,
                                 const char *port, struct err *e)
{
    int one = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) != 0 || listen(fd, SERVER_BACKLOG) != 0) {
        return err_errno(e, errno, "listen on %s:%s", host, port);
    }
    return ERR_OK;
}

static enum err_code server_listen(const char *host, uint16_t port, int *out_socket, struct err *e)
{
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    int rc = getaddrinfo(host, service, &hints, &addresses);
    if (rc != 0) {
        return err_set(e, ERR_INVALID, "listen on %s: %s", host, gai_strerror(rc));
    }
    int fd = socket(addresses->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    enum err_code code = fd < 0 ? err_errno(e, errno, "listen on %s:%s", host, service)
                                : server_bind(fd, addresses, host, service, e);
    freeaddrinfo(addresses);
    if (code != ERR_OK) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return code;
    }
    *out_socket = fd;
    return ERR_OK;
}

static uint16_t server_bound_port(int socket)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = {0};
    socklen_t length = sizeof address;
    CHECK(getsockname(socket, &address.any, &length) == 0);
    return ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

static void server_on_pause_end(uv_timer_t *timer)
{
    struct server *s = timer->data;
    CHECK(uv_poll_start(&s->listen_poll, UV_READABLE, server_on_connection) == 0);
}

/* Without descriptors or memory the event would come again at once: wait a little instead. */
static void server_pause_accepting(struct server *s, int errnum)
{
    logger_warn(s->shared.logger, "server.accept-failed", "errno=%d retry_ms=%d", errnum,
                SERVER_ACCEPT_PAUSE_MS);
    (void)uv_poll_stop(&s->listen_poll);
    CHECK(uv_timer_start(&s->accept_pause, server_on_pause_end, SERVER_ACCEPT_PAUSE_MS, 0) == 0);
}

static void server_deal(struct server *s, int socket)
{
    if (atomic_load(&s->shared.connection_count) >= s->shared.max_connections) {
        atomic_fetch_add(&s->shared.refused_count, 1);
        (void)close(socket);
        return;
    }
    atomic_fetch_add(&s->shared.connection_count, 1);
    atomic_fetch_add(&s->shared.accepted_count, 1);
    worker_adopt(&s->workers[s->next_worker], socket);
    s->next_worker = (s->next_worker + 1) % s->worker_count;
}

static void server_on_connection(uv_poll_t *handle, int status, int events)
{
    struct server *s = handle->data;
    (void)events;
    if (status < 0) {
        server_pause_accepting(s, -status);
        return;
    }
    for (int i = 0; i < SERVER_ACCEPTS_PER_EVENT; i++) {
        int fd = accept4(s->socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            server_deal(s, fd);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            server_pause_accepting(s, errno);
            return;
        } /* else that one connection is gone already */
    }
}

static void server_run_open(struct loop_task *task)
{
    struct server *s = (struct server *)(void *)((char *)task - offsetof(struct server, open_task));
    uv_loop_t *uv = &s->workers[0].loop.uv;
    CHECK(uv_timer_init(uv, &s->accept_pause) == 0);
    CHECK(uv_poll_init(uv, &s->listen_poll, s->socket) == 0);
    s->accept_pause.data = s;
    s->listen_poll.data = s;
    CHECK(uv_poll_start(&s->listen_poll, UV_READABLE, server_on_connection) == 0);
    server_notify(s);
}

static void server_run_close(struct loop_task *task)
{
    struct server *s =
        (struct server *)(void *)((char *)task - offsetof(struct server, close_task));
    uv_close((uv_handle_t *)&s->accept_pause, NULL);
    uv_close((uv_handle_t *)&s->listen_poll, NULL);
    (void)close(s->socket);
    server_notify(s);
}

/* ---- lifetime ---- */

static void server_free(struct server *s)
{
    cond_deinit(&s->cond);
    lock_deinit(&s->lock);
    mem_free(s->workers);
    mem_free(s);
}

static void server_end_workers(struct server *s)
{
    s->waiting_for = s->worker_count;
    for (int i = 0; i < s->worker_count; i++) {
        worker_drain(&s->workers[i], server_notify, s);
    }
    server_wait(s);
}

static void server_join_workers(struct server *s)
{
    for (int i = 0; i < s->worker_count; i++) {
        worker_join(&s->workers[i]);
    }
}

static enum err_code server_start_workers(struct server *s, int count, struct err *e)
{
    s->workers = mem_calloc((size_t)count, sizeof *s->workers);
    if (s->workers == NULL) {
        return err_nomem(e, "start server");
    }
    for (; s->worker_count < count; s->worker_count++) {
        enum err_code code = worker_start(&s->workers[s->worker_count], &s->shared, e);
        if (code != ERR_OK) {
            server_end_workers(s);
            server_join_workers(s);
            return code;
        }
    }
    return ERR_OK;
}

enum err_code server_start(const struct server_config *config, struct broker *broker,
                           struct logger *logger, struct server **out_server, struct err *e)
{
    CHECK(config->workers > 0);
    struct server *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "start server");
    }
    s->shared.broker = broker;
    s->shared.logger = logger;
    s->shared.max_connections = config->max_connections;
    s->shared.idle_timeout_ms = config->idle_timeout_ms;
    s->shared.request_max_bytes = config->request_max_bytes;
    net_metrics_init(&s->shared.metrics, config->metrics);
    s->open_task.run = server_run_open;
    s->close_task.run = server_run_close;
    lock_init(&s->lock);
    cond_init(&s->cond);
    enum err_code code = server_listen(config->host, config->port, &s->socket, e);
    if (code == ERR_OK) {
        code = server_start_workers(s, config->workers, e);
        if (code != ERR_OK) {
            (void)close(s->socket);
        }
    }
    if (code != ERR_OK) {
        server_free(s);
        return code;
    }
    s->port = server_bound_port(s->socket);
    *out_server = s; /* before the door opens: handlers ask for the port */
    s->waiting_for = 1;
    loop_post(&s->workers[0].loop, &s->open_task);
    server_wait(s);
    return ERR_OK;
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

void server_drain(struct server *s)
{
    /* First the door: no socket is handed to a worker that has ended. */
    s->waiting_for = 1;
    loop_post(&s->workers[0].loop, &s->close_task);
    server_wait(s);
    server_end_workers(s);
}

void server_stop(struct server *s)
{
    server_join_workers(s);
    server_free(s);
}

void server_get_stats(const struct server *s, struct server_stats *out_stats)
{
    *out_stats = (struct server_stats){
        .connections = atomic_load(&s->shared.connection_count),
        .accepted = atomic_load(&s->shared.accepted_count),
        .refused = atomic_load(&s->shared.refused_count),
        .malformed = atomic_load(&s->shared.malformed_count),
        .requests = atomic_load(&s->shared.request_count),
    };
}
