/*
 * One client: reads frames, starts their handlers in order, sends the answers in order.
 *
 * Order and overlap: handlers start one after the other; the next starts when the last started one
 * has finished or said request_proceed. Back-pressure: nothing more is read while too many requests
 * or bytes are waiting, and no handler starts while the answers are not taken off.
 *
 *   OPEN --end of input, or drain--> DRAINING --all answered--> CLOSED --no exchange left--> freed
 *     \----------- error, refusal, idle ------------------------/
 *
 * All on the worker's loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "broker/net/frame_reader.h"

struct exchange;
struct worker;

enum connection_state { CONNECTION_OPEN, CONNECTION_DRAINING, CONNECTION_CLOSED };

#define CONNECTION_HOST_MAX 64

struct connection {
    struct worker *worker;
    struct connection *prev; /* worker's list, by activity */
    struct connection *next;
    uv_poll_t poll;
    int socket;
    enum connection_state state;
    bool handle_closed; /* libuv has let go of `poll` */
    bool pumping;
    bool input_ended;   /* the client will send no more */
    bool write_blocked; /* the socket's send buffer is full */
    int poll_events;    /* what is asked for at present; -1 = nothing yet */
    int64_t active_ms;

    struct frame_reader frames;
    struct exchange *head;       /* oldest: the next to be answered */
    struct exchange *tail;       /* newest */
    struct exchange *next_start; /* first that is WAITING */
    struct exchange *last_start; /* the last that was started, while in the queue */
    size_t exchange_count;
    size_t frame_bytes;  /* of all exchanges in the queue */
    size_t unsent_bytes; /* of encoded answers */
    char host[CONNECTION_HOST_MAX];
};

/* Takes the socket, which is counted in connection_count already. On failure it is closed. */
void connection_open(struct worker *w, int socket);
/* Closes a counted socket that never became a connection. Any thread. */
void connection_refuse(struct worker *w, int socket);
/* An exchange of this connection has changed: starts, sends, reads what is possible now. May free
 * the connection. */
void connection_pump(struct connection *c);
/* No further requests: waiting ones are dropped, those under way are cancelled, answers are sent.
 * May free it. */
void connection_drain(struct connection *c);
/* At once. reason NULL: an ordinary end, not logged. May free it. */
void connection_close(struct connection *c, const char *reason);
/* True when nothing is under way: the idle timeout may take it. */
bool connection_idle(const struct connection *c);
