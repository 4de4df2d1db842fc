/*
 * What a verb needs to know of the cluster: the keys of -X, from these sources, the first that has
 * the key wins: -X and the older flags, RPK_<KEY> in the environment, REDPANDA_<...> (older), the
 * selected profile of rpk.yaml, the rpk section of redpanda.yaml, the default. Keys that rpk has
 * and nothing here can honour are refused when they are given by flag, and left alone in files and
 * environment, where they serve other programs. Read-only once loaded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

struct settings;

/* A flag of the command line: --FLAG text, which sets key; or, with key NULL, -X text with both. */
struct settings_option {
    const char *flag;
    const char *key;
    const char *text;
};

struct settings_request {
    const struct settings_option *options; /* the last one wins */
    size_t option_count;
    const char *config;  /* --config, or NULL for the usual places */
    const char *profile; /* --profile, or NULL for the current one */
    bool ignore_files;   /* --ignore-profile */
};

/* ERR_INVALID for an unknown or unusable key, or a value of the wrong kind: the text names where it
 * stands. */
enum err_code settings_load(const struct settings_request *request, struct settings **out_settings,
                            struct err *e) ERR_MUST_CHECK;
/* NULL is fine. */
void settings_destroy(struct settings *s);

/* The key must be in the table (CHECKed). NULL when it is not set and has no default. */
const char *settings_get(const struct settings *s, const char *key);
/* By a source, not by its default. */
bool settings_is_set(const struct settings *s, const char *key);
bool settings_bool(const struct settings *s, const char *key);
/* A duration; -1 when not set. */
long settings_ms(const struct settings *s, const char *key);
/* What was set, and where: "brokers = 127.0.0.1:9092 (RPK_BROKERS)" a line, secrets hidden. */
void settings_print(const struct settings *s, struct buf *out);

/* For -X list and -X help. */
void settings_print_keys(struct buf *out, bool terse);
