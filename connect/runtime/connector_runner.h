/*
 * One connector on its own thread: starts it, asks for its task configs, watches for changes.
 *
 *   STARTING -> RUNNING -> ENDED (stop)
 *        \---------\----> FAILED (status FAILED with a trace; waits for stop)
 *
 * Task configs are left for the herder to take; it is woken for them and at the end.
 */
#pragma once

#include <stdbool.h>

#include "common/err.h"
#include "connect/include/connect_config.h"
#include "connect/include/connect_plugin.h"
#include "connect/runtime/worker_context.h"
#include "connect/store/connector_state.h"

struct connector_runner;

/* All functions: herder thread. A reference of the connector is taken. */
enum err_code connector_runner_start(const struct worker_context *worker,
                                     const struct connect_plugin *plugin,
                                     const struct connector_state *connector,
                                     struct connector_runner **out_runner, struct err *e);
/* Asks for the end; returns at once. */
void connector_runner_stop(struct connector_runner *r);
bool connector_runner_ended(const struct connector_runner *r);
bool connector_runner_stopping(const struct connector_runner *r);
const struct connector_state *connector_runner_connector(const struct connector_runner *r);
/* Moves new task configs out; false when there are none. */
bool connector_runner_take_tasks(struct connector_runner *r, struct connect_config_set *out_set);
/* Waits for the thread. */
void connector_runner_destroy(struct connector_runner *r);
