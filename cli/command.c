#include "cli/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/debug.h"
#include "cli/global_flags.h"
#include "cli/settings.h"
#include "common/check.h"

#define CLI_VALUES_MAX 512
#define CLI_PATH_MAX 256
#define COMMAND_TEXT_BYTES ((size_t)1 << 20)

struct cli_value {
    const struct flag *flag;
    const char *text; /* borrowed from argv or static */
};

struct cli {
    const struct command *command;
    const char *path;
    struct cli_value values[CLI_VALUES_MAX];
    size_t value_count;
    const char *arguments[CLI_VALUES_MAX];
    size_t argument_count;
    struct settings *settings; /* NULL for a command that needs no cluster */
};

int cli_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)fputs("weir: ", stderr);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
    va_end(args);
    return 1;
}

int cli_fail_err(const struct err *e)
{
    return cli_fail("%s", e->text);
}

static const struct flag *cli_find_flag(const struct command *command, const char *name, size_t len,
                                        char letter)
{
    size_t global_count = 0;
    const struct flag *global = global_flags(&global_count);
    const struct {
        const struct flag *flags;
        size_t count;
    } tables[] = {{command->flags, command->flag_count}, {global, global_count}};
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < tables[t].count; i++) {
            const struct flag *f = &tables[t].flags[i];
            if (letter != 0 ? f->letter == letter
                            : strlen(f->name) == len && strncmp(f->name, name, len) == 0) {
                return f;
            }
        }
    }
    return NULL;
}

static enum err_code cli_add_value(struct cli *cli, const struct flag *f, const char *text,
                                   struct err *e)
{
    if (cli->value_count == CLI_VALUES_MAX) {
        return err_set(e, ERR_LIMIT, "more than %d flags", CLI_VALUES_MAX);
    }
    if (f->kind == FLAG_BOOL && strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return err_set(e, ERR_INVALID, "--%s: \"%s\" is not true or false", f->name, text);
    }
    cli->values[cli->value_count++] = (struct cli_value){f, text};
    return ERR_OK;
}

/* What is left of the command line: argv[at] is the word at hand. */
struct cli_words {
    char **argv;
    int argc;
    int at;
};

/* The value of a flag: behind '=', glued to the letter, or in the next word. */
static enum err_code cli_take_value(struct cli *cli, const struct flag *f, const char *glued,
                                    struct cli_words *w, struct err *e)
{
    if (glued != NULL) {
        return cli_add_value(cli, f, glued, e);
    }
    if (f->kind != FLAG_TEXT) {
        return cli_add_value(cli, f, f->kind == FLAG_BOOL ? "true" : f->fallback, e);
    }
    if (w->at + 1 >= w->argc) {
        return err_set(e, ERR_INVALID, "--%s needs a value: --%s %s", f->name, f->name,
                       f->value_name);
    }
    return cli_add_value(cli, f, w->argv[++w->at], e);
}

static enum err_code cli_parse_long(struct cli *cli, struct cli_words *w, struct err *e)
{
    const char *name = w->argv[w->at] + 2;
    size_t len = strcspn(name, "=");
    const struct flag *f = cli_find_flag(cli->command, name, len, 0);
    if (f == NULL) {
        return err_set(e, ERR_INVALID, "unknown flag --%.*s; see \"%s --help\"", (int)len, name,
                       cli->path);
    }
    return cli_take_value(cli, f, name[len] == '=' ? name + len + 1 : NULL, w, e);
}

