#include "cli/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/go_json.h"
#include "common/buf.h"
#include "common/text.h"

#define OUTPUT_BYTES_MAX ((size_t)256 << 20)
#define OUTPUT_DEPTH_MAX ((size_t)16)
#define OUTPUT_INDENT ((size_t)4)

enum err_code output_format_parse(const struct cli *cli, const char *shape,
                                  enum output_format *out_format, struct err *e)
{
    static const struct {
        const char *name;
        enum output_format format;
    } names[] = {{"text", OUTPUT_TEXT}, {"short", OUTPUT_TEXT}, {"wide", OUTPUT_TEXT},
                 {"long", OUTPUT_TEXT}, {"json", OUTPUT_JSON},  {"yaml", OUTPUT_YAML},
                 {"help", OUTPUT_HELP}};
    const char *text = cli_flag(cli, "format");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i].name) == 0) {
            *out_format = names[i].format;
            if (names[i].format == OUTPUT_HELP && puts(shape) < 0) {
                return err_set(e, ERR_IO, "write to standard output failed");
            }
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID, "--format %s is unknown: use text, wide, json, yaml or help",
                   text);
}

/* Whether YAML would read the plain text as something else than a text. */
static bool output_yaml_is_typed(const char *text)
{
    static const char *const words[] = {"null", "~",   "true", "false", "yes", "no",
                                        "on",   "off", "y",    "n",     "<<",  "="};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (text_equals_nocase(text, words[i])) {
            return true;
        }
    }
    char *end = NULL;
    (void)strtod(text, &end);
    bool number = *end == '\0' || text[strspn(text, "0123456789_")] == '\0';
    /* 2006-01-02 with or without a time; 1:30 is a number to the base of 60. */
    bool date = strspn(text, "0123456789") == 4 && text[4] == '-' &&
                text[strspn(text, "0123456789-:.+TZtz ")] == '\0';
    bool base60 = strchr(text, ':') != NULL && text[strspn(text, "0123456789:.")] == '\0';
    return number || date || base60;
}

static bool output_yaml_is_plain(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || strchr("?:,[]{}#&*!|>'\"%@` ", text[0]) != NULL ||
        (text[0] == '-' && (text[1] == ' ' || text[1] == '\0'))) {
        return false;
    }
    return text[len - 1] != ' ' && text[len - 1] != ':' && strstr(text, ": ") == NULL &&
           strstr(text, " #") == NULL;
}

/* As Go does: plain where that is the same text, "" where the plain one has another meaning or
 * cannot be printed, '' where only its signs are in the way. */
static void output_yaml_text(const json_t *value, struct buf *out)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    bool control = strlen(text) != len || len == 0;
    for (size_t i = 0; i < len; i++) {
        control = control || (unsigned char)text[i] < ' ' || text[i] == 0x7f;
    }
    if (control || output_yaml_is_typed(text)) {
        go_json_text(bytes_of(text, len), out);
    } else if (output_yaml_is_plain(text)) {
        buf_append_text(out, text);
    } else {
        buf_append_char(out, '\'');
        for (const char *p = text; *p != '\0'; p++) {
            buf_append_text(out, *p == '\'' ? "'" : "");
            buf_append_char(out, *p);
        }
        buf_append_char(out, '\'');
    }
}

static void output_yaml_scalar(const json_t *value, struct buf *out)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        output_yaml_text(value, out);
        break;
    case JSON_INTEGER:
        buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        buf_printf(out, "%.17g", json_real_value(value));
        break;
    case JSON_TRUE:
        buf_append_text(out, "true");
        break;
    case JSON_FALSE:
        buf_append_text(out, "false");
        break;
    case JSON_OBJECT:
        buf_append_text(out, "{}");
        break;
    case JSON_ARRAY:
        buf_append_text(out, "[]");
        break;
    case JSON_NULL:
        buf_append_text(out, "null");
        break;
    }
}

static bool output_yaml_is_block(const json_t *value)
{
    return (json_is_object(value) && json_object_size(value) > 0) ||
           (json_is_array(value) && json_array_size(value) > 0);
}

static void output_yaml(const json_t *value, size_t indent, bool started, struct buf *out);

/* What follows "- " or "key:". Our own values, a few levels deep.
 * NOLINTNEXTLINE(misc-no-recursion) */
static void output_yaml_item(const json_t *value, size_t indent, bool in_list, struct buf *out)
{
    if (output_yaml_is_block(value) && indent < OUTPUT_DEPTH_MAX * OUTPUT_INDENT) {
        buf_append_text(out, in_list ? " " : "\n");
        output_yaml(value, indent, in_list, out);
    } else {
        buf_append_text(out, " ");
        output_yaml_scalar(value, out);
        buf_append_text(out, "\n");
    }
}

/* A list or mapping; started: the first line is indented already.
 * NOLINTNEXTLINE(misc-no-recursion) */
static void output_yaml(const json_t *value, size_t indent, bool started, struct buf *out)
{
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            buf_printf(out, "%*s-", started && i == 0 ? 0 : (int)indent, "");
            output_yaml_item(json_array_get(value, i), indent + 2, true, out);
        }
        return;
    }
    const char *key = NULL;
    json_t *member = NULL;
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        buf_printf(out, "%*s%s:", started ? 0 : (int)indent, "", key);
        started = false;
        /* The next multiple of four, wherever a list has put us. */
        output_yaml_item(member, (indent / OUTPUT_INDENT + 1) * OUTPUT_INDENT, false, out);
    }
}

int output_print(enum output_format format, json_t *take_value)
{
    if (take_value == NULL) {
        return cli_fail("out of memory");
    }
    struct buf out;
    buf_init(&out, OUTPUT_BYTES_MAX);
    if (format == OUTPUT_YAML) {
        if (output_yaml_is_block(take_value)) {
            output_yaml(take_value, 0, false, &out);
        } else {
            output_yaml_scalar(take_value, &out);
            buf_append_text(&out, "\n");
        }
    } else {
        go_json_value(take_value, &out);
        buf_append_text(&out, "\n");
    }
    json_decref(take_value);
    const char *text = buf_text(&out);
    int code = 0;
    if (text == NULL) {
        code = cli_fail("output larger than %zu bytes, or out of memory", OUTPUT_BYTES_MAX);
    } else if (fwrite(text, 1, out.len, stdout) != out.len) {
        code = 1; /* told when the command ends */
    }
    buf_deinit(&out);
    return code;
}
