/* Shared by the files of the validation only. */
#pragma once

#include "connect/runtime/validation.h"

/* Checks the keys of a table against the config; one item for each. keys: static or in the arena.
 */
void validation_check_keys(struct validation *v, const struct connect_config *config,
                           const struct connect_config_key *keys, size_t count);
/* NULL when there is none. */
struct validation_item *validation_find_item(struct validation *v, const char *name);
/* Copies the text; item may be NULL: then there is nothing to say it of. */
void validation_add_error(struct validation *v, struct validation_item *item, const char *text);

/* A text in the arena; NULL when memory is short, which validation_run tells at the end. */
const char *validation_text(struct validation *v, const char *fmt, ...) ERR_PRINTF(2, 3);

/* The classes that a config names beside the connector's, and their keys. */
void validation_check_transforms(struct validation *v, const struct plugin_list *plugins,
                                 const struct connect_config *config);
void validation_check_converters(struct validation *v, const struct plugin_list *plugins,
                                 const struct connect_config *config);
