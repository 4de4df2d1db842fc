#include <inttypes.h>
#include <string.h>

#include "cli/base64.h"
#include "cli/go_time.h"
#include "cli/record_format.h"
#include "common/check.h"

static void record_write_hex(uint64_t v, int digits, struct buf *out)
{
    for (int i = digits - 1; i >= 0; i--) {
        buf_append_char(out, "0123456789abcdef"[v >> (4 * i) & 0xf]);
    }
}

static void record_write_raw(uint64_t v, int size, bool little, struct buf *out)
{
    for (int i = 0; i < size; i++) {
        int shift = 8 * (little ? i : size - 1 - i);
        buf_append_u8(out, (uint8_t)(v >> shift));
    }
}

/* How many digits or bytes a number modifier writes; 0: see below. */
static const struct {
    uint8_t hex_digits;
    uint8_t big_bytes;
    uint8_t little_bytes;
} record_number_forms[] = {
    [RECORD_HEX64] = {16, 0, 0},   [RECORD_HEX32] = {8, 0, 0},    [RECORD_HEX16] = {4, 0, 0},
    [RECORD_HEX8] = {2, 0, 0},     [RECORD_HEX4] = {1, 0, 0},     [RECORD_BIG64] = {0, 8, 0},
    [RECORD_BIG32] = {0, 4, 0},    [RECORD_BIG16] = {0, 2, 0},    [RECORD_BYTE] = {0, 1, 0},
    [RECORD_LITTLE64] = {0, 0, 8}, [RECORD_LITTLE32] = {0, 0, 4}, [RECORD_LITTLE16] = {0, 0, 2},
    [RECORD_STRFTIME] = {0, 0, 0},
};

static void record_write_number(const struct record_item *item, int64_t n, struct buf *out)
{
    if (record_number_forms[item->modifier].hex_digits > 0) {
        record_write_hex((uint64_t)n, record_number_forms[item->modifier].hex_digits, out);
    } else if (record_number_forms[item->modifier].big_bytes > 0) {
        record_write_raw((uint64_t)n, record_number_forms[item->modifier].big_bytes, false, out);
    } else if (record_number_forms[item->modifier].little_bytes > 0) {
        record_write_raw((uint64_t)n, record_number_forms[item->modifier].little_bytes, true, out);
    } else if (item->modifier == RECORD_HEX) {
        buf_printf(out, "%" PRIx64, (uint64_t)n);
    } else if (item->modifier == RECORD_BOOL) {
        buf_append_text(out, n != 0 ? "true" : "false");
    } else if (item->modifier == RECORD_GO_TIME) {
        go_time_format((const char *)item->text.data, n, out);
    } else if (item->modifier == RECORD_STRFTIME) {
        go_time_strftime((const char *)item->text.data, n, out);
    } else {
        buf_printf(out, "%" PRId64, n);
    }
}

static void record_write_base64(struct bytes text, bool padded, struct buf *out)
{
    /* In pieces of whole triples, so that the pieces join. */
    const size_t step = 3072;
    uint8_t piece[4096 + 1];
    for (size_t at = 0; at < text.len; at += step) {
        size_t n = text.len - at < step ? text.len - at : step;
        size_t made = base64_encode(text.data + at, n, piece);
        while (!padded && made > 0 && piece[made - 1] == '=') {
            made--;
        }
        buf_append(out, piece, made);
    }
}

/* One number of an unpack layout; returns the bytes used. */
static size_t record_write_unpack_number(char c, bool little, struct bytes in, struct buf *out)
{
    static const char kinds[] = "bBhHiIqQ";
    const char *kind = strchr(kinds, c);
    CHECK(kind != NULL && c != '\0');
    size_t index = (size_t)(kind - kinds);
    size_t size = (size_t)1 << index / 2;
    CHECK(size >= 1 && size <= sizeof(uint64_t));
    if (in.len < size) {
        buf_printf(out, "%%!%c(have %zu bytes, need %zu)", c, in.len, size);
        return in.len;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < size; i++) {
        v = v << 8 | in.data[little ? size - 1 - i : i];
    }
    if (index % 2 != 0) {
        buf_printf(out, "%" PRIu64, v);
    } else {
        unsigned unused = (unsigned)(64 - 8 * size);
        buf_printf(out, "%" PRId64, (int64_t)(v << unused) >> unused);
    }
    return size;
}

