#include "connectors/jdbc/jdbc_tables.h"

#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/pattern.h"
#include "connect/include/connect_error.h"

#define JDBC_TABLES_NAME_MAX 1024

static void jdbc_tables_plain_name(const struct jdbc_table *t, char *out, size_t size)
{
    (void)snprintf(out, size, "%s%s%s", t->schema != NULL ? t->schema : "",
                   t->schema != NULL ? "." : "", t->name);
}

void jdbc_tables_write(const struct jdbc_table *table, struct buf *out)
{
    const struct jdbc_sql_style style = {.quote = '"'};
    jdbc_sql_write_table(out, &style, table);
}

/* The full name, quoted or not, or the bare name; case counts. */
static bool jdbc_tables_listed(const struct jdbc_table *t, const struct connect_config_list *list)
{
    char plain[JDBC_TABLES_NAME_MAX];
    jdbc_tables_plain_name(t, plain, sizeof plain);
    struct buf quoted;
    buf_init(&quoted, JDBC_TABLES_NAME_MAX);
    jdbc_tables_write(t, &quoted);
    bool found = false;
    for (size_t i = 0; i < list->count && !found; i++) {
        const char *text = buf_text(&quoted);
        found = strcmp(list->items[i], plain) == 0 || strcmp(list->items[i], t->name) == 0 ||
                (text != NULL && strcmp(list->items[i], text) == 0);
    }
    buf_deinit(&quoted);
    return found;
}

static enum err_code jdbc_tables_match(const struct jdbc_table *t,
                                       const struct connect_config_list *patterns, bool *out_found,
                                       struct err *e)
{
    char plain[JDBC_TABLES_NAME_MAX];
    jdbc_tables_plain_name(t, plain, sizeof plain);
    *out_found = false;
    for (size_t i = 0; i < patterns->count && !*out_found; i++) {
        struct pattern *p = NULL;
        enum err_code rc = pattern_compile(patterns->items[i], &p, e);
        rc = rc == ERR_OK ? pattern_match(p, plain, out_found, e) : rc;
        pattern_destroy(p);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    return ERR_OK;
}

static enum err_code jdbc_tables_wanted(const struct jdbc_settings *s, const struct jdbc_table *t,
                                        bool *out_wanted, struct err *e)
{
    if (s->table_whitelist.count > 0) {
        *out_wanted = jdbc_tables_listed(t, &s->table_whitelist);
        return ERR_OK;
    }
    if (s->table_blacklist.count > 0) {
        *out_wanted = !jdbc_tables_listed(t, &s->table_blacklist);
        return ERR_OK;
    }
    bool included = true;
    bool excluded = false;
    enum err_code rc = ERR_OK;
    if (s->table_include.count > 0) {
        rc = jdbc_tables_match(t, &s->table_include, &included, e);
    }
    if (rc == ERR_OK && s->table_exclude.count > 0) {
        rc = jdbc_tables_match(t, &s->table_exclude, &excluded, e);
    }
    *out_wanted = included && !excluded;
    return rc;
}

enum err_code jdbc_tables_filter(const struct jdbc_settings *s, struct jdbc_table_list *list,
                                 struct err *e)
{
    size_t kept = 0;
    enum err_code rc = ERR_OK;
    for (size_t i = 0; i < list->count; i++) {
        bool wanted = false;
        if (rc == ERR_OK) {
            rc = jdbc_tables_wanted(s, &list->items[i], &wanted, e);
        }
        if (wanted) {
            list->items[kept++] = list->items[i];
        } else {
            mem_free(list->items[i].schema);
            mem_free(list->items[i].name);
        }
    }
    list->count = kept;
    return rc == ERR_OK ? ERR_OK
                        : connect_error_wrap(e, CONNECT_CONFIG_EXCEPTION, "%s",
                                             "table.include.list or table.exclude.list");
}

enum err_code jdbc_tables_check_names(const struct jdbc_table_list *list, struct err *e)
{
    for (size_t i = 0; i < list->count; i++) {
        for (size_t k = i + 1; k < list->count; k++) {
            if (strcmp(list->items[i].name, list->items[k].name) == 0) {
                return connect_error_set(
                    e, ERR_INVALID, CONNECT_EXCEPTION,
                    "The connector uses the unqualified table name as the topic name and has "
                    "detected duplicate unqualified table names. This could lead to mixed data "
                    "types in the topic and downstream processing errors. To prevent such "
                    "processing errors, the JDBC Source connector fails to start when it detects "
                    "duplicate table name configurations. Update the connector's "
                    "'table.whitelist' config to include exactly one table in each of the tables "
                    "listed below.\n\t[\"%s\".\"%s\", \"%s\".\"%s\"]",
                    list->items[i].schema, list->items[i].name, list->items[k].schema,
                    list->items[k].name);
            }
        }
    }
    return ERR_OK;
}

static bool jdbc_tables_same(const struct jdbc_table *a, const struct jdbc_table *b)
{
    bool schema = a->schema == NULL || b->schema == NULL ? a->schema == b->schema
                                                         : strcmp(a->schema, b->schema) == 0;
    return schema && strcmp(a->name, b->name) == 0;
}

bool jdbc_tables_equal(const struct jdbc_table_list *a, const struct jdbc_table_list *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++) {
        equal = jdbc_tables_same(&a->items[i], &b->items[i]);
    }
    return equal;
}

