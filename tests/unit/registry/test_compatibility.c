#include "registry/compatibility.h"

#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "serde/avro_schema.h"
#include "tests/support/test.h"

#define REC(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define F(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define D(name, type, value) "{\"name\":\"" name "\",\"type\":" type ",\"default\":" value "}"
#define ENUM(name, symbols, more) \
    "{\"type\":\"enum\",\"name\":\"" name "\",\"symbols\":[" symbols "]" more "}"
#define FIXED(name, size) "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" size "}"

static struct avro_schema *parse(const char *text)
{
    struct avro_schema *s = NULL;
    struct err e = {0};
    if (avro_schema_parse(bytes_of_text(text), NULL, &s, &e) != ERR_OK) {
        fail_msg("%s: %s", text, e.text);
    }
    return s;
}

/* The findings of reading `writer` data as `reader`: the first one, "" when compatible. */
static void check(const char *reader, const char *writer, const char *expected)
{
    struct avro_schema *r = parse(reader);
    struct avro_schema *w = parse(writer);
    const struct compatibility_old old = {w, 1};
    json_t *messages = json_array();
    struct err e = {0};
    assert_int_equal(compatibility_check(COMPATIBILITY_BACKWARD, r, &old, 1, messages, &e), ERR_OK);
    const char *first = json_string_value(json_array_get(messages, 0));
    if (strcmp(first != NULL ? first : "", expected) != 0) {
        fail_msg("reader %s, writer %s:\nexpected %s\n     got %s", reader, writer, expected,
                 first);
    }
    assert_int_equal(json_array_size(messages) >= 4, expected[0] != '\0');
    json_decref(messages);
    avro_schema_unref(w);
    avro_schema_unref(r);
}

#define MISMATCH(path, r, w)                                                                \
    "{errorType:'TYPE_MISMATCH', description:'The type (path '" path                        \
    "') of a field in the new schema does not match with the old schema', additionalInfo:'" \
    "reader type: " r " not compatible with writer type: " w "'}"
#define BRANCH(path, w)                                                                          \
    "{errorType:'MISSING_UNION_BRANCH', description:'The new schema is missing a type inside a " \
    "union field at path '" path "' in the old schema', additionalInfo:'reader union lacking "   \
    "writer type: " w "'}"

