#include "common/http_accept.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One media range: type without parameters, and its weight in thousandths. */
struct http_accept_range {
    const char *type;
    size_t len;
    long weight;
};

static size_t http_accept_type_len(const char *text)
{
    return strcspn(text, ";, \t");
}

/* "q=0.5" among the parameters between at and end; 1000 when absent. */
static long http_accept_weight(const char *at, const char *end)
{
    while (at < end) {
        at += strspn(at, "; \t");
        if (at + 2 <= end && (at[0] == 'q' || at[0] == 'Q') && at[1] == '=') {
            double q = strtod(at + 2, NULL);
            return q < 0 ? 0 : q > 1 ? 1000 : (long)(q * 1000);
        }
        at += strcspn(at, ";,");
        if (*at == ',' || *at == '\0') {
            break;
        }
    }
    return 1000;
}

static bool http_accept_matches(const struct http_accept_range *range, const char *type)
{
    if (range->len == 3 && memcmp(range->type, "*/*", 3) == 0) {
        return true;
    }
    if (range->len >= 2 && memcmp(range->type + range->len - 2, "/*", 2) == 0) {
        return strncasecmp(range->type, type, range->len - 1) == 0;
    }
    return strncasecmp(range->type, type, range->len) == 0 && type[range->len] == '\0';
}

const char *http_accept_choose(const char *accept, const char *const *produces)
{
    if (accept == NULL || *accept == '\0') {
        return produces[0];
    }
    const char *best = NULL;
    long best_weight = 0;
    for (const char *at = accept; *at != '\0'; at += *at == ',') {
        at += strspn(at, " \t");
        const char *end = at + strcspn(at, ",");
        struct http_accept_range range = {at, http_accept_type_len(at), 0};
        range.weight = http_accept_weight(at + range.len, end);
        for (size_t i = 0; produces[i] != NULL && range.weight > best_weight; i++) {
            if (http_accept_matches(&range, produces[i])) {
                best = produces[i];
                best_weight = range.weight;
            }
        }
        at = end;
    }
    return best;
}

bool http_accept_consumes(const char *content_type, const char *const *consumes)
{
    size_t len = http_accept_type_len(content_type);
    for (size_t i = 0; consumes[i] != NULL; i++) {
        if (strncasecmp(content_type, consumes[i], len) == 0 && consumes[i][len] == '\0') {
            return true;
        }
    }
    return false;
}