static void record_write_unpack(const char *layout, struct bytes in, struct buf *out)
{
    bool little = true;
    for (; *layout != '\0'; layout++) {
        size_t used = 0;
        switch (*layout) {
        case 'x':
            break;
        case '<':
        case '>':
            little = *layout == '<';
            break;
        case 'c':
        case '.':
            used = in.len > 0 ? 1 : 0;
            buf_append(out, in.data, used);
            buf_append_text(out, used == 0 ? "%!c(no bytes available)" : "");
            break;
        case 's':
            used = in.len;
            buf_append_bytes(out, in);
            break;
        case '$':
            buf_append_text(out, in.len > 0 ? "%!$(not end-of-input)" : "");
            break;
        default:
            used = record_write_unpack_number(*layout, little, in, out);
            break;
        }
        in = bytes_of(in.data + used, in.len - used);
    }
}

static void record_write_text(const struct record_item *item, struct bytes text, struct buf *out)
{
    switch (item->modifier) {
    case RECORD_HEX:
        for (size_t i = 0; i < text.len; i++) {
            record_write_hex(text.data[i], 2, out);
        }
        break;
    case RECORD_BASE64:
        record_write_base64(text, true, out);
        break;
    case RECORD_BASE64_RAW:
        record_write_base64(text, false, out);
        break;
    case RECORD_UNPACK:
        record_write_unpack((const char *)item->text.data,
                            bytes_of(text.data != NULL ? text.data : (const uint8_t *)"", text.len),
                            out);
        break;
    default:
        buf_append_bytes(out, text);
        break;
    }
}

static int64_t record_number_of(struct record_format *f, enum record_verb verb,
                                const struct record_view *r)
{
    switch (verb) {
    case RECORD_VERB_TOPIC_SIZE:
        return (int64_t)r->topic.len;
    case RECORD_VERB_KEY_SIZE:
        return (int64_t)r->key.len;
    case RECORD_VERB_VALUE_SIZE:
        return (int64_t)r->value.len;
    case RECORD_VERB_HEADER_COUNT:
        return (int64_t)r->header_count;
    case RECORD_VERB_PARTITION:
        return r->partition;
    case RECORD_VERB_OFFSET:
        return r->offset;
    case RECORD_VERB_LEADER_EPOCH:
        return r->leader_epoch;
    case RECORD_VERB_TIMESTAMP:
        return r->timestamp_ms;
    case RECORD_VERB_PRODUCER_ID:
        return r->producer_id;
    case RECORD_VERB_PRODUCER_EPOCH:
        return r->producer_epoch;
    case RECORD_VERB_COUNTER:
        return ++f->counter;
    case RECORD_VERB_LOG_START:
        return r->log_start;
    case RECORD_VERB_LAST_STABLE:
        return r->last_stable;
    case RECORD_VERB_HIGH_WATERMARK:
        return r->high_watermark;
    case RECORD_VERB_COMPRESSION:
        return r->compression_id;
    case RECORD_VERB_TIMESTAMP_TYPE:
        return r->timestamp_type;
    case RECORD_VERB_TRANSACTIONAL:
        return r->transactional ? 1 : 0;
    case RECORD_VERB_CONTROL:
        return r->control ? 1 : 0;
    case RECORD_VERB_LITERAL:
    case RECORD_VERB_TOPIC:
    case RECORD_VERB_KEY:
    case RECORD_VERB_VALUE:
    case RECORD_VERB_HEADERS:
        break;
    }
    return 0;
}

static void record_write_items(struct record_format *f, const struct record_item *items,
                               const struct record_view *r, struct buf *out);

/* NOLINTNEXTLINE(misc-no-recursion): headers do not nest */
static void record_write_headers(struct record_format *f, const struct record_item *item,
                                 const struct record_view *r, struct buf *out)
{
    for (size_t i = 0; i < r->header_count; i++) {
        const struct record_view header = {.key = r->headers[i].key, .value = r->headers[i].value};
        record_write_items(f, item->inner, &header, out);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): headers do not nest */
static void record_write_items(struct record_format *f, const struct record_item *items,
                               const struct record_view *r, struct buf *out)
{
    for (const struct record_item *item = items; item != NULL; item = item->next) {
        switch (item->verb) {
        case RECORD_VERB_LITERAL:
            buf_append_bytes(out, item->text);
            break;
        case RECORD_VERB_TOPIC:
            record_write_text(item, r->topic, out);
            break;
        case RECORD_VERB_KEY:
            record_write_text(item, r->key, out);
            break;
        case RECORD_VERB_VALUE:
            record_write_text(item, r->value, out);
            break;
        case RECORD_VERB_HEADERS:
            record_write_headers(f, item, r, out);
            break;
        case RECORD_VERB_COMPRESSION:
            if (item->modifier == RECORD_PLAIN) {
                buf_append_text(out, r->compression != NULL ? r->compression : "none");
                break;
            }
            record_write_number(item, r->compression_id, out);
            break;
        default:
            record_write_number(item, record_number_of(f, item->verb, r), out);
            break;
        }
    }
}

void record_format_write(struct record_format *f, const struct record_view *r, struct buf *out)
{
    record_write_items(f, f->items, r, out);
}
