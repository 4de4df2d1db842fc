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

bool registry_delete_referenced(const struct registry *r, const char *subject, int version,
                                struct registry_answer *a)
{
    const struct registry_blockers blockers = {.deleted = true};
    return registry_delete_blocked(r, subject, version, blockers, a);
}

void registry_delete_add(struct registry_batch *batch, const char *keytype, const char *subject,
                         int version, const char *own_key)
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
    if (s->mode != NULL) {
        registry_delete_add(batch, "MODE", s->name, 0, s->mode_key);
    }
    if (s->config != NULL) {
        registry_delete_add(batch, "CONFIG", s->name, 0, s->config_key);
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
    if (!permanent && !registry_store_has(s, false)) {
        registry_answer_error(
            a, 40404, "Subject '%s' was soft deleted.Set permanent=true to delete permanently",
            name);
        return false;
    }
    if (!registry_settings_writable(r, name, a)) {
        return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct registry_blockers blockers = {.except = name, .deleted = permanent};
        const struct registry_version *v = &s->versions[i];
        if ((permanent || !v->deleted) &&
            registry_delete_blocked(r, name, v->version, blockers, a)) {
            return false;
        }
        if (permanent && !v->deleted) {
            registry_answer_error(
                a, 40405, "Subject '%s' was not deleted first before being permanently deleted",
                name);
            return false;
        }
    }
    return true;
}

/* The records of a permanent deletion, newest version first: it may refer to an older one. */
static void registry_delete_add_subject(struct registry_batch *batch,
                                        const struct registry_subject *s)
{
    for (size_t i = s->count; i > 0; i--) {
        const struct registry_version *v = &s->versions[i - 1];
        registry_delete_add(batch, "SCHEMA", s->name, v->version, v->key);
    }
    registry_delete_add_settings(batch, s);
}

static void registry_delete_add_mark(struct registry_batch *batch, const char *name, int last)
{
    struct buf key;
    struct buf value;
    buf_init(&key, REGISTRY_DELETE_BYTES_MAX);
    buf_init(&value, REGISTRY_DELETE_BYTES_MAX);
    registry_record_key(&key, "DELETE_SUBJECT", name, 0);
    registry_record_subject(&value, name, last);
    registry_batch_add(batch, buf_text(&key), buf_text(&value));
    buf_deinit(&key);
    buf_deinit(&value);
}

static void registry_delete_subject_run(struct registry *r, const struct registry_job *job,
                                        struct registry_answer *a)
{
    const char *name = registry_request_subject(job->rq, a);
    bool permanent = job->flags.permanent;
    struct registry_batch batch = {0};
    registry_store_lock_read(r->store);
    bool go = name != NULL && registry_delete_check_subject(r, name, permanent, a);
    if (go) {
        const struct registry_subject *s = registry_store_subject(r->store, name);
        int last = 0;
        buf_append_char(&a->body, '[');
        for (size_t i = 0; i < s->count; i++) {
            const struct registry_version *v = &s->versions[i];
            if (permanent || !v->deleted) {
                buf_printf(&a->body, "%s%d", last > 0 ? "," : "", v->version);
                last = v->version;
            }
        }
        buf_append_char(&a->body, ']');
        if (permanent) {
            registry_delete_add_subject(&batch, s);
        } else {
            registry_delete_add_mark(&batch, name, last);
        }
    }
    registry_store_unlock(r->store);
    if (go) {
        (void)registry_writer_write(r, &batch, a);
    }
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
    if (!registry_settings_writable(r, name, a)) {
        return NULL;
    }
    const struct registry_blockers blockers = {.deleted = permanent};
    if (registry_delete_blocked(r, name, v->version, blockers, a)) {
        return NULL;
    }
    if (!v->deleted && permanent) {
        registry_answer_error(a, 40407,
                              "Subject '%s' Version %d was not deleted first before being "
                              "permanently deleted",
                              name, v->version);
        return NULL;
    }
    return v;
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
