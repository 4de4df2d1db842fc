#include <string.h>

#include "common/buf.h"
#include "common/check.h"
#include "common/http_request.h"
#include "common/json.h"
#include "common/mem.h"
#include "registry/registry_record.h"
#include "registry/registry_store_internal.h"

#define REGISTRY_APPLY_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define REGISTRY_APPLY_TYPE "application/vnd.schemaregistry.v1+json"

/* One record, decoded. */
struct registry_apply {
    struct registry_store *store;
    struct bytes key_bytes;
    const char *subject; /* NULL = global */
    int version;
    const json_t *value; /* NULL = tombstone */
    struct err *e;
};

typedef enum err_code (*registry_apply_fn)(struct registry_apply *a);

static enum err_code registry_apply_malformed(struct registry_apply *a, const char *what)
{
    return err_set(a->e, ERR_PARSE, "%s", what);
}

static struct registry_subject *registry_apply_find(struct registry_apply *a)
{
    const char *name = a->subject != NULL ? a->subject : "";
    size_t i = registry_store_subject_place(a->store, name);
    struct registry_store *s = a->store;
    return i < s->subject_count && strcmp(s->subjects[i]->name, name) == 0 ? s->subjects[i] : NULL;
}

/* The subject of the record, made when it is new. NULL = out of memory. */
static struct registry_subject *registry_apply_subject(struct registry_apply *a)
{
    struct registry_subject *known = registry_apply_find(a);
    if (known != NULL) {
        return known;
    }
    struct registry_store *s = a->store;
    const char *name = a->subject != NULL ? a->subject : "";
    if (s->subject_count == s->subject_capacity) {
        size_t capacity = s->subject_capacity > 0 ? s->subject_capacity * 2 : 16;
        struct registry_subject **grown =
            mem_realloc(s->subjects, capacity * sizeof(struct registry_subject *));
        if (grown == NULL) {
            return NULL;
        }
        s->subjects = grown;
        s->subject_capacity = capacity;
    }
    struct registry_subject *subject = mem_calloc(1, sizeof *subject);
    char *copy = mem_strdup(name);
    if (subject == NULL || copy == NULL) {
        mem_free(subject);
        mem_free(copy);
        return NULL;
    }
    subject->name = copy;
    size_t i = registry_store_subject_place(s, name);
    memmove(&s->subjects[i + 1], &s->subjects[i],
            (s->subject_count - i) * sizeof(struct registry_subject *));
    s->subjects[i] = subject;
    s->subject_count++;
    return subject;
}

/* A version less has the id; an id that no version has is unknown again, though not given again. */
static void registry_apply_release_id(struct registry_store *s, int id)
{
    size_t i = registry_store_id_place(s, id);
    CHECK(i < s->id_count && s->ids[i].id == id && s->ids[i].uses > 0);
    if (--s->ids[i].uses > 0) {
        return;
    }
    struct registry_content *content = s->ids[i].content;
    if (registry_store_id_of(s, content) == id) {
        (void)json_object_del(s->hashes, content->hash);
    }
    registry_content_unref(content);
    http_request_shared_unref(s->ids[i].answer);
    memmove(&s->ids[i], &s->ids[i + 1], (s->id_count - i - 1) * sizeof *s->ids);
    s->id_count--;
}

static void registry_apply_drop_version(struct registry_store *s, struct registry_subject *subject,
                                        size_t i)
{
    registry_apply_release_id(s, subject->versions[i].id);
    registry_content_unref(subject->versions[i].content);
    mem_free(subject->versions[i].key);
    memmove(&subject->versions[i], &subject->versions[i + 1],
            (subject->count - i - 1) * sizeof *subject->versions);
    subject->count--;
}

/* The place of a version, in ascending order. */
static size_t registry_apply_place(const struct registry_subject *subject, int version)
{
    size_t i = subject->count;
    while (i > 0 && subject->versions[i - 1].version >= version) {
        i--;
    }
    return i;
}

