#include "connect/model/base64.h"

#include <limits.h>

/* OpenSSL's type ERR_STATE and our error code of that name both insist on it. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE

void base64_write(struct bytes data, struct buf *out)
{
    if (data.len > INT_MAX / 2) {
        out->failed = true;
        return;
    }
    /* EVP_EncodeBlock also writes a terminator. */
    uint8_t *at = buf_reserve(out, (data.len + 2) / 3 * 4 + 1);
    if (at != NULL) {
        int len = data.len > 0 ? EVP_EncodeBlock(at, data.data, (int)data.len) : 0;
        buf_commit(out, (size_t)len);
    }
}

void base64_write_json(struct bytes data, struct buf *out)
{
    buf_append_char(out, '"');
    base64_write(data, out);
    buf_append_char(out, '"');
}

enum err_code base64_read(struct arena *a, struct bytes text, struct bytes *out_data, struct err *e)
{
    if (text.len % 4 != 0 || text.len > INT_MAX) {
        return err_set(e, ERR_PARSE, "base64 text of %zu characters", text.len);
    }
    uint8_t *data = arena_alloc(a, text.len / 4 * 3 + 1);
    if (data == NULL) {
        return err_nomem(e, "decode base64");
    }
    int len = text.len > 0 ? EVP_DecodeBlock(data, text.data, (int)text.len) : 0;
    if (len < 0) {
        return err_set(e, ERR_PARSE, "text is not base64");
    }
    /* EVP_DecodeBlock counts the padding as zero bytes. */
    for (size_t i = text.len; i > 0 && text.data[i - 1] == '=' && text.len - i < 2; i--) {
        len--;
    }
    *out_data = bytes_of(data, (size_t)len);
    return ERR_OK;
}
