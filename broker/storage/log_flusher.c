#include "broker/storage/log_flusher.h"

#include <pthread.h>
#include <string.h>

#include "broker/storage/partition_internal.h"
#include "common/check.h"
#include "common/mem.h"

#define LOG_FLUSHER_THREADS_MAX 64

struct log_flusher {
    struct lock lock;
    struct cond wake;
    struct partition *head;
    struct partition *tail;
    bool stopping;
    size_t thread_count;
    pthread_t threads[LOG_FLUSHER_THREADS_MAX];
};

static void log_flusher_push(struct log_flusher *f, struct partition *p)
{
    p->queue_state = PARTITION_QUEUED;
    p->queue_next = NULL;
    if (f->tail != NULL) {
        f->tail->queue_next = p;
    } else {
        f->head = p;
    }
    f->tail = p;
    cond_signal(&f->wake);
}

/* NULL when the flusher stops and nothing is left. Lock held. */
static struct partition *log_flusher_pop(struct log_flusher *f)
{
    while (f->head == NULL) {
        if (f->stopping) {
            return NULL;
        }
        cond_wait(&f->wake, &f->lock);
    }
    struct partition *p = f->head;
    f->head = p->queue_next;
    if (f->head == NULL) {
        f->tail = NULL;
    }
    p->queue_state = PARTITION_FLUSHING;
    return p;
}

static void *log_flusher_run(void *arg)
{
    struct log_flusher *f = arg;
    lock_acquire(&f->lock);
    for (struct partition *p = log_flusher_pop(f); p != NULL; p = log_flusher_pop(f)) {
        lock_release(&f->lock);
        /* A failure has stopped the partition, told its waiters and been logged there. */
        (void)partition_flush(p, PARTITION_FLUSH_DUE, NULL);
        lock_acquire(&f->lock);
        if (p->queue_state == PARTITION_FLUSHING_AGAIN) {
            log_flusher_push(f, p);
            continue;
        }
        p->queue_state = PARTITION_IDLE;
        lock_release(&f->lock);
        partition_unref(p);
        lock_acquire(&f->lock);
    }
    lock_release(&f->lock);
    return NULL;
}

enum err_code log_flusher_create(size_t threads, struct log_flusher **out_flusher, struct err *e)
{
    CHECK(threads > 0);
    struct log_flusher *f = mem_calloc(1, sizeof *f);
    if (f == NULL) {
        return err_nomem(e, "flusher");
    }
    lock_init(&f->lock);
    cond_init(&f->wake);
    threads = threads < LOG_FLUSHER_THREADS_MAX ? threads : LOG_FLUSHER_THREADS_MAX;
    while (f->thread_count < threads) {
        int rc = pthread_create(&f->threads[f->thread_count], NULL, log_flusher_run, f);
        if (rc != 0) {
            log_flusher_destroy(f);
            return err_errno(e, rc, "start flusher thread");
        }
        f->thread_count++;
    }
    *out_flusher = f;
    return ERR_OK;
}

void log_flusher_kick(struct log_flusher *f, struct partition *p)
{
    lock_acquire(&f->lock);
    if (p->queue_state == PARTITION_IDLE) {
        log_flusher_push(f, partition_ref(p));
    } else if (p->queue_state == PARTITION_FLUSHING) {
        p->queue_state = PARTITION_FLUSHING_AGAIN;
    }
    lock_release(&f->lock);
}

void log_flusher_destroy(struct log_flusher *f)
{
    if (f == NULL) {
        return;
    }
    lock_acquire(&f->lock);
    f->stopping = true;
    cond_broadcast(&f->wake);
    lock_release(&f->lock);
    for (size_t i = 0; i < f->thread_count; i++) {
        CHECK(pthread_join(f->threads[i], NULL) == 0);
    }
    CHECK(f->head == NULL);
    cond_deinit(&f->wake);
    lock_deinit(&f->lock);
    mem_free(f);
}
