/* A YAML file, or a JSON one, which is YAML too, through libyaml. */
#pragma once

#include <yaml.h>

#include "common/err.h"

#define YAML_FILE_BYTES_MAX (1024L * 1024)

/* The first document; yaml_document_delete it. ERR_NOT_FOUND, ERR_LIMIT, or ERR_PARSE with path and
 * line. */
enum err_code yaml_file_load(const char *path, yaml_document_t *out_document, struct err *e);
