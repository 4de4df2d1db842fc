#include "cli/kafka.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/debug.h"
#include "cli/settings.h"

#define KAFKA_PROBLEM_BYTES 512
#define KAFKA_EVENTS_MAX 100
#define KAFKA_SLICE_MS 1000

int kafka_timeout_ms(const struct cli *cli)
{
    return (int)settings_ms(cli_settings(cli), "globals.retry_timeout");
}

/* What keeps us from the cluster. */
struct kafka_problem {
    bool all_down; /* no broker is connected */
    char
        text[KAFKA_PROBLEM_BYTES]; /* of the last connection that failed: " (Connection refused)" */
};

/* Adds what librdkafka has met since. Other events of the main queue are dropped: a producer's
 * delivery reports must have been served. */
static void kafka_learn(rd_kafka_t *rk, struct kafka_problem *p)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(rk);
    for (int i = 0; i < KAFKA_EVENTS_MAX; i++) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 0);
        if (event == NULL) {
            break;
        }
        bool error = rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR;
        if (error && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
            p->all_down = true;
        } else if (error) {
            const char *text = rd_kafka_event_error_string(event);
            const char *end = strstr(text, " (after "); /* how long it took helps nobody */
            (void)snprintf(p->text, sizeof p->text, " (%.*s)",
                           (int)(end != NULL ? end - text : (ptrdiff_t)strlen(text)), text);
        }
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
}

static bool kafka_problem_says(const struct kafka_problem *p, const char *const *words)
{
    bool says = false;
    for (; *words != NULL && !says; words++) {
        says = strstr(p->text, *words) != NULL;
    }
    return says;
}

/* Someone answers, and will not have us. */
static bool kafka_is_refused(const struct kafka_problem *p)
{
    static const char *const words[] = {"SASL", "SSL", NULL};
    return kafka_problem_says(p, words);
}

/* Waiting on helps only who asked for it. */
static bool kafka_is_hopeless(const struct cli *cli, const struct kafka_problem *p)
{
    static const char *const words[] = {"Connection refused", "Failed to resolve",
                                        "SASL authentication error", "certificate verify failed",
                                        NULL};
    return p->all_down && kafka_problem_says(p, words) &&
           !settings_is_set(cli_settings(cli), "globals.retry_timeout");
}

/* The message that people meet most: nothing listens where they look. */
static enum err_code kafka_unreachable(const struct cli *cli, const struct kafka_problem *p,
                                       struct err *e)
{
    const char *brokers = cli_setting(cli, "brokers");
    return kafka_is_refused(p)
               ? err_set(e, ERR_AUTH,
                         "the brokers at %s cannot be talked to%s; see the keys tls., sasl., user "
                         "and pass of \"weir -X help\"",
                         brokers, p->text)
               : err_set(e, ERR_UNAVAILABLE,
                         "no broker answers at %s%s; start one with \"weir start\", or name "
                         "another with -X brokers=HOST:PORT or RPK_BROKERS",
                         brokers, p->text);
}

static bool kafka_is_away(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
           code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
}

static void kafka_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    debug_print("%s: %s", facility, text);
}

static enum err_code kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                               struct err *e)
{
    char text[512];
    return rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK
               ? ERR_OK
               : err_set(e, ERR_INVALID, "%s", text);
}

/* As kafka_set; nothing when value is NULL. */
static enum err_code kafka_set_given(rd_kafka_conf_t *conf, const char *name, const char *value,
                                     struct err *e)
{
    return value != NULL ? kafka_set(conf, name, value, e) : ERR_OK;
}

static enum err_code kafka_set_tls(const struct settings *s, rd_kafka_conf_t *conf, struct err *e)
{
    enum err_code code = kafka_set_given(conf, "ssl.ca.location", settings_get(s, "tls.ca"), e);
    if (code == ERR_OK) {
        code = kafka_set_given(conf, "ssl.certificate.location", settings_get(s, "tls.cert"), e);
    }
    if (code == ERR_OK) {
        code = kafka_set_given(conf, "ssl.key.location", settings_get(s, "tls.key"), e);
    }
    if (code == ERR_OK && settings_bool(s, "tls.insecure_skip_verify")) {
        code = kafka_set(conf, "enable.ssl.certificate.verification", "false", e);
    }
    return code;
}

static enum err_code kafka_set_sasl(const struct settings *s, rd_kafka_conf_t *conf, struct err *e)
{
    char mechanism[32];
    (void)snprintf(mechanism, sizeof mechanism, "%s", settings_get(s, "sasl.mechanism"));
    for (char *p = mechanism; *p != '\0'; p++) {
        *p = (char)toupper((unsigned char)*p);
    }
    if (strcmp(mechanism, "PLAIN") != 0 && strcmp(mechanism, "SCRAM-SHA-256") != 0 &&
        strcmp(mechanism, "SCRAM-SHA-512") != 0) {
        return err_set(e, ERR_INVALID,
                       "sasl.mechanism %s: use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", mechanism);
    }
    enum err_code code = kafka_set(conf, "sasl.mechanism", mechanism, e);
    if (code == ERR_OK) {
        code = kafka_set(conf, "sasl.username", settings_get(s, "user"), e);
    }
    return code == ERR_OK ? kafka_set_given(conf, "sasl.password", settings_get(s, "pass"), e)
                          : code;
}

