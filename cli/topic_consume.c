/* `weir topic consume`: records to standard output, by partition or as a member of a group. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/consume_plan.h"
#include "cli/go_duration.h"
#include "cli/interrupt.h"
#include "cli/kafka.h"
#include "cli/offset_range.h"
#include "cli/record_format.h"
#include "cli/record_json.h"
#include "cli/record_view.h"
#include "cli/schema_codec.h"
#include "cli/settings.h"
#include "cli/topic.h"
#include "cli/topic_match.h"
#include "client/client_close.h"
#include "common/clock.h"
#include "serde/registry_client.h"

#define TOPIC_CONSUME_OUT_BYTES ((size_t)1 << 30)
#define TOPIC_CONSUME_POLL_MS 100
#define TOPIC_CONSUME_FETCH_MS 250
#define TOPIC_CONSUME_LIST_BYTES ((size_t)1 << 20)
#define TOPIC_CONSUME_LEAVE_MS 5000

struct topic_consume {
    struct cli *cli;
    rd_kafka_t *rk;
    const char *group; /* NULL: partitions are assigned by the plan */
    struct consume_plan plan;
    struct offset_range range;
    bool json; /* else by format */
    struct record_json_style style;
    struct record_format format;
    struct record_view_headers headers;
    struct registry_client *registry; /* NULL: bytes as they are */
    bool decode_key;
    bool decode_value;
    struct buf key;
    struct buf value;
    struct buf out;
    long long limit; /* 0 = none */
    long long shown;
};

/* Whether this starts like a framed message: magic 0 and an id. */
static bool topic_consume_is_framed(struct bytes text)
{
    return text.len >= 5 && text.data[0] == 0;
}

/* Replaces text by its decoded form. A null has none. */
static enum err_code topic_consume_decode(struct topic_consume *c, bool wanted, struct buf *to,
                                          struct bytes *text, struct err *e)
{
    if (!wanted || bytes_is_null(*text)) {
        return ERR_OK;
    }
    buf_clear(to);
    enum err_code code = schema_codec_decode(c->registry, *text, to, e);
    *text = code == ERR_OK ? buf_bytes(to) : *text;
    return code;
}

/* One record in the format that was asked for. */
static void topic_consume_write(struct topic_consume *c, const struct record_view *view, FILE *to)
{
    buf_clear(&c->out);
    if (c->json) {
        record_json_write(view, &c->style, &c->out);
    } else {
        record_format_write(&c->format, view, &c->out);
    }
    if (c->out.len > 0) {
        (void)fwrite(c->out.data, 1, c->out.len, to);
    }
}

static void topic_consume_show(struct topic_consume *c, const rd_kafka_message_t *m)
{
    struct err e;
    struct record_view view = record_view_of(m, &c->headers);
    (void)rd_kafka_get_watermark_offsets(c->rk, (const char *)view.topic.data, view.partition,
                                         &view.log_start, &view.high_watermark);
    /* Keys are often plain text beside values with a schema: they are shown as they are, unless
     * keys alone were asked for. */
    bool decode_key = c->decode_key && (!c->decode_value || topic_consume_is_framed(view.key));
    enum err_code code = topic_consume_decode(c, decode_key, &c->key, &view.key, &e);
    if (code == ERR_OK) {
        code = topic_consume_decode(c, c->decode_value, &c->value, &view.value, &e);
    }
    c->shown++;
    if (code != ERR_OK) {
        /* As it is, and out of the way of what was decoded. */
        (void)fprintf(stderr, "topic %.*s partition %d offset %lld: %s\n", (int)view.topic.len,
                      (const char *)view.topic.data, view.partition, (long long)view.offset,
                      e.text);
    }
    topic_consume_write(c, &view, code == ERR_OK ? stdout : stderr);
}

static void topic_consume_take(struct topic_consume *c, const rd_kafka_message_t *m)
{
    const char *topic = m->rkt != NULL ? rd_kafka_topic_name(m->rkt) : "";
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        consume_plan_reached(&c->plan, topic, m->partition, m->offset);
    } else if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)fprintf(stderr, "ERR: topic %s partition %d: %s: %s\n", topic, m->partition,
                      kafka_error_name(m->err), rd_kafka_message_errstr(m));
    } else if (c->group != NULL || consume_plan_take(&c->plan, topic, m->partition, m->offset)) {
        topic_consume_show(c, m);
        if (c->group != NULL) {
            /* Only what was shown is committed, also when --num ends the run. */
            (void)rd_kafka_offset_store(m->rkt, m->partition, m->offset);
        }
    }
}

