/* `weir group describe`: summary, and the lag of each partition or topic. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/group.h"
#include "cli/group_lag.h"
#include "cli/kafka.h"
#include "cli/name_match.h"
#include "cli/output.h"
#include "cli/table.h"
#include "common/check.h"
#include "common/mem.h"

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

static bool group_describe_partitions(const struct group_lag *g, bool instances)
{
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

/* -1 for what is not known, as the protocol has it. */
static json_t *group_describe_json(const rd_kafka_ConsumerGroupDescription_t *group,
                                   const struct group_lag *g)
{
    const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(group);
    const rd_kafka_Node_t *node = rd_kafka_ConsumerGroupDescription_coordinator(group);
    const char *balancer = rd_kafka_ConsumerGroupDescription_partition_assignor(group);
    json_t *rows = json_array();
    for (int i = 0; i < g->count; i++) {
        const struct group_lag_row *row = &g->rows[i];
        const rd_kafka_MemberDescription_t *m = row->member;
        const char *instance = m != NULL ? rd_kafka_MemberDescription_group_instance_id(m) : NULL;
        json_t *one =
            json_pack("{s:s, s:i, s:I, s:I, s:I, s:I, s:s, s:s, s:s}", "topic", row->topic,
                      "partition", row->partition, "current_offset", (json_int_t)row->committed,
                      "log_start_offset", (json_int_t)row->start, "log_end_offset",
                      (json_int_t)row->end, "lag", (json_int_t)group_lag_of(row), "member_id",
                      m != NULL ? rd_kafka_MemberDescription_consumer_id(m) : "", "client_id",
                      m != NULL ? rd_kafka_MemberDescription_client_id(m) : "", "host",
                      m != NULL ? rd_kafka_MemberDescription_host(m) : "");
        if (instance != NULL) {
            (void)json_object_set_new(one, "instance_id", json_string(instance));
        }
        if (row->error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            (void)json_object_set_new(one, "error", json_string(kafka_error_name(row->error)));
        }
        (void)json_array_append_new(rows, one);
    }
    json_t *all = json_pack(
        "{s:s, s:i, s:s, s:s, s:I, s:I}", "group",
        rd_kafka_ConsumerGroupDescription_group_id(group), "coordinator",
        node != NULL ? rd_kafka_Node_id(node) : -1, "state",
        rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(group)),
        "balancer", balancer != NULL ? balancer : "", "members",
        (json_int_t)rd_kafka_ConsumerGroupDescription_member_count(group), "total_lag",
        (json_int_t)group_describe_total(g));
    if (error != NULL) {
        (void)json_object_set_new(all, "error", json_string(rd_kafka_error_string(error)));
    }
    (void)json_object_set_new(all, "partitions", rows);
    return all;
}

/* As rpk: -s the summary, -c the partitions, -t the summary and the lag of each topic. */
static bool group_describe_print(const struct cli *cli,
                                 const rd_kafka_ConsumerGroupDescription_t *group,
                                 const struct group_lag *g)
{
    bool commits = cli_flag_bool(cli, "print-commits");
    bool topics = cli_flag_bool(cli, "print-lag-per-topic");
    bool rows = (topics || !cli_flag_bool(cli, "print-summary")) && g->count > 0;
    bool good = commits || group_describe_summary(group, g);
    if (rows && !commits) {
        (void)puts("");
    }
    if (rows) {
        good = (topics ? group_describe_topics(g)
                       : group_describe_partitions(g, cli_flag_bool(cli, "instance-ID"))) &&
               good;
    }
    return good;
}

static int group_describe_compare(const void *a, const void *b)
{
    const rd_kafka_ConsumerGroupDescription_t *const *x = a;
    const rd_kafka_ConsumerGroupDescription_t *const *y = b;
    return strcmp(rd_kafka_ConsumerGroupDescription_group_id(*x),
                  rd_kafka_ConsumerGroupDescription_group_id(*y));
}

static enum err_code group_describe_groups(const struct cli *cli, enum output_format format,
                                           const rd_kafka_ConsumerGroupDescription_t **groups,
                                           size_t count, struct err *e)
{
    json_t *list = json_array();
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        struct group_lag g;
        code = group_lag_create(cli, groups[i], &g, e);
        if (code != ERR_OK) {
            break;
        }
        if (format != OUTPUT_TEXT) {
            (void)json_array_append_new(list, group_describe_json(groups[i], &g));
        } else {
            (void)fputs(i > 0 ? "\n" : "", stdout);
            code = group_describe_print(cli, groups[i], &g) ? ERR_OK
                                                            : err_set(e, ERR_IO, "cannot print");
        }
        group_lag_destroy(&g);
    }
    if (code == ERR_OK && format != OUTPUT_TEXT && output_print(format, json_incref(list)) != 0) {
        code = err_set(e, ERR_IO, "cannot print");
    }
    json_decref(list);
    return code;
}

static enum err_code group_describe_call(const struct cli *cli, rd_kafka_t *rk,
                                         enum output_format format, const char **names,
                                         size_t count, struct err *e)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DescribeConsumerGroups(rk, names, count, NULL, queue);
    rd_kafka_event_t *event = NULL;
    enum err_code code = kafka_admin_wait(cli, rk, queue, "describe groups", &event, e);
    if (code == ERR_OK) {
        size_t n = 0;
        const rd_kafka_ConsumerGroupDescription_t **groups =
            rd_kafka_DescribeConsumerGroups_result_groups(
                rd_kafka_event_DescribeConsumerGroups_result(event), &n);
        qsort(groups, n, sizeof(const rd_kafka_ConsumerGroupDescription_t *),
              group_describe_compare);
        code = group_describe_groups(cli, format, groups, n, e);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    return code;
}

