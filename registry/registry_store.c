#include "registry/registry_store.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/check.h"
#include "common/http_request.h"
#include "common/json.h"
#include "common/mem.h"
#include "registry/registry_record.h"
#include "registry/registry_store_internal.h"
#include "serde/avro_schema.h"

#define REGISTRY_STORE_REFERENCES_MAX 100
#define REGISTRY_STORE_FOLLOWED_MAX 20000

struct registry_store *registry_store_create(void)
{
    struct registry_store *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->hashes = json_object();
    s->unsettled = json_object();
    if (s->hashes == NULL || s->unsettled == NULL || pthread_rwlock_init(&s->lock, NULL) != 0) {
        json_decref(s->hashes);
        json_decref(s->unsettled);
        mem_free(s);
        return NULL;
    }
    return s;
}

void registry_store_destroy(struct registry_store *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->subject_count; i++) {
        struct registry_subject *subject = s->subjects[i];
        for (size_t j = 0; j < subject->count; j++) {
            registry_content_unref(subject->versions[j].content);
            mem_free(subject->versions[j].key);
        }
        mem_free(subject->versions);
        mem_free(subject->name);
        json_decref(subject->config);
        mem_free(subject->config_key);
        mem_free(subject->mode);
        mem_free(subject->mode_key);
        mem_free(subject);
    }
    for (size_t i = 0; i < s->id_count; i++) {
        registry_content_unref(s->ids[i].content);
        http_request_shared_unref(s->ids[i].answer);
    }
    mem_free(s->subjects);
    mem_free(s->ids);
    json_decref(s->hashes);
    json_decref(s->unsettled);
    (void)pthread_rwlock_destroy(&s->lock);
    mem_free(s);
}

void registry_store_lock_read(struct registry_store *s)
{
    CHECK(pthread_rwlock_rdlock(&s->lock) == 0);
}

void registry_store_unlock(struct registry_store *s)
{
    CHECK(pthread_rwlock_unlock(&s->lock) == 0);
}

const struct registry_subject *registry_store_subject_at(const struct registry_store *s, size_t i)
{
    CHECK(i < s->subject_count);
    return s->subjects[i];
}

size_t registry_store_subject_count(const struct registry_store *s)
{
    return s->subject_count;
}

