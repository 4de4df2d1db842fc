/* Every transform on records as the JDBC connector makes them, and on schemaless ones. */
#include "connect/transforms/transforms.h"

#include <string.h>

#include "connect/include/transform.h"
#include "tests/support/test.h"

#define ARENA_BYTES ((size_t)1 << 20)

struct fixture {
    /* Transforms live as long as their task: records may point into them. */
    const struct connect_plugin *made_of[16];
    void *made[16];
    size_t made_count;
    struct connect_batch batch;
    const struct connect_schema *schema;
    struct err e;
};

static const struct connect_plugin *find_plugin(const char *name)
{
    for (size_t i = 0; transforms_plugins[i] != NULL; i++) {
        const char *dot = strrchr(transforms_plugins[i]->class_name, '.');
        if (strcmp(dot + 1, name) == 0) {
            return transforms_plugins[i];
        }
    }
    fail_msg("no plug-in %s", name);
    return NULL;
}

static int set_up(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    assert_int_equal(connect_batch_init(&f.batch, 10, ARENA_BYTES, &f.e), ERR_OK);
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    connect_schema_builder_set_name(b, "purchases");
    connect_schema_builder_add_field(b, "id", connect_schema_primitive(CONNECT_TYPE_INT32, false));
    connect_schema_builder_add_field(b, "credit_card",
                                     connect_schema_primitive(CONNECT_TYPE_STRING, true));
    connect_schema_builder_add_field(b, "amount",
                                     connect_schema_primitive(CONNECT_TYPE_FLOAT64, true));
    connect_schema_builder_add_field_take(b, "at", connect_schema_create_timestamp(true));
    assert_int_equal(connect_schema_builder_build(b, &f.schema, &f.e), ERR_OK);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    connect_batch_deinit(&f->batch);
    for (size_t i = 0; i < f->made_count; i++) {
        f->made_of[i]->transform->destroy(f->made[i]);
    }
    connect_schema_unref(f->schema);
    return 0;
}

static struct connect_record *purchase(struct fixture *f)
{
    struct connect_record *r = connect_batch_add(&f->batch);
    struct connect_struct *s = connect_value_create_struct(&f->batch.scope.arena, f->schema);
    s->values[0] = connect_value_int32(7);
    s->values[1] = connect_value_text("4532");
    s->values[2] = connect_value_float64(72.2);
    s->values[3] = connect_value_int64(1657402394064);
    r->topic = "purchases";
    r->value_schema = f->schema;
    r->value = connect_value_struct(s);
    return r;
}

/* Creates with "k=v" texts up to NULL, applies once, destroys. */
static enum err_code apply(struct fixture *f, struct connect_record *r, const char *name,
                           const char *const *settings)
{
    const struct connect_plugin *p = find_plugin(name);
    struct connect_config config;
    connect_config_init(&config);
    for (size_t i = 0; settings[i] != NULL; i += 2) {
        assert_int_equal(connect_config_set(&config, settings[i], settings[i + 1], &f->e), ERR_OK);
    }
    void *t = NULL;
    enum err_code rc = connect_config_check(&config, p->keys, p->key_count, &f->e);
    rc = rc == ERR_OK ? p->transform->create(p, &config, &t, &f->e) : rc;
    connect_config_deinit(&config);
    if (rc == ERR_OK) {
        bool fresh = r->value_schema == f->schema;
        rc = p->transform->apply(t, r, &f->batch.scope, &f->e);
        if (rc == ERR_OK && fresh) {
            /* A second record takes the way through the cache, and leads to the same schema. */
            struct connect_record *again = purchase(f);
            assert_int_equal(p->transform->apply(t, again, &f->batch.scope, NULL), ERR_OK);
            assert_ptr_equal(again->value_schema, r->value_schema);
            connect_batch_remove_last(&f->batch);
        }
        f->made_of[f->made_count] = p;
        f->made[f->made_count++] = t;
    }
    return rc;
}

#define APPLY(f, r, name, ...) apply(f, r, name, (const char *const[]){__VA_ARGS__, NULL})

