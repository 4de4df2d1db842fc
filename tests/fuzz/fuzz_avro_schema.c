/* Schema texts: whatever parses prints a canonical text that parses to itself and says the same. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/check.h"
#include "serde/avro_schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    struct avro_schema *s = NULL;
    const struct avro_schema_options options = {.strict = size % 2 == 0};
    if (avro_schema_parse(bytes_of(data, size), &options, &s, &e) != ERR_OK) {
        return 0;
    }
    struct avro_schema *again = NULL;
    const char *text = avro_schema_text(s);
    CHECK(avro_schema_parse(bytes_of_text(text), NULL, &again, &e) == ERR_OK);
    CHECK(strcmp(avro_schema_text(again), text) == 0);
    CHECK(avro_schema_same(avro_schema_root(s), avro_schema_root(again), false));
    struct buf b;
    buf_init(&b, (size_t)1 << 20);
    avro_schema_write_normalized(again, &b);
    avro_schema_write_resolved(again, &b);
    buf_deinit(&b);
    avro_schema_unref(again);
    avro_schema_unref(s);
    return 0;
}
