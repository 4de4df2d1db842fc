#include "connectors/jdbc/jdbc_dialect.h"

#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "connect/include/connect_error.h"

#define JDBC_TABLES_MAX 100000

enum err_code jdbc_dialect_choose(const struct jdbc_settings *s,
                                  const struct jdbc_dialect **out_dialect, struct err *e)
{
    const struct jdbc_dialect *by_url =
        s->url.kind == JDBC_URL_POSTGRES ? &jdbc_dialect_postgres : &jdbc_dialect_sqlite;
    const char *name = connect_config_get(s->config, "dialect.name");
    if (name != NULL && name[0] != '\0' && strcmp(name, by_url->name) != 0) {
        return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "Invalid value %s for configuration dialect.name: the JDBC URL is "
                                 "one for %s",
                                 name, by_url->name);
    }
    *out_dialect = by_url;
    return ERR_OK;
}

struct jdbc_sql_style jdbc_dialect_style(const struct jdbc_session *s)
{
    struct jdbc_sql_style style = s->dialect->style;
    style.quote = s->settings->quote_identifiers ? style.quote : '\0';
    return style;
}

enum err_code jdbc_dialect_add_table(struct jdbc_table_list *list, const char *schema,
                                     const char *name, struct err *e)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        if (capacity > JDBC_TABLES_MAX) {
            return err_set(e, ERR_LIMIT,
                           "the database has more than %d tables that could be copied: name those "
                           "wanted in table.whitelist or narrow schema.pattern",
                           JDBC_TABLES_MAX / 2);
        }
        struct jdbc_table *items = mem_realloc(list->items, capacity * sizeof *items);
        if (items == NULL) {
            return err_nomem(e, "tables");
        }
        list->items = items;
        list->capacity = capacity;
    }
    struct jdbc_table t = {.schema = mem_strdup(schema), .name = mem_strdup(name)};
    if ((schema != NULL && t.schema == NULL) || t.name == NULL) {
        mem_free(t.schema);
        mem_free(t.name);
        return err_nomem(e, "tables");
    }
    list->items[list->count++] = t;
    return ERR_OK;
}

void jdbc_dialect_free_tables(struct jdbc_table_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i].schema);
        mem_free(list->items[i].name);
    }
    mem_free(list->items);
    *list = (struct jdbc_table_list){0};
}

void jdbc_dialect_describe(const struct jdbc_stream *s, char *out_text, size_t size)
{
    const struct jdbc_table *t = s->target.table;
    if (t == NULL) {
        (void)snprintf(out_text, size, "query");
    } else if (t->schema == NULL) {
        (void)snprintf(out_text, size, "\"%s\"", t->name);
    } else {
        (void)snprintf(out_text, size, "\"%s\".\"%s\"", t->schema, t->name);
    }
}

static enum err_code jdbc_dialect_bind_incrementing(struct jdbc_stream *s, const char *where,
                                                    struct err *e)
{
    const char *name = s->target.incrementing_column;
    s->incrementing_index = jdbc_columns_find(&s->columns, name);
    if (s->incrementing_index < 0) {
        return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "Incrementing column: %s does not exist in table '%s'", name,
                                 where);
    }
    const struct jdbc_column *c = &s->columns.items[s->incrementing_index];
    bool decimal = c->kind == JDBC_KIND_DECIMAL && c->scale == 0;
    if (c->kind > JDBC_KIND_INT64 && !decimal) {
        return connect_error_set(e, ERR_INVALID, CONNECT_EXCEPTION,
                                 "Invalid type for incrementing column: column \"%s\" of %s must "
                                 "be an integer or a decimal of scale 0",
                                 name, where);
    }
    if (s->session->settings->validate_non_null && s->target.table != NULL && !c->required) {
        return connect_error_set(e, ERR_INVALID, CONNECT_EXCEPTION,
                                 "Cannot make incremental queries using incrementing column %s on "
                                 "%s because this column is nullable.",
                                 name, where);
    }
    return ERR_OK;
}

static enum err_code jdbc_dialect_bind_timestamps(struct jdbc_stream *s, const char *where,
                                                  struct err *e)
{
    bool one_required = false;
    char names[512] = "";
    for (size_t i = 0; i < s->target.timestamp_column_count; i++) {
        const char *name = s->target.timestamp_columns[i];
        int index = jdbc_columns_find(&s->columns, name);
        if (index < 0) {
            return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                     "Timestamp column: %s does not exist in table '%s'", name,
                                     where);
        }
        enum jdbc_kind kind = s->columns.items[index].kind;
        if (kind != JDBC_KIND_TIMESTAMP && kind != JDBC_KIND_DATE) {
            return connect_error_set(e, ERR_INVALID, CONNECT_EXCEPTION,
                                     "Invalid type for timestamp column: column \"%s\" of %s is "
                                     "neither a timestamp nor a date",
                                     name, where);
        }
        s->timestamp_indexes[i] = index;
        one_required = one_required || s->columns.items[index].required;
        size_t len = strlen(names);
        (void)snprintf(names + len, sizeof names - len, "%s%s", i > 0 ? ", " : "", name);
    }
    if (s->session->settings->validate_non_null && s->target.table != NULL && !one_required) {
        return connect_error_set(e, ERR_INVALID, CONNECT_EXCEPTION,
                                 "Cannot make incremental queries using timestamp columns [%s] on "
                                 "%s because all of these columns nullable.",
                                 names, where);
    }
    return ERR_OK;
}

enum err_code jdbc_dialect_bind_columns(struct jdbc_stream *s, struct err *e)
{
    char where[300];
    jdbc_dialect_describe(s, where, sizeof where);
    s->incrementing_index = -1;
    enum err_code rc = ERR_OK;
    if (jdbc_settings_uses_incrementing(s->session->settings)) {
        rc = jdbc_dialect_bind_incrementing(s, where, e);
    }
    if (rc == ERR_OK && jdbc_settings_uses_timestamp(s->session->settings)) {
        rc = jdbc_dialect_bind_timestamps(s, where, e);
    }
    return rc;
}