static struct connect_value *field(struct connect_record *r, const char *name)
{
    const struct connect_field *f = connect_schema_find_field(r->value_schema, name);
    assert_non_null(f);
    return &r->value.record->values[f->index];
}

static void the_tutorial_chain_names_the_value_and_makes_the_card_the_key(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    assert_int_equal(APPLY(f, r, "SetSchemaMetadata$Value", "schema.name",
                           "com.example.model.Purchase", "schema.version", "3"),
                     ERR_OK);
    assert_string_equal(r->value_schema->name, "com.example.model.Purchase");
    assert_int_equal(r->value_schema->version, 3);
    assert_ptr_equal(r->value.record->schema, r->value_schema);
    assert_int_equal(APPLY(f, r, "ValueToKey", "fields", "credit_card"), ERR_OK);
    assert_int_equal(r->key.kind, CONNECT_STRUCT);
    assert_null(r->key_schema->name);
    const char *class_name = find_plugin("ExtractField$Key")->class_name;
    assert_string_equal(class_name, "org.apache.kafka.connect.transforms.ExtractField$Key");
    struct connect_config config;
    void *t = NULL;
    connect_config_init(&config);
    (void)connect_config_set(&config, "field", "credit_card", NULL);
    const struct connect_plugin *p = find_plugin("ExtractField$Key");
    assert_int_equal(p->transform->create(p, &config, &t, &f->e), ERR_OK);
    assert_int_equal(p->transform->apply(t, r, &f->batch.scope, &f->e), ERR_OK);
    p->transform->destroy(t);
    connect_config_deinit(&config);
    assert_true(connect_value_is_text(&r->key, "4532"));
    assert_int_equal(r->key_schema->type, CONNECT_TYPE_STRING);
    assert_true(r->key_schema->optional);
}

static void a_field_that_is_missing_is_named(void **state)
{
    struct fixture *f = *state;
    assert_int_not_equal(APPLY(f, purchase(f), "ValueToKey", "fields", "nope"), ERR_OK);
    assert_string_equal(f->e.text, "org.apache.kafka.connect.errors.DataException: Field does not "
                                   "exist: nope");
    assert_int_not_equal(APPLY(f, purchase(f), "ExtractField$Value", "field", "nope"), ERR_OK);
    assert_string_equal(f->e.text, "java.lang.IllegalArgumentException: Unknown field: nope");
}

static void masks_with_zero_or_replacement(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    assert_int_equal(APPLY(f, r, "MaskField$Value", "fields", "credit_card,amount,at"), ERR_OK);
    assert_true(connect_value_is_text(field(r, "credit_card"), ""));
    assert_true(field(r, "amount")->float64 < 0.001);
    assert_int_equal(field(r, "at")->integer, 0);
    r = purchase(f);
    assert_int_equal(
        APPLY(f, r, "MaskField$Value", "fields", "credit_card", "replacement", "REDACTED"), ERR_OK);
    assert_true(connect_value_is_text(field(r, "credit_card"), "REDACTED"));
    assert_int_equal(field(r, "id")->integer, 7);
    assert_int_not_equal(
        APPLY(f, purchase(f), "MaskField$Value", "fields", "at", "replacement", "1"), ERR_OK);
    assert_non_null(strstr(f->e.text, "with custom replacement."));
}

static void inserts_in_order_and_leaves_null_alone(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    r->timestamp_ms = 5;
    assert_int_equal(APPLY(f, r, "InsertField$Value", "static.field", "site!", "static.value", "x",
                           "topic.field", "topic", "timestamp.field", "ts"),
                     ERR_OK);
    assert_int_equal(r->value_schema->field_count, 7);
    assert_string_equal(r->value_schema->fields[4].name, "topic");
    assert_string_equal(r->value_schema->fields[5].name, "ts");
    assert_string_equal(r->value_schema->fields[6].name, "site");
    assert_false(r->value_schema->fields[6].schema->optional);
    assert_true(connect_value_is_text(field(r, "topic"), "purchases"));
    assert_int_equal(field(r, "ts")->integer, 5);
    assert_int_not_equal(APPLY(f, purchase(f), "InsertField$Value", "static.value", "x"), ERR_OK);
    assert_non_null(strstr(f->e.text, "No field insertion configured"));
}

