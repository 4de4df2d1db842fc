/*
 * -r: which of the cluster's names match one of the arguments of a verb, each a regular expression
 * for the whole name; a bare `*` is every name. PCRE, which has what Go's syntax has.
 */
#pragma once

#include <stdbool.h>

#include "common/err.h"

struct cli;
struct name_match;

/* ERR_INVALID for what is no expression. */
enum err_code name_match_create(const struct cli *cli, struct name_match **out_match,
                                struct err *e) ERR_MUST_CHECK;
/* NULL is fine. */
void name_match_destroy(struct name_match *m);
/* A name that takes too long to match does not. */
bool name_match_has(const struct name_match *m, const char *name);
