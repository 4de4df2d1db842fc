/*
 * C11 threads by POSIX threads, linked into every program of the tsan preset. gcc 12's thread
 * sanitizer knows pthread_create, but not thrd_create, with which Debian's librdkafka starts its
 * threads: it crashes in the first of them. These definitions stand in front of glibc's, so that it
 * sees the threads, and the locks, of librdkafka too.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

#define TSAN_THREADS_EXPORT __attribute__((visibility("default")))

/* glibc's own names for the parameters are reserved ones.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

/* glibc's C11 types are its POSIX types under another name. */
_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t), "mtx_t");
_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "cnd_t");

struct tsan_threads_start {
    thrd_start_t run;
    void *arg;
};

static void *tsan_threads_main(void *arg)
{
    struct tsan_threads_start start = *(struct tsan_threads_start *)arg;
    free(arg);
    return (void *)(intptr_t)start.run(start.arg);
}

static int tsan_threads_result(int error)
{
    return error == 0           ? thrd_success
           : error == ETIMEDOUT ? thrd_timedout
           : error == EBUSY     ? thrd_busy
                                : thrd_error;
}

TSAN_THREADS_EXPORT int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
    struct tsan_threads_start *start = malloc(sizeof *start);
    if (start == NULL) {
        return thrd_nomem;
    }
    *start = (struct tsan_threads_start){run, arg};
    int error = pthread_create(thread, NULL, tsan_threads_main, start);
    if (error != 0) {
        free(start);
    }
    return tsan_threads_result(error);
}

TSAN_THREADS_EXPORT int thrd_join(thrd_t thread, int *result)
{
    void *value = NULL;
    int error = pthread_join(thread, &value);
    if (result != NULL) {
        *result = (int)(intptr_t)value;
    }
    return tsan_threads_result(error);
}

TSAN_THREADS_EXPORT int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    if ((type & mtx_recursive) != 0) {
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    }
    int error = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return tsan_threads_result(error);
}

TSAN_THREADS_EXPORT void mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

TSAN_THREADS_EXPORT int mtx_lock(mtx_t *mutex)
{
    return tsan_threads_result(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

TSAN_THREADS_EXPORT int mtx_trylock(mtx_t *mutex)
{
    return tsan_threads_result(pthread_mutex_trylock((pthread_mutex_t *)mutex));
}

TSAN_THREADS_EXPORT int mtx_unlock(mtx_t *mutex)
{
    return tsan_threads_result(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

TSAN_THREADS_EXPORT int cnd_init(cnd_t *condition)
{
    return tsan_threads_result(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

TSAN_THREADS_EXPORT void cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy((pthread_cond_t *)condition);
}

TSAN_THREADS_EXPORT int cnd_signal(cnd_t *condition)
{
    return tsan_threads_result(pthread_cond_signal((pthread_cond_t *)condition));
}

TSAN_THREADS_EXPORT int cnd_broadcast(cnd_t *condition)
{
    return tsan_threads_result(pthread_cond_broadcast((pthread_cond_t *)condition));
}

TSAN_THREADS_EXPORT int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return tsan_threads_result(
        pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

TSAN_THREADS_EXPORT int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    return tsan_threads_result(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
