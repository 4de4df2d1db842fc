/*
 * GET /schemas/ids/{id} of the registry beside a bare libmicrohttpd answer of the same bytes, in
 * the same process, by the same client over keep-alive connections. The registry's store is filled
 * without a cluster: what is measured is the HTTP server, the routes and the look into the store.
 * Prints requests per second of both.
 *
 *     bench_registry [requests] [connections]
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/stats.h"
#include "common/http_request.h"
#include "common/http_server.h"
#include "registry/registry_internal.h"

#define BENCH_SCHEMAS 1000
#define BENCH_PIPELINE 16

static const char bench_type[] = "application/vnd.schemaregistry.v1+json";

static void bench_fail(const char *what)
{
    (void)fprintf(stderr, "bench_registry: %s\n", what);
    exit(1);
}

struct bench_client {
    uint16_t port;
    long requests;
    pthread_t thread;
};

/* The bytes of one answer, from its header. */
static size_t bench_answer_len(int fd, const char *request, size_t len)
{
    char text[4096];
    size_t at = 0;
    if (send(fd, request, len, 0) != (ssize_t)len) {
        bench_fail("send");
    }
    for (;;) {
        ssize_t n = recv(fd, text + at, sizeof text - 1 - at, 0);
        if (n <= 0) {
            bench_fail("no answer");
        }
        at += (size_t)n;
        text[at] = '\0';
        const char *end = strstr(text, "\r\n\r\n");
        const char *length = strstr(text, "Content-Length: ");
        if (strncmp(text, "HTTP/1.1 200", 12) != 0) {
            bench_fail(text);
        }
        if (end != NULL && length != NULL) {
            return (size_t)(end + 4 - text) + (size_t)strtoul(length + 16, NULL, 10);
        }
    }
}

/* Requests go out in groups, so that the client's own system calls do not set the pace. */
static void *bench_run(void *arg)
{
    const struct bench_client *c = arg;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(c->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        bench_fail("connect");
    }
    const char request[] = "GET /schemas/ids/500 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    size_t request_len = sizeof request - 1;
    size_t answer_len = bench_answer_len(fd, request, request_len);
    char group[BENCH_PIPELINE * sizeof request];
    for (size_t i = 0; i < BENCH_PIPELINE; i++) {
        memcpy(group + i * request_len, request, request_len);
    }
    char sink[65536];
    for (long done = 0; done < c->requests; done += BENCH_PIPELINE) {
        if (send(fd, group, BENCH_PIPELINE * request_len, 0) !=
            (ssize_t)(BENCH_PIPELINE * request_len)) {
            bench_fail("send");
        }
        for (size_t left = BENCH_PIPELINE * answer_len; left > 0;) {
            ssize_t n = recv(fd, sink, left < sizeof sink ? left : sizeof sink, 0);
            if (n <= 0) {
                bench_fail("connection closed");
            }
            left -= (size_t)n;
        }
    }
    (void)close(fd);
    return NULL;
}

static double bench_measure(uint16_t port, long requests, int connections)
{
    struct bench_client clients[64];
    int64_t start = stats_now_ns();
    for (int i = 0; i < connections; i++) {
        clients[i] = (struct bench_client){.port = port, .requests = requests / connections};
        if (pthread_create(&clients[i].thread, NULL, bench_run, &clients[i]) != 0) {
            bench_fail("no thread");
        }
    }
    for (int i = 0; i < connections; i++) {
        (void)pthread_join(clients[i].thread, NULL);
    }
    return (double)requests * 1e9 / (double)(stats_now_ns() - start);
}

static struct registry *bench_open_registry(struct registry *r)
{
    r->store = registry_store_create();
    for (int id = 1; r->store != NULL && id <= BENCH_SCHEMAS; id++) {
        char key[128];
        char value[512];
        (void)snprintf(key, sizeof key,
                       "{\"keytype\":\"SCHEMA\",\"subject\":\"s%d\",\"version\":1,\"magic\":1}",
                       id);
        (void)snprintf(value, sizeof value,
                       "{\"subject\":\"s%d\",\"version\":1,\"id\":%d,\"schema\":\"{\\\"type\\\":"
                       "\\\"record\\\",\\\"name\\\":\\\"R%d\\\",\\\"fields\\\":[{\\\"name\\\":"
                       "\\\"a\\\",\\\"type\\\":\\\"int\\\"}]}\",\"deleted\":false}",
                       id, id, id);
        struct err e;
        const struct registry_store_record record = {.key = bytes_of_text(key),
                                                     .value = bytes_of_text(value),
                                                     .offset = id,
                                                     .settles = REGISTRY_STORE_NOT_SETTLING};
        if (registry_store_apply(r->store, &record, &e) != ERR_OK) {
            bench_fail(e.text);
        }
    }
    static const struct http_server_route routes[] = {{"GET", "/schemas/ids/{id}", registry_on_id}};
    static const char *const types[] = {bench_type, NULL};
    const struct http_server_config config = {
        .routes = routes, .route_count = 1, .ctx = r, .filter = registry_filter, .produces = types};
    r->live = true;
    struct err e;
    if (r->store == NULL || http_server_start(&config, &r->http, &e) != ERR_OK) {
        bench_fail("start registry");
    }
    return r;
}

static struct MHD_Response
    *bench_response; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static enum MHD_Result bench_answer(void *cls, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *data,
                                    size_t *len, void **con_cls)
{
    (void)cls;
    (void)url;
    (void)method;
    (void)version;
    (void)data;
    (void)len;
    if (*con_cls == NULL) {
        *con_cls = connection; /* the head is here; the answer is asked for once more */
        return MHD_YES;
    }
    return MHD_queue_response(connection, 200, bench_response);
}

static struct MHD_Daemon *bench_open_bare(void)
{
    static char body[] =
        "{\"schema\":\"{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"R500\\\",\\\"fields\\\":[{"
        "\\\"name\\\":\\\"a\\\",\\\"type\\\":\\\"int\\\"}]}\"}";
    bench_response = MHD_create_response_from_buffer(sizeof body - 1, body, MHD_RESPMEM_PERSISTENT);
    (void)MHD_add_response_header(bench_response, "Content-Type", bench_type);
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, bench_answer, NULL,
                            MHD_OPTION_THREAD_POOL_SIZE, 2U, MHD_OPTION_END);
}

int main(int argc, char **argv)
{
    long requests =
        argc > 1 ? strtol(argv[1], NULL, 10) : (getenv("BENCH_QUICK") != NULL ? 2000 : 300000);
    int connections = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 4;
    if (requests < 1 || connections < 1 || connections > 64) {
        bench_fail("usage: bench_registry [requests] [connections, at most 64]");
    }
    static struct registry
        registry; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */
    struct registry *r = bench_open_registry(&registry);
    struct MHD_Daemon *bare = bench_open_bare();
    if (bare == NULL) {
        bench_fail("start libmicrohttpd");
    }
    uint16_t bare_port = MHD_get_daemon_info(bare, MHD_DAEMON_INFO_BIND_PORT)->port;
    /* Once each to warm up, then in turn, so that a busy machine slows both. */
    double best[2] = {0, 0};
    for (int round = 0; round < 4; round++) {
        double ours = bench_measure(http_server_port(r->http), requests, connections);
        double limit = bench_measure(bare_port, requests, connections);
        if (round > 0) {
            best[0] += ours / 3;
            best[1] += limit / 3;
        }
    }
    (void)printf("%.0f %.0f\n", best[0], best[1]);
    MHD_stop_daemon(bare);
    MHD_destroy_response(bench_response);
    http_server_stop(r->http);
    registry_store_destroy(r->store);
    return 0;
}
