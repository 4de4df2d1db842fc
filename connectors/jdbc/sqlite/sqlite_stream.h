/*
 * One table or query read from SQLite. Rows of a chunk are copied out; mode incrementing on a table
 * reads with a LIMIT and lets go of the file after each chunk, the other modes hold a read lock
 * until their statement has ended. SQLite has one writer at a time, so ids become visible in order.
 */
#pragma once

#include "connectors/jdbc/sqlite/sqlite_session.h"
#include "connectors/jdbc/sqlite/sqlite_types.h"

struct sqlite_stream_column {
    char *declared; /* NULL: an expression */
    bool undecided; /* no value seen yet of an expression */
};

struct sqlite_stream {
    struct jdbc_stream base;
    struct sqlite_context context;
    sqlite3_stmt *statement;
    sqlite3_stmt *clock;
    char *auto_column;
    bool direct;
    struct sqlite_stream_column *declared; /* as base.columns */
    struct arena rows_arena;
    struct sqlite_cell **rows;
    size_t row_capacity;
    size_t row_count;
    struct jdbc_gap_open writer; /* what an open transaction of another connection is called */
};

enum err_code sqlite_stream_open(struct jdbc_session *s, const struct jdbc_sql_target *target,
                                 struct jdbc_stream **out_stream, struct err *e);
void sqlite_stream_close(struct jdbc_stream *take_stream);
enum err_code sqlite_stream_observe(struct jdbc_stream *s, struct jdbc_moment *out_moment,
                                    struct err *e);
enum err_code sqlite_stream_first_chunk(struct jdbc_stream *s, const struct jdbc_bounds *bounds,
                                        struct jdbc_moment *out_moment,
                                        struct jdbc_chunk *out_chunk, struct err *e);
enum err_code sqlite_stream_next_chunk(struct jdbc_stream *s, struct jdbc_chunk *out_chunk,
                                       struct err *e);
enum err_code sqlite_stream_finish(struct jdbc_stream *s, struct err *e);
enum err_code sqlite_stream_row_id(struct jdbc_stream *s, size_t row, int64_t *out_id,
                                   struct err *e);
enum err_code sqlite_stream_row_timestamp(struct jdbc_stream *s, size_t row, int64_t *out_us,
                                          struct err *e);
enum err_code sqlite_stream_decode_row(struct jdbc_stream *s, size_t row, struct arena *a,
                                       struct connect_value *out_values, struct err *e);
