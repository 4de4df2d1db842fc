#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/logger.h"
#include "common/mem.h"
#include "common/metrics.h"
#include "registry/registry_internal.h"
#include "registry/registry_record.h"
#include "serde/avro_schema.h"

#define REGISTRY_REGISTER_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define REGISTRY_REGISTER_ATTEMPTS 20

/* The versions that a new schema is held against, newest first. */
struct registry_olds {
    struct compatibility_old *items;
    struct avro_schema **schemas;
    size_t count;
};

static void registry_olds_free(struct registry_olds *olds)
{
    for (size_t i = 0; i < olds->count; i++) {
        avro_schema_unref(olds->schemas[i]);
    }
    mem_free(olds->schemas);
    mem_free(olds->items);
}

/* Live versions, the latest alone unless all are asked for; only = that one. Under the lock. */
static bool registry_olds_collect(struct registry *r, const struct registry_subject *subject,
                                  bool all, const struct registry_version *only,
                                  struct registry_olds *olds)
{
    size_t most = subject != NULL ? subject->count : 0;
    *olds = (struct registry_olds){.items = mem_calloc(most + 1, sizeof *olds->items),
                                   .schemas = mem_calloc(most + 1, sizeof(struct avro_schema *))};
    if (olds->items == NULL || olds->schemas == NULL) {
        return false;
    }
    for (size_t i = most; i > 0; i--) {
        const struct registry_version *v = &subject->versions[i - 1];
        if (only != NULL ? v != only : v->deleted) {
            continue;
        }
        struct avro_schema *schema = NULL;
        if (registry_content_is_avro(v->content) &&
            registry_store_parse(r->store, v->content, false, false, &schema, NULL) != ERR_OK) {
            schema = NULL; /* shown as a schema of another type: it cannot be compared */
        }
        olds->schemas[olds->count] = schema;
        olds->items[olds->count++] = (struct compatibility_old){schema, v->version};
        if (!all) {
            break;
        }
    }
    return true;
}

/* Findings against the subject's versions at its level; NULL with the answer made on failure. Under
 * the lock. */
static json_t *registry_register_findings(struct registry *r, const char *subject_name,
                                          const struct registry_version *only,
                                          const struct avro_schema *schema,
                                          struct registry_answer *a)
{
    enum compatibility_level level = registry_settings_level(r, subject_name);
    const struct registry_subject *subject = registry_store_subject(r->store, subject_name);
    json_t *messages = json_array();
    struct registry_olds olds = {0};
    struct err e = {.code = ERR_OK};
    bool done =
        messages != NULL &&
        (level == COMPATIBILITY_NONE ||
         registry_olds_collect(r, subject, only == NULL && compatibility_level_is_transitive(level),
                               only, &olds));
    if (!done) {
        (void)err_nomem(&e, "compatibility check");
    } else {
        done = compatibility_check(level, schema, olds.items, olds.count, messages, &e) == ERR_OK;
    }
    registry_olds_free(&olds);
    if (!done) {
        registry_answer_error(a, 500, "%s", e.text);
        json_decref(messages);
        return NULL;
    }
    return messages;
}

/* 409 with "details: [m1, m2]". */
static void registry_register_incompatible(const char *subject, const json_t *messages,
                                           struct registry_answer *a)
{
    struct buf list;
    buf_init(&list, REGISTRY_REGISTER_BYTES_MAX);
    for (size_t i = 0; i < json_array_size(messages); i++) {
        buf_printf(&list, "%s%s", i > 0 ? ", " : "",
                   json_string_value(json_array_get(messages, i)));
    }
    const char *text = buf_text(&list);
    registry_answer_error(a, 409,
                          "Schema being registered is incompatible with an earlier schema for "
                          "subject \"%s\", details: [%s]",
                          subject, text != NULL ? text : "");
    buf_deinit(&list);
}

/* Whether the mode of the subject allows it. Under the lock. */
static bool registry_register_allowed(const struct registry *r, const char *subject,
                                      const struct registry_candidate *c, struct registry_answer *a)
{
    const char *mode = registry_settings_mode(r, subject);
    const char *what = NULL;
    if (!registry_settings_writable(r, subject, a)) {
        return false;
    }
    if (c->id > 0 && strcmp(mode, "IMPORT") != 0) {
        what = "not in import mode";
    } else if (c->id <= 0 && strcmp(mode, "READWRITE") != 0) {
        what = "not in read-write mode";
    }
    if (what != NULL) {
        registry_answer_error(a, 42205, "Subject %s in context . is %s", subject, what);
    }
    return what == NULL;
}

struct registry_placement {
    int id;
    int version;
};

