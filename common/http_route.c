#include "common/http_route.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/arena.h"
#include "common/text.h"

static int http_route_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes in place; false for a bad escape or a NUL byte. */
static bool http_route_decode(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        int high = http_route_hex(from[1]);
        int low = high < 0 ? -1 : http_route_hex(from[2]);
        if (low < 0 || (high == 0 && low == 0)) {
            return false;
        }
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    return text_is_utf8(text, (size_t)(to - text));
}

enum err_code http_route_split(struct arena *a, const char *path, struct http_route_path *out_path,
                               struct err *e)
{
    struct http_route_path split = {.count = 0};
    const char *end = path + strcspn(path, "?");
    const char *at = *path == '/' ? path + 1 : path;
    while (at < end) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const char *stop = slash != NULL ? slash : end;
        if (split.count == HTTP_ROUTE_SEGMENT_MAX) {
            return err_set(e, ERR_LIMIT, "path has more than %d segments", HTTP_ROUTE_SEGMENT_MAX);
        }
        char *segment = arena_strndup(a, at, (size_t)(stop - at));
        if (segment == NULL) {
            return err_nomem(e, "request path");
        }
        if (!http_route_decode(segment)) {
            return err_set(e, ERR_INVALID, "path is not valid percent-encoded UTF-8");
        }
        split.segments[split.count++] = segment;
        at = stop + 1;
    }
    *out_path = split;
    return ERR_OK;
}

/* The next segment of a pattern: its length, *at moved behind it. NULL at the end. */
static const char *http_route_next(const char **at, size_t *out_len)
{
    if (**at == '/') {
        (*at)++;
    }
    if (**at == '\0') {
        return NULL;
    }
    const char *segment = *at;
    *out_len = strcspn(segment, "/");
    *at += *out_len;
    return segment;
}

bool http_route_matches(const char *pattern, const struct http_route_path *path)
{
    size_t i = 0;
    size_t len = 0;
    const char *segment = NULL;
    while ((segment = http_route_next(&pattern, &len)) != NULL) {
        if (i == path->count) {
            return false;
        }
        const char *given = path->segments[i++];
        if (*segment == '{') {
            if (*given == '\0') {
                return false;
            }
        } else if (strncmp(segment, given, len) != 0 || given[len] != '\0') {
            return false;
        }
    }
    return i == path->count;
}

const char *http_route_param(const char *pattern, const struct http_route_path *path,
                             const char *name)
{
    size_t name_len = strlen(name);
    size_t len = 0;
    const char *segment = NULL;
    for (size_t i = 0; i < path->count && (segment = http_route_next(&pattern, &len)) != NULL;
         i++) {
        if (len == name_len + 2 && *segment == '{' && memcmp(segment + 1, name, name_len) == 0) {
            return path->segments[i];
        }
    }
    return NULL;
}
