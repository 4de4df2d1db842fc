/* The plug-ins a worker knows, and how configs name them. Immutable after start. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "connect/include/connect_plugin.h"

struct plugin_list {
    const struct connect_plugin **items; /* in the order of their types, as listings show them */
    size_t count;
};

/* NULL-terminated arrays; the plug-ins are borrowed. */
enum err_code plugin_list_init(struct plugin_list *list,
                               const struct connect_plugin *const *const *arrays,
                               size_t array_count, struct err *e);
void plugin_list_deinit(struct plugin_list *list);
/* By full name, simple name, or simple name without the suffix of its type. NULL when unknown. */
const struct connect_plugin *plugin_list_find(const struct plugin_list *list,
                                              enum connect_plugin_type type, const char *name);
/* A source or sink connector. */
const struct connect_plugin *plugin_list_find_connector(const struct plugin_list *list,
                                                        const char *name);
/* Of any type. */
const struct connect_plugin *plugin_list_find_any(const struct plugin_list *list, const char *name);
/* "source", static. */
const char *plugin_list_type_word(enum connect_plugin_type type);
