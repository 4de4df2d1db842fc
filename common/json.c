#include "common/json.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/check.h"

#define JSON_BYTES_DEFAULT ((size_t)16 * 1024 * 1024)
#define JSON_DEPTH_MAX ((size_t)1000)

/* The deepest nesting of brackets, strings aside; jansson's own limit cannot be set. */
static size_t json_depth(struct bytes text)
{
    size_t depth = 0;
    size_t deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

enum err_code json_decode(struct bytes text, const struct json_limits *limits, json_t **out_json,
                          struct err *e)
{
    const struct json_limits none = {0};
    limits = limits != NULL ? limits : &none;
    size_t max_bytes = limits->max_bytes > 0 ? limits->max_bytes : JSON_BYTES_DEFAULT;
    size_t max_depth = limits->max_depth > 0 ? limits->max_depth : JSON_DEPTH_DEFAULT;
    CHECK(max_depth <= JSON_DEPTH_MAX);
    if (text.len > max_bytes) {
        return err_set(e, ERR_LIMIT, "JSON text of %zu bytes is larger than %zu", text.len,
                       max_bytes);
    }
    size_t depth = json_depth(text);
    if (depth > max_depth) {
        return err_set(e, ERR_PARSE, "JSON text is nested %zu levels deep, %zu are allowed", depth,
                       max_depth);
    }
    size_t flags = (limits->reject_duplicate_keys ? JSON_REJECT_DUPLICATES : 0) |
                   (limits->any_root ? JSON_DECODE_ANY : 0);
    json_error_t fault;
    json_t *json =
        json_loadb(text.data != NULL ? (const char *)text.data : "", text.len, flags, &fault);
    if (json == NULL) {
        return err_set(e, ERR_PARSE, "%s at line %d column %d", fault.text, fault.line,
                       fault.column);
    }
    *out_json = json;
    return ERR_OK;
}

static void json_write_escape(struct buf *b, unsigned char c)
{
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    char letter = c < sizeof letters ? letters[c] : '\0';
    if (letter != '\0') {
        buf_printf(b, "\\%c", letter);
    } else {
        buf_printf(b, "\\u%04X", c);
    }
}

void json_write_text(struct buf *b, const char *text, size_t len)
{
    buf_append_char(b, '"');
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == '"' || c == '\\') {
            buf_append(b, text + from, i - from);
            json_write_escape(b, c);
            from = i + 1;
        }
    }
    buf_append(b, text + from, len - from);
    buf_append_char(b, '"');
}

/* Java's form of the decimal digits d1d2d3... times 10^exponent (d1.d2d3 form): plain between 1e-3
 * and 1e7, otherwise computerised scientific notation; always at least one digit behind the
 * point. */
static void json_write_decimal(struct buf *b, const char *digits, int exponent)
{
    int n = (int)strlen(digits);
    if (exponent >= -3 && exponent < 0) {
        buf_append_text(b, "0.");
        for (int i = -1; i > exponent; i--) {
            buf_append_char(b, '0');
        }
        buf_append_text(b, digits);
    } else if (exponent >= 0 && exponent < 7) {
        for (int i = 0; i <= exponent; i++) {
            buf_append_char(b, i < n ? digits[i] : '0');
        }
        buf_append_char(b, '.');
        buf_append_text(b, n > exponent + 1 ? digits + exponent + 1 : "0");
    } else {
        buf_printf(b, "%c.%sE%d", digits[0], n > 1 ? digits + 1 : "0", exponent);
    }
}

/* least..most: how many significant digits to try until the value reads back the same. */
static void json_write_shortest(struct buf *b, double v, int most, bool single)
{
    if (isnan(v)) {
        buf_append_text(b, "NaN");
        return;
    }
    if (signbit(v)) {
        buf_append_char(b, '-');
        v = -v;
    }
    if (isinf(v)) {
        buf_append_text(b, "Infinity");
        return;
    }
    char text[40] = "";
    for (int precision = 0; precision < most; precision++) {
        (void)snprintf(text, sizeof text, "%.*e", precision, v);
        bool same = single ? !(strtof(text, NULL) < (float)v) && !(strtof(text, NULL) > (float)v)
                           : !(strtod(text, NULL) < v) && !(strtod(text, NULL) > v);
        if (same) {
            break;
        }
    }
    char digits[24] = "";
    size_t n = 0;
    const char *p = text;
    for (; *p != 'e' && *p != '\0'; p++) {
        if (*p != '.') {
            digits[n++] = *p;
        }
    }
    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }
    digits[n] = '\0';
    json_write_decimal(b, digits, *p == 'e' ? (int)strtol(p + 1, NULL, 10) : 0);
}

void json_write_double(struct buf *b, double v)
{
    json_write_shortest(b, v, 17, false);
}

void json_write_float(struct buf *b, float v)
{
    json_write_shortest(b, (double)v, 9, true);
}

/* NOLINTNEXTLINE(misc-no-recursion): see json_write. */
static void json_write_object(struct buf *b, const json_t *json)
{
    /* The iteration does not change the object; jansson's interface is not const-correct here. */
    json_t *object = (json_t *)(uintptr_t)json;
    const char *key = NULL;
    json_t *value = NULL;
    bool first = true;
    buf_append_char(b, '{');
    json_object_foreach(object, key, value)
    {
        if (!first) {
            buf_append_char(b, ',');
        }
        first = false;
        json_write_text(b, key, strlen(key));
        buf_append_char(b, ':');
        json_write(b, value);
    }
    buf_append_char(b, '}');
}

/* NOLINTNEXTLINE(misc-no-recursion): trees come from json_decode, which bounds their depth. */
void json_write(struct buf *b, const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        json_write_object(b, json);
        break;
    case JSON_ARRAY:
        buf_append_char(b, '[');
        for (size_t i = 0; i < json_array_size(json); i++) {
            if (i > 0) {
                buf_append_char(b, ',');
            }
            json_write(b, json_array_get(json, i));
        }
        buf_append_char(b, ']');
        break;
    case JSON_STRING:
        json_write_text(b, json_string_value(json), json_string_length(json));
        break;
    case JSON_INTEGER:
        buf_printf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        break;
    case JSON_REAL:
        json_write_double(b, json_real_value(json));
        break;
    case JSON_TRUE:
        buf_append_text(b, "true");
        break;
    case JSON_FALSE:
        buf_append_text(b, "false");
        break;
    case JSON_NULL:
        buf_append_text(b, "null");
        break;
    }
}

char *json_encode(const json_t *json, size_t limit_bytes)
{
    struct buf b;
    buf_init(&b, limit_bytes);
    json_write(&b, json);
    char *text = buf_take_text(&b);
    buf_deinit(&b);
    return text;
}
