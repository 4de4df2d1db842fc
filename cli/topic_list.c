/* `weir topic list`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/kafka.h"
#include "cli/name_match.h"
#include "cli/output.h"
#include "cli/partition_table.h"
#include "cli/table.h"
#include "cli/topic.h"
#include "common/mem.h"

/* The topics to print, in order of name; those that are asked for by name and are not there are
 * among them, with the error. */
struct topic_list {
    const struct rd_kafka_metadata *metadata;
    const rd_kafka_metadata_topic_t **topics;
    size_t count;
    rd_kafka_metadata_topic_t *missing;
};

static const rd_kafka_metadata_topic_t *topic_list_find(const struct rd_kafka_metadata *md,
                                                        const char *name)
{
    for (int i = 0; i < md->topic_cnt; i++) {
        if (strcmp(md->topics[i].topic, name) == 0) {
            return &md->topics[i];
        }
    }
    return NULL;
}

static bool topic_list_has(const struct topic_list *l, const char *name)
{
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->topics[i]->topic, name) == 0) {
            return true;
        }
    }
    return false;
}

static int topic_list_compare(const void *a, const void *b)
{
    const rd_kafka_metadata_topic_t *const *x = a;
    const rd_kafka_metadata_topic_t *const *y = b;
    return strcmp((*x)->topic, (*y)->topic);
}

static void topic_list_add_named(const struct cli *cli, struct topic_list *l)
{
    for (size_t i = 0; i < cli_argument_count(cli); i++) {
        const char *name = cli_argument(cli, i);
        if (topic_list_has(l, name)) {
            continue;
        }
        const rd_kafka_metadata_topic_t *topic = topic_list_find(l->metadata, name);
        if (topic == NULL) {
            l->missing[i].topic = (char *)(uintptr_t)name;
            l->missing[i].err = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
            topic = &l->missing[i];
            (void)fprintf(stderr, "topic %s: UNKNOWN_TOPIC_OR_PARTITION: it does not exist\n",
                          name);
        }
        l->topics[l->count++] = topic;
    }
    qsort(l->topics, l->count, sizeof *l->topics, topic_list_compare);
}

static enum err_code topic_list_fill(const struct cli *cli, struct topic_list *l, struct err *e)
{
    size_t named = cli_argument_count(cli);
    bool regex = cli_flag_bool(cli, "regex") && named > 0;
    struct name_match *match = NULL;
    l->topics = mem_calloc((size_t)l->metadata->topic_cnt + named + 1, sizeof *l->topics);
    l->missing = mem_calloc(named + 1, sizeof *l->missing);
    if (l->topics == NULL || l->missing == NULL) {
        return err_nomem(e, "topics");
    }
    if (named > 0 && !regex) {
        topic_list_add_named(cli, l);
        return ERR_OK;
    }
    if (regex && name_match_create(cli, &match, e) != ERR_OK) {
        return ERR_INVALID;
    }
    for (int i = 0; i < l->metadata->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &l->metadata->topics[i];
        bool wanted = !kafka_topic_is_internal(topic->topic) || cli_flag_bool(cli, "internal");
        if (wanted && (match == NULL || name_match_has(match, topic->topic))) {
            l->topics[l->count++] = topic;
        }
    }
    name_match_destroy(match);
    return ERR_OK;
}

static int topic_list_print_detailed(const struct topic_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        (void)fputs(i > 0 ? "\n" : "", stdout);
        if (!partition_table_print(l->metadata, l->topics[i])) {
            return 1;
        }
    }
    return 0;
}

static int topic_list_print_text(const struct topic_list *l)
{
    struct table *t = table_create();
    if (t == NULL) {
        return cli_fail("out of memory");
    }
    table_texts(t, "NAME", "PARTITIONS", "REPLICAS", NULL);
    for (size_t i = 0; i < l->count; i++) {
        table_row(t);
        table_cell(t, "%s", l->topics[i]->topic);
        table_cell(t, "%d", l->topics[i]->partition_cnt);
        table_cell(t, "%d", partition_table_replicas(l->topics[i]));
    }
    int code = table_print(t) ? 0 : 1;
    table_destroy(t);
    return code;
}

static json_t *topic_list_json(const struct topic_list *l, bool detailed)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->count; i++) {
        const rd_kafka_metadata_topic_t *topic = l->topics[i];
        json_t *one = json_pack("{s:s, s:i, s:i}", "name", topic->topic, "partitions",
                                topic->partition_cnt, "replicas", partition_table_replicas(topic));
        if (detailed) {
            (void)json_object_set_new(one, "partition_list",
                                      partition_table_json(l->metadata, topic));
        }
        (void)json_array_append_new(list, one);
    }
    return list;
}

static int topic_list_print(const struct cli *cli, enum output_format format,
                            const struct topic_list *l)
{
    bool detailed = cli_flag_bool(cli, "detailed");
    if (format != OUTPUT_TEXT) {
        return output_print(format, topic_list_json(l, detailed));
    }
    return detailed ? topic_list_print_detailed(l) : topic_list_print_text(l);
}

static const char *topic_list_shape(const struct cli *cli)
{
    return cli_flag_bool(cli, "detailed") ? "[]{\n"
                                            "  name: string\n"
                                            "  partitions: int\n"
                                            "  replicas: int\n"
                                            "  partition_list: []{\n"
                                            "    partition: int32\n"
                                            "    leader: int32\n"
                                            "    epoch: int32\n"
                                            "    replicas: []int32\n"
                                            "    offline_replicas: []int32\n"
                                            "    load_error: string\n"
                                            "  }\n"
                                            "}"
                                          : "[]{\n"
                                            "  name: string\n"
                                            "  partitions: int\n"
                                            "  replicas: int\n"
                                            "}";
}

static int topic_list_run(struct cli *cli)
{
    struct err e;
    enum output_format format = OUTPUT_TEXT;
    rd_kafka_t *rk = NULL;
    struct topic_list l = {.metadata = NULL};
    if (output_format_parse(cli, topic_list_shape(cli), &format, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (format == OUTPUT_HELP) {
        return 0;
    }
    if (cli_flag_bool(cli, "internal") && cli_flag_bool(cli, "regex")) {
        return cli_fail("cannot list with internal topics and list by regular expression");
    }
    enum err_code code = kafka_open(cli, RD_KAFKA_PRODUCER, NULL, &rk, &e);
    code = code == ERR_OK ? kafka_metadata(cli, rk, NULL, &l.metadata, &e) : code;
    code = code == ERR_OK ? topic_list_fill(cli, &l, &e) : code;
    int exit_code = code == ERR_OK ? topic_list_print(cli, format, &l) : cli_fail_err(&e);
    mem_free(l.topics);
    mem_free(l.missing);
    if (l.metadata != NULL) {
        rd_kafka_metadata_destroy(l.metadata);
    }
    if (rk != NULL) {
        rd_kafka_destroy(rk);
    }
    return exit_code;
}

static const struct flag topic_list_flags[] = {
    {"detailed", 'd', FLAG_BOOL, NULL, NULL, "Print the partitions too"},
    {"internal", 'i', FLAG_BOOL, NULL, NULL, "Print internal topics too"},
    {"regex", 'r', FLAG_BOOL, NULL, NULL,
     "Names are regular expressions for whole names; internal topics never match"},
    OUTPUT_FORMAT_FLAG,
};

const struct command topic_list_command = {
    .name = "list",
    .aliases = "ls",
    .arguments = "[NAME...]",
    .summary = "List topics",
    .flags = topic_list_flags,
    .flag_count = sizeof topic_list_flags / sizeof topic_list_flags[0],
    .run = topic_list_run,
};
