#include "serde/avro_schema.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "tests/support/test.h"

static struct avro_schema *parse(const char *text, bool strict, struct err *e)
{
    struct avro_schema *s = NULL;
    const struct avro_schema_options options = {.strict = strict};
    return avro_schema_parse(bytes_of_text(text), &options, &s, e) == ERR_OK ? s : NULL;
}

#define RECORD_OF(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define INNER(type) \
    "{\"type\":\"record\",\"name\":\"I\",\"fields\":[{\"name\":\"x\",\"type\":\"" type "\"}]}"

/* The stored text of a schema is as the Java registry writes it. */
static void writes_the_canonical_text(void **state)
{
    (void)state;
    const struct {
        const char *in;
        const char *out;
    } rows[] = {
        {"\"string\"", "\"string\""},
        {"{\"type\":\"string\"}", "\"string\""},
        {"{\"type\":\"string\",\"doc\":\"x\"}", "\"string\""},
        {"{\"type\":\"int\",\"name\":\"n\"}", "\"int\""},
        {"{\"type\":\"string\",\"avro.java.string\":\"String\"}",
         "{\"type\":\"string\",\"avro.java.string\":\"String\"}"},
        {"{\"type\":\"fixed\",\"name\":\"a.b.R\",\"size\":4}",
         "{\"type\":\"fixed\",\"name\":\"R\",\"namespace\":\"a.b\",\"size\":4}"},
        {"{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"fields\":[{\"name\":\"f\","
         "\"type\":{\"type\":\"enum\",\"name\":\"E\",\"namespace\":\"n\",\"symbols\":[\"A\"]}}]}",
         "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"fields\":[{\"name\":\"f\","
         "\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}}]}"},
        {"{\"type\":\"record\",\"name\":\"n.R\",\"fields\":[{\"name\":\"f\",\"type\":{\"type\":"
         "\"fixed\",\"name\":\"F\",\"namespace\":\"\",\"size\":1}}]}",
         "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"fields\":[{\"name\":\"f\","
         "\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"\",\"size\":1}}]}"},
        {"{\"name\":\"R\",\"aliases\":[\"Q\",\"m.P\"],\"x\":{\"b\":1,\"a\":1.50},\"fields\":[{"
         "\"doc\":\"d\",\"p\":true,\"aliases\":[\"z\"],\"order\":\"ignore\",\"default\":1,"
         "\"type\":\"double\",\"name\":\"f\"},{\"name\":\"g\",\"order\":\"ascending\",\"type\":"
         "\"R\"}],\"namespace\":\"n\",\"doc\":\"D\",\"type\":\"record\"}",
         "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"doc\":\"D\",\"fields\":[{"
         "\"name\":\"f\",\"type\":\"double\",\"doc\":\"d\",\"default\":1,\"order\":\"ignore\","
         "\"aliases\":[\"z\"],\"p\":true},{\"name\":\"g\",\"type\":\"R\"}],\"x\":{\"b\":1,\"a\":"
         "1.5},\"aliases\":[\"Q\",\"m.P\"]}"},
        {"{\"type\":\"error\",\"name\":\"X\",\"fields\":[]}",
         "{\"type\":\"error\",\"name\":\"X\",\"fields\":[]}"},
        {"{\"type\":\"enum\",\"name\":\"E\",\"aliases\":[\"F\"],\"p\":1,\"default\":\"A\","
         "\"symbols\":[\"A\"]}",
         "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"A\",\"p\":1,"
         "\"aliases\":[\"F\"]}"},
        {"{\"default\":[],\"type\":\"array\",\"items\":\"int\",\"name\":\"x\"}",
         "{\"type\":\"array\",\"items\":\"int\",\"default\":[]}"},
        {"{\"values\":{\"type\":\"long\",\"logicalType\":\"no-such\"},\"type\":\"map\"}",
         "{\"type\":\"map\",\"values\":{\"type\":\"long\",\"logicalType\":\"no-such\"}}"},
        {"{\"type\":\"bytes\",\"a\":\"\\u00e9\\u0001\"}",
         "{\"type\":\"bytes\",\"a\":\"\xc3\xa9\\u0001\"}"},
        {"/* c */ [ \"null\", // d\n \"int\" ]", "[\"null\",\"int\"]"},
        {"{\"type\":\"int\",\"url\":\"http://a/*b\"}",
         "{\"type\":\"int\",\"url\":\"http://a/*b\"}"},
        {"{\"type\":\"int\",\"type\":\"long\"}", "\"long\""},
        {"[]", "[]"},
        {"{\"type\":\"record\",\"name\":\"a.R\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":"
         "\"fixed\",\"name\":\"b.F\",\"size\":1}},{\"name\":\"y\",\"type\":\"b.F\"}]}",
         "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a\",\"fields\":[{\"name\":\"x\","
         "\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"b\",\"size\":1}},{\"name\":"
         "\"y\",\"type\":\"b.F\"}]}"},
        /* a forward reference: the definition is written at the first use */
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":\"F\"},{"
         "\"name\":\"y\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}}]}",
         "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":{\"type\":"
         "\"fixed\",\"name\":\"F\",\"size\":1}},{\"name\":\"y\",\"type\":\"F\"}]}"},
        /* aliases are a set of full names */
        {"{\"type\":\"fixed\",\"name\":\"n.F\",\"size\":1,\"aliases\":[\"A\",\"A\",\".C\","
         "\"n.A\",\"int\",\"m.D\"]}",
         "{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"n\",\"size\":1,\"aliases\":["
         "\"A\",\"C\",\"n.int\",\"m.D\"]}"},
        {RECORD_OF("{\"name\":\"a\",\"type\":\"int\",\"aliases\":[\"z\",\"b\",\"z\"]}"),
         RECORD_OF("{\"name\":\"a\",\"type\":\"int\",\"aliases\":[\"z\",\"b\"]}")},
        /* a type may be defined again as long as it says the same */
        {RECORD_OF("{\"name\":\"a\",\"type\":" INNER("int") "},{\"name\":\"b\",\"type\":" INNER(
             "int") "}"),
         RECORD_OF("{\"name\":\"a\",\"type\":" INNER("int") "},{\"name\":\"b\",\"type\":\"I\"}")},
        /* what is known where a name stands counts, not what comes behind it */
        {"[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},{\"type\":\"record\",\"name\":\"n.R\","
         "\"fields\":[{\"name\":\"a\",\"type\":\"F\"},{\"name\":\"b\",\"type\":{\"type\":\"fixed\","
         "\"name\":\"F\",\"size\":2}}]}]",
         "[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},{\"type\":\"record\",\"name\":\"R\","
         "\"namespace\":\"n\",\"fields\":[{\"name\":\"a\",\"type\":\"F\"},{\"name\":\"b\",\"type\":"
         "{"
         "\"type\":\"fixed\",\"name\":\"F\",\"size\":2}}]}]"},
        {RECORD_OF("{\"name\":\"a\",\"type\":\"double\",\"default\":\"NaN\"}"),
         RECORD_OF("{\"name\":\"a\",\"type\":\"double\",\"default\":\"NaN\"}")},
        {RECORD_OF("{\"name\":\"a\",\"type\":\"float\",\"default\":\"-Infinity\"}"),
         RECORD_OF("{\"name\":\"a\",\"type\":\"float\",\"default\":\"-Infinity\"}")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        struct avro_schema *s = parse(rows[i].in, true, &e);
        if (s == NULL) {
            fail_msg("%s: %s", rows[i].in, e.text);
        }
        assert_string_equal(avro_schema_text(s), rows[i].out);
        avro_schema_unref(s);
    }
}

static void keeps_the_schema_of_the_jdbc_source_byte_for_byte(void **state)
{
    (void)state;
    const char *text =
        "{\"type\":\"record\",\"name\":\"Purchase\",\"namespace\":\"com.example.model\","
        "\"fields\":[{\"name\":\"id\",\"type\":\"int\"},{\"name\":\"category\",\"type\":[\"null\","
        "\"string\"],\"default\":null},{\"name\":\"timestamp\",\"type\":[\"null\",{\"type\":"
        "\"long\",\"connect.version\":1,\"connect.name\":"
        "\"org.apache.kafka.connect.data.Timestamp\",\"logicalType\":\"timestamp-millis\"}],"
        "\"default\":null}],\"connect.name\":\"com.example.model.Purchase\"}";
    struct err e = {0};
    struct avro_schema *s = parse(text, true, &e);
    assert_non_null(s);
    assert_string_equal(avro_schema_text(s), text);
    const struct avro_field *f = avro_schema_field(avro_schema_root(s), "timestamp");
    assert_string_equal(avro_schema_prop_text(f->type->branches[1], "logicalType"),
                        "timestamp-millis");
    assert_int_equal(avro_schema_branch_of(f->type, AVRO_KIND_LONG), 1);
    avro_schema_unref(s);
}

static void refuses_with_the_texts_of_the_java_parser(void **state)
{
    (void)state;
    const struct {
        const char *in;
        const char *text;
        bool lenient; /* accepted when stored */
    } rows[] = {
        {"{\"type\":{\"type\":\"string\"}}", "No type: {\"type\":{\"type\":\"string\"}}", false},
        {"{}", "No type: {}", false},
        {"[\"null\",[\"int\"]]", "Nested union: [\"null\",[\"int\"]]", false},
        {"[\"int\",\"int\"]", "Duplicate in union:int", false},
        {"[{\"type\":\"array\",\"items\":\"int\"},{\"type\":\"array\",\"items\":\"long\"}]",
         "Duplicate in union:array", false},
        {RECORD_OF("{\"name\":\"a\",\"type\":\"int\",\"default\":\"x\"}"),
         "Invalid default for field a: \"x\" not a \"int\"", true},
        {RECORD_OF("{\"name\":\"a\",\"type\":\"int\",\"default\":null}"),
         "Invalid default for field a: null not a \"int\"", true},
        {RECORD_OF("{\"name\":\"a\",\"type\":\"int\",\"default\":2147483648}"),
         "Invalid default for field a: 2147483648 not a \"int\"", true},
        {RECORD_OF("{\"name\":\"a\",\"type\":\"long\",\"default\":1.0}"),
         "Invalid default for field a: 1.0 not a \"long\"", true},
        {RECORD_OF("{\"name\":\"a\",\"type\":[\"null\",\"int\"],\"default\":\"null\"}"),
         "Invalid default for field a: \"null\" not a [\"null\",\"int\"]", true},
        {"{\"type\":\"fixed\",\"name\":\"9R\",\"size\":1}", "Illegal initial character: 9R", true},
        {"{\"type\":\"fixed\",\"name\":\"A-B\",\"size\":1}", "Illegal character in: A-B", true},
        {"{\"type\":\"fixed\",\"name\":\"a.b-c.B\",\"size\":1}",
         "Namespace part \"b-c\" is invalid: Illegal character in: b-c", true},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"a b\"]}", "Illegal character in: a b",
         true},
        {"{\"type\":\"record\",\"fields\":[]}",
         "No name in schema: {\"type\":\"record\",\"fields\":[]}", false},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}", "Duplicate enum symbol: A",
         false},
        {RECORD_OF("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"long\"}"),
         "Duplicate field a in record R: a type:LONG pos:1 and a type:INT pos:0.", false},
        {RECORD_OF("{\"name\":\"a\",\"type\":{\"type\":\"fixed\",\"name\":\"R\",\"size\":1}}"),
         "Can't redefine: R", false},
        {RECORD_OF("{\"name\":\"a\",\"type\":" INNER("int") "},{\"name\":\"b\",\"type\":" INNER(
             "long") "}"),
         "Can't redefine: I", false},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":1,\"aliases\":\"A\"}",
         "aliases not an array: {\"type\":\"fixed\",\"name\":\"F\",\"size\":1,\"aliases\":\"A\"}",
         false},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":1,\"aliases\":[5]}", "alias not a string: 5",
         false},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":1,\"aliases\":[\"9x\"]}",
         "Illegal initial character: 9x", true},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}",
         "Malformed data. Length is negative: -1", false},
        {RECORD_OF("{\"name\":\"a\",\"type\":\"double\",\"default\":\"x\"}"),
         "For input string: \"x\"", false},
        /* what comes behind is looked for in the namespace alone */
        {"[{\"type\":\"record\",\"name\":\"n.R\",\"fields\":[{\"name\":\"a\",\"type\":\"F\"}]},"
         "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}]",
         "\"F\" is not a defined name. ", false},
        {"\"foo\"", "Undefined name: \"foo\"", false},
        {"[\"null\",\"foo\"]", "Undefined name: \"foo\"", false},
        {"{\"type\":\"map\"}", "Map has no values type: {\"type\":\"map\"}", false},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
         "The Enum Default: B is not in the enum symbol set: [A]", false},
        {RECORD_OF("{\"name\":\"a\",\"type\":\"X\"}"), "\"X\" is not a defined name. ", false},
        {"{\"type\":\"record\",\"name\":\"R\"}",
         "Record has no fields: {\"type\":\"record\",\"name\":\"R\"}", false},
        {"{\"type\":\"fixed\",\"name\":\"F\"}",
         "Invalid or no size: {\"type\":\"fixed\",\"name\":\"F\"}", false},
        {"{\"type\":\"fixed\",\"name\":\"int\",\"size\":1}",
         "Schemas may not be named after primitives: int", false},
        {"{\"type\":\"foo\"}", "Type not supported: foo", false},
        {"5", "Schema not yet supported: 5", false},
        {"\"int\" x", "end of file expected", false},
        {"{\"type\":\"array\"}", "Array has no items type: {\"type\":\"array\"}", false},
        {"/* \"int\"", "", false},
        {"", "", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        struct avro_schema *s = parse(rows[i].in, true, &e);
        if (s != NULL || strstr(e.text, rows[i].text) != e.text) {
            fail_msg("%s: expected \"%s\", got \"%s\"", rows[i].in, rows[i].text, e.text);
        }
        s = parse(rows[i].in, false, &e);
        if ((s != NULL) != rows[i].lenient) {
            fail_msg("%s: lenient parse: %s", rows[i].in, e.text);
        }
        avro_schema_unref(s);
    }
}

