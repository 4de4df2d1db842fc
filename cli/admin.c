#include "cli/admin.h"

#include <stdio.h>

#include "cli/start_roles.h"
#include "common/http_request.h"
#include "common/http_server.h"
#include "common/mem.h"
#include "common/metrics.h"

#define ADMIN_METRICS_MAX_BYTES ((size_t)4 << 20)

struct admin {
    struct admin_config config;
    struct http_server *server;
};

static void admin_handle_metrics(void *ctx, struct http_request *rq)
{
    const struct admin *a = ctx;
    struct buf out;
    buf_init(&out, ADMIN_METRICS_MAX_BYTES);
    metrics_render(a->config.metrics, &out);
    if (buf_failed(&out)) {
        http_request_respond_error(rq, 500, 500, "metrics larger than %zu bytes",
                                   ADMIN_METRICS_MAX_BYTES);
    } else {
        http_request_respond_typed(rq, 200, "text/plain; version=0.0.4", buf_bytes(&out));
    }
    buf_deinit(&out);
}

static void admin_handle_ready(void *ctx, struct http_request *rq)
{
    const struct admin *a = ctx;
    const char *role = a->config.waits_for(a->config.ctx);
    char body[64] = "{\"status\":\"ready\"}";
    if (role != NULL) {
        (void)snprintf(body, sizeof body, "{\"status\":\"booting\",\"waiting\":\"%s\"}", role);
    }
    http_request_respond(rq, role == NULL ? 200 : 503, bytes_of_text(body));
}

static const struct http_server_route admin_routes[] = {
    {"GET", "/metrics", admin_handle_metrics},
    {"GET", "/public_metrics", admin_handle_metrics},
    {"GET", "/status/ready", admin_handle_ready},
    {"GET", "/v1/status/ready", admin_handle_ready},
};

enum err_code admin_start(const struct admin_config *config, struct logger *lg,
                          struct admin **out_admin, struct err *e)
{
    const struct conf *conf = config->conf;
    struct admin *a = mem_calloc(1, sizeof *a);
    if (a == NULL) {
        return err_nomem(e, "admin port");
    }
    a->config = *config;
    const struct http_server_config server = {
        .host = conf_text(conf, "admin.host"),
        .port = (uint16_t)conf_int(conf, "admin.port"),
        .routes = admin_routes,
        .route_count = sizeof admin_routes / sizeof admin_routes[0],
        .ctx = a,
        .lg = lg,
        .thread_count = 1,
    };
    enum err_code code = http_server_start(&server, &a->server, e);
    if (code != ERR_OK) {
        mem_free(a);
        return err_wrap(e, "admin port");
    }
    start_print_listener("admin", "http://", server.host, http_server_port(a->server));
    *out_admin = a;
    return ERR_OK;
}

void admin_stop(struct admin *a)
{
    if (a != NULL) {
        http_server_stop(a->server);
        mem_free(a);
    }
}
