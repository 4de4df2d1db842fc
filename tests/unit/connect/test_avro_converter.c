#include "connect/converters/avro_encoder.h"
#include "connect/converters/avro_schema_text.h"
#include "connect/include/connect_record.h"
#include "tests/support/test.h"

/* The table of the fraud tutorial, as its schema was registered by the original. */
static const char purchase_text[] =
    "{\"type\":\"record\",\"name\":\"Purchase\",\"namespace\":\"com.example.model\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"int\"},"
    "{\"name\":\"category\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"amount\",\"type\":[\"null\",\"double\"],\"default\":null},"
    "{\"name\":\"credit_card\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"distance_from_billing_zip\",\"type\":[\"null\",\"double\"],\"default\":null},"
    "{\"name\":\"timestamp\",\"type\":[\"null\",{\"type\":\"long\",\"connect.version\":1,"
    "\"connect.name\":\"org.apache.kafka.connect.data.Timestamp\",\"logicalType\":"
    "\"timestamp-millis\"}],\"default\":null}],\"connect.name\":\"com.example.model.Purchase\"}";

static const struct connect_schema *purchase(void)
{
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    const struct connect_schema *schema = NULL;
    connect_schema_builder_set_name(b, "com.example.model.Purchase");
    connect_schema_builder_add_field(b, "id", connect_schema_primitive(CONNECT_TYPE_INT32, false));
    connect_schema_builder_add_field(b, "category",
                                     connect_schema_primitive(CONNECT_TYPE_STRING, true));
    connect_schema_builder_add_field(b, "amount",
                                     connect_schema_primitive(CONNECT_TYPE_FLOAT64, true));
    connect_schema_builder_add_field(b, "credit_card",
                                     connect_schema_primitive(CONNECT_TYPE_STRING, true));
    connect_schema_builder_add_field(b, "distance_from_billing_zip",
                                     connect_schema_primitive(CONNECT_TYPE_FLOAT64, true));
    connect_schema_builder_add_field_take(b, "timestamp", connect_schema_create_timestamp(true));
    assert_int_equal(connect_schema_builder_build(b, &schema, NULL), ERR_OK);
    return schema;
}

static void assert_text(const struct connect_schema *schema, const char *expected)
{
    static const struct avro_schema_text_options options = {.meta_data = true};
    struct buf out;
    buf_init(&out, 100000);
    assert_int_equal(avro_schema_text_write(schema, &options, &out, NULL), ERR_OK);
    assert_string_equal(buf_text(&out), expected);
    buf_deinit(&out);
}

static void writes_the_tutorial_schema_byte_for_byte(void **state)
{
    (void)state;
    const struct connect_schema *schema = purchase();
    assert_text(schema, purchase_text);
    connect_schema_unref(schema);
}

static void writes_a_decimal_as_the_original_does(void **state)
{
    (void)state;
    const struct connect_schema *schema = connect_schema_create_decimal_precision(2, 10, false);
    assert_text(schema, "{\"type\":\"bytes\",\"scale\":2,\"precision\":10,\"connect.version\":1,"
                        "\"connect.parameters\":{\"scale\":\"2\",\"connect.decimal.precision\":"
                        "\"10\"},\"connect.name\":\"org.apache.kafka.connect.data.Decimal\","
                        "\"logicalType\":\"decimal\"}");
    connect_schema_unref(schema);
}

static void puts_null_behind_a_type_that_has_a_default(void **state)
{
    (void)state;
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_INT32);
    const struct connect_schema *field = NULL;
    const struct connect_schema *schema = NULL;
    const struct connect_value five = connect_value_int32(5);
    connect_schema_builder_set_optional(b, true);
    connect_schema_builder_set_default(b, &five);
    assert_int_equal(connect_schema_builder_build(b, &field, NULL), ERR_OK);
    b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    connect_schema_builder_add_field_take(b, "n", field);
    assert_int_equal(connect_schema_builder_build(b, &schema, NULL), ERR_OK);
    assert_text(schema, "{\"type\":\"record\",\"name\":\"ConnectDefault\",\"namespace\":"
                        "\"io.confluent.connect.avro\",\"fields\":[{\"name\":\"n\",\"type\":"
                        "[{\"type\":\"int\",\"connect.default\":5},\"null\"],\"default\":5}]}");
    connect_schema_unref(schema);
}

static void refuses_a_name_that_avro_does_not_allow(void **state)
{
    (void)state;
    static const struct avro_schema_text_options options = {.meta_data = true};
    static const struct avro_schema_text_options scrub = {.meta_data = false,
                                                          .scrub_invalid = true};
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    const struct connect_schema *schema = NULL;
    struct err e;
    struct buf out;
    buf_init(&out, 1000);
    connect_schema_builder_set_name(b, "t");
    connect_schema_builder_add_field(b, "a-b", connect_schema_primitive(CONNECT_TYPE_INT8, false));
    assert_int_equal(connect_schema_builder_build(b, &schema, NULL), ERR_OK);
    assert_int_equal(avro_schema_text_write(schema, &options, &out, &e), ERR_INVALID);
    assert_string_equal(e.text, "org.apache.avro.SchemaParseException: Illegal character in: a-b");
    buf_clear(&out);
    assert_int_equal(avro_schema_text_write(schema, &scrub, &out, &e), ERR_OK);
    assert_string_equal(
        buf_text(&out),
        "{\"type\":\"record\",\"name\":\"t\",\"fields\":[{\"name\":\"a_b\",\"type\":\"int\"}]}");
    buf_deinit(&out);
    connect_schema_unref(schema);
}

static void encodes_a_row(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x02, 0x02, 0x02, 'a',  0x02, 0xcd, 0xcc, 0xcc,
                                       0xcc, 0xcc, 0x0c, 0x52, 0x40, 0x00, 0x00, 0x02,
                                       0xa0, 0x97, 0x8c, 0xce, 0xbc, 0x60};
    const struct connect_schema *schema = purchase();
    struct arena a;
    struct buf out;
    arena_init(&a, 10000);
    buf_init(&out, 1000);
    struct connect_struct *row = connect_value_create_struct(&a, schema);
    row->values[0] = connect_value_int32(1);
    row->values[1] = connect_value_text("a");
    row->values[2] = connect_value_float64(72.2);
    row->values[5] = connect_value_int64(INT64_C(1657402394064));
    struct connect_value v = connect_value_struct(row);
    assert_int_equal(avro_encoder_write(schema, &v, &out, NULL), ERR_OK);
    assert_int_equal(out.len, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);

    struct err e;
    row->values[0] = connect_value_null();
    assert_int_equal(avro_encoder_write(schema, &v, &out, &e), ERR_INVALID);
    assert_string_equal(e.text,
                        "org.apache.kafka.connect.errors.DataException: Invalid value: null "
                        "used for required field: \"id\", schema type: INT32");
    buf_deinit(&out);
    arena_deinit(&a);
    connect_schema_unref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_tutorial_schema_byte_for_byte),
        cmocka_unit_test(writes_a_decimal_as_the_original_does),
        cmocka_unit_test(puts_null_behind_a_type_that_has_a_default),
        cmocka_unit_test(refuses_a_name_that_avro_does_not_allow),
        cmocka_unit_test(encodes_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
