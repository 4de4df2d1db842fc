#include <string.h>

#include "registry/registry_internal.h"
#include "registry/registry_record.h"

#define REGISTRY_DELETE_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* Who else refers to what is to go. */
struct registry_blockers {
    const char *except; /* a subject whose own references do not count, or NULL */
    bool deleted;       /* soft-deleted referrers count too */
    bool found;
};

static void registry_delete_blocker(void *ctx, const struct registry_subject *subject,
                                    const struct registry_version *v)
{
    struct registry_blockers *blockers = ctx;
    bool own = blockers->except != NULL && strcmp(blockers->except, subject->name) == 0;
    if (!own && (blockers->deleted || !v->deleted)) {
        blockers->found = true;
    }
}

static bool registry_delete_blocked(const struct registry *r, const char *subject, int version,
                                    struct registry_blockers blockers, struct registry_answer *a)
{
    registry_store_each_referrer(r->store, subject, version, registry_delete_blocker, &blockers);
    if (blockers.found) {
        registry_answer_error(a, 42206,
                              "One or more references exist to the schema "
                              "{magic=1,keytype=SCHEMA,subject=%s,version=%d}.",
                              subject, version);
    }
    return blockers.found;
}

static bool registry_delete_allowed(const struct registry *r, const char *subject,
                                    struct registry_answer *a)
{
    if (strncmp(registry_settings_mode(r, subject), "READONLY", 8) == 0) {
        registry_answer_error(a, 42205, "Subject %s in context . is in read-only mode", subject);
        return false;
    }
    return true;
}

/* A tombstone under the key that the record has. */
static void registry_delete_add(struct registry_batch *batch, const char *keytype,
                                const char *subject, int version, const char *own_key)
{
    struct buf key;
    buf_init(&key, REGISTRY_DELETE_BYTES_MAX);
    registry_record_key(&key, keytype, subject, version);
    registry_batch_add(batch, own_key != NULL ? own_key : buf_text(&key), NULL);
    buf_deinit(&key);
}

/* When the last version goes, so do the subject's settings. */
static void registry_delete_add_settings(struct registry_batch *batch,
                                         const struct registry_subject *s)
{
    if (s->config != NULL) {
        registry_delete_add(batch, "CONFIG", s->name, 0, s->config_key);
    }
    if (s->mode != NULL) {
        registry_delete_add(batch, "MODE", s->name, 0, s->mode_key);
    }
}

static bool registry_delete_check_subject(const struct registry *r, const char *name,
                                          bool permanent, struct registry_answer *a)
{
    const struct registry_subject *s = registry_store_subject(r->store, name);
    if (!registry_store_has(s, true)) {
        registry_answer_error(a, 40401, "Subject '%s' not found.", name);
        return false;
    }
    bool live = registry_store_has(s, false);
    if (!permanent && !live) {
        registry_answer_error(
            a, 40404, "Subject '%s' was soft deleted.Set permanent=true to delete permanently",
            name);
        return false;
    }
    if (!registry_delete_allowed(r, name, a)) {
        return false;
    }
    if (permanent && live) {
        registry_answer_error(
            a, 40405, "Subject '%s' was not deleted first before being permanently deleted", name);
        return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct registry_blockers blockers = {.except = name, .deleted = permanent};
        bool goes = permanent || !s->versions[i].deleted;
        if (goes && registry_delete_blocked(r, name, s->versions[i].version, blockers, a)) {
            return false;
        }
    }
    return true;
}

