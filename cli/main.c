/* The `weir` command: every verb, and `start`, which puts the roles together. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/manual.h"
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
    .is_local = true,
    .run = version_run,
};

static const struct command main_command;

static int manual_run(struct cli *cli)
{
    struct err e;
    const char *configuration = cli_flag(cli, "configuration");
    enum err_code code = ERR_OK;
    if (configuration == NULL && cli_argument_count(cli) != 1) {
        return cli_fail("manual needs a directory, or --configuration FILE");
    }
    if (configuration != NULL) {
        code = manual_write_configuration(configuration, &e);
    }
    if (code == ERR_OK && cli_argument_count(cli) == 1) {
        code = manual_write_pages(&main_command, cli_argument(cli, 0), &e);
    }
    return code == ERR_OK ? 0 : cli_fail_err(&e);
}

static const struct flag manual_flags[] = {
    {"configuration", 0, FLAG_TEXT, "FILE", NULL, "Write the settings of start as Markdown"},
};

static const struct command manual_command = {
    .name = "manual",
    .arguments = "[DIRECTORY]",
    .summary = "Write the manual pages",
    .is_local = true,
    .flags = manual_flags,
    .flag_count = sizeof manual_flags / sizeof manual_flags[0],
    .run = manual_run,
};

static const struct command *const main_verbs[] = {
    &start_command,   &topic_command,   &group_command,  &registry_command,
    &cluster_command, &version_command, &manual_command, NULL,
};

static const struct command main_command = {
    .name = "weir",
    .summary =
        "The streaming stack as one program: Kafka-compatible broker, schema registry, Connect "
        "worker and stream processor",
    .details =
        "The verbs are those of rpk and talk to any Kafka cluster. Where they find it, the first "
        "that says:\n"
        "-X KEY=VALUE (-X list), RPK_<KEY> as in RPK_BROKERS, the older REDPANDA_<...>, the "
        "profile of\n"
        "~/.config/rpk/rpk.yaml, the section rpk of ./redpanda.yaml or "
        "/etc/redpanda/redpanda.yaml,\n"
        "127.0.0.1:9092 and :8081. weir start has settings of its own: weir start --help.",
    .children = main_verbs,
};

/* A descriptor that the parent has closed would be given to the next file, and what is printed or
 * logged would be written into it. */
static void main_open_standard_streams(void)
{
    int fd = 0;
    while (fd <= STDERR_FILENO) {
        fd = open("/dev/null", O_RDWR);
        if (fd < 0) {
            return;
        }
    }
    (void)close(fd);
}

int main(int argc, char **argv)
{
    main_open_standard_streams();
    return command_main(&main_command, argc, argv);
}
