/* Manual pages and docs/configuration.md from the same tables that parse: `weir manual DIR`. */
#pragma once

#include "common/err.h"

struct command;

/* Writes weir.1 and weir-<command>.1 for every command below root into an existing directory. */
enum err_code manual_write_pages(const struct command *root, const char *directory,
                                 struct err *e) ERR_MUST_CHECK;
/* Writes the settings of `weir start` as Markdown. */
enum err_code manual_write_configuration(const char *path, struct err *e) ERR_MUST_CHECK;