/* Id and version of a schema that is new to its subject. Under the lock. */
static bool registry_register_place(const struct registry *r, const char *subject_name,
                                    const struct registry_candidate *c, struct registry_answer *a,
                                    struct registry_placement *out)
{
    const struct registry_subject *subject = registry_store_subject(r->store, subject_name);
    int next = subject != NULL && subject->count > 0
                   ? subject->versions[subject->count - 1].version + 1
                   : 1;
    bool import = c->id > 0;
    if (c->version > 0 && c->version != next && !import) {
        registry_answer_error(a, 42201, "Version is not one more than previous version");
        return false;
    }
    int id = registry_store_id_of(r->store, c->content);
    if (import) {
        const struct registry_id *taken = registry_store_id(r->store, c->id);
        if (taken != NULL && strcmp(taken->content->hash, c->content->hash) != 0) {
            registry_answer_error(
                a, 42205, "Overwrite new schema with id %d in context . is not permitted.", c->id);
            return false;
        }
        id = c->id;
    } else if (id == 0) {
        id = registry_store_max_id(r->store) + 1;
    }
    *out = (struct registry_placement){id, import && c->version > 0 ? c->version : next};
    return true;
}

static void registry_register_any(void *ctx, const struct registry_subject *subject,
                                  const struct registry_version *v)
{
    (void)subject;
    (void)v;
    *(bool *)ctx = true;
}

/* The new record, and tombstones for older soft-deleted versions of the same id. Under the lock. */
static void registry_register_records(const struct registry *r, const char *name,
                                      const struct registry_candidate *c,
                                      struct registry_placement place, struct registry_batch *batch)
{
    struct buf key;
    struct buf value;
    buf_init(&key, REGISTRY_REGISTER_BYTES_MAX);
    buf_init(&value, REGISTRY_REGISTER_BYTES_MAX);
    registry_record_key(&key, "SCHEMA", name, place.version);
    registry_record_schema(&value, name, place.version, place.id, c->content, false);
    const char *value_text = buf_text(&value);
    const struct registry_subject *subject = registry_store_subject(r->store, name);
    const struct registry_version *replaced = registry_store_version(subject, place.version, true);
    if (replaced != NULL) { /* an import: it goes first, or the new one would be without effect */
        registry_batch_add(batch, replaced->key != NULL ? replaced->key : buf_text(&key), NULL);
    }
    registry_batch_add(batch, value_text != NULL ? buf_text(&key) : NULL, value_text);
    for (size_t i = 0; subject != NULL && i < subject->count; i++) {
        const struct registry_version *v = &subject->versions[i];
        bool referenced = false;
        if (v->deleted && v->id == place.id && v->version != place.version) {
            registry_store_each_referrer(r->store, name, v->version, registry_register_any,
                                         &referenced);
            if (!referenced) {
                buf_clear(&key);
                registry_record_key(&key, "SCHEMA", name, v->version);
                registry_batch_add(batch, v->key != NULL ? v->key : buf_text(&key), NULL);
            }
        }
    }
    buf_deinit(&key);
    buf_deinit(&value);
}

/* What a registration comes to: records to be written, or an answer that is made already. */
struct registry_decision {
    struct registry_batch batch;
    struct registry_placement place;
    char hash[REGISTRY_MD5_HEX_SIZE];
};

/* 409 when an older version stands against it. Under the lock. */
static bool registry_register_compatible(struct registry *r, const char *name,
                                         const struct registry_candidate *c,
                                         struct registry_answer *a)
{
    json_t *messages = registry_register_findings(r, name, NULL, c->schema, a);
    bool compatible = messages != NULL && json_array_size(messages) == 0;
    if (messages != NULL && !compatible) {
        registry_register_incompatible(name, messages, a);
    }
    json_decref(messages);
    return compatible;
}

/* A version that makes a new record needless, or NULL. A version number asks for a record of its
 * own; -1 stands for the latest version. Under the lock. */
static const struct registry_version *registry_register_same(const struct registry *r,
                                                             const char *name,
                                                             const struct registry_candidate *c)
{
    const struct registry_subject *subject = registry_store_subject(r->store, name);
    const struct registry_version *v = NULL;
    if (c->version == 0) {
        v = registry_request_find(r, subject, c, false);
    } else if (c->version < 0 || c->id > 0) {
        v = registry_store_version(subject, c->version, false);
        v = v != NULL && registry_request_matches(r, v, c) ? v : NULL;
    }
    return v != NULL && (c->id <= 0 || c->id == v->id) ? v : NULL;
}

