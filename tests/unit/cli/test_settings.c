#include "cli/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"

/* A directory for one test, where rpk.yaml is looked for. */
static char directory[64];

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wbe");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) < 0, 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    (void)state;
    char path[128];
    (void)snprintf(directory, sizeof directory, "/tmp/weir-settings-XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof path, "%s/rpk", directory);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(setenv("XDG_CONFIG_HOME", directory, 1), 0);
    assert_int_equal(chdir(directory), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const variables[] = {"RPK_BROKERS", "REDPANDA_BROKERS", "RPK_TLS_CA"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(unsetenv(variables[i]), 0);
    }
    char path[128];
    static const char *const names[] = {"rpk/rpk.yaml", "redpanda.yaml", "rpk"};
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        (void)remove(path);
    }
    assert_int_equal(chdir("/"), 0);
    return rmdir(directory);
}

static struct settings *load(const struct settings_request *request)
{
    struct settings *s = NULL;
    struct err e;
    if (settings_load(request, &s, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
    return s;
}

static void assert_brokers(const struct settings_request *request, const char *expected)
{
    struct settings *s = load(request);
    assert_string_equal(settings_get(s, "brokers"), expected);
    settings_destroy(s);
}

#define RPK_YAML                                                                                \
    "version: 6\ncurrent_profile: one\nglobals: {retry_timeout: 1m30s, prompt: x}\nprofiles:\n" \
    "- {name: one, kafka_api: {brokers: [a:1, 'b:2']}, admin_api: {addresses: [x]}}\n"          \
    "- {name: two, kafka_api: {brokers: []}, schema_registry: {addresses: ['https://sr']}}\n"   \
    "- {name: cloudy, from_cloud: true}\n"

static void the_first_source_that_has_the_key_wins(void **state)
{
    (void)state;
    const struct settings_request files = {.config = NULL};
    assert_brokers(&files, "127.0.0.1:9092");
    write_file("redpanda.yaml", "redpanda: {node_id: 1}\nrpk:\n  kafka_api:\n    brokers:\n"
                                "    - {address: r, port: 9}\n");
    assert_brokers(&files, "r:9");
    write_file("rpk/rpk.yaml", RPK_YAML);
    assert_brokers(&files, "a:1,b:2");
    const struct settings_request two = {.profile = "two"};
    assert_brokers(&two, "r:9"); /* what the profile leaves open */
    assert_int_equal(setenv("REDPANDA_BROKERS", "old:1", 1), 0);
    assert_brokers(&files, "old:1");
    assert_int_equal(setenv("RPK_BROKERS", " new:1, new:2 ", 1), 0);
    assert_brokers(&files, "new:1,new:2");
    const struct settings_option options[] = {{"brokers", "brokers", "flag:1"},
                                              {"config-opt", NULL, "BROKERS=x:1"}};
    const struct settings_request flags = {.options = options, .option_count = 1};
    assert_brokers(&flags, "flag:1");
    const struct settings_request both = {.options = options, .option_count = 2};
    assert_brokers(&both, "x:1");
    const struct settings_request none = {.ignore_files = true};
    assert_brokers(&none, "new:1,new:2");
}

static void kinds_and_defaults(void **state)
{
    (void)state;
    write_file("rpk/rpk.yaml", RPK_YAML);
    const struct settings_option options[] = {{"config-opt", NULL, "tls.enabled=false"},
                                              {"password", "pass", "=odd="},
                                              {"config-opt", NULL, "brokers=u:odd@h"}};
    const struct settings_request request = {
        .options = options, .option_count = 3, .profile = "two"};
    struct settings *s = load(&request);
    assert_true(settings_is_set(s, "tls.enabled"));
    assert_false(settings_bool(s, "tls.enabled"));
    assert_false(settings_is_set(s, "tls.ca"));
    assert_null(settings_get(s, "tls.ca"));
    assert_int_equal(settings_ms(s, "globals.retry_timeout"), 90000);
    assert_int_equal(settings_ms(s, "globals.dial_timeout"), 3000);
    assert_int_equal(settings_ms(s, "globals.fetch_max_wait"), -1);
    assert_string_equal(settings_get(s, "registry.hosts"), "https://sr");
    assert_string_equal(settings_get(s, "pass"), "=odd=");
    struct buf shown;
    buf_init(&shown, 10000);
    settings_print(s, &shown);
    const char *text = buf_text(&shown);
    assert_non_null(strstr(text, "registry.hosts = https://sr ("));
    assert_non_null(strstr(text, "rpk.yaml line 6)"));
    assert_non_null(strstr(text, "pass = ... (--password)"));
    assert_null(strstr(text, "odd"));
    buf_deinit(&shown);
    settings_destroy(s);
}

static void a_tls_section_turns_tls_on(void **state)
{
    (void)state;
    write_file("redpanda.yaml",
               "rpk:\n  kafka_api:\n    brokers: b:1\n    tls:\n      ca_file: ca\n"
               "    sasl: {user: u, password: p, mechanism: PLAIN}\n"
               "  schema_registry: {addresses: [s], tls: {enabled: false}}\n");
    const struct settings_request request = {.config = "redpanda.yaml"};
    struct settings *s = load(&request);
    assert_string_equal(settings_get(s, "brokers"), "b:1");
    assert_true(settings_bool(s, "tls.enabled"));
    assert_string_equal(settings_get(s, "tls.ca"), "ca");
    assert_string_equal(settings_get(s, "user"), "u");
    assert_string_equal(settings_get(s, "sasl.mechanism"), "PLAIN");
    assert_false(settings_bool(s, "registry.tls.enabled"));
    settings_destroy(s);
}

static void assert_refused(const struct settings_request *request, const char *says)
{
    struct settings *s = NULL;
    struct err e;
    assert_int_not_equal(settings_load(request, &s, &e), ERR_OK);
    if (strstr(e.text, says) == NULL) {
        fail_msg("%s, not %s", e.text, says);
    }
}

static void refuses_what_it_cannot_use(void **state)
{
    (void)state;
    static const char *const options[][2] = {
        {"admin.hosts=h:1", "admin.hosts is not used: "},
        {"globals.prompt=x", "globals.prompt is not used: "},
        {"nope=1", "-X nope: unknown key"},
        {"brokers", "-X brokers: use KEY=VALUE"},
        {"brokers=", "empty item"},
        {"brokers=a,,b", "empty item"},
        {"tls.enabled=yes", "\"yes\" is not true or false"},
        {"globals.dial_timeout=25h", "not a duration up to 24h"},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const struct settings_option one = {"config-opt", NULL, options[i][0]};
        const struct settings_request request = {.options = &one, .option_count = 1};
        assert_refused(&request, options[i][1]);
    }
}

static void names_the_place_in_a_file(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"rpk:\n  kafka_api:\n    broker: [a]\n",
         "redpanda.yaml line 3: kafka_api.broker is unknown"},
        {"rpk:\n  kafka_api:\n    brokers: [[a]]\n", "line 3: kafka_api.brokers: use a list"},
        {"rpk:\n  kafka_api:\n    brokers: [{port: 1}]\n", "use a list of HOST:PORT"},
        {"rpk:\n  schema_registry:\n    tls: {enabled: 1}\n", "line 3: registry.tls.enabled"},
        {"rpk:\n  kafka_api: {a: {b: {c: {d: {e: {f: {g: 1}}}}}}}\n", "not a setting's name"},
        {"rpk: [\n", "redpanda.yaml line"},
        {"version: 99\n", "version 99 is newer"},
        {"version: 6\nglobals: {dial_timeout: soon}\n",
         "redpanda.yaml line 2: globals.dial_timeout"},
    };
    const struct settings_request request = {.config = "redpanda.yaml"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        write_file("redpanda.yaml", files[i][0]);
        assert_refused(&request, files[i][1]);
    }
    const struct settings_request absent = {.config = "absent.yaml"};
    assert_refused(&absent, "open absent.yaml: No such file");
    const struct settings_request profile = {.profile = "one"};
    write_file("redpanda.yaml", "");
    assert_refused(&profile, "no rpk.yaml with profiles");
    write_file("rpk/rpk.yaml", RPK_YAML);
    const struct settings_request cloudy = {.profile = "cloudy"};
    assert_refused(&cloudy, "Redpanda Cloud login");
    const struct settings_request nobody = {.profile = "nobody"};
    assert_refused(&nobody, "there is no profile \"nobody\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_source_that_has_the_key_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kinds_and_defaults, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_tls_section_turns_tls_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_it_cannot_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_the_place_in_a_file, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
