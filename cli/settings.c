#include "cli/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/go_duration.h"
#include "cli/rpk_config.h"
#include "common/check.h"
#include "common/conf.h"
#include "common/mem.h"
#include "common/text.h"

#define SETTINGS_ORIGIN_BYTES 512

enum settings_kind { SETTINGS_TEXT, SETTINGS_SECRET, SETTINGS_LIST, SETTINGS_BOOL, SETTINGS_TIME };

struct settings_key {
    const char *key;
    enum settings_kind kind;
    const char *fallback;
    const char *unused; /* why nothing here can honour it; NULL = it is used */
    const char *example;
    const char *doc;
};

#define SETTINGS_NO_ADMIN \
    "cluster health is computed from what the brokers answer, no admin port is asked"
#define SETTINGS_NO_CLOUD "there is no Redpanda Cloud login here"

static const struct settings_key settings_keys[] = {
    {"brokers", SETTINGS_LIST, "127.0.0.1:9092", NULL, "127.0.0.1:9092,localhost:9094",
     "Brokers to begin with; a missing port is 9092"},
    {"tls.enabled", SETTINGS_BOOL, NULL, NULL, "true",
     "TLS to the brokers; any other tls. key turns it on too"},
    {"tls.insecure_skip_verify", SETTINGS_BOOL, NULL, NULL, "false",
     "Do not verify the brokers' certificates"},
    {"tls.ca", SETTINGS_TEXT, NULL, NULL, "/path/to/ca.pem", "Authorities that sign the brokers"},
    {"tls.cert", SETTINGS_TEXT, NULL, NULL, "/path/to/cert.pem", "The client's certificate"},
    {"tls.key", SETTINGS_TEXT, NULL, NULL, "/path/to/key.pem", "The client's key"},
    {"sasl.mechanism", SETTINGS_TEXT, "SCRAM-SHA-256", NULL, "SCRAM-SHA-256",
     "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; used when there is a user"},
    {"user", SETTINGS_TEXT, NULL, NULL, "username",
     "SASL user for the brokers, and of basic authentication for the registry"},
    {"pass", SETTINGS_SECRET, NULL, NULL, "password", "Their password"},
    {"admin.hosts", SETTINGS_LIST, NULL, SETTINGS_NO_ADMIN, "", ""},
    {"admin.tls.enabled", SETTINGS_BOOL, NULL, SETTINGS_NO_ADMIN, "", ""},
    {"admin.tls.insecure_skip_verify", SETTINGS_BOOL, NULL, SETTINGS_NO_ADMIN, "", ""},
    {"admin.tls.ca", SETTINGS_TEXT, NULL, SETTINGS_NO_ADMIN, "", ""},
    {"admin.tls.cert", SETTINGS_TEXT, NULL, SETTINGS_NO_ADMIN, "", ""},
    {"admin.tls.key", SETTINGS_TEXT, NULL, SETTINGS_NO_ADMIN, "", ""},
    {"registry.hosts", SETTINGS_LIST, "127.0.0.1:8081", NULL, "localhost:8081,https://sr:443",
     "Schema registries, tried in turn; a missing port is 8081"},
    {"registry.tls.enabled", SETTINGS_BOOL, NULL, NULL, "false",
     "HTTPS to the registry; any other registry.tls. key turns it on too"},
    {"registry.tls.insecure_skip_verify", SETTINGS_BOOL, NULL, NULL, "false",
     "Do not verify the registry's certificate"},
    {"registry.tls.ca", SETTINGS_TEXT, NULL, NULL, "/path/to/ca.pem",
     "Authorities that sign the registry"},
    {"registry.tls.cert", SETTINGS_TEXT, NULL, NULL, "/path/to/cert.pem",
     "The client's certificate"},
    {"registry.tls.key", SETTINGS_TEXT, NULL, NULL, "/path/to/key.pem", "The client's key"},
    {"cloud.client_id", SETTINGS_TEXT, NULL, SETTINGS_NO_CLOUD, "", ""},
    {"cloud.client_secret", SETTINGS_SECRET, NULL, SETTINGS_NO_CLOUD, "", ""},
    {"globals.prompt", SETTINGS_TEXT, NULL, "there is no prompt to set", "", ""},
    {"globals.no_default_cluster", SETTINGS_BOOL, NULL, NULL, "false",
     "Refuse to talk to 127.0.0.1 when nothing names a cluster"},
    {"globals.command_timeout", SETTINGS_TIME, NULL,
     "use globals.retry_timeout and globals.request_timeout_overhead", "", ""},
    {"globals.dial_timeout", SETTINGS_TIME, "3s", NULL, "3s",
     "How long a connection may take to be made (1s or more)"},
    {"globals.request_timeout_overhead", SETTINGS_TIME, NULL, NULL, "10s",
     "How long a broker may take to answer a request"},
    {"globals.retry_timeout", SETTINGS_TIME, "11s", NULL, "11s",
     "How long to look for a broker that answers"},
    {"globals.fetch_max_wait", SETTINGS_TIME, NULL, NULL, "5s",
     "The default of topic consume --fetch-max-wait"},
    {"globals.kafka_protocol_request_client_id", SETTINGS_TEXT, "weir", NULL, "weir",
     "Client id of every request"},
};
#define SETTINGS_COUNT (sizeof settings_keys / sizeof settings_keys[0])