/* Each name once: the broker would refuse a group that is asked for twice. */
static void group_describe_add(const char **names, size_t *count, const char *name)
{
    CHECK(names != NULL); /* room was made before */
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(names[i], name) == 0) {
            return;
        }
    }
    names[(*count)++] = name;
}

/* The arguments, or what matches them with -r. names has room; list is for the caller to release,
 * the names stand in it. */
static enum err_code group_describe_names(const struct cli *cli, rd_kafka_t *rk,
                                          const struct rd_kafka_group_list **out_list,
                                          const char ***out_names, size_t *out_count, struct err *e)
{
    struct name_match *match = NULL;
    const struct rd_kafka_group_list *list = NULL;
    enum err_code code = ERR_OK;
    if (cli_flag_bool(cli, "regex")) {
        code = name_match_create(cli, &match, e);
        code = code == ERR_OK ? group_list_all(cli, rk, &list, e) : code;
    }
    size_t most = list != NULL ? (size_t)list->group_cnt : cli_argument_count(cli);
    const char **names = mem_calloc(most + 1, sizeof *names);
    size_t count = 0;
    if (code == ERR_OK && names == NULL) {
        code = err_nomem(e, "groups");
    }
    for (size_t i = 0; code == ERR_OK && i < most; i++) {
        const char *name = list != NULL ? list->groups[i].group : cli_argument(cli, i);
        if (match == NULL || name_match_has(match, name)) {
            group_describe_add(names, &count, name);
        }
    }
    name_match_destroy(match);
    *out_list = list;
    *out_names = names;
    *out_count = count;
    return code;
}

static const char group_describe_shape[] = "[]{\n"
                                           "  group: string\n"
                                           "  coordinator: int32\n"
                                           "  state: string\n"
                                           "  balancer: string\n"
                                           "  members: int\n"
                                           "  total_lag: int64\n"
                                           "  error: string,omitempty\n"
                                           "  partitions: []{\n"
                                           "    topic: string\n"
                                           "    partition: int32\n"
                                           "    current_offset: int64\n"
                                           "    log_start_offset: int64\n"
                                           "    log_end_offset: int64\n"
                                           "    lag: int64\n"
                                           "    member_id: string\n"
                                           "    client_id: string\n"
                                           "    host: string\n"
                                           "    instance_id: string,omitempty\n"
                                           "    error: string,omitempty\n"
                                           "  }\n"
                                           "}";

static int group_describe_run(struct cli *cli)
{
    struct err e;
    enum output_format format = OUTPUT_TEXT;
    rd_kafka_t *rk = NULL;
    const struct rd_kafka_group_list *list = NULL;
    const char **names = NULL;
    size_t count = 0;
    if (cli_argument_count(cli) == 0) {
        return cli_fail("group describe needs at least one group");
    }
    if (cli_flag_bool(cli, "print-commits") &&
        (cli_flag_bool(cli, "print-summary") || cli_flag_bool(cli, "print-lag-per-topic"))) {
        return cli_fail("--print-commits excludes --print-summary and --print-lag-per-topic");
    }
    if (output_format_parse(cli, group_describe_shape, &format, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (format == OUTPUT_HELP) {
        return 0;
    }
    enum err_code code = kafka_open(cli, RD_KAFKA_PRODUCER, NULL, &rk, &e);
    code = code == ERR_OK ? group_describe_names(cli, rk, &list, &names, &count, &e) : code;
    if (code == ERR_OK && count == 0 && format == OUTPUT_TEXT) {
        (void)puts("did not match any groups, exiting.");
    } else if (code == ERR_OK && count == 0) {
        code = group_describe_groups(cli, format, NULL, 0, &e);
    } else if (code == ERR_OK) {
        code = group_describe_call(cli, rk, format, names, count, &e);
    }
    mem_free(names);
    if (list != NULL) {
        rd_kafka_group_list_destroy(list);
    }
    if (rk != NULL) {
        rd_kafka_destroy(rk);
    }
    return code == ERR_OK ? 0 : cli_fail_err(&e);
}

static const struct flag group_describe_flags[] = {
    {"print-summary", 's', FLAG_BOOL, NULL, NULL, "Only the summary"},
    {"print-commits", 'c', FLAG_BOOL, NULL, NULL, "Only the partitions"},
    {"print-lag-per-topic", 't', FLAG_BOOL, NULL, NULL, "The summary and the lag of each topic"},
    {"instance-ID", 'i', FLAG_BOOL, NULL, NULL, "Show instance ids also when no member has one"},
    {"regex", 'r', FLAG_BOOL, NULL, NULL, "Groups are regular expressions for whole names"},
    OUTPUT_FORMAT_FLAG,
};

const struct command group_describe_command = {
    .name = "describe",
    .arguments = "GROUP...",
    .summary = "Describe groups: state, members, offsets and lag",
    .flags = group_describe_flags,
    .flag_count = sizeof group_describe_flags / sizeof group_describe_flags[0],
    .run = group_describe_run,
};