static void replaces_excludes_and_renames(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    assert_int_equal(APPLY(f, r, "ReplaceField$Value", "exclude", "at", "renames",
                           "credit_card:card,amount:sum"),
                     ERR_OK);
    assert_int_equal(r->value_schema->field_count, 3);
    assert_string_equal(r->value_schema->name, "purchases");
    assert_string_equal(r->value_schema->fields[1].name, "card");
    assert_true(connect_value_is_text(field(r, "card"), "4532"));
    r = purchase(f);
    assert_int_equal(APPLY(f, r, "ReplaceField$Value", "whitelist", "id,amount"), ERR_OK);
    assert_int_equal(r->value_schema->field_count, 2);
}

static void routes_whole_matches_with_groups(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    assert_int_equal(APPLY(f, r, "RegexRouter", "regex", "(pur)(.*)", "replacement", "x-$2_${1}0"),
                     ERR_INVALID);
    assert_int_equal(APPLY(f, r, "RegexRouter", "regex", "(pur)(.*)", "replacement", "x-$2_$10"),
                     ERR_OK);
    assert_string_equal(r->topic, "x-chases_pur0");
    r = purchase(f);
    assert_int_equal(APPLY(f, r, "RegexRouter", "regex", "pur", "replacement", "no"), ERR_OK);
    assert_string_equal(r->topic, "purchases");
    assert_int_not_equal(APPLY(f, r, "RegexRouter", "regex", "(", "replacement", "no"), ERR_OK);
}

static void casts_fields(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    assert_int_equal(
        APPLY(f, r, "Cast$Value", "spec", "id:string,credit_card:int64,amount:int32,at:string"),
        ERR_OK);
    assert_true(connect_value_is_text(field(r, "id"), "7"));
    assert_int_equal(field(r, "credit_card")->integer, 4532);
    assert_int_equal(field(r, "amount")->integer, 72);
    assert_int_equal(field(r, "amount")->kind, CONNECT_INT32);
    assert_true(connect_value_is_text(field(r, "at"), "2022-07-09T21:33:14.064Z"));
    assert_int_equal(r->value_schema->fields[3].schema->type, CONNECT_TYPE_STRING);
    assert_int_equal(r->value_schema->fields[3].schema->logical, CONNECT_LOGICAL_NONE);
    r = purchase(f);
    *field(r, "credit_card") = connect_value_text("12x");
    assert_int_not_equal(APPLY(f, r, "Cast$Value", "spec", "credit_card:int8"), ERR_OK);
    assert_non_null(strstr(f->e.text, "Value (12x) was out of range for requested data type"));
    assert_int_not_equal(APPLY(f, r, "Cast$Value", "spec", "credit_card:money"), ERR_OK);
    assert_non_null(strstr(f->e.text, "Invalid type found in casting spec: money"));
}

static void works_on_maps_without_schema(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = connect_batch_add(&f->batch);
    struct connect_pair pairs[] = {{connect_value_text("a"), connect_value_int64(300)},
                                   {connect_value_text("b"), connect_value_text("x")}};
    r->topic = "t";
    r->value = connect_value_map(pairs, 2);
    assert_int_equal(APPLY(f, r, "Cast$Value", "spec", "a:int8"), ERR_OK);
    assert_int_equal(connect_value_map_get(&r->value, "a")->integer, 44);
    assert_int_equal(APPLY(f, r, "ReplaceField$Value", "renames", "b:c"), ERR_OK);
    assert_true(connect_value_is_text(connect_value_map_get(&r->value, "c"), "x"));
    assert_int_equal(APPLY(f, r, "InsertField$Value", "topic.field", "t"), ERR_OK);
    assert_true(connect_value_is_text(connect_value_map_get(&r->value, "t"), "t"));
    assert_int_equal(pairs[0].value.integer, 300);
    r->value = connect_value_text("plain");
    assert_int_not_equal(APPLY(f, r, "MaskField$Value", "fields", "a"), ERR_OK);
    assert_non_null(strstr(f->e.text, "Only Map objects supported in absence of schema for [mask "
                                      "fields], found: java.lang.String"));
}

