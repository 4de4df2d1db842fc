/* `weir group`: the group of commands, and `group list`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/group.h"
#include "cli/kafka.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "common/text.h"

static int group_compare(const void *a, const void *b)
{
    const struct rd_kafka_group_info *x = a;
    const struct rd_kafka_group_info *y = b;
    if (x->broker.id != y->broker.id) {
        return x->broker.id < y->broker.id ? -1 : 1;
    }
    return strcmp(x->group, y->group);
}

/* states: "Stable,Empty" in any case, or NULL for all. */
static bool group_is_wanted(const char *states, const char *state)
{
    char one[64];
    for (const char *at = states; at != NULL && *at != '\0';) {
        size_t n = strcspn(at, ",");
        (void)snprintf(one, sizeof one, "%.*s", (int)n, at);
        if (text_equals_nocase(one, state)) {
            return true;
        }
        at += n + (at[n] == ',' ? 1 : 0);
    }
    return states == NULL;
}

static int group_list_print(const struct cli *cli, enum output_format format,
                            const struct rd_kafka_group_list *list)
{
    const char *states = cli_flag(cli, "states");
    struct table *t = table_create();
    json_t *json = json_array();
    int code = t == NULL || json == NULL ? cli_fail("out of memory") : 0;
    if (code == 0) {
        table_texts(t, "BROKER", "GROUP", "STATE", NULL);
        for (int i = 0; i < list->group_cnt; i++) {
            const struct rd_kafka_group_info *g = &list->groups[i];
            if (group_is_wanted(states, g->state)) {
                table_row(t);
                table_cell(t, "%d", g->broker.id);
                table_cell(t, "%s", g->group);
                table_cell(t, "%s", g->state);
                (void)json_array_append_new(json,
                                            json_pack("{s:i, s:s, s:s}", "broker", g->broker.id,
                                                      "group", g->group, "state", g->state));
            }
        }
        if (format == OUTPUT_TEXT) {
            code = table_print(t) ? 0 : 1;
        } else {
            code = output_print(format, json_incref(json));
        }
    }
    json_decref(json);
    table_destroy(t);
    return code;
}

static int group_list_run(struct cli *cli)
{
    struct err e;
    enum output_format format = OUTPUT_TEXT;
    rd_kafka_t *rk = NULL;
    if (output_format_parse(cli, &format, &e) != ERR_OK ||
        kafka_open(cli, RD_KAFKA_PRODUCER, NULL, &rk, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    /* Listing asks the brokers that are known: metadata makes them known, or says who is away. */
    const struct rd_kafka_metadata *md = NULL;
    const struct rd_kafka_group_list *list = NULL;
    enum err_code code = kafka_metadata(cli, rk, NULL, &md, &e);
    if (code == ERR_OK) {
        rd_kafka_metadata_destroy(md);
        rd_kafka_resp_err_t error = rd_kafka_list_groups(rk, NULL, &list, KAFKA_TIMEOUT_MS);
        code = error == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK : kafka_error(&e, error, "list groups");
    }
    int exit_code = 1;
    if (code == ERR_OK) {
        qsort(list->groups, (size_t)list->group_cnt, sizeof list->groups[0], group_compare);
        exit_code = group_list_print(cli, format, list);
        rd_kafka_group_list_destroy(list);
    } else {
        (void)cli_fail_err(&e);
    }
    rd_kafka_destroy(rk);
    return exit_code;
}

static const struct flag group_list_flags[] = {
    {"states", 's', FLAG_TEXT, "STATE,...", NULL, "Only groups in these states"},
    OUTPUT_FORMAT_FLAG,
};

static const struct command group_list_command = {
    .name = "list",
    .aliases = "ls",
    .summary = "List consumer groups",
    .flags = group_list_flags,
    .flag_count = sizeof group_list_flags / sizeof group_list_flags[0],
    .run = group_list_run,
};

static const struct command *const group_children[] = {
    &group_list_command,
    &group_describe_command,
    NULL,
};

const struct command group_command = {
    .name = "group",
    .aliases = "g",
    .summary = "List and describe consumer groups",
    .children = group_children,
};
