#include "connectors/jdbc/jdbc_url.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

#define JDBC_URL_MAX 8192
#define POSTGRES_PREFIX "jdbc:postgresql:"
#define SQLITE_PREFIX "jdbc:sqlite:"

void jdbc_url_redact(const char *text, char *out_text, size_t size)
{
    const char *end = strchr(text, '?');
    size_t len = end != NULL ? (size_t)(end - text) : strlen(text);
    const char *slashes = strstr(text, "//");
    const char *at = memchr(text, '@', len);
    if (slashes != NULL && at != NULL && at > slashes) {
        (void)snprintf(out_text, size, "%.*s//%.*s", (int)(slashes - text), text,
                       (int)(len - (size_t)(at + 1 - text)), at + 1);
        return;
    }
    (void)snprintf(out_text, size, "%.*s", (int)len, text);
}

static int jdbc_url_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

/* Percent and plus decoding, as java.net.URLDecoder does; NULL when out of memory. A broken escape
 * stays as it is. */
static char *jdbc_url_decode(const char *text, size_t len)
{
    char *out = mem_alloc(len + 1);
    if (out == NULL) {
        return NULL;
    }
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%' && len - i > 2 && jdbc_url_hex(text[i + 1]) >= 0 &&
            jdbc_url_hex(text[i + 2]) >= 0) {
            out[n++] = (char)(jdbc_url_hex(text[i + 1]) * 16 + jdbc_url_hex(text[i + 2]));
            i += 2;
        } else {
            out[n++] = text[i] == '+' ? ' ' : text[i];
        }
    }
    out[n] = '\0';
    return out;
}

static enum err_code jdbc_url_parse_properties(const char *text, struct jdbc_url *url,
                                               struct err *e)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "&");
        if (len > 0) {
            if (url->property_count == JDBC_URL_PROPERTIES_MAX) {
                return err_set(e, ERR_LIMIT, "the JDBC URL has more than %d properties",
                               JDBC_URL_PROPERTIES_MAX);
            }
            const char *equals = memchr(text, '=', len);
            size_t name_len = equals != NULL ? (size_t)(equals - text) : len;
            struct jdbc_url_property *p = &url->properties[url->property_count++];
            p->name = jdbc_url_decode(text, name_len);
            p->value =
                equals != NULL ? jdbc_url_decode(equals + 1, len - name_len - 1) : mem_strdup("");
            if (p->name == NULL || p->value == NULL) {
                return err_nomem(e, "JDBC URL");
            }
        }
        text += len;
        text += *text == '&' ? 1 : 0;
    }
    return ERR_OK;
}

/* One "host", "host:port" or "[v6]:port" of the comma list; appends to both lists. */
static enum err_code jdbc_url_add_host(const char *text, size_t len, struct buf *hosts,
                                       struct buf *ports, struct err *e)
{
    const char *host = text;
    size_t host_len = len;
    const char *port = NULL;
    if (len > 0 && text[0] == '[') {
        const char *close = memchr(text, ']', len);
        if (close == NULL) {
            return err_set(e, ERR_INVALID, "the JDBC URL has a '[' without ']'");
        }
        host = text + 1;
        host_len = (size_t)(close - host);
        port = close + 1 < text + len && close[1] == ':' ? close + 2 : NULL;
    } else {
        const char *colon = memchr(text, ':', len);
        if (colon != NULL) {
            host_len = (size_t)(colon - text);
            port = colon + 1;
        }
    }
    size_t port_len = port != NULL ? (size_t)(text + len - port) : 0;
    if (port_len > 5 || (port_len > 0 && strspn(port, "0123456789") < port_len)) {
        return err_set(e, ERR_INVALID, "the JDBC URL has the invalid port \"%.*s\"", (int)port_len,
                       port);
    }
    buf_append_text(hosts, hosts->len > 0 ? "," : "");
    buf_append_text(ports, ports->len > 0 ? "," : "");
    if (host_len == 0) {
        buf_append_text(hosts, "localhost");
    } else {
        buf_append(hosts, host, host_len);
    }
    if (port_len == 0) {
        buf_append_text(ports, "5432");
    } else {
        buf_append(ports, port, port_len);
    }
    return ERR_OK;
}

