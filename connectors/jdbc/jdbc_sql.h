/*
 * The text of the statements that read a table or query, as the JDBC connectors write them. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "connectors/jdbc/jdbc_settings.h"

struct jdbc_table {
    char *schema; /* NULL: the dialect has none */
    char *name;
};

/* How the parameters of a statement are written: `$1` or `?1`. Their order: see jdbc_sql_select. */
struct jdbc_sql_style {
    char quote;     /* 0: names as they are */
    char parameter; /* '$' or '?' */
    /* Wraps each timestamp column, so that it compares as a number: "f(%s)"; NULL: as it is. */
    const char *timestamp_format;
};

struct jdbc_sql_target {
    const struct jdbc_table *table; /* NULL: query mode */
    const char *query;
    const char *suffix;
    enum jdbc_mode mode;
    const char *incrementing_column;
    char *const *timestamp_columns;
    size_t timestamp_column_count;
    int64_t limit; /* 0: none */
};

/* "public"."t" */
void jdbc_sql_write_table(struct buf *out, const struct jdbc_sql_style *style,
                          const struct jdbc_table *table);
/* "public"."t"."c", or "c" in query mode. */
void jdbc_sql_write_column(struct buf *out, const struct jdbc_sql_style *style,
                           const struct jdbc_sql_target *target, const char *column);
void jdbc_sql_write_name(struct buf *out, const struct jdbc_sql_style *style, const char *name);

/*
 * Parameters by mode: incrementing $1 = id above which; timestamp $1 = above, $2 = below;
 * timestamp+incrementing $1 = below, $2 = equal to, $3 = id above which, $4 = above.
 */
void jdbc_sql_select(struct buf *out, const struct jdbc_sql_style *style,
                     const struct jdbc_sql_target *target);
/* The greatest value of the incrementing column: SELECT max("id") FROM "public"."t". */
void jdbc_sql_select_max(struct buf *out, const struct jdbc_sql_style *style,
                         const struct jdbc_sql_target *target);