static void hoists_with_and_without_schema(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    assert_int_equal(APPLY(f, r, "HoistField$Value", "field", "all"), ERR_OK);
    assert_int_equal(r->value_schema->field_count, 1);
    assert_ptr_equal(r->value_schema->fields[0].schema, f->schema);
    assert_int_equal(field(r, "all")->record->values[0].integer, 7);
    r = purchase(f);
    r->key = connect_value_text("k");
    assert_int_equal(APPLY(f, r, "HoistField$Key", "field", "id"), ERR_OK);
    assert_null(r->key_schema);
    assert_true(connect_value_is_text(connect_value_map_get(&r->key, "id"), "k"));
    assert_int_not_equal(APPLY(f, r, "HoistField$Key", "other", "id"), ERR_OK);
}

static void filters(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    const struct connect_plugin *p = find_plugin("Filter");
    void *t = NULL;
    assert_int_equal(p->transform->create(p, NULL, &t, &f->e), ERR_OK);
    assert_int_equal(p->transform->apply(t, r, &f->batch.scope, &f->e), ERR_OK);
    assert_true(r->dropped);
    p->transform->destroy(t);
}

static void drops_headers_by_name(void **state)
{
    struct fixture *f = *state;
    struct connect_header headers[] = {{.name = "a"}, {.name = "b"}, {.name = "a"}, {.name = "c"}};
    struct connect_record *r = purchase(f);
    assert_int_equal(APPLY(f, r, "DropHeaders", "headers", "a,c"), ERR_OK);
    assert_int_equal(r->header_count, 0);
    r->headers = headers;
    r->header_count = 4;
    assert_int_equal(APPLY(f, r, "DropHeaders", "headers", "a, c,x"), ERR_OK);
    assert_int_equal(r->header_count, 1);
    assert_string_equal(r->headers[0].name, "b");
    assert_string_equal(headers[0].name, "a"); /* the owner's list is as it was */
    assert_int_not_equal(APPLY(f, r, "DropHeaders", "fields", "a"), ERR_OK);
}

static void flattens_structs_and_maps(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    const struct connect_schema *inner = NULL;
    const struct connect_schema *outer = NULL;
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    connect_schema_builder_add_field(b, "city",
                                     connect_schema_primitive(CONNECT_TYPE_STRING, false));
    connect_schema_builder_add_field_take(b, "since", connect_schema_create_timestamp(false));
    connect_schema_builder_set_optional(b, true);
    assert_int_equal(connect_schema_builder_build(b, &inner, &f->e), ERR_OK);
    b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    connect_schema_builder_set_name(b, "person");
    connect_schema_builder_add_field(b, "home", inner);
    connect_schema_builder_add_field(b, "id", connect_schema_primitive(CONNECT_TYPE_INT32, false));
    assert_int_equal(connect_schema_builder_build(b, &outer, &f->e), ERR_OK);
    struct connect_struct *home = connect_value_create_struct(&f->batch.scope.arena, inner);
    home->values[0] = connect_value_text("Ulm");
    home->values[1] = connect_value_int64(5);
    struct connect_struct *person = connect_value_create_struct(&f->batch.scope.arena, outer);
    person->values[0] = connect_value_struct(home);
    person->values[1] = connect_value_int32(7);
    r->value_schema = outer;
    r->value = connect_value_struct(person);
    assert_int_equal(APPLY(f, r, "Flatten$Value", "delimiter", "_"), ERR_OK);
    assert_string_equal(r->value_schema->name, "person");
    assert_int_equal(r->value_schema->field_count, 3);
    assert_string_equal(r->value_schema->fields[1].name, "home_since");
    assert_true(r->value_schema->fields[0].schema->optional);
    assert_int_equal(r->value_schema->fields[1].schema->logical, CONNECT_LOGICAL_TIMESTAMP);
    assert_true(connect_value_is_text(field(r, "home_city"), "Ulm"));
    assert_int_equal(field(r, "id")->integer, 7);
    /* A struct that is null leaves its fields null. */
    person->values[0] = connect_value_null();
    r->value_schema = outer;
    r->value = connect_value_struct(person);
    assert_int_equal(APPLY(f, r, "Flatten$Value", "delimiter", "."), ERR_OK);
    assert_true(connect_value_is_null(field(r, "home.city")));
    assert_int_equal(field(r, "id")->integer, 7);
    /* Without a schema; a later pair of the same name wins. */
    struct connect_pair deep[] = {{connect_value_text("c"), connect_value_int64(1)},
                                  {connect_value_text("d"), connect_value_null()}};
    struct connect_pair flat[] = {{connect_value_text("a.c"), connect_value_int64(0)},
                                  {connect_value_text("a"), connect_value_map(deep, 2)}};
    r->value_schema = NULL;
    r->value = connect_value_map(flat, 2);
    assert_int_equal(APPLY(f, r, "Flatten$Value", "delimiter", "."), ERR_OK);
    assert_int_equal(r->value.len, 2);
    assert_int_equal(connect_value_map_get(&r->value, "a.c")->integer, 1);
    assert_non_null(connect_value_map_get(&r->value, "a.d"));
    connect_schema_unref(inner);
    connect_schema_unref(outer);
}

