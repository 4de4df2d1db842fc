#include "cli/command.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/check.h"
#include "common/conf.h"

#define CLI_VALUES_MAX 512
#define CLI_PATH_MAX 256

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
    char setting[256]; /* last answer of cli_setting that needed building */
};

static const struct flag cli_global_flags[] = {
    {"option", 'X', FLAG_TEXT, "KEY=VALUE", NULL,
     "Set brokers=host:port,... or registry.hosts=host:port (repeatable)"},
    {"brokers", 0, FLAG_TEXT, "HOST:PORT,...", NULL, "Same as -X brokers=..."},
    {"help", 'h', FLAG_BOOL, NULL, NULL, "Show this help"},
};
#define CLI_GLOBAL_COUNT (sizeof cli_global_flags / sizeof cli_global_flags[0])

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
    const struct {
        const struct flag *flags;
        size_t count;
    } tables[] = {{command->flags, command->flag_count}, {cli_global_flags, CLI_GLOBAL_COUNT}};
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

static enum err_code cli_parse(struct cli *cli, int argc, char **argv, struct err *e)
{
    bool flags_over = false;
    struct cli_words w = {argv, argc, 0};
    for (; w.at < argc; w.at++) {
        const char *word = argv[w.at];
        enum err_code code = ERR_OK;
        if (flags_over || word[0] != '-' || word[1] == '\0') {
            if (cli->argument_count == CLI_VALUES_MAX) {
                return err_set(e, ERR_LIMIT, "more than %d arguments", CLI_VALUES_MAX);
            }
            cli->arguments[cli->argument_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            flags_over = true;
        } else if (word[1] == '-') {
            code = cli_parse_long(cli, &w, e);
        } else {
            code = cli_parse_short(cli, &w, e);
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

static const struct {
    const char *key;
    const char *variable;
    const char *fallback;
} cli_settings[] = {
    {"brokers", "RPK_BROKERS", "127.0.0.1:9092"},
    {"registry.hosts", "RPK_REGISTRY_HOSTS", "127.0.0.1:8081"},
    {"admin.hosts", "RPK_ADMIN_HOSTS", NULL},
};
#define CLI_SETTING_COUNT (sizeof cli_settings / sizeof cli_settings[0])

const char *cli_setting(const struct cli *cli, const char *key)
{
    size_t len = strlen(key);
    const char *found = strcmp(key, "brokers") == 0 ? cli_flag(cli, "brokers") : NULL;
    const char *option = NULL;
    for (size_t i = 0; (option = cli_flag_at(cli, "option", i)) != NULL; i++) {
        if (strncmp(option, key, len) == 0 && option[len] == '=') {
            found = option + len + 1;
        }
    }
    for (size_t i = 0; found == NULL && i < CLI_SETTING_COUNT; i++) {
        if (strcmp(cli_settings[i].key, key) == 0) {
            const char *variable = conf_environment(cli_settings[i].variable);
            found = variable != NULL ? variable : cli_settings[i].fallback;
        }
    }
    return found;
}

/* -X with a key that nothing reads would be silently ignored: refuse it. */
static enum err_code cli_check_settings(const struct cli *cli, struct err *e)
{
    const char *option = NULL;
    for (size_t i = 0; (option = cli_flag_at(cli, "option", i)) != NULL; i++) {
        size_t len = strcspn(option, "=");
        bool known = false;
        for (size_t k = 0; k < CLI_SETTING_COUNT; k++) {
            known = known || (strlen(cli_settings[k].key) == len &&
                              strncmp(cli_settings[k].key, option, len) == 0);
        }
        if (!known || option[len] != '=') {
            return err_set(e, ERR_INVALID,
                           "-X %s: unknown; use brokers=, registry.hosts= or admin.hosts=", option);
        }
    }
    return ERR_OK;
}

static void command_print_flags(const struct flag *flags, size_t count, const char *title,
                                struct buf *out)
{
    if (count > 0) {
        buf_printf(out, "\n%s:\n", title);
    }
    for (size_t i = 0; i < count; i++) {
        const struct flag *f = &flags[i];
        char left[80];
        char letter[8] = "    ";
        if (f->letter != 0) {
            (void)snprintf(letter, sizeof letter, "-%c, ", f->letter);
        }
        (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, f->name,
                       f->value_name != NULL ? " " : "",
                       f->value_name != NULL ? f->value_name : "");
        buf_printf(out, "  %-34s %s", left, f->doc);
        if (f->fallback != NULL && *f->fallback != '\0') {
            buf_printf(out, " [%s]", f->fallback);
        }
        buf_append_text(out, "\n");
    }
}

void command_print_help(const struct command *command, const char *path, struct buf *out)
{
    buf_printf(out, "%s\n\nUsage: %s", command->summary, path);
    if (command->children != NULL) {
        buf_append_text(out, " COMMAND");
    }
    buf_append_text(out, " [flags]");
    if (command->arguments != NULL) {
        buf_printf(out, " %s", command->arguments);
    }
    buf_append_text(out, "\n");
    if (command->details != NULL) {
        buf_printf(out, "\n%s\n", command->details);
    }
    if (command->children != NULL) {
        buf_append_text(out, "\nCommands:\n");
    }
    for (size_t i = 0; command->children != NULL && command->children[i] != NULL; i++) {
        buf_printf(out, "  %-14s %s\n", command->children[i]->name, command->children[i]->summary);
    }
    command_print_flags(command->flags, command->flag_count, "Flags", out);
    if (command->more_help != NULL) {
        command->more_help(out);
    }
    if (command->run_raw == NULL) {
        command_print_flags(cli_global_flags, CLI_GLOBAL_COUNT, "Global flags", out);
    }
}

static int command_show_help(const struct command *command, const char *path, FILE *to)
{
    struct buf out;
    buf_init(&out, (size_t)1 << 20);
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

static int command_run(const struct command *command, const char *path, int argc, char **argv)
{
    struct cli cli = {.command = command, .path = path};
    struct err e;
    if (cli_parse(&cli, argc, argv, &e) != ERR_OK || cli_check_settings(&cli, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (cli_flag_bool(&cli, "help")) {
        return command_show_help(command, path, stdout);
    }
    if (command->arguments == NULL && cli.argument_count > 0) {
        return cli_fail("%s takes no arguments, but got \"%s\"", path, cli.arguments[0]);
    }
    int code = command->run(&cli);
    /* A full disk or a closed pipe behind stdout is a failure too. */
    if (fflush(stdout) != 0 && code == 0) {
        (void)err_errno(&e, errno, "write to standard output");
        return cli_fail_err(&e);
    }
    return code;
}

int command_main(const struct command *root, int argc, char **argv)
{
    char path[CLI_PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", root->name);
    const struct command *command = root;
    int at = 1;
    while (command->children != NULL) {
        const char *word = at < argc ? argv[at] : "--help";
        if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
            (void)command_show_help(command, path, stdout);
            return at < argc ? 0 : 1;
        }
        const struct command *child = command_child(command, word);
        if (child == NULL) {
            const char *near = command_suggestion(command, word);
            return cli_fail("unknown command \"%s %s\"%s%s%s; see \"%s --help\"", path, word,
                            near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
                            near != NULL ? "\"?" : "", path);
        }
        size_t len = strlen(path);
        (void)snprintf(path + len, sizeof path - len, " %s", child->name);
        command = child;
        at++;
    }
    if (command->run_raw != NULL) {
        return command->run_raw(argc - at, argv + at);
    }
    return command_run(command, path, argc - at, argv + at);
}
