#include "cli/debug.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/clock.h"

#define DEBUG_LINE_BYTES 4096

void debug_print(const char *fmt, ...)
{
    char text[DEBUG_LINE_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    long long ms = clock_wall_ms(clock_system());
    long long second = ms / 1000;
    /* One call a line: threads of the Kafka client write too. */
    (void)fprintf(stderr, "%02lld:%02lld:%02lld.%03lld  DEBUG  %s\n", second / 3600 % 24,
                  second / 60 % 60, second % 60, ms % 1000, text);
}
