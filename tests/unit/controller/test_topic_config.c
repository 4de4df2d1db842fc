#include "tests/support/test.h"

#include <string.h>

#include "broker/controller/node_config.h"
#include "broker/controller/topic_config.h"

static int16_t check_one(const char *key, const char *value, char message[CONTROLLER_MESSAGE_MAX])
{
    struct controller_config config = {bytes_of_text(key), bytes_of_text(value)};
    message[0] = '\0';
    return topic_config_check(&config, 1, message, CONTROLLER_MESSAGE_MAX);
}

static void check_table(const struct config_def *defs, size_t count, bool topics)
{
    char why[CONTROLLER_MESSAGE_MAX];
    for (size_t i = 0; i < count; i++) {
        const struct config_def *def = &defs[i];
        assert_true(i == 0 || strcmp(defs[i - 1].key, def->key) < 0);
        assert_true(strlen(def->doc) > 10);
        assert_true(def->min <= def->max);
        if (def->default_value != NULL) {
            assert_true(config_def_check(def, bytes_of_text(def->default_value), why, sizeof why) ||
                        (def->type == CONFIG_LIST && def->default_value[0] == '\0'));
        }
        /* A topic's default is the broker key's: the two tables must agree. */
        if (topics && def->node_key != NULL) {
            const struct config_def *node = node_config_find(bytes_of_text(def->node_key));
            assert_non_null(node);
            assert_true(node->dynamic);
            assert_int_equal(node->type, def->type);
            assert_string_equal(node->default_value, def->default_value);
            assert_true(node->min >= def->min && node->max <= def->max);
        }
    }
}

static void the_tables_hold_together(void **state)
{
    (void)state;
    size_t count = 0;
    const struct config_def *defs = topic_config_defs(&count);
    check_table(defs, count, true);
    defs = node_config_defs(&count);
    check_table(defs, count, false);
}

static void values_are_checked_with_kafkas_words(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *value;
        const char *message; /* NULL = fine */
    } cases[] = {
        {"retention.ms", "-1", NULL},
        {"retention.ms", " 5 ", NULL},
        {"retention.ms", "soon",
         "Invalid value soon for configuration retention.ms: Not a number of type LONG"},
        {"retention.ms", "9223372036854775808",
         "Invalid value 9223372036854775808 for configuration retention.ms: Not a number of type "
         "LONG"},
        {"retention.ms", "-2",
         "Invalid value -2 for configuration retention.ms: Value must be at least -1"},
        {"retention.ms", "",
         "Invalid value  for configuration retention.ms: Not a number of type LONG"},
        {"segment.bytes", "2147483648",
         "Invalid value 2147483648 for configuration segment.bytes: Not a number of type INT"},
        {"segment.bytes", "13",
         "Invalid value 13 for configuration segment.bytes: Value must be at least 14"},
        {"min.cleanable.dirty.ratio", "0.25", NULL},
        {"min.cleanable.dirty.ratio", "1.5",
         "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more "
         "than 1"},
        {"min.cleanable.dirty.ratio", "nan",
         "Invalid value nan for configuration min.cleanable.dirty.ratio: Not a number of type "
         "DOUBLE"},
        {"cleanup.policy", "compact,delete", NULL},
        {"cleanup.policy", "compact, delete", NULL},
        {"cleanup.policy", "compact,burn",
         "Invalid value compact,burn for configuration cleanup.policy: String must be one of: "
         "compact, delete"},
        {"cleanup.policy", "",
         "Invalid value  for configuration cleanup.policy: String must be one of: compact, "
         "delete"},
        {"compression.type", "producer", NULL},
        {"compression.type", "zstd",
         "Invalid value zstd for configuration compression.type: Only producer is available: "
         "batches are stored as the producer compressed them"},
        {"remote.storage.enable", "false", NULL},
        {"remote.storage.enable", "true",
         "Invalid value true for configuration remote.storage.enable: Tiered storage is not "
         "available"},
        {"compression.type", "brotli",
         "Invalid value brotli for configuration compression.type: String must be one of: "
         "uncompressed, zstd, lz4, snappy, gzip, producer"},
        {"preallocate", "TRUE", NULL},
        {"preallocate", "yes",
         "Invalid value yes for configuration preallocate: Expected value to be either true or "
         "false"},
        {"message.format.version", "2.0", NULL},
        {"no.such.key", "1", "Unknown topic config name: no.such.key"},
        {"retention.ms", NULL, "Null value not supported for topic configs: retention.ms"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[CONTROLLER_MESSAGE_MAX];
        int16_t error = check_one(cases[i].key, cases[i].value, message);
        assert_int_equal(error, cases[i].message == NULL ? 0 : 40);
        assert_string_equal(message, cases[i].message == NULL ? "" : cases[i].message);
    }
}

static void keys_are_checked_against_each_other(void **state)
{
    (void)state;
    char message[CONTROLLER_MESSAGE_MAX];
    struct controller_config configs[] = {
        {bytes_of_text("min.compaction.lag.ms"), bytes_of_text("10")},
        {bytes_of_text("max.compaction.lag.ms"), bytes_of_text("9")}};
    assert_int_equal(topic_config_check(configs, 2, message, sizeof message), 40);
    assert_string_equal(message, "conflict topic config setting min.compaction.lag.ms (10) > "
                                 "max.compaction.lag.ms (9)");
    configs[1].value = bytes_of_text("10");
    assert_int_equal(topic_config_check(configs, 2, message, sizeof message), 0);
}

static void names_are_checked(void **state)
{
    (void)state;
    char why[CONTROLLER_MESSAGE_MAX];
    char longest[251];
    memset(longest, 'x', sizeof longest - 1);
    longest[250] = '\0';
    const char *bad[] = {"", ".", "..", "a b", "a/b", "\xc3\xa9", longest};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(topic_config_check_name(bytes_of_text(bad[i]), why, sizeof why), 17);
    }
    longest[249] = '\0';
    const char *good[] = {"a", "...", "A-b_c.9", "__consumer_offsets", longest};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(topic_config_check_name(bytes_of_text(good[i]), why, sizeof why), 0);
    }
    assert_int_equal(topic_config_check_name(bytes_of("a\0b", 3), why, sizeof why), 17);
    assert_true(topic_config_names_collide(bytes_of_text("a.b_c"), bytes_of_text("a_b.c")));
    assert_false(topic_config_names_collide(bytes_of_text("a.b"), bytes_of_text("a.b")));
    assert_false(topic_config_names_collide(bytes_of_text("a.b"), bytes_of_text("a-b")));
}

static void lists_are_read_with_blanks(void **state)
{
    (void)state;
    struct bytes list = bytes_of_text(" a , b,c ");
    assert_true(config_def_list_has(list, bytes_of_text("a")));
    assert_true(config_def_list_has(list, bytes_of_text("c")));
    assert_false(config_def_list_has(list, bytes_of_text("d")));
    assert_false(config_def_list_has(bytes_of_text(""), bytes_of_text("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_hold_together),
        cmocka_unit_test(values_are_checked_with_kafkas_words),
        cmocka_unit_test(keys_are_checked_against_each_other),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(lists_are_read_with_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
