/* A client that speaks structs: any request in any version through the protocol tables, on one
 * connection, one at a time. The test fails when an answer cannot be decoded to its last byte. */
#pragma once

#include <stdint.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/bytes.h"

struct api_client {
    int socket;
    int16_t version; /* spoken, or the last one of a request that has fewer; INT16_MAX = newest */
    struct arena arena; /* of bodies and answers: reset it when it grows */
};

void api_client_open(struct api_client *c, uint16_t port);
void api_client_close(struct api_client *c);
int16_t api_client_version(const struct api_client *c, int16_t key);
/* A request struct with its defaults. */
void *api_client_body(struct api_client *c, int16_t key);
/* The request's frame without its length; the answer of such a frame. For those who send it
 * themselves. */
void api_client_encode(const struct api_client *c, int16_t key, const void *body, struct buf *out);
void *api_client_decode(struct api_client *c, int16_t key, struct bytes frame);
/* Sends and returns the decoded answer. The client id is "api-client". */
void *api_client_call(struct api_client *c, int16_t key, const void *body);
