#include "common/json.h"

#include <math.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "tests/support/test.h"

static void refuses_what_is_too_deep_or_too_large(void **state)
{
    (void)state;
    char deep[20001];
    memset(deep, '[', 10000);
    memset(deep + 10000, ']', 10000);
    deep[20000] = '\0';
    json_t *json = NULL;
    struct err e;
    assert_int_equal(json_decode(bytes_of_text(deep), NULL, &json, &e), ERR_PARSE);
    assert_non_null(strstr(e.text, "nested 10000 levels deep"));
    const struct json_limits small = {.max_bytes = 5, .max_depth = 2};
    assert_int_equal(json_decode(bytes_of_text("[1,2,3]"), &small, &json, &e), ERR_LIMIT);
    assert_int_equal(json_decode(bytes_of_text("[[[]]"), &small, &json, &e), ERR_PARSE);
    assert_int_equal(
        json_decode(bytes_of_text("[\"[[\"]"), &(struct json_limits){.max_depth = 1}, &json, &e),
        ERR_OK);
    json_decref(json);
    assert_int_equal(json_decode(bytes_of_text("{\"a\":1"), NULL, NULL, &e), ERR_PARSE);
    assert_non_null(strstr(e.text, "line 1"));
    assert_int_equal(json_decode(bytes_null(), NULL, NULL, &e), ERR_PARSE);
}

static void writes_what_java_writes(void **state)
{
    (void)state;
    const struct {
        const char *in;
        const char *out;
    } rows[] = {
        {"{ \"b\" : 1.50, \"a\" : [ true , null ] }", "{\"b\":1.5,\"a\":[true,null]}"},
        {"[\"\\u00e9\\u0001\\n\\/\\\"\"]", "[\"\xc3\xa9\\u0001\\n/\\\"\"]"},
        {"[1.0, 43.0, 1e10, 0.1, 1e-5, 9999999.0, 12345678.9, 0.001, -0.0, 1.7976931348623157e308]",
         "[1.0,43.0,1.0E10,0.1,1.0E-5,9999999.0,1.23456789E7,0.001,-0.0,1.7976931348623157E308]"},
        {"[9223372036854775807,-9223372036854775808]",
         "[9223372036854775807,-9223372036854775808]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *json = NULL;
        struct err e;
        assert_int_equal(json_decode(bytes_of_text(rows[i].in), NULL, &json, &e), ERR_OK);
        char *text = json_encode(json, 1000);
        assert_string_equal(text, rows[i].out);
        mem_free(text);
        assert_null(json_encode(json, 3));
        json_decref(json);
    }
    struct buf b;
    buf_init(&b, 100);
    json_write_float(&b, 0.1F);
    buf_append_char(&b, ' ');
    json_write_double(&b, -(double)INFINITY);
    assert_string_equal(buf_text(&b), "0.1 -Infinity");
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_too_deep_or_too_large),
        cmocka_unit_test(writes_what_java_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
