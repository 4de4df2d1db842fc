/*
 * Settings from one table: a row makes parsing, validation, `--help`, the manual page and
 * docs/configuration.md. Sources, later ones win: defaults, YAML file, environment, flags. Every
 * value is checked when it is set, so reading cannot fail; an unknown key, a bad value and a key
 * given twice in one file are errors that name key and source.
 *
 * Key "kafka.port" is the flag --kafka-port, the variable WEIR_KAFKA_PORT, and in YAML either
 * `kafka.port: 9092` or `port: 9092` below `kafka:`. Not thread-safe while it is being filled;
 * read-only afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum conf_type {
    CONF_TEXT,
    CONF_BOOL,     /* true or false */
    CONF_INT,      /* min..max */
    CONF_DURATION, /* milliseconds; "250ms", "10s", "5m", "1h" or a bare number of milliseconds;
                      min..max in ms */
    CONF_BYTES,    /* "64MiB", "512KiB", "1GiB" or a bare number of bytes; min..max in bytes */
    CONF_CHOICE,   /* one of `choices`, separated by '|' */
    CONF_LIST,     /* comma-separated texts; YAML sequences are joined */
};

struct conf_option {
    const char *key;
    enum conf_type type;
    const char *fallback; /* the default, as text; NULL = unset */
    int64_t min;
    int64_t max;
    const char *choices;
    const char *value_name; /* for help: "PORT"; NULL for bool */
    bool secret;            /* never printed */
    const char *section;    /* heading in help and docs */
    const char *doc;        /* one sentence */
};

struct conf;

/* The table is borrowed for the life of the conf. Keys must be unique (CHECKed). NULL when out of
 * memory. */
struct conf *conf_create(const struct conf_option *options, size_t count);
void conf_destroy(struct conf *c);

/* Sets one key. `source` is for messages: "--kafka-port", "weir.yaml line 3". */
enum err_code conf_set(struct conf *c, const char *key, const char *text, const char *source,
                       struct err *e) ERR_MUST_CHECK;
/* All keys of a YAML file of at most 1 MiB. */
enum err_code conf_load_file(struct conf *c, const char *path, struct err *e) ERR_MUST_CHECK;
/* Every WEIR_* variable of the table's keys, from environ. Other WEIR_* variables are not ours to
 * judge. */
enum err_code conf_load_environment(struct conf *c, struct err *e) ERR_MUST_CHECK;

/* One variable that is not of the table (RPK_BROKERS); NULL when unset. The only door to getenv. */
const char *conf_environment(const char *name);

/* The row of a flag name without dashes ("kafka-port"), or NULL. */
const struct conf_option *conf_find_flag(const struct conf *c, const char *flag);

/* The key must be in the table with a fitting type (CHECKed). NULL when unset. Owned by the conf.
 */
const char *conf_text(const struct conf *c, const char *key);
bool conf_bool(const struct conf *c, const char *key);
/* For INT, DURATION (ms) and BYTES. */
int64_t conf_int(const struct conf *c, const char *key);
bool conf_is_set(const struct conf *c, const char *key);
/* Items of a LIST: *cursor starts as NULL and is moved on; false at the end. The item is not
 * terminated. */
bool conf_list_next(const struct conf *c, const char *key, const char **cursor,
                    struct bytes *out_item);

/* "--flag VALUE  doc (default ...)" by section, in table order. */
void conf_print_help(const struct conf_option *options, size_t count, struct buf *out);
/* A Markdown table a section, for docs/configuration.md. */
void conf_print_markdown(const struct conf_option *options, size_t count, struct buf *out);
