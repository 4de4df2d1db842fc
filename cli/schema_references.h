/* --references of `registry schema`: what a schema refers to. */
#pragma once

#include <jansson.h>

#include "common/err.h"

/* "name:subject:version,...", or, without a colon, a file: a list of {name, subject, version} in
 * .json or .yaml, else lines of the three with blanks between. A JSON list for the registry; the
 * caller releases it. */
enum err_code schema_references_parse(const char *text, json_t **out_list,
                                      struct err *e) ERR_MUST_CHECK;
