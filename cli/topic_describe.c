/* `weir topic describe`: summary, configuration, partitions, as sections or as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/kafka.h"
#include "cli/output.h"
#include "cli/partition_table.h"
#include "cli/table.h"
#include "cli/topic.h"
#include "cli/topic_match.h"
#include "common/mem.h"

struct topic_describe_parts {
    bool summary;
    bool configs;
    bool partitions;
};

/* What a run has open. */
struct topic_describe {
    struct cli *cli;
    rd_kafka_t *rk;
    rd_kafka_t *committed; /* with --stable: a reader of committed records, to ask for their end */
    enum output_format format;
    struct topic_describe_parts parts;
};

/* One topic, gathered before anything of it is printed. */
struct topic_describe_topic {
    const struct rd_kafka_metadata *metadata;
    const rd_kafka_metadata_topic_t *topic;
    rd_kafka_event_t *configs; /* NULL when they are not asked for */
    struct topic_describe_offsets *offsets;
};

/* -1: not known, for `error`. */
struct topic_describe_offsets {
    int64_t start;
    int64_t stable;
    int64_t end;
    rd_kafka_resp_err_t error;
};

static const char *topic_describe_source(rd_kafka_ConfigSource_t source)
{
    switch (source) {
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG:
        return "DYNAMIC_TOPIC_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_BROKER_CONFIG:
        return "DYNAMIC_BROKER_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER_CONFIG:
        return "DYNAMIC_DEFAULT_BROKER_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_STATIC_BROKER_CONFIG:
        return "STATIC_BROKER_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_DEFAULT_CONFIG:
        return "DEFAULT_CONFIG";
    case RD_KAFKA_CONFIG_SOURCE_UNKNOWN_CONFIG:
    case RD_KAFKA_CONFIG_SOURCE__CNT:
        break;
    }
    return "UNKNOWN_CONFIG";
}

static int topic_describe_compare(const void *a, const void *b)
{
    const rd_kafka_ConfigEntry_t *const *x = a;
    const rd_kafka_ConfigEntry_t *const *y = b;
    return strcmp(rd_kafka_ConfigEntry_name(*x), rd_kafka_ConfigEntry_name(*y));
}

#define TOPIC_DESCRIBE_CONFIGS_MAX 512

struct topic_describe_configs {
    const rd_kafka_ConfigEntry_t *entries[TOPIC_DESCRIBE_CONFIGS_MAX];
    size_t count;
};

static void topic_describe_sort_configs(const struct topic_describe_topic *t,
                                        struct topic_describe_configs *out)
{
    size_t resources = 0;
    const rd_kafka_ConfigResource_t **results = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(t->configs), &resources);
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(results[0], &count);
    out->count = count < TOPIC_DESCRIBE_CONFIGS_MAX ? count : TOPIC_DESCRIBE_CONFIGS_MAX;
    for (size_t i = 0; i < out->count; i++) {
        out->entries[i] = entries[i];
    }
    if (out->count > 1) {
        qsort(out->entries, out->count, sizeof out->entries[0], topic_describe_compare);
    }
}

static const char *topic_describe_value(const rd_kafka_ConfigEntry_t *entry)
{
    const char *value = rd_kafka_ConfigEntry_value(entry);
    return rd_kafka_ConfigEntry_is_sensitive(entry) != 0 ? "(sensitive)"
           : value != NULL                               ? value
                                                         : "";
}

static bool topic_describe_print_summary(const rd_kafka_metadata_topic_t *topic)
{
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    table_texts(t, "NAME", topic->topic, NULL);
    if (kafka_topic_is_internal(topic->topic)) {
        table_texts(t, "INTERNAL", "true", NULL);
    }
    table_row(t);
    table_cell(t, "PARTITIONS");
    table_cell(t, "%d", topic->partition_cnt);
    if (topic->partition_cnt > 0) {
        table_row(t);
        table_cell(t, "REPLICAS");
        table_cell(t, "%d", partition_table_replicas(topic));
    }
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        table_texts(t, "ERROR", kafka_error_name(topic->err), NULL);
    }
    bool good = table_print(t);
    table_destroy(t);
    return good;
}

