#include "connectors/jdbc/postgres/pg_catalog.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/mem.h"
#include "connect/include/connect_error.h"

#define PG_SQL_MAX ((size_t)1 << 20)

static struct pg_request pg_catalog_text_request(const char *sql, const char *const *texts,
                                                 int count)
{
    struct pg_request r = {.sql = sql, .parameter_count = count};
    for (int i = 0; i < count; i++) {
        r.types[i] = PG_OID_TEXT;
        r.values[i] = texts[i];
        r.lengths[i] = texts[i] != NULL ? (int)strlen(texts[i]) : 0;
    }
    return r;
}

static char *pg_catalog_copy(struct bytes cell)
{
    return mem_strndup((const char *)cell.data, cell.len);
}

/* Relation kinds of table.types, as a list of SQL literals. */
static void pg_catalog_write_kinds(const struct connect_config_list *types, struct buf *out)
{
    static const char *const table[][2] = {{"TABLE", "'r'"},
                                           {"PARTITIONED TABLE", "'p'"},
                                           {"VIEW", "'v'"},
                                           {"MATERIALIZED VIEW", "'m'"},
                                           {"FOREIGN TABLE", "'f'"}};
    for (size_t i = 0; i < types->count; i++) {
        for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) {
            if (strcasecmp(types->items[i], table[k][0]) == 0) {
                buf_printf(out, ",%s", table[k][1]);
            }
        }
    }
}