static void registry_delete_subject_run(struct registry *r, const struct registry_job *job,
                                        struct registry_answer *a)
{
    const char *name = registry_request_subject(job->rq, a);
    bool permanent = job->flags.permanent;
    struct registry_batch batch = {0};
    struct buf key;
    struct buf value;
    buf_init(&key, REGISTRY_DELETE_BYTES_MAX);
    buf_init(&value, REGISTRY_DELETE_BYTES_MAX);
    registry_store_lock_read(r->store);
    bool go = name != NULL && registry_delete_check_subject(r, name, permanent, a);
    if (go) {
        const struct registry_subject *s = registry_store_subject(r->store, name);
        int last = 0;
        buf_append_char(&a->body, '[');
        for (size_t i = 0; i < s->count; i++) {
            const struct registry_version *v = &s->versions[i];
            if (!permanent && v->deleted) {
                continue;
            }
            buf_printf(&a->body, "%s%d", last > 0 ? "," : "", v->version);
            last = v->version;
            if (permanent) {
                registry_delete_add(&batch, "SCHEMA", name, v->version, v->key);
            }
        }
        buf_append_char(&a->body, ']');
        if (permanent) {
            registry_delete_add_settings(&batch, s);
        } else {
            registry_record_key(&key, "DELETE_SUBJECT", name, 0);
            registry_record_subject(&value, name, last);
            registry_batch_add(&batch, buf_text(&key), buf_text(&value));
        }
    }
    registry_store_unlock(r->store);
    if (go) {
        (void)registry_writer_write(r, &batch, a);
    }
    buf_deinit(&key);
    buf_deinit(&value);
}

/* The version that is to go, or NULL with the answer made. Under the lock. */
static const struct registry_version *registry_delete_check_version(const struct registry *r,
                                                                    const char *name, int version,
                                                                    bool permanent,
                                                                    struct registry_answer *a)
{
    const struct registry_subject *s = registry_store_subject(r->store, name);
    const struct registry_version *v = registry_store_version(s, version, version > 0);
    if (v == NULL) {
        if (!registry_store_has(s, true)) {
            registry_answer_error(a, 40401, "Subject '%s' not found.", name);
        } else {
            registry_answer_error(a, 40402, "Version %d not found.", version);
        }
        return NULL;
    }
    if (v->deleted && !permanent) {
        registry_answer_error(a, 40406,
                              "Subject '%s' Version %d was soft deleted.Set permanent=true to "
                              "delete permanently",
                              name, v->version);
        return NULL;
    }
    if (!registry_delete_allowed(r, name, a)) {
        return NULL;
    }
    if (!v->deleted && permanent) {
        registry_answer_error(a, 40407,
                              "Subject '%s' Version %d was not deleted first before being "
                              "permanently deleted",
                              name, v->version);
        return NULL;
    }
    const struct registry_blockers blockers = {.deleted = permanent};
    return registry_delete_blocked(r, name, v->version, blockers, a) ? NULL : v;
}

static void registry_delete_version_run(struct registry *r, const struct registry_job *job,
                                        struct registry_answer *a)
{
    int version = 0;
    const char *name = registry_request_subject(job->rq, a);
    if (name == NULL || !registry_request_version(job->rq, a, &version)) {
        return;
    }
    struct registry_batch batch = {0};
    registry_store_lock_read(r->store);
    const struct registry_version *v =
        registry_delete_check_version(r, name, version, job->flags.permanent, a);
    bool go = v != NULL;
    if (go) {
        buf_printf(&a->body, "%d", v->version);
        if (job->flags.permanent) {
            const struct registry_subject *s = registry_store_subject(r->store, name);
            registry_delete_add(&batch, "SCHEMA", name, v->version, v->key);
            if (s->count == 1) {
                registry_delete_add_settings(&batch, s);
            }
        } else {
            struct buf key;
            struct buf value;
            buf_init(&key, REGISTRY_DELETE_BYTES_MAX);
            buf_init(&value, REGISTRY_DELETE_BYTES_MAX);
            registry_record_key(&key, "SCHEMA", name, v->version);
            registry_record_schema(&value, name, v->version, v->id, v->content, true);
            const char *value_text = buf_text(&value);
            const char *key_text = v->key != NULL ? v->key : buf_text(&key);
            registry_batch_add(&batch, value_text != NULL ? key_text : NULL, value_text);
            buf_deinit(&key);
            buf_deinit(&value);
        }
    }
    registry_store_unlock(r->store);
    if (go) {
        (void)registry_writer_write(r, &batch, a);
    }
}

void registry_on_delete_subject(void *ctx, struct http_request *rq)
{
    registry_writer_queue(ctx, rq, registry_delete_subject_run);
}

void registry_on_delete_version(void *ctx, struct http_request *rq)
{
    registry_writer_queue(ctx, rq, registry_delete_version_run);
}
