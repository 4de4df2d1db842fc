/* Lines for -v on standard error: "15:04:05.000  DEBUG  text". Any thread. */
#pragma once

#include "common/err.h"

void debug_print(const char *fmt, ...) ERR_PRINTF(1, 2);
