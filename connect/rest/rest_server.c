#include "connect/rest/rest_server.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/http_server.h"
#include "common/json.h"
#include "common/logger.h"
#include "common/mem.h"
#include "connect/rest/rest_internal.h"

/* Clients choose what they use by the version that the worker reports. */
#define REPORTED_VERSION "3.9.0"
#define REPORTED_COMMIT "84caaa6e9da06435"
#define COMMAND_BYTES_MAX ((size_t)4096)

static void call_free(struct rest_call *call)
{
    connect_config_deinit(&call->config);
    mem_free(call->name);
    mem_free(call);
}

void rest_call_json(struct rest_call *call, unsigned status, struct buf *body)
{
    if (buf_failed(body)) {
        http_request_respond_error(call->rq, 500, 500, "The answer is too large");
    } else {
        http_request_respond(call->rq, status, buf_bytes(body));
    }
    buf_deinit(body);
    call_free(call);
}

void rest_call_empty(struct rest_call *call, unsigned status)
{
    http_request_respond(call->rq, status, bytes_of("", 0));
    call_free(call);
}

void rest_call_error(struct rest_call *call, unsigned status, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX * 4];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    http_request_respond_error(call->rq, status, (int)status, "%s", text);
    call_free(call);
}

void rest_call_fail(struct rest_call *call, const struct err *e)
{
    unsigned status = e->code == ERR_INVALID || e->code == ERR_PARSE ? 400
                      : e->code == ERR_CONFLICT                      ? 409
                      : e->code == ERR_CLOSED                        ? 503
                                                                     : 500;
    if (e->code == ERR_TIMEOUT) {
        rest_call_error(call, 500, "Request timed out: %s", e->text);
    } else {
        rest_call_error(call, status, "%s", e->text);
    }
}

void rest_call_write_text(struct buf *out, const char *text)
{
    json_write_text(out, text, strlen(text));
}

json_t *rest_call_body(struct rest_call *call)
{
    struct err e;
    json_t *json = NULL;
    const struct json_limits limits = {.max_bytes = REST_BODY_BYTES_MAX, .max_depth = 20};
    if (json_decode(http_request_body(call->rq), &limits, &json, &e) != ERR_OK) {
        rest_call_error(call, 400, "The request body is not valid JSON: %s", e.text);
        return NULL;
    }
    return json;
}

const struct connector_state *rest_call_connector(struct rest_call *call, const char *not_found)
{
    const char *name = http_request_param(call->rq, "connector");
    const struct connector_state *state = config_store_get(call->server->worker->configs, name);
    if (state == NULL) {
        bool suffix = strcmp(not_found, "Connector") == 0;
        rest_call_error(call, 404, "%s %s%s", not_found, name, suffix ? " not found" : "");
    }
    return state;
}

const char *rest_call_type(const struct rest_call *call, const struct connector_state *state)
{
    const char *class_name =
        state != NULL ? connect_config_get(&state->config, "connector.class") : NULL;
    const struct connect_plugin *plugin =
        class_name != NULL ? plugin_list_find_connector(call->server->worker->plugins, class_name)
                           : NULL;
    return plugin != NULL ? plugin_list_type_word(plugin->type) : "unknown";
}

static void job_run(struct herder_job *job, struct herder *h)
{
    struct rest_call *call = (struct rest_call *)job;
    call->herder = h;
    call->run(call);
}

static void job_discard(struct herder_job *job)
{
    rest_call_error((struct rest_call *)job, 503, "The worker is shutting down");
}

void rest_call_submit(struct rest_call *call, rest_call_fn run)
{
    struct err e;
    call->run = run;
    call->job = (struct herder_job){.run = job_run, .discard = job_discard};
    if (herder_submit(call->server->herder, &call->job, &e) != ERR_OK) {
        rest_call_error(call, 503, "%s", e.text);
    }
}

static void note_expand(void *ctx, const char *value)
{
    struct rest_call *call = ctx;
    call->expand_status = call->expand_status || strcmp(value, "status") == 0;
    call->expand_info = call->expand_info || strcmp(value, "info") == 0;
}

