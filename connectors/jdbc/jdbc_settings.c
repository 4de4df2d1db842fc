#include "connectors/jdbc/jdbc_settings.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "common/check.h"
#include "connect/include/connect_error.h"

static const char *const jdbc_modes[] = {
    "", "bulk", "timestamp", "incrementing", "timestamp+incrementing", NULL};
static const char *const jdbc_numerics[] = {"none", "precision_only", "best_fit",
                                            "best_fit_eager_double", NULL};
static const char *const jdbc_granularities[] = {"connect_logical",
                                                 "nanos_long",
                                                 "nanos_string",
                                                 "nanos_iso_datetime_string",
                                                 "micros_long",
                                                 "micros_string",
                                                 "micros_iso_datetime_string",
                                                 NULL};
static const char *const jdbc_quotes[] = {"always", "never", NULL};
static const char *const jdbc_isolations[] = {
    "DEFAULT", "READ_UNCOMMITTED", "READ_COMMITTED", "REPEATABLE_READ", "SERIALIZABLE", NULL};

/* Index of a word in a list, in any case; -1 when it is not there. */
static int jdbc_settings_find(const char *const *words, const char *word)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcasecmp(words[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

static enum err_code jdbc_settings_check_enum(const char *const *words, const char *name,
                                              const char *value, struct err *e)
{
    return jdbc_settings_find(words, value) >= 0
               ? ERR_OK
               : connect_config_invalid(e, name, value, "Invalid enumerator");
}

static enum err_code jdbc_settings_check_numeric(const struct connect_config *config,
                                                 const char *name, const char *value, struct err *e)
{
    (void)config;
    return jdbc_settings_check_enum(jdbc_numerics, name, value, e);
}

static enum err_code jdbc_settings_check_granularity(const struct connect_config *config,
                                                     const char *name, const char *value,
                                                     struct err *e)
{
    (void)config;
    return jdbc_settings_check_enum(jdbc_granularities, name, value, e);
}

static enum err_code jdbc_settings_check_quote(const struct connect_config *config,
                                               const char *name, const char *value, struct err *e)
{
    (void)config;
    return jdbc_settings_check_enum(jdbc_quotes, name, value, e);
}

static enum err_code jdbc_settings_check_isolation(const struct connect_config *config,
                                                   const char *name, const char *value,
                                                   struct err *e)
{
    (void)config;
    return jdbc_settings_check_enum(jdbc_isolations, name, value, e);
}

static enum err_code jdbc_settings_check_mode(const struct connect_config *config, const char *name,
                                              const char *value, struct err *e)
{
    (void)config;
    (void)name;
    return value[0] != '\0' ? ERR_OK : err_set(e, ERR_INVALID, "Query mode must be specified");
}

static enum err_code jdbc_settings_check_prefix(const struct connect_config *config,
                                                const char *name, const char *value, struct err *e)
{
    (void)config;
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (value[strspn(value, allowed)] == '\0') {
        return ERR_OK;
    }
    return connect_config_invalid(e, name, value,
                                  "Topic prefix must not contain any character other than ASCII "
                                  "alphanumerics, '.', '_' and '-'.");
}

static enum err_code jdbc_settings_check_url(const struct connect_config *config, const char *name,
                                             const char *value, struct err *e)
{
    (void)config;
    (void)name;
    struct jdbc_url url;
    enum err_code rc = jdbc_url_parse(value, &url, e);
    if (rc == ERR_OK) {
        jdbc_url_deinit(&url);
    }
    return rc;
}

#define DATABASE .group = "Database"
#define CONNECTOR .group = "Connector"
#define MODE .group = "Mode"

const struct connect_config_key jdbc_settings_keys[] = {
    {.name = "connection.url",
     .type = CONNECT_CONFIG_STRING,
     .required = true,
     DATABASE,
     .order = 1,
     .width = CONNECT_CONFIG_WIDTH_LONG,
     .display_name = "JDBC URL",
     .check = jdbc_settings_check_url,
     .doc = "jdbc:postgresql://host:port/db?user=..&password=.. or jdbc:sqlite:path."},
    {.name = "connection.user",
     .type = CONNECT_CONFIG_STRING,
     DATABASE,
     .order = 2,
     .display_name = "JDBC User",
     .doc = "Database user."},
    {.name = "connection.password",
     .type = CONNECT_CONFIG_PASSWORD,
     DATABASE,
     .order = 3,
     .display_name = "JDBC Password",
     .doc = "Database password."},
    {.name = "connection.attempts",
     .type = CONNECT_CONFIG_INT,
     .default_value = "3",
     .has_min = true,
     .min = 1,
     .importance = CONNECT_CONFIG_LOW,
     DATABASE,
     .order = 4,
     .display_name = "JDBC connection attempts",
     .doc = "Attempts to connect before a refusal (wrong password, no such database) is final."},
    {.name = "connection.backoff.ms",
     .type = CONNECT_CONFIG_LONG,
     .default_value = "10000",
     .has_min = true,
     .min = 0,
     .importance = CONNECT_CONFIG_LOW,
     DATABASE,
     .order = 5,
     .display_name = "JDBC connection backoff (ms)",
     .doc = "Time between two attempts."},
    {.name = "catalog.pattern",
     .type = CONNECT_CONFIG_STRING,
     .importance = CONNECT_CONFIG_MEDIUM,
     DATABASE,
     .order = 6,
     .display_name = "Catalog pattern",
     .doc = "LIKE pattern of the database that tables are looked for in; empty: those without."},
    {.name = "schema.pattern",
     .type = CONNECT_CONFIG_STRING,
     DATABASE,
     .order = 7,
     .display_name = "Schema pattern",
     .doc = "LIKE pattern of the schema that tables are looked for in; empty: those without."},
    {.name = "table.whitelist",
     .type = CONNECT_CONFIG_LIST,
     .default_value = "",
     .importance = CONNECT_CONFIG_MEDIUM,
     DATABASE,
     .order = 8,
     .display_name = "Table Whitelist",
     .doc = "Tables to copy: full names, quoted or not, or bare names. Excludes table.blacklist."},
    {.name = "table.blacklist",
     .type = CONNECT_CONFIG_LIST,
     .default_value = "",
     .importance = CONNECT_CONFIG_MEDIUM,
     DATABASE,
     .order = 9,
     .display_name = "Table Blacklist",
     .doc = "Tables not to copy. Excludes table.whitelist."},
    {.name = "table.include.list",
     .type = CONNECT_CONFIG_LIST,
     .default_value = "",
     .importance = CONNECT_CONFIG_MEDIUM,
     DATABASE,
     .order = 10,
     .display_name = "Table Include List",
     .doc = "Regular expressions of full names (schema.table) to copy."},
    {.name = "table.exclude.list",
     .type = CONNECT_CONFIG_LIST,
     .default_value = "",
     .importance = CONNECT_CONFIG_MEDIUM,
     DATABASE,
     .order = 11,
     .display_name = "Table Exclude List",
     .doc = "Regular expressions of full names not to copy; wins over table.include.list."},
    {.name = "quote.sql.identifiers",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "ALWAYS",
     .importance = CONNECT_CONFIG_MEDIUM,
     DATABASE,
     .order = 12,
     .display_name = "Quote Identifiers",
     .check = jdbc_settings_check_quote,
     .doc = "When to quote names in SQL: always or never."},
    {.name = "dialect.name",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "",
     .importance = CONNECT_CONFIG_LOW,
     DATABASE,
     .order = 13,
     .display_name = "Database Dialect",
     .doc = "PostgreSqlDatabaseDialect or SqliteDatabaseDialect; empty: as the URL says."},
    {.name = "mode",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "",
     .valid = jdbc_modes,
     MODE,
     .order = 1,
     .display_name = "Table Loading Mode",
     .check = jdbc_settings_check_mode,
     .doc = "bulk, incrementing, timestamp or timestamp+incrementing."},
    {.name = "incrementing.column.name",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "",
     .importance = CONNECT_CONFIG_MEDIUM,
     MODE,
     .order = 2,
     .display_name = "Incrementing Column Name",
     .doc = "Column that grows with every row; empty: the auto-increment column."},
    {.name = "timestamp.column.name",
     .type = CONNECT_CONFIG_LIST,
     .default_value = "",
     .importance = CONNECT_CONFIG_MEDIUM,
     MODE,
     .order = 3,
     .display_name = "Timestamp Column Name",
     .doc = "Columns whose first value that is not null dates a new or changed row."},
    {.name = "timestamp.initial",
     .type = CONNECT_CONFIG_LONG,
     .importance = CONNECT_CONFIG_LOW,
     MODE,
     .order = 4,
     .display_name = "Timestamp Initial",
     .doc = "Where to begin without an offset, ms since 1970; -1: now. Default: 1970."},
    {.name = "validate.non.null",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_LOW,
     MODE,
     .order = 5,
     .display_name = "Validate Non Null",
     .doc = "Refuse incrementing and timestamp columns that may be null."},
    {.name = "query",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "",
     .importance = CONNECT_CONFIG_MEDIUM,
     MODE,
     .order = 6,
     .display_name = "Query",
     .doc = "Read this query instead of tables. Wrap a WHERE of its own in a sub-select."},
    {.name = "query.suffix",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "",
     .importance = CONNECT_CONFIG_LOW,
     MODE,
     .order = 7,
     .display_name = "Query suffix",
     .doc = "Appended to every statement."},
    {.name = "transaction.isolation.mode",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "DEFAULT",
     .importance = CONNECT_CONFIG_LOW,
     MODE,
     .order = 8,
     .display_name = "Transaction Isolation Mode",
     .check = jdbc_settings_check_isolation,
     .doc = "DEFAULT, READ_UNCOMMITTED, READ_COMMITTED, REPEATABLE_READ or SERIALIZABLE."},
    {.name = "query.retry.attempts",
     .type = CONNECT_CONFIG_INT,
     .default_value = "-1",
     .importance = CONNECT_CONFIG_LOW,
     MODE,
     .order = 9,
     .display_name = "Query Retry Attempts",
     .doc = "Consecutive failures of a kind that may pass before the task fails; -1: no limit."},
    {.name = "incrementing.gap.hold.ms",
     .type = CONNECT_CONFIG_LONG,
     .default_value = "0",
     .has_min = true,
     .min = 0,
     .importance = CONNECT_CONFIG_LOW,
     MODE,
     .order = 10,
     .display_name = "Gap Hold Time (ms)",
     .doc = "Wait at least so long at a gap in the incrementing column: for ids that clients "
            "reserve outside of the transaction that inserts them (CACHE, pooled generators)."},
    {.name = "table.types",
     .type = CONNECT_CONFIG_LIST,
     .default_value = "TABLE",
     .importance = CONNECT_CONFIG_LOW,
     CONNECTOR,
     .order = 1,
     .display_name = "Table Types",
     .doc = "TABLE, VIEW, PARTITIONED TABLE, FOREIGN TABLE, MATERIALIZED VIEW."},
    {.name = "poll.interval.ms",
     .type = CONNECT_CONFIG_INT,
     .default_value = "5000",
     .has_min = true,
     .min = 0,
     CONNECTOR,
     .order = 2,
     .display_name = "Poll Interval (ms)",
     .doc = "Time between two looks at one table."},
    {.name = "batch.max.rows",
     .type = CONNECT_CONFIG_INT,
     .default_value = "1000",
     .has_min = true,
     .min = 1,
     .has_max = true,
     .max = 1000000,
     .importance = CONNECT_CONFIG_LOW,
     CONNECTOR,
     .order = 3,
     .display_name = "Max Rows Per Batch",
     .doc = "Rows fetched, and handed on, at a time: what bounds memory."},
    {.name = "table.poll.interval.ms",
     .type = CONNECT_CONFIG_LONG,
     .default_value = "60000",
     .has_min = true,
     .min = 1,
     .importance = CONNECT_CONFIG_LOW,
     CONNECTOR,
     .order = 4,
     .display_name = "Metadata Change Monitoring Interval (ms)",
     .doc = "Time between two looks for new and vanished tables."},
    {.name = "topic.prefix",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "",
     CONNECTOR,
     .order = 5,
     .display_name = "Topic Prefix",
     .check = jdbc_settings_check_prefix,
     .doc = "Topic = prefix + table name; the whole name in query mode."},
    {.name = "timestamp.delay.interval.ms",
     .type = CONNECT_CONFIG_LONG,
     .default_value = "0",
     .importance = CONNECT_CONFIG_HIGH,
     CONNECTOR,
     .order = 6,
     .display_name = "Delay Interval (ms)",
     .doc = "How long a row must have existed, by its timestamp, before it is read."},
    {.name = "db.timezone",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "UTC",
     .importance = CONNECT_CONFIG_MEDIUM,
     CONNECTOR,
     .order = 7,
     .display_name = "DB time zone",
     .doc = "Zone of timestamps that name none."},
    {.name = "numeric.precision.mapping",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "false",
     .importance = CONNECT_CONFIG_LOW,
     CONNECTOR,
     .order = 8,
     .display_name = "Map Numeric Values By Precision (deprecated)",
     .doc = "Old name of numeric.mapping=precision_only."},
    {.name = "numeric.mapping",
     .type = CONNECT_CONFIG_STRING,
     .importance = CONNECT_CONFIG_LOW,
     CONNECTOR,
     .order = 9,
     .display_name = "Map Numeric Values, Integral or Decimal",
     .check = jdbc_settings_check_numeric,
     .doc = "none, precision_only, best_fit or best_fit_eager_double."},
    {.name = "timestamp.granularity",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "connect_logical",
     .importance = CONNECT_CONFIG_LOW,
     CONNECTOR,
     .order = 10,
     .display_name = "Timestamp granularity",
     .check = jdbc_settings_check_granularity,
     .doc = "connect_logical (ms), or nanos_ and micros_ with long, string or "
            "iso_datetime_string."},
};
static_assert(sizeof jdbc_settings_keys == JDBC_SETTINGS_KEY_COUNT * sizeof jdbc_settings_keys[0],
              "the header says how many keys there are");

bool jdbc_settings_uses_timestamp(const struct jdbc_settings *s)
{
    return s->mode == JDBC_MODE_TIMESTAMP || s->mode == JDBC_MODE_TIMESTAMP_INCREMENTING;
}

bool jdbc_settings_uses_incrementing(const struct jdbc_settings *s)
{
    return s->mode == JDBC_MODE_INCREMENTING || s->mode == JDBC_MODE_TIMESTAMP_INCREMENTING;
}

static enum jdbc_mode jdbc_settings_mode(const char *word)
{
    static const struct {
        const char *word;
        enum jdbc_mode mode;
    } table[] = {{"bulk", JDBC_MODE_BULK},
                 {"timestamp", JDBC_MODE_TIMESTAMP},
                 {"incrementing", JDBC_MODE_INCREMENTING},
                 {"timestamp+incrementing", JDBC_MODE_TIMESTAMP_INCREMENTING}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].word, word) == 0) {
            return table[i].mode;
        }
    }
    CHECK(false); /* the key table has let it through */
    return JDBC_MODE_BULK;
}

