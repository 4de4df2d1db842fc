#include "tests/support/message_fill.h"

#include <string.h>

/* xorshift64: reproducible, and good enough to hit every branch. */
static uint64_t message_fill_next(struct message_fill *f)
{
    f->state ^= f->state << 13;
    f->state ^= f->state >> 7;
    f->state ^= f->state << 17;
    return f->state;
}

static struct bytes message_fill_bytes(struct message_fill *f, const struct message_field *field)
{
    if (f->version >= field->null_version && message_fill_next(f) % 4 == 0) {
        return bytes_null();
    }
    /* Lengths on both sides of a one-byte varint. */
    size_t len = message_fill_next(f) % (message_fill_next(f) % 8 == 0 ? 300 : 12);
    uint8_t *data = arena_alloc(f->arena, len);
    for (size_t i = 0; data != NULL && i < len; i++) {
        data[i] = (uint8_t)('a' + message_fill_next(f) % 26);
    }
    return bytes_of(data, len);
}

/* Sometimes the default itself, which tagged fields leave out. */
static int64_t message_fill_int(struct message_fill *f, const struct message_field *field)
{
    return message_fill_next(f) % 4 == 0 ? field->default_value : (int64_t)message_fill_next(f);
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by the depth of the schema */
static void message_fill_value(struct message_fill *f, const struct message_field *field, void *at)
{
    switch (field->type) {
    case MESSAGE_BOOL:
        *(bool *)at = message_fill_next(f) % 2 == 0;
        break;
    case MESSAGE_INT8:
        *(int8_t *)at = (int8_t)message_fill_int(f, field);
        break;
    case MESSAGE_INT16:
        *(int16_t *)at = (int16_t)message_fill_int(f, field);
        break;
    case MESSAGE_INT32:
        *(int32_t *)at = (int32_t)message_fill_int(f, field);
        break;
    case MESSAGE_INT64:
        *(int64_t *)at = message_fill_int(f, field);
        break;
    case MESSAGE_UUID:
        for (size_t i = 0; i < sizeof(struct kafka_uuid); i++) {
            ((struct kafka_uuid *)at)->bytes[i] = (uint8_t)message_fill_next(f);
        }
        break;
    case MESSAGE_STRING:
    case MESSAGE_BYTES:
        *(struct bytes *)at = message_fill_bytes(f, field);
        break;
    case MESSAGE_RECORDS:
        *(struct kafka_records *)at =
            (struct kafka_records){.bytes = message_fill_bytes(f, field), .fd = -1};
        break;
    case MESSAGE_STRUCT:
        message_fill(f, field->schema, at);
        break;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by the depth of the schema */
static void message_fill_array(struct message_fill *f, const struct message_field *field,
                               uint8_t *msg)
{
    int32_t count = (int32_t)(message_fill_next(f) % 4);
    if (f->version >= field->null_version && message_fill_next(f) % 4 == 0) {
        count = -1;
    }
    if (count > 0) {
        uint8_t *items = arena_alloc_array(f->arena, (size_t)count, field->element_size);
        struct message_field element = *field;
        element.null_version = MESSAGE_VERSION_NEVER;
        for (int32_t i = 0; items != NULL && i < count; i++) {
            message_fill_value(f, &element, items + (size_t)i * field->element_size);
        }
        *(void **)(void *)(msg + field->offset) = items;
    }
    *(int32_t *)(void *)(msg + field->count_offset) = count;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by the depth of the schema */
void message_fill(struct message_fill *f, const struct message_schema *s, void *msg)
{
    message_init(s, msg);
    for (size_t i = 0; i < s->field_count; i++) {
        const struct message_field *field = &s->fields[i];
        uint8_t *at = (uint8_t *)msg + field->offset;
        if (f->version < field->min_version || f->version > field->max_version) {
            continue;
        }
        if (field->is_array) {
            message_fill_array(f, field, msg);
        } else if (field->type == MESSAGE_STRUCT && field->default_null) {
            if (message_fill_next(f) % 2 == 0) {
                void *child = arena_alloc(f->arena, field->schema->size);
                message_fill(f, field->schema, child);
                *(void **)(void *)at = child;
            }
        } else {
            message_fill_value(f, field, at);
        }
    }
}
