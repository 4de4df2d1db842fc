#include "serde/confluent_frame.h"

#include "common/buf.h"
#include "common/reader.h"

void confluent_frame_write(struct buf *b, int32_t schema_id)
{
    buf_append_u8(b, 0);
    buf_append_be32(b, (uint32_t)schema_id);
}

enum err_code confluent_frame_read(struct bytes message, int32_t *out_schema_id,
                                   struct bytes *out_payload, struct err *e)
{
    struct reader r;
    reader_init(&r, message);
    uint8_t magic = reader_u8(&r);
    uint32_t id = reader_be32(&r);
    if (reader_failed(&r)) {
        return err_set(e, ERR_PARSE, "message of %zu bytes is too short for a schema id",
                       message.len);
    }
    if (magic != 0) {
        return err_set(e, ERR_PARSE, "unknown magic byte %u before the schema id", magic);
    }
    *out_schema_id = (int32_t)id;
    *out_payload = reader_bytes(&r, reader_left(&r));
    return ERR_OK;
}
