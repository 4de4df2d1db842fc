/*
 * --format of the list and describe commands: text (or wide: nothing here has more to tell), json
 * (one line), yaml (as Go's yaml.v3 lays it out: 4 spaces), help (the shape of the other two).
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "common/err.h"

/* HELP: the shape is printed already, the command is done. */
enum output_format { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_HELP };

struct cli;

/* Reads the flag "format"; anything else is an error that names the choices. shape is what "help"
 * prints: "[]{\n  name: string\n}". */
enum err_code output_format_parse(const struct cli *cli, const char *shape,
                                  enum output_format *out_format, struct err *e) ERR_MUST_CHECK;
/* Prints and releases the value; a NULL one (out of memory) fails. Returns the exit code. */
int output_print(enum output_format format, json_t *take_value);

/* The row of --format for a command's flag table. */
#define OUTPUT_FORMAT_FLAG                                                                        \
    {                                                                                             \
        "format", 0, FLAG_TEXT, "FORMAT", "text", "Output format: text, wide, json, yaml or help" \
    }
