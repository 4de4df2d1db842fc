/* `weir topic describe`: summary, configuration, partitions, as sections or as JSON. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/kafka.h"
#include "cli/output.h"
#include "cli/topic.h"
#include "cli/topic_description.h"
#include "cli/topic_match.h"
#include "common/mem.h"

/* What a run has open. */
struct topic_describe {
    struct cli *cli;
    rd_kafka_t *rk;
    rd_kafka_t *committed; /* with --stable: a reader of committed records, to ask for their end */
    enum output_format format;
    struct topic_description_parts parts;
};

static enum err_code topic_describe_get_configs(const struct topic_describe *d, const char *name,
                                                rd_kafka_event_t **out_event, struct err *e)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(d->rk);
    rd_kafka_event_t *event = NULL;
    rd_kafka_DescribeConfigs(d->rk, &resource, 1, NULL, queue);
    enum err_code code = kafka_admin_wait(d->cli, d->rk, queue, "describe configs", &event, e);
    if (code == ERR_OK) {
        size_t count = 0;
        const rd_kafka_ConfigResource_t **results = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &count);
        rd_kafka_resp_err_t error =
            count == 1 ? rd_kafka_ConfigResource_error(results[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
        code = error != RD_KAFKA_RESP_ERR_NO_ERROR ? kafka_error(e, error, name) : ERR_OK;
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy(resource);
    if (code != ERR_OK) {
        if (event != NULL) {
            rd_kafka_event_destroy(event);
        }
        return code;
    }
    *out_event = event;
    return ERR_OK;
}

/* Offsets that cannot be had are shown as such: the other partitions are of use. */
static enum err_code topic_describe_get_offsets(const struct topic_describe *d,
                                                struct topic_description *t, struct err *e)
{
    t->offsets = mem_calloc((size_t)t->topic->partition_cnt + 1, sizeof *t->offsets);
    if (t->offsets == NULL) {
        return err_nomem(e, "offsets");
    }
    for (int i = 0; i < t->topic->partition_cnt; i++) {
        struct topic_description_offsets *o = &t->offsets[i];
        int32_t partition = t->topic->partitions[i].id;
        int64_t start = 0;
        *o = (struct topic_description_offsets){-1, -1, -1, RD_KAFKA_RESP_ERR_NO_ERROR};
        if (d->committed != NULL) {
            o->error = rd_kafka_query_watermark_offsets(d->committed, t->topic->topic, partition,
                                                        &start, &o->stable, KAFKA_TIMEOUT_MS);
        }
        if (o->error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            o->error = rd_kafka_query_watermark_offsets(d->rk, t->topic->topic, partition,
                                                        &o->start, &o->end, KAFKA_TIMEOUT_MS);
        }
    }
    return ERR_OK;
}

static void topic_describe_release(struct topic_description *t)
{
    if (t->configs != NULL) {
        rd_kafka_event_destroy(t->configs);
    }
    if (t->metadata != NULL) {
        rd_kafka_metadata_destroy(t->metadata);
    }
    mem_free(t->offsets);
}

static enum err_code topic_describe_gather(const struct topic_describe *d, const char *name,
                                           struct topic_description *out, struct err *e)
{
    struct topic_description t = {.metadata = NULL};
    enum err_code code = kafka_metadata(d->cli, d->rk, name, &t.metadata, e);
    if (code == ERR_OK && t.metadata->topic_cnt != 1) {
        code = err_set(e, ERR_PARSE, "%s: the broker describes another topic", name);
    } else if (code == ERR_OK) {
        t.topic = &t.metadata->topics[0];
        if (t.topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            code = err_set(e, ERR_NOT_FOUND,
                           "topic \"%s\" does not exist (UNKNOWN_TOPIC_OR_PARTITION); see \"weir "
                           "topic list\"",
                           name);
        }
    }
    if (code == ERR_OK && d->parts.configs) {
        code = topic_describe_get_configs(d, name, &t.configs, e);
    }
    if (code == ERR_OK && d->parts.partitions) {
        code = topic_describe_get_offsets(d, &t, e);
    }
    if (code != ERR_OK) {
        topic_describe_release(&t);
        return code;
    }
    *out = t;
    return ERR_OK;
}

/* Every topic that can be described is; 1 if one cannot. */
static int topic_describe_all(const struct topic_describe *d, const struct topic_match *match)
{
    int code = 0;
    bool first = true;
    json_t *list = json_array();
    for (size_t i = 0; i < match->count; i++) {
        struct err e;
        struct topic_description t;
        if (topic_describe_gather(d, match->names[i], &t, &e) != ERR_OK) {
            code = cli_fail_err(&e);
            continue;
        }
        if (d->format != OUTPUT_TEXT) {
            (void)json_array_append_new(list, topic_description_json(&t));
        } else {
            (void)fputs(first ? "" : "\n", stdout);
            first = false;
            code |= topic_description_print(&t, d->parts) ? 0 : 1;
        }
        topic_describe_release(&t);
    }
    if (d->format != OUTPUT_TEXT) {
        code |= output_print(d->format, json_incref(list));
    }
    json_decref(list);
    return code;
}

static enum err_code topic_describe_open(struct topic_describe *d, struct err *e)
{
    const struct kafka_property committed[] = {{"isolation.level", "read_committed"}, {NULL, NULL}};
    const struct kafka_property all[] = {{"isolation.level", "read_uncommitted"}, {NULL, NULL}};
    /* A producer that asks for a topic creates it. */
    enum err_code code = kafka_open(d->cli, RD_KAFKA_CONSUMER, all, &d->rk, e);
    if (code == ERR_OK && cli_flag_bool(d->cli, "stable")) {
        code = kafka_open(d->cli, RD_KAFKA_CONSUMER, committed, &d->committed, e);
    }
    return code;
}

static void topic_describe_choose(struct topic_describe *d, size_t topics)
{
    const struct cli *cli = d->cli;
    bool all = cli_flag_bool(cli, "print-all") || topics > 1 || d->format != OUTPUT_TEXT;
    d->parts = (struct topic_description_parts){
        all || cli_flag_bool(cli, "print-summary"),
        all || cli_flag_bool(cli, "print-configs"),
        all || cli_flag_bool(cli, "print-partitions"),
    };
    if (!d->parts.summary && !d->parts.configs && !d->parts.partitions) {
        d->parts.summary = d->parts.configs = true;
    }
}

static const char topic_describe_shape[] = "[]{\n"
                                           "  summary: {\n"
                                           "    name: string\n"
                                           "    internal: bool\n"
                                           "    partitions: int\n"
                                           "    replicas: int\n"
                                           "    error: string\n"
                                           "  }\n"
                                           "  configs: []{\n"
                                           "    key: string\n"
                                           "    value: string\n"
                                           "    source: string\n"
                                           "  }\n"
                                           "  partitions: []{\n"
                                           "    partition: int32\n"
                                           "    leader: int32\n"
                                           "    epoch: int32\n"
                                           "    replicas: []int32\n"
                                           "    offline_replicas: []int32,omitempty\n"
                                           "    load_error: string,omitempty\n"
                                           "    log_start_offset: int64\n"
                                           "    last_stable_offset: int64,omitempty\n"
                                           "    high_watermark: int64\n"
                                           "    error: []string,omitempty\n"
                                           "  }\n"
                                           "}";

static int topic_describe_run(struct cli *cli)
{
    struct err e;
    struct topic_describe d = {.cli = cli};
    struct topic_match match = {.names = NULL};
    if (cli_argument_count(cli) == 0) {
        return cli_fail("topic describe needs at least one name");
    }
    if (output_format_parse(cli, topic_describe_shape, &d.format, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (d.format == OUTPUT_HELP) {
        return 0;
    }
    int exit_code = 0;
    enum err_code code = topic_describe_open(&d, &e);
    code = code == ERR_OK ? topic_match_find(cli, d.rk, &match, &e) : code;
    if (code != ERR_OK) {
        exit_code = cli_fail_err(&e);
    } else if (match.count == 0 && d.format == OUTPUT_TEXT) {
        (void)puts("did not match any topics, exiting.");
    } else {
        topic_describe_choose(&d, match.count);
        exit_code = topic_describe_all(&d, &match);
    }
    topic_match_deinit(&match);
    if (d.committed != NULL) {
        rd_kafka_destroy(d.committed);
    }
    if (d.rk != NULL) {
        rd_kafka_destroy(d.rk);
    }
    return exit_code;
}

static const struct flag topic_describe_flags[] = {
    {"print-summary", 's', FLAG_BOOL, NULL, NULL, "Print the summary section"},
    {"print-configs", 'c', FLAG_BOOL, NULL, NULL, "Print the configuration section"},
    {"print-partitions", 'p', FLAG_BOOL, NULL, NULL, "Print the partitions section"},
    {"print-all", 'a', FLAG_BOOL, NULL, NULL, "Print all sections"},
    {"regex", 'r', FLAG_BOOL, NULL, NULL,
     "Names are regular expressions for whole names; internal topics never match"},
    {"stable", 0, FLAG_BOOL, NULL, NULL,
     "Add the last stable offset where a transaction holds it below the high watermark"},
    OUTPUT_FORMAT_FLAG,
};

static const struct flag_retired topic_describe_retired[] = {
    {"page", 0, true, "all partitions are printed if the partition section is requested"},
    {"page-size", 0, true, "all partitions are printed if the partition section is requested"},
    {"watermarks", 0, false, "watermarks are always printed with the partition section"},
    {"detailed", 0, false, "use -p to print detailed information"},
};

const struct command topic_describe_command = {
    .name = "describe",
    .aliases = "info",
    .arguments = "NAME...",
    .summary = "Describe topics: summary, configuration, partitions",
    .details =
        "Prints summary and configuration of one topic, and everything of several or as JSON "
        "or YAML.\n"
        "EPOCH is - (-1 as JSON): the Kafka client library does not hand out leader epochs.",
    .flags = topic_describe_flags,
    .flag_count = sizeof topic_describe_flags / sizeof topic_describe_flags[0],
    .retired = topic_describe_retired,
    .retired_count = sizeof topic_describe_retired / sizeof topic_describe_retired[0],
    .run = topic_describe_run,
};
