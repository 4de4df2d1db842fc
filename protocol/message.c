#include "protocol/message.h"

#include <string.h>

#include "common/check.h"

const struct message_api *message_api_find(int16_t key)
{
    for (size_t i = 0; i < message_apis_count; i++) {
        if (message_apis[i].key == key) {
            return &message_apis[i];
        }
    }
    return NULL;
}

void message_splices_init(struct message_splices *s, struct arena *a)
{
    *s = (struct message_splices){.arena = a};
}

static void message_init_int(const struct message_field *f, uint8_t *at)
{
    int64_t v = f->default_value;
    switch (f->type) {
    case MESSAGE_BOOL:
        *(bool *)at = v != 0;
        break;
    case MESSAGE_INT8:
        *(int8_t *)at = (int8_t)v;
        break;
    case MESSAGE_INT16:
        *(int16_t *)(void *)at = (int16_t)v;
        break;
    case MESSAGE_INT32:
        *(int32_t *)(void *)at = (int32_t)v;
        break;
    case MESSAGE_INT64:
        *(int64_t *)(void *)at = v;
        break;
    case MESSAGE_UUID:
    case MESSAGE_STRING:
    case MESSAGE_BYTES:
    case MESSAGE_RECORDS:
    case MESSAGE_STRUCT:
        break;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded, see message_init */
static void message_init_field(const struct message_field *f, uint8_t *msg)
{
    uint8_t *at = msg + f->offset;
    if (f->is_array) {
        *(int32_t *)(void *)(msg + f->count_offset) = f->default_null ? -1 : 0;
        return;
    }
    switch (f->type) {
    case MESSAGE_STRING:
    case MESSAGE_BYTES:
        if (!f->default_null) {
            *(struct bytes *)(void *)at = bytes_of("", 0);
        }
        break;
    case MESSAGE_RECORDS:
        ((struct kafka_records *)(void *)at)->fd = -1;
        break;
    case MESSAGE_STRUCT:
        /* A nullable struct is a pointer, null by default. */
        if (!f->default_null) {
            message_init(f->schema, at);
        }
        break;
    case MESSAGE_BOOL:
    case MESSAGE_INT8:
    case MESSAGE_INT16:
    case MESSAGE_INT32:
    case MESSAGE_INT64:
    case MESSAGE_UUID:
        message_init_int(f, at);
        break;
    }
}

/* Bounded recursion: an inline struct is part of its parent's C struct. */
/* NOLINTNEXTLINE(misc-no-recursion) */
void message_init(const struct message_schema *s, void *msg)
{
    CHECK(msg != NULL);
    memset(msg, 0, s->size);
    for (size_t i = 0; i < s->field_count; i++) {
        message_init_field(&s->fields[i], msg);
    }
}

void *message_alloc_array(const struct message_schema *s, struct arena *a, int32_t count)
{
    CHECK(count >= 0);
    uint8_t *items = arena_alloc_array(a, (size_t)count, s->size);
    for (int32_t i = 0; items != NULL && i < count; i++) {
        message_init(s, items + (size_t)i * s->size);
    }
    return items;
}
