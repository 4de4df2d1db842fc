#include <math.h>
#include <string.h>

#include "serde/avro_internal.h"

/* Where a logical type may stand: on what kind, and on a fixed of what size (0 = any). */
struct avro_logical_rule {
    const char *name;
    enum avro_kind kind;
    size_t size;
};

static const struct avro_logical_rule avro_logical_rules[] = {
    {"date", AVRO_KIND_INT, 0},
    {"time-millis", AVRO_KIND_INT, 0},
    {"time-micros", AVRO_KIND_LONG, 0},
    {"timestamp-millis", AVRO_KIND_LONG, 0},
    {"timestamp-micros", AVRO_KIND_LONG, 0},
    {"timestamp-nanos", AVRO_KIND_LONG, 0},
    {"local-timestamp-millis", AVRO_KIND_LONG, 0},
    {"local-timestamp-micros", AVRO_KIND_LONG, 0},
    {"local-timestamp-nanos", AVRO_KIND_LONG, 0},
    {"uuid", AVRO_KIND_STRING, 0},
    {"uuid", AVRO_KIND_FIXED, 16},
    {"duration", AVRO_KIND_FIXED, 12},
    {"big-decimal", AVRO_KIND_BYTES, 0},
    {AVRO_LOGICAL_DECIMAL, AVRO_KIND_BYTES, 0},
    {AVRO_LOGICAL_DECIMAL, AVRO_KIND_FIXED, 0},
};

static bool avro_logical_decimal_holds(const struct avro_type *type)
{
    const json_t *precision = avro_schema_prop(type, "precision");
    const json_t *scale = avro_schema_prop(type, "scale");
    if (!json_is_integer(precision) || (scale != NULL && !json_is_integer(scale))) {
        return false;
    }
    json_int_t digits = json_integer_value(precision);
    json_int_t behind = json_integer_value(scale);
    bool fits = type->kind != AVRO_KIND_FIXED ||
                (double)digits <= floor(log10(2) * (8.0 * (double)type->size - 1));
    return digits > 0 && digits <= INT32_MAX && behind >= 0 && behind <= digits && fits;
}

const char *avro_logical_name(const struct avro_type *type)
{
    const char *name = avro_schema_prop_text(type, "logicalType");
    for (size_t i = 0; name != NULL && i < sizeof avro_logical_rules / sizeof *avro_logical_rules;
         i++) {
        const struct avro_logical_rule *rule = &avro_logical_rules[i];
        if (rule->kind == type->kind && strcmp(rule->name, name) == 0 &&
            (rule->size == 0 || rule->size == type->size)) {
            bool decimal = strcmp(name, AVRO_LOGICAL_DECIMAL) == 0;
            return !decimal || avro_logical_decimal_holds(type) ? name : NULL;
        }
    }
    return NULL;
}