static void a_map_with_a_schema_is_not_flattened(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    const struct connect_schema *map = NULL;
    const struct connect_schema *schema = NULL;
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_MAP);
    connect_schema_builder_set_key_schema(b, connect_schema_primitive(CONNECT_TYPE_STRING, false));
    connect_schema_builder_set_value_schema(b, connect_schema_primitive(CONNECT_TYPE_INT32, false));
    assert_int_equal(connect_schema_builder_build(b, &map, &f->e), ERR_OK);
    b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    connect_schema_builder_add_field_take(b, "m", map);
    assert_int_equal(connect_schema_builder_build(b, &schema, &f->e), ERR_OK);
    r->value_schema = schema;
    r->value = connect_value_struct(connect_value_create_struct(&f->batch.scope.arena, schema));
    assert_int_not_equal(APPLY(f, r, "Flatten$Value", "delimiter", "."), ERR_OK);
    assert_string_equal(f->e.text, "org.apache.kafka.connect.errors.DataException: Flatten "
                                   "transformation does not support MAP for record with schemas "
                                   "(for field m).");
    connect_schema_unref(schema);
}

static void converts_timestamps(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    assert_int_equal(APPLY(f, r, "TimestampConverter$Value", "field", "at", "target.type", "string",
                           "format", "yyyy-MM-dd HH:mm:ss.SSS"),
                     ERR_OK);
    assert_true(connect_value_is_text(field(r, "at"), "2022-07-09 21:33:14.064"));
    assert_ptr_equal(connect_schema_find_field(r->value_schema, "at")->schema,
                     connect_schema_primitive(CONNECT_TYPE_STRING, true));
    assert_int_equal(APPLY(f, r, "TimestampConverter$Value", "field", "at", "target.type", "unix",
                           "format", "yyyy-MM-dd HH:mm:ss.SSS", "unix.precision", "microseconds"),
                     ERR_OK);
    assert_int_equal(field(r, "at")->integer, 1657402394064000);
    assert_int_equal(APPLY(f, r, "TimestampConverter$Value", "field", "at", "target.type", "Date",
                           "unix.precision", "microseconds"),
                     ERR_OK);
    assert_int_equal(field(r, "at")->integer, 19182);
    assert_int_equal(connect_schema_find_field(r->value_schema, "at")->schema->logical,
                     CONNECT_LOGICAL_DATE);
    r = purchase(f);
    assert_int_equal(APPLY(f, r, "TimestampConverter$Value", "field", "at", "target.type", "Time"),
                     ERR_OK);
    assert_int_equal(field(r, "at")->integer, 77594064);
    /* null stays null, another type is refused, a whole value is converted without a schema. */
    r = purchase(f);
    r->value.record->values[3] = connect_value_null();
    assert_int_equal(APPLY(f, r, "TimestampConverter$Value", "field", "at", "target.type", "unix"),
                     ERR_OK);
    assert_true(connect_value_is_null(field(r, "at")));
    r = purchase(f);
    assert_int_equal(
        APPLY(f, r, "TimestampConverter$Value", "field", "amount", "target.type", "unix"),
        ERR_INVALID);
    r->value_schema = NULL;
    r->value = connect_value_int64(-1500);
    assert_int_equal(APPLY(f, r, "TimestampConverter$Value", "target.type", "string", "format",
                           "yyyy-MM-dd'T'HH:mm:ss.SSSX"),
                     ERR_OK);
    assert_true(connect_value_is_text(&r->value, "1969-12-31T23:59:58.500Z"));
    r->value = connect_value_text("tomorrow");
    assert_int_equal(
        APPLY(f, r, "TimestampConverter$Value", "target.type", "unix", "format", "yyyy"),
        ERR_INVALID);
    assert_string_equal(f->e.text, "org.apache.kafka.connect.errors.DataException: Could not parse "
                                   "timestamp: value (tomorrow) does not match pattern (yyyy)");
    assert_int_not_equal(APPLY(f, r, "TimestampConverter$Value", "target.type", "string"), ERR_OK);
}