/* Variables from before RPK_<KEY>. */
static const char *const settings_older[][2] = {
    {"REDPANDA_BROKERS", "brokers"},    {"REDPANDA_TLS_TRUSTSTORE", "tls.ca"},
    {"REDPANDA_TLS_CA", "tls.ca"},      {"REDPANDA_TLS_CERT", "tls.cert"},
    {"REDPANDA_TLS_KEY", "tls.key"},    {"REDPANDA_SASL_MECHANISM", "sasl.mechanism"},
    {"REDPANDA_SASL_USERNAME", "user"}, {"REDPANDA_SASL_PASSWORD", "pass"},
};

struct settings_value {
    char *text; /* NULL = not set */
    char origin[SETTINGS_ORIGIN_BYTES];
};

struct settings {
    struct settings_value values[SETTINGS_COUNT];
};

static size_t settings_find(const char *key, size_t len)
{
    size_t i = 0;
    while (i < SETTINGS_COUNT && (strlen(settings_keys[i].key) != len ||
                                  strncasecmp(settings_keys[i].key, key, len) != 0)) {
        i++;
    }
    return i;
}

static size_t settings_known(const char *key)
{
    size_t i = settings_find(key, strlen(key));
    CHECK(i < SETTINGS_COUNT);
    return i;
}

static bool settings_is_bool(const char *text)
{
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
}

/* "a, b" without the spaces; an empty item is an error. */
static bool settings_trim_list(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (!isspace((unsigned char)*from)) {
            *to++ = *from;
        }
    }
    *to = '\0';
    size_t len = (size_t)(to - text);
    return len > 0 && text[0] != ',' && text[len - 1] != ',' && strstr(text, ",,") == NULL;
}

static enum err_code settings_set(struct settings *s, size_t i, const char *text,
                                  const char *origin, struct err *e)
{
    const struct settings_key *k = &settings_keys[i];
    int64_t ms = 0;
    if (k->kind == SETTINGS_BOOL && !settings_is_bool(text)) {
        return err_set(e, ERR_INVALID, "%s: %s: \"%s\" is not true or false", origin, k->key, text);
    }
    if (k->kind == SETTINGS_TIME &&
        (!go_duration_parse(text, &ms) || ms < 0 || ms > 24L * 3600 * 1000)) {
        return err_set(e, ERR_INVALID, "%s: %s: \"%s\" is not a duration up to 24h", origin, k->key,
                       text);
    }
    char *copy = mem_strdup(text);
    if (copy == NULL) {
        return err_nomem(e, k->key);
    }
    if (k->kind == SETTINGS_LIST && !settings_trim_list(copy)) {
        mem_free(copy);
        return err_set(e, ERR_INVALID, "%s: %s: \"%s\" has an empty item", origin, k->key, text);
    }
    mem_free(s->values[i].text);
    s->values[i].text = copy;
    (void)snprintf(s->values[i].origin, SETTINGS_ORIGIN_BYTES, "%s", origin);
    return ERR_OK;
}

static enum err_code settings_from_file(void *ctx, const char *key, const char *value,
                                        const char *origin, struct err *e)
{
    return settings_set(ctx, settings_known(key), value, origin, e);
}

static enum err_code settings_from_variable(struct settings *s, size_t i, const char *variable,
                                            struct err *e)
{
    const char *text = settings_keys[i].unused == NULL ? conf_environment(variable) : NULL;
    return text != NULL ? settings_set(s, i, text, variable, e) : ERR_OK;
}

/* "tls.ca" is RPK_TLS_CA. */
static void settings_variable(const char *key, char *out, size_t size)
{
    (void)snprintf(out, size, "RPK_%s", key);
    for (char *p = out; *p != '\0'; p++) {
        int upper = toupper((unsigned char)*p);
        *p = upper == '.' ? '_' : (char)upper;
    }
}