static bool topic_describe_print_configs(const struct topic_describe_topic *d)
{
    struct topic_describe_configs configs;
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    topic_describe_sort_configs(d, &configs);
    table_texts(t, "KEY", "VALUE", "SOURCE", NULL);
    for (size_t i = 0; i < configs.count; i++) {
        const rd_kafka_ConfigEntry_t *entry = configs.entries[i];
        table_texts(t, rd_kafka_ConfigEntry_name(entry), topic_describe_value(entry),
                    topic_describe_source(rd_kafka_ConfigEntry_source(entry)), NULL);
    }
    bool good = table_print(t);
    table_destroy(t);
    return good;
}

static void topic_describe_offset(struct table *t, int64_t offset, rd_kafka_resp_err_t error)
{
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        table_cell(t, "%s", kafka_error_name(error));
    } else {
        table_cell(t, "%" PRId64, offset);
    }
}

/* Which of the optional columns some partition needs. */
struct topic_describe_columns {
    bool offline;
    bool errors;
    bool stable;
};

static struct topic_describe_columns topic_describe_columns(const struct topic_describe_topic *d)
{
    struct topic_describe_columns c = {false, false, false};
    int32_t dead[PARTITION_TABLE_IDS_MAX];
    for (int i = 0; i < d->topic->partition_cnt; i++) {
        const rd_kafka_metadata_partition_t *p = &d->topic->partitions[i];
        c.offline = c.offline || partition_table_offline(d->metadata, p, dead) > 0;
        c.errors = c.errors || p->err != RD_KAFKA_RESP_ERR_NO_ERROR;
        c.stable =
            c.stable || (d->offsets[i].stable >= 0 && d->offsets[i].stable != d->offsets[i].end);
    }
    return c;
}

static void topic_describe_row(struct table *t, const struct topic_describe_topic *d, int i,
                               struct topic_describe_columns c)
{
    const rd_kafka_metadata_partition_t *p = &d->topic->partitions[i];
    const struct topic_describe_offsets *o = &d->offsets[i];
    char ids[PARTITION_TABLE_IDS_MAX * 12];
    int32_t dead[PARTITION_TABLE_IDS_MAX];
    table_row(t);
    table_cell(t, "%d", p->id);
    table_cell(t, "%d", p->leader);
    table_cell(t, "-"); /* the client library does not hand out leader epochs */
    partition_table_ids(p->replicas, p->replica_cnt, ids, sizeof ids);
    table_cell(t, "%s", ids);
    if (c.offline) {
        int count = partition_table_offline(d->metadata, p, dead);
        partition_table_ids(dead, count, ids, sizeof ids);
        table_cell(t, "%s", ids);
    }
    if (c.errors) {
        table_cell(t, "%s", p->err == RD_KAFKA_RESP_ERR_NO_ERROR ? "-" : kafka_error_name(p->err));
    }
    topic_describe_offset(t, o->start, o->error);
    if (c.stable) {
        topic_describe_offset(t, o->stable, o->error);
    }
    topic_describe_offset(t, o->end, o->error);
}

static bool topic_describe_print_partitions(const struct topic_describe_topic *d)
{
    struct topic_describe_columns c = topic_describe_columns(d);
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    table_texts(t, "PARTITION", "LEADER", "EPOCH", "REPLICAS", NULL);
    if (c.offline) {
        table_cell(t, "OFFLINE-REPLICAS");
    }
    if (c.errors) {
        table_cell(t, "LOAD-ERROR");
    }
    table_cell(t, "LOG-START-OFFSET");
    if (c.stable) {
        table_cell(t, "LAST-STABLE-OFFSET");
    }
    table_cell(t, "HIGH-WATERMARK");
    for (int i = 0; i < d->topic->partition_cnt; i++) {
        topic_describe_row(t, d, i, c);
    }
    bool good = table_print(t);
    table_destroy(t);
    return good;
}

