/*
 * What SQLite columns become, by their declared type, and how values of any storage class are read
 * as that: SQLite lets any value into any column. Pure.
 */
#pragma once

#include "connectors/jdbc/jdbc_columns.h"
#include "connectors/jdbc/jdbc_zone.h"

/* One value of a result, copied out of the statement so that it holds no lock. */
struct sqlite_cell {
    int storage; /* SQLITE_INTEGER, ... SQLITE_NULL */
    int64_t integer;
    double real;
    struct bytes data; /* TEXT, BLOB */
};

/* Sets kind, precision, scale. declared may be NULL or "": then the storage class of the first
 * value decides. */
void sqlite_types_map(const char *declared, const struct sqlite_cell *first,
                      enum jdbc_numeric mapping, struct jdbc_column *column);
/* True for "INTEGER", which holds 32 bits until a wider value is seen. */
bool sqlite_types_may_widen(const char *declared);

struct sqlite_context {
    const struct jdbc_zone *zone;
    enum jdbc_granularity granularity;
};

/* cell is not null; texts and blobs are copied to the arena. */
enum err_code sqlite_types_decode(const struct sqlite_context *ctx,
                                  const struct jdbc_column *column, const struct sqlite_cell *cell,
                                  struct arena *a, struct connect_value *out_value, struct err *e);
/* Of a timestamp or date column: ms since 1970, or text; microseconds since 1970 UTC. */
enum err_code sqlite_types_decode_instant(const struct sqlite_context *ctx,
                                          const struct jdbc_column *column,
                                          const struct sqlite_cell *cell, int64_t *out_us,
                                          struct err *e);
