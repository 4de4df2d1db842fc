#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/text.h"
#include "serde/avro_datum.h"
#include "serde/avro_schema.h"

/* The two texts differ in their separators, in unions and in how bytes are shown. */
struct avro_datum_style {
    const char *comma;
    const char *colon;
    bool wrap_unions;
    bool java; /* bytes as toString shows them */
};

/* Bytes as characters U+0000 to U+00FF, the form of Avro's JSON. */
static void avro_datum_print_latin(struct buf *b, struct bytes bytes)
{
    buf_append_char(b, '"');
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.data[i];
        if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7f) {
            buf_printf(b, "\\u%04x", c);
        } else {
            buf_append_u8(b, c);
        }
    }
    buf_append_char(b, '"');
}

static void avro_datum_print_fixed(struct buf *b, struct bytes bytes)
{
    buf_append_char(b, '[');
    for (size_t i = 0; i < bytes.len; i++) {
        buf_printf(b, "%s%d", i > 0 ? ", " : "", (int)(int8_t)bytes.data[i]);
    }
    buf_append_char(b, ']');
}

/* NaN and infinities are no JSON numbers: quoted, as Java does. */
static void avro_datum_print_real(struct buf *b, const struct avro_datum *d)
{
    bool is_float = d->type->kind == AVRO_KIND_FLOAT;
    double v = is_float ? (double)d->as.float_value : d->as.double_value;
    bool quoted = isnan(v) || isinf(v);
    if (quoted) {
        buf_append_char(b, '"');
    }
    if (is_float) {
        json_write_float(b, d->as.float_value);
    } else {
        json_write_double(b, v);
    }
    if (quoted) {
        buf_append_char(b, '"');
    }
}

static void avro_datum_print_string(struct buf *b, struct bytes bytes)
{
    if (text_is_utf8((const char *)bytes.data, bytes.len)) {
        json_write_text(b, (const char *)bytes.data, bytes.len);
    } else {
        avro_datum_print_latin(b, bytes);
    }
}

static void avro_datum_print(const struct avro_datum *d, const struct avro_datum_style *style,
                             struct buf *b);

/* NOLINTNEXTLINE(misc-no-recursion): the tree's depth was bounded when it was made. */
static void avro_datum_print_list(const struct avro_datum *d, const struct avro_datum_style *style,
                                  struct buf *b)
{
    bool array = d->type->kind == AVRO_KIND_ARRAY;
    buf_append_char(b, array ? '[' : '{');
    for (size_t i = 0; i < d->as.list.count; i++) {
        if (i > 0) {
            buf_append_text(b, style->comma);
        }
        if (d->type->kind == AVRO_KIND_RECORD) {
            const char *name = d->type->fields[i].name;
            json_write_text(b, name, strlen(name));
        } else if (!array) {
            avro_datum_print_string(b, d->as.list.keys[i]);
        }
        if (!array) {
            buf_append_text(b, style->colon);
        }
        avro_datum_print(&d->as.list.items[i], style, b);
    }
    buf_append_char(b, array ? ']' : '}');
}

/* NOLINTNEXTLINE(misc-no-recursion): the tree's depth was bounded when it was made. */
static void avro_datum_print_union(const struct avro_datum *d, const struct avro_datum_style *style,
                                   struct buf *b)
{
    const struct avro_datum *value = d->as.choice.value;
    if (!style->wrap_unions || value->type->kind == AVRO_KIND_NULL) {
        avro_datum_print(value, style, b);
        return;
    }
    const char *name = avro_schema_branch_name(value->type);
    buf_append_char(b, '{');
    json_write_text(b, name, strlen(name));
    buf_append_text(b, style->colon);
    avro_datum_print(value, style, b);
    buf_append_char(b, '}');
}

/* NOLINTNEXTLINE(misc-no-recursion): the tree's depth was bounded when it was made. */
static void avro_datum_print(const struct avro_datum *d, const struct avro_datum_style *style,
                             struct buf *b)
{
    switch (d->type->kind) {
    case AVRO_KIND_NULL:
        buf_append_text(b, "null");
        break;
    case AVRO_KIND_BOOLEAN:
        buf_append_text(b, d->as.boolean ? "true" : "false");
        break;
    case AVRO_KIND_INT:
        buf_printf(b, "%d", (int)d->as.int_value);
        break;
    case AVRO_KIND_LONG:
        buf_printf(b, "%lld", (long long)d->as.long_value);
        break;
    case AVRO_KIND_FLOAT:
    case AVRO_KIND_DOUBLE:
        avro_datum_print_real(b, d);
        break;
    case AVRO_KIND_STRING:
        avro_datum_print_string(b, d->as.bytes);
        break;
    case AVRO_KIND_BYTES:
        avro_datum_print_latin(b, d->as.bytes);
        break;
    case AVRO_KIND_FIXED:
        if (style->java) {
            avro_datum_print_fixed(b, d->as.bytes);
        } else {
            avro_datum_print_latin(b, d->as.bytes);
        }
        break;
    case AVRO_KIND_ENUM: {
        const char *symbol = d->type->symbols.items[d->as.symbol];
        json_write_text(b, symbol, strlen(symbol));
        break;
    }
    case AVRO_KIND_UNION:
        avro_datum_print_union(d, style, b);
        break;
    case AVRO_KIND_RECORD:
    case AVRO_KIND_ARRAY:
    case AVRO_KIND_MAP:
        avro_datum_print_list(d, style, b);
        break;
    }
}

void avro_datum_write_text(const struct avro_datum *d, struct buf *b)
{
    static const struct avro_datum_style java = {.comma = ", ", .colon = ": ", .java = true};
    avro_datum_print(d, &java, b);
}

void avro_datum_write_json(const struct avro_datum *d, struct buf *b)
{
    static const struct avro_datum_style json = {.comma = ",", .colon = ":", .wrap_unions = true};
    avro_datum_print(d, &json, b);
}
