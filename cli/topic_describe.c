/* `weir topic describe`: summary, configuration, partitions. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/kafka.h"
#include "cli/partition_table.h"
#include "cli/table.h"
#include "cli/topic.h"

struct topic_describe_parts {
    bool summary;
    bool configs;
    bool partitions;
};

static void topic_describe_summary(const rd_kafka_metadata_topic_t *topic)
{
    (void)printf("NAME        %s\n", topic->topic);
    if (kafka_topic_is_internal(topic->topic)) {
        (void)printf("INTERNAL    true\n");
    }
    (void)printf("PARTITIONS  %d\n", topic->partition_cnt);
    (void)printf("REPLICAS    %d\n",
                 topic->partition_cnt > 0 ? topic->partitions[0].replica_cnt : 0);
    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)printf("ERROR       %s\n", kafka_error_name(topic->err));
    }
}

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

static int topic_describe_print_configs(const rd_kafka_ConfigResource_t *resource)
{
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    const rd_kafka_ConfigEntry_t *sorted[TOPIC_DESCRIBE_CONFIGS_MAX];
    count = count < TOPIC_DESCRIBE_CONFIGS_MAX ? count : TOPIC_DESCRIBE_CONFIGS_MAX;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = entries[i];
    }
    qsort(sorted, count, sizeof sorted[0], topic_describe_compare);
    struct table *t = table_create();
    if (t == NULL) {
        return cli_fail("out of memory");
    }
    table_texts(t, "KEY", "VALUE", "SOURCE", NULL);
    for (size_t i = 0; i < count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(sorted[i]);
        bool secret = rd_kafka_ConfigEntry_is_sensitive(sorted[i]) != 0;
        table_row(t);
        table_cell(t, "%s", rd_kafka_ConfigEntry_name(sorted[i]));
        table_cell(t, "%s", secret ? "(sensitive)" : value != NULL ? value : "");
        table_cell(t, "%s", topic_describe_source(rd_kafka_ConfigEntry_source(sorted[i])));
    }
    int code = table_print(t) ? 0 : 1;
    table_destroy(t);
    return code;
}

static int topic_describe_configs(const struct cli *cli, rd_kafka_t *rk, const char *name)
{
    struct err e;
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DescribeConfigs(rk, &resource, 1, NULL, queue);
    rd_kafka_event_t *event = NULL;
    int code = 1;
    if (kafka_admin_wait(cli, queue, "describe configs", &event, &e) != ERR_OK) {
        (void)cli_fail_err(&e);
    } else {
        size_t count = 0;
        const rd_kafka_ConfigResource_t **results = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &count);
        rd_kafka_resp_err_t error = rd_kafka_ConfigResource_error(results[0]);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            (void)kafka_error(&e, error, name);
            (void)cli_fail_err(&e);
        } else {
            code = topic_describe_print_configs(results[0]);
        }
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_ConfigResource_destroy(resource);
    return code;
}

static int topic_describe_partitions(rd_kafka_t *rk, const rd_kafka_metadata_topic_t *topic)
{
    struct table *t = table_create();
    if (t == NULL) {
        return cli_fail("out of memory");
    }
    table_texts(t, "PARTITION", "LEADER", "EPOCH", "REPLICAS", "LOG-START-OFFSET", "HIGH-WATERMARK",
                NULL);
    for (int i = 0; i < topic->partition_cnt; i++) {
        const rd_kafka_metadata_partition_t *p = &topic->partitions[i];
        int64_t low = -1;
        int64_t high = -1;
        rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(rk, topic->topic, p->id, &low,
                                                                     &high, KAFKA_TIMEOUT_MS);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            table_destroy(t);
            return cli_fail("offsets of %s partition %d: %s", topic->topic, p->id,
                            kafka_error_name(error));
        }
        char replicas[512];
        partition_table_ids(p->replicas, p->replica_cnt, replicas, sizeof replicas);
        table_row(t);
        table_cell(t, "%d", p->id);
        table_cell(t, "%d", p->leader);
        table_cell(t, "-");
        table_cell(t, "%s", replicas);
        table_cell(t, "%" PRId64, low);
        table_cell(t, "%" PRId64, high);
    }
    int code = table_print(t) ? 0 : 1;
    table_destroy(t);
    return code;
}

static int topic_describe_one(const struct cli *cli, rd_kafka_t *rk,
                              const rd_kafka_metadata_topic_t *topic,
                              struct topic_describe_parts parts)
{
    if (topic->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        return cli_fail("topic \"%s\" does not exist; see \"weir topic list\"", topic->topic);
    }
    bool titles = (int)parts.summary + (int)parts.configs + (int)parts.partitions > 1;
    int code = 0;
    if (parts.summary) {
        if (titles) {
            table_print_title("SUMMARY");
        }
        topic_describe_summary(topic);
        (void)puts("");
    }
    if (parts.configs) {
        if (titles) {
            table_print_title("CONFIGS");
        }
        code |= topic_describe_configs(cli, rk, topic->topic);
        (void)puts("");
    }
    if (parts.partitions) {
        if (titles) {
            table_print_title("PARTITIONS");
        }
        code |= topic_describe_partitions(rk, topic);
        (void)puts("");
    }
    return code;
}

static int topic_describe_run(struct cli *cli)
{
    struct err e;
    rd_kafka_t *rk = NULL;
    bool all = cli_flag_bool(cli, "print-all") || cli_argument_count(cli) > 1;
    struct topic_describe_parts parts = {
        all || cli_flag_bool(cli, "print-summary"),
        all || cli_flag_bool(cli, "print-configs"),
        all || cli_flag_bool(cli, "print-partitions"),
    };
    if (!parts.summary && !parts.configs && !parts.partitions) {
        parts.summary = parts.configs = true;
    }
    if (cli_argument_count(cli) == 0) {
        return cli_fail("topic describe needs at least one name");
    }
    /* A producer that asks for a topic creates it. */
    if (kafka_open(cli, RD_KAFKA_CONSUMER, NULL, &rk, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    int code = 0;
    for (size_t i = 0; i < cli_argument_count(cli); i++) {
        const struct rd_kafka_metadata *md = NULL;
        if (kafka_metadata(cli, rk, cli_argument(cli, i), &md, &e) != ERR_OK) {
            code = cli_fail_err(&e);
            break;
        }
        code |= topic_describe_one(cli, rk, &md->topics[0], parts);
        rd_kafka_metadata_destroy(md);
    }
    rd_kafka_destroy(rk);
    return code;
}

static const struct flag topic_describe_flags[] = {
    {"print-summary", 's', FLAG_BOOL, NULL, NULL, "Print the summary section"},
    {"print-configs", 'c', FLAG_BOOL, NULL, NULL, "Print the configuration section"},
    {"print-partitions", 'p', FLAG_BOOL, NULL, NULL, "Print the partitions section"},
    {"print-all", 'a', FLAG_BOOL, NULL, NULL, "Print all sections"},
};

const struct command topic_describe_command = {
    .name = "describe",
    .aliases = "info",
    .arguments = "NAME...",
    .summary = "Describe topics: summary, configuration, partitions",
    .flags = topic_describe_flags,
    .flag_count = sizeof topic_describe_flags / sizeof topic_describe_flags[0],
    .run = topic_describe_run,
};
