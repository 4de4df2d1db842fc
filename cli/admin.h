/* The admin port of `weir start`: GET /metrics (Prometheus text) and GET /status/ready, which is
 * 200 once every role answers and 503 with the name of one that does not until then. */
#pragma once

#include "common/conf.h"
#include "common/err.h"

struct admin;
struct logger;
struct metrics;

struct admin_config {
    const struct conf *conf;
    struct metrics *metrics;
    /* The role that is not ready yet, or NULL. From any thread, between start and stop. */
    const char *(*waits_for)(void *ctx);
    void *ctx;
};

enum err_code admin_start(const struct admin_config *config, struct logger *lg,
                          struct admin **out_admin, struct err *e) ERR_MUST_CHECK;
/* NULL is fine. */
void admin_stop(struct admin *a);
