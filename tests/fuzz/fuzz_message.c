/* First byte: which message; second: which version; the rest is its body. What decodes must encode
 * to something that decodes to the same. */
#include <stddef.h>
#include <stdint.h>

#include "common/check.h"
#include "protocol/message.h"

#define LIMIT_BYTES ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_again(const struct message_schema *s, int16_t version, const void *msg,
                       struct arena *arena)
{
    struct buf first;
    struct buf second;
    buf_init(&first, LIMIT_BYTES);
    buf_init(&second, LIMIT_BYTES);
    if (message_encode(s, version, msg, &first, NULL, NULL) == ERR_OK) {
        CHECK(message_size(s, version, msg) == first.len);
        struct reader r;
        reader_init(&r, buf_bytes(&first));
        void *again = arena_alloc(arena, s->size);
        if (again != NULL && message_decode(s, version, &r, arena, again, NULL) == ERR_OK) {
            CHECK(reader_left(&r) == 0);
            CHECK(message_encode(s, version, again, &second, NULL, NULL) == ERR_OK);
            CHECK(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
        }
    }
    buf_clear(&second);
    message_print(s, version, msg, &second);
    buf_deinit(&first);
    buf_deinit(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const struct message_schema *s = message_schemas[data[0] % message_schemas_count];
    int versions = s->max_version - s->min_version + 1;
    int16_t version = (int16_t)(s->min_version + data[1] % versions);
    struct arena arena;
    arena_init(&arena, LIMIT_BYTES);
    struct reader r;
    reader_init(&r, bytes_of(data + 2, size - 2));
    void *msg = arena_alloc(&arena, s->size);
    if (message_decode(s, version, &r, &arena, msg, NULL) == ERR_OK) {
        fuzz_again(s, version, msg, &arena);
    }
    arena_deinit(&arena);
    return 0;
}
