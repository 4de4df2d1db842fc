/*
 * The streams role of `weir start`: loads applications from shared objects, and runs each on
 * threads of its own. A shared object exports weir_streams_app_build and finds the library's
 * functions in the program that loads it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct logger;
struct metrics;
struct streams_runtime;

struct streams_config {
    const char *bootstrap_servers;
    const char *registry_url; /* NULL: none; Avro serdes then fail */
    const char *state_dir;
    const char *const *apps; /* paths of shared objects */
    size_t app_count;
};

/* Fails when an application cannot be loaded or configured, with its path in the text; a broker
 * that is away is waited for in the background. metrics may be NULL. Both must outlive it. */
enum err_code streams_runtime_start(const struct streams_config *config, struct logger *lg,
                                    struct metrics *metrics, struct streams_runtime **out_runtime,
                                    struct err *e);
/* True when every application runs. Any thread. */
bool streams_runtime_ready(struct streams_runtime *r);
/* Commits and closes all. NULL is fine. */
void streams_runtime_stop(struct streams_runtime *r);