static void topic_consume_loop(struct topic_consume *c)
{
    while (!interrupt_came() && (c->limit == 0 || c->shown < c->limit) &&
           (c->group != NULL || c->plan.open > 0) && ferror(stdout) == 0) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, 0);
        if (m == NULL) {
            /* Nothing more at once: what was printed must be seen before waiting. */
            (void)fflush(stdout);
            m = rd_kafka_consumer_poll(c->rk, TOPIC_CONSUME_POLL_MS);
        }
        if (m != NULL) {
            topic_consume_take(c, m);
            rd_kafka_message_destroy(m);
        }
    }
}

/* Assigns partitions, or joins the group. */
static enum err_code topic_consume_begin(struct topic_consume *c,
                                         const rd_kafka_topic_partition_list_t *topics,
                                         struct err *e)
{
    struct buf partitions;
    buf_init(&partitions, TOPIC_CONSUME_LIST_BYTES);
    cli_flag_join(c->cli, "partitions", &partitions);
    const char *text = partitions.len > 0 ? buf_text(&partitions) : NULL;
    const struct consume_plan_request request = {topics, text, c->range};
    enum err_code code = buf_check(&partitions, "--partitions", e);
    code = code == ERR_OK ? consume_plan_create(c->cli, c->rk, &request, &c->plan, e) : code;
    buf_deinit(&partitions);
    if (code != ERR_OK) {
        return code;
    }
    rd_kafka_resp_err_t error =
        c->group != NULL ? rd_kafka_subscribe(c->rk, topics) : rd_kafka_assign(c->rk, c->plan.list);
    return error == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK : kafka_error(e, error, "consume");
}

static enum err_code topic_consume_read(struct topic_consume *c, struct err *e)
{
    struct topic_match match;
    enum err_code code = topic_match_find(c->cli, c->rk, &match, e);
    if (code != ERR_OK) {
        return code;
    }
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new((int)match.count);
    for (size_t i = 0; i < match.count; i++) {
        (void)rd_kafka_topic_partition_list_add(topics, match.names[i], RD_KAFKA_PARTITION_UA);
    }
    topic_match_deinit(&match);
    if (topics->cnt == 0) {
        (void)puts("did not match any topics, exiting.");
    } else {
        code = topic_consume_begin(c, topics, e);
        if (code == ERR_OK) {
            topic_consume_loop(c);
        }
    }
    rd_kafka_topic_partition_list_destroy(topics);
    return code;
}

static enum err_code topic_consume_parse_schemas(struct topic_consume *c, struct err *e)
{
    const char *which = cli_flag(c->cli, "use-schema-registry");
    if (which == NULL) {
        return ERR_OK;
    }
    for (const char *at = which; at != NULL;) {
        size_t n = strcspn(at, ",");
        if (n == strlen("key") && strncmp(at, "key", n) == 0) {
            c->decode_key = true;
        } else if (n == strlen("value") && strncmp(at, "value", n) == 0) {
            c->decode_value = true;
        } else {
            return err_set(e, ERR_INVALID, "--use-schema-registry=%s: use key, value or key,value",
                           which);
        }
        at = at[n] == ',' ? at + n + 1 : NULL;
    }
    return schema_codec_open(c->cli, &c->registry, e);
}

