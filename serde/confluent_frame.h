/* The five bytes in front of a serialized message: 00 and the schema's id, big-endian. Pure. */
#pragma once

#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

struct buf;

#define CONFLUENT_FRAME_BYTES 5

void confluent_frame_write(struct buf *b, int32_t schema_id);
/* ERR_PARSE when message has no such prefix. *out_payload is borrowed from message. */
enum err_code confluent_frame_read(struct bytes message, int32_t *out_schema_id,
                                   struct bytes *out_payload, struct err *e);
