#include "common/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *file, int line, const char *function, const char *condition)
{
    (void)fprintf(stderr, "weir: check failed: %s (%s:%d %s)\n", condition, file, line, function);
    abort();
}
