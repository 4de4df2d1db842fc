/* `weir cluster health`: from the brokers' own metadata, so that their address is enough. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cli/cluster.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/kafka.h"
#include "cli/output.h"
#include "cli/partition_table.h"
#include "cli/table.h"

#define CLUSTER_HEALTH_POLL_MS 2000
/* Lists longer than this are cut, as rpk does. */
#define CLUSTER_HEALTH_LIST_MAX 100

/* Partitions with one kind of trouble: "kafka/topic/0". */
struct cluster_health_list {
    json_t *names;
    int count;
};

struct cluster_health {
    int32_t controller; /* -1: none */
    int32_t nodes[PARTITION_TABLE_IDS_MAX];
    int node_count;
    int32_t down[PARTITION_TABLE_IDS_MAX]; /* hold replicas, but the cluster does not list them */
    int down_count;
    struct cluster_health_list leaderless;
    struct cluster_health_list under_replicated;
};

static void cluster_health_add_id(int32_t *ids, int *count, int32_t id)
{
    for (int i = 0; i < *count; i++) {
        if (ids[i] == id) {
            return;
        }
    }
    if (*count < PARTITION_TABLE_IDS_MAX) {
        ids[(*count)++] = id;
    }
}

static void cluster_health_add_name(struct cluster_health_list *list, const char *topic,
                                    int32_t partition)
{
    if (list->count++ < CLUSTER_HEALTH_LIST_MAX) {
        (void)json_array_append_new(list->names, json_sprintf("kafka/%s/%d", topic, partition));
    }
}

static void cluster_health_add_partition(const struct rd_kafka_metadata *md, const char *topic,
                                         const rd_kafka_metadata_partition_t *p,
                                         struct cluster_health *h)
{
    int32_t dead[PARTITION_TABLE_IDS_MAX];
    int count = partition_table_offline(md, p, dead);
    for (int i = 0; i < count; i++) {
        cluster_health_add_id(h->down, &h->down_count, dead[i]);
        cluster_health_add_id(h->nodes, &h->node_count, dead[i]);
    }
    if (p->leader < 0) {
        cluster_health_add_name(&h->leaderless, topic, p->id);
    }
    if (p->isr_cnt < p->replica_cnt) {
        cluster_health_add_name(&h->under_replicated, topic, p->id);
    }
}

/* cluster_health_deinit releases it. */
static enum err_code cluster_health_ask(const struct cli *cli, rd_kafka_t *rk,
                                        struct cluster_health *out, struct err *e)
{
    const struct rd_kafka_metadata *md = NULL;
    enum err_code code = kafka_metadata(cli, rk, NULL, &md, e);
    if (code != ERR_OK) {
        return code;
    }
    struct cluster_health h = {
        .controller = rd_kafka_controllerid(rk, KAFKA_TIMEOUT_MS),
        .leaderless = {.names = json_array()},
        .under_replicated = {.names = json_array()},
    };
    for (int i = 0; i < md->broker_cnt; i++) {
        cluster_health_add_id(h.nodes, &h.node_count, md->brokers[i].id);
    }
    for (int t = 0; t < md->topic_cnt; t++) {
        for (int i = 0; i < md->topics[t].partition_cnt; i++) {
            cluster_health_add_partition(md, md->topics[t].topic, &md->topics[t].partitions[i], &h);
        }
    }
    rd_kafka_metadata_destroy(md);
    *out = h;
    return ERR_OK;
}

static void cluster_health_deinit(struct cluster_health *h)
{
    json_decref(h->leaderless.names);
    json_decref(h->under_replicated.names);
}

/* With the names of Redpanda's health overview. */
static json_t *cluster_health_json(const struct cluster_health *h)
{
    json_t *reasons = json_array();
    const struct {
        bool holds;
        const char *name;
    } rules[] = {
        {h->down_count > 0, "nodes_down"},
        {h->leaderless.count > 0, "leaderless_partitions"},
        {h->under_replicated.count > 0, "under_replicated_partitions"},
        {h->controller < 0, "no_elected_controller"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].holds) {
            (void)json_array_append_new(reasons, json_string(rules[i].name));
        }
    }
    return json_pack("{s:b, s:o, s:i, s:o, s:o, s:O, s:i, s:O, s:i}", "is_healthy",
                     json_array_size(reasons) == 0, "unhealthy_reasons", reasons, "controller_id",
                     h->controller, "all_nodes", partition_table_ids_json(h->nodes, h->node_count),
                     "nodes_down", partition_table_ids_json(h->down, h->down_count),
                     "leaderless_partitions", h->leaderless.names, "leaderless_count",
                     h->leaderless.count, "under_replicated_partitions", h->under_replicated.names,
                     "under_replicated_count", h->under_replicated.count);
}

/* "[a b]", as Go prints a list; "...truncated" stands for the rest. */
static void cluster_health_row(struct table *t, const char *label, const json_t *list, int count)
{
    struct buf text;
    buf_init(&text, (size_t)1 << 20);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        buf_append_text(&text, i > 0 ? " " : "");
        if (json_is_integer(item)) {
            buf_printf(&text, "%lld", (long long)json_integer_value(item));
        } else {
            buf_append_text(&text, json_string_value(item));
        }
    }
    if (count > (int)json_array_size(list)) {
        buf_append_text(&text, " ...truncated");
    }
    const char *shown = buf_text(&text);
    table_row(t);
    table_cell(t, "%s", label);
    table_cell(t, "[%s]", shown != NULL ? shown : "...truncated");
    buf_deinit(&text);
}

