/* Data of a schema with every type, recursion included: whatever decodes encodes to something that
 * decodes to the same text; skipping ends where decoding ends; resolution never breaks. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/check.h"
#include "serde/avro_codec.h"
#include "serde/avro_datum.h"
#include "serde/avro_resolver.h"
#include "serde/avro_schema.h"

static const char fuzz_writer[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"b\",\"type\":\"boolean\"},{"
    "\"name\":\"i\",\"type\":\"int\"},{\"name\":\"f\",\"type\":\"float\"},{\"name\":\"y\",\"type\":"
    "\"bytes\"},{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\","
    "\"B\"]}},{\"name\":\"x\",\"type\":{\"type\":\"fixed\",\"name\":\"X\",\"size\":2}},{\"name\":"
    "\"a\",\"type\":{\"type\":\"array\",\"items\":[\"null\",\"R\",\"double\"]}},{\"name\":\"m\","
    "\"type\":{\"type\":\"map\",\"values\":\"string\"}}]}";
static const char fuzz_reader[] =
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\",\"int\"],"
    "\"default\":null},{\"name\":\"m\",\"type\":{\"type\":\"map\",\"values\":\"bytes\"}},{\"name\":"
    "\"i\",\"type\":\"double\"},{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":[\"null\","
    "\"R\"]}},{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"Z\"],"
    "\"default\":\"Z\"}}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e;
    struct avro_schema *writer = NULL;
    struct avro_schema *reader = NULL;
    struct avro_resolver *resolver = NULL;
    CHECK(avro_schema_parse(bytes_of_text(fuzz_writer), NULL, &writer, &e) == ERR_OK);
    CHECK(avro_schema_parse(bytes_of_text(fuzz_reader), NULL, &reader, &e) == ERR_OK);
    CHECK(avro_resolver_create(writer, reader, &resolver, &e) == ERR_OK);
    const struct avro_type *type = avro_schema_root(writer);
    struct arena a;
    arena_init(&a, (size_t)1 << 22);
    struct buf b;
    struct buf text;
    buf_init(&b, (size_t)1 << 22);
    buf_init(&text, (size_t)1 << 24);
    struct avro_datum d;
    if (avro_datum_decode(type, bytes_of(data, size), &a, &d, &e) == ERR_OK) {
        avro_datum_write_text(&d, &text);
        avro_datum_write_json(&d, &text);
        avro_datum_encode(&d, &b);
        CHECK(!buf_failed(&b));
        struct reader r;
        reader_init(&r, buf_bytes(&b));
        avro_codec_skip(&r, type);
        CHECK(!reader_failed(&r));
        CHECK(reader_left(&r) == 0);
        arena_reset(&a);
        CHECK(avro_datum_decode(type, buf_bytes(&b), &a, &d, &e) == ERR_OK);
    }
    arena_reset(&a);
    (void)avro_resolver_decode(resolver, bytes_of(data, size), &a, &d, &e);
    buf_deinit(&text);
    buf_deinit(&b);
    arena_deinit(&a);
    avro_resolver_destroy(resolver);
    avro_schema_unref(reader);
    avro_schema_unref(writer);
    return 0;
}