static void follows_every_row_of_avro_resolution(void **state)
{
    (void)state;
    const struct {
        const char *reader;
        const char *writer;
        const char *finding;
    } rows[] = {
        {"\"int\"", "\"int\"", ""},
        {"\"long\"", "\"int\"", ""},
        {"\"float\"", "\"int\"", ""},
        {"\"double\"", "\"int\"", ""},
        {"\"float\"", "\"long\"", ""},
        {"\"double\"", "\"long\"", ""},
        {"\"double\"", "\"float\"", ""},
        {"\"string\"", "\"bytes\"", ""},
        {"\"bytes\"", "\"string\"", ""},
        {"\"int\"", "\"long\"", MISMATCH("/", "INT", "LONG")},
        {"\"float\"", "\"double\"", MISMATCH("/", "FLOAT", "DOUBLE")},
        {"\"boolean\"", "\"null\"", MISMATCH("/", "BOOLEAN", "NULL")},
        {"{\"type\":\"array\",\"items\":\"long\"}", "{\"type\":\"array\",\"items\":\"int\"}", ""},
        {"{\"type\":\"array\",\"items\":\"int\"}", "{\"type\":\"array\",\"items\":\"string\"}",
         MISMATCH("/items", "INT", "STRING")},
        {"{\"type\":\"map\",\"values\":\"int\"}", "{\"type\":\"map\",\"values\":\"string\"}",
         MISMATCH("/values", "INT", "STRING")},
        {"{\"type\":\"map\",\"values\":\"int\"}", "{\"type\":\"array\",\"items\":\"int\"}",
         MISMATCH("/", "MAP", "ARRAY")},
        {FIXED("X", "4"), FIXED("X", "8"),
         "{errorType:'FIXED_SIZE_MISMATCH', description:'The size of FIXED type field at path "
         "'/size' in the new schema does not match with the old schema', additionalInfo:'expected: "
         "8, found: 4'}"},
        {FIXED("X", "4"), FIXED("a.X", "4"), ""},
        {FIXED("X", "4"), FIXED("a.Y", "4"),
         "{errorType:'NAME_MISMATCH', description:'The name of the schema has changed (path "
         "'/name')', additionalInfo:'expected: a.Y'}"},
        {"{\"type\":\"fixed\",\"name\":\"n.X\",\"size\":4,\"aliases\":[\"Y\"]}", FIXED("n.Y", "4"),
         ""},
        {"{\"type\":\"fixed\",\"name\":\"n.X\",\"size\":4,\"aliases\":[\"Y\"]}", FIXED("Y", "4"),
         "{errorType:'NAME_MISMATCH', description:'The name of the schema has changed (path "
         "'/name')', additionalInfo:'expected: Y'}"},
        {ENUM("E", "\"A\"", ""), ENUM("E", "\"A\",\"C\",\"B\"", ""),
         "{errorType:'MISSING_ENUM_SYMBOLS', description:'The new schema is missing enum symbols "
         "'[B, C]' at path '/symbols' in the old schema', additionalInfo:'[B, C]'}"},
        {ENUM("E", "\"A\"", ",\"default\":\"A\""), ENUM("E", "\"A\",\"B\"", ""), ""},
        {ENUM("E", "\"A\",\"B\"", ""), ENUM("E", "\"A\"", ""), ""},
        {REC(F("a", "\"int\"") "," F("b", "\"int\"")), REC(F("a", "\"int\"")),
         "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'b' at path "
         "'/fields/1' in the new schema has no default value and is missing in the old schema', "
         "additionalInfo:'b'}"},
        {REC(F("a", "\"int\"") "," D("b", "\"int\"", "1")), REC(F("a", "\"int\"")), ""},
        {REC(F("a", "\"int\"")), REC(F("a", "\"int\"") "," F("b", "\"int\"")), ""},
        {REC("{\"name\":\"a\",\"type\":\"int\",\"aliases\":[\"b\"]}"), REC(F("b", "\"int\"")), ""},
        {REC(F("a", "\"int\"")), REC(F("a", "\"string\"")),
         MISMATCH("/fields/0/type", "INT", "STRING")},
        {REC(F("a", ENUM("E", "\"A\"", ",\"default\":\"A\""))), REC(""),
         MISMATCH("/fields/0/type", "ENUM", "RECORD")},
        {"[\"null\",\"long\"]", "[\"int\",\"null\"]", ""},
        {"[\"null\",\"int\"]", "[\"null\",\"string\"]", BRANCH("/1", "STRING")},
        {REC(F("a", "[\"null\",\"int\"]")), REC(F("a", "[\"null\",\"string\"]")),
         BRANCH("/fields/0/type/1", "STRING")},
        {"[\"null\",\"double\"]", "\"int\"", ""},
        {"[\"null\",\"int\"]", "\"string\"", BRANCH("/", "STRING")},
        {"\"long\"", "[\"int\",\"long\"]", ""},
        {REC(F("a", "\"int\"")), "[" REC(F("a", "\"int\"")) ",\"null\"]",
         MISMATCH("/1", "RECORD", "NULL")},
        {"{\"type\":\"array\",\"items\":\"int\"}",
         "{\"type\":\"array\",\"items\":[\"int\",\"long\"]}", MISMATCH("/items/1", "INT", "LONG")},
        {REC(F("v", "\"long\"") "," F("n", "[\"null\",\"R\"]")),
         REC(F("v", "\"int\"") "," F("n", "[\"null\",\"R\"]")), ""},
        {"{\"type\":\"int\",\"logicalType\":\"date\"}", "\"int\"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(rows[i].reader, rows[i].writer, rows[i].finding);
    }
}

/* A type that is used twice is looked at once; the findings of its first place are repeated. */
static void repeats_the_findings_of_a_type(void **state)
{
    (void)state;
    struct avro_schema *r = parse(REC(F("a", ENUM("E", "\"A\"", "")) "," F("b", "\"E\"")));
    struct avro_schema *w = parse(REC(F("a", ENUM("E", "\"A\",\"B\"", "")) "," F("b", "\"E\"")));
    const struct compatibility_old old = {w, 1};
    json_t *messages = json_array();
    struct err e = {0};
    assert_int_equal(compatibility_check(COMPATIBILITY_BACKWARD, r, &old, 1, messages, &e), ERR_OK);
    assert_int_equal(json_array_size(messages), 5);
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(
            strstr(json_string_value(json_array_get(messages, i)), "'/fields/0/type/symbols'"));
    }
    json_decref(messages);
    avro_schema_unref(w);
    avro_schema_unref(r);
}

