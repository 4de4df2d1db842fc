#include "connect/include/connect_value.h"

#include "connect/include/connect_error.h"
#include "connect/include/connect_schema.h"
#include "tests/support/test.h"

static void assert_printed(const struct connect_value *v, const struct connect_schema *schema,
                           const char *expected)
{
    struct buf out;
    buf_init(&out, 10000);
    connect_value_print(v, schema, &out);
    assert_string_equal(buf_text(&out), expected);
    buf_deinit(&out);
}

static void prints_as_java_does(void **state)
{
    (void)state;
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    const struct connect_schema *schema = NULL;
    struct arena a;
    arena_init(&a, 10000);
    connect_schema_builder_add_field(b, "a", connect_schema_primitive(CONNECT_TYPE_INT32, false));
    connect_schema_builder_add_field(b, "n", connect_schema_primitive(CONNECT_TYPE_STRING, true));
    connect_schema_builder_add_field(b, "b", connect_schema_primitive(CONNECT_TYPE_STRING, true));
    connect_schema_builder_add_field_take(b, "t", connect_schema_create_timestamp(true));
    assert_int_equal(connect_schema_builder_build(b, &schema, NULL), ERR_OK);
    struct connect_struct *s = connect_value_create_struct(&a, schema);
    s->values[0] = connect_value_int32(1);
    s->values[2] = connect_value_text("x");
    s->values[3] = connect_value_int64(INT64_C(1657402394064));
    struct connect_value v = connect_value_struct(s);
    assert_printed(&v, schema, "Struct{a=1,b=x,t=Sat Jul 09 21:33:14 UTC 2022}");
    v = connect_value_float64(1e10);
    assert_printed(&v, NULL, "1.0E10");
    v = connect_value_float64(43);
    assert_printed(&v, NULL, "43.0");
    static const char json[] = "{\"k\":[1,\"two\",null]}";
    assert_int_equal(connect_value_parse_json(&a, json, sizeof json - 1, &v, NULL), ERR_OK);
    assert_printed(&v, NULL, "{k=[1, two, null]}");
    connect_schema_unref(schema);
    arena_deinit(&a);
}

static void schemas_are_equal_by_content_and_by_nothing_less(void **state)
{
    (void)state;
    const struct connect_schema *a = connect_schema_create_decimal(2, true);
    const struct connect_schema *b = connect_schema_create_decimal(2, true);
    const struct connect_schema *other = connect_schema_create_decimal(3, true);
    assert_true(connect_schema_equal(a, b));
    assert_false(connect_schema_equal(a, other));
    assert_false(connect_schema_equal(a, NULL));
    assert_int_equal(a->scale, 2);
    connect_schema_unref(a);
    connect_schema_unref(b);
    connect_schema_unref(other);
}

static void a_default_stands_for_null(void **state)
{
    (void)state;
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_STRING);
    const struct connect_schema *field = NULL;
    const struct connect_schema *schema = NULL;
    const struct connect_value x = connect_value_text("x");
    struct arena a;
    arena_init(&a, 10000);
    connect_schema_builder_set_default(b, &x);
    assert_int_equal(connect_schema_builder_build(b, &field, NULL), ERR_OK);
    b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    connect_schema_builder_add_field_take(b, "f", field);
    assert_int_equal(connect_schema_builder_build(b, &schema, NULL), ERR_OK);
    const struct connect_struct *s = connect_value_create_struct(&a, schema);
    assert_true(connect_value_is_text(connect_value_struct_get(s, 0), "x"));
    arena_deinit(&a);
    connect_schema_unref(schema);
}

static void refuses_a_default_of_another_type(void **state)
{
    (void)state;
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_INT32);
    const struct connect_schema *schema = NULL;
    const struct connect_value x = connect_value_text("x");
    struct err e;
    connect_schema_builder_set_name(b, "n");
    connect_schema_builder_set_default(b, &x);
    assert_int_equal(connect_schema_builder_build(b, &schema, &e), ERR_INVALID);
    assert_string_equal(e.text,
                        "org.apache.kafka.connect.errors.DataException: Invalid Java object for "
                        "schema \"n\" with type INT32: class java.lang.String");
    assert_null(schema);
}

static void errors_chain_like_a_java_trace(void **state)
{
    (void)state;
    struct err e;
    (void)err_set(&e, ERR_UNAVAILABLE, "no route to host");
    (void)connect_error_name(&e);
    assert_string_equal(e.text, CONNECT_EXCEPTION ": no route to host");
    (void)connect_error_wrap(&e, CONNECT_DATA_EXCEPTION, "row %d", 3);
    assert_string_equal(e.text, CONNECT_DATA_EXCEPTION ": row 3\nCaused by: " CONNECT_EXCEPTION
                                                       ": no route to host");
    assert_int_equal(e.code, ERR_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_as_java_does),
        cmocka_unit_test(schemas_are_equal_by_content_and_by_nothing_less),
        cmocka_unit_test(a_default_stands_for_null),
        cmocka_unit_test(refuses_a_default_of_another_type),
        cmocka_unit_test(errors_chain_like_a_java_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
