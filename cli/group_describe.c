/* `weir group describe`: summary, and the lag of each partition. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/group.h"
#include "cli/group_lag.h"
#include "cli/kafka.h"
#include "cli/table.h"

#define GROUP_DESCRIBE_MAX 512

static int64_t group_describe_total(const struct group_lag *g)
{
    int64_t total = 0;
    for (int i = 0; i < g->count; i++) {
        int64_t lag = group_lag_of(&g->rows[i]);
        total += lag > 0 ? lag : 0;
    }
    return total;
}

static bool group_describe_summary(const rd_kafka_ConsumerGroupDescription_t *group,
                                   const struct group_lag *g)
{
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(group);
    const rd_kafka_Node_t *node = rd_kafka_ConsumerGroupDescription_coordinator(group);
    const char *balancer = rd_kafka_ConsumerGroupDescription_partition_assignor(group);
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    table_texts(t, "GROUP", rd_kafka_ConsumerGroupDescription_group_id(group), NULL);
    table_row(t);
    table_cell(t, "COORDINATOR");
    table_cell(t, "%d", node != NULL ? rd_kafka_Node_id(node) : -1);
    table_texts(t, "STATE",
                rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(group)),
                NULL);
    table_texts(t, "BALANCER", balancer != NULL ? balancer : "", NULL);
    table_row(t);
    table_cell(t, "MEMBERS");
    table_cell(t, "%zu", rd_kafka_ConsumerGroupDescription_member_count(group));
    table_row(t);
    table_cell(t, "TOTAL-LAG");
    table_cell(t, "%" PRId64, group_describe_total(g));
    if (error != NULL) {
        table_texts(t, "ERROR", rd_kafka_error_string(error), NULL);
    }
    bool good = table_print(t);
    table_destroy(t);
    return good;
}

static void group_describe_number(struct table *t, int64_t n)
{
    if (n < 0) {
        table_cell(t, "-");
    } else {
        table_cell(t, "%" PRId64, n);
    }
}

static bool group_describe_topics(const struct group_lag *g)
{
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    table_texts(t, "TOPIC", "LAG", NULL);
    for (int i = 0; i < g->count;) {
        int64_t lag = 0;
        const char *topic = g->rows[i].topic;
        for (; i < g->count && strcmp(g->rows[i].topic, topic) == 0; i++) {
            int64_t one = group_lag_of(&g->rows[i]);
            lag += one > 0 ? one : 0;
        }
        table_row(t);
        table_cell(t, "%s", topic);
        table_cell(t, "%" PRId64, lag);
    }
    bool good = table_print(t);
    table_destroy(t);
    return good;
}

static void group_describe_row(struct table *t, const struct group_lag_row *row, bool instances,
                               bool errors)
{
    const rd_kafka_MemberDescription_t *m = row->member;
    const char *instance = m != NULL ? rd_kafka_MemberDescription_group_instance_id(m) : NULL;
    table_row(t);
    table_cell(t, "%s", row->topic);
    table_cell(t, "%d", row->partition);
    group_describe_number(t, row->committed);
    group_describe_number(t, row->start);
    group_describe_number(t, row->end);
    group_describe_number(t, group_lag_of(row));
    table_cell(t, "%s", m != NULL ? rd_kafka_MemberDescription_consumer_id(m) : "");
    if (instances) {
        table_cell(t, "%s", instance != NULL ? instance : "");
    }
    table_cell(t, "%s", m != NULL ? rd_kafka_MemberDescription_client_id(m) : "");
    table_cell(t, "%s", m != NULL ? rd_kafka_MemberDescription_host(m) : "");
    if (errors) {
        table_cell(t, "%s",
                   row->error != RD_KAFKA_RESP_ERR_NO_ERROR ? kafka_error_name(row->error) : "");
    }
}

static bool group_describe_partitions(const struct group_lag *g)
{
    bool instances = false;
    bool errors = false;
    for (int i = 0; i < g->count; i++) {
        const rd_kafka_MemberDescription_t *m = g->rows[i].member;
        instances =
            instances || (m != NULL && rd_kafka_MemberDescription_group_instance_id(m) != NULL);
        errors = errors || g->rows[i].error != RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    static const char *const names[] = {
        "TOPIC",          "PARTITION", "CURRENT-OFFSET", "LOG-START-OFFSET",
        "LOG-END-OFFSET", "LAG",       "MEMBER-ID",      "INSTANCE-ID",
        "CLIENT-ID",      "HOST",      "ERROR"};
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    table_row(t);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool hidden = (strcmp(names[i], "INSTANCE-ID") == 0 && !instances) ||
                      (strcmp(names[i], "ERROR") == 0 && !errors);
        if (!hidden) {
            table_cell(t, "%s", names[i]);
        }
    }
    for (int i = 0; i < g->count; i++) {
        group_describe_row(t, &g->rows[i], instances, errors);
    }
    bool good = table_print(t);
    table_destroy(t);
    return good;
}

static enum err_code group_describe_one(struct cli *cli,
                                        const rd_kafka_ConsumerGroupDescription_t *group,
                                        bool first, struct err *e)
{
    struct group_lag g;
    enum err_code code = group_lag_create(cli, group, &g, e);
    if (code != ERR_OK) {
        return code;
    }
    bool summary = cli_flag_bool(cli, "print-summary");
    bool commits = cli_flag_bool(cli, "print-commits");
    bool topics = cli_flag_bool(cli, "print-lag-per-topic");
    bool all = !summary && !commits && !topics;
    bool good = true;
    if (!first) {
        (void)puts("");
    }
    if (all || summary) {
        good = group_describe_summary(group, &g);
    }
    if ((all || commits || topics) && g.count > 0) {
        if (all || summary) {
            (void)puts("");
        }
        good = (topics ? group_describe_topics(&g) : group_describe_partitions(&g)) && good;
    }
    group_lag_destroy(&g);
    return good ? ERR_OK : err_set(e, ERR_IO, "cannot print");
}

static enum err_code group_describe_call(struct cli *cli, rd_kafka_t *rk, struct err *e)
{
    const char *names[GROUP_DESCRIBE_MAX];
    size_t count = cli_argument_count(cli);
    for (size_t i = 0; i < count; i++) {
        names[i] = cli_argument(cli, i);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DescribeConsumerGroups(rk, names, count, NULL, queue);
    rd_kafka_event_t *event = NULL;
    enum err_code code = kafka_admin_wait(cli, queue, "describe groups", &event, e);
    if (code == ERR_OK) {
        size_t n = 0;
        const rd_kafka_ConsumerGroupDescription_t **groups =
            rd_kafka_DescribeConsumerGroups_result_groups(
                rd_kafka_event_DescribeConsumerGroups_result(event), &n);
        for (size_t i = 0; i < n && code == ERR_OK; i++) {
            code = group_describe_one(cli, groups[i], i == 0, e);
        }
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    return code;
}

static int group_describe_run(struct cli *cli)
{
    struct err e;
    rd_kafka_t *rk = NULL;
    if (cli_argument_count(cli) == 0) {
        return cli_fail("group describe needs at least one group");
    }
    enum err_code code = kafka_open(cli, RD_KAFKA_PRODUCER, NULL, &rk, &e);
    if (code == ERR_OK) {
        code = group_describe_call(cli, rk, &e);
        rd_kafka_destroy(rk);
    }
    return code == ERR_OK ? 0 : cli_fail_err(&e);
}

static const struct flag group_describe_flags[] = {
    {"print-summary", 's', FLAG_BOOL, NULL, NULL, "Only the summary"},
    {"print-commits", 'c', FLAG_BOOL, NULL, NULL, "Only the partitions"},
    {"print-lag-per-topic", 't', FLAG_BOOL, NULL, NULL, "Only the lag of each topic"},
};

const struct command group_describe_command = {
    .name = "describe",
    .arguments = "GROUP...",
    .summary = "Describe groups: state, members, offsets and lag",
    .flags = group_describe_flags,
    .flag_count = sizeof group_describe_flags / sizeof group_describe_flags[0],
    .run = group_describe_run,
};
