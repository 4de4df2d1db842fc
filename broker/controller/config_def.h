/*
 * One row describes one config key: what it is, what it may be, what it is when nobody sets it.
 * Parsing, validation, the answers of DescribeConfigs and the docs all come from the rows of
 * topic_config.c and node_config.c. Values are kept as the text that the user sent.
 * Static data, any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

/* The codes of DescribeConfigs v3. */
enum config_type {
    CONFIG_BOOL = 1,
    CONFIG_STRING = 2,
    CONFIG_INT = 3,
    CONFIG_SHORT = 4,
    CONFIG_LONG = 5,
    CONFIG_DOUBLE = 6,
    CONFIG_LIST = 7,
    CONFIG_CLASS = 8,
    CONFIG_PASSWORD = 9,
};

/* The codes of DescribeConfigs v1. */
enum config_source {
    CONFIG_SOURCE_TOPIC = 1,
    CONFIG_SOURCE_DYNAMIC_NODE = 2,
    CONFIG_SOURCE_DYNAMIC_DEFAULT = 3,
    CONFIG_SOURCE_STATIC = 4,
    CONFIG_SOURCE_BUILT_IN = 5,
};

struct config_def {
    const char *key;
    enum config_type type;
    const char *default_value; /* NULL = none */
    int64_t min;               /* numbers; doubles are compared with their integer bounds */
    int64_t max;
    const char *choices; /* "a, b, c" for strings and for each entry of a list; NULL = any */
    /* Topic keys: the broker key that gives the default, NULL = none. Broker keys: NULL. */
    const char *node_key;
    bool dynamic;  /* broker keys: may be changed while running */
    bool obsolete; /* topic keys that 4.0 dropped: taken at creation, then ignored */
    const char *doc;
};

/* The row of that key among count rows, or NULL. */
const struct config_def *config_def_find(const struct config_def *defs, size_t count,
                                         struct bytes key);
/* False, and why in out_message (Kafka's words), when the value cannot be this key's. */
bool config_def_check(const struct config_def *def, struct bytes value, char *out_message,
                      size_t message_size);
/* A value that config_def_check accepted, as a number (booleans 0 and 1). The row's type must be
 * numeric or boolean; doubles are cut. */
int64_t config_def_number(const struct config_def *def, struct bytes value);
double config_def_double(struct bytes value);
/* True when the list holds the entry; entries are separated by commas, blanks around them do not
 * count. */
bool config_def_list_has(struct bytes list, struct bytes entry);
/* Calls fn for each entry of a list, trimmed; an empty text has none. */
typedef void (*config_def_entry_fn)(void *ctx, struct bytes entry);
void config_def_list_each(struct bytes list, config_def_entry_fn fn, void *ctx);