static void expect_messages(enum compatibility_level level, const char *new_text,
                            const char *old_text, const char *const *ends, size_t count)
{
    struct avro_schema *n = parse(new_text);
    struct avro_schema *o = old_text != NULL ? parse(old_text) : NULL;
    const struct compatibility_old old = {o, 3};
    json_t *messages = json_array();
    struct err e = {0};
    assert_int_equal(compatibility_check(level, n, &old, 1, messages, &e), ERR_OK);
    assert_int_equal(json_array_size(messages), count);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(messages, i));
        if (strncmp(text, ends[i], strlen(ends[i])) != 0) {
            fail_msg("message %zu: %s", i, text);
        }
    }
    json_decref(messages);
    avro_schema_unref(o);
    avro_schema_unref(n);
}

/* The old schema is shown behind findings of the last direction that is looked at. */
static void shows_the_old_schema_where_the_original_does(void **state)
{
    (void)state;
    static const char *const backward[] = {"{errorType:", "{oldSchemaVersion: 3}",
                                           "{oldSchema: '\"int\"'}",
                                           "{validateFields: 'false', compatibility: 'BACKWARD'}"};
    expect_messages(COMPATIBILITY_BACKWARD, "\"string\"", "\"int\"", backward, 4);
    static const char *const other_type[] = {"Incompatible because of different schema type",
                                             "{validateFields: 'false', compatibility: 'FULL'}"};
    expect_messages(COMPATIBILITY_FULL, "\"string\"", NULL, other_type, 2);
    /* an old int cannot read a long, though a long reads an int */
    static const char *const forward_only[] = {"{errorType:",
                                               "{validateFields: 'false', compatibility: 'FULL'}"};
    expect_messages(COMPATIBILITY_FULL, "\"long\"", "\"int\"", forward_only, 2);
    static const char *const backward_only[] = {"{errorType:", "{oldSchemaVersion: 3}",
                                                "{oldSchema: '\"long\"'}",
                                                "{validateFields: 'false', compatibility: 'FULL'}"};
    expect_messages(COMPATIBILITY_FULL, "\"int\"", "\"long\"", backward_only, 4);
}

/* It is cut behind 10240 characters, not bytes, and never within one. */
static void cuts_a_long_old_schema_between_characters(void **state)
{
    (void)state;
    for (size_t chars = 6000; chars <= 12001; chars += 6001) {
        static char old_text[40000];
        size_t len = (size_t)snprintf(old_text, sizeof old_text,
                                      "{\"type\":\"fixed\",\"name\":\"F\",\"doc\":\"x");
        for (size_t i = 0; i < chars; i++) {
            memcpy(old_text + len, "\xc3\xa9", 2);
            len += 2;
        }
        (void)snprintf(old_text + len, sizeof old_text - len, "\",\"size\":1}");
        struct avro_schema *n = parse("\"int\"");
        struct avro_schema *o = parse(old_text);
        const struct compatibility_old old = {o, 1};
        json_t *messages = json_array();
        struct err e = {0};
        assert_int_equal(compatibility_check(COMPATIBILITY_BACKWARD, n, &old, 1, messages, &e),
                         ERR_OK);
        const char *shown = json_string_value(json_array_get(messages, 2));
        bool cut = strncmp(shown, "{oldSchema: <truncated> '", 25) == 0;
        assert_int_equal(cut, chars > 10000);
        json_t *valid = json_string(shown); /* NULL unless it is UTF-8 */
        assert_non_null(valid);
        json_decref(valid);
        json_decref(messages);
        avro_schema_unref(o);
        avro_schema_unref(n);
    }
}