size_t registry_store_subject_place(const struct registry_store *s, const char *name)
{
    size_t low = 0;
    size_t high = s->subject_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(s->subjects[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct registry_subject *registry_store_subject(const struct registry_store *s,
                                                      const char *name)
{
    size_t i = registry_store_subject_place(s, name);
    bool found = i < s->subject_count && strcmp(s->subjects[i]->name, name) == 0;
    return found ? s->subjects[i] : NULL;
}

bool registry_store_has(const struct registry_subject *subject, bool deleted)
{
    for (size_t i = 0; subject != NULL && i < subject->count; i++) {
        if (deleted || !subject->versions[i].deleted) {
            return true;
        }
    }
    return false;
}

const struct registry_version *registry_store_version(const struct registry_subject *subject,
                                                      int version, bool deleted)
{
    for (size_t i = subject != NULL ? subject->count : 0; i > 0; i--) {
        const struct registry_version *v = &subject->versions[i - 1];
        if (version < 0 ? !v->deleted : v->version == version) {
            return !v->deleted || deleted ? v : NULL;
        }
    }
    return NULL;
}

bool registry_store_has_key(const char *subject, const struct registry_version *v, const char *key)
{
    if (v->key != NULL) {
        return strcmp(v->key, key) == 0;
    }
    struct buf b;
    buf_init(&b, strlen(key) + 1);
    registry_record_key(&b, "SCHEMA", subject, v->version);
    bool same = !buf_failed(&b) && bytes_equal(buf_bytes(&b), bytes_of_text(key));
    buf_deinit(&b);
    return same;
}

bool registry_store_is_settled(const struct registry_store *s)
{
    return json_object_size(s->unsettled) == 0;
}

void registry_store_each_unsettled(const struct registry_store *s,
                                   void (*each)(void *ctx, const char *key, int64_t offset,
                                                const char *subject,
                                                const struct registry_version *version),
                                   void *ctx)
{
    const char *key = NULL;
    json_t *where = NULL;
    json_object_foreach(s->unsettled, key, where)
    {
        const char *subject = json_string_value(json_array_get(where, 0));
        int number = (int)json_integer_value(json_array_get(where, 1));
        int64_t offset = json_integer_value(json_array_get(where, 2));
        const struct registry_version *v =
            registry_store_version(registry_store_subject(s, subject), number, true);
        bool holds = v != NULL && registry_store_has_key(subject, v, key);
        each(ctx, key, offset, subject, holds ? v : NULL);
    }
}

size_t registry_store_id_place(const struct registry_store *s, int id)
{
    size_t low = 0;
    size_t high = s->id_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->ids[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct registry_id *registry_store_id(const struct registry_store *s, int id)
{
    size_t i = registry_store_id_place(s, id);
    return i < s->id_count && s->ids[i].id == id ? &s->ids[i] : NULL;
}

size_t registry_store_id_count(const struct registry_store *s)
{
    return s->id_count;
}

int registry_store_id_of(const struct registry_store *s, const struct registry_content *content)
{
    return registry_store_id_of_hash(s, content->hash);
}

int registry_store_id_of_hash(const struct registry_store *s, const char *hash)
{
    return (int)json_integer_value(json_object_get(s->hashes, hash));
}

int registry_store_max_id(const struct registry_store *s)
{
    return s->max_id;
}

static bool registry_store_refers(const struct registry_content *content, const char *subject,
                                  int version)
{
    for (size_t i = 0; i < json_array_size(content->references); i++) {
        const json_t *reference = json_array_get(content->references, i);
        const char *name = json_string_value(json_object_get(reference, "subject"));
        json_int_t at = json_integer_value(json_object_get(reference, "version"));
        if (name != NULL && strcmp(name, subject) == 0 && (version == 0 || at == version)) {
            return true;
        }
    }
    return false;
}

void registry_store_each_referrer(const struct registry_store *s, const char *subject, int version,
                                  void (*each)(void *ctx, const struct registry_subject *subject,
                                               const struct registry_version *version),
                                  void *ctx)
{
    for (size_t i = 0; i < s->subject_count && s->referrers > 0; i++) {
        for (size_t j = 0; j < s->subjects[i]->count; j++) {
            const struct registry_version *v = &s->subjects[i]->versions[j];
            if (registry_store_refers(v->content, subject, version)) {
                each(ctx, s->subjects[i], v);
            }
        }
    }
}

static enum err_code registry_store_parse_at(const struct registry_store *s,
                                             const struct registry_content *content,
                                             struct registry_store_parse_how how,
                                             struct avro_schema **out_schema, struct err *e);

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static enum err_code registry_store_parse_reference(const struct registry_store *s,
                                                    const json_t *reference,
                                                    struct registry_store_parse_how how,
                                                    struct avro_schema **out_schema, struct err *e)
{
    const char *name = json_string_value(json_object_get(reference, "subject"));
    int version = (int)json_integer_value(json_object_get(reference, "version"));
    const struct registry_subject *subject = name != NULL ? registry_store_subject(s, name) : NULL;
    const struct registry_version *v = registry_store_version(subject, version, !how.live_only);
    if (v == NULL || how.depth == REGISTRY_STORE_REFERENCE_DEPTH) {
        return err_set(e, ERR_PARSE, "No schema reference found for subject \"%s\" and version %d",
                       name != NULL ? name : "", version);
    }
    if (*how.left == 0) {
        return err_set(e, ERR_PARSE, "more than %d references of references",
                       REGISTRY_STORE_FOLLOWED_MAX);
    }
    --*how.left;
    how.depth++;
    how.strict = false; /* what is stored was checked when it was new */
    return registry_store_parse_at(s, v->content, how, out_schema, e);
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static enum err_code registry_store_parse_at(const struct registry_store *s,
                                             const struct registry_content *content,
                                             struct registry_store_parse_how how,
                                             struct avro_schema **out_schema, struct err *e)
{
    struct avro_schema *resolved[REGISTRY_STORE_REFERENCES_MAX] = {NULL};
    struct avro_schema_options options = {.strict = how.strict, .references = resolved};
    size_t count = json_array_size(content->references);
    if (count > REGISTRY_STORE_REFERENCES_MAX) {
        return err_set(e, ERR_PARSE, "more than %d references", REGISTRY_STORE_REFERENCES_MAX);
    }
    enum err_code code = ERR_OK;
    while (code == ERR_OK && options.reference_count < count) {
        size_t i = options.reference_count;
        code = registry_store_parse_reference(s, json_array_get(content->references, i), how,
                                              &resolved[i], e);
        options.reference_count += code == ERR_OK ? 1 : 0;
    }
    if (code == ERR_OK) {
        code = avro_schema_parse(bytes_of_text(content->text), &options, out_schema, e);
    }
    for (size_t i = 0; i < options.reference_count; i++) {
        avro_schema_unref(resolved[i]);
    }
    return code;
}

enum err_code registry_store_parse(const struct registry_store *s,
                                   const struct registry_content *content, bool strict,
                                   bool live_only, struct avro_schema **out_schema, struct err *e)
{
    unsigned left = REGISTRY_STORE_FOLLOWED_MAX;
    const struct registry_store_parse_how how = {
        .strict = strict, .live_only = live_only, .left = &left};
    return registry_store_parse_at(s, content, how, out_schema, e);
}
