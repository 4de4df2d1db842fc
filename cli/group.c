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

static const char *const group_states[] = {"PreparingRebalance", "CompletingRebalance", "Stable",
                                           "Dead", "Empty"};
#define GROUP_STATES_BYTES ((size_t)65536)
#define GROUP_STATE_COUNT (sizeof group_states / sizeof group_states[0])

/* "Stable,empty" as a bit per state; all when not given. */
static enum err_code group_parse_states(const char *text, unsigned *out_wanted, struct err *e)
{
    unsigned wanted = 0;
    for (const char *at = text; at != NULL;) {
        char one[64];
        size_t n = strcspn(at, ",");
        size_t i = 0;
        (void)snprintf(one, sizeof one, "%.*s", (int)n, at);
        while (i < GROUP_STATE_COUNT && !text_equals_nocase(group_states[i], one)) {
            i++;
        }
        if (i == GROUP_STATE_COUNT) {
            return err_set(e, ERR_INVALID,
                           "--states \"%s\" is unknown: use PreparingRebalance, "
                           "CompletingRebalance, Stable, Dead or Empty",
                           one);
        }
        wanted |= 1U << i;
        at = at[n] == ',' ? at + n + 1 : NULL;
    }
    *out_wanted = text == NULL ? ~0U : wanted;
    return ERR_OK;
}

static enum err_code group_choose_states(const struct cli *cli, unsigned *out_wanted, struct err *e)
{
    struct buf states;
    buf_init(&states, GROUP_STATES_BYTES);
    cli_flag_join(cli, "states", &states);
    const char *text = cli_flag_given(cli, "states") ? buf_text(&states) : NULL;
    enum err_code code = buf_check(&states, "--states", e);
    code = code == ERR_OK ? group_parse_states(text, out_wanted, e) : code;
    buf_deinit(&states);
    return code;
}

static bool group_is_wanted(unsigned wanted, const char *state)
{
    for (size_t i = 0; i < GROUP_STATE_COUNT; i++) {
        if (text_equals_nocase(group_states[i], state)) {
            return (wanted >> i & 1U) != 0;
        }
    }
    return wanted == ~0U;
}

static int group_list_print(enum output_format format, unsigned wanted,
                            const struct rd_kafka_group_list *list)
{
    struct table *t = table_create();
    json_t *json = json_array();
    int code = t == NULL || json == NULL ? cli_fail("out of memory") : 0;
    if (code == 0) {
        table_texts(t, "BROKER", "GROUP", "STATE", NULL);
        for (int i = 0; i < list->group_cnt; i++) {
            const struct rd_kafka_group_info *g = &list->groups[i];
            if (group_is_wanted(wanted, g->state)) {
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

enum err_code group_list_all(const struct cli *cli, rd_kafka_t *rk,
                             const struct rd_kafka_group_list **out_list, struct err *e)
{
    /* Listing asks the brokers that are known: metadata makes them known, or says who is away. */
    const struct rd_kafka_metadata *md = NULL;
    enum err_code code = kafka_metadata(cli, rk, NULL, &md, e);
    if (code != ERR_OK) {
        return code;
    }
    rd_kafka_metadata_destroy(md);
    rd_kafka_resp_err_t error = rd_kafka_list_groups(rk, NULL, out_list, KAFKA_TIMEOUT_MS);
    if (error == RD_KAFKA_RESP_ERR__PARTIAL) {
        (void)fprintf(stderr, "some brokers did not answer: their groups are missing\n");
    } else if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return kafka_error(e, error, "list groups");
    }
    if ((*out_list)->group_cnt > 1) {
        qsort((*out_list)->groups, (size_t)(*out_list)->group_cnt, sizeof(*out_list)->groups[0],
              group_compare);
    }
    return ERR_OK;
}

static const char group_list_shape[] = "[]{\n"
                                       "  broker: int32\n"
                                       "  group: string\n"
                                       "  state: string\n"
                                       "}";

static int group_list_run(struct cli *cli)
{
    struct err e;
    enum output_format format = OUTPUT_TEXT;
    unsigned wanted = 0;
    rd_kafka_t *rk = NULL;
    const struct rd_kafka_group_list *list = NULL;
    if (output_format_parse(cli, group_list_shape, &format, &e) != ERR_OK ||
        group_choose_states(cli, &wanted, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (format == OUTPUT_HELP) {
        return 0;
    }
    int exit_code = 1;
    enum err_code code = kafka_open(cli, RD_KAFKA_PRODUCER, NULL, &rk, &e);
    code = code == ERR_OK ? group_list_all(cli, rk, &list, &e) : code;
    if (code == ERR_OK) {
        exit_code = group_list_print(format, wanted, list);
        rd_kafka_group_list_destroy(list);
    } else {
        (void)cli_fail_err(&e);
    }
    if (rk != NULL) {
        rd_kafka_destroy(rk);
    }
    return exit_code;
}

static const struct flag group_list_flags[] = {
    {"states", 's', FLAG_TEXT, "STATE,...", NULL,
     "Only groups in these states: PreparingRebalance, "
     "CompletingRebalance, Stable, Dead, Empty"},
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
