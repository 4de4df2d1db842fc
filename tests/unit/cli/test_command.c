#include "cli/command.h"

#include <stdlib.h>

#include "tests/support/test.h"

/* What the command below saw last. */
static struct {
    int runs;
    char partitions[32];
    char configs[3][64];
    bool dry;
    char arguments[128];
    char brokers[128];
} seen;

static int create_run(struct cli *cli)
{
    memset(&seen, 0, sizeof seen);
    seen.runs = 1;
    (void)snprintf(seen.partitions, sizeof seen.partitions, "%s", cli_flag(cli, "partitions"));
    for (size_t i = 0; i < 3 && cli_flag_at(cli, "config", i) != NULL; i++) {
        (void)snprintf(seen.configs[i], sizeof seen.configs[i], "%s",
                       cli_flag_at(cli, "config", i));
    }
    seen.dry = cli_flag_bool(cli, "dry");
    for (size_t i = 0; i < cli_argument_count(cli); i++) {
        size_t at = strlen(seen.arguments);
        (void)snprintf(seen.arguments + at, sizeof seen.arguments - at, "%s ",
                       cli_argument(cli, i));
    }
    (void)snprintf(seen.brokers, sizeof seen.brokers, "%s", cli_setting(cli, "brokers"));
    return 0;
}

static const struct flag create_flags[] = {
    {"partitions", 'p', FLAG_TEXT, "N", "-1", "Partitions"},
    {"config", 'c', FLAG_TEXT, "K=V", NULL, "Config"},
    {"dry", 'd', FLAG_BOOL, NULL, NULL, "Dry"},
};
static const struct command create = {.name = "create",
                                      .aliases = "new,add",
                                      .arguments = "NAME...",
                                      .summary = "Create",
                                      .flags = create_flags,
                                      .flag_count = 3,
                                      .run = create_run};
static const struct command *const topic_children[] = {&create, NULL};
static const struct command topic = {
    .name = "topic", .summary = "Topics", .children = topic_children};
static const struct command *const root_children[] = {&topic, NULL};
static const struct command root = {.name = "weir", .summary = "weir", .children = root_children};

#define RUN(...) run((const char *[]){"weir", __VA_ARGS__, NULL})

static int run(const char *const *words)
{
    int argc = 0;
    char *argv[32];
    for (; words[argc] != NULL; argc++) {
        argv[argc] = (char *)(uintptr_t)words[argc];
    }
    seen.runs = 0;
    return command_main(&root, argc, argv);
}

static void flags_may_stand_anywhere(void **state)
{
    (void)state;
    assert_int_equal(
        RUN("topic", "create", "a", "-p", "-1", "b", "--config=x=1", "-cy=2", "-d", "--", "-p"), 0);
    assert_int_equal(seen.runs, 1);
    assert_string_equal(seen.partitions, "-1");
    assert_string_equal(seen.configs[0], "x=1");
    assert_string_equal(seen.configs[1], "y=2");
    assert_true(seen.dry);
    assert_string_equal(seen.arguments, "a b -p ");
}

static void the_last_value_wins_and_aliases_work(void **state)
{
    (void)state;
    assert_int_equal(
        RUN("topic", "add", "-p3", "--partitions", "4", "--dry=false", "--brokers", "h:1"), 0);
    assert_string_equal(seen.partitions, "4");
    assert_false(seen.dry);
    assert_string_equal(seen.brokers, "h:1");
}

static void an_option_wins_over_the_environment(void **state)
{
    (void)state;
    assert_int_equal(setenv("RPK_BROKERS", "env:1", 1), 0);
    assert_int_equal(RUN("topic", "create", "a"), 0);
    assert_string_equal(seen.brokers, "env:1");
    assert_int_equal(RUN("topic", "create", "a", "-X", "brokers=x:1"), 0);
    assert_string_equal(seen.brokers, "x:1");
    assert_int_equal(unsetenv("RPK_BROKERS"), 0);
}

static void refuses_what_it_does_not_know(void **state)
{
    (void)state;
    assert_int_equal(RUN("topic", "create", "--partition", "3"), 1);
    assert_int_equal(RUN("topic", "create", "-q"), 1);
    assert_int_equal(RUN("topic", "create", "-p"), 1);
    assert_int_equal(RUN("topic", "create", "--dry=maybe"), 1);
    assert_int_equal(RUN("topic", "create", "-X", "admin.hosts=h:1"), 1);
    assert_int_equal(RUN("topic", "urchases"), 1);
    assert_int_equal(RUN("topik"), 1);
    assert_int_equal(RUN("help", "topik"), 1);
    assert_int_equal(seen.runs, 0);
}

static void help_names_every_flag(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 10000);
    command_print_help(&create, "weir topic create", &out);
    const char *text = buf_text(&out);
    assert_non_null(strstr(text, "Usage: weir topic create [flags] NAME..."));
    assert_non_null(strstr(text, "-p, --partitions N"));
    assert_non_null(strstr(text, "[-1]"));
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_may_stand_anywhere),
        cmocka_unit_test(the_last_value_wins_and_aliases_work),
        cmocka_unit_test(an_option_wins_over_the_environment),
        cmocka_unit_test(refuses_what_it_does_not_know),
        cmocka_unit_test(help_names_every_flag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
