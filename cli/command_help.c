/* --help, from the tables of command.h. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/global_flags.h"

static void command_print_flags(const struct flag *flags, size_t count, const char *title,
                                struct buf *out)
{
    if (count > 0) {
        buf_printf(out, "\n%s:\n", title);
    }
    for (size_t i = 0; i < count; i++) {
        const struct flag *f = &flags[i];
        if (f->doc == NULL) {
            continue; /* hidden */
        }
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
        size_t count = 0;
        const struct flag *flags = global_flags(&count);
        command_print_flags(flags, count, "Global flags", out);
    }
}
