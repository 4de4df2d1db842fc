#include "cli/record_reader.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/base64.h"
#include "cli/record_regex.h"
#include "common/text.h"

#define RECORD_READER_STEP ((size_t)64 * 1024)
#define RECORD_READER_HEADERS_MAX 100000

void record_reader_init(struct record_reader *r, const struct record_format *format,
                        record_reader_read_fn read, void *ctx, size_t record_bytes_max)
{
    *r = (struct record_reader){.format = format, .read = read, .ctx = ctx};
    buf_init(&r->input, record_bytes_max);
    arena_init(&r->arena, record_bytes_max * 4);
}

void record_reader_deinit(struct record_reader *r)
{
    buf_deinit(&r->input);
    arena_deinit(&r->arena);
}

static size_t record_reader_left(const struct record_reader *r)
{
    return r->input.len - r->at;
}

/* Takes more input; at the end sets `ended`. Texts of the present record are copies, so that what
 * lies before `at` may go. */
static enum err_code record_reader_fill(struct record_reader *r, struct err *e)
{
    if (r->at > 0) {
        memmove(r->input.data, r->input.data + r->at, record_reader_left(r));
        buf_truncate(&r->input, record_reader_left(r));
        r->at = 0;
    }
    size_t room = r->input.limit_bytes - r->input.len;
    size_t want = room < RECORD_READER_STEP ? room : RECORD_READER_STEP;
    uint8_t *to = want > 0 ? buf_reserve(&r->input, want) : NULL;
    if (to == NULL) {
        return err_set(e, ERR_LIMIT, "a text of more than %zu bytes", r->input.limit_bytes);
    }
    ssize_t n = r->read(r->ctx, to, want);
    if (n < 0) {
        return err_errno(e, errno, "read standard input");
    }
    buf_commit(&r->input, (size_t)n);
    r->ended = n == 0;
    return ERR_OK;
}

/* Waits until n bytes are there, or the input ended. */
static enum err_code record_reader_want(struct record_reader *r, size_t n, struct err *e)
{
    enum err_code code = ERR_OK;
    while (code == ERR_OK && record_reader_left(r) < n && !r->ended) {
        code = record_reader_fill(r, e);
    }
    return code;
}

static enum err_code record_reader_cut_short(struct err *e)
{
    return err_set(e, ERR_PARSE, "unexpected EOF");
}

static enum err_code record_reader_take(struct record_reader *r, size_t n, struct bytes *out,
                                        struct err *e)
{
    enum err_code code = record_reader_want(r, n, e);
    if (code == ERR_OK && record_reader_left(r) < n) {
        code = record_reader_cut_short(e);
    }
    if (code != ERR_OK) {
        return code;
    }
    const uint8_t *copy = arena_dup(&r->arena, r->input.data + r->at, n);
    if (copy == NULL) {
        return err_nomem(e, "record");
    }
    *out = bytes_of(copy, n);
    r->at += n;
    return ERR_OK;
}

/* Up to the delimiter, which is used up too. At the end of the input the last text of a record may
 * lack its delimiter: a line without a newline is still a line. */
static enum err_code record_reader_until(struct record_reader *r, struct bytes delimiter, bool last,
                                         struct bytes *out, struct err *e)
{
    size_t searched = 0;
    for (;;) {
        size_t left = record_reader_left(r);
        const uint8_t *start = r->input.data + r->at;
        const uint8_t *found = left > searched ? memmem(start + searched, left - searched,
                                                        delimiter.data, delimiter.len)
                                               : NULL;
        if (found != NULL) {
            enum err_code code = record_reader_take(r, (size_t)(found - start), out, e);
            r->at += code == ERR_OK ? delimiter.len : 0;
            return code;
        }
        if (r->ended) {
            return last ? record_reader_take(r, left, out, e) : record_reader_cut_short(e);
        }
        searched = left >= delimiter.len ? left - delimiter.len + 1 : 0;
        enum err_code code = record_reader_fill(r, e);
        if (code != ERR_OK) {
            return code;
        }
    }
}

static enum err_code record_reader_rest(struct record_reader *r, struct bytes *out, struct err *e)
{
    enum err_code code = ERR_OK;
    while (code == ERR_OK && !r->ended) {
        code = record_reader_fill(r, e);
    }
    return code == ERR_OK ? record_reader_take(r, record_reader_left(r), out, e) : code;
}

static enum err_code record_reader_literal(struct record_reader *r, struct bytes literal,
                                           struct err *e)
{
    struct bytes found = bytes_null();
    enum err_code code = record_reader_take(r, literal.len, &found, e);
    if (code == ERR_OK && !bytes_equal(found, literal)) {
        code = err_set(e, ERR_PARSE, "exact text mismatch, read \"%.*s\" when expecting \"%.*s\"",
                       (int)found.len, (const char *)found.data, (int)literal.len,
                       (const char *)literal.data);
    }
    return code;
}

