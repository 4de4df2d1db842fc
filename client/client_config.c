#include "client/client_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/event_limit.h"
#include "common/logger.h"
#include "common/mem.h"

#define ENTRIES_MAX ((size_t)1000)

struct translation {
    const char *from;
    const char *to; /* NULL: has no meaning here, dropped */
};

/* Names of the Java clients that librdkafka lacks. */
static const struct translation translations[] = {
    {"key.serializer", NULL},
    {"value.serializer", NULL},
    {"key.deserializer", NULL},
    {"value.deserializer", NULL},
    {"max.block.ms", NULL},
    {"metric.reporters", NULL},
    {"metrics.num.samples", NULL},
    {"metrics.recording.level", NULL},
    {"metrics.sample.window.ms", NULL},
    {"auto.include.jmx.reporter", NULL},
    {"interceptor.classes", NULL},
    {"partitioner.ignore.keys", NULL},
    {"partitioner.adaptive.partitioning.enable", NULL},
    {"partitioner.availability.timeout.ms", NULL},
    {"client.dns.lookup", NULL},
    {"max.poll.records", NULL},
    {"default.api.timeout.ms", NULL},
    {"retry.backoff.max.ms", NULL},
    {"ssl.truststore.type", NULL},
    {"ssl.keystore.type", NULL},
    {"ssl.protocol", NULL},
    {"ssl.enabled.protocols", NULL},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes"},
    {"send.buffer.bytes", "socket.send.buffer.bytes"},
    {"max.request.size", "message.max.bytes"},
    {"metadata.max.age.ms", "topic.metadata.refresh.interval.ms"},
    {"ssl.truststore.certificates", "ssl.ca.pem"},
    {"ssl.keystore.certificate.chain", "ssl.certificate.pem"},
    {"ssl.keystore.key", "ssl.key.pem"},
    {"fetch.max.wait.ms", "fetch.wait.max.ms"},
};

enum err_code client_config_init(struct client_config *c, const char *bootstrap_servers,
                                 struct err *e)
{
    *c = (struct client_config){0};
    return client_config_set(c, "bootstrap.servers", bootstrap_servers, e);
}

void client_config_deinit(struct client_config *c)
{
    for (size_t i = 0; i < c->count; i++) {
        mem_free(c->entries[i].key);
        mem_free(c->entries[i].value);
    }
    mem_free(c->entries);
    *c = (struct client_config){0};
}

static struct client_config_entry *find(const struct client_config *c, const char *key)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->entries[i].key, key) == 0) {
            return &c->entries[i];
        }
    }
    return NULL;
}

const char *client_config_get(const struct client_config *c, const char *key)
{
    const struct client_config_entry *entry = find(c, key);
    return entry != NULL ? entry->value : NULL;
}

enum err_code client_config_set(struct client_config *c, const char *key, const char *value,
                                struct err *e)
{
    struct client_config_entry *entry = find(c, key);
    char *own_value = mem_strdup(value);
    if (own_value == NULL) {
        return err_nomem(e, "set client property");
    }
    if (entry != NULL) {
        mem_free(entry->value);
        entry->value = own_value;
        return ERR_OK;
    }
    char *own_key = mem_strdup(key);
    void *bigger = c->count < ENTRIES_MAX
                       ? mem_realloc(c->entries, (c->count + 1) * sizeof *c->entries)
                       : NULL;
    if (bigger != NULL) {
        c->entries = bigger;
    }
    if (bigger == NULL || own_key == NULL) {
        mem_free(own_key);
        mem_free(own_value);
        return c->count < ENTRIES_MAX
                   ? err_nomem(e, "set client property")
                   : err_set(e, ERR_LIMIT, "more than %zu client properties", ENTRIES_MAX);
    }
    c->entries[c->count++] = (struct client_config_entry){own_key, own_value};
    return ERR_OK;
}

