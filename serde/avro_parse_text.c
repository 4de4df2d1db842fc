/* From text to JSON; the schema is built in avro_parse.c. */
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "serde/avro_schema.h"

/* The end of the comment that begins at text[i], or i when none does. */
static size_t avro_parse_comment(const char *text, size_t len, size_t i)
{
    if (len - i < 2 || text[i] != '/' || (text[i + 1] != '/' && text[i + 1] != '*')) {
        return i;
    }
    bool line = text[i + 1] == '/';
    for (size_t at = i + 2; at < len; at++) {
        if (line && text[at] == '\n') {
            return at;
        }
        if (!line && text[at] == '/' && text[at - 1] == '*' && at > i + 2) {
            return at + 1;
        }
    }
    return line ? len : i; /* an open block comment is left for the JSON parser to refuse */
}

/* Java's parser allows comments: they become blanks. */
static void avro_parse_blank_comments(char *text, size_t len)
{
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            in_string = !in_string;
        } else if (!in_string && text[i] == '/') {
            size_t end = avro_parse_comment(text, len, i);
            memset(text + i, ' ', end - i);
        }
    }
}

enum err_code avro_schema_parse(struct bytes text, const struct avro_schema_options *options,
                                struct avro_schema **out_schema, struct err *e)
{
    if (text.len > AVRO_SCHEMA_BYTES_MAX) {
        return err_set(e, ERR_LIMIT, "schema text of %zu bytes is larger than %zu", text.len,
                       AVRO_SCHEMA_BYTES_MAX);
    }
    char *copy = mem_strndup(text.data != NULL ? (const char *)text.data : "", text.len);
    if (copy == NULL) {
        return err_nomem(e, "schema text");
    }
    avro_parse_blank_comments(copy, text.len);
    const struct json_limits limits = {
        .max_bytes = AVRO_SCHEMA_BYTES_MAX, .max_depth = AVRO_SCHEMA_DEPTH_MAX, .any_root = true};
    json_t *json = NULL;
    enum err_code code = json_decode(bytes_of(copy, text.len), &limits, &json, e);
    mem_free(copy);
    if (code != ERR_OK) {
        return code;
    }
    code = avro_schema_build(json, options, out_schema, e);
    json_decref(json);
    return code;
}
