#include "serde/registry_client.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/http_request.h"
#include "common/http_server.h"
#include "common/mem.h"
#include "serde/avro_schema.h"
#include "tests/support/test.h"

/* A port that says what a registry says, and counts. */
struct registry_port {
    struct http_server *server;
    _Atomic int calls;
    char authorization[64];
    char urls[128];
};

static void on_register(void *ctx, struct http_request *rq)
{
    struct registry_port *p = ctx;
    (void)atomic_fetch_add(&p->calls, 1);
    const char *authorization = http_request_header(rq, "Authorization");
    (void)snprintf(p->authorization, sizeof p->authorization, "%s",
                   authorization != NULL ? authorization : "");
    if (strcmp(http_request_param(rq, "subject"), "a/b") == 0) {
        http_request_respond_error(rq, 409, 40901, "Schema being registered is incompatible");
    } else {
        http_request_respond(rq, 200, bytes_of_text("{\"id\":7}"));
    }
}

static void on_deep(void *ctx, struct http_request *rq, int version);

static void on_id(void *ctx, struct http_request *rq)
{
    struct registry_port *p = ctx;
    (void)atomic_fetch_add(&p->calls, 1);
    if (strcmp(http_request_param(rq, "id"), "9") == 0) {
        on_deep(ctx, rq, 0);
    } else if (strcmp(http_request_param(rq, "id"), "7") == 0) {
        http_request_respond(
            rq, 200,
            bytes_of_text("{\"schema\":\"{\\\"type\\\":\\\"array\\\",\\\"items\\\":\\\"F\\\"}\","
                          "\"references\":[{\"name\":\"F\",\"subject\":\"f\",\"version\":2}]}"));
    } else {
        http_request_respond_error(rq, 404, 40403, "Schema not found");
    }
}

static void on_version(void *ctx, struct http_request *rq)
{
    if (strcmp(http_request_param(rq, "subject"), "deep") == 0) {
        on_deep(ctx, rq, http_request_param(rq, "version")[0] - '0');
        return;
    }
    http_request_respond(rq, 200,
                         bytes_of_text("{\"subject\":\"f\",\"version\":2,\"id\":3,\"schema\":\"{"
                                       "\\\"type\\\":\\\"fixed\\\",\\\"name\\\":\\\"F\\\","
                                       "\\\"size\\\":4}\"}"));
}

/* A registry that has not read its topic yet. */
static void on_busy(void *ctx, struct http_request *rq)
{
    (void)ctx;
    http_request_respond_error(rq, 503, 50001, "still reading");
}

/* Each of the first six versions of "deep" refers to the next one, ten times. */
static void on_deep(void *ctx, struct http_request *rq, int version)
{
    struct registry_port *p = ctx;
    (void)atomic_fetch_add(&p->calls, 1);
    char text[2000];
    int len = snprintf(text, sizeof text, "{\"schema\":\"\\\"int\\\"\",\"references\":[");
    for (int i = 0; i < 10 && version < 6; i++) {
        len += snprintf(text + len, sizeof text - (size_t)len,
                        "%s{\"name\":\"n\",\"subject\":\"deep\",\"version\":%d}", i > 0 ? "," : "",
                        version + 1);
    }
    (void)snprintf(text + len, sizeof text - (size_t)len, "]}");
    http_request_respond(rq, 200, bytes_of_text(text));
}

static const struct http_server_route busy_routes[] = {
    {"POST", "/subjects/{subject}/versions", on_busy},
};

static const struct http_server_route routes[] = {
    {"POST", "/subjects/{subject}/versions", on_register},
    {"GET", "/subjects/{subject}/versions/{version}", on_version},
    {"GET", "/schemas/ids/{id}", on_id},
};

static int setup(void **state)
{
    static struct registry_port
        port; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */
    const struct http_server_config config = {.routes = routes, .route_count = 3, .ctx = &port};
    port.calls = 0;
    struct err e;
    if (http_server_start(&config, &port.server, &e) != ERR_OK) {
        return -1;
    }
    /* The first one refuses connections: the second is found. */
    (void)snprintf(port.urls, sizeof port.urls, "http://127.0.0.1:1, http://127.0.0.1:%u/",
                   http_server_port(port.server));
    *state = &port;
    return 0;
}

static int teardown(void **state)
{
    http_server_stop(((struct registry_port *)*state)->server);
    return 0;
}

static struct registry_client *open_client(const struct registry_port *p, const char *user_info)
{
    const struct registry_client_config config = {.urls = p->urls, .user_info = user_info};
    struct registry_client *c = NULL;
    struct err e;
    assert_int_equal(registry_client_create(&config, &c, &e), ERR_OK);
    return c;
}

static void registers_once_and_keeps_the_id(void **state)
{
    struct registry_port *p = *state;
    struct registry_client *c = open_client(p, "user:secret");
    struct err e;
    for (int i = 0; i < 3; i++) {
        int32_t id = 0;
        assert_int_equal(registry_client_register(c, "s-value", "\"int\"", &id, NULL, &e), ERR_OK);
        assert_int_equal(id, 7);
    }
    assert_int_equal(p->calls, 1);
    assert_string_equal(p->authorization, "Basic dXNlcjpzZWNyZXQ=");
    registry_client_destroy(c);
}

