/*
 * Tables as rpk prints them: columns padded with spaces to the widest cell plus 2 (at least 6),
 * counted in characters, the last cell of a row not padded. The first row is the header.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct table;

/* NULL when out of memory. */
struct table *table_create(void);
void table_destroy(struct table *t);
/* Starts a row; table_cell adds to it. Failures are remembered and reported by table_print. */
void table_row(struct table *t);
void table_cell(struct table *t, const char *fmt, ...) ERR_PRINTF(2, 3);
/* A whole row of texts, NULL-terminated. */
void table_texts(struct table *t, ...) __attribute__((sentinel));
size_t table_row_count(const struct table *t);
/* Writes to standard output. False when something could not be remembered or written. */
bool table_print(const struct table *t);
/* "NAME", and a line of '=' below it, as rpk heads its sections. */
void table_print_title(const char *title);