static enum err_code settings_load_environment(struct settings *s, struct err *e)
{
    size_t older = sizeof settings_older / sizeof settings_older[0];
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < older; i++) {
        code = settings_from_variable(s, settings_known(settings_older[i][1]), settings_older[i][0],
                                      e);
    }
    for (size_t i = 0; code == ERR_OK && i < SETTINGS_COUNT; i++) {
        char variable[80];
        settings_variable(settings_keys[i].key, variable, sizeof variable);
        code = settings_from_variable(s, i, variable, e);
    }
    return code;
}

static enum err_code settings_load_option(struct settings *s, const struct settings_option *option,
                                          struct err *e)
{
    char origin[64] = "-X";
    const char *text = option->text;
    size_t len = strcspn(text, "=");
    size_t i = settings_find(text, len);
    if (option->key != NULL) {
        (void)snprintf(origin, sizeof origin, "--%s", option->flag);
        i = settings_known(option->key);
    } else if (text[len] != '=') {
        return err_set(e, ERR_INVALID, "-X %s: use KEY=VALUE; \"-X list\" shows the keys", text);
    } else if (i == SETTINGS_COUNT) {
        return err_set(e, ERR_INVALID, "-X %.*s: unknown key; \"-X list\" shows the keys", (int)len,
                       text);
    }
    if (settings_keys[i].unused != NULL) {
        return err_set(e, ERR_UNSUPPORTED, "%s: %s is not used: %s", origin, settings_keys[i].key,
                       settings_keys[i].unused);
    }
    return settings_set(s, i, option->key != NULL ? text : text + len + 1, origin, e);
}

enum err_code settings_load(const struct settings_request *request, struct settings **out_settings,
                            struct err *e)
{
    struct settings *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "settings");
    }
    const struct rpk_config_request files = {
        .config = request->config,
        .profile = request->profile,
        .set = settings_from_file,
        .ctx = s,
    };
    enum err_code code = request->ignore_files ? ERR_OK : rpk_config_load(&files, e);
    if (code == ERR_OK) {
        code = settings_load_environment(s, e);
    }
    for (size_t i = 0; code == ERR_OK && i < request->option_count; i++) {
        code = settings_load_option(s, &request->options[i], e);
    }
    if (code != ERR_OK) {
        settings_destroy(s);
        return code;
    }
    *out_settings = s;
    return ERR_OK;
}

void settings_destroy(struct settings *s)
{
    for (size_t i = 0; s != NULL && i < SETTINGS_COUNT; i++) {
        mem_free(s->values[i].text);
    }
    mem_free(s);
}

const char *settings_get(const struct settings *s, const char *key)
{
    size_t i = settings_known(key);
    return s->values[i].text != NULL ? s->values[i].text : settings_keys[i].fallback;
}

bool settings_is_set(const struct settings *s, const char *key)
{
    return s->values[settings_known(key)].text != NULL;
}

bool settings_bool(const struct settings *s, const char *key)
{
    const char *text = settings_get(s, key);
    return text != NULL && strcmp(text, "true") == 0;
}

long settings_ms(const struct settings *s, const char *key)
{
    const char *text = settings_get(s, key);
    int64_t ms = -1;
    CHECK(text == NULL || go_duration_parse(text, &ms)); /* checked when it was set */
    return (long)ms;
}

void settings_print(const struct settings *s, struct buf *out)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        const struct settings_value *v = &s->values[i];
        if (v->text != NULL) {
            /* A URL may hold a password. */
            bool secret = settings_keys[i].kind == SETTINGS_SECRET || strchr(v->text, '@') != NULL;
            buf_printf(out, "%s = %s (%s)\n", settings_keys[i].key, secret ? "..." : v->text,
                       v->origin);
        }
    }
}

void settings_print_keys(struct buf *out, bool terse)
{
    for (size_t i = 0; i < SETTINGS_COUNT; i++) {
        const struct settings_key *k = &settings_keys[i];
        if (k->unused == NULL && terse) {
            buf_printf(out, "%s=%s\n", k->key, k->example);
        } else if (k->unused == NULL) {
            buf_printf(out, "%s=%s\n  %s.", k->key, k->example, k->doc);
            if (k->fallback != NULL) {
                buf_printf(out, " Default: %s", k->fallback);
            }
            buf_append_text(out, "\n\n");
        }
    }
}
