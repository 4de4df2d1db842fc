#include "common/http_request.h"

#include <stdarg.h>
#include <string.h>

#include "common/check.h"
#include "common/http_internal.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/text.h"

#define HTTP_REQUEST_ERROR_MAX ((size_t)1 << 20)

struct http_request_shared {
    _Atomic int refs;
    unsigned status;
    char *content_type;
    uint8_t *data;
    size_t len;
    struct MHD_Response *response; /* counted by libmicrohttpd on its own */
};

const char *http_request_method(const struct http_request *rq)
{
    return rq->method;
}

const char *http_request_path(const struct http_request *rq)
{
    return rq->target;
}

const char *http_request_param(const struct http_request *rq, const char *name)
{
    CHECK(rq->route != NULL);
    const char *value = http_route_param(rq->route->path, &rq->path, name);
    CHECK(value != NULL);
    return value;
}

static const char *http_request_lookup(const struct http_request *rq, enum MHD_ValueKind kind,
                                       const char *name)
{
    const char *value = NULL;
    size_t len = 0;
    if (MHD_lookup_connection_value_n(rq->connection, kind, name, strlen(name), &value, &len) !=
        MHD_YES) {
        return NULL;
    }
    return value != NULL ? value : "";
}

const char *http_request_query(const struct http_request *rq, const char *name)
{
    return http_request_lookup(rq, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_request_header(const struct http_request *rq, const char *name)
{
    return http_request_lookup(rq, MHD_HEADER_KIND, name);
}

struct http_request_each {
    const char *name;
    void (*each)(void *ctx, const char *value);
    void *ctx;
};

static enum MHD_Result http_request_visit(void *cls, enum MHD_ValueKind kind, const char *key,
                                          const char *value)
{
    (void)kind;
    const struct http_request_each *visit = cls;
    if (strcmp(key, visit->name) == 0) {
        visit->each(visit->ctx, value != NULL ? value : "");
    }
    return MHD_YES;
}

void http_request_query_each(const struct http_request *rq, const char *name,
                             void (*each)(void *ctx, const char *value), void *ctx)
{
    struct http_request_each visit = {name, each, ctx};
    (void)MHD_get_connection_values(rq->connection, MHD_GET_ARGUMENT_KIND, http_request_visit,
                                    &visit);
}

bool http_request_query_bool(const struct http_request *rq, const char *name)
{
    const char *value = http_request_query(rq, name);
    return value != NULL && text_equals_nocase(value, "true");
}

struct bytes http_request_body(const struct http_request *rq)
{
    return buf_bytes(&rq->body);
}

void http_request_add_header(struct http_request *rq, const char *name, const char *value)
{
    if (rq->header_count == HTTP_INTERNAL_HEADER_MAX) {
        return;
    }
    const char *copy_name = arena_strdup(&rq->arena, name);
    const char *copy_value = arena_strdup(&rq->arena, value);
    if (copy_name != NULL && copy_value != NULL) {
        rq->headers[rq->header_count++] = (struct http_server_header){copy_name, copy_value};
    }
}

bool http_request_claim(struct http_request *rq)
{
    return !atomic_exchange(&rq->claimed, true);
}

void http_request_ref(struct http_request *rq)
{
    (void)atomic_fetch_add(&rq->refs, 1);
}

void http_request_unref(struct http_request *rq)
{
    if (atomic_fetch_sub(&rq->refs, 1) == 1) {
        if (rq->shared != NULL) {
            http_request_shared_unref(rq->shared);
        } else if (rq->response != NULL) {
            MHD_destroy_response(rq->response);
        }
        buf_deinit(&rq->body);
        arena_deinit(&rq->arena);
        mem_free(rq);
    }
}

static void http_request_unlink(struct http_request *rq)
{
    struct http_server *s = rq->server;
    if (rq->prev != NULL) {
        rq->prev->next = rq->next;
    } else {
        s->first = rq->next;
    }
    if (rq->next != NULL) {
        rq->next->prev = rq->prev;
    } else {
        s->last = rq->prev;
    }
}

void http_request_settle(struct http_request *rq, unsigned status, struct MHD_Response *response)
{
    rq->status = status;
    rq->response = response;
    /* Once ANSWERED is visible a running connection may finish, and the server with it: the server
     * is touched only when this thread has to wake the connection, which keeps stop waiting. */
    struct http_server *s = rq->server;
    if (atomic_exchange(&rq->state, HTTP_ANSWERED) == HTTP_SUSPENDED) {
        lock_acquire(&s->lock);
        http_request_unlink(rq);
        /* From here on the connection may complete and free the request. */
        MHD_resume_connection(rq->connection);
        cond_broadcast(&s->changed);
        lock_release(&s->lock);
    }
}

struct MHD_Response *http_request_make(struct http_request *rq, const char *content_type,
                                       struct bytes body)
{
    /* The library copies it and writes nothing; its interface just does not say so. */
    void *data = (void *)(uintptr_t)(body.len > 0 ? body.data : (const uint8_t *)"");
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.len, data, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return NULL;
    }
    if (content_type != NULL) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    }
    const struct http_server_config *config = &rq->server->config;
    for (size_t i = 0; i < config->header_count; i++) {
        (void)MHD_add_response_header(response, config->headers[i].name, config->headers[i].value);
    }
    for (size_t i = 0; i < rq->header_count; i++) {
        (void)MHD_add_response_header(response, rq->headers[i].name, rq->headers[i].value);
    }
    return response;
}