/* The number of bytes of one JSON value at the start, or 0 when it is not whole yet. */
static size_t record_reader_json_length(const char *text, size_t len, bool ended)
{
    size_t at = 0;
    while (at < len && isspace((unsigned char)text[at])) {
        at++;
    }
    int depth = 0;
    bool in_string = false;
    size_t start = at;
    for (; at < len; at++) {
        char c = text[at];
        if (in_string) {
            at += c == '\\' ? 1 : 0;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
            continue;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (depth == 0 && at > start && (isspace((unsigned char)c) || c == ',')) {
            return at;
        } else {
            continue;
        }
        if (depth <= 0 && !in_string) {
            return at + 1;
        }
    }
    return ended ? len : 0;
}

/* White space outside of strings goes; numbers stay as they were written. */
static struct bytes record_reader_json_compact(struct bytes text)
{
    uint8_t *to = (uint8_t *)(uintptr_t)text.data; /* our own copy */
    size_t n = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (!in_string && isspace(c)) {
            continue;
        }
        to[n++] = c;
        if (in_string && c == '\\' && i + 1 < text.len) {
            to[n++] = text.data[++i];
        } else if (c == '"') {
            in_string = !in_string;
        }
    }
    return bytes_of(to, n);
}

static enum err_code record_reader_json(struct record_reader *r, struct bytes *out, struct err *e)
{
    size_t n = 0;
    enum err_code code = ERR_OK;
    while (code == ERR_OK) {
        n = record_reader_json_length((const char *)r->input.data + r->at, record_reader_left(r),
                                      r->ended);
        if (n > 0 || r->ended) {
            break;
        }
        code = record_reader_fill(r, e);
    }
    if (code == ERR_OK) {
        code = record_reader_take(r, n, out, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    json_error_t error;
    json_t *json = json_loadb((const char *)out->data, out->len, JSON_DECODE_ANY, &error);
    if (json == NULL) {
        return err_set(e, ERR_PARSE, "not JSON: %s", error.text);
    }
    json_decref(json);
    *out = record_reader_json_compact(*out);
    return ERR_OK;
}

static enum err_code record_reader_regex(struct record_reader *r, const struct record_regex *regex,
                                         struct bytes *out, struct err *e)
{
    for (;;) {
        size_t len = 0;
        bool more = false;
        const struct bytes left = bytes_of(r->input.data + r->at, record_reader_left(r));
        enum err_code code = record_regex_measure(regex, left, r->ended, &len, &more, e);
        if (code == ERR_OK && !more) {
            return record_reader_take(r, len, out, e);
        }
        if (code == ERR_OK) {
            code = record_reader_fill(r, e);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
}

/* The literal behind a text that ends by itself. As in record_reader_until, the last one may be
 * missing. */
static enum err_code record_reader_after(struct record_reader *r, const struct record_item *next,
                                         struct err *e)
{
    if (next == NULL || next->verb != RECORD_VERB_LITERAL) {
        return ERR_OK;
    }
    enum err_code code = record_reader_want(r, 1, e);
    bool missing = next->next == NULL && record_reader_left(r) == 0;
    return code != ERR_OK || missing ? code : record_reader_literal(r, next->text, e);
}

static int record_reader_hex_digit(uint8_t c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

static enum err_code record_reader_decode_hex(struct bytes *text, struct err *e)
{
    uint8_t *to = (uint8_t *)(uintptr_t)text->data; /* our own copy */
    for (size_t i = 0; i < text->len; i += 2) {
        int high = record_reader_hex_digit(text->data[i]);
        int low = i + 1 < text->len ? record_reader_hex_digit(text->data[i + 1]) : -1;
        if (high < 0 || low < 0) {
            return err_set(e, ERR_PARSE, "not hexadecimal: \"%.*s\"", (int)text->len,
                           (const char *)text->data);
        }
        to[i / 2] = (uint8_t)(high << 4 | low);
    }
    text->len /= 2;
    return ERR_OK;
}

static enum err_code record_reader_decode_base64(struct record_reader *r, struct bytes *text,
                                                 struct err *e)
{
    uint8_t *to = arena_alloc(&r->arena, text->len / 4 * 3 + 3);
    ptrdiff_t n = to != NULL ? base64_decode(text->data, text->len, to) : -1;
    if (n < 0) {
        return err_set(e, ERR_PARSE, "not base64: \"%.*s\"", (int)text->len,
                       (const char *)text->data);
    }
    *text = bytes_of(to, (size_t)n);
    return ERR_OK;
}

static enum err_code record_reader_text(struct record_reader *r, const struct record_item *item,
                                        struct bytes *out, struct err *e)
{
    enum err_code code = ERR_OK;
    const struct record_item *next = item->next;
    if (item->sized) {
        code = record_reader_take(r, r->sizes[item->verb - RECORD_VERB_TOPIC], out, e);
    } else if (item->modifier == RECORD_JSON) {
        code = record_reader_json(r, out, e);
        code = code == ERR_OK ? record_reader_after(r, next, e) : code;
    } else if (item->modifier == RECORD_REGEX) {
        code = record_reader_regex(r, item->regex, out, e);
        code = code == ERR_OK ? record_reader_after(r, next, e) : code;
    } else if (next != NULL && next->verb == RECORD_VERB_LITERAL) {
        code = record_reader_until(r, next->text, next->next == NULL, out, e);
    } else {
        code = record_reader_rest(r, out, e);
    }
    if (code == ERR_OK && item->modifier == RECORD_HEX) {
        code = record_reader_decode_hex(out, e);
    } else if (code == ERR_OK && item->modifier == RECORD_BASE64) {
        code = record_reader_decode_base64(r, out, e);
    }
    return code;
}

/* Digits up to what is none. */
static enum err_code record_reader_ascii(struct record_reader *r, int64_t *out, struct err *e)
{
    char digits[24];
    size_t n = 0;
    for (;;) {
        enum err_code code = record_reader_want(r, 1, e);
        if (code != ERR_OK) {
            return code;
        }
        uint8_t c = record_reader_left(r) > 0 ? r->input.data[r->at] : 0;
        if (c < '0' || c > '9' || n + 1 == sizeof digits) {
            break;
        }
        digits[n++] = (char)c;
        r->at++;
    }
    digits[n] = '\0';
    return text_parse_int64(digits, out)
               ? ERR_OK
               : err_set(e, ERR_PARSE, "expected a number, read \"%s\"", digits);
}

static enum err_code record_reader_hex_number(struct record_reader *r, size_t digits, int64_t *out,
                                              struct err *e)
{
    struct bytes text = bytes_null();
    enum err_code code = record_reader_take(r, digits, &text, e);
    uint64_t v = 0;
    for (size_t i = 0; code == ERR_OK && i < text.len; i++) {
        int digit = record_reader_hex_digit(text.data[i]);
        v = v << 4 | (uint64_t)(digit & 0xf);
        if (digit < 0) {
            code = err_set(e, ERR_PARSE, "expected %zu hexadecimal digits", digits);
        }
    }
    *out = (int64_t)v;
    return code;
}

static enum err_code record_reader_raw_number(struct record_reader *r, size_t size, bool little,
                                              int64_t *out, struct err *e)
{
    struct bytes raw = bytes_null();
    enum err_code code = record_reader_take(r, size, &raw, e);
    uint64_t v = 0;
    for (size_t i = 0; i < raw.len; i++) {
        v = v << 8 | raw.data[little ? raw.len - 1 - i : i];
    }
    *out = (int64_t)v;
    return code;
}

static enum err_code record_reader_bool(struct record_reader *r, int64_t *out, struct err *e)
{
    enum err_code code = record_reader_want(r, 5, e);
    const uint8_t *at = r->input.data + r->at;
    if (code != ERR_OK) {
        return code;
    }
    *out = record_reader_left(r) >= 4 && memcmp(at, "true", 4) == 0 ? 1 : 0;
    if (*out == 0 && (record_reader_left(r) < 5 || memcmp(at, "false", 5) != 0)) {
        return err_set(e, ERR_PARSE, "expected true or false");
    }
    r->at += *out != 0 ? 4 : 5;
    return ERR_OK;
}

static enum err_code record_reader_number(struct record_reader *r, const struct record_item *item,
                                          int64_t *out, struct err *e)
{
    switch (item->modifier) {
    case RECORD_FIXED:
        *out = item->number;
        return ERR_OK;
    case RECORD_HEX64:
        return record_reader_hex_number(r, 16, out, e);
    case RECORD_HEX32:
        return record_reader_hex_number(r, 8, out, e);
    case RECORD_HEX16:
        return record_reader_hex_number(r, 4, out, e);
    case RECORD_HEX8:
        return record_reader_hex_number(r, 2, out, e);
    case RECORD_HEX4:
        return record_reader_hex_number(r, 1, out, e);
    case RECORD_BIG64:
    case RECORD_LITTLE64:
        return record_reader_raw_number(r, 8, item->modifier == RECORD_LITTLE64, out, e);
    case RECORD_BIG32:
    case RECORD_LITTLE32:
        return record_reader_raw_number(r, 4, item->modifier == RECORD_LITTLE32, out, e);
    case RECORD_BIG16:
    case RECORD_LITTLE16:
        return record_reader_raw_number(r, 2, item->modifier == RECORD_LITTLE16, out, e);
    case RECORD_BYTE:
        return record_reader_raw_number(r, 1, false, out, e);
    case RECORD_BOOL:
        return record_reader_bool(r, out, e);
    default:
        return record_reader_ascii(r, out, e);
    }
}

static enum err_code record_reader_items(struct record_reader *r, const struct record_item *items,
                                         struct record_input *out, struct err *e);

/* NOLINTNEXTLINE(misc-no-recursion): headers do not nest */
static enum err_code record_reader_headers(struct record_reader *r, const struct record_item *item,
                                           struct record_input *out, struct err *e)
{
    struct record_text_header *headers =
        arena_alloc_array(&r->arena, r->header_count, sizeof *headers);
    if (headers == NULL) {
        return err_nomem(e, "headers");
    }
    size_t sizes[3];
    memcpy(sizes, r->sizes, sizeof sizes);
    for (size_t i = 0; i < r->header_count; i++) {
        struct record_input one = {.header_count = 0};
        enum err_code code = record_reader_items(r, item->inner, &one, e);
        if (code != ERR_OK) {
            return code;
        }
        headers[i] = (struct record_text_header){one.key, one.value};
    }
    memcpy(r->sizes, sizes, sizeof sizes);
    out->headers = headers;
    out->header_count = r->header_count;
    return ERR_OK;
}

static enum err_code record_reader_keep_number(struct record_reader *r, enum record_verb verb,
                                               int64_t number, struct record_input *out,
                                               struct err *e)
{
    switch (verb) {
    case RECORD_VERB_TOPIC_SIZE:
    case RECORD_VERB_KEY_SIZE:
    case RECORD_VERB_VALUE_SIZE:
        if (number < 0 || (uint64_t)number > r->input.limit_bytes) {
            return err_set(e, ERR_LIMIT, "a size of %" PRId64 " bytes", number);
        }
        r->sizes[verb - RECORD_VERB_TOPIC_SIZE] = (size_t)number;
        return ERR_OK;
    case RECORD_VERB_HEADER_COUNT:
        if (number < 0 || number > RECORD_READER_HEADERS_MAX) {
            return err_set(e, ERR_LIMIT, "%" PRId64 " headers", number);
        }
        r->header_count = (size_t)number;
        return ERR_OK;
    case RECORD_VERB_PARTITION:
        if (number < 0 || number > INT32_MAX) {
            return err_set(e, ERR_PARSE, "partition %" PRId64, number);
        }
        out->partition = (int32_t)number;
        out->has_partition = true;
        return ERR_OK;
    case RECORD_VERB_TIMESTAMP:
        out->timestamp_ms = number;
        out->has_timestamp = true;
        return ERR_OK;
    default:
        return ERR_OK; /* offset, epochs and producer id do not change what is sent */
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): headers do not nest */
static enum err_code record_reader_items(struct record_reader *r, const struct record_item *items,
                                         struct record_input *out, struct err *e)
{
    enum err_code code = ERR_OK;
    for (const struct record_item *item = items; item != NULL && code == ERR_OK;
         item = item->next) {
        int64_t number = 0;
        bool ends_text = false;
        switch (item->verb) {
        case RECORD_VERB_LITERAL:
            code = record_reader_literal(r, item->text, e);
            break;
        case RECORD_VERB_TOPIC:
        case RECORD_VERB_KEY:
        case RECORD_VERB_VALUE:
            code = record_reader_text(r, item,
                                      item->verb == RECORD_VERB_TOPIC ? &out->topic
                                      : item->verb == RECORD_VERB_KEY ? &out->key
                                                                      : &out->value,
                                      e);
            ends_text =
                !item->sized && item->next != NULL && item->next->verb == RECORD_VERB_LITERAL;
            break;
        case RECORD_VERB_HEADERS:
            code = record_reader_headers(r, item, out, e);
            break;
        default:
            code = record_reader_number(r, item, &number, e);
            code = code == ERR_OK ? record_reader_keep_number(r, item->verb, number, out, e) : code;
            break;
        }
        item = ends_text ? item->next : item; /* the literal went with the text */
    }
    return code;
}

enum err_code record_reader_next(struct record_reader *r, struct record_input *out, bool *out_end,
                                 struct err *e)
{
    arena_reset(&r->arena);
    enum err_code code = record_reader_want(r, 1, e);
    if (code != ERR_OK) {
        return code;
    }
    *out_end = record_reader_left(r) == 0;
    if (*out_end) {
        return ERR_OK;
    }
    struct record_input record = {.partition = -1};
    code = record_reader_items(r, r->format->items, &record, e);
    if (code == ERR_OK) {
        *out = record;
    }
    return code;
}
