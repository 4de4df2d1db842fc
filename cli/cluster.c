/* `weir cluster info` and `weir cluster health`. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/kafka.h"
#include "cli/partition_table.h"
#include "cli/table.h"
#include "cli/verbs.h"

static void cluster_print_brokers(rd_kafka_t *rk, const struct rd_kafka_metadata *md)
{
    int32_t controller = rd_kafka_controllerid(rk, KAFKA_TIMEOUT_MS);
    struct table *t = table_create();
    if (t == NULL) {
        return;
    }
    table_texts(t, "ID", "HOST", "PORT", NULL);
    for (int i = 0; i < md->broker_cnt; i++) {
        table_row(t);
        table_cell(t, "%d%s", md->brokers[i].id, md->brokers[i].id == controller ? "*" : "");
        table_cell(t, "%s", md->brokers[i].host);
        table_cell(t, "%d", md->brokers[i].port);
    }
    (void)table_print(t);
    table_destroy(t);
}

static int cluster_compare_topics(const void *a, const void *b)
{
    const rd_kafka_metadata_topic_t *x = a;
    const rd_kafka_metadata_topic_t *y = b;
    return strcmp(x->topic, y->topic);
}

static int cluster_print_topics(const struct cli *cli, const struct rd_kafka_metadata *md)
{
    struct table *t = table_create();
    if (t == NULL) {
        return cli_fail("out of memory");
    }
    qsort(md->topics, (size_t)md->topic_cnt, sizeof md->topics[0], cluster_compare_topics);
    table_texts(t, "NAME", "PARTITIONS", "REPLICAS", NULL);
    for (int i = 0; i < md->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *topic = &md->topics[i];
        if (kafka_topic_is_internal(topic->topic) && !cli_flag_bool(cli, "print-internal-topics")) {
            continue;
        }
        table_row(t);
        table_cell(t, "%s", topic->topic);
        table_cell(t, "%d", topic->partition_cnt);
        table_cell(t, "%d", topic->partition_cnt > 0 ? topic->partitions[0].replica_cnt : 0);
    }
    int code = 0;
    if (table_row_count(t) > 1) {
        (void)puts("");
        table_print_title("TOPICS");
        code = table_print(t) ? 0 : 1;
    }
    table_destroy(t);
    return code;
}

static int cluster_info_run(struct cli *cli)
{
    struct err e;
    rd_kafka_t *rk = NULL;
    const struct rd_kafka_metadata *md = NULL;
    if (kafka_open(cli, RD_KAFKA_PRODUCER, NULL, &rk, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    int code = 1;
    if (kafka_metadata(cli, rk, NULL, &md, &e) != ERR_OK) {
        (void)cli_fail_err(&e);
    } else {
        bool some = cli_flag_bool(cli, "print-cluster") || cli_flag_bool(cli, "print-brokers") ||
                    cli_flag_bool(cli, "print-topics");
        code = 0;
        if (!some || cli_flag_bool(cli, "print-cluster")) {
            char *id = rd_kafka_clusterid(rk, KAFKA_TIMEOUT_MS);
            table_print_title("CLUSTER");
            (void)printf("%s\n", id != NULL ? id : "-");
            rd_kafka_mem_free(rk, id);
        }
        if (!some || cli_flag_bool(cli, "print-brokers")) {
            if (!some) {
                (void)puts("");
            }
            table_print_title("BROKERS");
            cluster_print_brokers(rk, md);
        }
        if (!some || cli_flag_bool(cli, "print-topics")) {
            code = cluster_print_topics(cli, md);
        }
        rd_kafka_metadata_destroy(md);
    }
    rd_kafka_destroy(rk);
    return code;
}

static const struct flag cluster_info_flags[] = {
    {"print-cluster", 'c', FLAG_BOOL, NULL, NULL, "Print the cluster section"},
    {"print-brokers", 'b', FLAG_BOOL, NULL, NULL, "Print the brokers section"},
    {"print-topics", 't', FLAG_BOOL, NULL, NULL, "Print the topics section"},
    {"print-internal-topics", 'i', FLAG_BOOL, NULL, NULL, "Print internal topics too"},
};

static const struct command cluster_info_command = {
    .name = "info",
    .aliases = "metadata,status",
    .summary = "Print the cluster's id, brokers and topics",
    .flags = cluster_info_flags,
    .flag_count = sizeof cluster_info_flags / sizeof cluster_info_flags[0],
    .run = cluster_info_run,
};

/* Partitions without a leader, or with fewer replicas in sync than they have: ["topic/0"]. */
static int cluster_count_partitions(const struct rd_kafka_metadata *md, bool leaderless,
                                    struct buf *out)
{
    int count = 0;
    for (int t = 0; t < md->topic_cnt; t++) {
        for (int i = 0; i < md->topics[t].partition_cnt; i++) {
            const rd_kafka_metadata_partition_t *p = &md->topics[t].partitions[i];
            if (leaderless ? p->leader < 0 : p->isr_cnt < p->replica_cnt) {
                buf_printf(out, "%skafka/%s/%d", count > 0 ? " " : "", md->topics[t].topic, p->id);
                count++;
            }
        }
    }
    return count;
}