static enum err_code jdbc_settings_read_lists(const struct connect_config_reader *r,
                                              struct jdbc_settings *s, struct err *e)
{
    const struct {
        const char *key;
        struct connect_config_list *list;
    } rows[] = {{"timestamp.column.name", &s->timestamp_columns},
                {"table.types", &s->table_types},
                {"table.whitelist", &s->table_whitelist},
                {"table.blacklist", &s->table_blacklist},
                {"table.include.list", &s->table_include},
                {"table.exclude.list", &s->table_exclude}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum err_code rc =
            connect_config_parse_list(connect_config_read_text(r, rows[i].key), rows[i].list, e);
        if (rc != ERR_OK) {
            return err_wrap(e, "%s", rows[i].key);
        }
    }
    const char *tables = connect_config_get(s->config, "tables");
    return tables != NULL ? connect_config_parse_list(tables, &s->tables, e) : ERR_OK;
}

static void jdbc_settings_read_scalars(const struct connect_config_reader *r,
                                       struct jdbc_settings *s)
{
    s->user = connect_config_read_text(r, "connection.user");
    s->password = connect_config_read_text(r, "connection.password");
    s->connection_attempts = connect_config_read_integer(r, "connection.attempts");
    s->connection_backoff_ms = connect_config_read_integer(r, "connection.backoff.ms");
    s->mode = jdbc_settings_mode(connect_config_read_text(r, "mode"));
    s->incrementing_column = connect_config_read_text(r, "incrementing.column.name");
    s->has_timestamp_initial = connect_config_get(s->config, "timestamp.initial") != NULL;
    s->timestamp_initial_ms = connect_config_read_integer(r, "timestamp.initial");
    s->validate_non_null = connect_config_read_boolean(r, "validate.non.null");
    s->query = connect_config_read_text(r, "query");
    s->query_suffix = connect_config_read_text(r, "query.suffix");
    s->quote_identifiers =
        strcasecmp(connect_config_read_text(r, "quote.sql.identifiers"), "always") == 0;
    s->isolation = connect_config_read_text(r, "transaction.isolation.mode");
    const char *numeric = connect_config_read_text(r, "numeric.mapping");
    if (numeric != NULL) {
        s->numeric = (enum jdbc_numeric)jdbc_settings_find(jdbc_numerics, numeric);
    } else if (connect_config_read_boolean(r, "numeric.precision.mapping")) {
        s->numeric = JDBC_NUMERIC_PRECISION_ONLY;
    }
    s->granularity = (enum jdbc_granularity)jdbc_settings_find(
        jdbc_granularities, connect_config_read_text(r, "timestamp.granularity"));
    s->zone = connect_config_read_text(r, "db.timezone");
    s->timestamp_delay_ms = connect_config_read_integer(r, "timestamp.delay.interval.ms");
    s->poll_interval_ms = connect_config_read_integer(r, "poll.interval.ms");
    s->batch_max_rows = connect_config_read_integer(r, "batch.max.rows");
    s->table_poll_interval_ms = connect_config_read_integer(r, "table.poll.interval.ms");
    s->query_retry_attempts = connect_config_read_integer(r, "query.retry.attempts");
    s->gap_hold_ms = connect_config_read_integer(r, "incrementing.gap.hold.ms");
    s->topic_prefix = connect_config_read_text(r, "topic.prefix");
    s->catalog_pattern = connect_config_read_text(r, "catalog.pattern");
    s->schema_pattern = connect_config_read_text(r, "schema.pattern");
}

