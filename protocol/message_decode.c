#include <string.h>

#include "common/check.h"
#include "protocol/message.h"

/* The reader and the arena fail stickily, so the walk needs no error branches of its own; it only
 * remembers where the first failure was. */
struct message_decoder {
    struct reader *r;
    struct arena *arena;
    int16_t version;
    bool flexible;
    int depth;
    enum err_code code;
    const char *where; /* name of the struct */
    const char *field;
    const char *reason;
};

static void message_decode_struct(struct message_decoder *d, const struct message_schema *s,
                                  uint8_t *msg);

static void message_decode_fail(struct message_decoder *d, enum err_code code, const char *reason)
{
    if (d->code == ERR_OK) {
        d->code = code;
        d->reason = reason;
    }
    reader_fail(d->r);
}

/* A compact length: 0 is null, else length + 1. A length that does not fit is a failure. */
static int64_t message_decode_compact_length(struct message_decoder *d)
{
    uint64_t raw = reader_uvarint(d->r);
    if (raw > (uint64_t)INT32_MAX + 1) {
        message_decode_fail(d, ERR_PARSE, "length out of range");
        return 0;
    }
    return (int64_t)raw - 1;
}

/* The length of a string, byte field or array: -1 for a null that is allowed, 0 after a failure. */
static int64_t message_decode_length(struct message_decoder *d, const struct message_field *f)
{
    int64_t length = 0;
    if (d->flexible) {
        length = message_decode_compact_length(d);
    } else if (f->type == MESSAGE_STRING && !f->is_array) {
        length = (int16_t)reader_be16(d->r);
    } else {
        length = (int32_t)reader_be32(d->r);
    }
    if (reader_failed(d->r)) {
        return 0;
    }
    if (length == -1 && d->version >= f->null_version) {
        return -1;
    }
    if (length < 0) {
        message_decode_fail(d, ERR_PARSE, length == -1 ? "null is not allowed" : "negative length");
        return 0;
    }
    if (length > f->limit) {
        message_decode_fail(d, ERR_LIMIT, "longer than allowed");
        return 0;
    }
    if ((uint64_t)length > reader_left(d->r)) {
        message_decode_fail(d, ERR_PARSE, "longer than the message");
        return 0;
    }
    return length;
}

static struct bytes message_decode_bytes(struct message_decoder *d, const struct message_field *f)
{
    int64_t length = message_decode_length(d, f);
    return length < 0 ? bytes_null() : reader_bytes(d->r, (size_t)length);
}

static void message_decode_uuid(struct message_decoder *d, struct kafka_uuid *out)
{
    struct bytes raw = reader_bytes(d->r, sizeof out->bytes);
    if (!bytes_is_null(raw)) {
        memcpy(out->bytes, raw.data, sizeof out->bytes);
    }
}

/* One value of the field's type at `at`, which is not a nullable struct. */
/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static void message_decode_value(struct message_decoder *d, const struct message_field *f, void *at)
{
    switch (f->type) {
    case MESSAGE_BOOL:
        *(bool *)at = reader_u8(d->r) != 0;
        break;
    case MESSAGE_INT8:
        *(int8_t *)at = (int8_t)reader_u8(d->r);
        break;
    case MESSAGE_INT16:
        *(int16_t *)at = (int16_t)reader_be16(d->r);
        break;
    case MESSAGE_INT32:
        *(int32_t *)at = (int32_t)reader_be32(d->r);
        break;
    case MESSAGE_INT64:
        *(int64_t *)at = (int64_t)reader_be64(d->r);
        break;
    case MESSAGE_UUID:
        message_decode_uuid(d, at);
        break;
    case MESSAGE_STRING:
    case MESSAGE_BYTES:
        *(struct bytes *)at = message_decode_bytes(d, f);
        break;
    case MESSAGE_RECORDS:
        ((struct kafka_records *)at)->bytes = message_decode_bytes(d, f);
        break;
    case MESSAGE_STRUCT:
        message_decode_struct(d, f->schema, at);
        break;
    }
}

