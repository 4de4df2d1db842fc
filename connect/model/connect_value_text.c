/* Values as Java's toString() prints them, which is what StringConverter writes. */
#include <inttypes.h>

#include "common/buf.h"
#include "common/check.h"
#include "common/json.h"
#include "connect/include/connect_schema.h"
#include "connect/include/connect_value.h"
#include "connect/model/civil_date.h"

#define MS_PER_DAY INT64_C(86400000)

/* java.util.Date.toString() in UTC: "Sat Jul 09 21:33:14 UTC 2022". */
static void print_date(int64_t ms, struct buf *out)
{
    static const char days[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t day = ms / MS_PER_DAY - (ms % MS_PER_DAY < 0 ? 1 : 0);
    int64_t in_day = ms - day * MS_PER_DAY;
    struct civil_date date = civil_date_from_days(day);
    int64_t weekday = (day % 7 + 7) % 7;
    buf_printf(out, "%s %s %02d %02d:%02d:%02d UTC %04" PRId64, days[weekday],
               months[date.month - 1], date.day, (int)(in_day / 3600000),
               (int)(in_day / 60000 % 60), (int)(in_day / 1000 % 60), date.year);
}

static void print_integer(const struct connect_value *v, const struct connect_schema *schema,
                          struct buf *out)
{
    enum connect_logical logical = schema != NULL ? schema->logical : CONNECT_LOGICAL_NONE;
    switch (logical) {
    case CONNECT_LOGICAL_DATE:
        print_date(v->integer * MS_PER_DAY, out);
        return;
    case CONNECT_LOGICAL_TIME:
    case CONNECT_LOGICAL_TIMESTAMP:
        print_date(v->integer, out);
        return;
    case CONNECT_LOGICAL_NONE:
    case CONNECT_LOGICAL_DECIMAL:
        buf_printf(out, "%" PRId64, v->integer);
        return;
    }
}

// NOLINTNEXTLINE(misc-no-recursion): depth is that of the schema
static void print_struct(const struct connect_struct *s, struct buf *out)
{
    const char *separator = "";
    buf_append_text(out, "Struct{");
    for (size_t i = 0; i < s->schema->field_count; i++) {
        if (s->values[i].kind == CONNECT_NULL) {
            continue;
        }
        buf_append_text(out, separator);
        buf_append_text(out, s->schema->fields[i].name);
        buf_append_char(out, '=');
        connect_value_print(&s->values[i], s->schema->fields[i].schema, out);
        separator = ",";
    }
    buf_append_char(out, '}');
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by the value's maker
static void print_container(const struct connect_value *v, const struct connect_schema *schema,
                            struct buf *out)
{
    const struct connect_schema *key = schema != NULL ? schema->key_schema : NULL;
    const struct connect_schema *value = schema != NULL ? schema->value_schema : NULL;
    bool map = v->kind == CONNECT_MAP;
    buf_append_char(out, map ? '{' : '[');
    for (uint32_t i = 0; i < v->len; i++) {
        if (i > 0) {
            buf_append_text(out, ", ");
        }
        if (map) {
            connect_value_print(&v->pairs[i].key, key, out);
            buf_append_char(out, '=');
        }
        connect_value_print(map ? &v->pairs[i].value : &v->items[i], value, out);
    }
    buf_append_char(out, map ? '}' : ']');
}

// NOLINTNEXTLINE(misc-no-recursion): depth is bounded by the value's maker
void connect_value_print(const struct connect_value *v, const struct connect_schema *schema,
                         struct buf *out)
{
    switch ((enum connect_kind)v->kind) {
    case CONNECT_NULL:
        buf_append_text(out, "null");
        return;
    case CONNECT_INT8:
    case CONNECT_INT16:
    case CONNECT_INT32:
    case CONNECT_INT64:
        print_integer(v, schema, out);
        return;
    case CONNECT_FLOAT32:
        json_write_float(out, v->float32);
        return;
    case CONNECT_FLOAT64:
        json_write_double(out, v->float64);
        return;
    case CONNECT_BOOLEAN:
        buf_append_text(out, v->boolean ? "true" : "false");
        return;
    case CONNECT_STRING:
        buf_append(out, v->data, v->len);
        return;
    case CONNECT_BYTES:
        /* Java prints the buffer object; there is nothing in it that anyone could want. */
        buf_printf(out, "java.nio.HeapByteBuffer[pos=0 lim=%" PRIu32 " cap=%" PRIu32 "]", v->len,
                   v->len);
        return;
    case CONNECT_DECIMAL:
        connect_value_print_decimal(v, out);
        return;
    case CONNECT_ARRAY:
    case CONNECT_MAP:
        print_container(v, schema, out);
        return;
    case CONNECT_STRUCT:
        print_struct(v->record, out);
        return;
    }
}