static enum err_code kafka_set_security(const struct settings *s, rd_kafka_conf_t *conf,
                                        struct err *e)
{
    bool tls = settings_is_set(s, "tls.enabled")
                   ? settings_bool(s, "tls.enabled")
                   : settings_get(s, "tls.ca") != NULL || settings_get(s, "tls.cert") != NULL ||
                         settings_get(s, "tls.key") != NULL ||
                         settings_bool(s, "tls.insecure_skip_verify");
    bool sasl = settings_get(s, "user") != NULL;
    const char *protocol =
        tls ? (sasl ? "sasl_ssl" : "ssl") : (sasl ? "sasl_plaintext" : "plaintext");
    enum err_code code = kafka_set(conf, "security.protocol", protocol, e);
    if (code == ERR_OK && tls) {
        code = kafka_set_tls(s, conf, e);
    }
    return code == ERR_OK && sasl ? kafka_set_sasl(s, conf, e) : code;
}

static enum err_code kafka_set_times(const struct settings *s, rd_kafka_conf_t *conf, struct err *e)
{
    char text[32];
    long dial = settings_ms(s, "globals.dial_timeout");
    long request = settings_ms(s, "globals.request_timeout_overhead");
    (void)snprintf(text, sizeof text, "%ld", dial);
    enum err_code code = kafka_set(conf, "socket.connection.setup.timeout.ms", text, e);
    if (code == ERR_OK && request >= 0) {
        (void)snprintf(text, sizeof text, "%ld", request);
        code = kafka_set(conf, "socket.timeout.ms", text, e);
    }
    return code;
}

static enum err_code kafka_set_properties(const struct cli *cli, rd_kafka_conf_t *conf,
                                          const struct kafka_property *properties, struct err *e)
{
    const struct settings *s = cli_settings(cli);
    if (!settings_is_set(s, "brokers") && settings_bool(s, "globals.no_default_cluster")) {
        return err_set(e, ERR_INVALID,
                       "no cluster is named and globals.no_default_cluster is set; use -X "
                       "brokers=HOST:PORT or RPK_BROKERS");
    }
    const struct kafka_property base[] = {
        {"bootstrap.servers", settings_get(s, "brokers")},
        {"client.id", settings_get(s, "globals.kafka_protocol_request_client_id")},
        {"reconnect.backoff.ms", "50"},
        {cli_is_verbose(cli) ? "debug" : NULL, "broker,protocol,admin,cgrp,security"},
        {NULL, NULL},
    };
    const struct kafka_property *lists[] = {base, properties};
    enum err_code code = kafka_set_security(s, conf, e);
    if (code == ERR_OK) {
        code = kafka_set_times(s, conf, e);
    }
    for (size_t i = 0; i < 2; i++) {
        for (const struct kafka_property *p = lists[i];
             code == ERR_OK && p != NULL && p->name != NULL; p++) {
            code = kafka_set(conf, p->name, p->value, e);
        }
    }
    return code;
}

/* Takes conf. */
static enum err_code kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *take_conf,
                               rd_kafka_t **out_rk, struct err *e)
{
    char text[512];
    rd_kafka_t *rk = rd_kafka_new(type, take_conf, text, sizeof text);
    if (rk == NULL) {
        rd_kafka_conf_destroy(take_conf);
        return err_set(e, ERR_INVALID, "Kafka client: %s", text);
    }
    *out_rk = rk;
    return ERR_OK;
}

/* Without log lines unless they are asked for: they would come between the results, and what
 * matters is an error anyway, which kafka_problem fetches. */
static rd_kafka_conf_t *kafka_new_conf(const struct cli *cli)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, cli_is_verbose(cli) ? kafka_log : NULL);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR);
    return conf;
}

enum err_code kafka_open(const struct cli *cli, rd_kafka_type_t type,
                         const struct kafka_property *properties, rd_kafka_t **out_rk,
                         struct err *e)
{
    rd_kafka_conf_t *conf = kafka_new_conf(cli);
    enum err_code code = kafka_set_properties(cli, conf, properties, e);
    if (code != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return code;
    }
    return kafka_new(type, conf, out_rk, e);
}

enum err_code kafka_open_producer(const struct cli *cli, const struct kafka_property *properties,
                                  kafka_delivered_fn delivered, void *opaque, rd_kafka_t **out_rk,
                                  struct err *e)
{
    rd_kafka_conf_t *conf = kafka_new_conf(cli);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, opaque);
    enum err_code code = kafka_set_properties(cli, conf, properties, e);
    if (code != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return code;
    }
    return kafka_new(RD_KAFKA_PRODUCER, conf, out_rk, e);
}

