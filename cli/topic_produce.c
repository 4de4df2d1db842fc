/* `weir topic produce`: records from standard input, one line for each that is acknowledged. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/go_duration.h"
#include "cli/interrupt.h"
#include "cli/kafka.h"
#include "cli/key_value.h"
#include "cli/record_format.h"
#include "cli/record_reader.h"
#include "cli/record_view.h"
#include "cli/schema_codec.h"
#include "cli/topic.h"
#include "serde/registry_client.h"

#define TOPIC_PRODUCE_RECORD_BYTES ((size_t)64 << 20)
#define TOPIC_PRODUCE_WAIT_MS 20
#define TOPIC_PRODUCE_PROPERTIES 8
#define TOPIC_PRODUCE_TOPIC_MAX 250

struct topic_produce {
    struct cli *cli;
    rd_kafka_t *rk;
    const char *topic; /* NULL: each record names its own */
    struct record_format reads;
    struct record_format writes;
    struct record_view_headers headers;
    struct buf line;
    struct registry_client *registry; /* NULL: bytes are sent as they are */
    int32_t key_schema;               /* 0 = none */
    int32_t value_schema;
    struct buf key;
    struct buf value;
    int failures;
};

static void topic_produce_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    struct topic_produce *p = opaque;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        p->failures++;
        (void)fprintf(stderr, "unable to produce record: %s: %s\n", kafka_error_name(m->err),
                      rd_kafka_err2str(m->err));
        return;
    }
    struct record_view view = record_view_of(m, &p->headers);
    buf_clear(&p->line);
    record_format_write(&p->writes, &view, &p->line);
    (void)fwrite(p->line.data, 1, p->line.len, stdout);
    (void)fflush(stdout);
}

/* Standard input, with delivery reports served while it is waited for: who types a line sees its
 * answer at once. An interrupt is the end of the input. */
static ssize_t topic_produce_read(void *ctx, void *data, size_t size)
{
    struct topic_produce *p = ctx;
    for (;;) {
        struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
        (void)rd_kafka_poll(p->rk, 0);
        if (interrupt_came()) {
            return 0;
        }
        int ready = poll(&fd, 1, TOPIC_PRODUCE_WAIT_MS);
        ssize_t n = ready > 0 ? read(STDIN_FILENO, data, size) : -1;
        bool again = ready == 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
        if (!again) {
            return n;
        }
    }
}

/* -H k:v of the command line, then those of the record. NULL when there are none. */
static enum err_code topic_produce_headers(const struct topic_produce *p,
                                           const struct record_input *in,
                                           rd_kafka_headers_t **out_headers, struct err *e)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(in->header_count + 4);
    const char *text = NULL;
    for (size_t i = 0; (text = cli_flag_at(p->cli, "header", i)) != NULL; i++) {
        struct key_value pair;
        if (key_value_parse(text, "--header", &pair, e) != ERR_OK) {
            rd_kafka_headers_destroy(headers);
            return ERR_INVALID;
        }
        (void)rd_kafka_header_add(headers, pair.key, -1, pair.value, -1);
    }
    for (size_t i = 0; i < in->header_count; i++) {
        const struct record_text_header *h = &in->headers[i];
        (void)rd_kafka_header_add(headers, (const char *)h->key.data, (ssize_t)h->key.len,
                                  h->value.data, (ssize_t)h->value.len);
    }
    if (rd_kafka_header_cnt(headers) == 0) {
        rd_kafka_headers_destroy(headers);
        headers = NULL;
    }
    *out_headers = headers;
    return ERR_OK;
}

