/* First byte: whether the format reads or writes; then the format up to a zero byte; then input. */
#include <stdlib.h>
#include <string.h>

#include "cli/offset_range.h"
#include "cli/record_format.h"
#include "cli/record_reader.h"
#include "common/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_source {
    const uint8_t *at;
    size_t left;
};

static ssize_t fuzz_read(void *ctx, void *data, size_t size)
{
    struct fuzz_source *s = ctx;
    size_t n = s->left < 7 ? s->left : 7;
    n = n < size ? n : size;
    memcpy(data, s->at, n);
    s->at += n;
    s->left -= n;
    return (ssize_t)n;
}

static void fuzz_reads(const char *layout, struct bytes input)
{
    struct record_format f;
    if (record_format_init(&f, layout, RECORD_READS, NULL) != ERR_OK) {
        return;
    }
    struct fuzz_source source = {input.data, input.len};
    struct record_reader r;
    record_reader_init(&r, &f, fuzz_read, &source, 1000);
    bool end = false;
    struct record_input in;
    size_t records = 0;
    while (!end && record_reader_next(&r, &in, &end, NULL) == ERR_OK) {
        CHECK(records++ <= input.len); /* each takes at least a byte */
    }
    record_reader_deinit(&r);
    record_format_deinit(&f);
}

static void fuzz_writes(const char *layout, struct bytes input)
{
    struct record_format f;
    if (record_format_init(&f, layout, RECORD_WRITES, NULL) != ERR_OK) {
        return;
    }
    const struct record_text_header header = {bytes_of_text("h"), input};
    const struct record_view r = {.topic = bytes_of_text("t"),
                                  .key = input,
                                  .value = input,
                                  .headers = &header,
                                  .header_count = 1,
                                  .timestamp_ms = (int64_t)input.len * 1234567890123,
                                  .offset = -1};
    struct buf out;
    buf_init(&out, (size_t)1 << 20);
    record_format_write(&f, &r, &out);
    buf_deinit(&out);
    record_format_deinit(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 1 ? memchr(data + 1, 0, size - 1) : NULL;
    if (zero == NULL) {
        return 0;
    }
    const char *layout = (const char *)data + 1;
    struct bytes input = bytes_of(zero + 1, (size_t)(data + size - zero - 1));
    if (data[0] % 2 == 0) {
        fuzz_reads(layout, input);
    } else {
        fuzz_writes(layout, input);
    }
    struct offset_range range;
    if (offset_range_parse(layout, 1700000000000, &range, NULL) == ERR_OK) {
        CHECK(range.start.anchor != OFFSET_NONE);
    }
    return 0;
}