static void normalizes(void **state)
{
    (void)state;
    struct err e = {0};
    struct avro_schema *s = parse(
        "{\"type\":\"error\",\"name\":\"n.R\",\"doc\":\"\",\"z\":1,\"b\":2,\"aliases\":[\"Q\","
        "\"A\"],\"fields\":[{\"name\":\"d\",\"type\":[\"null\",\"double\"],\"default\":1},{"
        "\"name\":"
        "\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"\",\"size\":1}},{"
        "\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"float\"},\"default\":{\"k\":2}}]}",
        true, &e);
    assert_non_null(s);
    struct buf b;
    buf_init(&b, 10000);
    avro_schema_write_normalized(s, &b);
    assert_string_equal(
        buf_text(&b),
        "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"n\",\"fields\":[{\"name\":\"d\","
        "\"type\":[\"null\",\"double\"],\"default\":1.0},{\"name\":\"f\",\"type\":{\"type\":"
        "\"fixed\",\"name\":\"F\",\"size\":1}},{\"name\":\"m\",\"type\":{\"type\":\"map\","
        "\"values\":\"float\"},\"default\":{\"k\":2.0}}],\"b\":2,\"z\":1,\"aliases\":[\"A\","
        "\"Q\"]}");
    buf_deinit(&b);
    avro_schema_unref(s);
}