/* What one key alone cannot tell. */
static enum err_code jdbc_settings_check_together(const struct jdbc_settings *s, struct err *e)
{
    bool lists = s->table_include.count > 0 || s->table_exclude.count > 0;
    if (s->table_whitelist.count > 0 && s->table_blacklist.count > 0) {
        return connect_error_set(e, ERR_INVALID, CONNECT_EXCEPTION,
                                 "table.whitelist and table.blacklist are exclusive");
    }
    if (lists && (s->table_whitelist.count > 0 || s->table_blacklist.count > 0)) {
        return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "table.include.list and table.exclude.list cannot be combined "
                                 "with table.whitelist or table.blacklist");
    }
    if (s->query[0] != '\0' &&
        (s->table_whitelist.count > 0 || s->table_blacklist.count > 0 || lists)) {
        return connect_error_set(e, ERR_INVALID, CONNECT_EXCEPTION,
                                 "query may not be combined with whole-table copying settings.");
    }
    if (jdbc_settings_uses_timestamp(s) && s->timestamp_columns.count == 0) {
        return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                 "mode timestamp needs timestamp.column.name");
    }
    if (s->timestamp_columns.count > JDBC_TIMESTAMP_COLUMNS_MAX) {
        return connect_error_set(e, ERR_LIMIT, CONNECT_CONFIG_EXCEPTION,
                                 "timestamp.column.name has more than %d columns",
                                 JDBC_TIMESTAMP_COLUMNS_MAX);
    }
    return ERR_OK;
}