struct MHD_Response *http_request_make_error(struct http_request *rq, unsigned status, int code,
                                             const char *message)
{
    struct buf body;
    buf_init(&body, HTTP_REQUEST_ERROR_MAX);
    const struct http_server_config *config = &rq->server->config;
    if (config->error != NULL) {
        config->error(config->ctx, status, code, message, &body);
    } else {
        buf_printf(&body, "{\"error_code\":%d,\"message\":", code);
        json_write_text(&body, message, strlen(message));
        buf_append_char(&body, '}');
    }
    struct MHD_Response *response = NULL;
    if (!buf_failed(&body)) {
        response = http_request_make(rq, rq->content_type, buf_bytes(&body));
    }
    buf_deinit(&body);
    return response;
}

static void http_request_answer(struct http_request *rq, unsigned status, const char *content_type,
                                struct bytes body)
{
    if (http_request_claim(rq)) {
        http_request_settle(rq, status, http_request_make(rq, content_type, body));
    }
    http_request_unref(rq);
}

void http_request_respond(struct http_request *rq, unsigned status, struct bytes body)
{
    http_request_answer(rq, status, status == MHD_HTTP_NO_CONTENT ? NULL : rq->content_type, body);
}

void http_request_respond_typed(struct http_request *rq, unsigned status, const char *content_type,
                                struct bytes body)
{
    http_request_answer(rq, status, content_type, body);
}

void http_request_respond_error(struct http_request *rq, unsigned status, int code, const char *fmt,
                                ...)
{
    struct buf message;
    buf_init(&message, HTTP_REQUEST_ERROR_MAX);
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&message, fmt, args);
    va_end(args);
    const char *text = buf_text(&message);
    if (http_request_claim(rq)) {
        http_request_settle(
            rq, status,
            http_request_make_error(rq, status, code, text != NULL ? text : "out of memory"));
    }
    buf_deinit(&message);
    http_request_unref(rq);
}

struct http_request_shared *http_request_shared_create(unsigned status, const char *content_type,
                                                       struct bytes body)
{
    struct http_request_shared *shared = mem_calloc(1, sizeof *shared);
    if (shared == NULL) {
        return NULL;
    }
    atomic_init(&shared->refs, 1);
    shared->status = status;
    shared->len = body.len;
    shared->content_type = mem_strdup(content_type);
    shared->data = mem_dup(body.data, body.len);
    if (shared->content_type != NULL && shared->data != NULL) {
        /* A copy of its own: connections may still be sending it after the last unref. */
        shared->response =
            MHD_create_response_from_buffer(shared->len, shared->data, MHD_RESPMEM_MUST_COPY);
    }
    if (shared->response == NULL ||
        MHD_add_response_header(shared->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) !=
            MHD_YES) {
        http_request_shared_unref(shared);
        return NULL;
    }
    return shared;
}

struct http_request_shared *http_request_shared_ref(struct http_request_shared *shared)
{
    (void)atomic_fetch_add(&shared->refs, 1);
    return shared;
}

void http_request_shared_unref(struct http_request_shared *shared)
{
    if (shared != NULL && atomic_fetch_sub(&shared->refs, 1) == 1) {
        if (shared->response != NULL) {
            MHD_destroy_response(shared->response);
        }
        mem_free(shared->content_type);
        mem_free(shared->data);
        mem_free(shared);
    }
}

bool http_request_wants(const struct http_request *rq, const char *content_type)
{
    return strcmp(rq->content_type, content_type) == 0;
}

void http_request_respond_shared(struct http_request *rq, struct http_request_shared *shared)
{
    if (http_request_claim(rq)) {
        if (rq->header_count > 0 || rq->server->config.header_count > 0) {
            struct bytes body = bytes_of(shared->data, shared->len);
            http_request_settle(rq, shared->status,
                                http_request_make(rq, shared->content_type, body));
        } else {
            rq->shared = http_request_shared_ref(shared);
            http_request_settle(rq, shared->status, shared->response);
        }
    }
    http_request_unref(rq);
}
