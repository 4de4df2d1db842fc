/*
 * Regular expressions with Java's syntax and meaning as far as PCRE2 has them, which is all that
 * configs use: topic routers, table lists, predicates. Bounded: a match that backtracks for too
 * long is an error, not a hang. Immutable once compiled; any thread may match.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

struct pattern;

/* ERR_INVALID with what is wrong, and where. */
enum err_code pattern_compile(const char *text, struct pattern **out_pattern, struct err *e);
void pattern_destroy(struct pattern *p);
/* The whole subject, as Matcher.matches. */
enum err_code pattern_match(const struct pattern *p, const char *subject, bool *out_matches,
                            struct err *e);
/* When the whole subject matches, appends the replacement with $1, ${name} and \-escapes resolved,
 * as Matcher.replaceFirst does; otherwise appends nothing and says so. */
enum err_code pattern_replace(const struct pattern *p, const char *subject, const char *replacement,
                              struct buf *out, bool *out_matches, struct err *e);
