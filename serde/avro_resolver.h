/*
 * Reading data of one schema as another (Avro's schema resolution): fields are matched by name and
 * alias, promoted (int to long...), dropped, or filled from defaults. The plan is made once for a
 * pair of schemas; then decoding costs little more than plain decoding. A plan is immutable, may be
 * used by any thread, and keeps both schemas alive.
 */
#pragma once

#include <stdbool.h>

#include "common/bytes.h"
#include "common/err.h"

struct arena;
struct avro_datum;
struct avro_resolver;
struct avro_schema;

/* ERR_INVALID says where and why data of the writer can never be read. */
enum err_code avro_resolver_create(struct avro_schema *writer, struct avro_schema *reader,
                                   struct avro_resolver **out_resolver, struct err *e);
void avro_resolver_destroy(struct avro_resolver *r);
/* True when both schemas are the same text: plain decoding by the reader schema does. */
bool avro_resolver_is_identity(const struct avro_resolver *r);
/* data is of the writer's schema, *out_datum of the reader's. ERR_CORRUPT; ERR_INVALID when this
 * value cannot be resolved (a union branch or symbol that the reader lacks). */
enum err_code avro_resolver_decode(const struct avro_resolver *r, struct bytes data,
                                   struct arena *a, struct avro_datum *out_datum, struct err *e);
