/* What task.c (queues, times) and task_nodes.c (operators) share. */
#pragma once

#include "streams/task/task.h"

struct task_input {
    const struct topology_node *source;
    char *topic; /* owned */
    struct task_record *ring;
    size_t capacity; /* a power of two */
    size_t first;
    size_t count;
    struct arena arena; /* of the head, decoded */
    bool decoded;
    const struct weir_value *key;
    const struct weir_value *value;
    int64_t timestamp_ms; /* of the head, extracted */
    int64_t partition_time_ms;
    int64_t position; /* behind the last record taken or skipped; -1: nothing read */
    bool resumed;
    int64_t lag; /* -1: not known */
    int64_t
        idle_since_ms; /* when it was first seen empty with nothing left to read; -1: it is not */
};

struct task_node_state {
    struct store *store;
    char *topic; /* of a sink, as the cluster knows it; owned */
    int64_t operator_time_ms;
    struct buf key;     /* of the store */
    struct buf value;   /* likewise */
    struct arena arena; /* of what its cache lets go */
};

/* Who sends on what the cache of a store lets go. */
struct task_node_forward {
    struct task *task;
    const struct topology_node *node;
};

struct task {
    struct task_config config;
    struct weir_context ctx;
    struct arena scratch;
    struct task_input *inputs;
    size_t input_count;
    struct task_node_state *nodes; /* by node index of the topology */
    struct store **stores;
    struct task_node_forward *forwards; /* by store */
    size_t store_count;
    struct buf sink_key;
    struct buf sink_value;
    bool progressed;
    int64_t dropped_logged;
};

/* A record between nodes. The context holds the rest of what belongs to it. */
struct task_item {
    const struct weir_value *key;
    const struct weir_value *value;
    int64_t timestamp_ms;
};

/* Runs the node and all behind it. A failure is in the context. */
void task_nodes_run(struct task *t, const struct topology_node *n, const struct task_item *item);
void task_nodes_forward(struct task *t, const struct topology_node *n,
                        const struct task_item *item);
/* A store_forward_fn; ctx is the struct task_node_forward of the store's owner. */
enum err_code task_nodes_let_go(void *ctx, struct bytes key, struct bytes value,
                                const struct record_cache_origin *origin, struct err *e);
/* Counts a dropped record and says why, now and then. */
void task_drop(struct task *t, const char *where, const char *why);