static void routes_by_timestamp(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    r->timestamp_ms = 1657402394064;
    r->value_schema = NULL; /* no second record: that one has no timestamp */
    assert_int_equal(APPLY(f, r, "TimestampRouter", "timestamp.format", "yyyyMMdd"), ERR_OK);
    assert_string_equal(r->topic, "purchases-20220709");
    assert_int_equal(APPLY(f, r, "TimestampRouter", "topic.format", "${timestamp}/${topic}$",
                           "timestamp.format", "yyyy-MM"),
                     ERR_OK);
    assert_string_equal(r->topic, "2022-07/purchases-20220709$");
    r->timestamp_ms = CONNECT_TIMESTAMP_NONE;
    assert_int_equal(APPLY(f, r, "TimestampRouter", "timestamp.format", "yyyyMMdd"), ERR_INVALID);
    assert_int_not_equal(APPLY(f, r, "TimestampRouter", "timestamp.format", "yyyyb"), ERR_OK);
    assert_non_null(strstr(f->e.text, "Invalid value yyyyb for configuration timestamp.format: "
                                      "Illegal pattern character 'b'"));
}

static void inserts_headers_of_the_literals_type(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *literal;
        enum connect_kind kind;
        int64_t integer;
    } rows[] = {
        {"5", CONNECT_INT8, 5},
        {"-129", CONNECT_INT16, -129},
        {"70000", CONNECT_INT32, 70000},
        {"9223372036854775807", CONNECT_INT64, INT64_MAX},
        {"1.0", CONNECT_INT8, 1},
        {"1e3", CONNECT_INT16, 1000},
        {"1.5", CONNECT_FLOAT32, 0},
        {"1.5e300", CONNECT_FLOAT64, 0},
        {"true", CONNECT_BOOLEAN, 1},
        {"2022-07-09", CONNECT_INT32, 19182},
        {"2022-07-09T21:33:14.064Z", CONNECT_INT64, 1657402394064},
        {"21:33:14.064Z", CONNECT_INT32, 77594064},
        {"weir", CONNECT_STRING, 0},
        {"5 apples", CONNECT_STRING, 0},
        {"0x10", CONNECT_STRING, 0},
        {"-", CONNECT_STRING, 0},
        {"", CONNECT_STRING, 0},
        {"null", CONNECT_NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        f->made_count = 0;
        struct connect_record *r = purchase(f);
        struct connect_header first = {.name = "first"};
        r->headers = &first;
        r->header_count = 1;
        assert_int_equal(
            APPLY(f, r, "InsertHeader", "header", "h", "value.literal", rows[i].literal), ERR_OK);
        assert_int_equal(r->header_count, 2);
        assert_string_equal(r->headers[0].name, "first");
        const struct connect_header *h = &r->headers[1];
        assert_string_equal(h->name, "h");
        assert_int_equal(h->value.kind, rows[i].kind);
        if (rows[i].integer != 0 && h->value.kind != CONNECT_BOOLEAN) {
            assert_int_equal(h->value.integer, rows[i].integer);
        }
        assert_true(h->value.kind == CONNECT_NULL
                        ? h->schema == NULL
                        : connect_value_check(&h->value, h->schema, NULL, &f->e) == ERR_OK);
        connect_batch_remove_last(&f->batch);
        f->made_of[0]->transform->destroy(f->made[0]);
        f->made_count = 0;
    }
}

