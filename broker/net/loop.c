#include "broker/net/loop.h"

#include <stddef.h>

#include "common/check.h"

static void loop_run_tasks(uv_async_t *handle)
{
    struct loop *l = handle->data;
    lock_acquire(&l->lock);
    struct loop_task *task = l->head;
    l->head = NULL;
    l->tail = NULL;
    lock_release(&l->lock);
    while (task != NULL) {
        struct loop_task *next = task->next;
        task->next = NULL;
        task->run(task);
        task = next;
    }
}

static void loop_thread(void *arg)
{
    struct loop *l = arg;
    (void)uv_run(&l->uv, UV_RUN_DEFAULT);
}

enum err_code loop_start(struct loop *l, struct err *e)
{
    *l = (struct loop){0};
    int rc = uv_loop_init(&l->uv);
    if (rc != 0) {
        return err_errno(e, -rc, "start event loop");
    }
    lock_init(&l->lock);
    l->wake.data = l;
    rc = uv_async_init(&l->uv, &l->wake, loop_run_tasks);
    if (rc == 0) {
        rc = uv_thread_create(&l->thread, loop_thread, l);
        if (rc == 0) {
            return ERR_OK;
        }
        uv_close((uv_handle_t *)&l->wake, NULL);
        (void)uv_run(&l->uv, UV_RUN_DEFAULT);
    }
    lock_deinit(&l->lock);
    (void)uv_loop_close(&l->uv);
    return err_errno(e, -rc, "start event loop thread");
}

void loop_post(struct loop *l, struct loop_task *task)
{
    CHECK(task->run != NULL);
    lock_acquire(&l->lock);
    task->next = NULL;
    if (l->tail != NULL) {
        l->tail->next = task;
    } else {
        l->head = task;
    }
    l->tail = task;
    /* Under the lock: the loop cannot see the task, finish and close the handle before this. */
    CHECK(uv_async_send(&l->wake) == 0);
    lock_release(&l->lock);
}

bool loop_is_current(const struct loop *l)
{
    uv_thread_t self = uv_thread_self();
    return uv_thread_equal(&self, &l->thread) != 0;
}

void loop_finish(struct loop *l)
{
    CHECK(loop_is_current(l));
    uv_close((uv_handle_t *)&l->wake, NULL);
}

void loop_join(struct loop *l)
{
    CHECK(uv_thread_join(&l->thread) == 0);
    CHECK(l->head == NULL);
    lock_deinit(&l->lock);
    CHECK(uv_loop_close(&l->uv) == 0);
}
