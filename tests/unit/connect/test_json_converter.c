#include "connect/converters/json_converter.h"

#include "connect/include/transform.h"
#include "tests/support/test.h"

static void *create(const char *key, const char *value)
{
    static const struct converter_options options = {.is_key = false};
    struct connect_config config;
    void *converter = NULL;
    connect_config_init(&config);
    if (key != NULL) {
        assert_int_equal(connect_config_set(&config, key, value, NULL), ERR_OK);
    }
    assert_int_equal(json_converter_plugin.converter->create(&json_converter_plugin, &config,
                                                             &options, &converter, NULL),
                     ERR_OK);
    connect_config_deinit(&config);
    return converter;
}

static void assert_json(void *converter, const struct connect_schema *schema,
                        const struct connect_value *v, const char *expected)
{
    const struct converter_input in = {"t", schema, v};
    struct buf out;
    struct err e;
    bool null = false;
    buf_init(&out, 100000);
    assert_int_equal(json_converter_plugin.converter->from_connect(converter, &in, &out, &null, &e),
                     ERR_OK);
    assert_int_equal(null, expected == NULL);
    if (expected != NULL) {
        assert_string_equal(buf_text(&out), expected);
    }
    buf_deinit(&out);
}

static const struct connect_schema *row_schema(void)
{
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    const struct connect_schema *schema = NULL;
    connect_schema_builder_set_name(b, "purchases");
    connect_schema_builder_add_field(b, "id", connect_schema_primitive(CONNECT_TYPE_INT32, false));
    connect_schema_builder_add_field(b, "amount",
                                     connect_schema_primitive(CONNECT_TYPE_FLOAT64, true));
    connect_schema_builder_add_field_take(b, "timestamp", connect_schema_create_timestamp(true));
    assert_int_equal(connect_schema_builder_build(b, &schema, NULL), ERR_OK);
    return schema;
}

static void writes_the_envelope_of_the_original(void **state)
{
    (void)state;
    const struct connect_schema *schema = row_schema();
    struct arena a;
    arena_init(&a, 10000);
    struct connect_struct *row = connect_value_create_struct(&a, schema);
    row->values[0] = connect_value_int32(1);
    row->values[1] = connect_value_float64(43.0);
    row->values[2] = connect_value_int64(INT64_C(1657402394064));
    struct connect_value v = connect_value_struct(row);
    void *with = create(NULL, NULL);
    assert_json(with, schema, &v,
                "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\",\"optional\":"
                "false,\"field\":\"id\"},{\"type\":\"double\",\"optional\":true,\"field\":"
                "\"amount\"},{\"type\":\"int64\",\"optional\":true,\"name\":"
                "\"org.apache.kafka.connect.data.Timestamp\",\"version\":1,\"field\":"
                "\"timestamp\"}],\"optional\":false,\"name\":\"purchases\"},\"payload\":{\"id\":1,"
                "\"amount\":43.0,\"timestamp\":1657402394064}}");
    void *without = create("schemas.enable", "false");
    assert_json(without, schema, &v, "{\"id\":1,\"amount\":43.0,\"timestamp\":1657402394064}");
    json_converter_plugin.converter->destroy(with);
    json_converter_plugin.converter->destroy(without);
    arena_deinit(&a);
    connect_schema_unref(schema);
}

static void nulls_are_tombstones_only_without_a_schema(void **state)
{
    (void)state;
    const struct connect_value null = connect_value_null();
    const struct connect_schema *text = connect_schema_primitive(CONNECT_TYPE_STRING, true);
    void *with = create(NULL, NULL);
    void *without = create("schemas.enable", "false");
    assert_json(with, NULL, &null, NULL);
    assert_json(with, text, &null,
                "{\"schema\":{\"type\":\"string\",\"optional\":true},\"payload\":null}");
    assert_json(without, text, &null, "null");
    json_converter_plugin.converter->destroy(with);
    json_converter_plugin.converter->destroy(without);
}

static void decimals_are_base64_or_numbers(void **state)
{
    (void)state;
    static const uint8_t unscaled[] = {0x30, 0x39};
    static const uint8_t negative[] = {0xff};
    const struct connect_schema *schema = connect_schema_create_decimal(2, false);
    const struct connect_value v = connect_value_decimal(unscaled, 2, 2);
    const struct connect_value less = connect_value_decimal(negative, 1, 2);
    const struct converter_input in = {"t", schema, &v};
    void *numeric = create("decimal.format", "numeric");
    struct buf out;
    bool null = false;
    buf_init(&out, 10000);
    assert_int_equal(json_converter_plugin.converter->from_connect(numeric, &in, &out, &null, NULL),
                     ERR_OK);
    assert_non_null(strstr(buf_text(&out), "\"payload\":123.45}"));
    buf_clear(&out);
    connect_value_print_decimal(&less, &out);
    assert_string_equal(buf_text(&out), "-0.01");
    buf_deinit(&out);
    json_converter_plugin.converter->destroy(numeric);
    connect_schema_unref(schema);
}

static void reads_what_it_writes(void **state)
{
    (void)state;
    static const char message[] =
        "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\","
        "\"optional\":false,\"field\":\"id\"},{\"type\":\"string\","
        "\"optional\":true,\"field\":\"s\"}],\"optional\":false,\"name\":"
        "\"n\"},\"payload\":{\"id\":1,\"s\":null}}";
    static const char bare[] = "{\"a\":1}";
    struct connect_scope scope;
    struct converter_result result = {0};
    struct err e;
    connect_scope_init(&scope, 100000);
    void *converter = create(NULL, NULL);
    const struct converter_ops *ops = json_converter_plugin.converter;
    assert_int_equal(ops->to_connect(converter, "t", bytes_of_text(message), &scope, &result, &e),
                     ERR_OK);
    assert_json(converter, result.schema, &result.value, message);
    assert_int_equal(ops->to_connect(converter, "t", bytes_of_text(bare), &scope, &result, &e),
                     ERR_PARSE);
    assert_non_null(strstr(e.text, "JsonConverter with schemas.enable requires \"schema\""));
    ops->destroy(converter);
    connect_scope_deinit(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_envelope_of_the_original),
        cmocka_unit_test(nulls_are_tombstones_only_without_a_schema),
        cmocka_unit_test(decimals_are_base64_or_numbers),
        cmocka_unit_test(reads_what_it_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
