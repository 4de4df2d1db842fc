/*
 * The REST interface of the worker: routes, and the way a request takes. What only looks is
 * answered on the HTTP thread from the stores; what changes something, and everything that comes
 * before the stores are read, is a job of the herder.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "connect/runtime/herder.h"
#include "connect/runtime/worker_context.h"

struct http_server;
struct logger;

struct rest_server_config {
    const char *host;
    uint16_t port;
    struct herder *herder;
    /* Not used before the herder is ready; may be filled in after start, but for plugins and lg. */
    const struct worker_context *worker;
    bool topic_tracking_allow_reset;
    struct logger *lg;
};

struct rest_server;

enum err_code rest_server_start(const struct rest_server_config *config,
                                struct rest_server **out_server, struct err *e);
uint16_t rest_server_port(const struct rest_server *s);
void rest_server_stop(struct rest_server *s);
/* GET / shows it; "" until it is known. Copied. */
void rest_server_set_cluster_id(struct rest_server *s, const char *cluster_id);
