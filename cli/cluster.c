/* `weir cluster`: the group of commands, and `cluster info`. */
#include <stdio.h>
#include <string.h>

#include "cli/cluster.h"
#include "cli/command.h"
#include "cli/kafka.h"
#include "cli/output.h"
#include "cli/partition_table.h"
#include "cli/table.h"
#include "cli/verbs.h"

/* Which sections are printed, and of which topics. */
struct cluster_info {
    const struct cli *cli;
    const struct rd_kafka_metadata *metadata;
    char *cluster;      /* NULL: the brokers do not tell one; librdkafka's */
    int32_t controller; /* -1: none */
    bool with_cluster;
    bool with_brokers;
    bool with_topics;
    bool internal;
    bool titles;
};

static bool cluster_info_is_detailed(const struct cli *cli)
{
    return cli_flag_bool(cli, "detailed") || cli_flag_bool(cli, "print-detailed-topics");
}

/* As rpk: without a section all of them, internal topics too; a topic that is named, -d and -i ask
 * for the topics beside the sections that were chosen. */
static void cluster_info_choose(struct cluster_info *info)
{
    const struct cli *cli = info->cli;
    info->internal = cli_flag_bool(cli, "print-internal-topics");
    info->with_cluster = cli_flag_bool(cli, "print-cluster");
    info->with_brokers = cli_flag_bool(cli, "print-brokers");
    info->with_topics = cli_flag_bool(cli, "print-topics");
    if (!info->with_cluster && !info->with_brokers && !info->with_topics) {
        info->with_cluster = info->with_brokers = info->with_topics = info->internal = true;
    }
    info->with_topics = info->with_topics || info->internal || cluster_info_is_detailed(cli) ||
                        cli_argument_count(cli) > 0;
    info->titles = (int)info->with_cluster + (int)info->with_brokers + (int)info->with_topics > 1;
}

static bool cluster_info_shows(const struct cluster_info *info,
                               const rd_kafka_metadata_topic_t *topic)
{
    size_t named = cli_argument_count(info->cli);
    for (size_t i = 0; i < named; i++) {
        if (strcmp(cli_argument(info->cli, i), topic->topic) == 0) {
            return true;
        }
    }
    return named == 0 && (info->internal || !kafka_topic_is_internal(topic->topic));
}

/* A named topic that is not there is an error: it may be a slip. */
static enum err_code cluster_info_check_names(const struct cluster_info *info, struct err *e)
{
    for (size_t i = 0; i < cli_argument_count(info->cli); i++) {
        const char *name = cli_argument(info->cli, i);
        bool found = false;
        for (int t = 0; t < info->metadata->topic_cnt && !found; t++) {
            found = strcmp(info->metadata->topics[t].topic, name) == 0;
        }
        if (!found) {
            return err_set(e, ERR_NOT_FOUND,
                           "topic \"%s\" does not exist (UNKNOWN_TOPIC_OR_PARTITION)", name);
        }
    }
    return ERR_OK;
}

static bool cluster_info_print_brokers(const struct cluster_info *info)
{
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    table_texts(t, "ID", "HOST", "PORT", NULL);
    for (int i = 0; i < info->metadata->broker_cnt; i++) {
        const rd_kafka_metadata_broker_t *b = &info->metadata->brokers[i];
        table_row(t);
        table_cell(t, "%d%s", b->id, b->id == info->controller ? "*" : "");
        table_cell(t, "%s", b->host);
        table_cell(t, "%d", b->port);
    }
    bool good = table_print(t);
    table_destroy(t);
    return good;
}

static bool cluster_info_print_summary(const struct cluster_info *info)
{
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    table_texts(t, "NAME", "PARTITIONS", "REPLICAS", NULL);
    for (int i = 0; i < info->metadata->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &info->metadata->topics[i];
        if (cluster_info_shows(info, topic)) {
            table_row(t);
            table_cell(t, "%s", topic->topic);
            table_cell(t, "%d", topic->partition_cnt);
            table_cell(t, "%d", partition_table_replicas(topic));
        }
    }
    bool good = table_print(t);
    table_destroy(t);
    return good;
}

static bool cluster_info_print_detailed(const struct cluster_info *info)
{
    bool first = true;
    for (int i = 0; i < info->metadata->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &info->metadata->topics[i];
        if (!cluster_info_shows(info, topic)) {
            continue;
        }
        (void)fputs(first ? "" : "\n", stdout);
        first = false;
        if (!partition_table_print(info->metadata, topic)) {
            return false;
        }
    }
    return true;
}

static bool cluster_info_has_topics(const struct cluster_info *info)
{
    for (int i = 0; i < info->metadata->topic_cnt; i++) {
        if (cluster_info_shows(info, &info->metadata->topics[i])) {
            return true;
        }
    }
    return false;
}

/* Several sections have titles, and a blank line behind each. */
static int cluster_info_print(const struct cluster_info *info)
{
    bool good = true;
    bool detailed = cluster_info_is_detailed(info->cli);
    const char *end = info->titles ? "\n" : "";
    if (info->with_cluster && info->cluster != NULL) {
        if (info->titles) {
            table_print_title("CLUSTER");
        }
        (void)printf("%s\n%s", info->cluster, end);
    }
    if (info->with_brokers) {
        if (info->titles) {
            table_print_title("BROKERS");
        }
        good = cluster_info_print_brokers(info);
        (void)fputs(end, stdout);
    }
    if (info->with_topics && cluster_info_has_topics(info)) {
        if (info->titles) {
            table_print_title("TOPICS");
        }
        good = (detailed ? cluster_info_print_detailed(info) : cluster_info_print_summary(info)) &&
               good;
        (void)fputs(end, stdout);
    }
    return good ? 0 : 1;
}

