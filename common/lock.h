/*
 * A mutex that knows whether this thread holds it, and a condition with a monotonic deadline. Few
 * locks, held shortly, never over a callback.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
    pthread_mutex_t mutex;
    _Atomic uintptr_t owner; /* address of a thread-local of the holder; 0 = free */
};

void lock_init(struct lock *l);
void lock_deinit(struct lock *l);
/* Not recursive: CHECKs that this thread does not hold it. */
void lock_acquire(struct lock *l);
void lock_release(struct lock *l);
bool lock_held(const struct lock *l);

struct cond {
    pthread_cond_t cond;
};

void cond_init(struct cond *c);
void cond_deinit(struct cond *c);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);
/* The lock must be held; it is held again on return. Spurious wake-ups happen: test the condition
 * in a loop. */
void cond_wait(struct cond *c, struct lock *l);
/* As cond_wait, until the monotonic time (clock_mono_ns of the system clock). False when the
 * deadline passed. */
bool cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_mono_ns);
