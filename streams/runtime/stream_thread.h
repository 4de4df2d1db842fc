/*
 * A stream thread: one consumer in the application's group, one producer, and the tasks of the
 * partitions that it was given. Everything here runs on that thread, rebalance callbacks included
 * (they come out of rd_kafka_consumer_poll); only the state, the counters and stop are shared.
 *
 *   session: topics prepared -> subscribed -> { poll, restore or process, commit } -> closed
 *
 * A session that fails for a reason that may pass (broker away, group membership lost) closes its
 * tasks without a commit and is started anew after a pause: records since the last commit are then
 * processed again. Any other failure ends the thread, and the application shows WEIR_STATE_ERROR.
 */
#pragma once

#include <stdatomic.h>

#include "common/err.h"
#include "streams/include/weir/streams.h"
#include "streams/task/task.h"

struct logger;
struct metrics;
struct registry_client;
struct stream_thread;

struct stream_thread_config {
    const struct weir_topology *topology;
    const struct weir_config *config;
    const char *client_id;            /* "<client.id>-StreamThread-1" */
    const char *state_dir;            /* <state.dir>/<application.id> */
    struct registry_client *registry; /* shared; NULL: none configured */
    struct logger *logger;            /* may be NULL */
    struct metrics *metrics;          /* may be NULL */
    size_t number;                    /* from 1 */
};

/* The config's pointers must outlive the thread. */
enum err_code stream_thread_create(const struct stream_thread_config *config,
                                   struct stream_thread **out_thread, struct err *e);
enum err_code stream_thread_start(struct stream_thread *t, struct err *e);
/* Asks it to end; any thread. */
void stream_thread_stop(struct stream_thread *t);
/* Waits for the end, if it was started. */
void stream_thread_join(struct stream_thread *t);
void stream_thread_destroy(struct stream_thread *t);
/* Any thread. */
enum weir_state stream_thread_state(const struct stream_thread *t);
/* After WEIR_STATE_ERROR. */
const struct err *stream_thread_error(const struct stream_thread *t);
const struct task_counters *stream_thread_counters(const struct stream_thread *t);
