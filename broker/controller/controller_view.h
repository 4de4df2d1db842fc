/*
 * How views are made (controller_view_* of controller.h are implemented next to it). A view and the
 * topics in it never change after they are published; both are counted.
 */
#pragma once

#include "broker/controller/cluster_state.h"
#include "broker/controller/controller.h"

/* Configs given at start; key and value NUL-terminated. */
struct controller_statics {
    struct controller_config *entries;
    size_t count;
};

/* A topic as readers see it: a deep copy, with one reference for the caller. The partitions start
 * as NULL. NULL when memory is short. */
struct topic *controller_view_create_topic(const struct cluster_topic *source);
void controller_view_unref_topic(struct topic *t);

/* A view of the state, in which each cluster_topic's owner_data is its struct topic (NULL: not
 * shown); one reference for the caller. statics is borrowed. NULL when memory is short. */
struct controller_view *controller_view_create(const struct cluster_state *s,
                                               const struct controller_statics *statics);
/* One more reference; the caller of controller_view_acquire gets it. */
void controller_view_ref(struct controller_view *view);