static void cluster_print_health(rd_kafka_t *rk, const struct rd_kafka_metadata *md)
{
    int32_t controller = rd_kafka_controllerid(rk, KAFKA_TIMEOUT_MS);
    struct buf leaderless;
    struct buf under;
    buf_init(&leaderless, (size_t)1 << 20);
    buf_init(&under, (size_t)1 << 20);
    int leaderless_count = cluster_count_partitions(md, true, &leaderless);
    int under_count = cluster_count_partitions(md, false, &under);
    const char *leaderless_text = buf_text(&leaderless);
    const char *under_text = buf_text(&under);
    int32_t ids[256];
    int count = md->broker_cnt < 256 ? md->broker_cnt : 256;
    for (int i = 0; i < count; i++) {
        ids[i] = md->brokers[i].id;
    }
    char nodes[2048];
    partition_table_ids(ids, count, nodes, sizeof nodes);
    table_print_title("CLUSTER HEALTH OVERVIEW");
    (void)printf("Healthy:                          %s\n",
                 leaderless_count + under_count == 0 && controller >= 0 ? "true" : "false");
    (void)printf("Unhealthy reasons:                [%s%s%s]\n",
                 leaderless_count > 0 ? "leaderless_partitions" : "",
                 leaderless_count > 0 && under_count > 0 ? " " : "",
                 under_count > 0 ? "under_replicated_partitions" : "");
    (void)printf("Controller ID:                    %d\n", controller);
    (void)printf("All nodes:                        %s\n", nodes);
    (void)printf("Nodes down:                       []\n");
    (void)printf("Leaderless partitions (%d):        [%s]\n", leaderless_count,
                 leaderless_text != NULL ? leaderless_text : "...truncated");
    (void)printf("Under-replicated partitions (%d):  [%s]\n", under_count,
                 under_text != NULL ? under_text : "...truncated");
    buf_deinit(&leaderless);
    buf_deinit(&under);
}

static int cluster_health_run(struct cli *cli)
{
    struct err e;
    rd_kafka_t *rk = NULL;
    const struct rd_kafka_metadata *md = NULL;
    if (kafka_open(cli, RD_KAFKA_PRODUCER, NULL, &rk, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    int code = 0;
    if (kafka_metadata(cli, rk, NULL, &md, &e) == ERR_OK) {
        cluster_print_health(rk, md);
        rd_kafka_metadata_destroy(md);
    } else {
        code = cli_fail_err(&e);
    }
    rd_kafka_destroy(rk);
    return code;
}

static const struct command cluster_health_command = {
    .name = "health",
    .summary = "Print whether every partition has a leader and all its replicas",
    .details =
        "Computed from the brokers' own metadata, so that the address of the brokers is enough.",
    .run = cluster_health_run,
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
