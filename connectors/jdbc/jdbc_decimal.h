/*
 * Decimal numbers of any length: from text to the unscaled two's complement that the Connect model
 * has. Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/err.h"
#include "connect/include/connect_value.h"

/* Digits before and after the point that are accepted, as in Postgres. */
#define JDBC_DECIMAL_DIGITS_MAX 150000

/* "-12.50", "1e3": the DECIMAL of that scale; digits beyond it are rounded half up. ERR_PARSE for
 * what is no number (NaN and Infinity among them). */
enum err_code jdbc_decimal_from_text(struct arena *a, const char *text, size_t len, int32_t scale,
                                     struct connect_value *out_value, struct err *e);