/* An element of an array cannot be null: no Kafka array has nullable elements. */
static struct message_field message_decode_element_field(const struct message_field *f)
{
    struct message_field element = *f;
    element.is_array = false;
    element.null_version = MESSAGE_VERSION_NEVER;
    element.limit = f->type == MESSAGE_STRING ? INT16_MAX : INT32_MAX;
    return element;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static void message_decode_array(struct message_decoder *d, const struct message_field *f,
                                 uint8_t *msg)
{
    /* Every element takes at least a byte, so the count was checked against the bytes left. */
    int64_t count = message_decode_length(d, f);
    int32_t *out_count = (int32_t *)(void *)(msg + f->count_offset);
    *out_count = (int32_t)count;
    if (count <= 0) {
        return;
    }
    uint8_t *items = arena_alloc_array(d->arena, (size_t)count, f->element_size);
    if (items == NULL) {
        *out_count = 0;
        message_decode_fail(d, ERR_LIMIT, "more memory than a request may use");
        return;
    }
    *(void **)(void *)(msg + f->offset) = items;
    struct message_field element = message_decode_element_field(f);
    for (int64_t i = 0; i < count && !reader_failed(d->r); i++) {
        message_decode_value(d, &element, items + (size_t)i * f->element_size);
    }
}

/* A nullable struct: a byte that is negative for null. */
/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static void message_decode_nullable_struct(struct message_decoder *d, const struct message_field *f,
                                           uint8_t *msg)
{
    if ((int8_t)reader_u8(d->r) < 0 || reader_failed(d->r)) {
        return;
    }
    void *child = arena_alloc(d->arena, f->schema->size);
    if (child == NULL) {
        message_decode_fail(d, ERR_LIMIT, "more memory than a request may use");
        return;
    }
    *(void **)(void *)(msg + f->offset) = child;
    message_decode_struct(d, f->schema, child);
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static void message_decode_field(struct message_decoder *d, const struct message_schema *s,
                                 const struct message_field *f, uint8_t *msg)
{
    if (f->is_array) {
        message_decode_array(d, f, msg);
    } else if (f->type == MESSAGE_STRUCT && f->default_null) {
        message_decode_nullable_struct(d, f, msg);
    } else {
        message_decode_value(d, f, msg + f->offset);
    }
    if (reader_failed(d->r) && d->field == NULL) {
        d->where = s->name;
        d->field = f->name;
    }
}

static const struct message_field *message_decode_find_tag(const struct message_decoder *d,
                                                           const struct message_schema *s,
                                                           uint64_t tag)
{
    for (size_t i = 0; i < s->field_count; i++) {
        const struct message_field *f = &s->fields[i];
        if (f->tag >= 0 && (uint64_t)f->tag == tag && d->version >= f->min_version &&
            d->version <= f->max_version) {
            return f;
        }
    }
    return NULL;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static void message_decode_tagged(struct message_decoder *d, const struct message_schema *s,
                                  uint8_t *msg)
{
    uint64_t count = reader_uvarint(d->r);
    for (uint64_t i = 0; i < count && !reader_failed(d->r); i++) {
        uint64_t tag = reader_uvarint(d->r);
        uint64_t size = reader_uvarint(d->r);
        if (size > reader_left(d->r)) {
            message_decode_fail(d, ERR_PARSE, "tagged field longer than the message");
            break;
        }
        const struct message_field *f = message_decode_find_tag(d, s, tag);
        if (f == NULL) {
            reader_skip(d->r, (size_t)size);
            continue;
        }
        /* The field must not read into what follows it. */
        const uint8_t *end = d->r->end;
        d->r->end = d->r->at + size;
        message_decode_field(d, s, f, msg);
        if (!reader_failed(d->r) && reader_left(d->r) != 0) {
            message_decode_fail(d, ERR_PARSE, "tagged field shorter than its size");
        }
        d->r->end = end;
        if (reader_failed(d->r)) {
            reader_fail(d->r);
        }
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static void message_decode_struct(struct message_decoder *d, const struct message_schema *s,
                                  uint8_t *msg)
{
    CHECK(d->depth < MESSAGE_DEPTH_MAX);
    d->depth++;
    message_init(s, msg);
    for (size_t i = 0; i < s->field_count && !reader_failed(d->r); i++) {
        const struct message_field *f = &s->fields[i];
        if (f->tag < 0 && d->version >= f->min_version && d->version <= f->max_version) {
            message_decode_field(d, s, f, msg);
        }
    }
    if (d->flexible && !reader_failed(d->r)) {
        message_decode_tagged(d, s, msg);
    }
    d->depth--;
}

enum err_code message_decode(const struct message_schema *s, int16_t version, struct reader *r,
                             struct arena *a, void *out, struct err *e)
{
    if (version < s->min_version || version > s->max_version) {
        return err_set(e, ERR_UNSUPPORTED, "%s: version %d, known are %d to %d", s->name, version,
                       s->min_version, s->max_version);
    }
    struct message_decoder d = {
        .r = r, .arena = a, .version = version, .flexible = version >= s->flexible_version};
    message_decode_struct(&d, s, out);
    if (!reader_failed(r)) {
        return ERR_OK;
    }
    return err_set(e, d.code != ERR_OK ? d.code : ERR_PARSE, "%s v%d: %s%s%s: %s", s->name, version,
                   d.field != NULL ? d.where : s->name, d.field != NULL ? "." : "",
                   d.field != NULL ? d.field : "", d.reason != NULL ? d.reason : "cut short");
}
