/* Reading trees, shared by plain decoding and by the resolver. */
#pragma once

#include "common/arena.h"
#include "common/reader.h"
#include "serde/avro_datum.h"

struct avro_datum_reader {
    struct reader reader;
    struct arena *arena;
    size_t depth;
    /* The resolver: what this value lacks in the reader's schema; NULL = nothing. */
    const char *unresolved;
};

static inline bool avro_datum_failed(const struct avro_datum_reader *in)
{
    return reader_failed(&in->reader) || arena_failed(in->arena);
}

/* Reads one item of an array or map. */
typedef void (*avro_datum_read_fn)(struct avro_datum_reader *in, const void *plan,
                                   struct avro_datum *d);

/* The blocks of an array or map into d, whose type is set. */
void avro_datum_read_blocks(struct avro_datum_reader *in, struct avro_datum *d,
                            avro_datum_read_fn read, const void *plan);
/* A value of a type without parts. */
void avro_datum_read_scalar(struct avro_datum_reader *in, const struct avro_type *type,
                            struct avro_datum *d);
/* Whether all went well and nothing is left. */
enum err_code avro_datum_finish(const struct avro_datum_reader *in, const struct avro_type *type,
                                struct err *e);
