/*
 * JSON in and out, over jansson, with limits: a document of a size or depth that its reader did not
 * ask for is refused with a parse error before a tree is built. Objects keep the order of their
 * keys. Numbers print as Java prints them (1.5, 43.0, 1.0E10), because the programs whose bytes we
 * must match are written in it. Trees are owned by the caller (json_decref); not shared between
 * threads.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "common/bytes.h"
#include "common/err.h"

struct buf;

#define JSON_DEPTH_DEFAULT ((size_t)200)

struct json_limits {
    size_t max_bytes;           /* 0 = 16 MiB */
    size_t max_depth;           /* 0 = JSON_DEPTH_DEFAULT; at most 1000 */
    bool reject_duplicate_keys; /* otherwise the last one wins */
    bool any_root;              /* a scalar at the top is fine; otherwise object or array */
};

/* limits may be NULL. ERR_PARSE with line and column, or ERR_LIMIT. *out_json is a new reference.
 */
enum err_code json_decode(struct bytes text, const struct json_limits *limits, json_t **out_json,
                          struct err *e);

/* Compact, in key order, UTF-8 as it is, control characters escaped. Fails through the buffer. */
void json_write(struct buf *b, const json_t *json);
/* A quoted string. len bytes of UTF-8. */
void json_write_text(struct buf *b, const char *text, size_t len);
/* As Java's Double.toString: 43.0, 1.0E10, NaN. */
void json_write_double(struct buf *b, double v);
/* As Java's Float.toString. */
void json_write_float(struct buf *b, float v);
/* json_write into a fresh text (mem_free); NULL when out of memory or larger than limit_bytes. */
char *json_encode(const json_t *json, size_t limit_bytes);
