/*
 * Which tables of the database are copied, how they are written in a task's config, and how they
 * are dealt out. Pure.
 */
#pragma once

#include "connectors/jdbc/jdbc_dialect.h"

/* Keeps of the list what the white, black, include and exclude lists let through. */
enum err_code jdbc_tables_filter(const struct jdbc_settings *s, struct jdbc_table_list *list,
                                 struct err *e);
/* The connector's refusal when two tables would go to one topic. */
enum err_code jdbc_tables_check_names(const struct jdbc_table_list *list, struct err *e);
bool jdbc_tables_equal(const struct jdbc_table_list *a, const struct jdbc_table_list *b);
/* "public"."a", as tasks' configs have it; and back: names may hold quotes, dots, commas. */
void jdbc_tables_write(const struct jdbc_table *table, struct buf *out);
/* Reads a comma list of such names. */
enum err_code jdbc_tables_read(const char *text, struct jdbc_table_list *out_list, struct err *e);
/* Task i of n gets [*out_from, *out_to): contiguous, sizes differ by at most one, larger first. */
void jdbc_tables_share(size_t tables, size_t n, size_t i, size_t *out_from, size_t *out_to);
