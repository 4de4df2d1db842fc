#include "broker/net/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/net/exchange.h"
#include "broker/net/worker.h"
#include "common/check.h"
#include "common/logger.h"
#include "common/mem.h"

/* Back-pressure: above any of these nothing more is read, or started. */
#define CONNECTION_EXCHANGES_MAX 256
#define CONNECTION_FRAME_BYTES_MAX ((size_t)32 * 1024 * 1024)
#define CONNECTION_UNSENT_BYTES_MAX ((size_t)4 * 1024 * 1024)
/* All connections together. Above the first, only connections that have nothing under way are read;
 * above the second, those in the middle of a large request are closed. */
#define CONNECTION_ALL_BYTES_SOFT ((size_t)256 * 1024 * 1024)
#define CONNECTION_ALL_BYTES_HARD ((size_t)1024 * 1024 * 1024)
/* A request below this is never the reason. */
#define CONNECTION_LARGE_BYTES ((size_t)1024 * 1024)
/* What one event may move before the other connections of the loop get their turn. */
#define CONNECTION_READ_BUDGET_BYTES ((size_t)2 * 1024 * 1024)
#define CONNECTION_WRITE_BUDGET_BYTES ((size_t)4 * 1024 * 1024)

static void connection_on_poll(uv_poll_t *handle, int status, int events);

static void connection_describe_peer(struct connection *c)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    c->host[0] = '?';
    if (getpeername(c->socket, (struct sockaddr *)&address, &length) != 0) {
        return;
    }
    if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&address;
        (void)uv_ip6_name(in6, c->host, sizeof c->host);
    } else if (address.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&address;
        (void)uv_ip4_name(in, c->host, sizeof c->host);
    }
}

void connection_refuse(struct worker *w, int socket)
{
    (void)close(socket);
    atomic_fetch_sub(&w->shared->connection_count, 1);
}

void connection_open(struct worker *w, int socket)
{
    struct connection *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        connection_refuse(w, socket);
        return;
    }
    c->worker = w;
    c->socket = socket;
    c->poll_events = -1;
    int one = 1;
    /* Answers are written whole; without it the last segment of one waits for the peer's ack. */
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    connection_describe_peer(c);
    frame_reader_init(&c->frames, w->shared->request_max_bytes);
    if (uv_poll_init(&w->loop.uv, &c->poll, socket) != 0) {
        connection_refuse(w, socket);
        mem_free(c);
        return;
    }
    c->poll.data = c;
    c->active_ms = (int64_t)uv_now(&w->loop.uv);
    worker_link(w, c);
    connection_pump(c);
}

static void connection_free_if_unused(struct connection *c)
{
    if (c->state == CONNECTION_CLOSED && c->handle_closed && c->exchange_count == 0 &&
        !c->pumping) {
        mem_free(c);
    }
}

static void connection_on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    c->handle_closed = true;
    connection_free_if_unused(c);
}

/* ---- the queue of exchanges ---- */

static void connection_enqueue(struct connection *c, struct exchange *x)
{
    if (c->tail != NULL) {
        c->tail->next = x;
    } else {
        c->head = x;
    }
    c->tail = x;
    if (c->next_start == NULL) {
        c->next_start = x;
    }
    c->exchange_count++;
    c->frame_bytes += x->frame.len;
}

/* Takes the exchange behind `before` (NULL = the head) out and frees it. */
static void connection_remove(struct connection *c, struct exchange *before)
{
    struct exchange *x = before == NULL ? c->head : before->next;
    if (before == NULL) {
        c->head = x->next;
    } else {
        before->next = x->next;
    }
    if (c->tail == x) {
        c->tail = before;
    }
    if (c->next_start == x) {
        c->next_start = x->next;
    }
    if (c->last_start == x) {
        c->last_start = NULL;
    }
    CHECK(c->exchange_count > 0);
    c->exchange_count--;
    c->frame_bytes -= x->frame.len;
    atomic_fetch_sub_explicit(&c->worker->shared->buffered_bytes, x->frame.len + FRAME_LENGTH_BYTES,
                              memory_order_relaxed);
    c->unsent_bytes -= output_pending_bytes(&x->output);
    exchange_free(x);
}

/* Frees those in a state that needs no handler any more: with `waiting`, those not yet started;
 * with `finished`, those whose answer is not wanted any more. */
static void connection_remove_all(struct connection *c, bool waiting, bool finished)
{
    struct exchange *before = NULL;
    struct exchange *x = c->head;
    while (x != NULL) {
        struct exchange *next = x->next;
        if ((waiting && x->state == EXCHANGE_WAITING) ||
            (finished && x->state == EXCHANGE_FINISHED)) {
            connection_remove(c, before);
        } else {
            before = x;
        }
        x = next;
    }
}

