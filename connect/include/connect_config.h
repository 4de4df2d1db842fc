/*
 * Configurations: an ordered map of texts, as the user sent it, and tables of known keys from which
 * validation, defaults, the REST definitions and the docs are derived.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct connect_config_entry {
    char *key;
    char *value; /* NULL: JSON null */
};

/* In the order of first setting. One owner; readers may share it while nobody changes it. */
struct connect_config {
    struct connect_config_entry *entries;
    size_t count;
    size_t capacity;
};

void connect_config_init(struct connect_config *c);
void connect_config_deinit(struct connect_config *c);
/* Copies both; a NULL value is kept as null. At most CONNECT_CONFIG_MAX keys. */
enum err_code connect_config_set(struct connect_config *c, const char *key, const char *value,
                                 struct err *e);
void connect_config_remove(struct connect_config *c, const char *key);
/* NULL when absent or null. */
const char *connect_config_get(const struct connect_config *c, const char *key);
bool connect_config_has(const struct connect_config *c, const char *key);
/* Sets everything of `from` over `to`. */
enum err_code connect_config_merge(struct connect_config *to, const struct connect_config *from,
                                   struct err *e);
/* Adds the entries whose key starts with prefix, with the prefix cut. */
enum err_code connect_config_merge_prefix(struct connect_config *to,
                                          const struct connect_config *from, const char *prefix,
                                          struct err *e);
/* Same keys and values in any order. */
bool connect_config_equal(const struct connect_config *a, const struct connect_config *b);

#define CONNECT_CONFIG_MAX 4096

enum connect_config_type {
    CONNECT_CONFIG_BOOLEAN,
    CONNECT_CONFIG_STRING,
    CONNECT_CONFIG_INT,
    CONNECT_CONFIG_SHORT,
    CONNECT_CONFIG_LONG,
    CONNECT_CONFIG_DOUBLE,
    CONNECT_CONFIG_LIST, /* comma-separated, items trimmed */
    CONNECT_CONFIG_CLASS,
    CONNECT_CONFIG_PASSWORD, /* never shown */
};

enum connect_config_importance { CONNECT_CONFIG_HIGH, CONNECT_CONFIG_MEDIUM, CONNECT_CONFIG_LOW };

enum connect_config_width {
    CONNECT_CONFIG_WIDTH_NONE,
    CONNECT_CONFIG_WIDTH_SHORT,
    CONNECT_CONFIG_WIDTH_MEDIUM,
    CONNECT_CONFIG_WIDTH_LONG
};

/* One known key. Zero members mean "none", so rows are short with designated initialisers. */
struct connect_config_key {
    const char *name;
    enum connect_config_type type;
    bool required;             /* no default: absence is an error */
    bool non_empty;            /* "String must be non-empty" */
    bool any_case;             /* `valid` ignores case */
    bool has_min;              /* numbers: "Value must be at least MIN" */
    bool has_max;              /* numbers: "Value must be no more than MAX" */
    const char *default_value; /* as text; NULL: the default is null (unless required) */
    enum connect_config_importance importance;
    enum connect_config_width width;
    const char *doc;
    const char *group;
    int order;                      /* in the group */
    const char *display_name;       /* NULL: the name */
    const char *const *dependents;  /* NULL-terminated; NULL: none */
    const char *const *valid;       /* "String must be one of: a, b"; NULL-terminated */
    const char *const *recommended; /* NULL-terminated */
    int64_t min;
    int64_t max;
    /* A further check of a value that is set (never NULL) and of the right type. The error's text
     * is the whole message that the user sees; connect_config_invalid writes the usual one. */
    enum err_code (*check)(const struct connect_config *config, const char *name, const char *value,
                           struct err *e);
};

/* "Invalid value V for configuration K: REASON", ERR_INVALID. */
enum err_code connect_config_invalid(struct err *e, const char *name, const char *value,
                                     const char *reason);
/* NULL when the table has no such key. */
const struct connect_config_key *connect_config_find_key(const struct connect_config_key *keys,
                                                         size_t key_count, const char *name);
/* Checks one key of a table against a config, with ConfigDef's texts. Gives up to `max_errors`
 * errors (an unparsable number counts twice, as in the originals); returns their number. */
size_t connect_config_check_key(const struct connect_config_key *key,
                                const struct connect_config *config, struct err *errors,
                                size_t max_errors);
/* Checks all keys; the first error, as "org.apache.kafka.common.config.ConfigException: ...". */
enum err_code connect_config_check(const struct connect_config *config,
                                   const struct connect_config_key *keys, size_t key_count,
                                   struct err *e);

/* Typed reading of a config that passed connect_config_check: the value or the table's default. The
 * key must be in the table. Texts are borrowed from config or table; NULL is null. */
struct connect_config_reader {
    const struct connect_config *config;
    const struct connect_config_key *keys;
    size_t key_count;
};

const char *connect_config_read_text(const struct connect_config_reader *r, const char *name);
bool connect_config_read_boolean(const struct connect_config_reader *r, const char *name);
/* INT, SHORT and LONG; 0 when null. */
int64_t connect_config_read_integer(const struct connect_config_reader *r, const char *name);
double connect_config_read_double(const struct connect_config_reader *r, const char *name);

/* LIST values: items trimmed, empty text = no items. The items are copies. */
struct connect_config_list {
    char **items;
    size_t count;
};
enum err_code connect_config_parse_list(const char *text, struct connect_config_list *out_list,
                                        struct err *e);
void connect_config_list_deinit(struct connect_config_list *list);

/* The configs of a connector's tasks. */
struct connect_config_set {
    struct connect_config *configs;
    size_t count;
    size_t capacity;
};
void connect_config_set_init(struct connect_config_set *s);
void connect_config_set_deinit(struct connect_config_set *s);
/* An empty config to fill, valid until the next add; NULL when memory is short or 1024 tasks are
 * there. */
struct connect_config *connect_config_set_add(struct connect_config_set *s);
