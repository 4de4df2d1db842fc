/* The values of conf.h as text: one function that knows the types. */
#pragma once

#include "common/conf.h"

/* Checks text against the row's type and bounds. out_number: the number, milliseconds, bytes, or
 * 0/1. */
enum err_code conf_value_parse(const struct conf_option *option, const char *text,
                               int64_t *out_number, struct err *e);
