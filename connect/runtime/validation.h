/*
 * Checks a connector's config against everything that is known of its keys: the worker's own, those
 * of its transforms, predicates and converters, and the connector's; the result is what the
 * validate endpoint shows, and what a refused config is refused with. It looks at the config alone
 * and waits for nothing, so any thread may do it, that of an HTTP request too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "connect/include/connect_config.h"
#include "connect/include/connect_plugin.h"
#include "connect/runtime/worker_context.h"

#define VALIDATION_ERRORS_MAX ((size_t)8)

struct validation_item {
    const struct connect_config_key *key; /* in the arena or static */
    bool unknown;                         /* nobody knows the key: it is shown without definition */
    const char *value;                    /* NULL: null */
    const char *errors[VALIDATION_ERRORS_MAX];
    size_t error_count;
    const char **recommended;
    size_t recommended_count;
};

struct validation {
    struct arena arena;
    const char *class_name;             /* as the config names it */
    const struct connect_config *shown; /* values are shown as they were sent: with references */
    const struct connect_plugin *plugin;
    struct validation_item *items;
    size_t count;
    size_t capacity;
    size_t error_count;
};

/* ERR_INVALID when the config names no class, ERR_NOT_FOUND when it is unknown (both with the
 * originals' texts), ERR_LIMIT when it is too large; otherwise ERR_OK, however many errors there
 * are. Of the worker only plug-ins, config providers and client settings are used. config is
 * borrowed until deinit.
 */
enum err_code validation_run(const struct worker_context *worker,
                             const struct connect_config *config, struct validation *out_validation,
                             struct err *e);
void validation_deinit(struct validation *v);

/* {"name","error_count","groups","configs"} */
void validation_write_json(const struct validation *v, struct buf *out);
/* "Connector configuration is invalid and contains the following 2 error(s):..." */
void validation_write_message(const struct validation *v, struct buf *out);
/* One definition object. */
void validation_write_definition(const struct connect_config_key *key, struct buf *out);