static void makes_headers_of_fields(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    struct connect_header first = {.name = "first"};
    r->headers = &first;
    r->header_count = 1;
    assert_int_equal(APPLY(f, r, "HeaderFrom$Value", "fields", "credit_card,at", "headers",
                           "card, when", "operation", "move"),
                     ERR_OK);
    assert_int_equal(r->header_count, 3);
    assert_string_equal(r->headers[0].name, "first");
    assert_string_equal(r->headers[1].name, "card");
    assert_true(connect_value_is_text(&r->headers[1].value, "4532"));
    assert_int_equal(r->headers[2].schema->logical, CONNECT_LOGICAL_TIMESTAMP);
    assert_int_equal(r->value_schema->field_count, 2);
    assert_int_equal(field(r, "id")->integer, 7);
    assert_true(field(r, "amount")->float64 > 72);
    assert_int_equal(
        APPLY(f, r, "HeaderFrom$Value", "fields", "id", "headers", "id", "operation", "copy"),
        ERR_OK);
    assert_int_equal(r->header_count, 4);
    assert_int_equal(field(r, "id")->integer, 7);
    assert_int_equal(
        APPLY(f, r, "HeaderFrom$Value", "fields", "nope", "headers", "h", "operation", "copy"),
        ERR_INVALID);
    assert_int_equal(r->header_count, 4);
    /* Without a schema a field that is not there is null. */
    struct connect_pair pairs[] = {{connect_value_text("a"), connect_value_int64(1)},
                                   {connect_value_text("b"), connect_value_int64(2)}};
    r->value_schema = NULL;
    r->value = connect_value_map(pairs, 2);
    assert_int_equal(
        APPLY(f, r, "HeaderFrom$Value", "fields", "a,x", "headers", "a,x", "operation", "move"),
        ERR_OK);
    assert_int_equal(r->header_count, 6);
    assert_int_equal(r->headers[4].value.integer, 1);
    assert_true(connect_value_is_null(&r->headers[5].value));
    assert_int_equal(r->value.len, 1);
    assert_null(connect_value_map_get(&r->value, "a"));
    assert_int_not_equal(
        APPLY(f, r, "HeaderFrom$Value", "fields", "a,b", "headers", "a", "operation", "copy"),
        ERR_OK);
    assert_non_null(strstr(f->e.text, "'fields' config must have the same number of elements"));
    assert_int_not_equal(
        APPLY(f, r, "HeaderFrom$Value", "fields", "", "headers", "", "operation", "copy"), ERR_OK);
    assert_non_null(strstr(f->e.text, "Invalid value [] for configuration fields: Empty list"));
}

static bool holds(struct fixture *f, const char *name, const char *key, const char *value,
                  const struct connect_record *r)
{
    const struct connect_plugin *p = find_plugin(name);
    struct connect_config config;
    void *object = NULL;
    bool result = false;
    connect_config_init(&config);
    if (key != NULL) {
        assert_int_equal(connect_config_set(&config, key, value, &f->e), ERR_OK);
    }
    assert_int_equal(connect_config_check(&config, p->keys, p->key_count, &f->e), ERR_OK);
    assert_int_equal(p->predicate->create(p, &config, &object, &f->e), ERR_OK);
    assert_int_equal(p->predicate->test(object, r, &result, &f->e), ERR_OK);
    p->predicate->destroy(object);
    connect_config_deinit(&config);
    return result;
}