static void normalizes_what_is_inside(void **state)
{
    (void)state;
    const struct {
        const char *in;
        const char *out;
    } rows[] = {
        /* a logical type that holds goes first, with what belongs to it */
        {"{\"type\":\"long\",\"connect.version\":1,\"connect.name\":\"T\",\"logicalType\":"
         "\"timestamp-millis\"}",
         "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\",\"connect.name\":\"T\","
         "\"connect.version\":1}"},
        {"{\"type\":\"bytes\",\"a\":1,\"scale\":2,\"precision\":4,\"logicalType\":\"decimal\"}",
         "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"scale\":2,\"a\":1}"},
        {"{\"type\":\"bytes\",\"a\":1,\"scale\":0,\"precision\":4,\"logicalType\":\"decimal\"}",
         "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4,\"a\":1,\"scale\":0}"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":2,\"a\":1,\"precision\":5,\"logicalType\":"
         "\"decimal\"}",
         "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2,\"a\":1,\"logicalType\":\"decimal\","
         "\"precision\":5}"}, /* two bytes hold four digits */
        {"{\"type\":\"string\",\"a\":1,\"logicalType\":\"date\"}",
         "{\"type\":\"string\",\"a\":1,\"logicalType\":\"date\"}"},
        /* attributes and defaults are sorted all the way down */
        {"{\"type\":\"int\",\"p\":{\"y\":[{\"b\":1,\"a\":1.0}],\"x\":null}}",
         "{\"type\":\"int\",\"p\":{\"x\":null,\"y\":[{\"a\":1.0,\"b\":1}]}}"},
        {RECORD_OF("{\"name\":\"a\",\"type\":{\"type\":\"map\",\"values\":\"int\"},\"default\":{"
                   "\"b\":1,\"a\":2}}"),
         RECORD_OF("{\"name\":\"a\",\"type\":{\"type\":\"map\",\"values\":\"int\"},\"default\":{"
                   "\"a\":2,\"b\":1}}")},
        /* an empty doc of a field stays, that of a type goes */
        {"{\"type\":\"record\",\"name\":\"R\",\"doc\":\"\",\"fields\":[{\"name\":\"a\",\"type\":"
         "\"int\",\"doc\":\"\"}]}",
         RECORD_OF("{\"name\":\"a\",\"type\":\"int\",\"doc\":\"\"}")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        struct avro_schema *s = parse(rows[i].in, true, &e);
        assert_non_null(s);
        struct buf b;
        buf_init(&b, 10000);
        avro_schema_write_normalized(s, &b);
        assert_string_equal(buf_text(&b), rows[i].out);
        buf_deinit(&b);
        avro_schema_unref(s);
    }
}

/* Only the root of a referenced schema is known to the reader of the text by name. */
static void writes_out_what_lies_inside_a_reference(void **state)
{
    (void)state;
    struct err e = {0};
    struct avro_schema *inner =
        parse(RECORD_OF("{\"name\":\"y\",\"type\":{\"type\":\"fixed\",\"name\":\"T\",\"size\":1}}"),
              true, &e);
    struct avro_schema *outer = NULL;
    const struct avro_schema_options options = {
        .strict = true, .references = &inner, .reference_count = 1};
    const char *text = "{\"type\":\"record\",\"name\":\"O\",\"fields\":[{\"name\":\"r\",\"type\":"
                       "\"R\"},{\"name\":\"t\",\"type\":\"T\"}]}";
    const char *stored = "{\"type\":\"record\",\"name\":\"O\",\"fields\":[{\"name\":\"r\","
                         "\"type\":\"R\"},{\"name\":\"t\",\"type\":{\"type\":\"fixed\",\"name\":"
                         "\"T\",\"size\":1}}]}";
    assert_int_equal(avro_schema_parse(bytes_of_text(text), &options, &outer, &e), ERR_OK);
    assert_string_equal(avro_schema_text(outer), stored);
    avro_schema_unref(outer);
    assert_int_equal(avro_schema_parse(bytes_of_text(stored), &options, &outer, &e), ERR_OK);
    assert_string_equal(avro_schema_text(outer), stored);
    avro_schema_unref(outer);
    avro_schema_unref(inner);
}

static void knows_types_of_references_by_name(void **state)
{
    (void)state;
    struct err e = {0};
    struct avro_schema *fixed = parse("{\"type\":\"fixed\",\"name\":\"a.F\",\"size\":2}", true, &e);
    struct avro_schema *outer = NULL;
    const struct avro_schema_options options = {
        .strict = true, .references = &fixed, .reference_count = 1};
    const char *text =
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"f\",\"type\":\"a.F\"}]}";
    assert_int_equal(avro_schema_parse(bytes_of_text(text), &options, &outer, &e), ERR_OK);
    avro_schema_unref(fixed); /* kept alive by the one that uses it */
    assert_string_equal(avro_schema_text(outer), text);
    assert_int_equal(avro_schema_root(outer)->fields[0].type->size, 2);
    struct buf b;
    buf_init(&b, 10000);
    avro_schema_write_resolved(outer, &b);
    assert_string_equal(buf_text(&b),
                        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"f\",\"type\":{"
                        "\"type\":\"fixed\",\"name\":\"F\",\"namespace\":\"a\",\"size\":2}}]}");
    buf_deinit(&b);
    avro_schema_unref(outer);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 1000; n++) {
        struct err e = {0};
        mem_test_fail_at(n);
        struct avro_schema *s = parse("{\"type\":\"record\",\"name\":\"R\",\"aliases\":[\"Q\"],"
                                      "\"x\":1,\"fields\":[{\"name\":\"f\",\"type\":[\"null\","
                                      "\"R\"],\"default\":null}]}",
                                      true, &e);
        mem_test_fail_at(0);
        if (s != NULL) {
            avro_schema_unref(s);
            assert_true(n > 3);
            return;
        }
        assert_true(e.text[0] != '\0');
    }
    fail_msg("%s", "never succeeded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_canonical_text),
        cmocka_unit_test(keeps_the_schema_of_the_jdbc_source_byte_for_byte),
        cmocka_unit_test(refuses_with_the_texts_of_the_java_parser),
        cmocka_unit_test(normalizes),
        cmocka_unit_test(normalizes_what_is_inside),
        cmocka_unit_test(writes_out_what_lies_inside_a_reference),
        cmocka_unit_test(knows_types_of_references_by_name),
        cmocka_unit_test(survives_every_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