/* Everything that needs the lock. True when there are records to be written. */
static bool registry_register_decide(struct registry *r, const char *name,
                                     const struct registry_candidate *c, bool force,
                                     struct registry_answer *a, struct registry_decision *out)
{
    bool import = c->id > 0;
    const struct registry_version *same = registry_register_same(r, name, c);
    if (same != NULL) {
        buf_printf(&a->body, "{\"id\":%d}", same->id);
        return false;
    }
    struct registry_placement place;
    if (!registry_register_allowed(r, name, c, a) ||
        (!force && !import && !registry_register_compatible(r, name, c, a)) ||
        !registry_register_place(r, name, c, a, &place)) {
        return false;
    }
    registry_register_records(r, name, c, place, &out->batch);
    out->place = place;
    memcpy(out->hash, c->content->hash, sizeof out->hash);
    return true;
}

/* One decision and its writing. True when there is something to write: it was, or a failure is
 * answered. */
static bool registry_register_attempt(struct registry *r, const struct registry_job *job,
                                      const char *name, const json_t *body,
                                      struct registry_answer *a, struct registry_decision *out)
{
    struct registry_candidate c;
    *out = (struct registry_decision){.place = {0, 0}};
    registry_store_lock_read(r->store);
    bool import = strcmp(registry_settings_mode(r, name), "IMPORT") == 0;
    const struct registry_candidate_how how = {
        .subject = name, .normalize = job->flags.normalize, .strict = !import, .previous = true};
    bool parsed = registry_request_schema(r, body, how, a, &c);
    bool write = parsed && registry_register_decide(r, name, &c, job->flags.force, a, out);
    registry_store_unlock(r->store);
    if (write) {
        (void)registry_writer_write(r, &out->batch, a);
    }
    if (parsed) {
        registry_candidate_free(&c);
    }
    return write;
}

/* Whether the record counts: another registry's may have been in front of it. */
static bool registry_register_won(struct registry *r, const char *name,
                                  const struct registry_decision *d)
{
    registry_store_lock_read(r->store);
    const struct registry_version *v =
        registry_store_version(registry_store_subject(r->store, name), d->place.version, true);
    bool won = v != NULL && v->id == d->place.id && strcmp(v->content->hash, d->hash) == 0;
    registry_store_unlock(r->store);
    return won;
}

/* Decides and writes until the decision stands. Another registry that writes at the same moment can
 * take the id or the version first; then everything is looked at anew. */
static void registry_register_settle(struct registry *r, const struct registry_job *job,
                                     const char *name, const json_t *body,
                                     struct registry_answer *a)
{
    for (int i = 0; i < REGISTRY_REGISTER_ATTEMPTS; i++) {
        struct registry_decision d;
        bool written = registry_register_attempt(r, job, name, body, a, &d);
        if (!written || a->failed) {
            return;
        }
        if (registry_register_won(r, name, &d)) {
            buf_printf(&a->body, "{\"id\":%d}", d.place.id);
            return;
        }
        metric_add(r->metrics.collisions, 1);
        logger_warn(r->lg, "registry.collision", "subject=\"%s\" version=%d id=%d attempt=%d", name,
                    d.place.version, d.place.id, i + 1);
        r->settle_due = true;
        registry_writer_back_off(r, i);
        if (!registry_writer_catch_up(r, a)) {
            return;
        }
    }
    registry_answer_error(a, 50301, "Another registry writes to %s at the same time; try again",
                          r->topic_name);
}

static void registry_register_run(struct registry *r, const struct registry_job *job,
                                  struct registry_answer *a)
{
    const char *name = registry_request_subject(job->rq, a);
    json_t *body = name != NULL ? registry_request_body(job->rq, a) : NULL;
    if (body != NULL) {
        registry_register_settle(r, job, name, body, a);
    }
    json_decref(body);
}

/* A schema that is there already is found without the writer: producers that start while the
 * cluster is away still get their ids. True = answered. */
static bool registry_register_known(struct registry *r, struct http_request *rq)
{
    struct registry_answer a;
    registry_answer_init(&a);
    bool known = false;
    const char *name = registry_request_subject(rq, &a);
    json_t *body = name != NULL ? registry_request_body(rq, &a) : NULL;
    if (body != NULL) {
        struct registry_candidate c;
        const struct registry_candidate_how how = {.subject = name,
                                                   .normalize =
                                                       http_request_query_bool(rq, "normalize"),
                                                   .strict = true,
                                                   .previous = true};
        registry_store_lock_read(r->store);
        if (registry_request_schema(r, body, how, &a, &c)) {
            const struct registry_version *v = registry_register_same(r, name, &c);
            known = v != NULL;
            if (known) {
                buf_printf(&a.body, "{\"id\":%d}", v->id);
            }
            registry_candidate_free(&c);
        }
        registry_store_unlock(r->store);
        json_decref(body);
    }
    if (known) {
        registry_respond(rq, &a);
    } else {
        registry_answer_deinit(&a); /* a refusal may be due to records not seen yet */
    }
    return known;
}

