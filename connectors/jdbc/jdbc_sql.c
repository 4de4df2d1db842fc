#include "connectors/jdbc/jdbc_sql.h"

#include <inttypes.h>
#include <string.h>

void jdbc_sql_write_name(struct buf *out, const struct jdbc_sql_style *style, const char *name)
{
    if (style->quote == '\0') {
        buf_append_text(out, name);
        return;
    }
    buf_append_char(out, style->quote);
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == style->quote) {
            buf_append_char(out, style->quote);
        }
        buf_append_char(out, *p);
    }
    buf_append_char(out, style->quote);
}

void jdbc_sql_write_table(struct buf *out, const struct jdbc_sql_style *style,
                          const struct jdbc_table *table)
{
    if (table->schema != NULL) {
        jdbc_sql_write_name(out, style, table->schema);
        buf_append_char(out, '.');
    }
    jdbc_sql_write_name(out, style, table->name);
}

void jdbc_sql_write_column(struct buf *out, const struct jdbc_sql_style *style,
                           const struct jdbc_sql_target *target, const char *column)
{
    if (target->table != NULL) {
        jdbc_sql_write_table(out, style, target->table);
        buf_append_char(out, '.');
    }
    jdbc_sql_write_name(out, style, column);
}

static void jdbc_sql_write_timestamp(struct buf *out, const struct jdbc_sql_style *style,
                                     const struct jdbc_sql_target *target)
{
    if (target->timestamp_column_count > 1) {
        buf_append_text(out, "COALESCE(");
    }
    for (size_t i = 0; i < target->timestamp_column_count; i++) {
        buf_append_text(out, i > 0 ? "," : "");
        const char *wrap = style->timestamp_format;
        if (wrap == NULL) {
            jdbc_sql_write_column(out, style, target, target->timestamp_columns[i]);
            continue;
        }
        /* Every %s of the format is the column, %% a percent sign. */
        for (const char *at = wrap; *at != '\0'; at++) {
            if (at[0] == '%' && at[1] == 's') {
                jdbc_sql_write_column(out, style, target, target->timestamp_columns[i]);
                at++;
            } else if (at[0] == '%' && at[1] == '%') {
                buf_append_char(out, '%');
                at++;
            } else {
                buf_append_char(out, *at);
            }
        }
    }
    if (target->timestamp_column_count > 1) {
        buf_append_char(out, ')');
    }
}

static void jdbc_sql_write_from(struct buf *out, const struct jdbc_sql_style *style,
                                const struct jdbc_sql_target *target)
{
    if (target->table != NULL) {
        buf_append_text(out, "SELECT * FROM ");
        jdbc_sql_write_table(out, style, target->table);
    } else {
        buf_append_text(out, target->query);
    }
}

static void jdbc_sql_write_incrementing(struct buf *out, const struct jdbc_sql_style *style,
                                        const struct jdbc_sql_target *target)
{
    buf_append_text(out, " WHERE ");
    jdbc_sql_write_column(out, style, target, target->incrementing_column);
    buf_printf(out, " > %c1 ORDER BY ", style->parameter);
    jdbc_sql_write_column(out, style, target, target->incrementing_column);
    buf_append_text(out, " ASC");
}

static void jdbc_sql_write_by_timestamp(struct buf *out, const struct jdbc_sql_style *style,
                                        const struct jdbc_sql_target *target)
{
    buf_append_text(out, " WHERE ");
    jdbc_sql_write_timestamp(out, style, target);
    buf_printf(out, " > %c1 AND ", style->parameter);
    jdbc_sql_write_timestamp(out, style, target);
    buf_printf(out, " < %c2 ORDER BY ", style->parameter);
    jdbc_sql_write_timestamp(out, style, target);
    buf_append_text(out, " ASC");
}

static void jdbc_sql_write_by_both(struct buf *out, const struct jdbc_sql_style *style,
                                   const struct jdbc_sql_target *target)
{
    buf_append_text(out, " WHERE ");
    jdbc_sql_write_timestamp(out, style, target);
    buf_printf(out, " < %c1 AND ((", style->parameter);
    jdbc_sql_write_timestamp(out, style, target);
    buf_printf(out, " = %c2 AND ", style->parameter);
    jdbc_sql_write_column(out, style, target, target->incrementing_column);
    buf_printf(out, " > %c3) OR ", style->parameter);
    jdbc_sql_write_timestamp(out, style, target);
    buf_printf(out, " > %c4) ORDER BY ", style->parameter);
    jdbc_sql_write_timestamp(out, style, target);
    buf_append_char(out, ',');
    jdbc_sql_write_column(out, style, target, target->incrementing_column);
    buf_append_text(out, " ASC");
}

void jdbc_sql_select(struct buf *out, const struct jdbc_sql_style *style,
                     const struct jdbc_sql_target *target)
{
    jdbc_sql_write_from(out, style, target);
    switch (target->mode) {
    case JDBC_MODE_BULK:
        break;
    case JDBC_MODE_INCREMENTING:
        jdbc_sql_write_incrementing(out, style, target);
        break;
    case JDBC_MODE_TIMESTAMP:
        jdbc_sql_write_by_timestamp(out, style, target);
        break;
    case JDBC_MODE_TIMESTAMP_INCREMENTING:
        jdbc_sql_write_by_both(out, style, target);
        break;
    }
    if (target->limit > 0) {
        buf_printf(out, " LIMIT %" PRId64, target->limit);
    }
    if (target->suffix != NULL && target->suffix[0] != '\0') {
        buf_append_char(out, ' ');
        buf_append_text(out, target->suffix);
    }
}

void jdbc_sql_select_max(struct buf *out, const struct jdbc_sql_style *style,
                         const struct jdbc_sql_target *target)
{
    buf_append_text(out, "SELECT max(");
    jdbc_sql_write_name(out, style, target->incrementing_column);
    buf_append_text(out, ") FROM ");
    if (target->table != NULL) {
        jdbc_sql_write_table(out, style, target->table);
    } else {
        buf_printf(out, "(%s) weir_query", target->query);
    }
}
