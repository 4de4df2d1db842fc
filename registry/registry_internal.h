/*
 * The registry as its files share it.
 *
 * Threads: HTTP threads answer what only looks at the store. Everything that writes to the topic
 * goes through one queue to the writer thread, which looks, writes, waits until the reader thread
 * of the topic has applied the records, and answers: so no two writes of this process can disagree.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include <jansson.h>

#include "client/client_config.h"
#include "client/compacted_topic.h"
#include "common/err.h"
#include "common/http_request.h"
#include "common/lock.h"
#include "registry/compatibility.h"
#include "registry/registry.h"
#include "registry/registry_answer.h"
#include "registry/registry_store.h"

#define REGISTRY_SUBJECT_MAX 16384

/* The query parameters of a call, read before it waits. */
struct registry_flags {
    bool normalize;
    bool deleted;
    bool permanent;
    bool force;
    bool verbose;
    bool default_to_global;
    bool recursive;
};

struct registry_job;
typedef void (*registry_job_fn)(struct registry *r, const struct registry_job *job,
                                struct registry_answer *a);

struct registry_job {
    struct registry_job *next;
    struct http_request *rq;
    struct registry_flags flags;
    int64_t queued_ns;
    registry_job_fn run;
};

/* All may be NULL. */
struct registry_metrics {
    struct metrics *registry;
    struct metric *requests[6]; /* by the first digit of the status */
    struct metric *duration;
    struct metric *schemas;
    struct metric *subjects;
    struct metric *write_failures;
    struct metric *collisions;
    struct metric *skipped;
};

struct registry {
    struct logger *lg;
    struct http_server *http;
    struct client_config client;
    struct compacted_topic *topic;
    struct registry_store *store;
    struct registry_metrics metrics;
    enum compatibility_level default_level;
    int write_timeout_ms;
    char *topic_name;
    _Atomic bool live; /* the topic has been read to its end */
    bool end_unknown;  /* writer thread: a write failed, its fate is open */
    struct err outage; /* writer thread: why the cluster was of no use the last time, or ERR_OK */
    bool settle_due;   /* writer thread: there may be unsettled keys */

    struct lock lock; /* the queue */
    struct cond queued;
    struct registry_job *first;
    struct registry_job *last;
    size_t job_count;
    bool stopping;
    bool writer_running;
    pthread_t writer;
};

/* registry_writer.c */
enum err_code registry_writer_start(struct registry *r, struct err *e);
/* Ends when the queue is empty. */
void registry_writer_stop(struct registry *r);
/* Queues a call for the writer thread; answers it at once when the queue is full. */
void registry_writer_queue(struct registry *r, struct http_request *rq, registry_job_fn run);
/* Records to be written in one go; freed by registry_writer_write. */
#define REGISTRY_WRITER_BATCH_MAX 1000000
struct registry_batch {
    struct compacted_topic_write *writes;
    size_t count;
    size_t capacity;
    bool failed; /* out of memory */
};
/* Key and value are copied. value NULL: a tombstone. */
void registry_batch_add(struct registry_batch *b, const char *key, const char *value);
/* Marks the record that was added last as settling (registry_settle.h); offset is copied. */
void registry_batch_mark(struct registry_batch *b, const char *offset);
/* Frees what was added and not written. */
void registry_batch_free(struct registry_batch *b);
/* Writes and waits until they are applied; false, with the answer made, when the cluster refused.
 * Writer thread. */
bool registry_writer_write(struct registry *r, struct registry_batch *batch,
                           struct registry_answer *a);
/* Lets another registry go ahead after this one lost for the given time in a row: up to 100 ms,
 * by chance. Writer thread. */
void registry_writer_back_off(struct registry *r, int losses);
/* Before a decision is taken: brings the store to the topic's end, whoever wrote there. As above.
 */
bool registry_writer_catch_up(struct registry *r, struct registry_answer *a);

/* registry_metrics.c; create before the port is open, remove before the store goes. */
void registry_metrics_init(struct registry *r, struct metrics *metrics);
void registry_metrics_deinit(struct registry *r);
void registry_metrics_observe(void *ctx, const char *method, const char *route, unsigned status,
                              int64_t duration_ns);

/* registry_request.c: each makes the answer and returns NULL or false when the request is refused.
 */
struct registry_flags registry_request_flags(const struct http_request *rq);
/* {subject}, an unqualified name. */
const char *registry_request_subject(const struct http_request *rq, struct registry_answer *a);
/* {version}; -1 = latest. */
bool registry_request_version(const struct http_request *rq, struct registry_answer *a,
                              int *out_version);
/* A query parameter that is an integer; *out keeps its value when absent. HTTP thread. */
bool registry_request_number(const struct http_request *rq, struct registry_answer *a,
                             const char *name, int *out);
/* The body, an object; the caller's (json_decref). */
json_t *registry_request_body(const struct http_request *rq, struct registry_answer *a);