static struct rest_call *call_create(void *ctx, struct http_request *rq)
{
    struct rest_call *call = mem_calloc(1, sizeof *call);
    if (call == NULL) {
        http_request_respond_error(rq, 500, 500, "out of memory");
        return NULL;
    }
    call->server = ctx;
    call->rq = rq;
    call->target = -1;
    http_request_query_each(rq, "expand", note_expand, call);
    call->include_tasks = http_request_query_bool(rq, "includeTasks");
    call->only_failed = http_request_query_bool(rq, "onlyFailed");
    const char *only = http_request_query(rq, "connectorsOnly");
    call->connectors_only = only == NULL || strcmp(only, "false") != 0;
    return call;
}

/* Looks only: at once when there is something to look at. */
static void look(void *ctx, struct http_request *rq, rest_call_fn run)
{
    struct rest_call *call = call_create(ctx, rq);
    if (call == NULL) {
        return;
    }
    if (herder_ready(call->server->herder)) {
        run(call);
    } else {
        rest_call_submit(call, run);
    }
}

/* Needs no store at all. */
static void at_once(void *ctx, struct http_request *rq, rest_call_fn run)
{
    struct rest_call *call = call_create(ctx, rq);
    if (call != NULL) {
        run(call);
    }
}

static void change(void *ctx, struct http_request *rq, rest_call_fn run)
{
    struct rest_call *call = call_create(ctx, rq);
    if (call != NULL) {
        rest_call_submit(call, run);
    }
}

static void serve_root(void *ctx, struct http_request *rq)
{
    struct rest_server *s = ctx;
    struct buf b;
    buf_init(&b, COMMAND_BYTES_MAX);
    buf_append_text(&b, "{\"version\":\"" REPORTED_VERSION "\",\"commit\":\"" REPORTED_COMMIT
                        "\",\"kafka_cluster_id\":");
    lock_acquire(&s->lock);
    rest_call_write_text(&b, s->cluster_id);
    lock_release(&s->lock);
    buf_append_char(&b, '}');
    http_request_respond(rq, 200, buf_bytes(&b));
    buf_deinit(&b);
}

static void serve_health(void *ctx, struct http_request *rq)
{
    static const char healthy[] =
        "{\"status\":\"healthy\",\"message\":\"Worker has completed startup and is ready to handle "
        "requests.\"}";
    static const char starting[] =
        "{\"status\":\"starting\",\"message\":\"Worker is still starting up.\"}";
    const struct rest_server *s = ctx;
    bool ready = herder_ready(s->herder);
    http_request_respond(rq, ready ? 200 : 503, bytes_of_text(ready ? healthy : starting));
}

