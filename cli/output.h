/* --format of the list and describe commands: text, json (one line) or yaml (4 spaces). */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "common/err.h"

enum output_format { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_YAML };

struct cli;

/* Reads the flag "format"; anything else is an error that names the choices. */
enum err_code output_format_parse(const struct cli *cli, enum output_format *out_format,
                                  struct err *e) ERR_MUST_CHECK;
/* Prints and releases the value; a NULL one (out of memory) fails. Returns the exit code. */
int output_print(enum output_format format, json_t *take_value);

/* The row of --format for a command's flag table. */
#define OUTPUT_FORMAT_FLAG                                                            \
    {                                                                                 \
        "format", 0, FLAG_TEXT, "FORMAT", "text", "Output format: text, json or yaml" \
    }
