#include "cli/kafka.h"

#include <string.h>

#include "cli/command.h"

/* The message that people meet most: nothing listens where they look. */
static enum err_code kafka_unreachable(const struct cli *cli, struct err *e)
{
    return err_set(
        e, ERR_UNAVAILABLE,
        "no broker answers at %s; start one with \"weir start\", or name another with -X "
        "brokers=HOST:PORT or RPK_BROKERS",
        cli_setting(cli, "brokers"));
}

static enum err_code kafka_set_properties(const struct cli *cli, rd_kafka_conf_t *conf,
                                          const struct kafka_property *properties, struct err *e)
{
    char text[512];
    const struct kafka_property base[] = {
        {"bootstrap.servers", cli_setting(cli, "brokers")},
        {"client.id", "weir"},
        {"reconnect.backoff.ms", "50"},
        {"socket.connection.setup.timeout.ms", "3000"},
        {NULL, NULL},
    };
    const struct kafka_property *lists[] = {base, properties};
    for (size_t i = 0; i < 2; i++) {
        for (const struct kafka_property *p = lists[i]; p != NULL && p->name != NULL; p++) {
            if (rd_kafka_conf_set(conf, p->name, p->value, text, sizeof text) != RD_KAFKA_CONF_OK) {
                return err_set(e, ERR_INVALID, "%s", text);
            }
        }
    }
    return ERR_OK;
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

/* Without log lines: they would come between the results, and what matters is an error anyway. */
static rd_kafka_conf_t *kafka_new_conf(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    return conf;
}

enum err_code kafka_open(const struct cli *cli, rd_kafka_type_t type,
                         const struct kafka_property *properties, rd_kafka_t **out_rk,
                         struct err *e)
{
    rd_kafka_conf_t *conf = kafka_new_conf();
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
    rd_kafka_conf_t *conf = kafka_new_conf();
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, opaque);
    enum err_code code = kafka_set_properties(cli, conf, properties, e);
    if (code != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return code;
    }
    return kafka_new(RD_KAFKA_PRODUCER, conf, out_rk, e);
}

enum err_code kafka_metadata(const struct cli *cli, rd_kafka_t *rk, const char *topic,
                             const struct rd_kafka_metadata **out_metadata, struct err *e)
{
    rd_kafka_topic_t *one = topic != NULL ? rd_kafka_topic_new(rk, topic, NULL) : NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(rk, topic == NULL, one, out_metadata, KAFKA_TIMEOUT_MS);
    if (one != NULL) {
        rd_kafka_topic_destroy(one);
    }
    if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
        code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        return kafka_unreachable(cli, e);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK : kafka_error(e, code, "metadata");
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

enum err_code kafka_admin_wait(const struct cli *cli, rd_kafka_queue_t *queue, const char *what,
                               rd_kafka_event_t **out_event, struct err *e)
{
    /* Left alone, a request would wait a minute for a broker that does not answer. */
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, KAFKA_TIMEOUT_MS);
    if (event == NULL) {
        return kafka_unreachable(cli, e);
    }
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        enum err_code mapped =
            code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT
                ? kafka_unreachable(cli, e)
                : err_set(e, ERR_INVALID, "%s: %s: %s", what, kafka_error_name(code),
                          rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
        return mapped;
    }
    *out_event = event;
    return ERR_OK;
}