/* Hands one record to librdkafka; a full queue is waited for. */
static enum err_code topic_produce_send(struct topic_produce *p, const char *topic,
                                        const struct record_input *in, struct bytes key,
                                        struct bytes value, struct err *e)
{
    rd_kafka_headers_t *headers = NULL;
    long long partition = -1;
    enum err_code code = cli_flag_int(p->cli, "partition", -1, INT32_MAX, &partition, e);
    if (code == ERR_OK) {
        code = topic_produce_headers(p, in, &headers, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION,
         .u.i32 = in->has_partition ? in->partition : (int32_t)partition},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key.data, key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)value.data, value.len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = in->has_timestamp ? in->timestamp_ms : 0},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    size_t count = sizeof parts / sizeof parts[0] - (headers == NULL ? 1 : 0);
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_produceva(p->rk, parts, count);
        if (error == NULL) {
            return ERR_OK; /* the headers are librdkafka's now */
        }
        rd_kafka_resp_err_t why = rd_kafka_error_code(error);
        rd_kafka_error_destroy(error);
        if (why != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            if (headers != NULL) {
                rd_kafka_headers_destroy(headers);
            }
            return kafka_error(e, why, "unable to produce record");
        }
        (void)rd_kafka_poll(p->rk, 100);
    }
}

/* Encodes with a schema when one was given. */
static enum err_code topic_produce_encode(struct topic_produce *p, int32_t schema, struct buf *to,
                                          struct bytes *text, struct err *e)
{
    if (schema == 0 || bytes_is_null(*text)) {
        return ERR_OK;
    }
    buf_clear(to);
    enum err_code code = schema_codec_encode(p->registry, schema, *text, to, e);
    *text = code == ERR_OK ? buf_bytes(to) : *text;
    return code;
}

static enum err_code topic_produce_one(struct topic_produce *p, const struct record_input *in,
                                       struct err *e)
{
    char name[TOPIC_PRODUCE_TOPIC_MAX];
    if (in->topic.len >= sizeof name) {
        return err_set(e, ERR_INVALID, "a topic name of %zu characters", in->topic.len);
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)in->topic.len, (const char *)in->topic.data);
    const char *topic = p->topic != NULL ? p->topic : name;
    const char *fixed_key = cli_flag(p->cli, "key");
    /* An empty key is no key; an empty value is one, unless --tombstone says otherwise. */
    struct bytes key = in->key.len > 0 ? in->key : bytes_of_text(fixed_key);
    struct bytes value = in->value;
    if (value.len == 0) {
        value = cli_flag_bool(p->cli, "tombstone") ? bytes_null() : bytes_of("", 0);
    }
    enum err_code code = topic_produce_encode(p, p->key_schema, &p->key, &key, e);
    if (code == ERR_OK) {
        code = topic_produce_encode(p, p->value_schema, &p->value, &value, e);
    }
    return code == ERR_OK ? topic_produce_send(p, topic, in, key, value, e) : code;
}

static enum err_code topic_produce_all(struct topic_produce *p, struct err *e)
{
    struct record_reader reader;
    record_reader_init(&reader, &p->reads, topic_produce_read, p, TOPIC_PRODUCE_RECORD_BYTES);
    enum err_code code = ERR_OK;
    bool end = false;
    while (code == ERR_OK && !end) {
        struct record_input in;
        code = record_reader_next(&reader, &in, &end, e);
        if (code != ERR_OK) {
            (void)err_wrap(e, "record read error");
        } else if (!end) {
            code = topic_produce_one(p, &in, e);
        }
    }
    record_reader_deinit(&reader);
    /* What was read before a failure is still delivered; message.timeout.ms bounds the wait. */
    while (rd_kafka_outq_len(p->rk) > 0) {
        (void)rd_kafka_poll(p->rk, 100);
    }
    return code;
}

