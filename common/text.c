#include "common/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How many bytes the sequence at p has, or 0 when it is malformed. left > 0. */
static size_t text_utf8_sequence(const unsigned char *p, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0x80) {
        return 1;
    }
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n > left) {
        return 0;
    }
    uint32_t code = p[0] & (0xffU >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (p[i] & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least[n] || code > 0x10ffff || surrogate ? 0 : n;
}

bool text_is_utf8(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;
    while (i < len) {
        size_t n = text_utf8_sequence(p + i, len - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

bool text_parse_int64(const char *text, int64_t *out_value)
{
    const char *digits = text + (*text == '-' || *text == '+' ? 1 : 0);
    if (*digits < '0' || *digits > '9') {
        return false;
    }
    char *end = NULL;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0') {
        return false;
    }
    *out_value = v;
    return true;
}

bool text_equals_nocase(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

void text_write_address(char *out, size_t size, const char *host, unsigned port)
{
    bool brackets = strchr(host, ':') != NULL;
    (void)snprintf(out, size, brackets ? "[%s]:%u" : "%s:%u", host, port);
}
