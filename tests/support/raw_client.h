/* A client that sends what it is told, byte for byte, on a blocking socket with a deadline. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/bytes.h"

#define RAW_CLIENT_DEADLINE_MS 20000

/* A connected socket; the test fails when there is none. */
int raw_client_connect(uint16_t port);
void raw_client_close(int socket);
/* False when the other side has closed. */
bool raw_client_send(int socket, const void *data, size_t len);
/* The length and `frame`. */
bool raw_client_send_frame(int socket, struct bytes frame);
/* One frame without its length appended to out. False at the end of the stream; the test fails when
 * the deadline passes. */
bool raw_client_read_frame(int socket, struct buf *out);
/* Reads and drops until the other side closes. */
void raw_client_expect_closed(int socket);
/* No more bytes from us; we still read. */
void raw_client_end_input(int socket);
/* Header v1, without tagged fields; body appended by the caller. */
void raw_client_header(struct buf *frame, int16_t key, int16_t version, int32_t correlation_id);