static void connection_cancel_running(struct connection *c)
{
    for (struct exchange *x = c->head; x != NULL; x = x->next) {
        exchange_cancel(x);
    }
}

/* ---- closing ---- */

void connection_close(struct connection *c, const char *reason)
{
    if (c->state == CONNECTION_CLOSED) {
        return;
    }
    struct worker *w = c->worker;
    if (reason != NULL) {
        logger_info(w->shared->logger, "connection.closed", "peer=%s reason=%s", c->host, reason);
    }
    c->state = CONNECTION_CLOSED;
    uv_close((uv_handle_t *)&c->poll, connection_on_closed);
    (void)close(c->socket);
    c->socket = -1;
    atomic_fetch_sub_explicit(&w->shared->buffered_bytes, frame_reader_pending(&c->frames),
                              memory_order_relaxed);
    frame_reader_deinit(&c->frames);
    worker_unlink(w, c);
    atomic_fetch_sub(&w->shared->connection_count, 1);
    connection_remove_all(c, true, false);
    bool outer = c->pumping;
    c->pumping = true; /* a cancelled handler may finish: no recursion */
    connection_cancel_running(c);
    c->pumping = outer;
    connection_remove_all(c, false, true);
    worker_check_end(w);
}

void connection_drain(struct connection *c)
{
    if (c->state != CONNECTION_OPEN) {
        return;
    }
    c->state = CONNECTION_DRAINING;
    connection_remove_all(c, true, false);
    connection_cancel_running(c);
    connection_pump(c);
}

bool connection_idle(const struct connection *c)
{
    for (const struct exchange *x = c->head; x != NULL; x = x->next) {
        if (x->state != EXCHANGE_FINISHED) {
            return false;
        }
    }
    return true;
}

/* ---- reading ---- */

static size_t connection_all_bytes(const struct connection *c)
{
    return atomic_load_explicit(&c->worker->shared->buffered_bytes, memory_order_relaxed);
}

static bool connection_may_read(const struct connection *c)
{
    if (c->exchange_count > 0 && connection_all_bytes(c) > CONNECTION_ALL_BYTES_SOFT) {
        return false;
    }
    return c->state == CONNECTION_OPEN && !c->input_ended &&
           c->exchange_count < CONNECTION_EXCHANGES_MAX &&
           c->frame_bytes < CONNECTION_FRAME_BYTES_MAX;
}

/* Turns what has arrived into waiting exchanges, as far as back-pressure lets it. False when the
 * connection had to be closed. */
static bool connection_parse(struct connection *c)
{
    while (c->state == CONNECTION_OPEN && c->exchange_count < CONNECTION_EXCHANGES_MAX &&
           c->frame_bytes < CONNECTION_FRAME_BYTES_MAX) {
        struct bytes frame;
        struct frame_buffer *ref = NULL;
        enum frame_status status = frame_reader_next(&c->frames, &frame, &ref);
        if (status == FRAME_NONE) {
            break;
        }
        if (status == FRAME_BAD) {
            atomic_fetch_add(&c->worker->shared->malformed_count, 1);
            connection_close(c, "not a Kafka request: bad length (another protocol, or TLS?)");
            return false;
        }
        struct exchange *x = exchange_create(c->worker, c, frame, ref);
        if (x == NULL) {
            frame_buffer_unref(ref);
            connection_close(c, "out of memory");
            return false;
        }
        connection_enqueue(c, x);
    }
    return true;
}

/* One recv. Returns true when more may be there. */
static bool connection_receive(struct connection *c, size_t *budget)
{
    size_t size = 0;
    uint8_t *space = frame_reader_space(&c->frames, &size);
    if (space == NULL) {
        connection_close(c, "out of memory");
        return false;
    }
    ssize_t n = recv(c->socket, space, size, 0);
    if (n > 0) {
        frame_reader_commit(&c->frames, (size_t)n);
        atomic_fetch_add_explicit(&c->worker->shared->buffered_bytes, (size_t)n,
                                  memory_order_relaxed);
        if (connection_all_bytes(c) > CONNECTION_ALL_BYTES_HARD &&
            frame_reader_pending(&c->frames) > CONNECTION_LARGE_BYTES) {
            connection_close(c, "too many large requests at a time");
            return false;
        }
        net_metrics_received(&c->worker->shared->metrics, (size_t)n);
        *budget -= (size_t)n < *budget ? (size_t)n : *budget;
        return connection_parse(c) && (size_t)n == size;
    }
    if (n == 0) {
        c->input_ended = true;
        connection_cancel_running(c); /* nobody listens to a long poll any more */
    } else if (errno == EINTR) {
        return true;
    } else if (errno != EAGAIN) {
        connection_close(c, errno == ECONNRESET ? NULL : "read failed");
    }
    return false;
}

