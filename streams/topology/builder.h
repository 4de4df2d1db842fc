/*
 * The DSL's handles and what its files share: names and numbers as the original burns them.
 * One counter per builder serves nodes and stores.
 */
#pragma once

#include "streams/topology/topology.h"

struct weir_builder {
    struct weir_topology *topology; /* NULL once built */
    unsigned counter;
    bool failed;
    struct err err;
};

struct weir_stream {
    struct weir_builder *builder;
    struct topology_node *node;
    const struct weir_serde *key; /* NULL: not known */
    const struct weir_serde *value;
    bool rekeyed;                      /* the original's repartition-needed flag */
    struct weir_stream *repartitioned; /* by the first join behind it; the others use it too */
};

struct weir_table {
    struct weir_builder *builder;
    struct topology_node *node;
    struct topology_store *store; /* of a source table: attached to its node once it is needed */
    const struct weir_serde *key;
    const struct weir_serde *value;
};

struct weir_grouped {
    struct weir_stream *stream;
    const struct weir_serde *key;
    const struct weir_serde *value;
    const char *name;
    struct weir_stream *repartitioned; /* when it has a name, for all its aggregations */
};

struct weir_windowed {
    struct weir_grouped *grouped;
    struct weir_windows windows;
};

/* False when b is NULL or has failed. */
bool builder_usable(const struct weir_builder *b);
/* Remembers the first failure. */
void builder_fail(struct weir_builder *b, enum err_code code, const char *fmt, ...)
    ERR_PRINTF(3, 4);
/* Zeroed memory that lives as long as the topology; NULL fails the builder. */
void *builder_alloc(struct weir_builder *b, size_t size);
char *builder_strdup(struct weir_builder *b, const char *text);
/* "<prefix>0000000042"; burns a number. */
const char *builder_next_name(struct weir_builder *b, const char *prefix);
/* A node below parent (NULL: none). NULL fails the builder. */
struct topology_node *builder_add_node(struct weir_builder *b, enum topology_kind kind,
                                       const char *name, struct topology_node *parent);
struct weir_stream *builder_stream_of(struct weir_builder *b, struct topology_node *node);
/* Checks a topic's name; false fails the builder. */
bool builder_check_topic(struct weir_builder *b, const char *topic);
/* Calls a node what the user calls it; false fails the builder. */
bool builder_rename_node(struct weir_builder *b, struct topology_node *node, const char *name);
/* Puts a repartition topic behind s and returns the stream that reads it. made (may be NULL): what
 * an earlier call returned, to be used again; numbers are burned all the same. */
struct weir_stream *builder_repartition(struct weir_stream *s, const char *base_name,
                                        const struct weir_serde *key,
                                        const struct weir_serde *value, struct weir_stream *made);
