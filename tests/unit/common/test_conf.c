#include "common/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/test.h"

static const struct conf_option options[] = {
    {"kafka.port", CONF_INT, "9092", 0, 65535, NULL, "PORT", false, "Broker",
     "Port of the Kafka protocol"},
    {"connect.flush", CONF_DURATION, "10s", 1, 3600000, NULL, "TIME", false, "Connect", "Flush"},
    {"log.level", CONF_CHOICE, "info", 0, 0, "debug|info|warn", "LEVEL", false, "Log", "Level"},
    {"roles", CONF_LIST, "broker,registry", 0, 0, NULL, "ROLES", false, "Log", "Roles"},
    {"auto.create", CONF_BOOL, "true", 0, 0, NULL, NULL, false, "Log", "Auto"},
    {"size", CONF_BYTES, "1MiB", 1, INT64_MAX, NULL, "SIZE", false, "Log", "Size"},
};

static struct conf *make(void **state)
{
    (void)state;
    struct conf *c = conf_create(options, sizeof options / sizeof options[0]);
    assert_non_null(c);
    return c;
}

static void starts_with_the_defaults(void **state)
{
    struct conf *c = make(state);
    assert_int_equal(conf_int(c, "kafka.port"), 9092);
    assert_int_equal(conf_int(c, "connect.flush"), 10000);
    assert_int_equal(conf_int(c, "size"), 1048576);
    assert_true(conf_bool(c, "auto.create"));
    conf_destroy(c);
}

static void refuses_what_does_not_fit_and_keeps_the_old_value(void **state)
{
    struct conf *c = make(state);
    struct err e;
    assert_int_equal(conf_set(c, "kafka.port", "65536", "--kafka-port", &e), ERR_INVALID);
    assert_string_equal(e.text, "--kafka-port: kafka.port: 65536 is out of range: 0 to 65535");
    assert_int_equal(conf_set(c, "kafka.port", "9x", "flag", &e), ERR_INVALID);
    assert_int_equal(conf_set(c, "kafka.port", "", "flag", &e), ERR_INVALID);
    assert_int_equal(conf_set(c, "connect.flush", "3 parsecs", "flag", &e), ERR_INVALID);
    assert_int_equal(conf_set(c, "log.level", "inf", "flag", &e), ERR_INVALID);
    assert_int_equal(conf_set(c, "nope", "1", "flag", &e), ERR_NOT_FOUND);
    assert_int_equal(conf_int(c, "kafka.port"), 9092);
    conf_destroy(c);
}

static void finds_a_row_by_its_flag(void **state)
{
    struct conf *c = make(state);
    assert_ptr_equal(conf_find_flag(c, "kafka-port"), &options[0]);
    assert_null(conf_find_flag(c, "kafka-por"));
    assert_null(conf_find_flag(c, "kafka-ports"));
    conf_destroy(c);
}

static void lists_are_cut_at_commas(void **state)
{
    struct conf *c = make(state);
    struct err e;
    assert_int_equal(conf_set(c, "roles", " a , bc,", "flag", &e), ERR_OK);
    const char *cursor = NULL;
    struct bytes item;
    assert_true(conf_list_next(c, "roles", &cursor, &item));
    assert_true(bytes_equal(item, bytes_of_text("a")));
    assert_true(conf_list_next(c, "roles", &cursor, &item));
    assert_true(bytes_equal(item, bytes_of_text("bc")));
    assert_false(conf_list_next(c, "roles", &cursor, &item));
    conf_destroy(c);
}

static enum err_code load(struct conf *c, const char *yaml, struct err *e)
{
    char path[] = "/tmp/weir-conf-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    (void)fputs(yaml, f);
    (void)fclose(f);
    enum err_code code = conf_load_file(c, path, e);
    (void)unlink(path);
    return code;
}

static void reads_yaml_nested_and_dotted(void **state)
{
    struct conf *c = make(state);
    struct err e;
    assert_int_equal(load(c, "kafka:\n  port: 1\nconnect.flush: 5m\nroles: [x, y]\n", &e), ERR_OK);
    assert_int_equal(conf_int(c, "kafka.port"), 1);
    assert_int_equal(conf_int(c, "connect.flush"), 300000);
    assert_string_equal(conf_text(c, "roles"), "x,y");
    conf_destroy(c);
}

static void names_the_line_of_a_bad_file(void **state)
{
    struct conf *c = make(state);
    struct err e;
    assert_int_equal(load(c, "size: 1\nkafka:\n  prt: 1\n", &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, "line 3: unknown setting \"kafka.prt\""));
    assert_int_equal(load(c, "size: 1\nsize: 2\n", &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "set twice"));
    assert_int_equal(load(c, "a: [\n", &e), ERR_PARSE);
    assert_int_equal(load(c, "- a\n", &e), ERR_PARSE);
    conf_destroy(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_with_the_defaults),
        cmocka_unit_test(refuses_what_does_not_fit_and_keeps_the_old_value),
        cmocka_unit_test(finds_a_row_by_its_flag),
        cmocka_unit_test(lists_are_cut_at_commas),
        cmocka_unit_test(reads_yaml_nested_and_dotted),
        cmocka_unit_test(names_the_line_of_a_bad_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
