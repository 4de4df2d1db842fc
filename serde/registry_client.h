/*
 * A client of any Confluent-compatible schema registry, over libcurl, with a cache both ways: a
 * schema is registered once and fetched once. Any thread; calls block for at most the time limit of
 * the configuration for each URL that is tried. Several URLs are tried in turn, starting with the
 * one that worked last.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

struct avro_schema;
struct registry_client;

struct registry_client_config {
    const char *urls;      /* comma-separated; http://user:password@host:port works too */
    const char *user_info; /* "user:password" for basic authentication, or NULL */
    int timeout_ms;        /* 0 = 30000: a whole call */
    size_t cache_count;    /* 0 = 1000 schemas */
    /* Optional, asked about once a second while a call waits: true ends it with ERR_CANCELLED.
     * Called on the threads that call. */
    bool (*cancelled)(void *ctx);
    void *ctx;
    /* Optional, after each exchange, on the thread that calls; status 0: no answer. The URL is
     * shown without user and password. */
    void (*trace)(const char *method, const char *url, long status);
    /* For https:// URLs; NULL: the system's authorities, no certificate of our own. Copied. */
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    bool insecure; /* any certificate will do */
};

/* What the registry answered to a refused call; code 0 = no answer (see the err). */
struct registry_client_fault {
    int http_status;
    int error_code; /* 40401, 40901, ... */
};

enum registry_client_naming {
    REGISTRY_CLIENT_TOPIC_NAME,
    REGISTRY_CLIENT_RECORD_NAME,
    REGISTRY_CLIENT_TOPIC_RECORD_NAME,
};

enum err_code registry_client_create(const struct registry_client_config *config,
                                     struct registry_client **out_client, struct err *e);
void registry_client_destroy(struct registry_client *c);

/*
 * The id of a schema text under a subject. out_fault may be NULL. Errors: ERR_UNAVAILABLE (no
 * registry answered), ERR_TIMEOUT, ERR_AUTH (401, 403), ERR_NOT_FOUND (404), ERR_CONFLICT
 * (incompatible), ERR_INVALID (other 4xx), ERR_IO (5xx); the text carries the registry's own.
 */
enum err_code registry_client_register(struct registry_client *c, const char *subject,
                                       const char *schema_text, int32_t *out_id,
                                       struct registry_client_fault *out_fault, struct err *e);
/* As register, but the schema must be there already. */
enum err_code registry_client_lookup(struct registry_client *c, const char *subject,
                                     const char *schema_text, int32_t *out_id,
                                     struct registry_client_fault *out_fault, struct err *e);
/* The Avro schema of an id (references resolved); a new reference, avro_schema_unref. */
enum err_code registry_client_schema(struct registry_client *c, int32_t id,
                                     struct avro_schema **out_schema,
                                     struct registry_client_fault *out_fault, struct err *e);
/* Any other call, uncached. path begins with "/" and is already percent-encoded; body NULL = none.
 */
struct registry_client_request {
    const char *method;
    const char *path;
    const char *body;
};
/* The raw answer is the caller's (mem_free). A refusal is an error with the fault filled. */
enum err_code registry_client_call(struct registry_client *c,
                                   const struct registry_client_request *request, char **out_body,
                                   struct registry_client_fault *out_fault, struct err *e);

/* The last part of the Java class name, or all of it: "TopicNameStrategy". */
enum err_code registry_client_naming_parse(const char *text,
                                           enum registry_client_naming *out_naming, struct err *e);
/* "<topic>-value" and so on; mem_free. record_name may be NULL for TOPIC_NAME. NULL = out of
 * memory. */
char *registry_client_subject(enum registry_client_naming naming, const char *topic, bool is_key,
                              const char *record_name);
