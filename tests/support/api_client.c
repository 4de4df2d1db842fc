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

static void api_client_send(const struct api_client *c, const struct request_header *header,
                            const void *body)
{
    struct err e = {0};
    struct buf frame;
    buf_init(&frame, 1 << 20);
    request_header_encode(header, &frame);
    if (message_encode(header->api->request, header->api_version, body, &frame, NULL, &e) !=
        ERR_OK) {
        fail_msg("%s v%d: %s", header->api->name, header->api_version, e.text);
    }
    assert_true(raw_client_send_frame(c->socket, buf_bytes(&frame)));
    buf_deinit(&frame);
}

void *api_client_call(struct api_client *c, int16_t key, const void *body)
{
    const struct message_api *api = message_api_find(key);
    struct request_header header = {.api_key = key,
                                    .api_version = api_client_version(c, key),
                                    .correlation_id = 4711,
                                    .client_id = bytes_of_text("api-client"),
                                    .api = api};
    api_client_send(c, &header, body);
    struct buf frame;
    buf_init(&frame, 1 << 20);
    assert_true(raw_client_read_frame(c->socket, &frame));
    uint8_t *copy = arena_alloc(&c->arena, frame.len);
    assert_non_null(copy);
    memcpy(copy, frame.data, frame.len);
    struct reader r;
    struct err e = {0};
    int32_t correlation_id = 0;
    reader_init(&r, bytes_of(copy, frame.len));
    buf_deinit(&frame);
    assert_int_equal(request_header_decode_response(&header, &r, &correlation_id, &e), ERR_OK);
    assert_int_equal(correlation_id, 4711);
    void *answer = arena_alloc(&c->arena, api->response->size);
    assert_non_null(answer);
    if (message_decode(api->response, header.api_version, &r, &c->arena, answer, &e) != ERR_OK) {
        fail_msg("%s v%d: %s", api->name, header.api_version, e.text);
    }
    assert_int_equal(reader_left(&r), 0);
    return answer;
}