enum err_code pg_catalog_list_tables(struct jdbc_session *session, struct jdbc_table_list *list,
                                     struct err *e)
{
    struct pg_session *s = (struct pg_session *)(void *)session;
    struct buf sql;
    buf_init(&sql, PG_SQL_MAX);
    buf_append_text(&sql, "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c "
                          "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                          "WHERE c.relkind IN (''");
    pg_catalog_write_kinds(&session->settings->table_types, &sql);
    buf_append_text(&sql, ") AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "
                          "AND ($1::text IS NULL OR n.nspname LIKE $1) "
                          "AND ($2::text IS NULL OR current_database() LIKE $2) "
                          "ORDER BY c.relkind, n.nspname, c.relname");
    const char *const texts[] = {session->settings->schema_pattern,
                                 session->settings->catalog_pattern};
    enum err_code rc = buf_check(&sql, "catalog query", e);
    PGresult *r = NULL;
    if (rc == ERR_OK) {
        struct pg_request request = pg_catalog_text_request(buf_text(&sql), texts, 2);
        rc = pg_session_run(s, &request, &r, e);
    }
    buf_deinit(&sql);
    for (int i = 0; rc == ERR_OK && i < PQntuples(r); i++) {
        rc = jdbc_dialect_add_table(list, PQgetvalue(r, i, 0), PQgetvalue(r, i, 1), e);
    }
    PQclear(r);
    return rc;
}

enum err_code pg_catalog_find(struct pg_session *s, const struct jdbc_table *table,
                              struct pg_relation *out_relation, struct err *e)
{
    static const char sql[] = "SELECT c.oid, c.relkind::text FROM pg_catalog.pg_class c JOIN "
                              "pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname "
                              "= $1 AND c.relname = $2";
    const char *const texts[] = {table->schema, table->name};
    struct pg_request request = pg_catalog_text_request(sql, texts, 2);
    PGresult *r = NULL;
    enum err_code rc = pg_session_run(s, &request, &r, e);
    if (rc != ERR_OK) {
        return rc;
    }
    if (PQntuples(r) == 0) {
        rc = connect_error_set(e, ERR_NOT_FOUND, CONNECT_EXCEPTION,
                               "Table \"%s\".\"%s\" does not exist (any more)", table->schema,
                               table->name);
    } else {
        out_relation->oid = (Oid)pg_session_int32(pg_session_cell(r, 0, 0));
        out_relation->kind = PQgetvalue(r, 0, 1)[0];
    }
    PQclear(r);
    return rc;
}

enum err_code pg_catalog_auto_increment(struct pg_session *s, Oid relation, const char *where,
                                        char **out_name, struct err *e)
{
    char sql[640];
    (void)snprintf(sql, sizeof sql,
                   "SELECT a.attname::text FROM pg_catalog.pg_attribute a LEFT JOIN "
                   "pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
                   "WHERE a.attrelid = %u AND a.attnum > 0 AND NOT a.attisdropped AND "
                   "(a.attidentity <> '' OR pg_catalog.pg_get_expr(d.adbin, d.adrelid) LIKE "
                   "'%%nextval(%%')",
                   relation);
    PGresult *r = NULL;
    enum err_code rc = pg_session_run(s, &(struct pg_request){.sql = sql}, &r, e);
    if (rc != ERR_OK) {
        return rc;
    }
    if (PQntuples(r) != 1) {
        rc = connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                               "%s has %d auto-increment columns: name one in "
                               "incrementing.column.name",
                               where, PQntuples(r));
    } else {
        *out_name = pg_catalog_copy(pg_session_cell(r, 0, 0));
        rc = *out_name != NULL ? ERR_OK : err_nomem(e, "column name");
    }
    PQclear(r);
    return rc;
}

enum err_code pg_catalog_money_digits(struct pg_session *s, int *out_digits, struct err *e)
{
    if (s->money_digits < 0) {
        PGresult *r = NULL;
        enum err_code rc = pg_session_run(
            s, &(struct pg_request){.sql = "SELECT scale(1::money::numeric)"}, &r, e);
        if (rc != ERR_OK) {
            return rc;
        }
        s->money_digits = pg_session_int32(pg_session_cell(r, 0, 0));
        PQclear(r);
    }
    *out_digits = s->money_digits;
    return ERR_OK;
}

/* One round for all columns: may it be null, of which sort and name is its type. */
static enum err_code pg_catalog_ask_columns(struct pg_session *s, const PGresult *shape,
                                            PGresult **out_result, struct err *e)
{
    struct buf sql;
    buf_init(&sql, PG_SQL_MAX);
    buf_append_text(&sql,
                    "SELECT v.i, coalesce((a.attnotnull OR (t.typtype = 'd' AND t.typnotnull)) AND "
                    "a.attgenerated = '', false), b.typtype::text, b.typname::text, "
                    "pg_catalog.format_type(b.oid, NULL) FROM (VALUES ");
    for (int i = 0; i < PQnfields(shape); i++) {
        buf_printf(&sql, "%s(%d,%u::oid,%d,%u::oid)", i > 0 ? "," : "", i, PQftable(shape, i),
                   PQftablecol(shape, i), PQftype(shape, i));
    }
    buf_append_text(&sql, ") AS v(i, rel, col, type) LEFT JOIN pg_catalog.pg_attribute a ON "
                          "a.attrelid = v.rel AND a.attnum = v.col LEFT JOIN pg_catalog.pg_type t "
                          "ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_type b ON b.oid = v.type "
                          "ORDER BY v.i");
    enum err_code rc = buf_check(&sql, "catalog query", e);
    if (rc == ERR_OK) {
        rc = pg_session_run(s, &(struct pg_request){.sql = buf_text(&sql)}, out_result, e);
    }
    buf_deinit(&sql);
    return rc;
}

/* A type that is not built in: an enum, or one that is text inside. */
static enum pg_form pg_catalog_form(const char *type_kind, const char *type_name)
{
    if (type_kind[0] == 'e' || strcmp(type_name, "citext") == 0) {
        return PG_FORM_TEXT;
    }
    return PG_FORM_NONE;
}

struct pg_catalog_columns {
    struct jdbc_columns columns;
    struct pg_column *pg;
};

static enum err_code pg_catalog_fill(struct pg_session *s, const PGresult *shape,
                                     const PGresult *answer, const char *where,
                                     struct pg_catalog_columns *to, struct err *e)
{
    struct pg_column *pg = to->pg;
    for (int i = 0; i < PQnfields(shape); i++) {
        struct jdbc_column *c = &to->columns.items[i];
        struct pg_column *p = &pg[i];
        c->name = mem_strdup(PQfname(shape, i));
        if (c->name == NULL) {
            return err_nomem(e, "columns");
        }
        *p = (struct pg_column){.type = PQftype(shape, i), .modifier = PQfmod(shape, i)};
        p->form = pg_types_builtin_form(p->type);
        if (p->form == PG_FORM_NONE) {
            p->form = pg_catalog_form(PQgetvalue(answer, i, 2), PQgetvalue(answer, i, 3));
        }
        if (p->form == PG_FORM_NONE) {
            return connect_error_set(
                e, ERR_UNSUPPORTED, CONNECT_EXCEPTION,
                "%s: column \"%s\" has the type %s, which cannot be carried. Leave it out, or cast "
                "it, in a query (query=SELECT ..., \"%s\"::text FROM ...) or a view (table.types="
                "VIEW).",
                where, c->name, PQgetvalue(answer, i, 4), c->name);
        }
        c->required = PQgetvalue(answer, i, 1)[0] != 0;
        pg_types_map(p, s->base.settings->numeric, c);
    }
    return ERR_OK;
}

enum err_code pg_catalog_describe(struct pg_session *s, const PGresult *shape, const char *where,
                                  struct jdbc_columns *out_columns, struct pg_column **out_pg,
                                  struct err *e)
{
    if (PQnfields(shape) <= 0) {
        return connect_error_set(e, ERR_INVALID, CONNECT_EXCEPTION, "%s gives no columns", where);
    }
    PGresult *answer = NULL;
    struct pg_catalog_columns to = {.pg = mem_calloc((size_t)PQnfields(shape), sizeof *to.pg)};
    enum err_code rc = to.pg != NULL ? ERR_OK : err_nomem(e, "columns");
    rc = rc == ERR_OK ? jdbc_columns_init(&to.columns, (size_t)PQnfields(shape), e) : rc;
    rc = rc == ERR_OK ? pg_catalog_ask_columns(s, shape, &answer, e) : rc;
    rc = rc == ERR_OK ? pg_catalog_fill(s, shape, answer, where, &to, e) : rc;
    PQclear(answer);
    if (rc != ERR_OK) {
        jdbc_columns_deinit(&to.columns);
        mem_free(to.pg);
        return rc;
    }
    *out_columns = to.columns;
    *out_pg = to.pg;
    return ERR_OK;
}

/* Sequences: owned by the column (serial, identity), or named by its default. */
static const char pg_catalog_family_sql[] =
    "UNION SELECT i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid), "
    "col AS (SELECT a.attrelid, a.attnum FROM tree t JOIN pg_catalog.pg_attribute a ON a.attrelid "
    "= t.oid WHERE a.attname = %s), "
    "seq(oid) AS (SELECT d.objid FROM col JOIN pg_catalog.pg_depend d ON d.refclassid = "
    "'pg_catalog.pg_class'::regclass AND d.refobjid = col.attrelid AND d.refobjsubid = col.attnum "
    "AND d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i') "
    "UNION SELECT d.refobjid FROM col JOIN pg_catalog.pg_attrdef f ON f.adrelid = col.attrelid AND "
    "f.adnum = col.attnum JOIN pg_catalog.pg_depend d ON d.classid = "
    "'pg_catalog.pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = "
    "'pg_catalog.pg_class'::regclass), "
    "used(oid, cache) AS (SELECT s.seqrelid, s.seqcache FROM seq JOIN pg_catalog.pg_sequence s ON "
    "s.seqrelid = seq.oid) ";

enum err_code pg_catalog_write_family(struct pg_session *s, const char *table, const char *column,
                                      struct buf *out, struct err *e)
{
    char *table_literal = PQescapeLiteral(s->conn, table, strlen(table));
    char *column_literal = PQescapeLiteral(s->conn, column, strlen(column));
    enum err_code rc = ERR_OK;
    if (table_literal == NULL || column_literal == NULL) {
        rc = connect_error_set(e, ERR_INVALID, CONNECT_EXCEPTION, "name of a table or column: %s",
                               PQerrorMessage(s->conn));
    } else {
        buf_printf(out, "WITH RECURSIVE tree(oid) AS (SELECT pg_catalog.to_regclass(%s)::oid ",
                   table_literal);
        buf_printf(out, pg_catalog_family_sql, column_literal);
    }
    PQfreemem(table_literal);
    PQfreemem(column_literal);
    return rc;
}

enum err_code pg_catalog_sequence_cache(struct pg_session *s, const char *table, const char *column,
                                        int64_t *out_cache, struct err *e)
{
    struct buf sql;
    buf_init(&sql, PG_SQL_MAX);
    enum err_code rc = pg_catalog_write_family(s, table, column, &sql, e);
    buf_append_text(&sql, "SELECT coalesce(max(cache), 1) FROM used");
    rc = rc == ERR_OK ? buf_check(&sql, "catalog query", e) : rc;
    PGresult *r = NULL;
    if (rc == ERR_OK) {
        rc = pg_session_run(s, &(struct pg_request){.sql = buf_text(&sql)}, &r, e);
    }
    if (rc == ERR_OK) {
        *out_cache = pg_session_int64(pg_session_cell(r, 0, 0));
    }
    PQclear(r);
    buf_deinit(&sql);
    return rc;
}

enum err_code pg_catalog_is_unique(struct pg_session *s, Oid relation, const char *column,
                                   bool *out_unique, struct err *e)
{
    /* An index of an inheritance parent says nothing about its children. */
    static const char form[] =
        "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_index i ON i.indrelid = c.oid JOIN "
        "pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE c.oid = "
        "%u AND a.attname = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND "
        "i.indnkeyatts = 1 AND (c.relkind = 'p' OR NOT c.relhassubclass)";
    char sql[sizeof form + 16];
    (void)snprintf(sql, sizeof sql, form, relation);
    struct pg_request request = pg_catalog_text_request(sql, &column, 1);
    PGresult *r = NULL;
    enum err_code rc = pg_session_run(s, &request, &r, e);
    *out_unique = rc == ERR_OK && PQntuples(r) > 0;
    PQclear(r);
    return rc;
}
