/*
 * The source connector's keys (one table: validation, REST definitions and docs come from it) and a
 * config read into plain members. Texts are borrowed from the config or the table. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "connect/include/connect_config.h"
#include "connectors/jdbc/jdbc_url.h"

enum jdbc_mode {
    JDBC_MODE_BULK,
    JDBC_MODE_INCREMENTING,
    JDBC_MODE_TIMESTAMP,
    JDBC_MODE_TIMESTAMP_INCREMENTING,
};

enum jdbc_numeric {
    JDBC_NUMERIC_NONE,
    JDBC_NUMERIC_PRECISION_ONLY,
    JDBC_NUMERIC_BEST_FIT,
    JDBC_NUMERIC_BEST_FIT_EAGER_DOUBLE,
};

enum jdbc_granularity {
    JDBC_GRANULARITY_CONNECT_LOGICAL,
    JDBC_GRANULARITY_NANOS_LONG,
    JDBC_GRANULARITY_NANOS_STRING,
    JDBC_GRANULARITY_NANOS_ISO,
    JDBC_GRANULARITY_MICROS_LONG,
    JDBC_GRANULARITY_MICROS_STRING,
    JDBC_GRANULARITY_MICROS_ISO,
};

#define JDBC_TIMESTAMP_COLUMNS_MAX 16

struct jdbc_settings {
    const struct connect_config *config; /* for connection.* keys of the driver */
    struct jdbc_url url;
    const char *user;     /* NULL: as the URL says */
    const char *password; /* never logged */
    int64_t connection_attempts;
    int64_t connection_backoff_ms;
    enum jdbc_mode mode;
    const char *incrementing_column; /* "": the auto-increment column */
    struct connect_config_list timestamp_columns;
    bool has_timestamp_initial;
    int64_t timestamp_initial_ms; /* -1: now */
    bool validate_non_null;
    const char *query; /* "" in table mode */
    const char *query_suffix;
    bool quote_identifiers;
    const char *isolation; /* "DEFAULT", "READ_COMMITTED", ... */
    enum jdbc_numeric numeric;
    enum jdbc_granularity granularity;
    const char *zone;
    int64_t timestamp_delay_ms;
    int64_t poll_interval_ms;
    int64_t batch_max_rows;
    int64_t table_poll_interval_ms;
    int64_t query_retry_attempts; /* -1: for ever */
    int64_t gap_hold_ms;
    const char *topic_prefix;
    const char *catalog_pattern; /* NULL: any; "": those without */
    const char *schema_pattern;
    struct connect_config_list table_types;
    struct connect_config_list table_whitelist;
    struct connect_config_list table_blacklist;
    struct connect_config_list table_include; /* regular expressions */
    struct connect_config_list table_exclude;
    struct connect_config_list tables; /* of a task: "public"."a" */
};

#define JDBC_SETTINGS_KEY_COUNT 33
extern const struct connect_config_key jdbc_settings_keys[JDBC_SETTINGS_KEY_COUNT];

/* Checks the keys one by one and against each other; the error is a trace head. config is borrowed
 * until deinit. */
enum err_code jdbc_settings_read(const struct connect_config *config,
                                 struct jdbc_settings *out_settings, struct err *e) ERR_MUST_CHECK;
void jdbc_settings_deinit(struct jdbc_settings *s);

bool jdbc_settings_uses_timestamp(const struct jdbc_settings *s);
bool jdbc_settings_uses_incrementing(const struct jdbc_settings *s);
