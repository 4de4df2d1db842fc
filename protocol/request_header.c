#include "protocol/request_header.h"

#include "protocol/generated/messages.h"

static bool request_header_is_flexible(const struct request_header *h)
{
    return h->api != NULL && h->api_version >= h->api->flexible_version;
}

/* No tag is defined in either header: all are skipped. */
static void request_header_skip_tags(struct reader *r)
{
    uint64_t count = reader_uvarint(r);
    for (uint64_t i = 0; i < count && !reader_failed(r); i++) {
        (void)reader_uvarint(r);
        uint64_t size = reader_uvarint(r);
        if (size > reader_left(r)) {
            reader_fail(r);
            return;
        }
        reader_skip(r, (size_t)size);
    }
}

static struct bytes request_header_read_client_id(struct reader *r)
{
    int16_t len = (int16_t)reader_be16(r);
    if (len == -1) {
        return bytes_null();
    }
    if (len < 0) {
        reader_fail(r);
        return bytes_null();
    }
    return reader_bytes(r, (size_t)len);
}

enum err_code request_header_decode(struct reader *r, struct request_header *out, struct err *e)
{
    struct request_header h = {.api_key = (int16_t)reader_be16(r)};
    h.api_version = (int16_t)reader_be16(r);
    h.correlation_id = (int32_t)reader_be32(r);
    if (reader_failed(r)) {
        return err_set(e, ERR_PARSE, "request header: shorter than 8 bytes");
    }
    h.api = message_api_find(h.api_key);
    if (h.api == NULL) {
        *out = h;
        return err_set(e, ERR_UNSUPPORTED, "request with unknown API key %d", h.api_key);
    }
    bool known = h.api_version >= h.api->min_version && h.api_version <= h.api->max_version;
    h.api_versions_too_new = h.api_key == KAFKA_API_API_VERSIONS && !known;
    if (!known && !h.api_versions_too_new) {
        *out = h;
        return err_set(e, ERR_UNSUPPORTED, "%s request in version %d, known are %d to %d",
                       h.api->name, h.api_version, h.api->min_version, h.api->max_version);
    }
    h.client_id = request_header_read_client_id(r);
    /* A future ApiVersions may have a header that we cannot read; nothing after this matters. */
    if (request_header_is_flexible(&h) && !h.api_versions_too_new) {
        request_header_skip_tags(r);
    }
    if (reader_failed(r)) {
        return err_set(e, ERR_PARSE, "%s request header: malformed client id or tagged fields",
                       h.api->name);
    }
    *out = h;
    return ERR_OK;
}

void request_header_encode(const struct request_header *h, struct buf *out)
{
    buf_append_be16(out, (uint16_t)h->api_key);
    buf_append_be16(out, (uint16_t)h->api_version);
    buf_append_be32(out, (uint32_t)h->correlation_id);
    if (bytes_is_null(h->client_id)) {
        buf_append_be16(out, UINT16_MAX);
    } else {
        buf_append_be16(out, (uint16_t)h->client_id.len);
        buf_append_bytes(out, h->client_id);
    }
    if (request_header_is_flexible(h)) {
        buf_append_u8(out, 0);
    }
}

void request_header_encode_response(const struct request_header *h, struct buf *out)
{
    buf_append_be32(out, (uint32_t)h->correlation_id);
    if (request_header_is_flexible(h) && h->api_key != KAFKA_API_API_VERSIONS) {
        buf_append_u8(out, 0);
    }
}

enum err_code request_header_decode_response(const struct request_header *h, struct reader *r,
                                             int32_t *out_correlation_id, struct err *e)
{
    uint32_t correlation_id = reader_be32(r);
    if (request_header_is_flexible(h) && h->api_key != KAFKA_API_API_VERSIONS) {
        request_header_skip_tags(r);
    }
    if (reader_failed(r)) {
        return err_set(e, ERR_PARSE, "response header: malformed");
    }
    *out_correlation_id = (int32_t)correlation_id;
    return ERR_OK;
}
