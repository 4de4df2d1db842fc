/*
 * One table or query read from Postgres. Two ways:
 *
 *   direct   incrementing mode on a table with unique ids: a prepared statement with a LIMIT, run
 * again from the last id for the next rows. No transaction stays open, one round trip a poll, and
 * the next rows are asked for while those at hand are decoded. cursor   all others: BEGIN, DECLARE,
 * FETCH in one round trip, then FETCH ahead, COMMIT at the end, because only one snapshot gives a
 * consistent answer there.
 */
#pragma once

#include "connectors/jdbc/postgres/pg_catalog.h"

struct pg_stream {
    struct jdbc_stream base;
    struct pg_context context;
    struct pg_column *pg; /* as base.columns */
    char *auto_column;    /* owned name of an incrementing column that we found */
    char *sql;
    char *moment_sql;
    char name[32];        /* prepared statement */
    char moment_name[32]; /* prepared statement; "" until prepared */
    bool direct;
    bool prepared;
    bool cursor_open;
    struct jdbc_bounds ahead_bounds; /* of the statement that was sent ahead */
    PGresult *ahead;                 /* its result, once received */
    PGresult *result;                /* the chunk at hand */
    struct jdbc_gap_open *open;
    size_t open_capacity;
};

enum err_code pg_stream_open(struct jdbc_session *s, const struct jdbc_sql_target *target,
                             struct jdbc_stream **out_stream, struct err *e);
void pg_stream_close(struct jdbc_stream *take_stream);
enum err_code pg_stream_observe(struct jdbc_stream *s, struct jdbc_moment *out_moment,
                                struct err *e);
enum err_code pg_stream_first_chunk(struct jdbc_stream *s, const struct jdbc_bounds *bounds,
                                    struct jdbc_moment *out_moment, struct jdbc_chunk *out_chunk,
                                    struct err *e);
enum err_code pg_stream_next_chunk(struct jdbc_stream *s, struct jdbc_chunk *out_chunk,
                                   struct err *e);
enum err_code pg_stream_finish(struct jdbc_stream *s, struct err *e);
enum err_code pg_stream_prefetch(struct jdbc_stream *s, const struct jdbc_bounds *bounds,
                                 struct err *e);
enum err_code pg_stream_row_id(struct jdbc_stream *s, size_t row, int64_t *out_id, struct err *e);
enum err_code pg_stream_row_timestamp(struct jdbc_stream *s, size_t row, int64_t *out_us,
                                      struct err *e);
enum err_code pg_stream_decode_row(struct jdbc_stream *s, size_t row, struct arena *a,
                                   struct connect_value *out_values, struct err *e);
