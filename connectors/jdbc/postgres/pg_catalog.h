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
/*
 * Begins a statement with WITH RECURSIVE tree(oid), ..., used(oid, cache): the table with all that
 * inherits from it, and the sequences that number the column. Looked up by name each time that it
 * runs: tables are swapped by renaming, partitions come, defaults change. table: as statements name
 * it; column "": no sequences.
 */
enum err_code pg_catalog_write_family(struct pg_session *s, const char *table, const char *column,
                                      struct buf *out, struct err *e);
/* The greatest CACHE of these sequences: how many numbers a session takes ahead of time. */
enum err_code pg_catalog_sequence_cache(struct pg_session *s, const char *table, const char *column,
                                        int64_t *out_cache, struct err *e);
/* No two rows of the relation can share a value of the column. */
enum err_code pg_catalog_is_unique(struct pg_session *s, Oid relation, const char *column,
                                   bool *out_unique, struct err *e);
/* Digits behind the point of the currency that lc_monetary names; asked once a session. */
enum err_code pg_catalog_money_digits(struct pg_session *s, int *out_digits, struct err *e);