/* One name part: quoted, or bare up to '.' or ','. Returns what follows; NULL when malformed. */
static const char *jdbc_tables_read_part(const char *at, struct buf *out)
{
    if (*at != '"') {
        size_t n = strcspn(at, ".,");
        buf_append(out, at, n);
        return at + n;
    }
    for (at++; *at != '\0'; at++) {
        if (*at == '"' && at[1] != '"') {
            return at + 1;
        }
        at += *at == '"' ? 1 : 0;
        buf_append_char(out, *at);
    }
    return NULL;
}

static enum err_code jdbc_tables_read_one(const char **at, struct jdbc_table_list *list,
                                          struct err *e)
{
    struct buf first;
    struct buf second;
    buf_init(&first, JDBC_TABLES_NAME_MAX);
    buf_init(&second, JDBC_TABLES_NAME_MAX);
    const char *p = *at + strspn(*at, " ");
    p = jdbc_tables_read_part(p, &first);
    bool qualified = p != NULL && *p == '.';
    if (qualified) {
        p = jdbc_tables_read_part(p + 1, &second);
    }
    p = p != NULL ? p + strspn(p, " ") : NULL;
    enum err_code rc = ERR_OK;
    if (p == NULL || (*p != ',' && *p != '\0') || first.len == 0 ||
        (qualified && second.len == 0)) {
        rc = err_set(e, ERR_PARSE, "malformed table name at \"%.40s\"", *at);
    } else {
        const char *schema = qualified ? buf_text(&first) : NULL;
        rc = jdbc_dialect_add_table(list, schema, buf_text(qualified ? &second : &first), e);
        *at = p + (*p == ',' ? 1 : 0);
    }
    buf_deinit(&first);
    buf_deinit(&second);
    return rc;
}

enum err_code jdbc_tables_read(const char *text, struct jdbc_table_list *out_list, struct err *e)
{
    struct jdbc_table_list list = {0};
    while (*text != '\0') {
        enum err_code rc = jdbc_tables_read_one(&text, &list, e);
        if (rc != ERR_OK) {
            jdbc_dialect_free_tables(&list);
            return rc;
        }
    }
    *out_list = list;
    return ERR_OK;
}

void jdbc_tables_share(size_t tables, size_t n, size_t i, size_t *out_from, size_t *out_to)
{
    size_t base = tables / n;
    size_t more = tables % n;
    *out_from = i * base + (i < more ? i : more);
    *out_to = *out_from + base + (i < more ? 1 : 0);
}
