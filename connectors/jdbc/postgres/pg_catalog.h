/*
 * What the system catalogs know: tables to copy, and of one result's columns whether they may be
 * null and of which types they are.
 */
#pragma once

#include "connectors/jdbc/postgres/pg_session.h"
#include "connectors/jdbc/postgres/pg_types.h"

enum err_code pg_catalog_list_tables(struct jdbc_session *s, struct jdbc_table_list *list,
                                     struct err *e);

struct pg_relation {
    Oid oid;
    char kind; /* r, p, v, m, f */
};

/* ERR_NOT_FOUND names the table. */
enum err_code pg_catalog_find(struct pg_session *s, const struct jdbc_table *table,
                              struct pg_relation *out_relation, struct err *e);
/* The identity or serial column: "Incrementing column..." error when there is not exactly one. The
 * name is the caller's (mem_free). */
enum err_code pg_catalog_auto_increment(struct pg_session *s, Oid relation, const char *where,
                                        char **out_name, struct err *e);
/* Columns of a described (or any) result. A type that cannot be carried is refused: the error names
 * `where`, column and type. */
enum err_code pg_catalog_describe(struct pg_session *s, const PGresult *shape, const char *where,
                                  struct jdbc_columns *out_columns, struct pg_column **out_pg,
                                  struct err *e);
/* "{16400,16398}": the table, what inherits from it, and the sequences that number it: whoever adds
 * a row holds a lock on one of these first. "" for views and the like: any table may be behind
 * them. Also says whether one of the sequences hands out its numbers ahead of time (CACHE). The
 * text is the caller's. */
enum err_code pg_catalog_lock_targets(struct pg_session *s, const struct pg_relation *relation,
                                      const char *column, char **out_oids, int64_t *out_cache,
                                      struct err *e);
/* Digits behind the point of the currency that lc_monetary names; asked once a session. */
enum err_code pg_catalog_money_digits(struct pg_session *s, int *out_digits, struct err *e);
