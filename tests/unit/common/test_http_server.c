#include "common/http_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/http_request.h"
#include "common/mem.h"
#include "tests/support/test.h"

struct fixture {
    struct http_server *server;
    struct http_request_shared *shared;
    _Atomic(struct http_request *) kept;
};

static struct fixture fixture; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void echo(void *ctx, struct http_request *rq)
{
    (void)ctx;
    char text[512];
    const char *q = http_request_query(rq, "q");
    (void)snprintf(text, sizeof text, "s=%s v=%s q=%s body=%zu", http_request_param(rq, "subject"),
                   http_request_param(rq, "version"), q != NULL ? q : "-",
                   http_request_body(rq).len);
    http_request_respond(rq, 200, bytes_of_text(text));
}

static void latest(void *ctx, struct http_request *rq)
{
    (void)ctx;
    http_request_respond(rq, 200, bytes_of_text("\"literal\""));
}

static void shared(void *ctx, struct http_request *rq)
{
    struct fixture *f = ctx;
    http_request_respond_shared(rq, f->shared);
}

static void *answer_later(void *arg)
{
    http_request_respond(arg, 201, bytes_of_text("\"later\""));
    return NULL;
}

static void later(void *ctx, struct http_request *rq)
{
    (void)ctx;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, answer_later, rq), 0);
    (void)pthread_detach(thread);
}

static void keep(void *ctx, struct http_request *rq)
{
    struct fixture *f = ctx;
    atomic_store(&f->kept, rq);
}

static void refuse(void *ctx, struct http_request *rq)
{
    (void)ctx;
    http_request_respond_error(rq, 422, 42201, "Invalid \"%s\"", "x");
}

static const struct http_server_route routes[] = {
    {"GET", "/subjects/{subject}/versions/latest", latest},
    {"GET", "/subjects/{subject}/versions/{version}", echo},
    {"POST", "/subjects/{subject}/versions/{version}", echo},
    {"GET", "/shared", shared},
    {"GET", "/later", later},
    {"GET", "/kept", keep},
    {"GET", "/fail", refuse},
};

static const char *const types[] = {"application/vnd.x+json", "application/json", NULL};