static int kafka_compare_brokers(const void *a, const void *b)
{
    const rd_kafka_metadata_broker_t *x = a;
    const rd_kafka_metadata_broker_t *y = b;
    return x->id < y->id ? -1 : x->id > y->id ? 1 : 0;
}

static int kafka_compare_partitions(const void *a, const void *b)
{
    const rd_kafka_metadata_partition_t *x = a;
    const rd_kafka_metadata_partition_t *y = b;
    return x->id < y->id ? -1 : x->id > y->id ? 1 : 0;
}

static int kafka_compare_topics(const void *a, const void *b)
{
    const rd_kafka_metadata_topic_t *x = a;
    const rd_kafka_metadata_topic_t *y = b;
    return strcmp(x->topic, y->topic);
}

/* A broker answers in any order. */
static void kafka_sort(const struct rd_kafka_metadata *md)
{
    if (md->broker_cnt > 1) {
        qsort(md->brokers, (size_t)md->broker_cnt, sizeof md->brokers[0], kafka_compare_brokers);
    }
    if (md->topic_cnt > 1) {
        qsort(md->topics, (size_t)md->topic_cnt, sizeof md->topics[0], kafka_compare_topics);
    }
    for (int i = 0; i < md->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &md->topics[i];
        if (topic->partition_cnt > 1) {
            qsort(topic->partitions, (size_t)topic->partition_cnt, sizeof topic->partitions[0],
                  kafka_compare_partitions);
        }
    }
}

enum err_code kafka_metadata(const struct cli *cli, rd_kafka_t *rk, const char *topic,
                             const struct rd_kafka_metadata **out_metadata, struct err *e)
{
    rd_kafka_topic_t *one = topic != NULL ? rd_kafka_topic_new(rk, topic, NULL) : NULL;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
    struct kafka_problem problem = {.all_down = false};
    int whole = kafka_timeout_ms(cli);
    int slice = whole < KAFKA_SLICE_MS ? whole : KAFKA_SLICE_MS;
    /* A short try, to look at what went wrong, and one that leaves a slow cluster the time. */
    for (int left = whole; left > 0 && kafka_is_away(code) && !kafka_is_hopeless(cli, &problem);
         left -= slice, slice = left) {
        code = rd_kafka_metadata(rk, topic == NULL, one, out_metadata, slice);
        if (kafka_is_away(code)) {
            kafka_learn(rk, &problem);
        }
    }
    if (one != NULL) {
        rd_kafka_topic_destroy(one);
    }
    if (kafka_is_away(code)) {
        return kafka_unreachable(cli, &problem, e);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(e, code, "metadata");
    }
    kafka_sort(*out_metadata);
    return ERR_OK;
}

bool kafka_topic_is_internal(const char *topic)
{
    return strcmp(topic, "__consumer_offsets") == 0 || strcmp(topic, "__transaction_state") == 0;
}

const char *kafka_error_name(rd_kafka_resp_err_t code)
{
    /* librdkafka drops one word of the protocol's name. */
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        return "UNKNOWN_TOPIC_OR_PARTITION";
    }
    if (code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
        return "INVALID_TOPIC_EXCEPTION";
    }
    return rd_kafka_err2name(code);
}

enum err_code kafka_error(struct err *e, rd_kafka_resp_err_t code, const char *what)
{
    enum err_code mapped = code == RD_KAFKA_RESP_ERR__TIMED_OUT              ? ERR_TIMEOUT
                           : code == RD_KAFKA_RESP_ERR__TRANSPORT            ? ERR_UNAVAILABLE
                           : code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? ERR_NOT_FOUND
                                                                             : ERR_INVALID;
    return err_set(e, mapped, "%s: %s: %s", what, kafka_error_name(code), rd_kafka_err2str(code));
}

enum err_code kafka_admin_wait(const struct cli *cli, rd_kafka_t *rk, rd_kafka_queue_t *queue,
                               const char *what, rd_kafka_event_t **out_event, struct err *e)
{
    struct kafka_problem problem = {.all_down = false};
    rd_kafka_event_t *event = NULL;
    /* Left alone, a request would wait a minute for a broker that does not answer. */
    for (int left = kafka_timeout_ms(cli);
         left > 0 && event == NULL && !kafka_is_hopeless(cli, &problem); left -= KAFKA_SLICE_MS) {
        event = rd_kafka_queue_poll(queue, left < KAFKA_SLICE_MS ? left : KAFKA_SLICE_MS);
        kafka_learn(rk, &problem);
    }
    if (event == NULL) {
        return kafka_unreachable(cli, &problem, e);
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        enum err_code mapped = kafka_is_away(code) ? kafka_unreachable(cli, &problem, e)
                                                   : err_set(e, ERR_INVALID, "%s: %s: %s", what,
                                                             kafka_error_name(code),
                                                             rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
        return mapped;
    }
    *out_event = event;
    return ERR_OK;
}
