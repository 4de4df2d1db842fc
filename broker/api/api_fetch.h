/*
 * What the two halves of Fetch share: api_fetch.c reads, api_fetch_wait.c waits. Everything lies in
 * the request's arena and belongs to its loop; partition callbacks touch `lock`, `linked` and
 * nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/api/request.h"
#include "broker/controller/controller.h"
#include "broker/storage/partition.h"
#include "common/lock.h"
#include "protocol/generated/messages.h"

struct fetch;

/* One partition of the request. */
struct fetch_entry {
    struct fetch *fetch;
    struct partition *partition; /* NULL: the result is an error already */
    const struct kafka_fetch_request_partition *data;
    struct kafka_fetch_response_partition *result;
    struct partition_slice slice;
    bool read;   /* slice must be released */
    bool parked; /* waiter was added and not taken off */
    struct partition_waiter waiter;
};

struct fetch {
    struct request *rq;
    struct controller_view *view;
    struct kafka_fetch_response *response;
    struct fetch_entry *entries;
    size_t entry_count;
    size_t bytes; /* of records in the slices */
    size_t min_bytes;
    size_t max_bytes;
    bool read_committed;
    bool error_seen; /* some partition has an error: answer at once */
    bool over;       /* the time is up, or the client has gone */
    struct lock lock;
    size_t linked; /* waiters whose callback may still come; guarded by lock */
};

/* Releases what was read before, and reads every partition anew. */
void fetch_read(struct fetch *f);

void fetch_wait_init(struct fetch *f);
void fetch_wait_deinit(struct fetch *f);
/* Reads; answers now or after at most max_wait_ms. */
void fetch_wait_run(struct fetch *f, int32_t max_wait_ms);
