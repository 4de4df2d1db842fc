/*
 * What the registry knows: a replay of the records in _schemas, in their order. Changed by
 * registry_store_apply alone (the reader thread of the topic); everyone else looks.
 *
 * Threads: one read-write lock. A caller holds it for reading around every look and everything that
 * it borrowed; apply takes it for writing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/bytes.h"
#include "common/err.h"
#include "registry/registry_md5.h"

struct avro_schema;
struct buf;
struct http_request_shared;
struct registry_store;

/* A schema as it was registered; immutable, counted. */
struct registry_content {
    _Atomic int refs;
    char *text;
    char *type;         /* "AVRO", "JSON", "PROTOBUF" */
    json_t *references; /* array of {name, subject, version}, or NULL */
    json_t *metadata;   /* as it was stored, or NULL */
    json_t *rule_set;
    char hash[REGISTRY_MD5_HEX_SIZE]; /* hex of the MD5 that finds duplicates */
};

struct registry_version {
    int version;
    int id;
    bool deleted;
    struct registry_content *content;
    char *key;      /* of its record, when it is not the one that we write; else NULL */
    int64_t offset; /* of its record */
};

struct registry_subject {
    char *name;                        /* "" = the global settings */
    struct registry_version *versions; /* ascending */
    size_t count;
    json_t *config; /* the stored object, or NULL */
    char *config_key;
    char *mode; /* or NULL */
    char *mode_key;
};

/* An id: the content that has it, and its answer, made once. */
struct registry_id {
    int id;
    struct registry_content *content;
    struct http_request_shared *answer;
    unsigned
        uses; /* versions that have it, soft-deleted ones included; without any it is forgotten */
};

/* text and type are copied, the JSON is shared. NULL = out of memory. */
struct registry_content *registry_content_create(const char *text, const char *type,
                                                 json_t *references, json_t *metadata,
                                                 json_t *rule_set);
struct registry_content *registry_content_ref(struct registry_content *c);
void registry_content_unref(struct registry_content *c);
bool registry_content_is_avro(const struct registry_content *c);
/* "schemaType":..,"references":..,"metadata":..,"ruleSet":..,"schema":TEXT; absent ones, and the
 * type AVRO, left out. */
void registry_content_write(const struct registry_content *c, struct buf *b);

struct registry_store *registry_store_create(void);
void registry_store_destroy(struct registry_store *s);
void registry_store_lock_read(struct registry_store *s);
void registry_store_unlock(struct registry_store *s);

#define REGISTRY_STORE_NOT_SETTLING (-1)
struct registry_store_record {
    struct bytes key;
    struct bytes value;
    int64_t offset;
    int64_t settles; /* the offset of the record that it settles (registry_settle.h), or
                        REGISTRY_STORE_NOT_SETTLING */
};

/* Takes one record. ERR_PARSE when it cannot be understood (it is then without effect);
 * ERR_CONFLICT when its id or its version belongs to another schema: the first record counts, and
 * the key of this one is unsettled. Takes the lock. */
enum err_code registry_store_apply(struct registry_store *s,
                                   const struct registry_store_record *record, struct err *e);

/* Under the lock, borrowed: */
/* Subjects in the order of their names, settings-only ones and "" among them. */
const struct registry_subject *registry_store_subject_at(const struct registry_store *s, size_t i);
size_t registry_store_subject_count(const struct registry_store *s);
/* NULL when nothing is known of it. "" finds the global settings. */
const struct registry_subject *registry_store_subject(const struct registry_store *s,
                                                      const char *name);
/* Any version, live or (if deleted) soft-deleted. */
bool registry_store_has(const struct registry_subject *subject, bool deleted);
/* version -1: the highest live one. NULL when there is none, or it is deleted and deleted is not
 * asked for. */
const struct registry_version *registry_store_version(const struct registry_subject *subject,
                                                      int version, bool deleted);
const struct registry_id *registry_store_id(const struct registry_store *s, int id);
size_t registry_store_id_count(const struct registry_store *s);
/* The id of a content, or 0. */
int registry_store_id_of(const struct registry_store *s, const struct registry_content *content);
/* The id of the content with that hash (hex), or 0. */
int registry_store_id_of_hash(const struct registry_store *s, const char *hash);
/* Keys whose last record in the topic is not what counts; see registry_settle.h. */
bool registry_store_is_settled(const struct registry_store *s);
/* Calls each for every unsettled key, with the version that it should tell, or NULL for none. */
void registry_store_each_unsettled(const struct registry_store *s,
                                   void (*each)(void *ctx, const char *key, int64_t offset,
                                                const char *subject,
                                                const struct registry_version *version),
                                   void *ctx);
int registry_store_max_id(const struct registry_store *s);
/* Calls each for every version that refers to subject and version (0 = any version). */
void registry_store_each_referrer(const struct registry_store *s, const char *subject, int version,
                                  void (*each)(void *ctx, const struct registry_subject *subject,
                                               const struct registry_version *version),
                                  void *ctx);

#define REGISTRY_STORE_REFERENCE_DEPTH 20

/* Parses a content with what it refers to. ERR_PARSE with Java's text, or "No schema reference
 * found for subject ...". live_only: referenced versions must not be deleted. Under the lock. */
enum err_code registry_store_parse(const struct registry_store *s,
                                   const struct registry_content *content, bool strict,
                                   bool live_only, struct avro_schema **out_schema, struct err *e);