static enum err_code jdbc_url_parse_hosts(const char *text, size_t len, struct jdbc_url *url,
                                          struct err *e)
{
    struct buf hosts;
    struct buf ports;
    buf_init(&hosts, JDBC_URL_MAX);
    buf_init(&ports, JDBC_URL_MAX);
    enum err_code rc = ERR_OK;
    size_t at = 0;
    do {
        const char *comma = memchr(text + at, ',', len - at);
        size_t n = comma != NULL ? (size_t)(comma - text) - at : len - at;
        rc = jdbc_url_add_host(text + at, n, &hosts, &ports, e);
        at += n + 1;
    } while (rc == ERR_OK && at <= len);
    if (rc == ERR_OK) {
        url->hosts = buf_take_text(&hosts);
        url->ports = buf_take_text(&ports);
        if (url->hosts == NULL || url->ports == NULL) {
            rc = err_nomem(e, "JDBC URL");
        }
    }
    buf_deinit(&hosts);
    buf_deinit(&ports);
    return rc;
}

/* `//hosts/database?properties`, or `database?properties` as the driver also takes it. */
static enum err_code jdbc_url_parse_postgres(const char *text, struct jdbc_url *url, struct err *e)
{
    size_t path_len = strcspn(text, "?");
    const char *database = text;
    size_t database_len = path_len;
    enum err_code rc = ERR_OK;
    if (strncmp(text, "//", 2) == 0) {
        const char *hosts = text + 2;
        size_t hosts_len = strcspn(hosts, "/?");
        rc = jdbc_url_parse_hosts(hosts, hosts_len, url, e);
        database = hosts[hosts_len] == '/' ? hosts + hosts_len + 1 : hosts + hosts_len;
        database_len = path_len - (size_t)(database - text);
    } else {
        rc = jdbc_url_parse_hosts("", 0, url, e);
        if (database_len > 0 && database[0] == '/') {
            database++;
            database_len--;
        }
    }
    if (rc != ERR_OK) {
        return rc;
    }
    if (database_len > 0) {
        url->database = jdbc_url_decode(database, database_len);
        if (url->database == NULL) {
            return err_nomem(e, "JDBC URL");
        }
    }
    return text[path_len] == '?' ? jdbc_url_parse_properties(text + path_len + 1, url, e) : ERR_OK;
}

static enum err_code jdbc_url_parse_sqlite(const char *text, struct jdbc_url *url, struct err *e)
{
    size_t path_len = strcspn(text, "?");
    url->database = mem_strndup(text, path_len);
    if (url->database == NULL) {
        return err_nomem(e, "JDBC URL");
    }
    return text[path_len] == '?' ? jdbc_url_parse_properties(text + path_len + 1, url, e) : ERR_OK;
}

enum err_code jdbc_url_parse(const char *text, struct jdbc_url *out_url, struct err *e)
{
    char shown[256];
    jdbc_url_redact(text, shown, sizeof shown);
    if (strncmp(text, "jdbc:", 5) != 0 || strchr(text + 5, ':') == NULL) {
        return err_set(e, ERR_INVALID, "Not a valid JDBC URL: %s", shown);
    }
    if (strlen(text) > JDBC_URL_MAX) {
        return err_set(e, ERR_LIMIT, "the JDBC URL is longer than %d bytes", JDBC_URL_MAX);
    }
    struct jdbc_url url = {0};
    enum err_code rc = ERR_OK;
    if (strncmp(text, POSTGRES_PREFIX, sizeof POSTGRES_PREFIX - 1) == 0) {
        url.kind = JDBC_URL_POSTGRES;
        rc = jdbc_url_parse_postgres(text + sizeof POSTGRES_PREFIX - 1, &url, e);
    } else if (strncmp(text, SQLITE_PREFIX, sizeof SQLITE_PREFIX - 1) == 0) {
        url.kind = JDBC_URL_SQLITE;
        rc = jdbc_url_parse_sqlite(text + sizeof SQLITE_PREFIX - 1, &url, e);
    } else {
        return err_set(e, ERR_INVALID,
                       "java.sql.SQLException: No suitable driver found for %s (supported: "
                       "jdbc:postgresql:, jdbc:sqlite:)",
                       shown);
    }
    if (rc != ERR_OK) {
        jdbc_url_deinit(&url);
        return rc;
    }
    *out_url = url;
    return ERR_OK;
}

void jdbc_url_deinit(struct jdbc_url *url)
{
    mem_free(url->hosts);
    mem_free(url->ports);
    mem_free(url->database);
    for (size_t i = 0; i < url->property_count; i++) {
        mem_free(url->properties[i].name);
        mem_free(url->properties[i].value);
    }
    *url = (struct jdbc_url){0};
}

const char *jdbc_url_property(const struct jdbc_url *url, const char *name)
{
    for (size_t i = 0; i < url->property_count; i++) {
        if (strcmp(url->properties[i].name, name) == 0) {
            return url->properties[i].value;
        }
    }
    return NULL;
}