static void predicates_hold_or_not(void **state)
{
    struct fixture *f = *state;
    struct connect_record *r = purchase(f);
    assert_true(holds(f, "TopicNameMatches", "pattern", "pur.*", r));
    assert_true(holds(f, "TopicNameMatches", "pattern", "purchases", r));
    assert_false(holds(f, "TopicNameMatches", "pattern", "purchase", r)); /* the whole name */
    assert_false(holds(f, "HasHeaderKey", "name", "h", r));
    struct connect_header headers[] = {{.name = "g"}, {.name = "h"}};
    r->headers = headers;
    r->header_count = 2;
    assert_true(holds(f, "HasHeaderKey", "name", "h", r));
    assert_false(holds(f, "HasHeaderKey", "name", "H", r));
    assert_false(holds(f, "RecordIsTombstone", NULL, NULL, r));
    r->value = connect_value_null();
    assert_true(holds(f, "RecordIsTombstone", NULL, NULL, r));
}

/* {"a": {"b.c": {"d": "x"}, "n": null}} */
static struct connect_record *nested(struct fixture *f, struct connect_pair pairs[4])
{
    pairs[3] = (struct connect_pair){connect_value_text("d"), connect_value_text("x")};
    pairs[1] = (struct connect_pair){connect_value_text("b.c"), connect_value_map(&pairs[3], 1)};
    pairs[2] = (struct connect_pair){connect_value_text("n"), connect_value_null()};
    pairs[0] = (struct connect_pair){connect_value_text("a"), connect_value_map(&pairs[1], 2)};
    struct connect_record *r = connect_batch_add(&f->batch);
    r->topic = "t";
    r->value = connect_value_map(pairs, 1);
    return r;
}

static void extracts_by_paths(void **state)
{
    static const struct {
        const char *path;
        const char *expected; /* NULL: null */
    } table[] = {{"a.`b.c`.d", "x"}, {"`a`.`b.c`.`d`", "x"}, {"a.b.c", NULL},
                 {"a.n", NULL},      {"a.n.d", NULL},        {"z.y", NULL}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct connect_pair pairs[4];
        struct connect_record *r = nested(f, pairs);
        assert_int_equal(
            APPLY(f, r, "ExtractField$Value", "field", table[i].path, "field.syntax.version", "V2"),
            ERR_OK);
        if (table[i].expected == NULL) {
            assert_true(connect_value_is_null(&r->value));
        } else {
            assert_true(connect_value_is_text(&r->value, table[i].expected));
        }
        connect_batch_remove_last(&f->batch);
    }
    struct connect_pair pairs[4];
    struct connect_record *r = nested(f, pairs);
    assert_int_equal(APPLY(f, r, "ExtractField$Value", "field", "a.`b.c`.d"), ERR_OK);
    assert_true(connect_value_is_null(&r->value)); /* V1: a name, not a path */
    r = purchase(f);
    assert_int_equal(APPLY(f, r, "HoistField$Value", "field", "x.y"), ERR_OK);
    const struct connect_schema *hoisted = r->value_schema;
    assert_int_equal(APPLY(f, r, "ExtractField$Value", "field", "`x.y`.credit_card",
                           "field.syntax.version", "V2"),
                     ERR_OK);
    assert_true(connect_value_is_text(&r->value, "4532"));
    assert_ptr_equal(r->value_schema, hoisted->fields[0].schema->fields[1].schema);
    r = purchase(f);
    assert_int_not_equal(
        APPLY(f, r, "ExtractField$Value", "field", "id.x", "field.syntax.version", "V2"), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_tutorial_chain_names_the_value_and_makes_the_card_the_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_field_that_is_missing_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(masks_with_zero_or_replacement, set_up, tear_down),
        cmocka_unit_test_setup_teardown(inserts_in_order_and_leaves_null_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replaces_excludes_and_renames, set_up, tear_down),
        cmocka_unit_test_setup_teardown(routes_whole_matches_with_groups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(casts_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(works_on_maps_without_schema, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hoists_with_and_without_schema, set_up, tear_down),
        cmocka_unit_test_setup_teardown(filters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drops_headers_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flattens_structs_and_maps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_map_with_a_schema_is_not_flattened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(converts_timestamps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(routes_by_timestamp, set_up, tear_down),
        cmocka_unit_test_setup_teardown(inserts_headers_of_the_literals_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(makes_headers_of_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(predicates_hold_or_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(extracts_by_paths, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
