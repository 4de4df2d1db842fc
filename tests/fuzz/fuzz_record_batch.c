/* First byte: bit 0 = as from a client, bit 1 = keys required, bit 2 = make the CRC right, so that
 * the records behind it are reached; the rest is a batch. */
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "protocol/crc32c.h"
#include "protocol/record_batch.h"
#include "protocol/record_iterator.h"

#define LIMIT_BYTES ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_fix_crc(uint8_t *batch, size_t size)
{
    struct record_batch b;
    if (record_batch_parse(bytes_of(batch, size), &b) != RECORD_BATCH_OK) {
        return;
    }
    uint32_t crc = crc32c(0, batch + 21, record_batch_size(&b) - 21);
    for (size_t i = 0; i < 4; i++) {
        batch[17 + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    uint8_t *batch = malloc(size);
    CHECK(batch != NULL);
    memcpy(batch, data + 1, size - 1);
    if ((data[0] & 4) != 0) {
        fuzz_fix_crc(batch, size - 1);
    }
    struct buf scratch;
    buf_init(&scratch, LIMIT_BYTES);
    struct record_batch_rules rules = {
        .from_client = (data[0] & 1) != 0, .require_keys = (data[0] & 2) != 0, .scratch = &scratch};
    struct record_batch b;
    struct record_batch_fault fault;
    if (record_batch_validate(bytes_of(batch, size - 1), &rules, &b, &fault) == RECORD_BATCH_OK) {
        /* What was valid stays so when the broker stamps it. */
        record_batch_set_append_time(batch, record_batch_size(&b), 1);
        rules.from_client = false;
        CHECK(record_batch_validate(bytes_of(batch, size - 1), &rules, &b, &fault) ==
              RECORD_BATCH_OK);
    }
    buf_deinit(&scratch);
    free(batch);
    return 0;
}
