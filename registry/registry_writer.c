#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "registry/registry_internal.h"
#include "registry/registry_settle.h"

#define REGISTRY_WRITER_QUEUE_MAX 10000
/* Records that are on their way at once. */
#define REGISTRY_WRITER_CHUNK 4096
#define REGISTRY_WRITER_BACKOFF_MAX_US 100000

void registry_respond(struct http_request *rq, struct registry_answer *a)
{
    if (buf_failed(&a->body)) {
        registry_answer_error(a, 500, "The answer is too large");
    }
    http_request_respond(rq, a->status, buf_bytes(&a->body));
    registry_answer_deinit(a);
}

void registry_batch_add(struct registry_batch *b, const char *key, const char *value)
{
    if (b->failed || b->count == REGISTRY_WRITER_BATCH_MAX || key == NULL) {
        b->failed = true;
        return;
    }
    if (b->count == b->capacity) {
        size_t capacity = b->capacity > 0 ? b->capacity * 2 : 4;
        struct compacted_topic_write *grown = mem_realloc(b->writes, capacity * sizeof *grown);
        if (grown == NULL) {
            b->failed = true;
            return;
        }
        b->writes = grown;
        b->capacity = capacity;
    }
    char *key_copy = mem_strdup(key);
    char *value_copy = mem_strdup(value);
    b->failed = key_copy == NULL || (value != NULL && value_copy == NULL);
    b->writes[b->count++] = (struct compacted_topic_write){.key = bytes_of_text(key_copy),
                                                           .value = bytes_of_text(value_copy)};
}

void registry_batch_mark(struct registry_batch *b, const char *offset)
{
    if (b->failed) {
        return;
    }
    char *copy = mem_strdup(offset);
    b->failed = copy == NULL;
    b->writes[b->count - 1].header = bytes_of_text(copy);
}

void registry_batch_free(struct registry_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        mem_free((void *)(uintptr_t)b->writes[i].key.data);
        mem_free((void *)(uintptr_t)b->writes[i].value.data);
        mem_free((void *)(uintptr_t)b->writes[i].header.data);
    }
    mem_free(b->writes);
    *b = (struct registry_batch){0};
}

static void registry_writer_refuse(struct registry *r, struct registry_answer *a,
                                   enum err_code code, const struct err *e)
{
    if (code == ERR_LIMIT) {
        registry_answer_error(a, 42209, "Register operation failed because schema is too large");
        return;
    }
    metric_add(r->metrics.write_failures, 1);
    if (code == ERR_TIMEOUT) {
        registry_answer_error(a, 50002, "Write to the Kafka store timed out: %s", e->text);
    } else {
        registry_answer_error(a, 50001, "Error while writing to the Kafka store: %s", e->text);
    }
}

/* What has just come of the cluster; refuses for it unless all is well. */
static bool registry_writer_outcome(struct registry *r, enum err_code code, const struct err *e,
                                    struct registry_answer *a)
{
    bool outage = code != ERR_OK && code != ERR_LIMIT && code != ERR_NOMEM;
    r->outage.code = ERR_OK;
    if (code == ERR_OK) {
        return true;
    }
    if (outage) {
        r->outage = *e;
        logger_warn(r->lg, "registry.write_failed", "topic=%s error=\"%s\"", r->topic_name,
                    e->text);
    }
    registry_writer_refuse(r, a, code, e);
    return false;
}

/* While the cluster is away nobody waits for as many failures as there are requests before theirs:
 * who has waited for half as long as a write may take has seen enough. */
static bool registry_writer_is_hopeless(struct registry *r, const struct registry_job *job,
                                        struct registry_answer *a)
{
    int64_t waited_ns = clock_mono_ns(clock_system()) - job->queued_ns;
    if (r->outage.code == ERR_OK || waited_ns < (int64_t)r->write_timeout_ms * 500000) {
        return false;
    }
    registry_writer_refuse(r, a, r->outage.code, &r->outage);
    return true;
}

bool registry_writer_write(struct registry *r, struct registry_batch *batch,
                           struct registry_answer *a)
{
    struct err e = {.code = ERR_OK};
    enum err_code code = batch->failed ? err_nomem(&e, "records") : ERR_OK;
    for (size_t at = 0; at < batch->count && code == ERR_OK; at += REGISTRY_WRITER_CHUNK) {
        size_t left = batch->count - at;
        code = compacted_topic_write_read_back(
            r->topic, batch->writes + at,
            left < REGISTRY_WRITER_CHUNK ? left : REGISTRY_WRITER_CHUNK, r->write_timeout_ms, &e);
    }
    registry_batch_free(batch);
    r->end_unknown = r->end_unknown || code != ERR_OK;
    return registry_writer_outcome(r, code, &e, a);
}

