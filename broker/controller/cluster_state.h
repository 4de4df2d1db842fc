/*
 * What the cluster is: identity, topics, configs, producer ids. A pure state machine: the same
 * commands in the same order give the same state; no clock, no disk, no randomness. Not
 * thread-safe: the controller thread owns it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "broker/controller/cluster_command.h"

#define CLUSTER_ID_LEN 22

/* Configs sorted by key; the state owns keys and values (NUL-terminated). */
struct cluster_configs {
    struct controller_config *entries;
    size_t count;
};

struct cluster_topic {
    struct bytes name; /* NUL-terminated */
    uint8_t id[CONTROLLER_ID_SIZE];
    int32_t partition_count;
    struct cluster_configs configs;
    void *owner_data; /* the controller's: what readers see of this topic */
};

struct cluster_state {
    char cluster_id[CLUSTER_ID_LEN + 1]; /* empty until the first IDENTITY */
    int32_t node_id;
    int64_t next_producer_id;
    struct cluster_topic **topics; /* sorted by name */
    size_t topic_count;
    size_t topic_capacity;
    struct cluster_configs node_configs;    /* dynamic, of this node */
    struct cluster_configs default_configs; /* dynamic, cluster-wide */
};

void cluster_state_init(struct cluster_state *s);
/* owner_data must be dealt with before. */
void cluster_state_deinit(struct cluster_state *s);

/* NULL when there is none. */
struct cluster_topic *cluster_state_find(const struct cluster_state *s, struct bytes name);
struct cluster_topic *cluster_state_find_id(const struct cluster_state *s,
                                            const uint8_t id[CONTROLLER_ID_SIZE]);
/* A topic whose name differs from this one only in '.' against '_', or NULL. */
const struct cluster_topic *cluster_state_find_collision(const struct cluster_state *s,
                                                         struct bytes name);

/* Carries out one command. A command that does not fit the state (CONFLICT) or that memory is too
 * short for (NOMEM) leaves it as it was. */
ERR_MUST_CHECK enum err_code
cluster_state_apply(struct cluster_state *s, const struct cluster_command *command, struct err *e);

/* Calls fn for the commands that rebuild this state from nothing, in order; stops at an error. */
typedef enum err_code (*cluster_state_emit_fn)(void *ctx, const struct cluster_command *command,
                                               struct err *e);
ERR_MUST_CHECK enum err_code cluster_state_dump(const struct cluster_state *s,
                                                cluster_state_emit_fn fn, void *ctx, struct err *e);
