/* `weir registry schema`: list, get, create. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/schema_codec.h"
#include "cli/schema_row.h"
#include "cli/verbs.h"
#include "serde/registry_client.h"

#define SCHEMA_SUBJECT_BYTES 1024
#define SCHEMA_PRINT_BYTES ((size_t)16 << 20)

/* Every version of one subject; a subject that cannot be read is a row with its error. */
static void schema_list_subject(const struct cli *cli, struct registry_client *registry,
                                const char *subject, json_t *rows, bool *out_failed)
{
    struct err e;
    char escaped[SCHEMA_SUBJECT_BYTES];
    json_t *versions = NULL;
    const char *deleted = cli_flag_bool(cli, "deleted") ? "?deleted=true" : "";
    enum err_code code = schema_row_escape(subject, escaped, sizeof escaped, &e);
    if (code == ERR_OK) {
        code = schema_row_call(registry, "GET", NULL, &versions, &e, "/subjects/%s/versions%s",
                               escaped, deleted);
    }
    for (size_t i = 0; code == ERR_OK && i < json_array_size(versions); i++) {
        json_t *answer = NULL;
        code = schema_row_call(registry, "GET", NULL, &answer, &e,
                               "/subjects/%s/versions/%" JSON_INTEGER_FORMAT "%s", escaped,
                               json_integer_value(json_array_get(versions, i)), deleted);
        if (code == ERR_OK) {
            (void)json_array_append_new(rows, schema_row_of(subject, answer));
            json_decref(answer);
        }
    }
    if (code != ERR_OK) {
        *out_failed = true;
        (void)json_array_append_new(rows,
                                    json_pack("{s:s, s:s}", "subject", subject, "error", e.text));
    }
    json_decref(versions);
}

#define SCHEMA_ROW_SHAPE  \
    "{\n"                 \
    "  subject: string\n" \
    "  version: int\n"    \
    "  id: int\n"         \
    "  type: string\n"    \
    "}"

static const char schema_list_shape[] = "[]{\n"
                                        "  subject: string\n"
                                        "  version: int,omitempty\n"
                                        "  id: int,omitempty\n"
                                        "  type: string,omitempty\n"
                                        "  error: string,omitempty\n"
                                        "}";

