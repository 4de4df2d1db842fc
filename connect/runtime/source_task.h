/*
 * One source task on its own thread: poll -> transforms -> converters -> producer -> offsets.
 *
 *   STARTING -> RUNNING <-> PAUSED      set_paused
 *       \          \          \-> ENDED   stop: flushes, commits, says UNASSIGNED
 *        \----------\------------> FAILED  any error that is not retriable; says FAILED with a
 * trace
 *
 * An offset is committed only when Kafka has acknowledged its record and all earlier ones of the
 * same source partition, so a crash repeats records but never loses one. ENDED and FAILED are
 * final: the herder is woken and destroys the object.
 */
#pragma once

#include <stdbool.h>

#include "common/err.h"
#include "connect/include/connect_config.h"
#include "connect/include/connect_plugin.h"
#include "connect/runtime/worker_context.h"
#include "connect/store/connector_state.h"

struct source_task;

struct source_task_config {
    const struct worker_context *worker;
    const struct connect_plugin *plugin;
    const struct connector_state *connector; /* a reference is taken */
    int id;
    bool paused;
};

/* All further functions: herder thread. */
enum err_code source_task_start(const struct source_task_config *config,
                                struct source_task **out_task, struct err *e);
/* Asks for the end; returns at once. */
void source_task_stop(struct source_task *t);
void source_task_set_paused(struct source_task *t, bool paused);
/* ENDED or FAILED: destroy will not wait. */
bool source_task_ended(const struct source_task *t);
bool source_task_failed(const struct source_task *t);
bool source_task_stopping(const struct source_task *t);
/* What it runs on. */
const struct connector_state *source_task_connector(const struct source_task *t);
/* Waits for the thread. */
void source_task_destroy(struct source_task *t);
