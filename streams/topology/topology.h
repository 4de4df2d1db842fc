/*
 * The topology: nodes, stores and how they hang together. Built by builder.c, fixed afterwards and
 * shared by all threads. Pure: no clock, no network. All memory is one arena.
 */
#pragma once

#include "streams/include/weir/streams.h"
#include "streams/value/stream_serde.h"

/* Limits: a topology is code, these only stop a runaway loop. */
#define TOPOLOGY_ARENA_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define TOPOLOGY_NODES_MAX 4096

enum topology_kind {
    TOPOLOGY_SOURCE,
    TOPOLOGY_SINK,
    TOPOLOGY_FILTER,
    TOPOLOGY_MAP,
    TOPOLOGY_SELECT_KEY,
    TOPOLOGY_MAP_VALUES,
    TOPOLOGY_FLAT_MAP_VALUES,
    TOPOLOGY_PEEK,
    TOPOLOGY_MERGE,
    TOPOLOGY_NULL_KEY_FILTER, /* before a repartition topic */
    TOPOLOGY_TABLE_SOURCE,
    TOPOLOGY_TO_STREAM,
    TOPOLOGY_AGGREGATE,
    TOPOLOGY_WINDOW_AGGREGATE,
    TOPOLOGY_JOIN_TABLE
};

enum topology_fold { TOPOLOGY_COUNT, TOPOLOGY_REDUCE, TOPOLOGY_FOLD };

struct topology_list {
    struct topology_node **items;
    size_t count;
    size_t capacity;
};

struct topology_store {
    const char *name;
    size_t index;
    int sub; /* sub-topology */
    bool windowed;
    bool caching;
    bool logging;
    bool in_memory;
    int64_t retention_ms;
    int64_t window_size_ms;
    const struct weir_serde *key; /* inner key of a windowed store; NULL: of the config */
    const struct weir_serde *value;
    struct topology_node *owner; /* writes it; its children get what the cache lets go */
    struct topology_store *next;
};

struct topology_node {
    enum topology_kind kind;
    const char *name;
    size_t index;
    int sub;
    struct topology_list parents;
    struct topology_list children;
    struct topology_store *store; /* of tables, aggregations, and the table side of a join */
    /* Sources and sinks. */
    const char **topics; /* one of a sink */
    size_t topic_count;
    bool repartition; /* the topic is internal: its name gets the application's prefix */
    const struct weir_serde *key;
    const struct weir_serde *value;
    enum weir_timestamps timestamps;
    weir_timestamp_fn timestamp;
    /* Callbacks: one, by kind. */
    union {
        weir_predicate_fn predicate;
        weir_mapper_fn map;
        weir_value_mapper_fn map_values;
        weir_flat_mapper_fn flat_map;
        weir_action_fn action;
        weir_joiner_fn joiner;
        struct {
            enum topology_fold fold;
            weir_initializer_fn init;
            weir_aggregator_fn aggregate;
            weir_reducer_fn reduce;
        } agg;
    } fn;
    void *user;
    bool negate; /* filterNot */
    bool left;   /* left join */
    struct weir_windows windows;
    struct topology_node *next; /* in order of creation */
};

struct topology_schema; /* a parsed schema to be freed with the topology: value/serde_avro.c */

struct weir_topology {
    struct arena arena;
    struct topology_node *first;
    struct topology_node *last;
    size_t node_count;
    struct topology_store *stores;
    struct topology_store *last_store;
    size_t store_count;
    int sub_count;
    struct topology_schema *schemas;
};

/* NULL when out of memory. Freed with weir_topology_destroy. */
struct weir_topology *topology_create(void);
/* A node behind the others; name is borrowed and must live in the arena. NULL when out of memory
 * or above the limit. */
struct topology_node *topology_add_node(struct weir_topology *t, enum topology_kind kind,
                                        const char *name);
struct topology_store *topology_add_store(struct weir_topology *t, const char *name);
/* False when out of memory. */
bool topology_connect(struct weir_topology *t, struct topology_node *parent,
                      struct topology_node *child);
/* Numbers the sub-topologies: connected over edges and shared stores, by first node. */
void topology_number_subs(struct weir_topology *t);
/* The source node that reads a topic, or NULL. */
struct topology_node *topology_source_of(const struct weir_topology *t, const char *topic);
/* NULL when there is none. */
struct topology_store *topology_find_store(const struct weir_topology *t, const char *name);
/* Sets every serde that is still NULL. An error names the node that has none. */
enum err_code topology_default_serdes(struct weir_topology *t, const struct weir_serde *key,
                                      const struct weir_serde *value, struct err *e);
/* Interval of a windowed store's segments: half the retention, at least a minute. */
int64_t topology_segment_interval(const struct topology_store *s);
