#include "cli/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/go_json.h"
#include "common/buf.h"

#define OUTPUT_BYTES_MAX ((size_t)256 << 20)
#define OUTPUT_DEPTH_MAX 16

enum err_code output_format_parse(const struct cli *cli, enum output_format *out_format,
                                  struct err *e)
{
    static const char *const names[] = {"text", "json", "yaml"};
    const char *text = cli_flag(cli, "format");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out_format = (enum output_format)i;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID, "--format %s is unknown: use text, json or yaml", text);
}

static void output_yaml(const json_t *value, int depth, bool in_list, struct buf *out);

static void output_yaml_scalar(const json_t *value, struct buf *out)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        go_json_text(bytes_of(json_string_value(value), json_string_length(value)), out);
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

/* Our own values, a few levels deep. NOLINTNEXTLINE(misc-no-recursion) */
static void output_yaml_member(const char *key, const json_t *value, int depth, struct buf *out)
{
    buf_printf(out, "%s:", key);
    if (output_yaml_is_block(value)) {
        buf_append_text(out, "\n");
        output_yaml(value, depth + 1, false, out);
    } else {
        buf_append_text(out, " ");
        output_yaml_scalar(value, out);
        buf_append_text(out, "\n");
    }
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void output_yaml(const json_t *value, int depth, bool in_list, struct buf *out)
{
    if (depth > OUTPUT_DEPTH_MAX || !output_yaml_is_block(value)) {
        output_yaml_scalar(value, out);
        buf_append_text(out, "\n");
        return;
    }
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            buf_printf(out, "%*s- ", depth * 4, "");
            output_yaml(json_array_get(value, i), depth, true, out);
        }
        return;
    }
    bool first = in_list;
    const char *key = NULL;
    json_t *member = NULL;
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        buf_printf(out, "%*s", first ? 0 : depth * 4 + (in_list ? 2 : 0), "");
        first = false;
        output_yaml_member(key, member, depth, out);
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
        output_yaml(take_value, 0, false, &out);
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
        code = cli_fail("write to standard output failed");
    }
    buf_deinit(&out);
    return code;
}