/* A schema of a request: parsed, in canonical text. */
struct registry_candidate {
    struct registry_content *content;
    struct avro_schema *schema;
    int id;      /* given by the caller, or 0 */
    int version; /* given by the caller, or 0 */
};
struct registry_candidate_how {
    const char *subject;
    bool normalize;
    bool strict;   /* a new schema: names and defaults are checked */
    bool previous; /* an empty text stands for the latest version */
};
/* Under the store's read lock. */
bool registry_request_schema(struct registry *r, const json_t *body,
                             struct registry_candidate_how how, struct registry_answer *a,
                             struct registry_candidate *out_candidate);
/* Whether the body has no schema text to speak of. */
bool registry_request_is_empty(const json_t *body);
void registry_candidate_free(struct registry_candidate *c);
/* The highest version with the same content, else the newest one that says the same. Live ones
 * alone, unless deleted. Under the lock. */
const struct registry_version *registry_request_find(const struct registry *r,
                                                     const struct registry_subject *subject,
                                                     const struct registry_candidate *c,
                                                     bool deleted);
/* Whether the version has the same content, or says the same in other words. Under the lock. */
bool registry_request_matches(const struct registry *r, const struct registry_version *v,
                              const struct registry_candidate *c);

/* registry_settings.c, under the store's lock */
enum compatibility_level registry_settings_level(const struct registry *r, const char *subject);
bool registry_settings_normalize(const struct registry *r, const char *subject);
const char *registry_settings_mode(const struct registry *r, const char *subject);
/* False, with the answer made, in a read-only mode. */
bool registry_settings_writable(const struct registry *r, const char *subject,
                                struct registry_answer *a);

/* registry_delete.c, under the store's lock */
/* Adds a tombstone under the key that the record has, when it is not ours. */
void registry_delete_add(struct registry_batch *batch, const char *keytype, const char *subject,
                         int version, const char *own_key);
/* Whether any version, deleted ones included, refers to it; then the answer is made. */
bool registry_delete_referenced(const struct registry *r, const char *subject, int version,
                                struct registry_answer *a);

/* Sends the answer and frees it. */
void registry_respond(struct http_request *rq, struct registry_answer *a);
/* {"subject":..,"version":..,"id":..,"schema":..} */
void registry_write_version(struct buf *b, const struct registry_subject *subject,
                            const struct registry_version *v);
/* The same as the answer to a request, whose ?format= counts. Under the lock; HTTP thread. */
void registry_answer_version(const struct registry *r, const struct http_request *rq,
                             struct registry_answer *a, const struct registry_subject *subject,
                             const struct registry_version *v);

/* Before every handler: answers until the store is complete. True = answered. */
bool registry_filter(void *ctx, struct http_request *rq);

/* Handlers, by file; see the table in registry.c. */
/* registry_read.c */
void registry_on_schemas(void *ctx, struct http_request *rq);
void registry_on_id(void *ctx, struct http_request *rq);
void registry_on_id_text(void *ctx, struct http_request *rq);
void registry_on_id_subjects(void *ctx, struct http_request *rq);
void registry_on_id_versions(void *ctx, struct http_request *rq);
void registry_on_subjects(void *ctx, struct http_request *rq);
void registry_on_versions(void *ctx, struct http_request *rq);
void registry_on_version(void *ctx, struct http_request *rq);
void registry_on_version_text(void *ctx, struct http_request *rq);
void registry_on_referenced_by(void *ctx, struct http_request *rq);
void registry_on_metadata(void *ctx, struct http_request *rq);
void registry_on_guid(void *ctx, struct http_request *rq);
void registry_on_guid_ids(void *ctx, struct http_request *rq);
/* registry_about.c */
void registry_on_root(void *ctx, struct http_request *rq);
void registry_on_types(void *ctx, struct http_request *rq);
void registry_on_contexts(void *ctx, struct http_request *rq);
void registry_on_metadata_id(void *ctx, struct http_request *rq);
void registry_on_metadata_version(void *ctx, struct http_request *rq);
void registry_on_metadata_deployment(void *ctx, struct http_request *rq);
void registry_on_ready(void *ctx, struct http_request *rq);
/* registry_register.c */
void registry_on_register(void *ctx, struct http_request *rq);
void registry_on_lookup(void *ctx, struct http_request *rq);
void registry_on_check_version(void *ctx, struct http_request *rq);
void registry_on_check_all(void *ctx, struct http_request *rq);
/* registry_delete.c */
void registry_on_delete_subject(void *ctx, struct http_request *rq);
void registry_on_delete_version(void *ctx, struct http_request *rq);
/* registry_settings.c */
void registry_on_get_config(void *ctx, struct http_request *rq);
void registry_on_put_config(void *ctx, struct http_request *rq);
void registry_on_delete_config(void *ctx, struct http_request *rq);
void registry_on_get_subject_config(void *ctx, struct http_request *rq);
void registry_on_put_subject_config(void *ctx, struct http_request *rq);
void registry_on_delete_subject_config(void *ctx, struct http_request *rq);
void registry_on_get_mode(void *ctx, struct http_request *rq);
void registry_on_put_mode(void *ctx, struct http_request *rq);
void registry_on_delete_mode(void *ctx, struct http_request *rq);
void registry_on_get_subject_mode(void *ctx, struct http_request *rq);
void registry_on_put_subject_mode(void *ctx, struct http_request *rq);
void registry_on_delete_subject_mode(void *ctx, struct http_request *rq);
