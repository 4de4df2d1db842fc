#include <jansson.h>

#include "common/check.h"
#include "protocol/message.h"

/* jansson reports a failed allocation as NULL and its *_new functions take NULL quietly, so a value
 * that could not be built is simply missing from the text. */
static json_t *message_print_struct(const struct message_schema *s, int16_t version,
                                    const uint8_t *msg, int depth);

static json_t *message_print_hex(const uint8_t *data, size_t len)
{
    struct buf hex;
    buf_init(&hex, len * 2);
    for (size_t i = 0; i < len; i++) {
        static const char digits[] = "0123456789abcdef";
        buf_append_char(&hex, digits[data[i] >> 4]);
        buf_append_char(&hex, digits[data[i] & 0xf]);
    }
    const char *text = buf_text(&hex);
    json_t *json = text != NULL ? json_string(text) : NULL;
    buf_deinit(&hex);
    return json;
}

static json_t *message_print_text(struct bytes value)
{
    if (bytes_is_null(value)) {
        return json_null();
    }
    json_t *json = json_stringn((const char *)value.data, value.len);
    /* Not UTF-8: a peer may send anything. */
    return json != NULL ? json : message_print_hex(value.data, value.len);
}

static json_t *message_print_records(const struct kafka_records *records)
{
    if (records->fd >= 0 && bytes_is_null(records->bytes)) {
        return json_pack("{s:I,s:I}", "file_position", (json_int_t)records->file_position, "length",
                         (json_int_t)records->file_length);
    }
    if (bytes_is_null(records->bytes)) {
        return json_null();
    }
    return json_pack("{s:I}", "length", (json_int_t)records->bytes.len);
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static json_t *message_print_value(const struct message_field *f, int16_t version, const void *at,
                                   int depth)
{
    switch (f->type) {
    case MESSAGE_BOOL:
        return json_boolean(*(const bool *)at);
    case MESSAGE_INT8:
        return json_integer(*(const int8_t *)at);
    case MESSAGE_INT16:
        return json_integer(*(const int16_t *)at);
    case MESSAGE_INT32:
        return json_integer(*(const int32_t *)at);
    case MESSAGE_INT64:
        return json_integer(*(const int64_t *)at);
    case MESSAGE_UUID:
        return message_print_hex(((const struct kafka_uuid *)at)->bytes, sizeof(struct kafka_uuid));
    case MESSAGE_STRING:
        return message_print_text(*(const struct bytes *)at);
    case MESSAGE_BYTES: {
        struct bytes value = *(const struct bytes *)at;
        return bytes_is_null(value) ? json_null() : message_print_hex(value.data, value.len);
    }
    case MESSAGE_RECORDS:
        return message_print_records(at);
    case MESSAGE_STRUCT:
        return message_print_struct(f->schema, version, at, depth + 1);
    }
    return NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static json_t *message_print_field(const struct message_field *f, int16_t version,
                                   const uint8_t *msg, int depth)
{
    const void *at = msg + f->offset;
    if (f->is_array) {
        int32_t count = *(const int32_t *)(const void *)(msg + f->count_offset);
        if (count < 0) {
            return json_null();
        }
        const uint8_t *items = *(const uint8_t *const *)at;
        json_t *array = json_array();
        for (int32_t i = 0; i < count; i++) {
            (void)json_array_append_new(
                array, message_print_value(f, version, items + (size_t)i * f->element_size, depth));
        }
        return array;
    }
    if (f->type == MESSAGE_STRUCT && f->default_null) {
        at = *(const void *const *)at;
        if (at == NULL) {
            return json_null();
        }
    }
    return message_print_value(f, version, at, depth);
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static json_t *message_print_struct(const struct message_schema *s, int16_t version,
                                    const uint8_t *msg, int depth)
{
    CHECK(depth < MESSAGE_DEPTH_MAX);
    json_t *object = json_object();
    for (size_t i = 0; i < s->field_count; i++) {
        const struct message_field *f = &s->fields[i];
        if (version >= f->min_version && version <= f->max_version) {
            (void)json_object_set_new(object, f->name, message_print_field(f, version, msg, depth));
        }
    }
    return object;
}

static int message_print_append(const char *text, size_t len, void *out)
{
    buf_append(out, text, len);
    return 0;
}

void message_print(const struct message_schema *s, int16_t version, const void *msg,
                   struct buf *out)
{
    json_t *json = message_print_struct(s, version, msg, 0);
    if (json == NULL || json_dump_callback(json, message_print_append, out, JSON_COMPACT) != 0) {
        out->failed = true;
    }
    json_decref(json);
}