/* The key of the record, unless it is the one that we would write. */
static char *registry_apply_key(const struct registry_apply *a, const char *keytype, bool *out_ok)
{
    struct buf b;
    buf_init(&b, REGISTRY_APPLY_BYTES_MAX);
    registry_record_key(&b, keytype, a->subject, a->version);
    bool ours = bytes_equal(buf_bytes(&b), a->key_bytes);
    *out_ok = !buf_failed(&b);
    buf_deinit(&b);
    if (ours || !*out_ok) {
        return NULL;
    }
    char *key = mem_strndup((const char *)a->key_bytes.data, a->key_bytes.len);
    *out_ok = key != NULL;
    return key;
}

static struct http_request_shared *registry_apply_answer(const struct registry_content *content)
{
    struct buf b;
    buf_init(&b, REGISTRY_APPLY_BYTES_MAX);
    buf_append_char(&b, '{');
    registry_content_write(content, &b);
    buf_append_char(&b, '}');
    struct http_request_shared *answer = NULL;
    if (!buf_failed(&b)) {
        answer = http_request_shared_create(200, REGISTRY_APPLY_TYPE, buf_bytes(&b));
    }
    buf_deinit(&b);
    return answer;
}

static bool registry_apply_grow_ids(struct registry_store *s)
{
    if (s->id_count < s->id_capacity) {
        return true;
    }
    size_t capacity = s->id_capacity > 0 ? s->id_capacity * 2 : 64;
    struct registry_id *grown = mem_realloc(s->ids, capacity * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    s->ids = grown;
    s->id_capacity = capacity;
    return true;
}

/* One use more of the id, which is new or has the same content; ERR_CONFLICT otherwise. */
static enum err_code registry_apply_id(struct registry_apply *a, int id,
                                       struct registry_content *content)
{
    struct registry_store *s = a->store;
    size_t i = registry_store_id_place(s, id);
    if (i < s->id_count && s->ids[i].id == id) {
        if (strcmp(s->ids[i].content->hash, content->hash) == 0) {
            s->ids[i].uses++;
            return ERR_OK;
        }
        return err_set(a->e, ERR_CONFLICT, "id %d belongs to another schema", id);
    }
    struct http_request_shared *answer = registry_apply_answer(content);
    if (answer == NULL || !registry_apply_grow_ids(s) ||
        (json_object_get(s->hashes, content->hash) == NULL &&
         json_object_set_new(s->hashes, content->hash, json_integer(id)) != 0)) {
        http_request_shared_unref(answer);
        return err_nomem(a->e, "schema");
    }
    memmove(&s->ids[i + 1], &s->ids[i], (s->id_count - i) * sizeof *s->ids);
    s->ids[i] = (struct registry_id){id, registry_content_ref(content), answer, 1};
    s->id_count++;
    s->max_id = id > s->max_id ? id : s->max_id;
    return ERR_OK;
}

/* Puts a version into its subject; takes content and key. */
static enum err_code registry_apply_put(struct registry_apply *a, struct registry_version version)
{
    struct registry_subject *subject = registry_apply_subject(a);
    struct registry_version *grown =
        subject == NULL
            ? NULL
            : mem_realloc(subject->versions, (subject->count + 1) * sizeof *subject->versions);
    if (grown == NULL) {
        registry_apply_release_id(a->store, version.id);
        registry_content_unref(version.content);
        mem_free(version.key);
        return err_nomem(a->e, "schema");
    }
    subject->versions = grown;
    size_t i = registry_apply_place(subject, version.version);
    if (i < subject->count && subject->versions[i].version == version.version) {
        registry_apply_drop_version(a->store, subject, i);
    }
    memmove(&subject->versions[i + 1], &subject->versions[i],
            (subject->count - i) * sizeof *subject->versions);
    subject->versions[i] = version;
    subject->count++;
    return ERR_OK;
}

/* A version is what its first record says; a second one with another schema was written by a
 * registry that had not seen the first. Imports of the original do replace versions. */
static bool registry_apply_contradicts(struct registry_apply *a, int id,
                                       const struct registry_content *content)
{
    const struct registry_subject *subject = registry_apply_find(a);
    const struct registry_version *known = registry_store_version(subject, a->version, true);
    if (known == NULL || (known->id == id && strcmp(known->content->hash, content->hash) == 0)) {
        return false;
    }
    const struct registry_subject *global = registry_store_subject(a->store, "");
    const char *mode = subject->mode;
    if (mode == NULL && global != NULL) {
        mode = global->mode;
    }
    return mode == NULL || strcmp(mode, "IMPORT") != 0;
}

static enum err_code registry_apply_schema_value(struct registry_apply *a)
{
    const char *text = json_string_value(json_object_get(a->value, "schema"));
    const char *type = json_string_value(json_object_get(a->value, "schemaType"));
    json_int_t id = json_integer_value(json_object_get(a->value, "id"));
    if (text == NULL || id < 1 || id > INT32_MAX) {
        return registry_apply_malformed(a, "SCHEMA record without schema or id");
    }
    struct registry_content *content = registry_content_create(
        text, type != NULL ? type : "AVRO", json_object_get(a->value, "references"),
        json_object_get(a->value, "metadata"), json_object_get(a->value, "ruleSet"));
    if (content == NULL) {
        return err_nomem(a->e, "schema");
    }
    if (registry_apply_contradicts(a, (int)id, content)) {
        registry_content_unref(content);
        return err_set(a->e, ERR_CONFLICT, "version %d of subject %s is another schema", a->version,
                       a->subject);
    }
    bool ok = false;
    char *key = registry_apply_key(a, "SCHEMA", &ok);
    enum err_code code = ok ? registry_apply_id(a, (int)id, content) : err_nomem(a->e, "schema");
    if (code != ERR_OK) {
        registry_content_unref(content);
        mem_free(key);
        return code;
    }
    return registry_apply_put(
        a, (struct registry_version){a->version, (int)id,
                                     json_is_true(json_object_get(a->value, "deleted")), content,
                                     key});
}

static enum err_code registry_apply_schema(struct registry_apply *a)
{
    if (a->subject == NULL || a->version < 1) {
        return registry_apply_malformed(a, "SCHEMA record without subject or version");
    }
    if (a->value != NULL) {
        return registry_apply_schema_value(a);
    }
    struct registry_subject *subject = registry_apply_find(a);
    if (subject != NULL) {
        size_t i = registry_apply_place(subject, a->version);
        if (i < subject->count && subject->versions[i].version == a->version) {
            registry_apply_drop_version(a->store, subject, i);
        }
    }
    return ERR_OK;
}

static enum err_code registry_apply_config(struct registry_apply *a)
{
    struct registry_subject *subject = registry_apply_subject(a);
    bool ok = false;
    char *key = registry_apply_key(a, "CONFIG", &ok);
    if (subject == NULL || !ok) {
        mem_free(key);
        return err_nomem(a->e, "config");
    }
    json_decref(subject->config);
    mem_free(subject->config_key);
    subject->config = a->value != NULL ? json_deep_copy(a->value) : NULL;
    subject->config_key = key;
    return ERR_OK;
}

/* An unknown word must not lock what it is about: it would be no mode in which anything is allowed.
 */
static bool registry_apply_mode_known(const char *mode)
{
    static const char *const modes[] = {"READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT",
                                        "FORWARD"};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(mode, modes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static enum err_code registry_apply_mode(struct registry_apply *a)
{
    const char *mode = json_string_value(json_object_get(a->value, "mode"));
    if (a->value != NULL && (mode == NULL || !registry_apply_mode_known(mode))) {
        return registry_apply_malformed(a, "MODE record without a known mode");
    }
    struct registry_subject *subject = registry_apply_subject(a);
    bool ok = false;
    char *key = registry_apply_key(a, "MODE", &ok);
    char *copy = mem_strdup(mode);
    if (subject == NULL || !ok || (mode != NULL && copy == NULL)) {
        mem_free(key);
        mem_free(copy);
        return err_nomem(a->e, "mode");
    }
    mem_free(subject->mode);
    mem_free(subject->mode_key);
    subject->mode = copy;
    subject->mode_key = key;
    return ERR_OK;
}

/* Soft-deletes versions up to the one given; without one, all. */
static enum err_code registry_apply_delete_subject(struct registry_apply *a)
{
    struct registry_subject *subject = registry_apply_find(a);
    const json_t *last = json_object_get(a->value, "version");
    for (size_t i = 0; a->value != NULL && subject != NULL && i < subject->count; i++) {
        struct registry_version *v = &subject->versions[i];
        if (!json_is_integer(last) || v->version <= json_integer_value(last)) {
            v->deleted = true;
        }
    }
    return ERR_OK;
}

static enum err_code registry_apply_clear_subject(struct registry_apply *a)
{
    struct registry_subject *subject = registry_apply_find(a);
    while (a->value != NULL && subject != NULL && subject->count > 0) {
        registry_apply_drop_version(a->store, subject, subject->count - 1);
    }
    return ERR_OK;
}

static enum err_code registry_apply_nothing(struct registry_apply *a)
{
    (void)a;
    return ERR_OK;
}

static registry_apply_fn registry_apply_handler(const char *keytype)
{
    static const struct {
        const char *keytype;
        registry_apply_fn apply;
    } handlers[] = {
        {"SCHEMA", registry_apply_schema},
        {"CONFIG", registry_apply_config},
        {"MODE", registry_apply_mode},
        {"DELETE_SUBJECT", registry_apply_delete_subject},
        {"CLEAR_SUBJECT", registry_apply_clear_subject},
        {"NOOP", registry_apply_nothing},
        {"CONTEXT", registry_apply_nothing},
        {"ASSOC", registry_apply_nothing},
    };
    for (size_t i = 0; i < sizeof handlers / sizeof handlers[0]; i++) {
        if (strcmp(handlers[i].keytype, keytype) == 0) {
            return handlers[i].apply;
        }
    }
    return NULL;
}

/* Fields of key and value; older registries left the subject to the key alone. */
static enum err_code registry_apply_decoded(struct registry_apply *a, const json_t *key)
{
    const char *keytype = json_string_value(json_object_get(key, "keytype"));
    registry_apply_fn apply = keytype != NULL ? registry_apply_handler(keytype) : NULL;
    if (apply == NULL) {
        return err_set(a->e, ERR_PARSE, "unknown keytype %s", keytype != NULL ? keytype : "(none)");
    }
    a->subject = json_string_value(json_object_get(key, "subject"));
    json_int_t version = json_integer_value(json_object_get(key, "version"));
    a->version = version > 0 && version <= INT32_MAX ? (int)version : 0;
    CHECK(pthread_rwlock_wrlock(&a->store->lock) == 0);
    enum err_code code = apply(a);
    registry_store_unlock(a->store);
    return code;
}

enum err_code registry_store_apply(struct registry_store *s, struct bytes key, struct bytes value,
                                   struct err *e)
{
    const struct json_limits limits = {.max_bytes = REGISTRY_APPLY_BYTES_MAX};
    json_t *key_json = NULL;
    json_t *value_json = NULL;
    enum err_code code = json_decode(key, &limits, &key_json, e);
    if (code != ERR_OK) {
        return code;
    }
    /* A null value is a tombstone; some registries write empty ones. */
    if (value.len > 0) {
        code = json_decode(value, &limits, &value_json, e);
    }
    if (code == ERR_OK) {
        struct registry_apply a = {.store = s, .key_bytes = key, .value = value_json, .e = e};
        code = json_is_object(value_json) || value_json == NULL
                   ? registry_apply_decoded(&a, key_json)
                   : err_set(e, ERR_PARSE, "value is no object");
    }
    json_decref(key_json);
    json_decref(value_json);
    return code;
}