enum err_code jdbc_settings_read(const struct connect_config *config,
                                 struct jdbc_settings *out_settings, struct err *e)
{
    enum err_code rc = connect_config_check(config, jdbc_settings_keys, JDBC_SETTINGS_KEY_COUNT, e);
    if (rc != ERR_OK) {
        return rc;
    }
    struct jdbc_settings s = {.config = config};
    const struct connect_config_reader r = {config, jdbc_settings_keys, JDBC_SETTINGS_KEY_COUNT};
    jdbc_settings_read_scalars(&r, &s);
    rc = jdbc_url_parse(connect_config_read_text(&r, "connection.url"), &s.url, e);
    rc = rc == ERR_OK ? jdbc_settings_read_lists(&r, &s, e) : rc;
    if (rc != ERR_OK) {
        connect_error_name(e);
    } else {
        rc = jdbc_settings_check_together(&s, e);
    }
    if (rc != ERR_OK) {
        jdbc_settings_deinit(&s);
        return rc;
    }
    *out_settings = s;
    return ERR_OK;
}

void jdbc_settings_deinit(struct jdbc_settings *s)
{
    jdbc_url_deinit(&s->url);
    connect_config_list_deinit(&s->timestamp_columns);
    connect_config_list_deinit(&s->table_types);
    connect_config_list_deinit(&s->table_whitelist);
    connect_config_list_deinit(&s->table_blacklist);
    connect_config_list_deinit(&s->table_include);
    connect_config_list_deinit(&s->table_exclude);
    connect_config_list_deinit(&s->tables);
}