/* The topic must be there: a typing slip should not make one. */
static enum err_code topic_produce_check_topic(struct topic_produce *p, struct err *e)
{
    if (p->topic == NULL || cli_flag_bool(p->cli, "allow-auto-topic-creation")) {
        return ERR_OK;
    }
    const struct rd_kafka_metadata *md = NULL;
    enum err_code code = kafka_metadata(p->cli, p->rk, NULL, &md, e);
    if (code != ERR_OK) {
        return code;
    }
    bool found = false;
    for (int i = 0; i < md->topic_cnt; i++) {
        found = found || strcmp(md->topics[i].topic, p->topic) == 0;
    }
    rd_kafka_metadata_destroy(md);
    return found
               ? ERR_OK
               : err_set(e, ERR_NOT_FOUND,
                         "topic %s does not exist; create it with \"weir topic create %s\" or use "
                         "--allow-auto-topic-creation",
                         p->topic, p->topic);
}

static enum err_code topic_produce_open_schemas(struct topic_produce *p, struct err *e)
{
    const char *value = cli_flag(p->cli, "schema-id");
    const char *key = cli_flag(p->cli, "schema-key-id");
    if (value == NULL && key == NULL) {
        return ERR_OK;
    }
    if (p->topic == NULL) {
        return err_set(e, ERR_INVALID, "--schema-id needs the topic as an argument");
    }
    enum err_code code = schema_codec_open(p->cli, &p->registry, e);
    if (code == ERR_OK && value != NULL) {
        code = schema_codec_find_id(p->registry, value, p->topic, false, &p->value_schema, e);
    }
    if (code == ERR_OK && key != NULL) {
        code = schema_codec_find_id(p->registry, key, p->topic, true, &p->key_schema, e);
    }
    return code;
}

static enum err_code topic_produce_open(struct topic_produce *p, struct err *e)
{
    char timeout[32] = "300000";
    int64_t timeout_ms = 0;
    const char *duration = cli_flag(p->cli, "delivery-timeout");
    if (duration != NULL) {
        if (!go_duration_parse(duration, &timeout_ms) || timeout_ms < 1000 ||
            timeout_ms > INT32_MAX) {
            return err_set(e, ERR_INVALID, "--delivery-timeout \"%s\": use 1s or more", duration);
        }
        (void)snprintf(timeout, sizeof timeout, "%" PRId64, timeout_ms);
    }
    const char *acks = cli_flag(p->cli, "acks");
    if (strcmp(acks, "-1") != 0 && strcmp(acks, "0") != 0 && strcmp(acks, "1") != 0) {
        return err_set(e, ERR_INVALID, "--acks \"%s\": use -1, 0 or 1", acks);
    }
    const struct kafka_property properties[TOPIC_PRODUCE_PROPERTIES] = {
        {"compression.codec", cli_flag(p->cli, "compression")},
        {"acks", acks},
        {"enable.idempotence", strcmp(acks, "-1") == 0 ? "true" : "false"},
        {"message.timeout.ms", timeout},
        {"message.max.bytes", cli_flag(p->cli, "max-message-bytes")},
        {"partitioner", "murmur2_random"}, /* keys land where the Java clients put them */
        {"sticky.partitioning.linger.ms", "100"},
        {NULL, NULL},
    };
    enum err_code code =
        kafka_open_producer(p->cli, properties, topic_produce_delivered, p, &p->rk, e);
    if (code == ERR_OK) {
        code = topic_produce_check_topic(p, e);
    }
    return code == ERR_OK ? topic_produce_open_schemas(p, e) : code;
}

/* What the formats ask for must be something that is known here. */
static enum err_code topic_produce_check_formats(struct topic_produce *p, struct err *e)
{
    bool names_topic = record_format_uses(&p->reads, RECORD_VERB_TOPIC);
    if (p->topic == NULL && !names_topic) {
        return err_set(e, ERR_INVALID,
                       "topic produce needs a topic: as an argument, or %%t in "
                       "--format");
    }
    if (p->topic != NULL && names_topic) {
        return err_set(e, ERR_INVALID, "the topic stands in --format (%%t) and as an argument");
    }
    return record_view_check(&p->writes, RECORD_VIEW_PRODUCED, "--output-format", e);
}