static json_t *cluster_info_json(const struct cluster_info *info)
{
    json_t *all = json_object();
    if (info->with_cluster) {
        (void)json_object_set_new(all, "cluster",
                                  json_string(info->cluster != NULL ? info->cluster : ""));
    }
    if (info->with_brokers) {
        json_t *list = json_array();
        for (int i = 0; i < info->metadata->broker_cnt; i++) {
            const rd_kafka_metadata_broker_t *b = &info->metadata->brokers[i];
            (void)json_array_append_new(list, json_pack("{s:i, s:s, s:i, s:b}", "id", b->id, "host",
                                                        b->host, "port", b->port, "controller",
                                                        b->id == info->controller));
        }
        (void)json_object_set_new(all, "brokers", list);
    }
    if (info->with_topics) {
        json_t *list = json_array();
        for (int i = 0; i < info->metadata->topic_cnt; i++) {
            const rd_kafka_metadata_topic_t *topic = &info->metadata->topics[i];
            if (!cluster_info_shows(info, topic)) {
                continue;
            }
            json_t *one =
                json_pack("{s:s, s:b, s:i, s:i}", "name", topic->topic, "internal",
                          kafka_topic_is_internal(topic->topic), "partitions", topic->partition_cnt,
                          "replicas", partition_table_replicas(topic));
            if (cluster_info_is_detailed(info->cli)) {
                (void)json_object_set_new(one, "partition_list",
                                          partition_table_json(info->metadata, topic));
            }
            (void)json_array_append_new(list, one);
        }
        (void)json_object_set_new(all, "topics", list);
    }
    return all;
}

static const char cluster_info_shape[] = "{\n"
                                         "  cluster: string,omitempty\n"
                                         "  brokers: []{\n"
                                         "    id: int32\n"
                                         "    host: string\n"
                                         "    port: int32\n"
                                         "    controller: bool\n"
                                         "  },omitempty\n"
                                         "  topics: []{\n"
                                         "    name: string\n"
                                         "    internal: bool\n"
                                         "    partitions: int\n"
                                         "    replicas: int\n"
                                         "    partition_list: []{\n"
                                         "      partition: int32\n"
                                         "      leader: int32\n"
                                         "      epoch: int32\n"
                                         "      replicas: []int32\n"
                                         "      offline_replicas: []int32\n"
                                         "      load_error: string\n"
                                         "    },omitempty\n"
                                         "  },omitempty\n"
                                         "}";

static int cluster_info_run(struct cli *cli)
{
    struct err e;
    enum output_format format = OUTPUT_TEXT;
    rd_kafka_t *rk = NULL;
    struct cluster_info info = {.cli = cli};
    if (output_format_parse(cli, cluster_info_shape, &format, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (format == OUTPUT_HELP) {
        return 0;
    }
    cluster_info_choose(&info);
    enum err_code code = kafka_open(cli, RD_KAFKA_PRODUCER, NULL, &rk, &e);
    code = code == ERR_OK ? kafka_metadata(cli, rk, NULL, &info.metadata, &e) : code;
    code = code == ERR_OK ? cluster_info_check_names(&info, &e) : code;
    int exit_code = 1;
    if (code == ERR_OK) {
        info.cluster = rd_kafka_clusterid(rk, KAFKA_TIMEOUT_MS);
        info.controller = rd_kafka_controllerid(rk, KAFKA_TIMEOUT_MS);
        exit_code = format == OUTPUT_TEXT ? cluster_info_print(&info)
                                          : output_print(format, cluster_info_json(&info));
        rd_kafka_mem_free(rk, info.cluster);
    } else {
        (void)cli_fail_err(&e);
    }
    if (info.metadata != NULL) {
        rd_kafka_metadata_destroy(info.metadata);
    }
    if (rk != NULL) {
        rd_kafka_destroy(rk);
    }
    return exit_code;
}

static const struct flag cluster_info_flags[] = {
    {"print-cluster", 'c', FLAG_BOOL, NULL, NULL, "Print the cluster section"},
    {"print-brokers", 'b', FLAG_BOOL, NULL, NULL, "Print the brokers section"},
    {"print-topics", 't', FLAG_BOOL, NULL, NULL, "Print the topics section"},
    {"print-internal-topics", 'i', FLAG_BOOL, NULL, NULL, "Print internal topics too (implies -t)"},
    {"detailed", 'd', FLAG_BOOL, NULL, NULL, "Print the partitions too (implies -t)"},
    {"print-detailed-topics", 0, FLAG_BOOL, NULL, NULL, NULL}, /* its older name */
    OUTPUT_FORMAT_FLAG,
};

static const struct command cluster_info_command = {
    .name = "info",
    .aliases = "metadata,status",
    .arguments = "[TOPIC...]",
    .summary = "Print the cluster's id, brokers and topics",
    .details = "Without a section all three are printed, internal topics among them. The "
               "controller's id has a *.\n"
               "Racks and leader epochs are not shown: the Kafka client library does not hand them "
               "out.",
    .flags = cluster_info_flags,
    .flag_count = sizeof cluster_info_flags / sizeof cluster_info_flags[0],
    .run = cluster_info_run,
};

static const struct command *const cluster_children[] = {
    &cluster_info_command,
    &cluster_health_command,
    NULL,
};

const struct command cluster_command = {
    .name = "cluster",
    .summary = "Look at the cluster: info, health",
    .children = cluster_children,
};
