/*
 * Which row of a route table a path belongs to, and what its {names} stand for. Pure. The path is
 * split at "/" first and percent-decoded afterwards, so that "%2F" stays inside its segment; "+" is
 * itself; one trailing slash is ignored.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct arena;
struct http_server_route;

#define HTTP_ROUTE_SEGMENT_MAX 12

/* A path, split and decoded; the texts live in the arena that was given. */
struct http_route_path {
    const char *segments[HTTP_ROUTE_SEGMENT_MAX];
    size_t count;
};

/* path ends at '?' or NUL. ERR_INVALID: a bad escape, a NUL byte or text that is not UTF-8.
 * ERR_LIMIT: more segments than any route has. */
enum err_code http_route_split(struct arena *a, const char *path, struct http_route_path *out_path,
                               struct err *e);
/* Whether the path has the form of the pattern. */
bool http_route_matches(const char *pattern, const struct http_route_path *path);
/* The segment that stands for {name} in a pattern that matches, or NULL when it has no such name.
 */
const char *http_route_param(const char *pattern, const struct http_route_path *path,
                             const char *name);
