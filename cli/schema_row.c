#include "cli/schema_row.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/schema_references.h"
#include "cli/table.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/text.h"
#include "serde/registry_client.h"

#define SCHEMA_ROW_FILE_BYTES ((size_t)8 << 20)
#define SCHEMA_ROW_PATH_BYTES 2048

enum err_code schema_row_escape(const char *text, char *out, size_t size, struct err *e)
{
    char *escaped = curl_easy_escape(NULL, text, 0);
    if (escaped == NULL) {
        return err_nomem(e, "subject");
    }
    int n = snprintf(out, size, "%s", escaped);
    curl_free(escaped);
    return n >= 0 && (size_t)n < size ? ERR_OK : err_set(e, ERR_LIMIT, "subject: too long");
}

enum err_code schema_row_call(struct registry_client *registry, const char *method,
                              const json_t *body, json_t **out_json, struct err *e, const char *fmt,
                              ...)
{
    char path[SCHEMA_ROW_PATH_BYTES];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(path, sizeof path, fmt, args);
    va_end(args);
    char *sent = body != NULL ? json_encode(body, 2 * SCHEMA_ROW_FILE_BYTES) : NULL;
    if (body != NULL && sent == NULL) {
        return err_set(e, ERR_LIMIT, "%s: schema too large", path);
    }
    char *answer = NULL;
    const struct registry_client_request request = {method, path, sent};
    enum err_code code = registry_client_call(registry, &request, &answer, NULL, e);
    mem_free(sent);
    if (code == ERR_OK) {
        const struct json_limits limits = {.any_root = true};
        code = json_decode(bytes_of_text(answer), &limits, out_json, e);
    }
    mem_free(answer);
    return code;
}

json_t *schema_row_of(const char *subject, const json_t *answer)
{
    const char *type = json_string_value(json_object_get(answer, "schemaType"));
    return json_pack("{s:s, s:O, s:O, s:s}", "subject", subject, "version",
                     json_object_get(answer, "version"), "id", json_object_get(answer, "id"),
                     "type", type != NULL ? type : "AVRO");
}

static enum err_code schema_row_read_file(const char *path, struct buf *out, struct err *e)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (f == NULL) {
        return err_errno(e, errno, "open %s", path);
    }
    char piece[16384];
    size_t n = 0;
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) {
        buf_append(out, piece, n);
    }
    bool bad = ferror(f) != 0;
    if (f != stdin) {
        (void)fclose(f);
    }
    return bad ? err_set(e, ERR_IO, "read %s", path) : buf_check(out, path, e);
}

/* --type, else by the ending of the file. NULL with the error set for an unknown one. */
static const char *schema_row_type(const struct cli *cli, const char *file, struct err *e)
{
    static const char *const names[][2] = {{"avro", "AVRO"},
                                           {"avsc", "AVRO"},
                                           {"proto", "PROTOBUF"},
                                           {"protobuf", "PROTOBUF"},
                                           {"json", "JSON"}};
    const char *dot = strrchr(file, '.');
    const char *name = cli_flag(cli, "type");
    name = name != NULL ? name : dot != NULL ? dot + 1 : "";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (text_equals_nocase(names[i][0], name)) {
            return names[i][1];
        }
    }
    (void)err_set(e, ERR_INVALID,
                  "%s: the type is not clear from the name; use --type avro, json or protobuf",
                  file);
    return NULL;
}

enum err_code schema_row_body(const struct cli *cli, const char *file, json_t **out_body,
                              struct err *e)
{
    struct buf text;
    buf_init(&text, SCHEMA_ROW_FILE_BYTES);
    const char *type = schema_row_type(cli, file, e);
    enum err_code code = type == NULL ? ERR_INVALID : schema_row_read_file(file, &text, e);
    json_t *body = NULL;
    if (code == ERR_OK) {
        body = json_pack("{s:s%}", "schema", (const char *)buf_bytes(&text).data, text.len);
        code = body != NULL ? ERR_OK : err_set(e, ERR_INVALID, "%s: not UTF-8 text", file);
    }
    buf_deinit(&text);
    /* AVRO goes without saying, and older registries know no other way. */
    if (code == ERR_OK && strcmp(type, "AVRO") != 0) {
        (void)json_object_set_new(body, "schemaType", json_string(type));
    }
    const char *references = cli_flag(cli, "references");
    if (code == ERR_OK && references != NULL) {
        json_t *list = NULL;
        code = schema_references_parse(references, &list, e);
        if (code == ERR_OK && json_object_set_new(body, "references", list) != 0) {
            code = err_nomem(e, "references");
        }
    }
    if (code != ERR_OK) {
        json_decref(body);
        return code;
    }
    *out_body = body;
    return ERR_OK;
}

static bool schema_row_print_table(const json_t *rows, bool with_error)
{
    struct table *t = table_create();
    if (t == NULL) {
        return false;
    }
    table_texts(t, "SUBJECT", "VERSION", "ID", "TYPE", with_error ? "ERROR" : NULL, NULL);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *error = json_string_value(json_object_get(row, "error"));
        table_row(t);
        table_cell(t, "%s", json_string_value(json_object_get(row, "subject")));
        if (error != NULL) {
            table_cell(t, "-");
            table_cell(t, "-");
            table_cell(t, "-");
        } else {
            table_cell(t, "%lld", (long long)json_integer_value(json_object_get(row, "version")));
            table_cell(t, "%lld", (long long)json_integer_value(json_object_get(row, "id")));
            table_cell(t, "%s", json_string_value(json_object_get(row, "type")));
        }
        if (with_error) {
            table_cell(t, "%s", error != NULL ? error : "");
        }
    }
    bool good = table_print(t);
    table_destroy(t);
    return good;
}

int schema_row_print(enum output_format format, json_t *take_rows, bool single, bool with_error)
{
    int code = 1;
    if (take_rows == NULL) {
        return cli_fail("out of memory");
    }
    if (format == OUTPUT_TEXT) {
        code = schema_row_print_table(take_rows, with_error) ? 0 : 1;
    } else {
        code = output_print(format, json_incref(single ? json_array_get(take_rows, 0) : take_rows));
    }
    json_decref(take_rows);
    return code;
}
