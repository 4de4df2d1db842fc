/*
 * What the config topic says about one connector: an immutable, counted snapshot, shared by the
 * store, the herder and REST answers. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "connect/include/connect_config.h"

enum connector_state_target {
    CONNECTOR_STATE_STARTED,
    CONNECTOR_STATE_PAUSED,
    CONNECTOR_STATE_STOPPED,
};

struct connector_state {
    char *name;
    struct connect_config config;
    int64_t config_version; /* of the connector's own record: changes with every write of it */
    enum connector_state_target target;
    struct connect_config_set tasks;
    int64_t tasks_version; /* of the last commit */
    bool consistent;       /* false: the task configs are torn, do not run them */
    _Atomic uint32_t ref_count;
};

/* Copies everything; NULL when memory is short. from may be NULL: an empty one. */
struct connector_state *connector_state_create(const char *name,
                                               const struct connector_state *from);
const struct connector_state *connector_state_ref(const struct connector_state *s);
/* NULL is fine. */
void connector_state_unref(const struct connector_state *s);

/* "STARTED", static. */
const char *connector_state_target_word(enum connector_state_target target);
/* Any case; "RUNNING" is STARTED. */
bool connector_state_target_parse(const char *text, enum connector_state_target *out_target);

/* References to some connectors' states. */
struct connector_state_list {
    const struct connector_state **items;
    size_t count;
};
void connector_state_list_deinit(struct connector_state_list *list);
