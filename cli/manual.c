#include "cli/manual.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/settings.h"
#include "cli/start_options.h"

#define MANUAL_BYTES_MAX ((size_t)1 << 20)
#define MANUAL_DEPTH_MAX 4
#define MANUAL_NAME_MAX 256

static enum err_code manual_save(const char *path, struct buf *page, struct err *e)
{
    const char *text = buf_text(page);
    if (text == NULL) {
        return buf_check(page, path, e);
    }
    FILE *file = fopen(path, "wbe");
    if (file == NULL) {
        return err_errno(e, errno, "open %s", path);
    }
    bool written = fwrite(text, 1, page->len, file) == page->len;
    int saved = errno;
    if (fclose(file) != 0 || !written) {
        return err_errno(e, written ? errno : saved, "write %s", path);
    }
    return ERR_OK;
}

/* Text for roff: backslashes doubled, a leading dot or quote guarded, '-' as a minus that can be
 * copied. */
static void manual_text(struct buf *page, const char *text)
{
    bool line_start = true;
    for (; *text != '\0'; text++) {
        if (line_start && (*text == '.' || *text == '\'')) {
            buf_append_text(page, "\\&");
        }
        if (*text == '\\') {
            buf_append_text(page, "\\e");
        } else if (*text == '-') {
            buf_append_text(page, "\\-");
        } else {
            buf_append_char(page, *text);
        }
        line_start = *text == '\n';
    }
}

/* What -X help prints, for the page of the program itself. */
static void manual_settings(struct buf *page)
{
    struct buf keys;
    buf_init(&keys, MANUAL_BYTES_MAX);
    settings_print_keys(&keys, false);
    const char *text = buf_text(&keys);
    buf_append_text(page, ".SH KEYS OF -X\n.nf\n");
    manual_text(page, text != NULL ? text : "");
    buf_append_text(page, ".fi\n");
    buf_deinit(&keys);
}

static void manual_page(const struct command *command, const char *path, struct buf *page)
{
    char title[MANUAL_NAME_MAX];
    (void)snprintf(title, sizeof title, "%s", path);
    for (char *p = title; *p != '\0'; p++) {
        *p = *p == ' ' ? '-' : *p;
    }
    struct buf help;
    buf_init(&help, MANUAL_BYTES_MAX);
    command_print_help(command, path, &help);
    const char *text = buf_text(&help);
    buf_printf(page, ".TH \"%s\" 1 \"\" \"weir " WEIR_VERSION "\" \"weir\"\n.SH NAME\n", title);
    manual_text(page, title);
    buf_append_text(page, " \\- ");
    manual_text(page, command->summary);
    buf_append_text(page, "\n.SH DESCRIPTION\n.nf\n");
    /* The help text is laid out for a terminal; its first line, the summary, stands in NAME
     * already. */
    const char *body = text != NULL ? strchr(text, '\n') : NULL;
    manual_text(page, body != NULL ? body + 1 : "");
    buf_append_text(page, ".fi\n");
    if (strchr(path, ' ') == NULL) {
        manual_settings(page);
    }
    buf_append_text(page, ".SH SEE ALSO\n.BR weir (1)\n");
    buf_deinit(&help);
}

/* The tree of commands is ours and three levels deep. NOLINTNEXTLINE(misc-no-recursion) */
static enum err_code manual_write_tree(const struct command *command, const char *path,
                                       const char *directory, int depth, struct err *e)
{
    char file[4096];
    int n = snprintf(file, sizeof file, "%s/%s.1", directory, path);
    if (n < 0 || (size_t)n >= sizeof file || depth > MANUAL_DEPTH_MAX) {
        return err_set(e, ERR_LIMIT, "%s: name too long", directory);
    }
    for (char *p = file + strlen(directory); *p != '\0'; p++) {
        *p = *p == ' ' ? '-' : *p;
    }
    struct buf page;
    buf_init(&page, MANUAL_BYTES_MAX);
    manual_page(command, path, &page);
    enum err_code code = manual_save(file, &page, e);
    buf_deinit(&page);
    for (size_t i = 0; code == ERR_OK && command->children != NULL && command->children[i] != NULL;
         i++) {
        char child[MANUAL_NAME_MAX];
        (void)snprintf(child, sizeof child, "%s %s", path, command->children[i]->name);
        code = manual_write_tree(command->children[i], child, directory, depth + 1, e);
    }
    return code;
}

enum err_code manual_write_pages(const struct command *root, const char *directory, struct err *e)
{
    return manual_write_tree(root, root->name, directory, 0, e);
}

enum err_code manual_write_configuration(const char *path, struct err *e)
{
    size_t count = 0;
    const struct conf_option *options = start_options(&count);
    struct buf page;
    buf_init(&page, MANUAL_BYTES_MAX);
    buf_append_text(&page, "# Configuration of `weir start`\n\n"
                           "Printed by `weir manual --configuration FILE`; do not edit.\n\n"
                           "Key `kafka.port` is the flag `--kafka-port`, the variable "
                           "`WEIR_KAFKA_PORT`, and in the YAML file of "
                           "`--config` either\n`kafka.port: 9092` or `port: 9092` below `kafka:`. "
                           "Flags win over the environment, which "
                           "wins over the file.\n"
                           "A list is comma-separated, a flag given several times, or a YAML "
                           "sequence.\n");
    conf_print_markdown(options, count, &page);
    enum err_code code = manual_save(path, &page, e);
    buf_deinit(&page);
    return code;
}
