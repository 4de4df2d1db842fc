/*
 * The one thread that starts and stops connectors and tasks. It compares what should run (the
 * config store) with what does, and takes one step towards it, whenever something has changed; so
 * it does not matter in which order news comes, or whether it is told twice.
 *
 * REST requests that change something are jobs on its bounded queue, done one after the other: each
 * writes to the config topic, waits until that is read back, and answers. Everything that only
 * looks is answered from the stores without it.
 *
 * A single worker owns all connectors and tasks of the group. The place where several workers would
 * divide them is herder_owns() in herder.c: a group protocol over the broker replaces it.
 */
#pragma once

#include <stdbool.h>

#include "common/err.h"
#include "connect/runtime/worker_context.h"

struct herder;

/* A job: run() is called once, on the herder thread; discard() instead when the herder stops or is
 * full. */
struct herder_job {
    struct herder_job *next;
    void (*run)(struct herder_job *job, struct herder *h);
    void (*discard)(struct herder_job *job);
};

enum err_code herder_create(struct herder **out_herder, struct err *e);
/* The context's stores are open by now; it must outlive the herder. */
enum err_code herder_start(struct herder *h, const struct worker_context *worker, struct err *e);
/* Stops all tasks and connectors (flushing and committing), then the thread. */
void herder_stop(struct herder *h);
void herder_destroy(struct herder *h);

/* Look at everything again. Any thread. */
void herder_wake(struct herder *h);
/* Takes the job, or ERR_LIMIT when the queue is full. Any thread. */
enum err_code herder_submit(struct herder *h, struct herder_job *take_job, struct err *e);
/* All stores are read: requests can be answered. Any thread. */
bool herder_ready(struct herder *h);

/* From jobs (herder thread) and the config topic (any thread): restart what matches. */
void herder_restart(struct herder *h, const char *connector, bool include_tasks, bool only_failed);
/* Herder thread: decides now what the restarts asked for so far apply to. */
void herder_mark_restarts(struct herder *h);
/* Herder thread. False when there is no such task. */
bool herder_restart_task(struct herder *h, const char *connector, int task);
/* Herder thread: no task or connector thread of that name is left. */
bool herder_is_idle(struct herder *h, const char *connector);
/* Herder thread: takes the steps that are due now. */
void herder_reconcile(struct herder *h);
