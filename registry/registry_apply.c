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
    const char *key; /* its text, as it was written */
    int64_t offset;
    int64_t settles;     /* as in registry_store_record */
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
    s->referrers -= subject->versions[i].content->references != NULL ? 1 : 0;
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

/* The key of the record, unless it is the one that we would write: then NULL. */
static enum err_code registry_apply_key(const struct registry_apply *a, const char *keytype,
                                        char **out_key)
{
    struct buf b;
    buf_init(&b, REGISTRY_APPLY_BYTES_MAX);
    registry_record_key(&b, keytype, a->subject, a->version);
    bool ours = bytes_equal(buf_bytes(&b), bytes_of_text(a->key));
    bool failed = buf_failed(&b);
    buf_deinit(&b);
    *out_key = ours || failed ? NULL : mem_strdup(a->key);
    return failed || (!ours && *out_key == NULL) ? err_nomem(a->e, "record") : ERR_OK;
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
    a->store->referrers += version.content->references != NULL ? 1 : 0;
    return ERR_OK;
}

static const struct registry_version *registry_apply_known(struct registry_apply *a)
{
    return registry_store_version(registry_apply_find(a), a->version, true);
}

/* A version is what its first record says; a second one with another schema was written by a
 * registry that had not seen the first. Imports of the original do replace versions. */
static bool registry_apply_contradicts(struct registry_apply *a,
                                       const struct registry_version *known,
                                       const struct registry_version *told)
{
    if (known == NULL ||
        (known->id == told->id && strcmp(known->content->hash, told->content->hash) == 0)) {
        return false;
    }
    const char *mode = registry_apply_find(a)->mode;
    const struct registry_subject *global = registry_store_subject(a->store, "");
    if (mode == NULL && global != NULL) {
        mode = global->mode;
    }
    return mode == NULL || strcmp(mode, "IMPORT") != 0;
}

static void registry_apply_free(struct registry_version *told)
{
    registry_content_unref(told->content);
    mem_free(told->key);
}

/* The version that the record tells: the caller's, to take or to free. */
static enum err_code registry_apply_told(struct registry_apply *a, struct registry_version *out)
{
    const char *text = json_string_value(json_object_get(a->value, "schema"));
    const char *type = json_string_value(json_object_get(a->value, "schemaType"));
    json_int_t id = json_integer_value(json_object_get(a->value, "id"));
    if (text == NULL || id < 1 || id > INT32_MAX) {
        return registry_apply_malformed(a, "SCHEMA record without schema or id");
    }
    *out = (struct registry_version){.version = a->version,
                                     .id = (int)id,
                                     .deleted = json_is_true(json_object_get(a->value, "deleted")),
                                     .offset = a->offset};
    out->content = registry_content_create(
        text, type != NULL ? type : "AVRO", json_object_get(a->value, "references"),
        json_object_get(a->value, "metadata"), json_object_get(a->value, "ruleSet"));
    if (out->content == NULL) {
        return err_nomem(a->e, "schema");
    }
    enum err_code code = registry_apply_key(a, "SCHEMA", &out->key);
    if (code != ERR_OK) {
        registry_apply_free(out);
    }
    return code;
}

/* Takes what was told: into the store, or frees it. */
static enum err_code registry_apply_take(struct registry_apply *a, struct registry_version *told)
{
    enum err_code code =
        registry_apply_contradicts(a, registry_apply_known(a), told)
            ? err_set(a->e, ERR_CONFLICT, "version %d of subject %s is another schema", a->version,
                      a->subject)
            : registry_apply_id(a, told->id, told->content);
    if (code != ERR_OK) {
        registry_apply_free(told);
        return code;
    }
    return registry_apply_put(a, *told);
}

static void registry_apply_forget(struct registry_apply *a)
{
    struct registry_subject *subject = registry_apply_find(a);
    size_t i = subject != NULL ? registry_apply_place(subject, a->version) : 0;
    if (subject != NULL && i < subject->count && subject->versions[i].version == a->version) {
        registry_apply_drop_version(a->store, subject, i);
    }
}

static enum err_code registry_apply_unsettle(struct registry_apply *a)
{
    json_t *where = json_pack("[s,i,I]", a->subject, a->version, (json_int_t)a->offset);
    return json_object_set_new(a->store->unsettled, a->key, where) == 0
               ? ERR_OK
               : err_nomem(a->e, "unsettled key");
}