static void connection_read(struct connection *c)
{
    size_t budget = CONNECTION_READ_BUDGET_BYTES;
    while (budget > 0 && connection_may_read(c)) {
        if (!connection_receive(c, &budget)) {
            break;
        }
    }
    if (c->state != CONNECTION_CLOSED) {
        frame_reader_trim(&c->frames);
    }
}

/* ---- starting and answering ---- */

/* An exchange has become FINISHED: makes its bytes ready. */
static void connection_prepare(struct connection *c, struct exchange *x)
{
    struct err e = {0};
    if (x->prepared || c->state == CONNECTION_CLOSED) {
        return;
    }
    x->prepared = true;
    if (x->outcome == EXCHANGE_CLOSE) {
        connection_close(c, x->close_reason);
    } else if (x->outcome == EXCHANGE_RESPONSE) {
        enum err_code code = exchange_encode(x, &e);
        c->unsent_bytes += output_pending_bytes(&x->output);
        if (code != ERR_OK) {
            connection_close(c, e.text);
        }
    }
}

/* Starts the next waiting exchange if its turn has come. True when it did. */
static bool connection_start_next(struct connection *c)
{
    struct exchange *x = c->next_start;
    if (x == NULL || c->unsent_bytes > CONNECTION_UNSENT_BYTES_MAX) {
        return false;
    }
    struct exchange *last = c->last_start;
    if (last != NULL && last->state != EXCHANGE_FINISHED && !last->proceeded) {
        return false;
    }
    struct err e = {0};
    if (exchange_decode(x, &e) != ERR_OK) {
        atomic_fetch_add(&c->worker->shared->malformed_count, 1);
        connection_close(c, e.text);
        return false;
    }
    c->next_start = x->next;
    c->last_start = x;
    exchange_start(x);
    return true;
}

/* Sends the answers at the head of the queue. True when one was finished. */
static bool connection_flush(struct connection *c)
{
    size_t budget = CONNECTION_WRITE_BUDGET_BYTES;
    bool progress = false;
    while (c->state != CONNECTION_CLOSED && !c->write_blocked && c->head != NULL &&
           c->head->state == EXCHANGE_FINISHED) {
        struct exchange *x = c->head;
        connection_prepare(c, x);
        if (c->state == CONNECTION_CLOSED) {
            return false;
        }
        size_t pending = output_pending_bytes(&x->output);
        /* Many small answers (one flush has finished many produces) leave as one packet. */
        x->output.more_follows = x->next != NULL && x->next->state == EXCHANGE_FINISHED &&
                                 x->next->outcome == EXCHANGE_RESPONSE;
        enum output_status status = output_send(&x->output, c->socket, &budget);
        c->unsent_bytes -= pending - output_pending_bytes(&x->output);
        switch (status) {
        case OUTPUT_DONE:
            exchange_count(x);
            connection_remove(c, NULL);
            progress = true;
            break;
        case OUTPUT_BLOCKED:
        case OUTPUT_YIELD:
            c->write_blocked = true; /* the next event carries on */
            break;
        case OUTPUT_FAILED:
            connection_close(c, errno == EPIPE || errno == ECONNRESET ? NULL : "write failed");
            return false;
        }
    }
    return progress;
}

static void connection_update_poll(struct connection *c)
{
    int events = (connection_may_read(c) ? UV_READABLE : 0) | (c->write_blocked ? UV_WRITABLE : 0);
    if (events == c->poll_events) {
        return;
    }
    c->poll_events = events;
    int rc =
        events != 0 ? uv_poll_start(&c->poll, events, connection_on_poll) : uv_poll_stop(&c->poll);
    if (rc != 0) {
        connection_close(c, "cannot poll the socket");
    }
}

void connection_pump(struct connection *c)
{
    if (c->pumping) {
        return;
    }
    c->pumping = true;
    bool progress = true;
    while (progress && c->state != CONNECTION_CLOSED) {
        progress = connection_parse(c) && connection_start_next(c);
        progress = connection_flush(c) || progress;
    }
    if (c->state != CONNECTION_CLOSED && c->exchange_count == 0 &&
        (c->state == CONNECTION_DRAINING || c->input_ended)) {
        connection_close(c, NULL);
    }
    if (c->state == CONNECTION_CLOSED) {
        connection_remove_all(c, true, true);
    } else {
        connection_update_poll(c);
    }
    c->pumping = false;
    connection_free_if_unused(c);
}

static void connection_on_poll(uv_poll_t *handle, int status, int events)
{
    struct connection *c = handle->data;
    if (status < 0) {
        connection_close(c, NULL);
        return;
    }
    worker_touch(c->worker, c);
    if ((events & UV_WRITABLE) != 0) {
        c->write_blocked = false;
    }
    if ((events & UV_READABLE) != 0) {
        connection_read(c);
    }
    connection_pump(c);
}
