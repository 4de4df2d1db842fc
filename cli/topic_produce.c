/* `weir topic produce`: records from standard input, one line for each that is acknowledged. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

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
#include "common/text.h"
#include "serde/registry_client.h"

#define TOPIC_PRODUCE_RECORD_BYTES ((size_t)64 << 20)
#define TOPIC_PRODUCE_WAIT_MS 20
#define TOPIC_PRODUCE_PROPERTIES 8
#define TOPIC_PRODUCE_TOPIC_MAX 250
#define TOPIC_PRODUCE_FORMAT_BYTES ((size_t)1 << 20)

/* --schema-id and --schema-key-id: none, one id, or the newest schema of each record's topic. */
struct topic_produce_schema {
    const char *flag; /* its text; NULL = bytes are sent as they are */
    int32_t id;
    char topic[TOPIC_PRODUCE_TOPIC_MAX]; /* whose newest schema id is; "" = none yet, or a fixed id
                                          */
};

struct topic_produce {
    struct cli *cli;
    rd_kafka_t *rk;
    const char *topic; /* NULL: each record names its own */
    struct record_format reads;
    struct record_format writes; /* nothing in it: acknowledged records are not told */
    json_t *known;               /* topics that are there, with their partition counts */
    struct record_view_headers headers;
    struct buf line;
    struct registry_client *registry; /* NULL: bytes are sent as they are */
    struct topic_produce_schema key_schema;
    struct topic_produce_schema value_schema;
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
    if (p->writes.items == NULL) {
        return;
    }
    struct record_view view = record_view_of(m, &p->headers);
    buf_clear(&p->line);
    record_format_write(&p->writes, &view, &p->line);
    if (p->line.len > 0) {
        (void)fwrite(p->line.data, 1, p->line.len, stdout);
    }
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
            return why == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION
                       ? err_set(e, ERR_NOT_FOUND,
                                 "unable to produce record: topic %s has no partition %d", topic,
                                 parts[1].u.i32)
                       : kafka_error(e, why, "unable to produce record");
        }
        (void)rd_kafka_poll(p->rk, 100);
    }
}

/* Waits for the delivery reports of all that was sent; message.timeout.ms bounds it. */
static void topic_produce_serve(struct topic_produce *p)
{
    while (rd_kafka_outq_len(p->rk) > 0) {
        (void)rd_kafka_poll(p->rk, 100);
    }
}

/* The topic must be there: a typing slip should not make one, and librdkafka's producer would. */
static enum err_code topic_produce_check_topic(struct topic_produce *p, const char *topic,
                                               struct err *e)
{
    if (cli_flag_bool(p->cli, "allow-auto-topic-creation") ||
        json_object_get(p->known, topic) != NULL) {
        return ERR_OK;
    }
    topic_produce_serve(p);
    const struct rd_kafka_metadata *md = NULL;
    enum err_code code = kafka_metadata(p->cli, p->rk, NULL, &md, e);
    if (code != ERR_OK) {
        return code;
    }
    for (int i = 0; i < md->topic_cnt; i++) {
        (void)json_object_set_new(p->known, md->topics[i].topic,
                                  json_integer(md->topics[i].partition_cnt));
    }
    rd_kafka_metadata_destroy(md);
    return json_object_get(p->known, topic) != NULL
               ? ERR_OK
               : err_set(e, ERR_NOT_FOUND,
                         "topic %s does not exist; create it with \"weir topic create %s\" or use "
                         "--allow-auto-topic-creation",
                         topic, topic);
}

static enum err_code topic_produce_find_schema(struct topic_produce *p,
                                               struct topic_produce_schema *s, const char *topic,
                                               struct err *e)
{
    bool by_topic = text_equals_nocase(s->flag, "topic");
    if (by_topic ? strcmp(s->topic, topic) == 0 : s->id != 0) {
        return ERR_OK;
    }
    enum err_code code = schema_codec_find_id(p->registry, by_topic ? "topic" : s->flag, topic,
                                              s == &p->key_schema, &s->id, e);
    code = code == ERR_OK ? schema_codec_check_id(p->registry, s->id, e) : code;
    (void)snprintf(s->topic, sizeof s->topic, "%s", code == ERR_OK && by_topic ? topic : "");
    return code == ERR_OK ? ERR_OK
                          : err_wrap(e, s == &p->key_schema ? "--schema-key-id" : "--schema-id");
}

