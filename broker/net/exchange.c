#include "broker/net/exchange.h"

#include <stddef.h>

#include "broker/api/api_table.h"
#include "broker/net/connection.h"
#include "broker/net/worker.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/reader.h"
#include "protocol/message.h"

/* Decoded structs, the handler's memory and the response's structs of one request. */
#define EXCHANGE_ARENA_MAX_BYTES ((size_t)64 * 1024 * 1024)
/* One encoded response without the file parts. */
#define EXCHANGE_OUTPUT_MAX_BYTES ((size_t)64 * 1024 * 1024)
#define EXCHANGE_POOL_MAX 256

static void exchange_run_finish(struct loop_task *task);
static void exchange_run_post(struct loop_task *task);

static struct exchange *exchange_of_finish(struct loop_task *task)
{
    return (struct exchange *)(void *)((char *)task - offsetof(struct exchange, finish_task));
}

static struct exchange *exchange_of_post(struct loop_task *task)
{
    return (struct exchange *)(void *)((char *)task - offsetof(struct exchange, post_task));
}

struct exchange *exchange_create(struct worker *w, struct connection *c, struct bytes frame,
                                 struct frame_buffer *frame_ref)
{
    struct exchange *x = w->pool;
    if (x != NULL) {
        w->pool = x->next;
        w->pool_count--;
    } else {
        x = mem_calloc(1, sizeof *x);
        if (x == NULL) {
            return NULL;
        }
        arena_init(&x->rq.arena, EXCHANGE_ARENA_MAX_BYTES);
        output_init(&x->output, EXCHANGE_OUTPUT_MAX_BYTES, &x->rq.arena);
        x->worker = w;
        x->finish_task.run = exchange_run_finish;
        x->post_task.run = exchange_run_post;
    }
    CHECK(x->state == EXCHANGE_FREE);
    w->exchange_count++;
    x->connection = c;
    x->next = NULL;
    x->state = EXCHANGE_WAITING;
    x->received_ns = clock_mono_ns(clock_system());
    x->frame = frame;
    x->frame_ref = frame_ref;
    return x;
}

enum err_code exchange_decode(struct exchange *x, struct err *e)
{
    CHECK(x->state == EXCHANGE_WAITING);
    struct request *rq = &x->rq;
    struct reader r;
    reader_init(&r, x->frame);
    if (request_header_decode(&r, &x->header, e) != ERR_OK) {
        return err_wrap(e, "request header");
    }
    const struct message_api *api = x->header.api;
    rq->broker = x->worker->shared->broker;
    rq->client_host = x->connection->host;
    rq->api_key = x->header.api_key;
    rq->correlation_id = x->header.correlation_id;
    rq->client_id = x->header.client_id;
    if (api_table_find(rq->api_key) == NULL) {
        return err_set(e, ERR_UNSUPPORTED, "%s is not served", api->name);
    }
    if (x->header.api_versions_too_new) {
        rq->version = 0; /* of the answer */
        rq->body = NULL;
        return ERR_OK;
    }
    rq->version = x->header.api_version;
    void *body = arena_alloc(&rq->arena, api->request->size);
    if (body == NULL) {
        return err_nomem(e, api->name);
    }
    if (message_decode(api->request, rq->version, &r, &rq->arena, body, e) != ERR_OK) {
        return err_wrap(e, "%s v%d request", api->name, rq->version);
    }
    rq->body = body;
    return ERR_OK;
}

static void exchange_set_finished(struct exchange *x)
{
    CHECK(x->state == EXCHANGE_RUNNING);
    x->state = EXCHANGE_FINISHED;
    if (x->timer_ready) {
        (void)uv_timer_stop(&x->timer);
    }
}

/* Handler code on the loop has returned. Only what it finished itself counts: another thread may
 * have finished the request in the meantime, and its task is on the way. */
static void exchange_settle(struct exchange *x)
{
    x->entered = false;
    if (x->finished_inline) {
        x->finished_inline = false;
        exchange_set_finished(x);
    }
}

