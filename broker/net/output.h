/*
 * Bytes on their way to a socket: encoded memory with parts of files spliced in. Record batches of
 * a fetch go from the page cache to the socket (sendfile) and never through our memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "protocol/message.h"

struct output {
    struct buf head;
    struct message_splices splices;
    /* Progress. */
    size_t sent;        /* of head */
    size_t splice_next; /* first splice that is not wholly sent */
    bool more_follows;  /* another output is sent right behind: the kernel may wait for it */
};

enum output_status { OUTPUT_DONE, OUTPUT_BLOCKED, OUTPUT_YIELD, OUTPUT_FAILED };

/* Splices are noted in the arena, which must live until output_reset. */
void output_init(struct output *o, size_t head_limit_bytes, struct arena *arena);
void output_deinit(struct output *o);
/* Empties it; memory is kept up to a small size. */
void output_reset(struct output *o);
/* Bytes of files that are spliced in. */
int64_t output_spliced_bytes(const struct output *o);
/* Bytes of memory (not of files) still to be sent. */
size_t output_pending_bytes(const struct output *o);
/* Writes what the socket takes, at most *budget_bytes, which it reduces: YIELD when the budget is
 * used up and the socket might take more. FAILED: errno is set; a file shorter than its splice is
 * EIO. */
enum output_status output_send(struct output *o, int socket, size_t *budget_bytes);
