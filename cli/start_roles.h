/*
 * The roles of `weir start`, in the order in which they start; they stop in reverse. Each is
 * started through the public header of its folder, and all but the broker get nothing of the broker
 * but an address.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/conf.h"
#include "common/err.h"

struct logger;
struct metrics;

#define START_ADDRESS_MAX 320 /* a host name, a port */

/* What a role finds when it starts, and what it leaves for those behind it. */
struct start_context {
    const struct conf *conf;
    struct metrics *metrics;
    char bootstrap_servers[1024];             /* set from the outset, or by the broker */
    char registry_url[START_ADDRESS_MAX + 8]; /* empty, or set by the registry */
    const char *data_dir;
};

/* "kafka     listening on 127.0.0.1:9092", on standard output. */
void start_print_listener(const char *name, const char *scheme, const char *host, unsigned port);

struct start_role {
    const char *name;
    /* Prints what listens where. *out_handle is given to stop; lg outlives it. */
    enum err_code (*start)(struct start_context *ctx, struct logger *lg, void **out_handle,
                           struct err *e);
    /* Waits until the role answers: false when it does not yet. NULL = it does as soon as it has
     * started. */
    bool (*wait_ready)(void *handle, int timeout_ms);
    void (*stop)(void *handle);
};

#define START_ROLE_COUNT 4
extern const struct start_role start_roles[START_ROLE_COUNT];
