/* For those who bring a logger of their own: as weir_streams_create. */
#pragma once

#include "common/err.h"
#include "streams/include/weir/streams.h"

struct logger;
struct metrics;

/* Takes the topology on success. lg and metrics may be NULL and must outlive the application. */
enum err_code streams_create(struct weir_topology *t, const struct weir_config *config,
                             struct logger *lg, struct metrics *metrics,
                             struct weir_streams **out_streams, struct err *e);