/* old -> new of one field: which levels take it */
static void each_level_looks_its_own_way(void **state)
{
    (void)state;
    static const char *const v1 = REC(F("a", "\"int\""));
    static const char *const v2 = REC(F("a", "\"int\"") "," D("b", "\"int\"", "0"));
    const struct {
        const char *added;
        bool takes[7]; /* in the order of the enum */
    } rows[] = {
        /* a field without a default is added */
        {REC(F("a", "\"int\"") "," F("c", "\"int\"")), {1, 0, 0, 1, 1, 0, 0}},
        /* b gone again, a too: only its removal hurts old readers */
        {REC(D("c", "\"int\"", "1")), {1, 1, 1, 0, 0, 0, 0}},
        /* b without its default: v2's data has it, v1's has not */
        {REC(F("a", "\"int\"") "," F("b", "\"int\"")), {1, 1, 0, 1, 1, 1, 0}},
        {REC(F("a", "\"int\"") "," D("c", "\"int\"", "1")), {1, 1, 1, 1, 1, 1, 1}},
    };
    struct avro_schema *one = parse(v1);
    struct avro_schema *two = parse(v2);
    const struct compatibility_old olds[] = {{two, 2}, {one, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct avro_schema *added = parse(rows[i].added);
        for (int level = 0; level < 7; level++) {
            json_t *messages = json_array();
            struct err e = {0};
            assert_int_equal(
                compatibility_check((enum compatibility_level)level, added, olds, 2, messages, &e),
                ERR_OK);
            if ((json_array_size(messages) == 0) != rows[i].takes[level]) {
                fail_msg("row %zu, level %s", i,
                         compatibility_level_name((enum compatibility_level)level));
            }
            json_decref(messages);
        }
        avro_schema_unref(added);
    }
    avro_schema_unref(one);
    avro_schema_unref(two);
}

static void lists_forward_findings_first_and_says_against_what(void **state)
{
    (void)state;
    struct avro_schema *old = parse(REC(F("a", "\"int\"")));
    struct avro_schema *added = parse(REC(F("b", "\"int\"")));
    const struct compatibility_old olds[] = {{old, 3}};
    json_t *messages = json_array();
    struct err e = {0};
    assert_int_equal(compatibility_check(COMPATIBILITY_FULL, added, olds, 1, messages, &e), ERR_OK);
    const char *const expected[] = {
        "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'a' at path "
        "'/fields/0' in the old schema has no default value and is missing in the new schema', "
        "additionalInfo:'a'}",
        "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'b' at path "
        "'/fields/0' in the new schema has no default value and is missing in the old schema', "
        "additionalInfo:'b'}",
        "{oldSchemaVersion: 3}",
        "{oldSchema: '" REC("{\"name\":\"a\",\"type\":\"int\"}") "'}",
        "{validateFields: 'false', compatibility: 'FULL'}",
    };
    assert_int_equal(json_array_size(messages), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(json_string_value(json_array_get(messages, i)), expected[i]);
    }
    json_decref(messages);
    avro_schema_unref(old);
    avro_schema_unref(added);
}

static void parses_levels_in_any_case(void **state)
{
    (void)state;
    enum compatibility_level level = COMPATIBILITY_NONE;
    struct err e = {0};
    assert_int_equal(compatibility_level_parse("full_Transitive", &level, &e), ERR_OK);
    assert_int_equal(level, COMPATIBILITY_FULL_TRANSITIVE);
    assert_int_equal(compatibility_level_parse("BACKWARDS", &level, &e), ERR_INVALID);
}

static void two_writer_fields_for_one_are_what_java_throws(void **state)
{
    (void)state;
    const char *reader =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":"
        "\"string\"},{\"name\":\"c\",\"type\":\"int\",\"aliases\":[\"a\",\"b\"]}]}";
    check(reader, REC(F("a", "\"int\"") "," F("b", "\"int\"")),
          "Unexpected exception during compatibility check: Reader record field c type:INT pos:1 "
          "matches multiple fields in writer record schema "
          "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
          "{\"name\":\"b\",\"type\":\"int\"}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_every_row_of_avro_resolution),
        cmocka_unit_test(repeats_the_findings_of_a_type),
        cmocka_unit_test(shows_the_old_schema_where_the_original_does),
        cmocka_unit_test(cuts_a_long_old_schema_between_characters),
        cmocka_unit_test(two_writer_fields_for_one_are_what_java_throws),
        cmocka_unit_test(each_level_looks_its_own_way),
        cmocka_unit_test(lists_forward_findings_first_and_says_against_what),
        cmocka_unit_test(parses_levels_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
