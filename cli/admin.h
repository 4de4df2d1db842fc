/* The admin port of `weir start`: GET /metrics (Prometheus text) and GET /status/ready. */
#pragma once

#include "common/conf.h"
#include "common/err.h"

struct admin;
struct logger;
struct metrics;

enum err_code admin_start(const struct conf *conf, struct metrics *metrics, struct logger *lg,
                          struct admin **out_admin, struct err *e) ERR_MUST_CHECK;
/* NULL is fine. */
void admin_stop(struct admin *a);
