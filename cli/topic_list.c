/* `weir topic list`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/kafka.h"
#include "cli/output.h"
#include "cli/partition_table.h"
#include "cli/table.h"
#include "cli/topic.h"
#include "common/mem.h"

static int topic_list_compare(const void *a, const void *b)
{
    const rd_kafka_metadata_topic_t *const *x = a;
    const rd_kafka_metadata_topic_t *const *y = b;
    return strcmp((*x)->topic, (*y)->topic);
}

static int topic_list_replicas(const rd_kafka_metadata_topic_t *topic)
{
    return topic->partition_cnt > 0 ? topic->partitions[0].replica_cnt : 0;
}

static bool topic_list_wanted(const struct cli *cli, const rd_kafka_metadata_topic_t *topic)
{
    if (cli_argument_count(cli) == 0) {
        return cli_flag_bool(cli, "internal") || !kafka_topic_is_internal(topic->topic);
    }
    for (size_t i = 0; i < cli_argument_count(cli); i++) {
        if (strcmp(cli_argument(cli, i), topic->topic) == 0) {
            return true;
        }
    }
    return false;
}

static int topic_list_print_detailed(const rd_kafka_metadata_topic_t *const *topics, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_metadata_topic_t *topic = topics[i];
        (void)printf("%s%s%s, %d partitions, %d replicas\n", i > 0 ? "\n" : "", topic->topic,
                     kafka_topic_is_internal(topic->topic) ? " (internal)" : "",
                     topic->partition_cnt, topic_list_replicas(topic));
        if (!partition_table_print(topic, "")) {
            return 1;
        }
    }
    return 0;
}

static int topic_list_print_text(const rd_kafka_metadata_topic_t *const *topics, size_t count)
{
    struct table *t = table_create();
    if (t == NULL) {
        return cli_fail("out of memory");
    }
    table_texts(t, "NAME", "PARTITIONS", "REPLICAS", NULL);
    for (size_t i = 0; i < count; i++) {
        table_row(t);
        table_cell(t, "%s", topics[i]->topic);
        table_cell(t, "%d", topics[i]->partition_cnt);
        table_cell(t, "%d", topic_list_replicas(topics[i]));
    }
    int code = table_print(t) ? 0 : 1;
    table_destroy(t);
    return code;
}

static json_t *topic_list_json(const rd_kafka_metadata_topic_t *const *topics, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(list, json_pack("{s:s, s:i, s:i}", "name", topics[i]->topic,
                                                    "partitions", topics[i]->partition_cnt,
                                                    "replicas", topic_list_replicas(topics[i])));
    }
    return list;
}

static int topic_list_print(const struct cli *cli, enum output_format format,
                            const struct rd_kafka_metadata *md)
{
    size_t most = (size_t)md->topic_cnt;
    const rd_kafka_metadata_topic_t **topics = mem_calloc(most + 1, sizeof *topics);
    if (topics == NULL) {
        return cli_fail("out of memory");
    }
    size_t count = 0;
    for (size_t i = 0; i < most; i++) {
        if (topic_list_wanted(cli, &md->topics[i])) {
            topics[count++] = &md->topics[i];
        }
    }
    qsort(topics, count, sizeof *topics, topic_list_compare);
    int code = 0;
    if (format != OUTPUT_TEXT) {
        code = output_print(format, topic_list_json(topics, count));
    } else if (cli_flag_bool(cli, "detailed")) {
        code = topic_list_print_detailed(topics, count);
    } else {
        code = topic_list_print_text(topics, count);
    }
    mem_free(topics);
    return code;
}

static int topic_list_run(struct cli *cli)
{
    struct err e;
    enum output_format format = OUTPUT_TEXT;
    rd_kafka_t *rk = NULL;
    const struct rd_kafka_metadata *md = NULL;
    if (output_format_parse(cli, &format, &e) != ERR_OK ||
        kafka_open(cli, RD_KAFKA_PRODUCER, NULL, &rk, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    int code = 1;
    if (kafka_metadata(cli, rk, NULL, &md, &e) == ERR_OK) {
        code = topic_list_print(cli, format, md);
        rd_kafka_metadata_destroy(md);
    } else {
        (void)cli_fail_err(&e);
    }
    rd_kafka_destroy(rk);
    return code;
}

static const struct flag topic_list_flags[] = {
    {"detailed", 'd', FLAG_BOOL, NULL, NULL, "Print the partitions too"},
    {"internal", 'i', FLAG_BOOL, NULL, NULL, "Print internal topics too"},
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
