#include "common/lock.h"

#include <errno.h>
#include <time.h>

#include "common/check.h"

static uintptr_t lock_self(void)
{
    static _Thread_local char marker; /* its address is unique among living threads */
    return (uintptr_t)&marker;
}

void lock_init(struct lock *l)
{
    CHECK(pthread_mutex_init(&l->mutex, NULL) == 0);
    l->owner = 0;
}

void lock_deinit(struct lock *l)
{
    CHECK(l->owner == 0);
    CHECK(pthread_mutex_destroy(&l->mutex) == 0);
}

void lock_acquire(struct lock *l)
{
    CHECK(!lock_held(l));
    CHECK(pthread_mutex_lock(&l->mutex) == 0);
    l->owner = lock_self();
}

void lock_release(struct lock *l)
{
    CHECK(lock_held(l));
    l->owner = 0;
    CHECK(pthread_mutex_unlock(&l->mutex) == 0);
}

bool lock_held(const struct lock *l)
{
    return l->owner == lock_self();
}

void cond_init(struct cond *c)
{
    pthread_condattr_t attr;
    CHECK(pthread_condattr_init(&attr) == 0);
    CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&c->cond, &attr) == 0);
    CHECK(pthread_condattr_destroy(&attr) == 0);
}

void cond_deinit(struct cond *c)
{
    CHECK(pthread_cond_destroy(&c->cond) == 0);
}

void cond_signal(struct cond *c)
{
    CHECK(pthread_cond_signal(&c->cond) == 0);
}

void cond_broadcast(struct cond *c)
{
    CHECK(pthread_cond_broadcast(&c->cond) == 0);
}

void cond_wait(struct cond *c, struct lock *l)
{
    CHECK(lock_held(l));
    l->owner = 0;
    CHECK(pthread_cond_wait(&c->cond, &l->mutex) == 0);
    l->owner = lock_self();
}

bool cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_mono_ns)
{
    CHECK(lock_held(l));
    struct timespec ts = {.tv_sec = (time_t)(deadline_mono_ns / 1000000000),
                          .tv_nsec = (long)(deadline_mono_ns % 1000000000)};
    l->owner = 0;
    int rc = pthread_cond_timedwait(&c->cond, &l->mutex, &ts);
    l->owner = lock_self();
    CHECK(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}
