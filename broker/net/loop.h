/*
 * A thread that runs one libuv loop, and the only way for other threads to reach it: a list of
 * tasks that lie inside the objects they concern, so that posting never allocates and is bounded by
 * the number of objects.
 *
 * Lifetime: loop_start, then loop_post from any thread; loop_finish on the loop's own thread once
 * nothing else will be posted and every other handle is closed or closing; loop_join from the
 * thread that started it.
 */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "common/err.h"
#include "common/lock.h"

struct loop_task {
    struct loop_task *next;
    void (*run)(struct loop_task *task);
};

struct loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_thread_t thread;
    struct lock lock; /* guards head and tail */
    struct loop_task *head;
    struct loop_task *tail;
};

/* Starts the thread. On failure nothing needs undoing. */
ERR_MUST_CHECK enum err_code loop_start(struct loop *l, struct err *e);
/* Runs task->run(task) on the loop, in the order of posting. The task must not be in a queue. */
void loop_post(struct loop *l, struct loop_task *task);
bool loop_is_current(const struct loop *l);
/* Loop thread only: the thread ends when the last handle is closed. */
void loop_finish(struct loop *l);
void loop_join(struct loop *l);
