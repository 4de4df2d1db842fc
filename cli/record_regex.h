/*
 * {re[...]} of a format that reads: how much of the input, from where it stands, a regular
 * expression takes. PCRE, on bytes that are UTF-8 as far as they are. Read-only once compiled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/bytes.h"
#include "common/err.h"

struct record_regex;

/* ERR_INVALID for what is no expression. */
enum err_code record_regex_compile(const char *text, struct record_regex **out_regex,
                                   struct err *e) ERR_MUST_CHECK;
/* NULL is fine. */
void record_regex_destroy(struct record_regex *r);
/* The length of the match at the start. With *out_more the input ends too early to tell; never when
 * it has ended. ERR_PARSE when there is no match, or an empty one. */
enum err_code record_regex_measure(const struct record_regex *r, struct bytes input, bool ended,
                                   size_t *out_len, bool *out_more, struct err *e) ERR_MUST_CHECK;
