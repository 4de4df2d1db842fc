/*
 * What Postgres types become, and how their binary form is read. Pure, but for the zone and the
 * number of a currency's digits, which come in.
 */
#pragma once

#include <libpq-fe.h>

#include "common/bytes.h"
#include "connectors/jdbc/jdbc_columns.h"
#include "connectors/jdbc/jdbc_zone.h"

/* One for each binary form. */
enum pg_form {
    PG_FORM_NONE, /* cannot be carried */
    PG_FORM_BOOL,
    PG_FORM_INT2,
    PG_FORM_INT4,
    PG_FORM_INT8,
    PG_FORM_OID,
    PG_FORM_FLOAT4,
    PG_FORM_FLOAT8,
    PG_FORM_NUMERIC,
    PG_FORM_MONEY,
    PG_FORM_TEXT, /* the text itself */
    PG_FORM_JSONB,
    PG_FORM_UUID,
    PG_FORM_BYTEA,
    PG_FORM_BIT,
    PG_FORM_DATE,
    PG_FORM_TIME,
    PG_FORM_TIMETZ,
    PG_FORM_TIMESTAMP,
    PG_FORM_TIMESTAMPTZ,
};

#define PG_OID_INT8 ((Oid)20)
#define PG_OID_TEXT ((Oid)25)
#define PG_OID_TIMESTAMP ((Oid)1114)
#define PG_OID_TIMESTAMPTZ ((Oid)1184)

/* Microseconds from 1970 to 2000, where Postgres begins. */
#define PG_EPOCH_US INT64_C(946684800000000)

struct pg_column {
    Oid type;
    int modifier; /* atttypmod; -1: none */
    enum pg_form form;
};

/* What values are decoded with. */
struct pg_context {
    const struct jdbc_zone *zone;
    enum jdbc_granularity granularity;
    double money_unit;   /* 100 for two digits */
    struct arena *arena; /* of the batch, for pg_types_decode */
};

/* The form of a built-in type; NONE for others, which the catalog has to tell about. */
enum pg_form pg_types_builtin_form(Oid type);
/* Sets column->kind, precision and scale from the form. */
void pg_types_map(const struct pg_column *pg, enum jdbc_numeric mapping,
                  struct jdbc_column *column);
/* cell is not null. Errors name the column. */
enum err_code pg_types_decode(const struct pg_context *ctx, const struct pg_column *pg,
                              const struct jdbc_column *column, struct bytes cell,
                              struct connect_value *out_value, struct err *e);
/* Of an incrementing column. */
enum err_code pg_types_decode_id(const struct pg_column *pg, struct bytes cell, int64_t *out_id,
                                 struct err *e);
/* Of a timestamp or date column: microseconds since 1970 UTC. */
enum err_code pg_types_decode_instant(const struct pg_context *ctx, const struct pg_column *pg,
                                      struct bytes cell, int64_t *out_us, struct err *e);
