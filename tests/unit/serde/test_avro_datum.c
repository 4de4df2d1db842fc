#include "serde/avro_datum.h"

#include <avro.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/json.h"
#include "serde/avro_codec.h"
#include "serde/avro_resolver.h"
#include "serde/avro_schema.h"
#include "tests/support/test.h"

#define ALERT                                                                           \
    "{\"type\":\"record\",\"name\":\"Alert\",\"fields\":[{\"name\":\"type\",\"type\":[" \
    "\"null\",\"string\"]},{\"name\":\"credit_card\",\"type\":[\"null\",\"string\"]},{" \
    "\"name\":\"timestamp\",\"type\":[\"null\",\"long\"]}]}"
#define EVERYTHING                                                                            \
    "{\"type\":\"record\",\"name\":\"n.All\",\"fields\":["                                    \
    "{\"name\":\"b\",\"type\":\"boolean\"},{\"name\":\"i\",\"type\":\"int\"},"                \
    "{\"name\":\"l\",\"type\":\"long\"},{\"name\":\"f\",\"type\":\"float\"},"                 \
    "{\"name\":\"d\",\"type\":\"double\"},{\"name\":\"y\",\"type\":\"bytes\"},"               \
    "{\"name\":\"s\",\"type\":\"string\"},"                                                   \
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}}," \
    "{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"X\",\"size\":2}},"               \
    "{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"int\"}},"                       \
    "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"double\"}},"                     \
    "{\"name\":\"u\",\"type\":[\"null\",\"string\",\"E\"]}]}"

static struct avro_schema *parse(const char *text)
{
    struct avro_schema *s = NULL;
    struct err e = {0};
    if (avro_schema_parse(bytes_of_text(text), NULL, &s, &e) != ERR_OK) {
        fail_msg("%s: %s", text, e.text);
    }
    return s;
}

static struct avro_datum from_json(const struct avro_schema *s, const char *text, struct arena *a,
                                   json_t **out_json)
{
    struct err e = {0};
    struct avro_datum d = {0};
    const struct json_limits limits = {.any_root = true};
    assert_int_equal(json_decode(bytes_of_text(text), &limits, out_json, &e), ERR_OK);
    if (avro_datum_from_json(avro_schema_root(s), *out_json, a, &d, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
    return d;
}

static void encodes_the_alert_of_the_tutorial(void **state)
{
    (void)state;
    struct avro_schema *s = parse(ALERT);
    struct buf b;
    buf_init(&b, 1000);
    avro_codec_put_index(&b, 1);
    avro_codec_put_text(&b, "high_purchase_count");
    avro_codec_put_index(&b, 1);
    avro_codec_put_text(&b, "A");
    avro_codec_put_index(&b, 1);
    avro_codec_put_long(&b, 60000);
    const uint8_t tail[] = {0x02, 0x02, 0x41, 0x02, 0xc0, 0xa9, 0x07};
    assert_int_equal(b.data[0], 0x02);
    assert_int_equal(b.data[1], 0x26);
    assert_memory_equal(b.data + 21, tail, sizeof tail);
    struct arena a;
    arena_init(&a, 10000);
    struct avro_datum d;
    struct err e = {0};
    assert_int_equal(avro_datum_decode(avro_schema_root(s), buf_bytes(&b), &a, &d, &e), ERR_OK);
    assert_true(avro_datum_get(&d, "timestamp")->as.long_value == 60000);
    struct buf text;
    buf_init(&text, 1000);
    avro_datum_write_text(&d, &text);
    assert_string_equal(
        buf_text(&text),
        "{\"type\": \"high_purchase_count\", \"credit_card\": \"A\", \"timestamp\": 60000}");
    buf_clear(&text);
    avro_datum_write_json(&d, &text);
    assert_string_equal(buf_text(&text),
                        "{\"type\":{\"string\":\"high_purchase_count\"},\"credit_card\":{"
                        "\"string\":\"A\"},\"timestamp\":{\"long\":60000}}");
    buf_deinit(&text);
    arena_deinit(&a);
    buf_deinit(&b);
    avro_schema_unref(s);
}

/* avro-c, written by others, must read what we write. */
static void agrees_with_an_independent_implementation(void **state)
{
    (void)state;
    struct avro_schema *s = parse(EVERYTHING);
    struct arena a;
    arena_init(&a, 100000);
    json_t *json = NULL;
    struct avro_datum d = from_json(
        s,
        "{\"b\":true,\"i\":-2147483648,\"l\":9223372036854775807,\"f\":1.5,\"d\":-2.25,\"y\":"
        "\"\\u00ff\\u0001z\",\"s\":\"\\u00e9\",\"e\":\"B\",\"x\":\"ab\",\"a\":[1,-300,70000],"
        "\"m\":{\"k\":0.5,\"q\":7},\"u\":{\"n.E\":\"A\"}}",
        &a, &json);
    struct buf b;
    buf_init(&b, 1000);
    avro_datum_encode(&d, &b);

    avro_schema_t theirs;
    assert_int_equal(avro_schema_from_json_length(EVERYTHING, strlen(EVERYTHING), &theirs), 0);
    avro_value_iface_t *iface = avro_generic_class_from_schema(theirs);
    avro_value_t value;
    assert_int_equal(avro_generic_value_new(iface, &value), 0);
    avro_reader_t reader = avro_reader_memory((const char *)b.data, (int64_t)b.len);
    assert_int_equal(avro_value_read(reader, &value), 0);
    size_t again_len = 0;
    assert_int_equal(avro_value_sizeof(&value, &again_len), 0);
    assert_int_equal(again_len, b.len);
    char *text = NULL;
    assert_int_equal(avro_value_to_json(&value, 1, &text), 0);
    assert_non_null(strstr(text, "\"i\": -2147483648"));
    assert_non_null(strstr(text, "9223372036854775807"));
    assert_non_null(strstr(text, "70000"));
    assert_non_null(strstr(text, "-2.25"));
    char encoded[1000];
    avro_writer_t writer = avro_writer_memory(encoded, sizeof encoded);
    assert_int_equal(avro_value_write(writer, &value), 0);

    struct avro_datum again;
    struct err e = {0};
    assert_int_equal(
        avro_datum_decode(avro_schema_root(s), bytes_of(encoded, again_len), &a, &again, &e),
        ERR_OK);
    struct buf printed;
    buf_init(&printed, 1000);
    avro_datum_write_text(&again, &printed);
    assert_string_equal(
        buf_text(&printed),
        "{\"b\": true, \"i\": -2147483648, \"l\": 9223372036854775807, \"f\": 1.5, \"d\": -2.25, "
        "\"y\": \"\\u00ff\\u0001z\", \"s\": \"\xc3\xa9\", \"e\": \"B\", \"x\": [97, 98], \"a\": "
        "[1, "
        "-300, 70000], \"m\": {\"k\": 0.5, \"q\": 7.0}, \"u\": \"A\"}");
    struct reader r;
    reader_init(&r, bytes_of(encoded, again_len));
    avro_codec_skip(&r, avro_schema_root(s));
    assert_false(reader_failed(&r));
    assert_int_equal(reader_left(&r), 0);
    buf_deinit(&printed);
    avro_writer_free(writer);
    free(text);
    avro_reader_free(reader);
    avro_value_decref(&value);
    avro_value_iface_decref(iface);
    avro_schema_decref(theirs);
    buf_deinit(&b);
    json_decref(json);
    arena_deinit(&a);
    avro_schema_unref(s);
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    struct avro_schema *s = parse(EVERYTHING);
    struct arena a;
    arena_init(&a, 100000);
    json_t *json = NULL;
    struct avro_datum d =
        from_json(s,
                  "{\"b\":true,\"i\":1,\"l\":1,\"f\":1,\"d\":1,\"y\":\"y\",\"s\":\"s\",\"e\":\"B\","
                  "\"x\":\"ab\",\"a\":[1,2],\"m\":{\"k\":1},\"u\":null}",
                  &a, &json);
    struct buf b;
    buf_init(&b, 1000);
    avro_datum_encode(&d, &b);
    struct err e = {0};
    for (size_t len = 0; len <= b.len; len++) {
        void *exact = malloc(len + 1); /* so that the sanitizer sees a read past the end */
        memcpy(exact, b.data, len);
        struct avro_datum out;
        enum err_code code =
            avro_datum_decode(avro_schema_root(s), bytes_of(exact, len), &a, &out, &e);
        assert_int_equal(code, len == b.len ? ERR_OK : ERR_CORRUPT);
        free(exact);
    }
    buf_append_u8(&b, 0);
    assert_int_equal(avro_datum_decode(avro_schema_root(s), buf_bytes(&b), &a, &d, &e),
                     ERR_CORRUPT);
    buf_deinit(&b);
    json_decref(json);
    arena_deinit(&a);
    avro_schema_unref(s);
}

static void bounds_what_a_few_bytes_can_claim(void **state)
{
    (void)state;
    const struct {
        const char *schema;
        uint8_t data[12];
        size_t len;
    } rows[] = {
        {"{\"type\":\"array\",\"items\":\"null\"}", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 7},
        {"{\"type\":\"array\",\"items\":\"null\"}", {0x80, 0x80, 0x80, 0x01, 0}, 5},
        {"{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\",\"type\":\"R\"}]}",
         {0},
         1},
        {"\"bytes\"", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, 10},
        {"[\"null\"]", {2}, 1},
        {"[\"null\"]", {1}, 1},
        {"[]", {0}, 1},
        {"{\"type\":\"array\",\"items\":\"int\"}", {1}, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct avro_schema *s = parse(rows[i].schema);
        struct arena a;
        arena_init(&a, 100000);
        struct avro_datum d;
        struct err e = {0};
        assert_int_not_equal(
            avro_datum_decode(avro_schema_root(s), bytes_of(rows[i].data, rows[i].len), &a, &d, &e),
            ERR_OK);
        struct reader r;
        reader_init(&r, bytes_of(rows[i].data, rows[i].len));
        avro_codec_skip(&r, avro_schema_root(s));
        arena_deinit(&a);
        avro_schema_unref(s);
    }
}

#define RECORD_OF(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"

/* Writer schema, its datum, reader schema, and the datum read; NULL = no resolution. */
static void resolves_writer_data_to_the_reader(void **state)
{
    (void)state;
    const struct {
        const char *writer;
        const char *datum;
        const char *reader;
        const char *out;
    } rows[] = {
        {"\"int\"", "7", "\"long\"", "7"},
        {"\"int\"", "7", "\"double\"", "7.0"},
        {"\"long\"", "7", "\"float\"", "7.0"},
        {"\"float\"", "1.5", "\"double\"", "1.5"},
        {"\"string\"", "\"a\"", "\"bytes\"", "\"a\""},
        {"\"long\"", "7", "\"int\"", NULL},
        {"\"int\"", "7", "[\"null\",\"long\"]", "7"},
        {"[\"null\",\"int\"]", "{\"int\":7}", "\"int\"", "7"},
        {"[\"null\",\"int\"]", "null", "\"int\"", "!"},
        {"[\"null\",\"int\"]", "{\"int\":7}", "[\"long\",\"null\"]", "7"},
        {"[\"string\"]", "{\"string\":\"a\"}", "\"int\"", NULL},
        {RECORD_OF("{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"b\",\"type\":{\"type\":\"array\","
                   "\"items\":\"string\"}},{\"name\":\"c\",\"type\":\"int\"}"),
         "{\"a\":1,\"b\":[\"x\",\"y\"],\"c\":3}",
         RECORD_OF("{\"name\":\"z\",\"type\":\"long\",\"aliases\":[\"c\"]},{\"name\":\"n\","
                   "\"type\":[\"null\",\"string\"],\"default\":null},{\"name\":\"a\",\"type\":"
                   "\"int\"},{\"name\":\"q\",\"type\":{\"type\":\"map\",\"values\":\"int\"},"
                   "\"default\":{\"k\":5}}"),
         "{\"z\": 3, \"n\": null, \"a\": 1, \"q\": {\"k\": 5}}"},
        {RECORD_OF("{\"name\":\"a\",\"type\":\"int\"}"), "{\"a\":1}",
         RECORD_OF("{\"name\":\"b\",\"type\":\"int\"}"), NULL},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "\"B\"",
         "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"C\",\"A\"],\"default\":\"C\"}", "\"C\""},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "\"B\"",
         "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "!"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":1}", "\"a\"",
         "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", NULL},
        {RECORD_OF(
             "{\"name\":\"v\",\"type\":\"int\"},{\"name\":\"next\",\"type\":[\"null\",\"R\"]}"),
         "{\"v\":1,\"next\":{\"R\":{\"v\":2,\"next\":null}}}",
         RECORD_OF("{\"name\":\"v\",\"type\":\"long\"},{\"name\":\"next\",\"type\":[\"null\","
                   "\"R\"]}"),
         "{\"v\": 1, \"next\": {\"v\": 2, \"next\": null}}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct avro_schema *writer = parse(rows[i].writer);
        struct avro_schema *reader = parse(rows[i].reader);
        struct arena a;
        arena_init(&a, 100000);
        json_t *json = NULL;
        struct avro_datum d = from_json(writer, rows[i].datum, &a, &json);
        struct buf b;
        buf_init(&b, 1000);
        avro_datum_encode(&d, &b);
        struct avro_resolver *r = NULL;
        struct err e = {0};
        enum err_code code = avro_resolver_create(writer, reader, &r, &e);
        assert_int_equal(code, rows[i].out != NULL ? ERR_OK : ERR_INVALID);
        if (code == ERR_OK) {
            struct avro_datum out;
            code = avro_resolver_decode(r, buf_bytes(&b), &a, &out, &e);
            assert_int_equal(code, rows[i].out[0] == '!' ? ERR_INVALID : ERR_OK);
            if (code == ERR_OK) {
                buf_clear(&b);
                avro_datum_write_text(&out, &b);
                assert_string_equal(buf_text(&b), rows[i].out);
            }
        }
        avro_resolver_destroy(r);
        buf_deinit(&b);
        json_decref(json);
        arena_deinit(&a);
        avro_schema_unref(reader);
        avro_schema_unref(writer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_the_alert_of_the_tutorial),
        cmocka_unit_test(agrees_with_an_independent_implementation),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(bounds_what_a_few_bytes_can_claim),
        cmocka_unit_test(resolves_writer_data_to_the_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