/* Whether a record under this key that tells this (NULL: a tombstone) is what counts. */
static bool registry_apply_right(struct registry_apply *a, const struct registry_version *told)
{
    const struct registry_version *known = registry_apply_known(a);
    bool holds = known != NULL && registry_store_has_key(a->subject, known, a->key);
    if (told == NULL || !holds) {
        return told == NULL && !holds;
    }
    return known->id == told->id && known->deleted == told->deleted &&
           strcmp(known->content->hash, told->content->hash) == 0;
}

/* Who follows the topic knows what counts, and is not changed by a settling record, whatever was
 * written since its writer looked. Who reads what compaction has left takes it. */
static enum err_code registry_apply_settling(struct registry_apply *a,
                                             struct registry_version *told)
{
    const struct registry_version *known = registry_apply_known(a);
    bool unsettled = json_object_get(a->store->unsettled, a->key) != NULL;
    if (!unsettled && (known == NULL || known->offset == a->settles)) {
        registry_apply_forget(a);
        return told != NULL ? registry_apply_take(a, told) : ERR_OK;
    }
    bool right = registry_apply_right(a, told);
    if (told != NULL) {
        registry_apply_free(told);
    }
    if (!right) {
        return registry_apply_unsettle(a);
    }
    (void)json_object_del(a->store->unsettled, a->key);
    return ERR_OK;
}

static enum err_code registry_apply_schema(struct registry_apply *a)
{
    if (a->subject == NULL || a->version < 1) {
        return registry_apply_malformed(a, "SCHEMA record without subject or version");
    }
    struct registry_version told;
    enum err_code code = a->value != NULL ? registry_apply_told(a, &told) : ERR_OK;
    if (code != ERR_OK) {
        return code;
    }
    if (a->settles != REGISTRY_STORE_NOT_SETTLING) {
        return registry_apply_settling(a, a->value != NULL ? &told : NULL);
    }
    if (a->value == NULL) {
        registry_apply_forget(a);
    } else {
        code = registry_apply_take(a, &told);
    }
    if (code == ERR_OK) {
        (void)json_object_del(a->store->unsettled, a->key);
    } else if (code == ERR_CONFLICT && registry_apply_unsettle(a) != ERR_OK) {
        code = ERR_NOMEM;
    }
    return code;
}

static enum err_code registry_apply_config(struct registry_apply *a)
{
    struct registry_subject *subject = registry_apply_subject(a);
    char *key = NULL;
    if (subject == NULL || registry_apply_key(a, "CONFIG", &key) != ERR_OK) {
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
    char *key = NULL;
    char *copy = mem_strdup(mode);
    if (subject == NULL || (mode != NULL && copy == NULL) ||
        registry_apply_key(a, "MODE", &key) != ERR_OK) {
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

/* Forgets the versions of the subject; without one, of all. */
static enum err_code registry_apply_clear_subject(struct registry_apply *a)
{
    for (size_t i = 0; a->value != NULL && i < a->store->subject_count; i++) {
        struct registry_subject *subject = a->store->subjects[i];
        bool meant = a->subject == NULL || strcmp(a->subject, subject->name) == 0;
        while (meant && subject->count > 0) {
            registry_apply_drop_version(a->store, subject, subject->count - 1);
        }
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

/* Key and value are JSON; a null value is a tombstone, and some registries write empty ones. */
static enum err_code registry_apply_decode(const struct registry_store_record *record,
                                           json_t **out_key, json_t **out_value, struct err *e)
{
    const struct json_limits limits = {.max_bytes = REGISTRY_APPLY_BYTES_MAX};
    enum err_code code = json_decode(record->key, &limits, out_key, e);
    if (code == ERR_OK && record->value.len > 0) {
        code = json_decode(record->value, &limits, out_value, e);
    }
    if (code == ERR_OK && *out_value != NULL && !json_is_object(*out_value)) {
        code = err_set(e, ERR_PARSE, "value is no object");
    }
    return code;
}

enum err_code registry_store_apply(struct registry_store *s,
                                   const struct registry_store_record *record, struct err *e)
{
    json_t *key_json = NULL;
    json_t *value = NULL;
    char *key = NULL;
    enum err_code code = registry_apply_decode(record, &key_json, &value, e);
    if (code == ERR_OK) {
        key = mem_strndup((const char *)record->key.data, record->key.len);
        code = key != NULL ? ERR_OK : err_nomem(e, "record");
    }
    if (code == ERR_OK) {
        struct registry_apply a = {.store = s,
                                   .key = key,
                                   .offset = record->offset,
                                   .settles = record->settles,
                                   .value = value,
                                   .e = e};
        code = registry_apply_decoded(&a, key_json);
    }
    mem_free(key);
    json_decref(key_json);
    json_decref(value);
    return code;
}
