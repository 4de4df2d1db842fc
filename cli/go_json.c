#include "cli/go_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>

#define GO_JSON_DEPTH_MAX 1000

/* Bytes of the valid UTF-8 sequence that starts at text, or 0. Surrogates and over-long forms are
 * invalid, as in Go. */
static size_t go_json_sequence(const uint8_t *text, size_t left, uint32_t *out_rune)
{
    static const struct {
        uint8_t mask;
        uint8_t lead;
        size_t len;
        uint32_t min;
    } forms[] = {{0x80, 0x00, 1, 0},
                 {0xe0, 0xc0, 2, 0x80},
                 {0xf0, 0xe0, 3, 0x800},
                 {0xf8, 0xf0, 4, 0x10000}};
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        if ((text[0] & forms[f].mask) != forms[f].lead) {
            continue;
        }
        if (left < forms[f].len) {
            return 0;
        }
        uint32_t rune = text[0] & (uint8_t)~forms[f].mask;
        for (size_t i = 1; i < forms[f].len; i++) {
            if ((text[i] & 0xc0) != 0x80) {
                return 0;
            }
            rune = rune << 6 | (text[i] & 0x3f);
        }
        if (rune < forms[f].min || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff)) {
            return 0;
        }
        *out_rune = rune;
        return forms[f].len;
    }
    return 0;
}

static bool go_json_escape(uint32_t rune, struct buf *out)
{
    switch (rune) {
    case '"':
        buf_append_text(out, "\\\"");
        return true;
    case '\\':
        buf_append_text(out, "\\\\");
        return true;
    case '\t':
        buf_append_text(out, "\\t");
        return true;
    case '\n':
        buf_append_text(out, "\\n");
        return true;
    case '\r':
        buf_append_text(out, "\\r");
        return true;
    case '\b':
        buf_append_text(out, "\\b");
        return true;
    case '\f':
        buf_append_text(out, "\\f");
        return true;
    default:
        break;
    }
    if (rune < 0x20 || rune == '&' || rune == '<' || rune == '>' || rune == 0x2028 ||
        rune == 0x2029) {
        buf_printf(out, "\\u%04" PRIx32, rune);
        return true;
    }
    return false;
}

void go_json_text(struct bytes text, struct buf *out)
{
    buf_append_char(out, '"');
    size_t at = 0;
    while (at < text.len) {
        uint32_t rune = 0;
        size_t n = go_json_sequence(text.data + at, text.len - at, &rune);
        if (n == 0) {
            buf_append_text(out, "\\ufffd");
            n = 1;
        } else if (!go_json_escape(rune, out)) {
            buf_append(out, text.data + at, n);
        }
        at += n;
    }
    buf_append_char(out, '"');
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by GO_JSON_DEPTH_MAX */
static void go_json_nested(const json_t *value, int depth, struct buf *out)
{
    if (depth > GO_JSON_DEPTH_MAX) {
        out->failed = true;
        return;
    }
    if (json_is_object(value)) {
        const char *key = NULL;
        json_t *member = NULL;
        bool first = true;
        buf_append_char(out, '{');
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            buf_append_text(out, first ? "" : ",");
            first = false;
            go_json_text(bytes_of_text(key), out);
            buf_append_char(out, ':');
            go_json_nested(member, depth + 1, out);
        }
        buf_append_char(out, '}');
    } else if (json_is_array(value)) {
        buf_append_char(out, '[');
        for (size_t i = 0; i < json_array_size(value); i++) {
            buf_append_text(out, i > 0 ? "," : "");
            go_json_nested(json_array_get(value, i), depth + 1, out);
        }
        buf_append_char(out, ']');
    } else if (json_is_string(value)) {
        go_json_text(bytes_of(json_string_value(value), json_string_length(value)), out);
    } else if (json_is_integer(value)) {
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        buf_printf(out, "%.17g", json_real_value(value));
    } else {
        buf_append_text(out, json_is_true(value)    ? "true"
                             : json_is_false(value) ? "false"
                                                    : "null");
    }
}

void go_json_value(const json_t *value, struct buf *out)
{
    go_json_nested(value, 0, out);
}
