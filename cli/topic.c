/* `weir topic`: the group, and the commands that change topics. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/kafka.h"
#include "cli/key_value.h"
#include "cli/table.h"
#include "cli/topic.h"
#include "cli/topic_match.h"
#include "cli/verbs.h"
#include "common/mem.h"
#include "common/text.h"

/* TOPIC STATUS rows in response order; 1 if any row failed. */
static int topic_print_results(const rd_kafka_topic_result_t **results, size_t count)
{
    struct table *t = table_create();
    if (t == NULL) {
        return cli_fail("out of memory");
    }
    int code = 0;
    table_texts(t, "TOPIC", "STATUS", NULL);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
        table_row(t);
        table_cell(t, "%s", rd_kafka_topic_result_name(results[i]));
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            table_cell(t, "OK");
        } else {
            const char *text = rd_kafka_topic_result_error_string(results[i]);
            table_cell(t, "%s: %s", kafka_error_name(error),
                       text != NULL ? text : rd_kafka_err2str(error));
            code = 1;
        }
    }
    code = table_print(t) ? code : 1;
    table_destroy(t);
    return code;
}

static enum err_code topic_new(const struct cli *cli, const char *name,
                               rd_kafka_NewTopic_t **out_topic, struct err *e)
{
    long long partitions = 0;
    long long replicas = 0;
    enum err_code code = cli_flag_int(cli, "partitions", -1, 100000, &partitions, e);
    if (code == ERR_OK) {
        code = cli_flag_int(cli, "replicas", -1, 32767, &replicas, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    char text[512];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(name, (int)partitions, (int)replicas, text, sizeof text);
    if (topic == NULL) {
        return err_set(e, ERR_INVALID, "%s: %s", name, text);
    }
    if (cli_flag_bool(cli, "compact")) {
        (void)rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "compact");
    }
    const char *config = NULL;
    for (size_t i = 0; (config = cli_flag_at(cli, "topic-config", i)) != NULL; i++) {
        struct key_value pair;
        code = key_value_parse(config, "--topic-config", &pair, e);
        if (code != ERR_OK) {
            rd_kafka_NewTopic_destroy(topic);
            return code;
        }
        (void)rd_kafka_NewTopic_set_config(topic, pair.key, pair.value);
    }
    *out_topic = topic;
    return ERR_OK;
}

static enum err_code topic_create_call(struct cli *cli, rd_kafka_t *rk,
                                       rd_kafka_NewTopic_t **topics, int *out_exit, struct err *e)
{
    bool dry = cli_flag_bool(cli, "dry");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    char text[256];
    (void)rd_kafka_AdminOptions_set_request_timeout(options, KAFKA_TIMEOUT_MS, text, sizeof text);
    (void)rd_kafka_AdminOptions_set_operation_timeout(options, KAFKA_TIMEOUT_MS, text, sizeof text);
    (void)rd_kafka_AdminOptions_set_validate_only(options, dry ? 1 : 0, text, sizeof text);
    rd_kafka_CreateTopics(rk, topics, cli_argument_count(cli), options, queue);
    rd_kafka_event_t *event = NULL;
    enum err_code code = kafka_admin_wait(cli, rk, queue, "create topics", &event, e);
    if (code == ERR_OK) {
        size_t count = 0;
        const rd_kafka_topic_result_t **results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        *out_exit = topic_print_results(results, count);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return code;
}

#define TOPIC_ARGUMENTS_MAX 512

static int topic_create_run(struct cli *cli)
{
    struct err e;
    rd_kafka_t *rk = NULL;
    rd_kafka_NewTopic_t *topics[TOPIC_ARGUMENTS_MAX];
    size_t made = 0;
    int exit_code = 1;
    size_t count = cli_argument_count(cli);
    if (count == 0) {
        return cli_fail("topic create needs at least one name");
    }
    enum err_code code = kafka_open(cli, RD_KAFKA_PRODUCER, NULL, &rk, &e);
    while (code == ERR_OK && made < count) {
        code = topic_new(cli, cli_argument(cli, made), &topics[made], &e);
        made += code == ERR_OK ? 1 : 0;
    }
    if (code == ERR_OK) {
        code = topic_create_call(cli, rk, topics, &exit_code, &e);
    }
    rd_kafka_NewTopic_destroy_array(topics, made);
    if (rk != NULL) {
        rd_kafka_destroy(rk);
    }
    return code == ERR_OK ? exit_code : cli_fail_err(&e);
}

static const struct flag topic_create_flags[] = {
    {"partitions", 'p', FLAG_TEXT, "N", "-1",
     "Partitions of each topic; -1 = the cluster's default"},
    {"replicas", 'r', FLAG_TEXT, "N", "-1",
     "Replicas of each partition; -1 = the cluster's default"},
    {"topic-config", 'c', FLAG_TEXT, "KEY=VALUE", NULL, "Topic configuration (repeatable)"},
    {"dry", 'd', FLAG_BOOL, NULL, NULL, "Validate only"},
    {"compact", 0, FLAG_BOOL, NULL, NULL, NULL}, /* older: -c cleanup.policy=compact */
};

const struct command topic_create_command = {
    .name = "create",
    .arguments = "NAME...",
    .summary = "Create topics",
    .flags = topic_create_flags,
    .flag_count = sizeof topic_create_flags / sizeof topic_create_flags[0],
    .run = topic_create_run,
};

/* rpk never asks before it deletes. Here what an expression matched is shown first to who sits at a
 * terminal; scripts and names typed in full are believed. */
static bool topic_delete_confirm(const struct cli *cli, const struct topic_match *m)
{
    if (!cli_flag_bool(cli, "regex") || cli_flag_bool(cli, "no-confirm") ||
        isatty(STDIN_FILENO) == 0) {
        return true;
    }
    for (size_t i = 0; i < m->count; i++) {
        (void)fprintf(stderr, "  %s\n", m->names[i]);
    }
    (void)fprintf(stderr, "Delete these %zu topics? (Y/n) ", m->count);
    char line[64];
    if (fgets(line, sizeof line, stdin) == NULL) {
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return line[0] == '\0' || text_equals_nocase(line, "y") || text_equals_nocase(line, "yes");
}

static enum err_code topic_delete_call(struct cli *cli, rd_kafka_t *rk, const struct topic_match *m,
                                       int *out_exit, struct err *e)
{
    rd_kafka_DeleteTopic_t **topics = mem_calloc(m->count, sizeof(rd_kafka_DeleteTopic_t *));
    if (topics == NULL) {
        return err_nomem(e, "topics");
    }
    for (size_t i = 0; i < m->count; i++) {
        topics[i] = rd_kafka_DeleteTopic_new(m->names[i]);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteTopics(rk, topics, m->count, NULL, queue);
    rd_kafka_event_t *event = NULL;
    enum err_code code = kafka_admin_wait(cli, rk, queue, "delete topics", &event, e);
    if (code == ERR_OK) {
        size_t n = 0;
        const rd_kafka_topic_result_t **results =
            rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &n);
        *out_exit = topic_print_results(results, n);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_DeleteTopic_destroy_array(topics, m->count);
    mem_free(topics);
    rd_kafka_queue_destroy(queue);
    return code;
}

static int topic_delete_run(struct cli *cli)
{
    struct err e;
    rd_kafka_t *rk = NULL;
    struct topic_match match = {.names = NULL};
    int exit_code = 0;
    if (cli_argument_count(cli) == 0) {
        return cli_fail("topic delete needs at least one name");
    }
    enum err_code code = kafka_open(cli, RD_KAFKA_PRODUCER, NULL, &rk, &e);
    code = code == ERR_OK ? topic_match_find(cli, rk, &match, &e) : code;
    if (code == ERR_OK && match.count == 0) {
        (void)puts("did not match any topics, exiting.");
    } else if (code == ERR_OK && !topic_delete_confirm(cli, &match)) {
        exit_code = cli_fail("deletion canceled");
    } else if (code == ERR_OK) {
        code = topic_delete_call(cli, rk, &match, &exit_code, &e);
    }
    topic_match_deinit(&match);
    if (rk != NULL) {
        rd_kafka_destroy(rk);
    }
    return code == ERR_OK ? exit_code : cli_fail_err(&e);
}

static const struct flag topic_delete_flags[] = {
    {"regex", 'r', FLAG_BOOL, NULL, NULL,
     "Names are regular expressions for whole names; internal topics never match"},
    {"no-confirm", 0, FLAG_BOOL, NULL, NULL, "Do not ask at a terminal what -r may delete"},
};

const struct command topic_delete_command = {
    .name = "delete",
    .arguments = "NAME...",
    .summary = "Delete topics",
    .details = "Try -r with \"topic list\" first: it shows what would be deleted.",
    .flags = topic_delete_flags,
    .flag_count = sizeof topic_delete_flags / sizeof topic_delete_flags[0],
    .run = topic_delete_run,
};

static const struct command *const topic_children[] = {
    &topic_create_command,
    &topic_list_command,
    &topic_describe_command,
    &topic_delete_command,
    &topic_produce_command,
    &topic_consume_command,
    NULL,
};

const struct command topic_command = {
    .name = "topic",
    .summary = "Create, list, describe, delete topics; produce and consume records",
    .children = topic_children,
};
