/*
 * The `weir` command line as a tree of tables: a row makes parsing, --help and the manual page of a
 * command. Flags follow rpk: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, booleans
 * --name[=true|false], `--` ends them, and they may stand between arguments. Global flags (-X, -v,
 * --config, ...: global_flags.h) are understood by every command, and before its name too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/err.h"

/* OPTIONAL: --name gives the fallback's text, --name=VALUE that one; absent is NULL. */
enum flag_kind { FLAG_TEXT, FLAG_BOOL, FLAG_OPTIONAL };

struct flag {
    const char *name;
    char letter; /* 0 = none */
    enum flag_kind kind;
    const char *value_name; /* "N", "FILE"; NULL for bool */
    const char *fallback;   /* shown in help and returned when not given; NULL = none */
    const char *doc;        /* NULL: hidden */
};

/* A flag that rpk had once, or keeps for old scripts: noted on standard error and skipped. */
struct flag_retired {
    const char *name;
    char letter; /* 0 = none */
    bool takes_value;
    const char *advice;
};

struct cli;
struct settings;

struct command {
    const char *name;
    const char *aliases;   /* comma-separated, or NULL */
    const char *arguments; /* "NAME...", or NULL when it takes none */
    const char *summary;   /* one line */
    const char *details;   /* more help, or NULL */
    const struct flag *flags;
    size_t flag_count;
    const struct flag_retired *retired; /* may be NULL */
    size_t retired_count;
    bool is_local; /* needs no cluster: reads no configuration, and has no cli_setting */
    /* Exit code: 0, or 1 after it has said why on standard error. NULL for a group of commands. */
    int (*run)(struct cli *cli);
    /* Instead of run: the command parses its own arguments (start). */
    int (*run_raw)(int argc, char **argv);
    /* Printed behind the flags in help; may be NULL. */
    void (*more_help)(struct buf *out);
    const struct command *const *children; /* NULL-terminated */
};

/* The last value given, else the fallback, else NULL. The flag must be in the command's table
 * (CHECKed). */
const char *cli_flag(const struct cli *cli, const char *name);
bool cli_flag_bool(const struct cli *cli, const char *name);
bool cli_flag_given(const struct cli *cli, const char *name);
/* The i-th value of a repeated flag, or NULL past the last one. */
const char *cli_flag_at(const struct cli *cli, const char *name, size_t i);
/* Every value of a flag that takes lists, joined with commas ("-p 0 -p 1,2" is "0,1,2"); nothing
 * when it was not given. */
void cli_flag_join(const struct cli *cli, const char *name, struct buf *out);
/* A whole number within bounds; on failure the message is in e. */
enum err_code cli_flag_int(const struct cli *cli, const char *name, long long min, long long max,
                           long long *out, struct err *e) ERR_MUST_CHECK;

size_t cli_argument_count(const struct cli *cli);
const char *cli_argument(const struct cli *cli, size_t i);

/* The keys of -X with their sources: settings.h. */
const struct settings *cli_settings(const struct cli *cli);
/* settings_get of them. */
const char *cli_setting(const struct cli *cli, const char *key);
/* -v: say on standard error what is done (debug.h). */
bool cli_is_verbose(const struct cli *cli);

/* Prints "weir: <text>" on standard error and returns 1, so that `return cli_fail(...)` ends a
 * command. */
int cli_fail(const char *fmt, ...) ERR_PRINTF(1, 2);
int cli_fail_err(const struct err *e);

/* Runs the tree below root. Returns the exit code. */
int command_main(const struct command *root, int argc, char **argv);
/* "Usage: ..." and everything the table says. path is "weir topic create". */
void command_print_help(const struct command *command, const char *path, struct buf *out);
