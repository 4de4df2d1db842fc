#include "tests/support/api_client.h"

#include <string.h>

#include "common/buf.h"
#include "common/reader.h"
#include "protocol/message.h"
#include "protocol/request_header.h"
#include "tests/support/raw_client.h"
#include "tests/support/test.h"

void api_client_open(struct api_client *c, uint16_t port)
{
    c->socket = raw_client_connect(port);
    c->version = INT16_MAX;
    arena_init(&c->arena, 1 << 20);
}

void api_client_close(struct api_client *c)
{
    raw_client_close(c->socket);
    arena_deinit(&c->arena);
}

int16_t api_client_version(const struct api_client *c, int16_t key)
{
    const struct message_api *api = message_api_find(key);
    assert_non_null(api);
    return c->version < api->max_version ? c->version : api->max_version;
}

void *api_client_body(struct api_client *c, int16_t key)
{
    const struct message_schema *schema = message_api_find(key)->request;
    void *body = arena_alloc(&c->arena, schema->size);
    assert_non_null(body);
    message_init(schema, body);
    return body;
}

static struct request_header api_client_header(const struct api_client *c, int16_t key)
{
    return (struct request_header){.api_key = key,
                                   .api_version = api_client_version(c, key),
                                   .correlation_id = 4711,
                                   .client_id = bytes_of_text("api-client"),
                                   .api = message_api_find(key)};
}

void api_client_encode(const struct api_client *c, int16_t key, const void *body, struct buf *out)
{
    struct err e = {0};
    struct request_header header = api_client_header(c, key);
    request_header_encode(&header, out);
    if (message_encode(header.api->request, header.api_version, body, out, NULL, &e) != ERR_OK) {
        fail_msg("%s v%d: %s", header.api->name, header.api_version, e.text);
    }
    assert_false(buf_failed(out));
}

void *api_client_decode(struct api_client *c, int16_t key, struct bytes frame)
{
    struct reader r;
    struct err e = {0};
    struct request_header header = api_client_header(c, key);
    int32_t correlation_id = 0;
    uint8_t *copy = arena_alloc(&c->arena, frame.len);
    void *answer = arena_alloc(&c->arena, header.api->response->size);
    assert_non_null(copy);
    assert_non_null(answer);
    memcpy(copy, frame.data, frame.len);
    reader_init(&r, bytes_of(copy, frame.len));
    assert_int_equal(request_header_decode_response(&header, &r, &correlation_id, &e), ERR_OK);
    assert_int_equal(correlation_id, header.correlation_id);
    if (message_decode(header.api->response, header.api_version, &r, &c->arena, answer, &e) !=
        ERR_OK) {
        fail_msg("%s v%d: %s", header.api->name, header.api_version, e.text);
    }
    assert_int_equal(reader_left(&r), 0);
    return answer;
}

void *api_client_call(struct api_client *c, int16_t key, const void *body)
{
    struct buf frame;
    buf_init(&frame, 1 << 20);
    api_client_encode(c, key, body, &frame);
    assert_true(raw_client_send_frame(c->socket, buf_bytes(&frame)));
    buf_clear(&frame);
    assert_true(raw_client_read_frame(c->socket, &frame));
    void *answer = api_client_decode(c, key, buf_bytes(&frame));
    buf_deinit(&frame);
    return answer;
}
