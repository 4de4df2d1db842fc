/*
 * Settings of a streams application, by the names of the original. One table gives defaults and
 * checks; clients' settings pass through under their prefixes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "streams/include/weir/streams.h"

struct client_config;

#define STREAMS_CONFIG_ENTRIES_MAX 500

struct streams_config_entry {
    char *key;
    char *value;
};

struct weir_config {
    struct streams_config_entry *entries;
    size_t count;
};

/* NULL when out of memory. */
struct weir_config *streams_config_copy(const struct weir_config *c);
enum err_code streams_config_set(struct weir_config *c, const char *key, const char *value,
                                 struct err *e);
/* Of keys in the table whose check is a number. */
int64_t streams_config_number(const struct weir_config *c, const char *key);
/* True when the value of a key ends with this word: "...LogAndContinueExceptionHandler". */
bool streams_config_contains(const struct weir_config *c, const char *key, const char *word);
enum weir_timestamps streams_config_timestamps(const struct weir_config *c);
/* Passes on what belongs to a client: bare client keys, then the prefixes, the later the stronger.
 * prefixes ends with NULL. */
enum err_code streams_config_client(const struct weir_config *c, const char *const *prefixes,
                                    struct client_config *out, struct err *e);
/* The settings below a prefix, in order: calls fn with the key behind it. */
void streams_config_each(const struct weir_config *c, const char *prefix,
                         void (*fn)(void *ctx, const char *key, const char *value), void *ctx);