static int cluster_health_print_text(const json_t *health)
{
    struct table *t = table_create();
    if (t == NULL) {
        return cli_fail("out of memory");
    }
    int leaderless = (int)json_integer_value(json_object_get(health, "leaderless_count"));
    int under = (int)json_integer_value(json_object_get(health, "under_replicated_count"));
    char label[64];
    table_texts(t,
                "Healthy:", json_is_true(json_object_get(health, "is_healthy")) ? "true" : "false",
                NULL);
    cluster_health_row(t, "Unhealthy reasons:", json_object_get(health, "unhealthy_reasons"), 0);
    table_row(t);
    table_cell(t, "Controller ID:");
    table_cell(t, "%lld", (long long)json_integer_value(json_object_get(health, "controller_id")));
    cluster_health_row(t, "All nodes:", json_object_get(health, "all_nodes"), 0);
    cluster_health_row(t, "Nodes down:", json_object_get(health, "nodes_down"), 0);
    (void)snprintf(label, sizeof label, "Leaderless partitions (%d):", leaderless);
    cluster_health_row(t, label, json_object_get(health, "leaderless_partitions"), leaderless);
    (void)snprintf(label, sizeof label, "Under-replicated partitions (%d):", under);
    cluster_health_row(t, label, json_object_get(health, "under_replicated_partitions"), under);
    table_print_title("CLUSTER HEALTH OVERVIEW");
    int code = table_print(t) ? 0 : 1;
    table_destroy(t);
    return code;
}

/* Asks, and prints when it is not what *last says. */
static int cluster_health_step(const struct cli *cli, rd_kafka_t *rk, enum output_format format,
                               json_t **last, bool *out_healthy)
{
    struct err e;
    struct cluster_health h;
    if (cluster_health_ask(cli, rk, &h, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    json_t *now = cluster_health_json(&h);
    cluster_health_deinit(&h);
    if (now == NULL) {
        return cli_fail("out of memory");
    }
    int code = 0;
    if (json_equal(now, *last) == 0) {
        code = format == OUTPUT_TEXT ? cluster_health_print_text(now)
                                     : output_print(format, json_incref(now));
    }
    *out_healthy = json_is_true(json_object_get(now, "is_healthy"));
    json_decref(*last);
    *last = now;
    (void)fflush(stdout); /* whoever watches sees it at once; a failure ends the command */
    return code;
}

static const char cluster_health_shape[] = "{\n"
                                           "  is_healthy: bool\n"
                                           "  unhealthy_reasons: []string\n"
                                           "  controller_id: int\n"
                                           "  all_nodes: []int\n"
                                           "  nodes_down: []int\n"
                                           "  leaderless_partitions: []string\n"
                                           "  leaderless_count: int\n"
                                           "  under_replicated_partitions: []string\n"
                                           "  under_replicated_count: int\n"
                                           "}";

static int cluster_health_run(struct cli *cli)
{
    struct err e;
    enum output_format format = OUTPUT_TEXT;
    rd_kafka_t *rk = NULL;
    if (output_format_parse(cli, cluster_health_shape, &format, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (format == OUTPUT_HELP) {
        return 0;
    }
    if (kafka_open(cli, RD_KAFKA_PRODUCER, NULL, &rk, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    bool until_healthy = cli_flag_bool(cli, "exit-when-healthy");
    bool watch = until_healthy || cli_flag_bool(cli, "watch");
    bool healthy = false;
    json_t *last = NULL;
    if (watch) {
        interrupt_watch();
    }
    int code = cluster_health_step(cli, rk, format, &last, &healthy);
    while (code == 0 && watch && !(until_healthy && healthy) && !interrupt_came() &&
           ferror(stdout) == 0) {
        /* A signal ends the wait. */
        if (poll(NULL, 0, CLUSTER_HEALTH_POLL_MS) == 0) {
            code = cluster_health_step(cli, rk, format, &last, &healthy);
        }
    }
    json_decref(last);
    rd_kafka_destroy(rk);
    return code;
}

static const struct flag cluster_health_flags[] = {
    {"watch", 'w', FLAG_BOOL, NULL, NULL, "Go on, and print every change"},
    {"exit-when-healthy", 'e', FLAG_BOOL, NULL, NULL, "Go on until the cluster is healthy"},
    OUTPUT_FORMAT_FLAG,
};

const struct command cluster_health_command = {
    .name = "health",
    .summary = "Print whether every partition has a leader and all its replicas",
    .details = "Computed from the brokers' own metadata, so that their address is enough; no admin "
               "port is asked.\n"
               "A node is down when it holds replicas and the cluster does not list it.",
    .flags = cluster_health_flags,
    .flag_count = sizeof cluster_health_flags / sizeof cluster_health_flags[0],
    .run = cluster_health_run,
};
