/* The store as its looking (registry_store.c) and its replay (registry_apply.c) share it. */
#pragma once

#include <pthread.h>

#include "registry/registry_store.h"

struct registry_store {
    pthread_rwlock_t lock;
    struct registry_subject **subjects; /* by name */
    size_t subject_count;
    size_t subject_capacity;
    struct registry_id *ids; /* ascending */
    size_t id_count;
    size_t id_capacity;
    json_t *hashes;    /* content hash -> id */
    json_t *unsettled; /* key of a record -> [subject, version, offset] */
    size_t referrers;  /* versions that have references */
    int max_id;        /* ever seen, deleted ones included: ids are not given twice */
};

struct registry_store_parse_how {
    bool strict;
    bool live_only;
    unsigned depth;
    unsigned *left; /* references that may still be followed: those of references multiply */
};

/* Where a subject or an id is, or belongs. */
size_t registry_store_subject_place(const struct registry_store *s, const char *name);
/* Whether the version's record has that key. */
bool registry_store_has_key(const char *subject, const struct registry_version *v, const char *key);
size_t registry_store_id_place(const struct registry_store *s, int id);