static enum err_code cli_parse_short(struct cli *cli, struct cli_words *w, struct err *e)
{
    const char *p = w->argv[w->at] + 1;
    while (*p != '\0') {
        const struct flag *f = cli_find_flag(cli->command, NULL, 0, *p);
        if (f == NULL) {
            return err_set(e, ERR_INVALID, "unknown flag -%c; see \"%s --help\"", *p, cli->path);
        }
        p++;
        if (f->kind == FLAG_TEXT) {
            const char *glued = *p == '=' ? p + 1 : p;
            return cli_take_value(cli, f, *p != '\0' ? glued : NULL, w, e);
        }
        enum err_code code = cli_add_value(cli, f, f->kind == FLAG_BOOL ? "true" : f->fallback, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

/* A flag that rpk had once: said, and skipped with its value. False when it is none. */
static bool cli_parse_retired(const struct cli *cli, struct cli_words *w)
{
    const char *word = w->argv[w->at];
    bool is_long = word[1] == '-';
    size_t len = strcspn(word + 2, "=");
    for (size_t i = 0; i < cli->command->retired_count; i++) {
        const struct flag_retired *r = &cli->command->retired[i];
        bool same = is_long ? strlen(r->name) == len && strncmp(r->name, word + 2, len) == 0
                            : r->letter != 0 && r->letter == word[1];
        bool glued = is_long ? word[2 + len] == '=' : word[1] != '\0' && word[2] != '\0';
        if (same) {
            (void)fprintf(stderr, "Flag --%s has been deprecated, %s\n", r->name, r->advice);
            w->at += r->takes_value && !glued ? 1 : 0;
            return true;
        }
    }
    return false;
}

/* The flag at hand, and its value. */
static enum err_code cli_parse_word(struct cli *cli, struct cli_words *w, struct err *e)
{
    if (cli_parse_retired(cli, w)) {
        return ERR_OK;
    }
    return w->argv[w->at][1] == '-' ? cli_parse_long(cli, w, e) : cli_parse_short(cli, w, e);
}

/* The words that are left. */
static enum err_code cli_parse(struct cli *cli, struct cli_words *w, struct err *e)
{
    bool flags_over = false;
    for (; w->at < w->argc; w->at++) {
        const char *word = w->argv[w->at];
        enum err_code code = ERR_OK;
        if (flags_over || word[0] != '-' || word[1] == '\0') {
            if (cli->argument_count == CLI_VALUES_MAX) {
                return err_set(e, ERR_LIMIT, "more than %d arguments", CLI_VALUES_MAX);
            }
            cli->arguments[cli->argument_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            flags_over = true;
        } else {
            code = cli_parse_word(cli, w, e);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static const struct flag *cli_known_flag(const struct cli *cli, const char *name)
{
    const struct flag *f = cli_find_flag(cli->command, name, strlen(name), 0);
    CHECK(f != NULL);
    return f;
}

const char *cli_flag_at(const struct cli *cli, const char *name, size_t i)
{
    const struct flag *f = cli_known_flag(cli, name);
    for (size_t k = 0; k < cli->value_count; k++) {
        if (cli->values[k].flag == f && i-- == 0) {
            return cli->values[k].text;
        }
    }
    return NULL;
}

const char *cli_flag(const struct cli *cli, const char *name)
{
    const struct flag *f = cli_known_flag(cli, name);
    const char *text = f->kind == FLAG_OPTIONAL ? NULL : f->fallback;
    for (size_t k = 0; k < cli->value_count; k++) {
        text = cli->values[k].flag == f ? cli->values[k].text : text;
    }
    return text;
}

bool cli_flag_bool(const struct cli *cli, const char *name)
{
    const char *text = cli_flag(cli, name);
    return text != NULL && strcmp(text, "true") == 0;
}

bool cli_flag_given(const struct cli *cli, const char *name)
{
    return cli_flag_at(cli, name, 0) != NULL;
}

void cli_flag_join(const struct cli *cli, const char *name, struct buf *out)
{
    const char *text = NULL;
    for (size_t i = 0; (text = cli_flag_at(cli, name, i)) != NULL; i++) {
        buf_append_text(out, i > 0 ? "," : "");
        buf_append_text(out, text);
    }
}

enum err_code cli_flag_int(const struct cli *cli, const char *name, long long min, long long max,
                           long long *out, struct err *e)
{
    const char *text = cli_flag(cli, name);
    CHECK(text != NULL); /* int flags have a fallback */
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < min || value > max) {
        return err_set(e, ERR_INVALID, "--%s: \"%s\" is not a number from %lld to %lld", name, text,
                       min, max);
    }
    *out = value;
    return ERR_OK;
}

size_t cli_argument_count(const struct cli *cli)
{
    return cli->argument_count;
}

const char *cli_argument(const struct cli *cli, size_t i)
{
    return i < cli->argument_count ? cli->arguments[i] : NULL;
}

const struct settings *cli_settings(const struct cli *cli)
{
    CHECK(cli->settings != NULL);
    return cli->settings;
}

const char *cli_setting(const struct cli *cli, const char *key)
{
    return settings_get(cli_settings(cli), key);
}

static bool cli_is_global(const struct flag *f)
{
    size_t count = 0;
    const struct flag *flags = global_flags(&count);
    return f >= flags && f < flags + count;
}

/* The last value of a global flag, also where the command has one of the same name; else NULL, as
 * for a boolean that is false. */
static const char *cli_global(const struct cli *cli, const char *name)
{
    const char *text = NULL;
    for (size_t i = 0; i < cli->value_count; i++) {
        const struct flag *f = cli->values[i].flag;
        if (cli_is_global(f) && strcmp(f->name, name) == 0) {
            text = cli->values[i].text;
            text = f->kind == FLAG_BOOL && strcmp(text, "true") != 0 ? NULL : text;
        }
    }
    return text;
}

bool cli_is_verbose(const struct cli *cli)
{
    return cli_global(cli, "verbose") != NULL;
}

/* The older flags first: -X wins over them. */
static enum err_code cli_load_settings(struct cli *cli, struct err *e)
{
    struct settings_option options[CLI_VALUES_MAX];
    size_t count = 0;
    for (int older = 1; older >= 0; older--) {
        for (size_t i = 0; i < cli->value_count; i++) {
            const struct flag *f = cli->values[i].flag;
            const char *key = cli_is_global(f) ? global_flags_key(f->name) : NULL;
            if (older == 1 ? key != NULL : cli_is_global(f) && f->letter == 'X') {
                options[count++] = (struct settings_option){f->name, key, cli->values[i].text};
            }
        }
    }
    const struct settings_request request = {
        .options = options,
        .option_count = count,
        .config = cli_global(cli, "config"),
        .profile = cli_global(cli, "profile"),
        .ignore_files = cli_global(cli, "ignore-profile") != NULL,
    };
    return settings_load(&request, &cli->settings, e);
}

static int command_show_help(const struct command *command, const char *path, FILE *to)
{
    struct buf out;
    buf_init(&out, COMMAND_TEXT_BYTES);
    command_print_help(command, path, &out);
    const char *text = buf_text(&out);
    int code = text == NULL || fputs(text, to) < 0 ? 1 : 0;
    buf_deinit(&out);
    return code;
}

static bool command_is_named(const struct command *command, const char *word)
{
    if (strcmp(command->name, word) == 0) {
        return true;
    }
    size_t len = strlen(word);
    for (const char *at = command->aliases; at != NULL && *at != '\0';) {
        size_t n = strcspn(at, ",");
        if (n == len && strncmp(at, word, n) == 0) {
            return true;
        }
        at += n + (at[n] == ',' ? 1 : 0);
    }
    return false;
}

static const struct command *command_child(const struct command *command, const char *word)
{
    for (size_t i = 0; command->children[i] != NULL; i++) {
        if (command_is_named(command->children[i], word)) {
            return command->children[i];
        }
    }
    return NULL;
}

/* The child whose name shares the longest start with the word, when that is at least one letter. */
static const char *command_suggestion(const struct command *command, const char *word)
{
    const char *best = NULL;
    size_t best_len = 0;
    for (size_t i = 0; command->children[i] != NULL; i++) {
        const char *name = command->children[i]->name;
        size_t n = 0;
        while (name[n] != '\0' && name[n] == word[n]) {
            n++;
        }
        if (n > best_len) {
            best_len = n;
            best = name;
        }
    }
    return best;
}

static void command_print_keys(bool terse)
{
    struct buf out;
    buf_init(&out, COMMAND_TEXT_BYTES);
    settings_print_keys(&out, terse);
    const char *text = buf_text(&out);
    (void)fputs(text != NULL ? text : "", stdout);
    buf_deinit(&out);
}

/* -X list and -X help, wherever they stand. */
static bool command_show_keys(const struct cli *cli)
{
    for (size_t i = 0; i < cli->value_count; i++) {
        const char *text = cli->values[i].text;
        bool option = cli_is_global(cli->values[i].flag) && cli->values[i].flag->letter == 'X';
        if (option && text != NULL && (strcmp(text, "list") == 0 || strcmp(text, "help") == 0)) {
            command_print_keys(*text == 'l');
            return true;
        }
    }
    return false;
}

static void command_debug_settings(const struct cli *cli)
{
    struct buf out;
    buf_init(&out, COMMAND_TEXT_BYTES);
    settings_print(cli->settings, &out);
    const char *line = buf_text(&out);
    while (line != NULL && *line != '\0') {
        size_t len = strcspn(line, "\n");
        debug_print("%.*s", (int)len, line);
        line += line[len] == '\n' ? len + 1 : len;
    }
    buf_deinit(&out);
}

static int command_run(struct cli *cli, struct cli_words *w)
{
    struct err e;
    const struct command *command = cli->command;
    if (cli_parse(cli, w, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (cli_global(cli, "help") != NULL) {
        return command_show_help(command, cli->path, stdout);
    }
    if (command_show_keys(cli)) {
        return 0;
    }
    if (command->arguments == NULL && cli->argument_count > 0) {
        return cli_fail("%s takes no arguments, but got \"%s\"", cli->path, cli->arguments[0]);
    }
    if (!command->is_local && cli_load_settings(cli, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (cli->settings != NULL && cli_is_verbose(cli)) {
        command_debug_settings(cli);
    }
    int code = command->run(cli);
    settings_destroy(cli->settings);
    return code;
}

/* A full disk or a closed pipe behind stdout is a failure too. */
static int command_finish(int code)
{
    struct err e;
    if (fflush(stdout) != 0) {
        (void)err_errno(&e, errno, "write to standard output");
    } else if (ferror(stdout) != 0) {
        (void)err_set(&e, ERR_IO, "write to standard output failed");
    } else {
        return code;
    }
    return cli_fail_err(&e);
}

static int command_unknown(const struct cli *cli, const char *word)
{
    const char *near = command_suggestion(cli->command, word);
    return cli_fail("unknown command \"%s %s\"%s%s%s; see \"%s --help\"", cli->path, word,
                    near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
                    near != NULL ? "\"?" : "", cli->path);
}

static void command_enter(struct cli *cli, char *path, const struct command *child)
{
    size_t len = strlen(path);
    (void)snprintf(path + len, CLI_PATH_MAX - len, " %s", child->name);
    cli->command = child;
}

/* The help of the command that the words behind "help" name. */
static int command_help(struct cli *cli, char *path, const struct cli_words *w)
{
    for (int at = w->at + 1; at < w->argc && cli->command->children != NULL; at++) {
        const struct command *child = command_child(cli->command, w->argv[at]);
        if (child == NULL) {
            return command_unknown(cli, w->argv[at]);
        }
        command_enter(cli, path, child);
    }
    return command_show_help(cli->command, path, stdout);
}

/* Goes down the tree while words name commands; global flags may stand before each. Returns -1 when
 * a command that can run is found, else the exit code. */
static int command_descend(struct cli *cli, char *path, struct cli_words *w)
{
    struct err e;
    for (w->at = 1; cli->command->children != NULL; w->at++) {
        const char *word = w->at < w->argc ? w->argv[w->at] : "help";
        const struct command *child = command_child(cli->command, word);
        if (child != NULL) {
            command_enter(cli, path, child);
            continue;
        }
        bool is_flag = word[0] == '-' && word[1] != '\0';
        if (is_flag && cli_parse_word(cli, w, &e) != ERR_OK) {
            return cli_fail_err(&e);
        }
        if (!is_flag && strcmp(word, "help") != 0) {
            return command_unknown(cli, word);
        }
        if (!is_flag) {
            return command_show_keys(cli) ? 0 : command_help(cli, path, w);
        }
    }
    return -1;
}

int command_main(const struct command *root, int argc, char **argv)
{
    char path[CLI_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", root->name);
    struct cli cli = {.command = root, .path = path};
    struct cli_words w = {argv, argc, 1};
    int code = command_descend(&cli, path, &w);
    if (code >= 0) {
        return command_finish(code);
    }
    if (cli.command->run_raw == NULL) {
        return command_finish(command_run(&cli, &w));
    }
    if (cli.value_count > 0) {
        return cli_fail("%s: its flags stand behind it; see \"%s --help\"", path, path);
    }
    return cli.command->run_raw(argc - w.at, argv + w.at);
}
