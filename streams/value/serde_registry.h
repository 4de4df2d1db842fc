/*
 * Where the Avro serde gets schemas and ids: a schema registry, or a table in memory (test driver).
 * One per stream thread: compiled schemas and ids are looked up without a lock. Values of a record
 * point into compiled schemas, which live as long as this.
 */
#pragma once

#include "common/err.h"
#include "streams/value/value.h"

struct avro_schema;
struct avro_type;
struct registry_client;
struct serde_registry;

/* A type with its fields' names ready for struct weir_value, and its parts likewise. */
struct serde_shape {
    const struct avro_type *type;
    const struct bytes *names;           /* of a record's fields */
    const struct serde_shape **children; /* fields, branches, or the one type of items */
    size_t child_count;
    struct serde_shape *next; /* all shapes of a schema */
};

struct serde_registry_config {
    struct registry_client *client; /* borrowed; NULL: in memory */
    /* Called before a call is tried again because no registry answered: waits a little. False ends
     * the attempts. NULL: never try again. */
    bool (*wait)(void *wait_ctx, int attempt);
    void *wait_ctx;
};

enum err_code serde_registry_create(const struct serde_registry_config *config,
                                    struct serde_registry **out_registry, struct err *e);
/* NULL is fine. */
void serde_registry_destroy(struct serde_registry *r);
/* The compiled schema of an id. ERR_UNAVAILABLE and ERR_TIMEOUT at once, without waiting. */
enum err_code serde_registry_shape(struct serde_registry *r, int32_t id,
                                   const struct serde_shape **out_shape, struct err *e);
/* The id of a type under the subject of topic and side; registers it on first use, and waits for a
 * registry that is away. */
enum err_code serde_registry_id(struct serde_registry *r, const struct avro_type *type,
                                const char *topic, bool is_key, int32_t *out_id, struct err *e);
/* Compiles a schema into the arena; the schema must outlive it. NULL when out of memory, or nested
 * too deeply. */
const struct serde_shape *serde_registry_compile(struct arena *arena,
                                                 const struct avro_schema *schema);
