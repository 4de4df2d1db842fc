/*
 * The columns of a result in terms of the Connect data model, and the struct schema made of them.
 * What a database type becomes is the dialect's to say; the rules common to all are here. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "connect/include/connect_schema.h"
#include "connectors/jdbc/jdbc_settings.h"

#define JDBC_COLUMNS_MAX 1664 /* as many as Postgres allows in a result */

enum jdbc_kind {
    JDBC_KIND_INT8,
    JDBC_KIND_INT16,
    JDBC_KIND_INT32,
    JDBC_KIND_INT64,
    JDBC_KIND_FLOAT32,
    JDBC_KIND_FLOAT64,
    JDBC_KIND_BOOLEAN,
    JDBC_KIND_STRING,
    JDBC_KIND_BYTES,
    JDBC_KIND_DECIMAL,
    JDBC_KIND_DATE,
    JDBC_KIND_TIME,
    JDBC_KIND_TIMESTAMP,
};

struct jdbc_column {
    char *name;
    enum jdbc_kind kind;
    bool required;
    int32_t precision; /* DECIMAL; 0: unknown */
    int32_t scale;     /* DECIMAL */
};

struct jdbc_columns {
    struct jdbc_column *items;
    size_t count;
};

/* All zero, to be filled. */
enum err_code jdbc_columns_init(struct jdbc_columns *c, size_t count, struct err *e);
void jdbc_columns_deinit(struct jdbc_columns *c);
/* The column of that name, or -1. */
int jdbc_columns_find(const struct jdbc_columns *c, const char *name);

/* Sets kind, precision and scale of a NUMERIC(precision, scale) column; precision 0: without. */
void jdbc_columns_map_numeric(struct jdbc_column *column, enum jdbc_numeric mapping,
                              int32_t precision, int32_t scale);
/* name: the table's; NULL leaves the struct unnamed. The caller owns one reference. */
enum err_code jdbc_columns_build_schema(const struct jdbc_columns *c, const char *name,
                                        enum jdbc_granularity granularity,
                                        const struct connect_schema **out_schema, struct err *e);

/* A point in time, in microseconds since 1970 UTC, as the granularity wants it. NULL kind when the
 * arena is full. */
struct connect_value jdbc_columns_timestamp(struct arena *a, enum jdbc_granularity granularity,
                                            int64_t micros);
/* Cuts to milliseconds as the originals do: towards the past. */
int64_t jdbc_columns_micros_to_millis(int64_t micros);
/* An integer of the kind (INT8..INT64), or the error that says it does not fit. */
enum err_code jdbc_columns_integer(const struct jdbc_column *column, int64_t v,
                                   struct connect_value *out_value, struct err *e);