static void keeps_the_code_of_a_refusal(void **state)
{
    struct registry_client *c = open_client(*state, NULL);
    struct registry_client_fault fault;
    struct err e;
    int32_t id = 0;
    assert_int_equal(registry_client_register(c, "a/b", "\"int\"", &id, &fault, &e), ERR_CONFLICT);
    assert_int_equal(fault.http_status, 409);
    assert_int_equal(fault.error_code, 40901);
    assert_string_equal(e.text,
                        "subject a/b: Schema being registered is incompatible; error code: 40901");
    struct avro_schema *s = NULL;
    assert_int_equal(registry_client_schema(c, 8, &s, &fault, &e), ERR_NOT_FOUND);
    assert_int_equal(fault.error_code, 40403);
    registry_client_destroy(c);
}

static void fetches_a_schema_with_what_it_refers_to(void **state)
{
    struct registry_port *p = *state;
    struct registry_client *c = open_client(p, NULL);
    struct err e;
    int before = p->calls;
    for (int i = 0; i < 2; i++) {
        struct avro_schema *s = NULL;
        assert_int_equal(registry_client_schema(c, 7, &s, NULL, &e), ERR_OK);
        assert_int_equal(avro_schema_root(s)->items->size, 4);
        avro_schema_unref(s);
    }
    assert_int_equal(p->calls, before + 1);
    registry_client_destroy(c);
}

static void says_when_no_registry_answers(void **state)
{
    (void)state;
    const struct registry_client_config away = {.urls = "http://127.0.0.1:1"};
    struct registry_client *c = NULL;
    struct err e;
    int32_t id = 0;
    assert_int_equal(registry_client_create(&away, &c, &e), ERR_OK);
    assert_int_equal(registry_client_register(c, "s", "\"int\"", &id, NULL, &e), ERR_UNAVAILABLE);
    assert_non_null(strstr(e.text, "http://127.0.0.1:1"));
    registry_client_destroy(c);
    const struct registry_client_config bad = {.urls = "localhost:8081"};
    assert_int_equal(registry_client_create(&bad, &c, &e), ERR_INVALID);
}

static void goes_on_to_the_next_registry_when_one_is_not_ready(void **state)
{
    const struct registry_port *p = *state;
    const struct http_server_config config = {.routes = busy_routes, .route_count = 1};
    struct http_server *busy = NULL;
    struct err e;
    assert_int_equal(http_server_start(&config, &busy, &e), ERR_OK);
    char urls[128];
    (void)snprintf(urls, sizeof urls, "http://127.0.0.1:%u,http://127.0.0.1:%u",
                   http_server_port(busy), http_server_port(p->server));
    const struct registry_client_config both = {.urls = urls};
    struct registry_client *c = NULL;
    int32_t id = 0;
    assert_int_equal(registry_client_create(&both, &c, &e), ERR_OK);
    assert_int_equal(registry_client_register(c, "s", "\"int\"", &id, NULL, &e), ERR_OK);
    assert_int_equal(id, 7);
    registry_client_destroy(c);
    urls[strcspn(urls, ",")] = '\0'; /* with none behind it, its own words count */
    struct registry_client_fault fault;
    assert_int_equal(registry_client_create(&both, &c, &e), ERR_OK);
    assert_int_equal(registry_client_register(c, "s", "\"int\"", &id, &fault, &e), ERR_UNAVAILABLE);
    assert_int_equal(fault.error_code, 50001);
    assert_non_null(strstr(e.text, "still reading"));
    registry_client_destroy(c);
    http_server_stop(busy);
}

static void follows_so_many_references_only(void **state)
{
    struct registry_port *p = *state;
    struct registry_client *c = open_client(p, NULL);
    struct err e;
    struct avro_schema *s = NULL;
    int before = p->calls;
    assert_int_equal(registry_client_schema(c, 9, &s, NULL, &e), ERR_LIMIT);
    assert_true(p->calls - before < 1010);
    assert_non_null(strstr(e.text, "references"));
    registry_client_destroy(c);
}

static void names_subjects(void **state)
{
    (void)state;
    enum registry_client_naming naming = REGISTRY_CLIENT_TOPIC_NAME;
    struct err e;
    assert_int_equal(registry_client_naming_parse(
                         "io.confluent.kafka.serializers.subject.RecordNameStrategy", &naming, &e),
                     ERR_OK);
    const struct {
        enum registry_client_naming naming;
        bool is_key;
        const char *subject;
    } rows[] = {
        {REGISTRY_CLIENT_TOPIC_NAME, false, "t-value"},
        {REGISTRY_CLIENT_TOPIC_NAME, true, "t-key"},
        {naming, true, "n.R"},
        {REGISTRY_CLIENT_TOPIC_RECORD_NAME, false, "t-n.R"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *subject = registry_client_subject(rows[i].naming, "t", rows[i].is_key, "n.R");
        assert_string_equal(subject, rows[i].subject);
        mem_free(subject);
    }
    assert_int_equal(registry_client_naming_parse("x", &naming, &e), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_once_and_keeps_the_id),
        cmocka_unit_test(keeps_the_code_of_a_refusal),
        cmocka_unit_test(fetches_a_schema_with_what_it_refers_to),
        cmocka_unit_test(says_when_no_registry_answers),
        cmocka_unit_test(goes_on_to_the_next_registry_when_one_is_not_ready),
        cmocka_unit_test(follows_so_many_references_only),
        cmocka_unit_test(names_subjects),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