void exchange_start(struct exchange *x)
{
    CHECK(x->state == EXCHANGE_WAITING);
    CHECK(!x->entered);
    atomic_fetch_add_explicit(&x->worker->shared->request_count, 1, memory_order_relaxed);
    x->state = EXCHANGE_RUNNING;
    x->entered = true;
    api_table_find(x->rq.api_key)(&x->rq);
    exchange_settle(x);
}

enum err_code exchange_encode(struct exchange *x, struct err *e)
{
    CHECK(x->state == EXCHANGE_FINISHED);
    CHECK(x->outcome == EXCHANGE_RESPONSE);
    struct buf *head = &x->output.head;
    const struct message_api *api = x->header.api;
    buf_append_be32(head, 0);
    request_header_encode_response(&x->header, head);
    if (message_encode(api->response, x->rq.version, x->response, head, &x->output.splices, e) !=
            ERR_OK ||
        buf_check(head, "response", e) != ERR_OK) {
        return err_wrap(e, "encode %s response", api->name);
    }
    x->spliced_bytes = output_spliced_bytes(&x->output);
    int64_t size = (int64_t)head->len - 4 + x->spliced_bytes;
    if (size > INT32_MAX) {
        return err_set(e, ERR_LIMIT, "%s response above 2 GiB", api->name);
    }
    buf_put_be32(head, 0, (uint32_t)size);
    return ERR_OK;
}

void exchange_count(const struct exchange *x)
{
    net_metrics_answered(&x->worker->shared->metrics, x->rq.api_key,
                         x->output.head.len + (size_t)x->spliced_bytes,
                         clock_mono_ns(clock_system()) - x->received_ns);
}

void exchange_cancel(struct exchange *x)
{
    if (x->state != EXCHANGE_RUNNING || x->rq.cancel == NULL || x->entered) {
        return;
    }
    x->entered = true;
    x->rq.cancel(&x->rq);
    exchange_settle(x);
}

static void exchange_recycle(struct exchange *x)
{
    struct worker *w = x->worker;
    CHECK(w->exchange_count > 0);
    w->exchange_count--;
    x->state = EXCHANGE_FREE;
    if (w->pool_count < EXCHANGE_POOL_MAX && !w->draining) {
        x->next = w->pool;
        w->pool = x;
        w->pool_count++;
    } else {
        exchange_destroy(x);
    }
    worker_check_end(w);
}

void exchange_free(struct exchange *x)
{
    CHECK(x->state == EXCHANGE_WAITING || x->state == EXCHANGE_FINISHED);
    CHECK(!x->entered);
    if (x->rq.release != NULL) {
        x->rq.release(&x->rq);
    }
    if (x->timer_ready) {
        (void)uv_timer_stop(&x->timer);
    }
    frame_buffer_unref(x->frame_ref);
    x->frame_ref = NULL;
    output_reset(&x->output);
    arena_reset(&x->rq.arena);
    struct arena arena = x->rq.arena;
    x->rq = (struct request){.arena = arena};
    x->connection = NULL;
    x->proceeded = false;
    x->prepared = false;
    x->spliced_bytes = 0;
    x->outcome = EXCHANGE_NONE;
    x->response = NULL;
    x->close_reason = NULL;
    x->timer_fn = NULL;
    x->state = EXCHANGE_FREE;
    if (!atomic_load(&x->posted)) {
        exchange_recycle(x);
    } /* else exchange_run_post does */
}

static void exchange_timer_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void exchange_destroy(struct exchange *x)
{
    CHECK(x->state == EXCHANGE_FREE);
    output_deinit(&x->output);
    arena_deinit(&x->rq.arena);
    if (x->timer_ready) {
        uv_close((uv_handle_t *)&x->timer, exchange_timer_closed);
    } else {
        mem_free(x);
    }
}

/* Handler code has run on the loop from outside the connection's pump: carry on with what it did.
 */
static void exchange_leave(struct exchange *x)
{
    exchange_settle(x);
    connection_pump(x->connection);
}

static void exchange_run_finish(struct loop_task *task)
{
    struct exchange *x = exchange_of_finish(task);
    exchange_set_finished(x);
    connection_pump(x->connection);
}