static int setup(void **state)
{
    (void)state;
    const struct http_server_config config = {.routes = routes,
                                              .route_count = sizeof routes / sizeof routes[0],
                                              .ctx = &fixture,
                                              .produces = types,
                                              .consumes = types,
                                              .body_limit_bytes = 1000,
                                              .answer_timeout_ms = 200};
    struct err e = {0};
    fixture.shared = http_request_shared_create(200, types[0], bytes_of_text("{\"a\":1}"));
    if (http_server_start(&config, &fixture.server, &e) != ERR_OK) {
        print_error("%s\n", e.text);
        return -1;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_server_stop(fixture.server);
    http_request_shared_unref(fixture.shared);
    return 0;
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(fixture.server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void transmit(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        data += n;
        len -= (size_t)n;
    }
}

/* Everything until the server closes; the request must say Connection: close. */
static const char *receive(int fd)
{
    static char text[8192];
    size_t at = 0;
    ssize_t n = 0;
    while (at < sizeof text - 1 && (n = recv(fd, text + at, sizeof text - 1 - at, 0)) > 0) {
        at += (size_t)n;
    }
    text[at] = '\0';
    (void)close(fd);
    return text;
}

static const char *exchange(const char *line, const char *headers)
{
    char text[1024];
    int fd = dial();
    int n = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
                     line, headers);
    transmit(fd, text, (size_t)n);
    return receive(fd);
}

#define assert_has(text, part)                                   \
    do {                                                         \
        if (strstr((text), (part)) == NULL) {                    \
            fail_msg("expected \"%s\" in:\n%s", (part), (text)); \
        }                                                        \
    } while (0)

static void routes_by_decoded_segments(void **state)
{
    (void)state;
    const struct {
        const char *line;
        const char *expected;
    } rows[] = {
        {"GET /subjects/a%2Fb+%20c/versions/7?q=x%20y", "s=a/b+ c v=7 q=x y body=0"},
        {"GET /subjects/%3A.c%3As/versions/1/", "s=:.c:s v=1 q=- body=0"},
        {"GET /subjects/s/versions/latest", "\"literal\""},
        {"GET /subjects/s/versions/1/x", "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}"},
        {"GET /subjects//versions/1", "404 Not Found"},
        {"GET /subjects/%zz/versions/1", "{\"error_code\":400,"},
        {"GET /subjects/%00/versions/1", "{\"error_code\":400,"},
        {"GET /subjects/%ff/versions/1", "{\"error_code\":400,"},
        {"DELETE /fail", "{\"error_code\":405,\"message\":\"HTTP 405 Method Not Allowed\"}"},
        {"DELETE /fail", "Allow: OPTIONS,GET,HEAD"},
        {"OPTIONS /fail", "200 OK"},
        {"GET /fail", "{\"error_code\":42201,\"message\":\"Invalid \\\"x\\\"\"}"},
        {"GET /fail", "HTTP/1.1 422"},
        {"GET /shared", "{\"a\":1}"},
        {"GET /later", "HTTP/1.1 201"},
        {"GET /later", "\"later\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_has(exchange(rows[i].line, ""), rows[i].expected);
    }
    assert_null(strstr(exchange("HEAD /shared", ""), "{\"a\":1}"));
}

static void negotiates_types(void **state)
{
    (void)state;
    assert_has(exchange("GET /fail", ""), "Content-Type: application/vnd.x+json");
    assert_has(exchange("GET /fail", "Accept: */*\r\n"), "Content-Type: application/vnd.x+json");
    assert_has(exchange("GET /fail", "Accept: text/html, application/json;q=0.5\r\n"),
               "Content-Type: application/json");
    assert_has(exchange("GET /fail", "Accept: application/json; q=0.5, application/vnd.x+json\r\n"),
               "Content-Type: application/vnd.x+json");
    assert_has(exchange("GET /fail", "Accept: text/html\r\n"), "HTTP/1.1 406");
    assert_has(exchange("POST /subjects/s/versions/1",
                        "Content-Type: text/plain\r\nContent-Length: 0\r\n"),
               "{\"error_code\":415,\"message\":\"HTTP 415 Unsupported Media Type\"}");
    assert_has(exchange("POST /subjects/s/versions/1",
                        "Content-Type: application/json; charset=utf-8\r\nContent-Length: 0\r\n"),
               "body=0");
}

static void bounds_bodies_without_keeping_them(void **state)
{
    (void)state;
    char *body = calloc(1, 3000000);
    const struct {
        const char *headers;
        size_t len;
        const char *expected;
    } rows[] = {
        {"Content-Length: 1000\r\n", 1000, "body=1000"},
        {"Content-Length: 1001\r\n", 1001,
         "{\"error_code\":413,\"message\":\"Request body is larger "
         "than the limit of 1000 bytes\"}"},
        {"Content-Length: 3000000\r\n", 3000000, "{\"error_code\":413,"},
        {"Content-Length: 3000000\r\nExpect: 100-continue\r\n", 0, "{\"error_code\":413,"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char head[256];
        int n = snprintf(head, sizeof head,
                         "POST /subjects/s/versions/1 HTTP/1.1\r\nHost: x\r\nConnection: "
                         "close\r\n%s\r\n",
                         rows[i].headers);
        int fd = dial();
        transmit(fd, head, (size_t)n);
        transmit(fd, body, rows[i].len);
        assert_has(receive(fd), rows[i].expected);
    }
    free(body);
    char *line = calloc(1, 70000);
    memset(line, 'a', 60000);
    int fd = dial();
    transmit(fd, "GET /", 5);
    transmit(fd, line, 60000);
    assert_has(receive(fd), "HTTP/1.1 4"); /* 414 or 431 */
    free(line);
}

static void answers_kept_requests_after_the_time_limit(void **state)
{
    (void)state;
    assert_has(exchange("GET /kept", ""), "{\"error_code\":503,\"message\":\"Request timed out\"}");
    struct http_request *rq = atomic_exchange(&fixture.kept, NULL);
    http_request_respond(rq, 200, bytes_of_text("too late"));
}

static void stops_with_requests_kept(void **state)
{
    (void)state;
    int fd = dial();
    const char *text = "GET /kept HTTP/1.1\r\nHost: x\r\n\r\n";
    transmit(fd, text, strlen(text));
    struct http_request *rq = NULL;
    int64_t deadline = clock_mono_ms(clock_system()) + 10000;
    while ((rq = atomic_exchange(&fixture.kept, NULL)) == NULL) {
        assert_true(clock_mono_ms(clock_system()) < deadline);
    }
    http_server_stop(fixture.server);
    fixture.server = NULL;
    http_request_respond(rq, 200, bytes_of_text("too late"));
    (void)receive(fd);
}

static void refuses_a_port_that_is_taken(void **state)
{
    (void)state;
    const struct http_server_config config = {.port = http_server_port(fixture.server)};
    struct http_server *second = NULL;
    struct err e = {0};
    assert_int_equal(http_server_start(&config, &second, &e), ERR_EXISTS);
    assert_has(e.text, "address already in use");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_by_decoded_segments),
        cmocka_unit_test(negotiates_types),
        cmocka_unit_test(bounds_bodies_without_keeping_them),
        cmocka_unit_test(answers_kept_requests_after_the_time_limit),
        cmocka_unit_test(refuses_a_port_that_is_taken),
        cmocka_unit_test(stops_with_requests_kept),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
