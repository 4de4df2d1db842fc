#include "broker/net/output.h"

#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#define OUTPUT_KEPT_BYTES ((size_t)16 * 1024)
/* One system call moves at most this much, so that the budget stays meaningful. */
#define OUTPUT_CALL_BYTES ((size_t)1024 * 1024)

void output_init(struct output *o, size_t head_limit_bytes, struct arena *arena)
{
    *o = (struct output){0};
    buf_init(&o->head, head_limit_bytes);
    message_splices_init(&o->splices, arena);
}

void output_deinit(struct output *o)
{
    buf_deinit(&o->head);
}

void output_reset(struct output *o)
{
    size_t limit = o->head.limit_bytes;
    if (o->head.capacity > OUTPUT_KEPT_BYTES) {
        buf_deinit(&o->head);
        buf_init(&o->head, limit);
    } else {
        buf_clear(&o->head);
    }
    message_splices_init(&o->splices, o->splices.arena);
    o->splice_next = 0;
    o->sent = 0;
    o->more_follows = false;
}

int64_t output_spliced_bytes(const struct output *o)
{
    int64_t sum = 0;
    for (size_t i = 0; i < o->splices.count; i++) {
        sum += o->splices.items[i].records.file_length;
    }
    return sum;
}

size_t output_pending_bytes(const struct output *o)
{
    return o->head.len - o->sent;
}

/* The result of a system call that moved n bytes or failed. */
static enum output_status output_after(ssize_t n, size_t *budget_bytes)
{
    if (n < 0) {
        if (errno == EINTR) {
            return OUTPUT_YIELD;
        }
        return errno == EAGAIN ? OUTPUT_BLOCKED : OUTPUT_FAILED;
    }
    *budget_bytes -= (size_t)n < *budget_bytes ? (size_t)n : *budget_bytes;
    return OUTPUT_DONE;
}

static enum output_status output_send_memory(struct output *o, size_t until, int socket,
                                             size_t *budget_bytes)
{
    size_t len = until - o->sent;
    /* More follows at once: let the kernel fill the packet. */
    bool more = o->more_follows || o->splice_next < o->splices.count;
    int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    ssize_t n = send(socket, o->head.data + o->sent,
                     len < OUTPUT_CALL_BYTES ? len : OUTPUT_CALL_BYTES, flags);
    enum output_status status = output_after(n, budget_bytes);
    if (status == OUTPUT_DONE) {
        o->sent += (size_t)n;
    }
    return status;
}

static enum output_status output_send_file(struct output *o, int socket, size_t *budget_bytes)
{
    struct kafka_records *part = &o->splices.items[o->splice_next].records;
    size_t left = (size_t)part->file_length;
    size_t len = left < OUTPUT_CALL_BYTES ? left : OUTPUT_CALL_BYTES;
    off_t position = part->file_position;
    ssize_t n = sendfile(socket, part->fd, &position, len);
    if (n == 0) {
        errno = EIO; /* the file ends before the splice: the promised length cannot be kept */
        return OUTPUT_FAILED;
    }
    enum output_status status = output_after(n, budget_bytes);
    if (status == OUTPUT_DONE) {
        part->file_position += n;
        part->file_length -= (int32_t)n;
        if (part->file_length == 0) {
            o->splice_next++;
        }
    }
    return status;
}

enum output_status output_send(struct output *o, int socket, size_t *budget_bytes)
{
    for (;;) {
        bool splice_left = o->splice_next < o->splices.count;
        size_t until = splice_left ? o->splices.items[o->splice_next].position : o->head.len;
        if (o->sent == until && !splice_left) {
            return OUTPUT_DONE;
        }
        if (*budget_bytes == 0) {
            return OUTPUT_YIELD;
        }
        enum output_status status = o->sent < until
                                        ? output_send_memory(o, until, socket, budget_bytes)
                                        : output_send_file(o, socket, budget_bytes);
        if (status == OUTPUT_YIELD) {
            continue; /* interrupted */
        }
        if (status != OUTPUT_DONE) {
            return status;
        }
    }
}