static void exchange_run_post(struct loop_task *task)
{
    struct exchange *x = exchange_of_post(task);
    void (*fn)(struct request * rq) = x->post_fn;
    atomic_store(&x->posted, false);
    if (x->state == EXCHANGE_FREE) {
        exchange_recycle(x);
    } else if (x->state == EXCHANGE_RUNNING) {
        x->entered = true;
        fn(&x->rq);
        exchange_leave(x);
    }
}

static void exchange_on_timer(uv_timer_t *timer)
{
    struct exchange *x = timer->data;
    CHECK(x->state == EXCHANGE_RUNNING);
    x->entered = true;
    x->timer_fn(&x->rq);
    exchange_leave(x);
}

/* ---- broker/api/request.h: what handlers call ---- */

static void exchange_finish(struct request *rq, enum exchange_outcome outcome, const void *response,
                            const char *close_reason)
{
    struct exchange *x = (struct exchange *)rq;
    CHECK(x->outcome == EXCHANGE_NONE);
    struct loop *loop = &x->worker->loop;
    x->response = response;
    x->close_reason = close_reason;
    x->outcome = outcome;
    if (loop_is_current(loop) && x->entered) {
        x->finished_inline = true;
    } else {
        loop_post(loop, &x->finish_task);
    }
}

void request_respond(struct request *rq, const void *response)
{
    CHECK(response != NULL);
    exchange_finish(rq, EXCHANGE_RESPONSE, response, NULL);
}

void request_respond_nothing(struct request *rq)
{
    exchange_finish(rq, EXCHANGE_NOTHING, NULL, NULL);
}

void request_close(struct request *rq, const char *reason)
{
    CHECK(reason != NULL);
    exchange_finish(rq, EXCHANGE_CLOSE, NULL, reason);
}

void request_proceed(struct request *rq)
{
    struct exchange *x = (struct exchange *)rq;
    CHECK(loop_is_current(&x->worker->loop));
    CHECK(x->entered);
    x->proceeded = true;
}

void request_post(struct request *rq, void (*fn)(struct request *rq))
{
    struct exchange *x = (struct exchange *)rq;
    if (!atomic_exchange(&x->posted, true)) {
        x->post_fn = fn;
        loop_post(&x->worker->loop, &x->post_task);
    }
}

void request_start_timer(struct request *rq, int64_t delay_ms, void (*fn)(struct request *rq))
{
    struct exchange *x = (struct exchange *)rq;
    CHECK(loop_is_current(&x->worker->loop));
    CHECK(x->entered);
    if (!x->timer_ready) {
        CHECK(uv_timer_init(&x->worker->loop.uv, &x->timer) == 0);
        x->timer.data = x;
        x->timer_ready = true;
    }
    x->timer_fn = fn;
    CHECK(uv_timer_start(&x->timer, exchange_on_timer, delay_ms > 0 ? (uint64_t)delay_ms : 0, 0) ==
          0);
}

void request_stop_timer(struct request *rq)
{
    struct exchange *x = (struct exchange *)rq;
    CHECK(loop_is_current(&x->worker->loop));
    if (x->timer_ready) {
        (void)uv_timer_stop(&x->timer);
    }
}

static void exchange_run_work(uv_work_t *work)
{
    struct exchange *x = work->data;
    x->work_fn(&x->rq);
}

static void exchange_after_work(uv_work_t *work, int status)
{
    struct exchange *x = work->data;
    CHECK(status == 0); /* nothing cancels it */
    x->entered = true;
    x->after_fn(&x->rq);
    exchange_leave(x);
}

void request_offload(struct request *rq, void (*work)(struct request *rq),
                     void (*after)(struct request *rq))
{
    struct exchange *x = (struct exchange *)rq;
    CHECK(x->entered);
    x->work.data = x;
    x->work_fn = work;
    x->after_fn = after;
    CHECK(uv_queue_work(&x->worker->loop.uv, &x->work, exchange_run_work, exchange_after_work) ==
          0);
}