static int topic_produce_run(struct cli *cli)
{
    struct err e;
    struct topic_produce p = {.cli = cli, .topic = cli_argument(cli, 0)};
    if (cli_argument_count(cli) > 1) {
        return cli_fail("topic produce takes one topic, but got %zu", cli_argument_count(cli));
    }
    if (record_format_init(&p.reads, cli_flag(cli, "format"), RECORD_READS, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (record_format_init(&p.writes, cli_flag(cli, "output-format"), RECORD_WRITES, &e) !=
        ERR_OK) {
        record_format_deinit(&p.reads);
        return cli_fail_err(&e);
    }
    buf_init(&p.line, TOPIC_PRODUCE_RECORD_BYTES * 4);
    buf_init(&p.key, TOPIC_PRODUCE_RECORD_BYTES);
    buf_init(&p.value, TOPIC_PRODUCE_RECORD_BYTES);
    interrupt_watch();
    enum err_code code = topic_produce_check_formats(&p, &e);
    code = code == ERR_OK ? topic_produce_open(&p, &e) : code;
    code = code == ERR_OK ? topic_produce_all(&p, &e) : code;
    if (p.rk != NULL) {
        rd_kafka_destroy(p.rk);
    }
    registry_client_destroy(p.registry);
    record_view_headers_deinit(&p.headers);
    record_format_deinit(&p.reads);
    record_format_deinit(&p.writes);
    buf_deinit(&p.line);
    buf_deinit(&p.key);
    buf_deinit(&p.value);
    if (code != ERR_OK) {
        return cli_fail_err(&e);
    }
    return p.failures == 0 ? 0 : 1;
}

static const struct flag topic_produce_flags[] = {
    {"format", 'f', FLAG_TEXT, "FORMAT", "%v\\n", "How a record stands in the input"},
    {"output-format", 'o', FLAG_TEXT, "FORMAT",
     "Produced to partition %p at offset %o with timestamp %d.\\n",
     "What to print for each record that was acknowledged"},
    {"key", 'k', FLAG_TEXT, "KEY", NULL, "Key of every record that brings none"},
    {"header", 'H', FLAG_TEXT, "KEY:VALUE", NULL, "Header of every record (repeatable)"},
    {"partition", 'p', FLAG_TEXT, "N", "-1", "Partition; -1 = by key, or spread"},
    {"compression", 'z', FLAG_TEXT, "CODEC", "snappy", "none, gzip, snappy, lz4 or zstd"},
    {"acks", 0, FLAG_TEXT, "N", "-1", "-1 all replicas, 1 the leader, 0 none"},
    {"delivery-timeout", 0, FLAG_TEXT, "DURATION", NULL, "Give up on a record after (1s or more)"},
    {"max-message-bytes", 0, FLAG_TEXT, "N", "1000000", "Largest request"},
    {"tombstone", 'Z', FLAG_BOOL, NULL, NULL, "An empty value is null: it deletes the key"},
    {"allow-auto-topic-creation", 0, FLAG_BOOL, NULL, NULL, "Let the broker create the topic"},
    {"schema-id", 0, FLAG_TEXT, "N|topic", NULL,
     "Encode values with this schema (topic = the newest of NAME-value)"},
    {"schema-key-id", 0, FLAG_TEXT, "N|topic", NULL, "Encode keys with this schema"},
};

const struct command topic_produce_command = {
    .name = "produce",
    .arguments = "[NAME]",
    .summary = "Produce records from standard input",
    .details =
        "A format is text with verbs: %k key, %v value, %t topic, %p partition, %d timestamp,\n"
        "%H{2}%h{%k:%v } headers, %K %V sizes before what they size; \\n \\t \\xNN escapes. Texts\n"
        "may be decoded: %v{hex}, %v{base64}, %v{json}. Example: --format '%k|%v\\n'.",
    .flags = topic_produce_flags,
    .flag_count = sizeof topic_produce_flags / sizeof topic_produce_flags[0],
    .run = topic_produce_run,
};
