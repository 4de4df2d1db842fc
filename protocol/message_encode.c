#include <string.h>

#include "common/check.h"
#include "protocol/message.h"

/* Counts what it writes; with buf NULL it only counts. */
struct message_writer {
    struct buf *buf;
    size_t size;
    struct message_splices *splices;
    int16_t version;
    bool flexible;
    int depth;
    const char *field; /* of the first failure */
    const char *reason;
};

static void message_write_struct(struct message_writer *w, const struct message_schema *s,
                                 const uint8_t *msg);

static void message_write_fail(struct message_writer *w, const char *field, const char *reason)
{
    if (w->reason == NULL) {
        w->field = field;
        w->reason = reason;
    }
}

static void message_write_raw(struct message_writer *w, const void *data, size_t len)
{
    w->size += len;
    if (w->buf != NULL) {
        buf_append(w->buf, data, len);
    }
}

/* The low n bytes of v, big-endian. */
static void message_write_int(struct message_writer *w, uint64_t v, size_t n)
{
    uint8_t raw[8];
    for (size_t i = 0; i < n; i++) {
        raw[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
    }
    message_write_raw(w, raw, n);
}

static void message_write_uvarint(struct message_writer *w, uint64_t v)
{
    for (uint64_t left = v; left >= 0x80; left >>= 7) {
        w->size++;
    }
    w->size++;
    if (w->buf != NULL) {
        buf_append_uvarint(w->buf, v);
    }
}

/* Null, or a length; null becomes empty where this version has no null. */
static void message_write_length(struct message_writer *w, const struct message_field *f,
                                 bool is_null, size_t length)
{
    bool null = is_null && w->version >= f->null_version;
    if (w->flexible) {
        message_write_uvarint(w, null ? 0 : (uint64_t)length + 1);
    } else if (f->type == MESSAGE_STRING && !f->is_array) {
        message_write_int(w, null ? UINT16_MAX : length, 2);
    } else {
        message_write_int(w, null ? UINT32_MAX : length, 4);
    }
}

static void message_write_bytes(struct message_writer *w, const struct message_field *f,
                                struct bytes value)
{
    size_t limit = f->type == MESSAGE_STRING ? INT16_MAX : INT32_MAX;
    if (value.len > limit) {
        message_write_fail(w, f->name, "longer than the protocol allows");
        return;
    }
    message_write_length(w, f, bytes_is_null(value), value.len);
    message_write_raw(w, value.data, value.len);
}

static void message_write_splice(struct message_writer *w, const struct message_field *f,
                                 const struct kafka_records *records)
{
    w->size += (size_t)records->file_length;
    if (w->buf == NULL) {
        return;
    }
    struct message_splices *s = w->splices;
    if (s == NULL) {
        message_write_fail(w, f->name, "records in a file, but no splice list");
        return;
    }
    if (s->count == s->capacity) {
        size_t capacity = s->capacity > 0 ? s->capacity * 2 : 16;
        struct message_splice *items = arena_alloc_array(s->arena, capacity, sizeof *items);
        if (items == NULL) {
            message_write_fail(w, f->name, "no memory for the splice list");
            return;
        }
        if (s->count > 0) {
            memcpy(items, s->items, s->count * sizeof *items);
        }
        s->items = items;
        s->capacity = capacity;
    }
    s->items[s->count++] = (struct message_splice){.position = w->buf->len, .records = *records};
}

static void message_write_records(struct message_writer *w, const struct message_field *f,
                                  const struct kafka_records *records)
{
    bool in_file = records->fd >= 0 && bytes_is_null(records->bytes);
    if (!in_file) {
        message_write_bytes(w, f, records->bytes);
        return;
    }
    CHECK(records->file_length >= 0);
    message_write_length(w, f, false, (size_t)records->file_length);
    if (records->file_length > 0) {
        message_write_splice(w, f, records);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static void message_write_value(struct message_writer *w, const struct message_field *f,
                                const void *at)
{
    switch (f->type) {
    case MESSAGE_BOOL:
        message_write_int(w, *(const bool *)at ? 1 : 0, 1);
        break;
    case MESSAGE_INT8:
        message_write_int(w, (uint64_t) * (const int8_t *)at, 1);
        break;
    case MESSAGE_INT16:
        message_write_int(w, (uint64_t) * (const int16_t *)at, 2);
        break;
    case MESSAGE_INT32:
        message_write_int(w, (uint64_t) * (const int32_t *)at, 4);
        break;
    case MESSAGE_INT64:
        message_write_int(w, (uint64_t) * (const int64_t *)at, 8);
        break;
    case MESSAGE_UUID:
        message_write_raw(w, ((const struct kafka_uuid *)at)->bytes, sizeof(struct kafka_uuid));
        break;
    case MESSAGE_STRING:
    case MESSAGE_BYTES:
        message_write_bytes(w, f, *(const struct bytes *)at);
        break;
    case MESSAGE_RECORDS:
        message_write_records(w, f, at);
        break;
    case MESSAGE_STRUCT:
        message_write_struct(w, f->schema, at);
        break;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static void message_write_array(struct message_writer *w, const struct message_field *f,
                                const uint8_t *msg)
{
    int32_t count = *(const int32_t *)(const void *)(msg + f->count_offset);
    const uint8_t *items = *(const uint8_t *const *)(const void *)(msg + f->offset);
    message_write_length(w, f, count < 0, count < 0 ? 0 : (size_t)count);
    struct message_field element = *f;
    element.is_array = false;
    element.null_version = MESSAGE_VERSION_NEVER;
    for (int32_t i = 0; i < count; i++) {
        message_write_value(w, &element, items + (size_t)i * f->element_size);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static void message_write_field(struct message_writer *w, const struct message_field *f,
                                const uint8_t *msg)
{
    if (f->is_array) {
        message_write_array(w, f, msg);
    } else if (f->type == MESSAGE_STRUCT && f->default_null) {
        const uint8_t *child = *(const uint8_t *const *)(const void *)(msg + f->offset);
        message_write_int(w, child == NULL ? UINT8_MAX : 1, 1);
        if (child != NULL) {
            message_write_struct(w, f->schema, child);
        }
    } else {
        message_write_value(w, f, msg + f->offset);
    }
}

static bool message_value_is_default(const struct message_field *f, const void *at)
{
    switch (f->type) {
    case MESSAGE_BOOL:
        return *(const bool *)at == (f->default_value != 0);
    case MESSAGE_INT8:
        return *(const int8_t *)at == f->default_value;
    case MESSAGE_INT16:
        return *(const int16_t *)at == f->default_value;
    case MESSAGE_INT32:
        return *(const int32_t *)at == f->default_value;
    case MESSAGE_INT64:
        return *(const int64_t *)at == f->default_value;
    case MESSAGE_UUID: {
        static const struct kafka_uuid none;
        return memcmp(at, &none, sizeof none) == 0;
    }
    case MESSAGE_STRING:
    case MESSAGE_BYTES:
        return f->default_null ? bytes_is_null(*(const struct bytes *)at)
                               : ((const struct bytes *)at)->len == 0;
    case MESSAGE_RECORDS:
    case MESSAGE_STRUCT:
        return false;
    }
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by the depth of the schema */
static bool message_field_is_default(const struct message_field *f, const uint8_t *msg)
{
    const uint8_t *at = msg + f->offset;
    if (f->is_array) {
        int32_t count = *(const int32_t *)(const void *)(msg + f->count_offset);
        return f->default_null ? count < 0 : count <= 0;
    }
    if (f->type != MESSAGE_STRUCT) {
        return message_value_is_default(f, at);
    }
    if (f->default_null) {
        return *(const void *const *)(const void *)at == NULL;
    }
    for (size_t i = 0; i < f->schema->field_count; i++) {
        if (!message_field_is_default(&f->schema->fields[i], at)) {
            return false;
        }
    }
    return true;
}

static bool message_field_is_tagged_now(const struct message_writer *w,
                                        const struct message_field *f, const uint8_t *msg)
{
    return f->tag >= 0 && w->version >= f->min_version && w->version <= f->max_version &&
           !message_field_is_default(f, msg);
}

/* Only what differs from its default is sent, each with its size in front. */
/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static void message_write_tagged(struct message_writer *w, const struct message_schema *s,
                                 const uint8_t *msg)
{
    uint64_t count = 0;
    for (size_t i = 0; i < s->field_count; i++) {
        count += message_field_is_tagged_now(w, &s->fields[i], msg) ? 1 : 0;
    }
    message_write_uvarint(w, count);
    for (size_t i = 0; i < s->field_count && count > 0; i++) {
        const struct message_field *f = &s->fields[i];
        if (!message_field_is_tagged_now(w, f, msg)) {
            continue;
        }
        struct message_writer counter = *w;
        counter.buf = NULL;
        counter.size = 0;
        message_write_field(&counter, f, msg);
        message_write_uvarint(w, (uint64_t)f->tag);
        message_write_uvarint(w, counter.size);
        message_write_field(w, f, msg);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by MESSAGE_DEPTH_MAX */
static void message_write_struct(struct message_writer *w, const struct message_schema *s,
                                 const uint8_t *msg)
{
    CHECK(w->depth < MESSAGE_DEPTH_MAX);
    w->depth++;
    for (size_t i = 0; i < s->field_count; i++) {
        const struct message_field *f = &s->fields[i];
        if (f->tag < 0 && w->version >= f->min_version && w->version <= f->max_version) {
            message_write_field(w, f, msg);
        }
    }
    if (w->flexible) {
        message_write_tagged(w, s, msg);
    }
    w->depth--;
}

enum err_code message_encode(const struct message_schema *s, int16_t version, const void *msg,
                             struct buf *out, struct message_splices *splices, struct err *e)
{
    if (version < s->min_version || version > s->max_version) {
        return err_set(e, ERR_UNSUPPORTED, "%s: version %d, known are %d to %d", s->name, version,
                       s->min_version, s->max_version);
    }
    struct message_writer w = {.buf = out,
                               .splices = splices,
                               .version = version,
                               .flexible = version >= s->flexible_version};
    message_write_struct(&w, s, msg);
    if (w.reason != NULL) {
        return err_set(e, ERR_LIMIT, "%s v%d: %s: %s", s->name, version, w.field, w.reason);
    }
    return buf_check(out, s->name, e);
}

size_t message_size(const struct message_schema *s, int16_t version, const void *msg)
{
    struct message_writer w = {.version = version, .flexible = version >= s->flexible_version};
    message_write_struct(&w, s, msg);
    return w.size;
}
