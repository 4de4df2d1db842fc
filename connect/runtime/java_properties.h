/*
 * Java's .properties texts: worker settings, and the files that secrets are kept in. UTF-8. Pure,
 * but for the reading of the file.
 */
#pragma once

#include "common/bytes.h"
#include "common/err.h"
#include "connect/include/connect_config.h"

#define JAVA_PROPERTIES_BYTES_MAX ((size_t)1 << 20)

/* Adds what the text has: "key=value", "key: value", "key value", comments with # or !, lines that
 * go on behind a backslash, escapes. A later value of a key wins. */
enum err_code java_properties_parse(struct bytes text, struct connect_config *out, struct err *e);
/* Reads a whole file of at most JAVA_PROPERTIES_BYTES_MAX bytes; mem_free. */
enum err_code java_properties_read_file(const char *path, char **out_text, size_t *out_len,
                                        struct err *e);
