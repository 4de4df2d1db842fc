#include "connectors/jdbc/postgres/pg_conninfo.h"

#include <string.h>
#include <strings.h>

#include "connect/include/connect_error.h"
#include "connectors/jdbc/postgres/pg_error.h"

#define PG_CONNINFO_MAX 48
#define PG_CONNINFO_OPTIONS_MAX 4096

/* Keyword and value arrays as PQconnectStartParams takes them; later settings of a keyword win. */
struct pg_conninfo {
    const char *keywords[PG_CONNINFO_MAX + 1];
    const char *values[PG_CONNINFO_MAX + 1];
    size_t count;
    char options[PG_CONNINFO_OPTIONS_MAX];
    size_t options_len;
    bool options_full;
};

static void pg_conninfo_set(struct pg_conninfo *c, const char *keyword, const char *value)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->keywords[i], keyword) == 0) {
            c->values[i] = value;
            return;
        }
    }
    if (c->count < PG_CONNINFO_MAX) {
        c->keywords[c->count] = keyword;
        c->values[c->count++] = value;
    }
}

static void pg_conninfo_put(struct pg_conninfo *c, char character)
{
    if (c->options_len + 1 >= sizeof c->options) {
        c->options_full = true;
        return;
    }
    c->options[c->options_len++] = character;
    c->options[c->options_len] = '\0';
}

/* The server splits its options at spaces; a backslash keeps one together. */
static void pg_conninfo_add_option(struct pg_conninfo *c, const char *before, const char *value,
                                   bool whole)
{
    for (const char *p = before; *p != '\0'; p++) {
        pg_conninfo_put(c, *p);
    }
    for (const char *p = value; *p != '\0'; p++) {
        if (whole && (*p == ' ' || *p == '\\')) {
            pg_conninfo_put(c, '\\');
        }
        pg_conninfo_put(c, *p);
    }
}

static const char *pg_conninfo_target(const char *value)
{
    static const char *const table[][2] = {{"any", "any"},
                                           {"primary", "primary"},
                                           {"master", "primary"},
                                           {"secondary", "standby"},
                                           {"slave", "standby"},
                                           {"preferSecondary", "prefer-standby"},
                                           {"preferSlave", "prefer-standby"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcasecmp(table[i][0], value) == 0) {
            return table[i][1];
        }
    }
    return "any";
}

static void pg_conninfo_property(struct pg_conninfo *c, const char *name, const char *value)
{
    static const char *const same[][2] = {
        {"user", "user"},
        {"password", "password"},
        {"sslmode", "sslmode"},
        {"sslrootcert", "sslrootcert"},
        {"sslcert", "sslcert"},
        {"sslkey", "sslkey"},
        {"sslpassword", "sslpassword"},
        {"sslcrl", "sslcrl"},
        {"ApplicationName", "application_name"},
        {"gssEncMode", "gssencmode"},
        {"channelBinding", "channel_binding"},
        {"kerberosServerName", "krbsrvname"},
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        if (strcmp(same[i][0], name) == 0) {
            pg_conninfo_set(c, same[i][1], value);
            return;
        }
    }
    if (strcmp(name, "currentSchema") == 0) {
        pg_conninfo_add_option(c, " -c search_path=", value, true);
    } else if (strcmp(name, "options") == 0) {
        pg_conninfo_add_option(c, " ", value, false);
    } else if (strcmp(name, "targetServerType") == 0) {
        pg_conninfo_set(c, "target_session_attrs", pg_conninfo_target(value));
    } else if (strcmp(name, "tcpKeepAlive") == 0) {
        pg_conninfo_set(c, "keepalives", strcasecmp(value, "true") == 0 ? "1" : "0");
    } else if (strcmp(name, "ssl") == 0 && strcasecmp(value, "false") != 0) {
        pg_conninfo_set(c, "sslmode", "verify-full");
    }
}

/* Left alone, the library writes notices to standard error, in the middle of the event log. What
 * matters comes as an error too. */
static void pg_conninfo_drop_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

enum err_code pg_conninfo_start(const struct jdbc_settings *settings, PGconn **out_conn,
                                struct err *e)
{
    struct pg_conninfo c = {.count = 0};
    pg_conninfo_set(&c, "host", settings->url.hosts);
    pg_conninfo_set(&c, "port", settings->url.ports);
    if (settings->url.database != NULL) {
        pg_conninfo_set(&c, "dbname", settings->url.database);
    }
    pg_conninfo_set(&c, "application_name", "weir");
    pg_conninfo_set(&c, "client_encoding", "UTF8");
    for (size_t i = 0; i < settings->url.property_count; i++) {
        pg_conninfo_property(&c, settings->url.properties[i].name,
                             settings->url.properties[i].value);
    }
    static const char prefix[] = "connection.";
    for (size_t i = 0; i < settings->config->count; i++) {
        const struct connect_config_entry *entry = &settings->config->entries[i];
        if (strncmp(entry->key, prefix, sizeof prefix - 1) == 0 && entry->value != NULL) {
            pg_conninfo_property(&c, entry->key + sizeof prefix - 1, entry->value);
        }
    }
    if (c.options_full) {
        return connect_error_set(e, ERR_LIMIT, PG_EXCEPTION,
                                 "currentSchema and options are longer than %d bytes together",
                                 PG_CONNINFO_OPTIONS_MAX);
    }
    if (c.options[0] != '\0') {
        pg_conninfo_set(&c, "options", c.options);
    }
    *out_conn = PQconnectStartParams(c.keywords, c.values, 0);
    if (*out_conn == NULL) {
        return err_nomem(e, "Postgres connection");
    }
    (void)PQsetNoticeProcessor(*out_conn, pg_conninfo_drop_notice, NULL);
    return ERR_OK;
}
