#include "connectors/jdbc/postgres/pg_conninfo.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PG_CONNINFO_MAX 48

/* Keyword and value arrays as PQconnectStartParams takes them; later settings of a keyword win. */
struct pg_conninfo {
    const char *keywords[PG_CONNINFO_MAX + 1];
    const char *values[PG_CONNINFO_MAX + 1];
    size_t count;
    char options[512];
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
    size_t len = strlen(c->options);
    if (strcmp(name, "currentSchema") == 0) {
        (void)snprintf(c->options + len, sizeof c->options - len, " -c search_path=%s", value);
    } else if (strcmp(name, "options") == 0) {
        (void)snprintf(c->options + len, sizeof c->options - len, " %s", value);
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
