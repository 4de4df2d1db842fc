/* The `weir` command: every verb, and `start`, which puts the roles together. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/verbs.h"

static int version_run(struct cli *cli)
{
    (void)cli;
    return printf("weir version %s\n", WEIR_VERSION) < 0 ? 1 : 0;
}

static const struct command version_command = {
    .name = "version",
    .aliases = "--version",
    .summary = "Print the version",
    .run = version_run,
};

static const struct command *const main_verbs[] = {
    &start_command, &topic_command, &cluster_command, &version_command, NULL,
};

static const struct command main_command = {
    .name = "weir",
    .summary =
        "The streaming stack as one program: Kafka-compatible broker, schema registry, Connect "
        "worker and stream processor",
    .children = main_verbs,
};

int main(int argc, char **argv)
{
    return command_main(&main_command, argc, argv);
}