/* One function for each handler: routes carry no argument. */
#define SERVE(way, function)                                         \
    static void serve_##function(void *ctx, struct http_request *rq) \
    {                                                                \
        way(ctx, rq, rest_##function);                               \
    }
SERVE(look, connectors_list)
SERVE(at_once, connectors_create)
SERVE(look, connectors_info)
SERVE(look, connectors_get_config)
SERVE(at_once, connectors_put_config)
SERVE(look, connectors_patch_config)
SERVE(look, connectors_status)
SERVE(look, connectors_tasks)
SERVE(look, connectors_tasks_config)
SERVE(look, connectors_task_status)
SERVE(look, connectors_topics)
SERVE(look, connectors_reset_topics)
SERVE(look, connectors_offsets)
SERVE(change, lifecycle_restart)
SERVE(change, lifecycle_restart_task)
SERVE(change, lifecycle_pause)
SERVE(change, lifecycle_resume)
SERVE(change, lifecycle_stop)
SERVE(change, lifecycle_delete)
SERVE(change, lifecycle_alter_offsets)
SERVE(change, lifecycle_reset_offsets)
SERVE(at_once, plugins_list)
SERVE(at_once, plugins_config)
SERVE(at_once, plugins_validate)
SERVE(at_once, plugins_loggers)
SERVE(at_once, plugins_logger)
SERVE(at_once, plugins_set_logger)

static const struct http_server_route routes[] = {
    {"GET", "/", serve_root},
    {"GET", "/health", serve_health},
    {"GET", "/connectors", serve_connectors_list},
    {"GET", "/connectors/", serve_connectors_list},
    {"POST", "/connectors", serve_connectors_create},
    {"POST", "/connectors/", serve_connectors_create},
    {"GET", "/connectors/{connector}", serve_connectors_info},
    {"DELETE", "/connectors/{connector}", serve_lifecycle_delete},
    {"GET", "/connectors/{connector}/config", serve_connectors_get_config},
    {"PUT", "/connectors/{connector}/config", serve_connectors_put_config},
    {"PATCH", "/connectors/{connector}/config", serve_connectors_patch_config},
    {"GET", "/connectors/{connector}/status", serve_connectors_status},
    {"GET", "/connectors/{connector}/tasks", serve_connectors_tasks},
    {"GET", "/connectors/{connector}/tasks-config", serve_connectors_tasks_config},
    {"GET", "/connectors/{connector}/tasks/{task}/status", serve_connectors_task_status},
    {"POST", "/connectors/{connector}/tasks/{task}/restart", serve_lifecycle_restart_task},
    {"POST", "/connectors/{connector}/restart", serve_lifecycle_restart},
    {"PUT", "/connectors/{connector}/pause", serve_lifecycle_pause},
    {"PUT", "/connectors/{connector}/resume", serve_lifecycle_resume},
    {"PUT", "/connectors/{connector}/stop", serve_lifecycle_stop},
    {"GET", "/connectors/{connector}/topics", serve_connectors_topics},
    {"PUT", "/connectors/{connector}/topics/reset", serve_connectors_reset_topics},
    {"GET", "/connectors/{connector}/offsets", serve_connectors_offsets},
    {"PATCH", "/connectors/{connector}/offsets", serve_lifecycle_alter_offsets},
    {"DELETE", "/connectors/{connector}/offsets", serve_lifecycle_reset_offsets},
    {"GET", "/connector-plugins", serve_plugins_list},
    {"GET", "/connector-plugins/", serve_plugins_list},
    {"GET", "/connector-plugins/{plugin}/config", serve_plugins_config},
    {"PUT", "/connector-plugins/{plugin}/config/validate", serve_plugins_validate},
    {"GET", "/admin/loggers", serve_plugins_loggers},
    {"GET", "/admin/loggers/{logger}", serve_plugins_logger},
    {"PUT", "/admin/loggers/{logger}", serve_plugins_set_logger},
};

enum err_code rest_server_start(const struct rest_server_config *config,
                                struct rest_server **out_server, struct err *e)
{
    static const char *const consumes[] = {"application/json", NULL};
    struct rest_server *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "start REST server");
    }
    s->herder = config->herder;
    s->worker = config->worker;
    s->allow_reset = config->topic_tracking_allow_reset;
    s->lg = config->lg;
    lock_init(&s->lock);
    const struct http_server_config http = {
        .host = config->host,
        .port = config->port,
        .routes = routes,
        .route_count = sizeof routes / sizeof routes[0],
        .ctx = s,
        .lg = config->lg,
        .consumes = consumes,
        .body_limit_bytes = REST_BODY_BYTES_MAX,
        .answer_timeout_ms = 90000,
    };
    enum err_code code = http_server_start(&http, &s->http, e);
    if (code != ERR_OK) {
        lock_deinit(&s->lock);
        mem_free(s);
        return code;
    }
    *out_server = s;
    return ERR_OK;
}

uint16_t rest_server_port(const struct rest_server *s)
{
    return http_server_port(s->http);
}

void rest_server_stop(struct rest_server *s)
{
    if (s != NULL) {
        http_server_stop(s->http);
        lock_deinit(&s->lock);
        mem_free(s);
    }
}

void rest_server_set_cluster_id(struct rest_server *s, const char *cluster_id)
{
    lock_acquire(&s->lock);
    (void)snprintf(s->cluster_id, sizeof s->cluster_id, "%s", cluster_id);
    lock_release(&s->lock);
}