static int schema_list_run(struct cli *cli)
{
    struct err e;
    enum output_format format = OUTPUT_TEXT;
    struct registry_client *registry = NULL;
    json_t *subjects = NULL;
    if (output_format_parse(cli, schema_list_shape, &format, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (format == OUTPUT_HELP) {
        return 0;
    }
    if (schema_codec_open(cli, &registry, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    enum err_code code = ERR_OK;
    if (cli_argument_count(cli) > 0) {
        subjects = json_array();
        for (size_t i = 0; i < cli_argument_count(cli); i++) {
            (void)json_array_append_new(subjects, json_string(cli_argument(cli, i)));
        }
    } else {
        code = schema_row_call(registry, "GET", NULL, &subjects, &e, "/subjects%s",
                               cli_flag_bool(cli, "deleted") ? "?deleted=true" : "");
    }
    int exit_code = 1;
    if (code == ERR_OK) {
        bool failed = false;
        json_t *rows = json_array();
        for (size_t i = 0; i < json_array_size(subjects); i++) {
            schema_list_subject(cli, registry, json_string_value(json_array_get(subjects, i)), rows,
                                &failed);
        }
        exit_code = schema_row_print(format, rows, false, true);
        exit_code = failed ? 1 : exit_code;
    } else {
        (void)cli_fail_err(&e);
    }
    json_decref(subjects);
    registry_client_destroy(registry);
    return exit_code;
}

static const struct flag schema_list_flags[] = {
    {"deleted", 0, FLAG_BOOL, NULL, NULL, "Soft-deleted versions too"},
    OUTPUT_FORMAT_FLAG,
};

static const struct command schema_list_command = {
    .name = "list",
    .aliases = "ls",
    .arguments = "[SUBJECT...]",
    .summary = "List schemas by subject and version",
    .flags = schema_list_flags,
    .flag_count = sizeof schema_list_flags / sizeof schema_list_flags[0],
    .run = schema_list_run,
};

/* The answer for a schema text under a subject: POST /subjects/{subject}. */
static enum err_code schema_look_up(const struct cli *cli, struct registry_client *registry,
                                    const char *file, bool create, json_t **out_answer,
                                    struct err *e)
{
    char escaped[SCHEMA_SUBJECT_BYTES];
    json_t *body = NULL;
    json_t *made = NULL;
    enum err_code code = schema_row_escape(cli_argument(cli, 0), escaped, sizeof escaped, e);
    if (code == ERR_OK) {
        code = schema_row_body(cli, file, &body, e);
    }
    if (code == ERR_OK && create) {
        code = schema_row_call(registry, "POST", body, &made, e, "/subjects/%s/versions", escaped);
    }
    if (code == ERR_OK) {
        /* Registration answers with the id alone: the version is asked for. */
        code = schema_row_call(registry, "POST", body, out_answer, e, "/subjects/%s", escaped);
    }
    json_decref(body);
    json_decref(made);
    return code;
}

static int schema_create_run(struct cli *cli)
{
    struct err e;
    struct registry_client *registry = NULL;
    json_t *answer = NULL;
    const char *file = cli_flag(cli, "schema");
    enum output_format format = OUTPUT_TEXT;
    if (output_format_parse(cli, SCHEMA_ROW_SHAPE, &format, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (format == OUTPUT_HELP) {
        return 0;
    }
    if (cli_argument_count(cli) != 1 || file == NULL) {
        return cli_fail("registry schema create needs a subject and --schema FILE");
    }
    enum err_code code = schema_codec_open(cli, &registry, &e);
    if (code == ERR_OK) {
        code = schema_look_up(cli, registry, file, true, &answer, &e);
    }
    registry_client_destroy(registry);
    if (code != ERR_OK) {
        return cli_fail_err(&e);
    }
    json_t *rows = json_pack("[o]", schema_row_of(cli_argument(cli, 0), answer));
    json_decref(answer);
    return schema_row_print(format, rows, true, false);
}

static const struct flag schema_create_flags[] = {
    {"schema", 0, FLAG_TEXT, "FILE", NULL, "The schema; - = standard input"},
    {"type", 0, FLAG_TEXT, "TYPE", NULL, "avro, json or protobuf; else by the file's name"},
    {"references", 0, FLAG_TEXT, "NAME:SUBJECT:VERSION,...|FILE", NULL,
     "Schemas that it refers to; a file has a line or an object for each"},
    OUTPUT_FORMAT_FLAG,
};

static const struct command schema_create_command = {
    .name = "create",
    .arguments = "SUBJECT",
    .summary = "Register a schema under a subject",
    .flags = schema_create_flags,
    .flag_count = sizeof schema_create_flags / sizeof schema_create_flags[0],
    .run = schema_create_run,
};

/* Every subject and version that has the id. */
static enum err_code schema_get_by_id(const struct cli *cli, struct registry_client *registry,
                                      json_t *rows, json_t **out_answer, struct err *e)
{
    long long id = 0;
    json_t *versions = NULL;
    enum err_code code = cli_flag_int(cli, "id", 1, INT32_MAX, &id, e);
    if (code == ERR_OK) {
        code = schema_row_call(registry, "GET", NULL, out_answer, e, "/schemas/ids/%lld", id);
    }
    if (code == ERR_OK) {
        code = schema_row_call(registry, "GET", NULL, &versions, e, "/schemas/ids/%lld/versions%s",
                               id, cli_flag_bool(cli, "deleted") ? "?deleted=true" : "");
    }
    for (size_t i = 0; code == ERR_OK && i < json_array_size(versions); i++) {
        json_t *one = json_array_get(versions, i);
        const char *subject = json_string_value(json_object_get(one, "subject"));
        const char *wanted = cli_argument(cli, 0);
        if (subject == NULL || (wanted != NULL && strcmp(wanted, subject) != 0)) {
            continue;
        }
        (void)json_object_set_new(one, "id", json_integer(id));
        (void)json_object_set(one, "schemaType", json_object_get(*out_answer, "schemaType"));
        (void)json_array_append_new(rows, schema_row_of(subject, one));
    }
    json_decref(versions);
    if (code == ERR_OK && cli_argument_count(cli) > 0 && json_array_size(rows) == 0) {
        code = err_set(e, ERR_NOT_FOUND, "subject %s has no schema with id %lld",
                       cli_argument(cli, 0), id);
    }
    return code;
}

static enum err_code schema_get_by_version(const struct cli *cli, struct registry_client *registry,
                                           json_t **out_answer, struct err *e)
{
    char subject[SCHEMA_SUBJECT_BYTES];
    char version[64];
    enum err_code code = schema_row_escape(cli_argument(cli, 0), subject, sizeof subject, e);
    if (code == ERR_OK) {
        code = schema_row_escape(cli_flag(cli, "schema-version"), version, sizeof version, e);
    }
    return code != ERR_OK ? code
                          : schema_row_call(registry, "GET", NULL, out_answer, e,
                                            "/subjects/%s/versions/%s%s", subject, version,
                                            cli_flag_bool(cli, "deleted") ? "?deleted=true" : "");
}

/* The text of an Avro or JSON schema is JSON itself: indented for the eye. */
static int schema_print_text(const json_t *answer)
{
    const char *text = json_string_value(json_object_get(answer, "schema"));
    json_t *tree = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    int code = 0;
    if (tree == NULL) {
        code = puts(text != NULL ? text : "") < 0 ? 1 : 0;
    } else {
        code = json_dumpf(tree, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY) == 0 ? 0 : 1;
        (void)putchar('\n');
        json_decref(tree);
    }
    return code;
}

static enum err_code schema_get(const struct cli *cli, struct registry_client *registry,
                                json_t *rows, json_t **out_answer, struct err *e)
{
    if (cli_flag_given(cli, "id")) {
        return schema_get_by_id(cli, registry, rows, out_answer, e);
    }
    if (cli_argument_count(cli) != 1) {
        return err_set(e, ERR_INVALID, "registry schema get needs a subject, but for --id");
    }
    const char *file = cli_flag(cli, "schema");
    enum err_code code = file != NULL ? schema_look_up(cli, registry, file, false, out_answer, e)
                                      : schema_get_by_version(cli, registry, out_answer, e);
    if (code == ERR_OK) {
        (void)json_array_append_new(rows, schema_row_of(cli_argument(cli, 0), *out_answer));
    }
    return code;
}

static int schema_get_run(struct cli *cli)
{
    struct err e;
    struct registry_client *registry = NULL;
    json_t *answer = NULL;
    enum output_format format = OUTPUT_TEXT;
    bool print_schema = cli_flag_bool(cli, "print-schema");
    if (print_schema && strcmp(cli_flag(cli, "format"), "text") != 0) {
        return cli_fail("--print-schema prints the schema itself: it takes no --format");
    }
    if (output_format_parse(cli, "[]" SCHEMA_ROW_SHAPE, &format, &e) != ERR_OK) {
        return cli_fail_err(&e);
    }
    if (format == OUTPUT_HELP) {
        return 0;
    }
    int given = (cli_flag_given(cli, "schema-version") ? 1 : 0) +
                (cli_flag_given(cli, "id") ? 1 : 0) + (cli_flag_given(cli, "schema") ? 1 : 0);
    if (given != 1) {
        return cli_fail("registry schema get needs one of --schema-version, --id and --schema");
    }
    json_t *rows = json_array();
    enum err_code code = schema_codec_open(cli, &registry, &e);
    if (code == ERR_OK) {
        code = schema_get(cli, registry, rows, &answer, &e);
    }
    registry_client_destroy(registry);
    int exit_code = 1;
    if (code != ERR_OK) {
        (void)cli_fail_err(&e);
        json_decref(rows);
    } else if (print_schema) {
        exit_code = schema_print_text(answer);
        json_decref(rows);
    } else {
        exit_code = schema_row_print(format, rows, false, false);
    }
    json_decref(answer);
    return exit_code;
}

static const struct flag schema_get_flags[] = {
    {"schema-version", 0, FLAG_TEXT, "N|latest", NULL, "By version of the subject"},
    {"id", 0, FLAG_TEXT, "N", NULL, "By id: every subject that has it"},
    {"schema", 0, FLAG_TEXT, "FILE", NULL, "By text under the subject; - = standard input"},
    {"type", 0, FLAG_TEXT, "TYPE", NULL, "Of --schema: avro, json or protobuf"},
    {"references", 0, FLAG_TEXT, "NAME:SUBJECT:VERSION,...|FILE", NULL, "Of --schema"},
    {"print-schema", 0, FLAG_BOOL, NULL, NULL, "Print the schema itself"},
    {"deleted", 0, FLAG_BOOL, NULL, NULL, "Soft-deleted versions too"},
    OUTPUT_FORMAT_FLAG,
};

static const struct command schema_get_command = {
    .name = "get",
    .arguments = "[SUBJECT]",
    .summary = "Get a schema by version, id or text",
    .flags = schema_get_flags,
    .flag_count = sizeof schema_get_flags / sizeof schema_get_flags[0],
    .run = schema_get_run,
};

static const struct command *const schema_children[] = {
    &schema_list_command,
    &schema_get_command,
    &schema_create_command,
    NULL,
};

static const struct command schema_command = {
    .name = "schema",
    .summary = "List, get and create schemas",
    .children = schema_children,
};

static const struct command *const registry_children[] = {&schema_command, NULL};

const struct command registry_command = {
    .name = "registry",
    .aliases = "sr",
    .summary = "Look at and change the schema registry",
    .children = registry_children,
};
