#include "cli/record_json.h"

#include "cli/go_json.h"
#include "tests/support/test.h"

static void check(const struct record_view *r, bool pretty, bool meta_only, const char *expected)
{
    const struct record_json_style style = {pretty, meta_only};
    struct buf out;
    buf_init(&out, 10000);
    record_json_write(r, &style, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_deinit(&out);
}

/* The start of an Avro alert as the tutorial shows it: 0x26 is a length once, and '&'. */
static void escapes_as_go_does(void **state)
{
    (void)state;
    static const uint8_t alert[] = "\0\0\0\0\2\2&high_purchase_count\2&1111-\xf0\x28\x80";
    const struct record_view r = {.topic = bytes_of_text("alerts-avro"),
                                  .key = bytes_of_text("1111"),
                                  .value = bytes_of(alert, sizeof alert - 1),
                                  .timestamp_ms = 5,
                                  .partition = 1};
    check(&r, false, false,
          "{\"topic\":\"alerts-avro\",\"key\":\"1111\",\"value\":\"\\u0000\\u0000\\u0000\\u0000"
          "\\u0002\\u0002\\u0026high_purchase_count\\u0002\\u00261111-\\ufffd(\\ufffd\","
          "\"timestamp\":5,\"partition\":1,\"offset\":0}\n");
}

static void leaves_out_what_is_not_there(void **state)
{
    (void)state;
    struct record_view r = {.topic = bytes_of_text("t"), .offset = 7};
    check(&r, false, false, "{\"topic\":\"t\",\"timestamp\":0,\"partition\":0,\"offset\":7}\n");
    r.key = bytes_of("", 0);
    r.value = bytes_of("", 0);
    check(&r, false, false,
          "{\"topic\":\"t\",\"value\":\"\",\"timestamp\":0,\"partition\":0,\"offset\":7}\n");
    check(&r, false, true,
          "{\"topic\":\"t\",\"value_size\":0,\"timestamp\":0,\"partition\":0,\"offset\":7}\n");
}

static void indents_by_two(void **state)
{
    (void)state;
    const struct record_text_header headers[] = {{bytes_of_text("a"), bytes_of_text("1")},
                                                 {bytes_of_text("b"), bytes_null()}};
    const struct record_view r = {
        .topic = bytes_of_text("t"), .headers = headers, .header_count = 2};
    check(
        &r, true, false,
        "{\n  \"topic\": \"t\",\n  \"headers\": [\n    {\n      \"key\": \"a\",\n      \"value\": "
        "\"1\"\n    },\n    {\n      \"key\": \"b\",\n      \"value\": \"\"\n    }\n  ],\n  "
        "\"timestamp\": 0,\n  \"partition\": 0,\n  \"offset\": 0\n}\n");
}

static void knows_every_escape(void **state)
{
    (void)state;
    static const struct {
        struct bytes text;
        const char *expected;
    } cases[] = {
        {{(const uint8_t *)"a\"b\\c/", 6}, "\"a\\\"b\\\\c/\""},
        {{(const uint8_t *)"\t\n\r\b\f\v\x7f", 7}, "\"\\t\\n\\r\\b\\f\\u000b\x7f\""},
        {{(const uint8_t *)"<>&", 3}, "\"\\u003c\\u003e\\u0026\""},
        {{(const uint8_t *)"\xe2\x80\xa8\xe2\x80\xa9", 6}, "\"\\u2028\\u2029\""},
        {{(const uint8_t *)"\xc3\xa9\xf0\x9f\x98\x80", 6}, "\"\xc3\xa9\xf0\x9f\x98\x80\""},
        /* Over-long, a surrogate, cut short: one replacement for each byte. */
        {{(const uint8_t *)"\xc0\x80", 2}, "\"\\ufffd\\ufffd\""},
        {{(const uint8_t *)"\xed\xa0\x80", 3}, "\"\\ufffd\\ufffd\\ufffd\""},
        {{(const uint8_t *)"\xe2\x82", 2}, "\"\\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, 1000);
        go_json_text(cases[i].text, &out);
        assert_string_equal(buf_text(&out), cases[i].expected);
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_as_go_does),
        cmocka_unit_test(leaves_out_what_is_not_there),
        cmocka_unit_test(indents_by_two),
        cmocka_unit_test(knows_every_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