void registry_on_register(void *ctx, struct http_request *rq)
{
    if (!registry_register_known(ctx, rq)) {
        registry_writer_queue(ctx, rq, registry_register_run);
    }
}

/* Under the lock. An empty text is no schema's. */
static void registry_lookup_run(struct registry *r, const struct http_request *rq, const char *name,
                                const json_t *body, struct registry_answer *a)
{
    struct registry_flags flags = registry_request_flags(rq);
    const struct registry_subject *subject = registry_store_subject(r->store, name);
    const struct registry_version *v = NULL;
    if (!registry_request_is_empty(body)) {
        struct registry_candidate c;
        const struct registry_candidate_how how = {.subject = name, .normalize = flags.normalize};
        if (!registry_request_schema(r, body, how, a, &c)) {
            return;
        }
        v = registry_request_find(r, subject, &c, flags.deleted);
        registry_candidate_free(&c);
    }
    if (v != NULL) {
        registry_answer_version(r, rq, a, subject, v);
    } else if (!registry_store_has(subject, flags.deleted)) {
        registry_answer_error(a, 40401, "Subject '%s' not found.", name);
    } else {
        registry_answer_error(a, 40403, "Schema not found");
    }
}

void registry_on_lookup(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    const char *name = registry_request_subject(rq, &a);
    json_t *body = name != NULL ? registry_request_body(rq, &a) : NULL;
    if (body != NULL) {
        registry_store_lock_read(r->store);
        registry_lookup_run(r, rq, name, body, &a);
        registry_store_unlock(r->store);
        json_decref(body);
    }
    registry_respond(rq, &a);
}

/* {"is_compatible":..,"messages":[..]} */
static void registry_check_answer(struct registry_answer *a, const json_t *messages, bool verbose)
{
    buf_printf(&a->body, "{\"is_compatible\":%s",
               json_array_size(messages) == 0 ? "true" : "false");
    if (verbose && json_array_size(messages) > 0) {
        buf_append_text(&a->body, ",\"messages\":");
        json_write(&a->body, messages);
    }
    buf_append_char(&a->body, '}');
}

/* A schema that cannot be parsed is not compatible either: verbose callers are told so. */
static void registry_check_unparsable(struct registry_answer *a)
{
    json_t *fault = NULL;
    if (json_decode(buf_bytes(&a->body), NULL, &fault, NULL) != ERR_OK) {
        return;
    }
    json_t *messages = json_pack("[O]", json_object_get(fault, "message"));
    if (messages != NULL) {
        buf_clear(&a->body);
        a->status = 200;
        a->failed = false;
        registry_check_answer(a, messages, true);
    }
    json_decref(messages);
    json_decref(fault);
}

/* Under the lock. version 0 = all of the level. */
static void registry_check_run(struct registry *r, const char *name, int version,
                               const json_t *body, struct registry_flags flags,
                               struct registry_answer *a)
{
    const struct registry_subject *subject = registry_store_subject(r->store, name);
    const struct registry_version *only =
        version != 0 ? registry_store_version(subject, version, false) : NULL;
    if (version > 0 && only == NULL) {
        registry_answer_error(a, 40402, "Version %d not found.", version);
        return;
    }
    struct registry_candidate c;
    const struct registry_candidate_how how = {
        .subject = name, .normalize = flags.normalize, .strict = true};
    if (!registry_request_schema(r, body, how, a, &c)) {
        if (flags.verbose && a->status == 422) {
            registry_check_unparsable(a);
        }
        return;
    }
    json_t *messages = registry_register_findings(r, name, only, c.schema, a);
    if (messages != NULL) {
        registry_check_answer(a, messages, flags.verbose);
    }
    json_decref(messages);
    registry_candidate_free(&c);
}

static void registry_check(struct registry *r, struct http_request *rq, bool one)
{
    struct registry_answer a;
    registry_answer_init(&a);
    int version = 0;
    const char *name = registry_request_subject(rq, &a);
    bool ok = name != NULL && (!one || registry_request_version(rq, &a, &version));
    json_t *body = ok ? registry_request_body(rq, &a) : NULL;
    if (body != NULL) {
        registry_store_lock_read(r->store);
        registry_check_run(r, name, version, body, registry_request_flags(rq), &a);
        registry_store_unlock(r->store);
        json_decref(body);
    }
    registry_respond(rq, &a);
}

void registry_on_check_version(void *ctx, struct http_request *rq)
{
    registry_check(ctx, rq, true);
}

void registry_on_check_all(void *ctx, struct http_request *rq)
{
    registry_check(ctx, rq, false);
}