/* Encodes with a schema when one was given. */
static enum err_code topic_produce_encode(struct topic_produce *p, struct topic_produce_schema *s,
                                          const char *topic, struct buf *to, struct bytes *text,
                                          struct err *e)
{
    if (s->flag == NULL || bytes_is_null(*text)) {
        return ERR_OK;
    }
    buf_clear(to);
    enum err_code code = topic_produce_find_schema(p, s, topic, e);
    if (code == ERR_OK) {
        code = schema_codec_encode(p->registry, s->id, *text, to, e);
    }
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
    enum err_code code = topic_produce_check_topic(p, topic, e);
    if (code == ERR_OK) {
        code = topic_produce_encode(p, &p->key_schema, topic, &p->key, &key, e);
    }
    if (code == ERR_OK) {
        code = topic_produce_encode(p, &p->value_schema, topic, &p->value, &value, e);
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
    topic_produce_serve(p); /* what was read before a failure is still delivered */
    return code;
}

/* A wrong id is told before the first record is read. */
static enum err_code topic_produce_open_schemas(struct topic_produce *p, struct err *e)
{
    struct topic_produce_schema *schemas[] = {&p->value_schema, &p->key_schema};
    if (cli_flag(p->cli, "schema-type") != NULL || cli_flag(p->cli, "schema-key-type") != NULL) {
        return err_set(e, ERR_UNSUPPORTED,
                       "--schema-type and --schema-key-type name a Protobuf message, and records "
                       "are encoded with Avro schemas only");
    }
    if (p->value_schema.flag == NULL && p->key_schema.flag == NULL) {
        return ERR_OK;
    }
    enum err_code code = schema_codec_open(p->cli, &p->registry, e);
    for (size_t i = 0; code == ERR_OK && i < 2; i++) {
        if (schemas[i]->flag != NULL &&
            (p->topic != NULL || !text_equals_nocase(schemas[i]->flag, "topic"))) {
            code = topic_produce_find_schema(p, schemas[i], p->topic != NULL ? p->topic : "", e);
        }
    }
    return code;
}

/* With a schema, %v and %k read one JSON value each, over as many lines as it has, as rpk does; a
 * modifier that is given stays. Tombstones need the plain form: an empty line is no JSON. */
static void topic_produce_layout(const struct topic_produce *p, const char *format, struct buf *out)
{
    bool plain = cli_flag_bool(p->cli, "tombstone");
    for (const char *at = format; *at != '\0'; at++) {
        buf_append_char(out, *at);
        if (*at != '%' || at[1] == '\0') {
            continue;
        }
        at++;
        buf_append_char(out, *at);
        bool json = (*at == 'v' && p->value_schema.flag != NULL) ||
                    (*at == 'k' && p->key_schema.flag != NULL);
        buf_append_text(out, json && !plain && at[1] != '{' ? "{json}" : "");
    }
}

static bool topic_produce_is_codec(const char *name)
{
    static const char *const names[] = {"none", "gzip", "snappy", "lz4", "zstd"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
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
    long long max_bytes = 0;
    char max_text[32];
    if (cli_flag_int(p->cli, "max-message-bytes", -1, 1000000000, &max_bytes, e) != ERR_OK) {
        return ERR_INVALID;
    }
    /* The least that librdkafka takes, and its default. */
    max_bytes = max_bytes < 0 ? 1000000 : max_bytes < 1000 ? 1000 : max_bytes;
    (void)snprintf(max_text, sizeof max_text, "%lld", max_bytes);
    const char *codec = cli_flag(p->cli, "compression");
    if (!topic_produce_is_codec(codec)) {
        return err_set(e, ERR_INVALID, "--compression %s: use none, gzip, snappy, lz4 or zstd",
                       codec);
    }
    const char *acks = cli_flag(p->cli, "acks");
    if (strcmp(acks, "-1") != 0 && strcmp(acks, "0") != 0 && strcmp(acks, "1") != 0) {
        return err_set(e, ERR_INVALID, "--acks \"%s\": use -1, 0 or 1", acks);
    }
    const struct kafka_property properties[TOPIC_PRODUCE_PROPERTIES] = {
        {"compression.codec", codec},
        {"acks", acks},
        {"enable.idempotence", strcmp(acks, "-1") == 0 ? "true" : "false"},
        {"message.timeout.ms", timeout},
        {"message.max.bytes", max_text},
        {"partitioner", "murmur2_random"}, /* keys land where the Java clients put them */
        {"sticky.partitioning.linger.ms", "100"},
        {NULL, NULL},
    };
    enum err_code code =
        kafka_open_producer(p->cli, properties, topic_produce_delivered, p, &p->rk, e);
    if (code == ERR_OK) {
        code = p->topic != NULL ? topic_produce_check_topic(p, p->topic, e) : ERR_OK;
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

static enum err_code topic_produce_parse_format(struct topic_produce *p, struct err *e)
{
    struct buf layout;
    buf_init(&layout, TOPIC_PRODUCE_FORMAT_BYTES);
    p->value_schema.flag = cli_flag(p->cli, "schema-id");
    p->key_schema.flag = cli_flag(p->cli, "schema-key-id");
    topic_produce_layout(p, cli_flag(p->cli, "format"), &layout);
    const char *text = buf_text(&layout);
    enum err_code code = text != NULL ? record_format_init(&p->reads, text, RECORD_READS, e)
                                      : err_set(e, ERR_LIMIT, "--format: too long");
    buf_deinit(&layout);
    return code == ERR_OK ? ERR_OK : err_wrap(e, "--format");
}

static int topic_produce_run(struct cli *cli)
{
    struct err e;
    struct topic_produce p = {.cli = cli, .topic = cli_argument(cli, 0), .known = json_object()};
    if (cli_argument_count(cli) > 1) {
        json_decref(p.known);
        return cli_fail("topic produce takes one topic, but got %zu", cli_argument_count(cli));
    }
    if (topic_produce_parse_format(&p, &e) != ERR_OK) {
        json_decref(p.known);
        return cli_fail_err(&e);
    }
    const char *output = cli_flag(cli, "output-format");
    if (*output != '\0' && record_format_init(&p.writes, output, RECORD_WRITES, &e) != ERR_OK) {
        (void)err_wrap(&e, "--output-format");
        json_decref(p.known);
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
    json_decref(p.known);
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
    {"max-message-bytes", 0, FLAG_TEXT, "N", "-1",
     "Largest batch before compression; -1 = 1000000"},
    {"tombstone", 'Z', FLAG_BOOL, NULL, NULL, "An empty value is null: it deletes the key"},
    {"allow-auto-topic-creation", 0, FLAG_BOOL, NULL, NULL, "Let the broker create the topic"},
    {"schema-id", 0, FLAG_TEXT, "N|topic", NULL,
     "Encode values with this schema (topic = the newest of NAME-value)"},
    {"schema-key-id", 0, FLAG_TEXT, "N|topic", NULL, "Encode keys with this schema"},
    {"schema-type", 0, FLAG_TEXT, "MESSAGE", NULL,
     "Refused: names a Protobuf message, and only Avro schemas encode"},
    {"schema-key-type", 0, FLAG_TEXT, "MESSAGE", NULL, "The same of keys"},
};

static const struct flag_retired topic_produce_retired[] = {
    {"num", 'n', true, "repeat the command to repeat records"},
    {"jvm-partitioner", 'j', false, "keys always land where the Java clients put them"},
    {"timestamp", 't', true, "record timestamps are set when producing"},
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
    .retired = topic_produce_retired,
    .retired_count = sizeof topic_produce_retired / sizeof topic_produce_retired[0],
    .run = topic_produce_run,
};