bool registry_writer_catch_up(struct registry *r, struct registry_answer *a)
{
    struct err e = {.code = ERR_OK};
    enum err_code code = compacted_topic_read_to_end(r->topic, r->write_timeout_ms, &e);
    if (!registry_writer_outcome(r, code, &e, a)) {
        return false;
    }
    if (!r->end_unknown) {
        return true;
    }
    /* A write failed, and may have reached the topic all the same or still be on its way: once a
     * record behind it has come back, whatever there is of it has been applied. */
    struct registry_batch batch = {0};
    registry_batch_add(&batch, "{\"keytype\":\"NOOP\",\"magic\":0}", NULL);
    bool done = registry_writer_write(r, &batch, a);
    r->end_unknown = !done;
    return done;
}

void registry_writer_back_off(struct registry *r, int losses)
{
    uint32_t chance = 0;
    int64_t most_us = losses < 7 ? (int64_t)1000 << losses : REGISTRY_WRITER_BACKOFF_MAX_US;
    if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) != sizeof chance) {
        chance = UINT32_MAX;
    }
    most_us = most_us < REGISTRY_WRITER_BACKOFF_MAX_US ? most_us : REGISTRY_WRITER_BACKOFF_MAX_US;
    int64_t deadline =
        clock_mono_ns(clock_system()) + most_us * 1000 / UINT16_MAX * (chance & UINT16_MAX);
    lock_acquire(&r->lock);
    while (!r->stopping && cond_wait_until(&r->queued, &r->lock, deadline)) {
    }
    lock_release(&r->lock);
}

static struct registry_job *registry_writer_next(struct registry *r)
{
    lock_acquire(&r->lock);
    while (r->first == NULL && !r->stopping) {
        cond_wait(&r->queued, &r->lock);
    }
    struct registry_job *job = r->first;
    if (job != NULL) {
        r->first = job->next;
        r->last = r->first != NULL ? r->last : NULL;
        r->job_count--;
    }
    lock_release(&r->lock);
    return job;
}

static void *registry_writer_run(void *arg)
{
    struct registry *r = arg;
    struct registry_job *job = NULL;
    while ((job = registry_writer_next(r)) != NULL) {
        struct registry_answer a;
        registry_answer_init(&a);
        if (!registry_writer_is_hopeless(r, job, &a) && registry_writer_catch_up(r, &a)) {
            job->run(r, job, &a);
        }
        registry_respond(job->rq, &a);
        mem_free(job);
        if (r->outage.code == ERR_OK) {
            registry_settle_run(r);
        }
    }
    return NULL;
}

void registry_writer_queue(struct registry *r, struct http_request *rq, registry_job_fn run)
{
    struct registry_job *job = mem_alloc(sizeof *job);
    bool queued = false;
    if (job != NULL) {
        *job = (struct registry_job){.rq = rq,
                                     .flags = registry_request_flags(rq),
                                     .queued_ns = clock_mono_ns(clock_system()),
                                     .run = run};
        lock_acquire(&r->lock);
        if (r->job_count < REGISTRY_WRITER_QUEUE_MAX && !r->stopping) {
            if (r->last != NULL) {
                r->last->next = job;
            } else {
                r->first = job;
            }
            r->last = job;
            r->job_count++;
            queued = true;
            cond_signal(&r->queued);
        }
        lock_release(&r->lock);
    }
    if (!queued) {
        mem_free(job);
        http_request_respond_error(rq, 503, 503, "Too many requests are waiting to be written");
    }
}

enum err_code registry_writer_start(struct registry *r, struct err *e)
{
    if (pthread_create(&r->writer, NULL, registry_writer_run, r) != 0) {
        return err_set(e, ERR_NOMEM, "start registry: no thread");
    }
    r->writer_running = true;
    return ERR_OK;
}

void registry_writer_stop(struct registry *r)
{
    lock_acquire(&r->lock);
    r->stopping = true;
    cond_broadcast(&r->queued);
    lock_release(&r->lock);
    if (r->writer_running) {
        (void)pthread_join(r->writer, NULL);
        r->writer_running = false;
    }
}