/* Sections have a title when there are several, and a blank line between them. */
static bool topic_describe_print(const struct topic_describe_topic *d,
                                 struct topic_describe_parts parts)
{
    int left = (int)parts.summary + (int)parts.configs + (int)parts.partitions;
    bool titles = left > 1;
    bool good = true;
    const struct {
        bool wanted;
        const char *title;
    } sections[] = {
        {parts.summary, "SUMMARY"}, {parts.configs, "CONFIGS"}, {parts.partitions, "PARTITIONS"}};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (!sections[i].wanted) {
            continue;
        }
        if (titles) {
            table_print_title(sections[i].title);
        }
        good = (i == 0   ? topic_describe_print_summary(d->topic)
                : i == 1 ? topic_describe_print_configs(d)
                         : topic_describe_print_partitions(d)) &&
               good;
        if (--left > 0) {
            (void)puts("");
        }
    }
    return good;
}

static json_t *topic_describe_partitions_json(const struct topic_describe_topic *d)
{
    json_t *list = partition_table_json(d->metadata, d->topic);
    struct topic_describe_columns c = topic_describe_columns(d);
    for (int i = 0; i < d->topic->partition_cnt; i++) {
        json_t *one = json_array_get(list, (size_t)i);
        const struct topic_describe_offsets *o = &d->offsets[i];
        if (json_array_size(json_object_get(one, "offline_replicas")) == 0) {
            (void)json_object_del(one, "offline_replicas");
        }
        if (json_string_length(json_object_get(one, "load_error")) == 0) {
            (void)json_object_del(one, "load_error");
        }
        (void)json_object_set_new(one, "log_start_offset", json_integer(o->start));
        if (c.stable) {
            (void)json_object_set_new(one, "last_stable_offset", json_integer(o->stable));
        }
        (void)json_object_set_new(one, "high_watermark", json_integer(o->end));
        if (o->error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            (void)json_object_set_new(one, "error", json_pack("[s]", kafka_error_name(o->error)));
        }
    }
    return list;
}

static json_t *topic_describe_json(const struct topic_describe_topic *d)
{
    struct topic_describe_configs configs;
    topic_describe_sort_configs(d, &configs);
    json_t *list = json_array();
    for (size_t i = 0; i < configs.count; i++) {
        const rd_kafka_ConfigEntry_t *entry = configs.entries[i];
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:s}", "key", rd_kafka_ConfigEntry_name(entry), "value",
                            topic_describe_value(entry), "source",
                            topic_describe_source(rd_kafka_ConfigEntry_source(entry))));
    }
    const rd_kafka_metadata_topic_t *topic = d->topic;
    return json_pack("{s:{s:s, s:b, s:i, s:i, s:s}, s:o, s:o}", "summary", "name", topic->topic,
                     "internal", kafka_topic_is_internal(topic->topic), "partitions",
                     topic->partition_cnt, "replicas", partition_table_replicas(topic), "error",
                     topic->err != RD_KAFKA_RESP_ERR_NO_ERROR ? kafka_error_name(topic->err) : "",
                     "configs", list, "partitions", topic_describe_partitions_json(d));
}

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
                                                struct topic_describe_topic *t, struct err *e)
{
    t->offsets = mem_calloc((size_t)t->topic->partition_cnt + 1, sizeof *t->offsets);
    if (t->offsets == NULL) {
        return err_nomem(e, "offsets");
    }
    for (int i = 0; i < t->topic->partition_cnt; i++) {
        struct topic_describe_offsets *o = &t->offsets[i];
        int32_t partition = t->topic->partitions[i].id;
        int64_t start = 0;
        *o = (struct topic_describe_offsets){-1, -1, -1, RD_KAFKA_RESP_ERR_NO_ERROR};
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

static void topic_describe_release(struct topic_describe_topic *t)
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
                                           struct topic_describe_topic *out, struct err *e)
{
    struct topic_describe_topic t = {.metadata = NULL};
    enum err_code code = kafka_metadata(d->cli, d->rk, name, &t.metadata, e);
    if (code == ERR_OK) {
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
        struct topic_describe_topic t;
        if (topic_describe_gather(d, match->names[i], &t, &e) != ERR_OK) {
            code = cli_fail_err(&e);
            continue;
        }
        if (d->format != OUTPUT_TEXT) {
            (void)json_array_append_new(list, topic_describe_json(&t));
        } else {
            (void)fputs(first ? "" : "\n", stdout);
            first = false;
            code |= topic_describe_print(&t, d->parts) ? 0 : 1;
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
    d->parts = (struct topic_describe_parts){
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
