/*
 * What stands in front of every request and response body. Request headers have three versions:
 * v1 is key, version, correlation id and client id (an int16 string in every version), v2 adds
 * tagged fields and belongs to flexible API versions. v0 was used by ControlledShutdown alone and
 * is not read. A response header is the correlation id, with tagged fields for flexible versions,
 * except that ApiVersions always answers with the bare one: a client asks it before it knows
 * what the broker speaks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"
#include "common/reader.h"
#include "protocol/message.h"

struct request_header {
    int16_t api_key;
    int16_t api_version;
    int32_t correlation_id;
    struct bytes client_id;        /* borrowed from the frame, or null */
    const struct message_api *api; /* NULL with ERR_UNSUPPORTED for an unknown key */
    /* ApiVersions in a version that we do not have: ignore the body and answer error 35 in version
     * 0, so that the client can step down. The only unknown version that is not an error. */
    bool api_versions_too_new;
};

/* Reads the header and leaves the reader at the body. PARSE: malformed; UNSUPPORTED: unknown key or
 * version, for which a broker closes the connection (key, version and correlation id are set).
 */
enum err_code request_header_decode(struct reader *r, struct request_header *out,
                                    struct err *e) ERR_MUST_CHECK;

/* The client's side: for tests and tools that speak to a broker on a raw socket. */
void request_header_encode(const struct request_header *h, struct buf *out);

/* The response header that belongs to this request. */
void request_header_encode_response(const struct request_header *h, struct buf *out);
/* Reads a response header for a request of this key and version. */
enum err_code request_header_decode_response(const struct request_header *h, struct reader *r,
                                             int32_t *out_correlation_id,
                                             struct err *e) ERR_MUST_CHECK;
