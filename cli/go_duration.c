#include "cli/go_duration.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

bool go_duration_parse(const char *text, int64_t *out_ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ns", 1e-6}, {"us", 1e-3}, {"ms", 1},      {"h", 3600000},
                 {"m", 60000}, {"s", 1000},  {"d", 86400000}};
    double total = 0;
    bool any = false;
    while (*text != '\0') {
        char *end = NULL;
        if (!isdigit((unsigned char)*text) && *text != '.') {
            return false;
        }
        double n = strtod(text, &end);
        size_t unit = 0;
        size_t count = sizeof units / sizeof units[0];
        while (unit < count && strncmp(end, units[unit].unit, strlen(units[unit].unit)) != 0) {
            unit++;
        }
        if (unit == count || end == text) {
            return false;
        }
        total += n * units[unit].ms;
        text = end + strlen(units[unit].unit);
        any = true;
    }
    if (!any || total > 1e15) {
        return false;
    }
    *out_ms = (int64_t)total;
    return true;
}
