#include "client/client_close.h"

#include <pthread.h>

#include "common/clock.h"
#include "common/lock.h"
#include "common/mem.h"

#define CLOSE_WAIT_NS (3 * INT64_C(1000000000))

/* Of the two that know it, who comes last frees it. */
struct closing {
    rd_kafka_t *rk;
    struct lock lock;
    struct cond done;
    bool ended;
    bool left;
};

static void closing_free(struct closing *c)
{
    cond_deinit(&c->done);
    lock_deinit(&c->lock);
    mem_free(c);
}

static void *closing_main(void *arg)
{
    struct closing *c = arg;
    rd_kafka_destroy(c->rk);
    lock_acquire(&c->lock);
    c->ended = true;
    bool left = c->left;
    cond_signal(&c->done);
    lock_release(&c->lock);
    if (left) {
        closing_free(c);
    }
    return NULL;
}

static void log_nothing(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

/* Deprecated in favour of the setting, which cannot be changed any more. */
static void drop_log_lines(rd_kafka_t *rk)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    rd_kafka_set_logger(rk, log_nothing);
#pragma GCC diagnostic pop
}

bool client_close(rd_kafka_t *take_rk)
{
    if (take_rk == NULL) {
        return true;
    }
    drop_log_lines(take_rk);
    struct closing *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        rd_kafka_destroy(take_rk);
        return true;
    }
    c->rk = take_rk;
    lock_init(&c->lock);
    cond_init(&c->done);
    pthread_t thread = 0;
    if (pthread_create(&thread, NULL, closing_main, c) != 0) {
        closing_free(c);
        rd_kafka_destroy(take_rk);
        return true;
    }
    (void)pthread_detach(thread);
    int64_t deadline = clock_mono_ns(clock_system()) + CLOSE_WAIT_NS;
    lock_acquire(&c->lock);
    while (!c->ended && cond_wait_until(&c->done, &c->lock, deadline)) {
    }
    bool ended = c->ended;
    c->left = !ended;
    lock_release(&c->lock);
    if (ended) {
        closing_free(c);
    }
    return ended;
}
