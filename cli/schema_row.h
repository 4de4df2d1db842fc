/* One version of a subject as the registry tells it, and the table or JSON of such rows. */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "cli/output.h"
#include "common/err.h"

struct cli;
struct registry_client;

/* One call of the registry; the answer is the caller's (json_decref). The path is built from fmt,
 * whose texts must be percent-encoded: schema_row_escape. */
enum err_code schema_row_call(struct registry_client *registry, const char *method,
                              const json_t *body, json_t **out_json, struct err *e, const char *fmt,
                              ...) ERR_MUST_CHECK ERR_PRINTF(6, 7);
/* Percent-encoded into out. */
enum err_code schema_row_escape(const char *text, char *out, size_t size,
                                struct err *e) ERR_MUST_CHECK;

/* {"subject","version","id","type"} of a registry's answer. */
json_t *schema_row_of(const char *subject, const json_t *answer);
/* {"schema", "schemaType", "references"} for the file and --type, --references of the command. */
enum err_code schema_row_body(const struct cli *cli, const char *file, json_t **out_body,
                              struct err *e) ERR_MUST_CHECK;
/* SUBJECT VERSION ID TYPE; single prints one object instead of a list as JSON. Takes rows. Returns
 * the exit code. */
int schema_row_print(enum output_format format, json_t *take_rows, bool single, bool with_error);
