/*
 * What a database must be able to do for the source connector. A session is one connection, a
 * stream is one table or query read through it; both belong to one thread. Functions block, but
 * come back soon (ERR_CANCELLED) when the context says that the worker wants an end.
 *
 * Errors: UNAVAILABLE means that the connection is lost or could not be made: close the session and
 * open another. TIMEOUT and CONFLICT (locks, deadlock, serialization) mean: try again on the same
 * session. AUTH and all others are final. Texts are trace heads and never hold a password.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "connect/include/source_connector.h"
#include "connectors/jdbc/jdbc_columns.h"
#include "connectors/jdbc/jdbc_gap.h"
#include "connectors/jdbc/jdbc_settings.h"
#include "connectors/jdbc/jdbc_sql.h"

/* Everything that a dialect keeps for one connection begins with this. */
struct jdbc_session {
    const struct jdbc_dialect *dialect;
    const struct jdbc_settings *settings;
    struct source_context *ctx;
};

/* Between which rows a statement reads. Timestamps are microseconds since 1970 UTC. */
struct jdbc_bounds {
    int64_t after_id;
    int64_t after_us;
    int64_t before_us;
};

struct jdbc_moment {
    int64_t now_us;            /* the database's clock before the transactions were listed */
    struct jdbc_gap_view view; /* known: the greatest id visible before; the list is valid until
                                  the next call */
    char blockers[256];        /* for the log: process ids */
};

/* Rows at hand. Valid until the next call on the stream. */
struct jdbc_chunk {
    size_t row_count;
    bool more;            /* call next_chunk for the rest of the same statement */
    bool full;            /* the statement's limit was reached: run it again at once */
    bool columns_changed; /* stream->columns is another than at the last chunk (or the first) */
};

/* Everything that a dialect keeps for one table or query begins with this. */
struct jdbc_stream {
    struct jdbc_session *session;
    struct jdbc_sql_target target;
    struct jdbc_columns columns; /* of the last chunk */
    int incrementing_index;      /* in columns; -1 */
    int timestamp_indexes[JDBC_TIMESTAMP_COLUMNS_MAX];
    bool ordered_commits; /* ids become visible in their order: nothing can come late */
};

struct jdbc_table_list {
    struct jdbc_table *items;
    size_t count;
    size_t capacity;
};

struct jdbc_dialect {
    const char *name; /* "PostgreSqlDatabaseDialect" */
    struct jdbc_sql_style style;

    enum err_code (*open)(const struct jdbc_settings *settings, struct source_context *ctx,
                          struct jdbc_session **out_session, struct err *e);
    void (*close)(struct jdbc_session *take_session);
    /* All that table.types and the patterns allow, in the catalog's order. Adds to the list. */
    enum err_code (*list_tables)(struct jdbc_session *s, struct jdbc_table_list *list,
                                 struct err *e);

    /* target is copied, what it points to is borrowed. Checks that the columns of the mode exist
     * and fit; an empty incrementing_column is replaced by the auto-increment column. */
    enum err_code (*open_stream)(struct jdbc_session *s, const struct jdbc_sql_target *target,
                                 struct jdbc_stream **out_stream, struct err *e);
    void (*close_stream)(struct jdbc_stream *take_stream);

    /* The moment A of jdbc_gap.h by itself. */
    enum err_code (*observe)(struct jdbc_stream *s, struct jdbc_moment *out_moment, struct err *e);
    /* Runs the statement. With a moment, observes first and then reads in a later snapshot, in one
     * round trip where the database can. */
    enum err_code (*first_chunk)(struct jdbc_stream *s, const struct jdbc_bounds *bounds,
                                 struct jdbc_moment *out_moment, struct jdbc_chunk *out_chunk,
                                 struct err *e);
    enum err_code (*next_chunk)(struct jdbc_stream *s, struct jdbc_chunk *out_chunk, struct err *e);
    /* Gives up the rest of the statement; chunk values stay valid until the next call. */
    enum err_code (*finish)(struct jdbc_stream *s, struct err *e);
    /* Optional: starts the statement that first_chunk will be called with, while the rows of the
     * present chunk are still being decoded. */
    enum err_code (*prefetch)(struct jdbc_stream *s, const struct jdbc_bounds *bounds,
                              struct err *e);

    /* The incrementing column of a row. */
    enum err_code (*row_id)(struct jdbc_stream *s, size_t row, int64_t *out_id, struct err *e);
    /* The (first that is not null) timestamp column of a row, microseconds since 1970 UTC. */
    enum err_code (*row_timestamp)(struct jdbc_stream *s, size_t row, int64_t *out_us,
                                   struct err *e);
    /* Fills values[i] for columns.items[i]; texts go to the arena. */
    enum err_code (*decode_row)(struct jdbc_stream *s, size_t row, struct arena *a,
                                struct connect_value *out_values, struct err *e);
};

extern const struct jdbc_dialect jdbc_dialect_postgres;
extern const struct jdbc_dialect jdbc_dialect_sqlite;

/* The dialect that the URL and dialect.name ask for. */
enum err_code jdbc_dialect_choose(const struct jdbc_settings *s,
                                  const struct jdbc_dialect **out_dialect, struct err *e);

/* The dialect's style, without quotes when quote.sql.identifiers says never. */
struct jdbc_sql_style jdbc_dialect_style(const struct jdbc_session *s);

/* Copies both texts. */
enum err_code jdbc_dialect_add_table(struct jdbc_table_list *list, const char *schema,
                                     const char *name, struct err *e);
void jdbc_dialect_free_tables(struct jdbc_table_list *list);

/* Finds the columns of the mode in stream->columns and checks them. */
enum err_code jdbc_dialect_bind_columns(struct jdbc_stream *s, struct err *e);
/* What users see in messages: "public"."t", or the word query. */
void jdbc_dialect_describe(const struct jdbc_stream *s, char *out_text, size_t size);