static enum err_code topic_consume_parse(struct topic_consume *c, struct err *e)
{
    struct cli *cli = c->cli;
    if (cli_argument_count(cli) == 0) {
        return err_set(e, ERR_INVALID, "topic consume needs at least one topic");
    }
    if (cli_flag_bool(cli, "print-control-records")) {
        return err_set(
            e, ERR_UNSUPPORTED,
            "--print-control-records is not supported: the Kafka client library does not "
            "hand them out");
    }
    enum err_code code =
        offset_range_parse(cli_flag(cli, "offset"), clock_wall_ms(clock_system()), &c->range, e);
    if (code == ERR_OK) {
        code = cli_flag_int(cli, "num", 0, INT64_MAX, &c->limit, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    c->group = cli_flag(cli, "group");
    bool plain_start = c->range.start.value == 0 && (c->range.start.anchor == OFFSET_FROM_START ||
                                                     c->range.start.anchor == OFFSET_FROM_END);
    if (c->group != NULL && cli_flag(cli, "partitions") != NULL) {
        return err_set(e, ERR_INVALID, "--group and --partitions exclude each other");
    }
    if (c->group != NULL && (c->range.stop.anchor != OFFSET_NONE || !plain_start)) {
        return err_set(e, ERR_INVALID,
                       "--group takes only the offsets start and end: where a group without "
                       "commits begins");
    }
    const char *format = cli_flag(cli, "format");
    c->json = strcmp(format, "json") == 0;
    c->style = (struct record_json_style){.pretty = cli_flag_bool(cli, "pretty-print"),
                                          .meta_only = cli_flag_bool(cli, "meta-only")};
    if (!c->json) {
        code = record_format_init(&c->format, format, RECORD_WRITES, e);
        code = code == ERR_OK ? record_view_check(&c->format, RECORD_VIEW_CONSUMED, "--format", e)
                              : code;
    }
    return code == ERR_OK ? topic_consume_parse_schemas(c, e) : code;
}

/* A broker answers a waiting fetch as soon as one of its partitions has a record; but librdkafka
 * 2.0.2 begins with the partitions that it has set up first, and the others wait for that answer.
 * So that records which exist come at once, a single fetch never waits longer than
 * TOPIC_CONSUME_FETCH_MS. */
static enum err_code topic_consume_fetch_wait(const struct cli *cli, char *out, size_t size,
                                              struct err *e)
{
    int64_t ms = settings_ms(cli_settings(cli), "globals.fetch_max_wait");
    const char *text = cli_flag(cli, "fetch-max-wait");
    bool given = cli_flag_given(cli, "fetch-max-wait") || ms < 0;
    if (given && (!go_duration_parse(text, &ms) || ms > 300000)) {
        return err_set(e, ERR_INVALID, "--fetch-max-wait \"%s\": use a duration up to 5m", text);
    }
    (void)snprintf(out, size, "%lld",
                   (long long)(ms < TOPIC_CONSUME_FETCH_MS ? ms : TOPIC_CONSUME_FETCH_MS));
    return ERR_OK;
}

static enum err_code topic_consume_open(struct topic_consume *c, struct err *e)
{
    struct cli *cli = c->cli;
    char wait[32];
    if (topic_consume_fetch_wait(cli, wait, sizeof wait, e) != ERR_OK) {
        return ERR_INVALID;
    }
    bool from_end = c->range.start.anchor == OFFSET_FROM_END;
    const char *balancer = cli_flag(cli, "balancer");
    if (strcmp(balancer, "cooperative-sticky") != 0 && strcmp(balancer, "range") != 0 &&
        strcmp(balancer, "roundrobin") != 0) {
        return err_set(
            e, ERR_INVALID,
            "--balancer %s is not supported: use cooperative-sticky, range or roundrobin",
            balancer);
    }
    const char *rack = cli_flag(cli, "rack");
    const struct kafka_property properties[] = {
        {"group.id", c->group != NULL ? c->group : "weir"},
        {"enable.auto.commit", c->group != NULL ? "true" : "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", c->group != NULL && from_end ? "latest" : "earliest"},
        {"partition.assignment.strategy", balancer},
        {"enable.partition.eof", c->group != NULL ? "false" : "true"},
        {"isolation.level",
         cli_flag_bool(cli, "read-committed") ? "read_committed" : "read_uncommitted"},
        {"message.max.bytes", "1000"}, /* the floor of what follows, not a limit of ours */
        {"fetch.max.bytes", cli_flag(cli, "fetch-max-bytes")},
        {"max.partition.fetch.bytes", cli_flag(cli, "fetch-max-partition-bytes")},
        {"fetch.wait.max.ms", wait},
        {"client.rack", rack != NULL ? rack : ""},
        {NULL, NULL},
    };
    enum err_code code = kafka_open(cli, RD_KAFKA_CONSUMER, properties, &c->rk, e);
    if (code == ERR_OK) {
        (void)rd_kafka_poll_set_consumer(c->rk);
    }
    return code;
}

/* librdkafka 2.0.2 closes a cooperative member without telling the group, which then waits for it
 * until its session ends: so commit, and give the partitions back, before closing. */
static void topic_consume_leave(struct topic_consume *c)
{
    if (c->group == NULL) {
        return;
    }
    (void)rd_kafka_commit(c->rk, NULL, 0); /* nothing to commit is no failure */
    (void)rd_kafka_unsubscribe(c->rk);
    int64_t deadline = clock_mono_ms(clock_system()) + TOPIC_CONSUME_LEAVE_MS;
    int left = 1;
    while (left > 0 && clock_mono_ms(clock_system()) < deadline) {
        rd_kafka_topic_partition_list_t *held = NULL;
        rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, TOPIC_CONSUME_POLL_MS);
        if (m != NULL) {
            rd_kafka_message_destroy(m);
        }
        left = 0;
        if (rd_kafka_assignment(c->rk, &held) == RD_KAFKA_RESP_ERR_NO_ERROR) {
            left = held->cnt;
            rd_kafka_topic_partition_list_destroy(held);
        }
    }
}

static void topic_consume_close(struct topic_consume *c)
{
    if (c->rk != NULL) {
        topic_consume_leave(c);
        (void)rd_kafka_consumer_close(c->rk);
        (void)client_close(c->rk);
    }
    consume_plan_destroy(&c->plan);
    registry_client_destroy(c->registry);
    record_view_headers_deinit(&c->headers);
    record_format_deinit(&c->format);
    buf_deinit(&c->key);
    buf_deinit(&c->value);
    buf_deinit(&c->out);
}

static int topic_consume_run(struct cli *cli)
{
    struct err e;
    struct topic_consume c = {.cli = cli};
    buf_init(&c.key, TOPIC_CONSUME_OUT_BYTES);
    buf_init(&c.value, TOPIC_CONSUME_OUT_BYTES);
    buf_init(&c.out, TOPIC_CONSUME_OUT_BYTES);
    interrupt_watch();
    enum err_code code = topic_consume_parse(&c, &e);
    code = code == ERR_OK ? topic_consume_open(&c, &e) : code;
    code = code == ERR_OK ? topic_consume_read(&c, &e) : code;
    topic_consume_close(&c);
    return code == ERR_OK ? 0 : cli_fail_err(&e);
}

static const struct flag topic_consume_flags[] = {
    {"offset", 'o', FLAG_TEXT, "OFFSET", "start",
     "start, end, N, +N, -N, A:B, :end, @TIME, @TIME:TIME"},
    {"partitions", 'p', FLAG_TEXT, "N,...", NULL, "Only these partitions"},
    {"group", 'g', FLAG_TEXT, "GROUP", NULL, "Read as a member of a consumer group"},
    {"balancer", 'b', FLAG_TEXT, "NAME", "cooperative-sticky",
     "Of the group: cooperative-sticky, range or roundrobin"},
    {"num", 'n', FLAG_TEXT, "N", "0", "Stop after N records; 0 = never"},
    {"format", 'f', FLAG_TEXT, "FORMAT", "json", "json, or a record format such as '%k=%v\\n'"},
    {"pretty-print", 0, FLAG_BOOL, NULL, "true", "JSON over several lines"},
    {"meta-only", 0, FLAG_BOOL, NULL, NULL, "JSON without the value, but its size"},
    {"regex", 'r', FLAG_BOOL, NULL, NULL, "Topics are regular expressions"},
    {"read-committed", 0, FLAG_BOOL, NULL, NULL, "Only records of committed transactions"},
    {"print-control-records", 0, FLAG_BOOL, NULL, NULL,
     "Refused: the Kafka client library does not hand them out"},
    {"fetch-max-bytes", 0, FLAG_TEXT, "N", "1048576", "Most bytes of a fetch"},
    {"fetch-max-partition-bytes", 0, FLAG_TEXT, "N", "1048576", "Most bytes of a partition in it"},
    {"fetch-max-wait", 0, FLAG_TEXT, "DURATION", "5s",
     "How long the broker may wait for records; a single fetch never waits longer than 250ms"},
    {"rack", 0, FLAG_TEXT, "RACK", NULL, "Read from replicas in this rack"},
    {"use-schema-registry", 0, FLAG_OPTIONAL, "key|value", "key,value",
     "Decode with schemas of the registry"},
};

static const struct flag_retired topic_consume_retired[] = {
    {"commit", 0, false, "group consuming always commits"},
};

const struct command topic_consume_command = {
    .name = "consume",
    .arguments = "NAME...",
    .summary = "Consume records to standard output",
    .details =
        "Without a stop in --offset it waits for new records until interrupted. A format is text\n"
        "with verbs: %t topic, %k key, %v value, %p partition, %o offset, %d timestamp, %h{%k=%v}\n"
        "headers, %K %V %H sizes, %i counter; with modifiers: %v{hex}, %v{base64}, "
        "%v{unpack[>Iq]},\n"
        "%o{big64}, %d{go[2006-01-02T15:04:05Z07:00]}, %d{strftime[%F %T]}; \\n \\t \\xNN escapes.",
    .flags = topic_consume_flags,
    .flag_count = sizeof topic_consume_flags / sizeof topic_consume_flags[0],
    .retired = topic_consume_retired,
    .retired_count = sizeof topic_consume_retired / sizeof topic_consume_retired[0],
    .run = topic_consume_run,
};