enum err_code client_config_copy(struct client_config *to, const struct client_config *from,
                                 struct err *e)
{
    for (size_t i = 0; i < from->count; i++) {
        enum err_code code = client_config_set(to, from->entries[i].key, from->entries[i].value, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static enum err_code set_one(rd_kafka_conf_t *conf, const char *key, const char *value,
                             struct err *e)
{
    char reason[256];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, key, value, reason, sizeof reason);
    if (result == RD_KAFKA_CONF_UNKNOWN) {
        return err_set(e, ERR_UNSUPPORTED, "unknown Kafka client property %s", key);
    }
    if (result != RD_KAFKA_CONF_OK) {
        return err_set(e, ERR_INVALID, "Kafka client property %s: %s", key, reason);
    }
    return ERR_OK;
}

/* The text behind name= in a JAAS line, up to its closing quote. */
static bool jaas_option(const char *jaas, const char *name, char *out, size_t out_size)
{
    const char *at = strstr(jaas, name);
    if (at == NULL) {
        return false;
    }
    at += strlen(name);
    at += strspn(at, " =");
    char quote = *at;
    if (quote != '"' && quote != '\'') {
        return false;
    }
    size_t len = 0;
    for (at++; *at != '\0' && *at != quote; at++) {
        if (*at == '\\' && at[1] != '\0') {
            at++;
        }
        if (len + 1 == out_size) {
            return false;
        }
        out[len++] = *at;
    }
    out[len] = '\0';
    return *at == quote;
}

/* `...PlainLoginModule required username="u" password="p";` */
static enum err_code set_jaas(rd_kafka_conf_t *conf, const char *jaas, struct err *e)
{
    char user[512];
    char password[1024];
    if (!jaas_option(jaas, "username", user, sizeof user) ||
        !jaas_option(jaas, "password", password, sizeof password)) {
        return err_set(e, ERR_UNSUPPORTED, "sasl.jaas.config without quoted username and password");
    }
    enum err_code code = set_one(conf, "sasl.username", user, e);
    return code == ERR_OK ? set_one(conf, "sasl.password", password, e) : code;
}

static enum err_code set_translated(rd_kafka_conf_t *conf, const char *key, const char *value,
                                    struct err *e)
{
    if (strcmp(key, "sasl.jaas.config") == 0) {
        return set_jaas(conf, value, e);
    }
    if (strcmp(key, "ssl.endpoint.identification.algorithm") == 0) {
        return set_one(conf, key, value[0] == '\0' ? "none" : value, e);
    }
    if (strcmp(key, "buffer.memory") == 0) {
        size_t digits = strspn(value, "0123456789");
        char kilobytes[16] = "1";
        if (digits > 3 && digits - 3 < sizeof kilobytes) {
            memcpy(kilobytes, value, digits - 3);
            kilobytes[digits - 3] = '\0';
        }
        return set_one(conf, "queue.buffering.max.kbytes", kilobytes, e);
    }
    for (size_t i = 0; i < sizeof translations / sizeof translations[0]; i++) {
        if (strcmp(translations[i].from, key) == 0) {
            return translations[i].to != NULL ? set_one(conf, translations[i].to, value, e)
                                              : ERR_OK;
        }
    }
    return set_one(conf, key, value, e);
}

static enum err_code set_defaults(rd_kafka_conf_t *conf, enum client_config_kind kind,
                                  struct err *e)
{
    static const struct translation producer[] = {
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {"partitioner", "murmur2_random"},
        {NULL, NULL},
    };
    static const struct translation consumer[] = {
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"check.crcs", "true"},
        {"auto.offset.reset", "earliest"},
        {NULL, NULL},
    };
    static const struct translation none[] = {{NULL, NULL}};
    static const struct translation *const defaults[] = {
        [CLIENT_CONFIG_PRODUCER] = producer,
        [CLIENT_CONFIG_CONSUMER] = consumer,
        [CLIENT_CONFIG_ADMIN] = none,
    };
    for (const struct translation *d = defaults[kind]; d->from != NULL; d++) {
        enum err_code code = set_one(conf, d->from, d->to, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    /* Loopback brokers come back in milliseconds; the default of 10 s is for data centres. */
    enum err_code code = set_one(conf, "reconnect.backoff.max.ms", "1000", e);
    return code == ERR_OK ? set_one(conf, "reconnect.backoff.ms", "50", e) : code;
}

/* The handle's opaque is the logger. */
static void log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    /* Why a broker is not reached (a name, TLS, a password) is said here alone. All clients of the
     * process say it at once. */
    static struct event_limit failures;
    struct logger *lg = rk != NULL ? rd_kafka_opaque(rk) : NULL;
    uint64_t more = 0;
    if (level <= LOG_ERR && event_limit_pass(&failures, clock_mono_ms(clock_system()), &more)) {
        logger_warn(lg, "kafka.client", "held_back=%" PRIu64 " %s", more, text);
        return;
    }
    logger_debug(lg, "kafka.client", "name=%s facility=%s %s", rk != NULL ? rd_kafka_name(rk) : "",
                 facility, text);
}

static void log_nothing(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static enum err_code make_conf(const struct client_config *c, enum client_config_kind kind,
                               rd_kafka_conf_t **out_conf, struct err *e)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (conf == NULL) {
        return err_nomem(e, "open Kafka client");
    }
    enum err_code code = set_defaults(conf, kind, e);
    for (size_t i = 0; code == ERR_OK && i < c->count; i++) {
        code = set_translated(conf, c->entries[i].key, c->entries[i].value, e);
    }
    if (code != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return code;
    }
    *out_conf = conf;
    return ERR_OK;
}

enum err_code client_config_check(const struct client_config *c, enum client_config_kind kind,
                                  struct err *e)
{
    rd_kafka_conf_t *conf = NULL;
    enum err_code code = make_conf(c, kind, &conf, e);
    if (code == ERR_OK) {
        rd_kafka_conf_destroy(conf);
    }
    return code;
}

static enum err_code open_conf(rd_kafka_conf_t *take_conf, enum client_config_kind kind,
                               rd_kafka_t **out_rk, struct err *e)
{
    char reason[256];
    /* Producers may make the broker create topics by looking at them; an admin client must not. */
    rd_kafka_type_t type = kind == CLIENT_CONFIG_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
    rd_kafka_t *rk = rd_kafka_new(type, take_conf, reason, sizeof reason);
    if (rk == NULL) {
        rd_kafka_conf_destroy(take_conf);
        return err_set(e, ERR_INVALID, "open Kafka client: %s", reason);
    }
    *out_rk = rk;
    return ERR_OK;
}

enum err_code client_config_open(const struct client_config *c, enum client_config_kind kind,
                                 client_config_delivered_fn delivered, struct logger *lg,
                                 rd_kafka_t **out_rk, struct err *e)
{
    rd_kafka_conf_t *conf = NULL;
    enum err_code code = make_conf(c, kind, &conf, e);
    if (code != ERR_OK) {
        return code;
    }
    rd_kafka_conf_set_log_cb(conf, log_line);
    rd_kafka_conf_set_opaque(conf, lg);
    if (delivered != NULL) {
        rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    }
    return open_conf(conf, kind, out_rk, e);
}

enum err_code client_config_open_hooked(const struct client_config *c, enum client_config_kind kind,
                                        const struct client_config_hooks *hooks,
                                        rd_kafka_t **out_rk, struct err *e)
{
    rd_kafka_conf_t *conf = NULL;
    enum err_code code = make_conf(c, kind, &conf, e);
    if (code != ERR_OK) {
        return code;
    }
    rd_kafka_conf_set_log_cb(conf, hooks->log != NULL ? hooks->log : log_nothing);
    rd_kafka_conf_set_opaque(conf, hooks->opaque);
    if (hooks->delivered != NULL) {
        rd_kafka_conf_set_dr_msg_cb(conf, hooks->delivered);
    }
    if (hooks->rebalance != NULL) {
        rd_kafka_conf_set_rebalance_cb(conf, hooks->rebalance);
    }
    return open_conf(conf, kind, out_rk, e);
}
