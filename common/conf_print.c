/* What conf.h prints of its table: help and docs. */
#include <stdio.h>
#include <string.h>

#include "common/conf.h"

#define CONF_HELP_COLUMN 34

static void conf_print_flag(const struct conf_option *o, char *out, size_t size)
{
    (void)snprintf(out, size, "--%s%s%s", o->key, o->value_name != NULL ? " " : "",
                   o->value_name != NULL ? o->value_name : "");
    size_t key_end = 2 + strlen(o->key);
    for (size_t i = 2; i < key_end && i < size; i++) {
        out[i] = (char)(out[i] == '.' ? '-' : out[i]);
    }
}

void conf_print_help(const struct conf_option *options, size_t count, struct buf *out)
{
    const char *section = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct conf_option *o = &options[i];
        if (section == NULL || strcmp(section, o->section) != 0) {
            section = o->section;
            buf_printf(out, "\n%s:\n", section);
        }
        char flag[128];
        conf_print_flag(o, flag, sizeof flag);
        buf_printf(out, "  %-*s %s", CONF_HELP_COLUMN, flag, o->doc);
        if (o->type == CONF_CHOICE) {
            buf_printf(out, " (one of %s)", o->choices);
        }
        if (o->fallback != NULL && *o->fallback != '\0' && !o->secret) {
            buf_printf(out, " [%s]", o->fallback);
        }
        buf_append_text(out, "\n");
    }
}

static const char *conf_print_type(const struct conf_option *o)
{
    switch (o->type) {
    case CONF_TEXT:
        return "text";
    case CONF_BOOL:
        return "bool";
    case CONF_INT:
        return "number";
    case CONF_DURATION:
        return "duration";
    case CONF_BYTES:
        return "size";
    case CONF_CHOICE:
        return "choice";
    case CONF_LIST:
        return "list";
    }
    return "";
}

void conf_print_markdown(const struct conf_option *options, size_t count, struct buf *out)
{
    const char *section = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct conf_option *o = &options[i];
        if (section == NULL || strcmp(section, o->section) != 0) {
            section = o->section;
            buf_printf(out, "\n## %s\n\n| key | type | default | meaning |\n|---|---|---|---|\n",
                       section);
        }
        buf_printf(out, "| `%s` | %s | %s | %s", o->key, conf_print_type(o),
                   o->fallback != NULL && *o->fallback != '\0' ? o->fallback : "", o->doc);
        for (const char *c = o->choices; c != NULL && *c != '\0'; c += strcspn(c, "|")) {
            c += *c == '|' ? 1 : 0;
            buf_printf(out, "%s%.*s", c == o->choices ? ": " : ", ", (int)strcspn(c, "|"), c);
        }
        buf_append_text(out, " |\n");
    }
}
