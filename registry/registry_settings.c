#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/text.h"
#include "registry/registry_internal.h"
#include "registry/registry_record.h"

#define REGISTRY_SETTINGS_BYTES_MAX ((size_t)1024 * 1024)
#define REGISTRY_SETTINGS_LEVEL "compatibilityLevel"

/* The settings of a subject ("" = global), or NULL. */
static const json_t *registry_settings_config(const struct registry *r, const char *subject)
{
    const struct registry_subject *s = registry_store_subject(r->store, subject);
    return s != NULL ? s->config : NULL;
}

/* A setting of the subject, else of all subjects, else NULL. */
static const json_t *registry_settings_find(const struct registry *r, const char *subject,
                                            const char *key)
{
    const json_t *own = json_object_get(registry_settings_config(r, subject), key);
    return own != NULL ? own : json_object_get(registry_settings_config(r, ""), key);
}

enum compatibility_level registry_settings_level(const struct registry *r, const char *subject)
{
    const char *text =
        json_string_value(registry_settings_find(r, subject, REGISTRY_SETTINGS_LEVEL));
    enum compatibility_level level = r->default_level;
    if (text != NULL) {
        (void)compatibility_level_parse(text, &level, NULL); /* a foreign word: the default */
    }
    return level;
}

bool registry_settings_normalize(const struct registry *r, const char *subject)
{
    return json_is_true(registry_settings_find(r, subject, "normalize"));
}

static const char *registry_settings_own_mode(const struct registry *r, const char *subject)
{
    const struct registry_subject *s = registry_store_subject(r->store, subject);
    return s != NULL ? s->mode : NULL;
}

const char *registry_settings_mode(const struct registry *r, const char *subject)
{
    const char *mode = registry_settings_own_mode(r, subject);
    mode = mode != NULL ? mode : registry_settings_own_mode(r, "");
    return mode != NULL ? mode : "READWRITE";
}

bool registry_settings_writable(const struct registry *r, const char *subject,
                                struct registry_answer *a)
{
    if (strncmp(registry_settings_mode(r, subject), "READONLY", 8) != 0) {
        return true;
    }
    registry_answer_error(a, 42205, "Subject %s in context . is in read-only mode",
                          *subject != '\0' ? subject : "null");
    return false;
}

/* The path's subject, or "" for a path without one or with the default context alone; NULL with
 * the answer made. */
static const char *registry_settings_subject(const struct http_request *rq, bool global,
                                             struct registry_answer *a)
{
    bool whole = global || strcmp(http_request_param(rq, "subject"), ":.:") == 0;
    return whole ? "" : registry_request_subject(rq, a);
}

/* {"compatibilityLevel":..} and what else is set; a level that is not set is the one that holds. */
static void registry_settings_write_config(const struct registry *r, const char *subject,
                                           const json_t *config, struct buf *b)
{
    if (json_object_get(config, REGISTRY_SETTINGS_LEVEL) != NULL) {
        json_write(b, config);
        return;
    }
    json_t *copy = config != NULL ? json_deep_copy(config) : json_object();
    if (copy == NULL || json_object_set_new(copy, REGISTRY_SETTINGS_LEVEL,
                                            json_string(compatibility_level_name(
                                                registry_settings_level(r, subject)))) != 0) {
        b->failed = true;
    } else {
        json_write(b, copy);
    }
    json_decref(copy);
}

static void registry_settings_get_config(struct registry *r, struct http_request *rq, bool global)
{
    struct registry_answer a;
    registry_answer_init(&a);
    const char *name = registry_settings_subject(rq, global, &a);
    registry_store_lock_read(r->store);
    const json_t *config = name != NULL ? registry_settings_config(r, name) : NULL;
    if (name != NULL && config == NULL && *name != '\0') {
        if (http_request_query_bool(rq, "defaultToGlobal")) {
            config = registry_settings_config(r, "");
        } else {
            registry_answer_error(
                &a, 40408, "Subject '%s' does not have subject-level compatibility configured",
                name);
        }
    }
    if (!a.failed) {
        registry_settings_write_config(r, name, config, &a.body);
    }
    registry_store_unlock(r->store);
    registry_respond(rq, &a);
}

/* A flag, that may be written as a text; absent or null is none. False for anything else. */
static bool registry_settings_flag(const json_t *json, bool *out)
{
    const char *text = json_string_value(json);
    *out = json_is_true(json) || (text != NULL && text_equals_nocase(text, "true"));
    return json == NULL || json_is_null(json) || json_is_boolean(json) ||
           (text != NULL && (*out || text_equals_nocase(text, "false")));
}

/* The new object of settings: what is stored, changed by the body. NULL with the answer made. */
static json_t *registry_settings_merge(const struct registry *r, const char *name,
                                       const json_t *body, struct registry_answer *a)
{
    static const char *const unsupported[] = {
        "alias",          "aliasForDeks",     "compatibilityPolicy", "compatibilityGroup",
        "validateFields", "validateRules",    "validateNewSchemas",  "defaultMetadata",
        "defaultRuleSet", "overrideMetadata", "overrideRuleSet"};
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++) {
        const json_t *value = json_object_get(body, unsupported[i]);
        if (value != NULL && !json_is_null(value)) {
            registry_answer_error(a, 422, "The setting %s is not supported", unsupported[i]);
            return NULL;
        }
    }
    const json_t *level = json_object_get(body, "compatibility");
    const json_t *normalize = json_object_get(body, "normalize");
    enum compatibility_level parsed = COMPATIBILITY_NONE;
    struct err e = {.code = ERR_OK};
    if (level != NULL && !json_is_null(level) &&
        compatibility_level_parse(json_is_string(level) ? json_string_value(level) : "", &parsed,
                                  &e) != ERR_OK) {
        registry_answer_error(a, 42203, "%s", e.text);
        return NULL;
    }
    bool on = false;
    if (!registry_settings_flag(normalize, &on)) {
        registry_answer_error(a, 400, "\"normalize\" must be true or false");
        return NULL;
    }
    const json_t *config = registry_settings_config(r, name);
    json_t *merged = config != NULL ? json_deep_copy(config) : json_object();
    (void)json_object_del(merged, "subject");
    if (level != NULL) {
        (void)json_object_del(merged, REGISTRY_SETTINGS_LEVEL);
    }
    if (json_is_string(level)) {
        (void)json_object_set_new(merged, REGISTRY_SETTINGS_LEVEL,
                                  json_string(compatibility_level_name(parsed)));
    }
    if (normalize != NULL) {
        (void)json_object_del(merged, "normalize");
    }
    if (normalize != NULL && !json_is_null(normalize)) {
        (void)json_object_set_new(merged, "normalize", json_boolean(on));
    }
    return merged;
}

/* The key of a settings record: the one that it has, else ours. */
static const char *registry_settings_key(const struct registry *r, const char *keytype,
                                         const char *name, struct buf *b)
{
    const struct registry_subject *s = registry_store_subject(r->store, name);
    bool config = strcmp(keytype, "CONFIG") == 0;
    const char *own = s == NULL ? NULL : config ? s->config_key : s->mode_key;
    if (own != NULL) {
        return own;
    }
    registry_record_key(b, keytype, *name != '\0' ? name : NULL, 0);
    return buf_text(b);
}

/* One settings record, or its tombstone; takes the read lock while it looks for the key. */
static bool registry_settings_write(struct registry *r, const char *keytype, const char *name,
                                    const char *value, struct registry_answer *a)
{
    struct buf key;
    buf_init(&key, REGISTRY_SETTINGS_BYTES_MAX);
    struct registry_batch batch = {0};
    registry_store_lock_read(r->store);
    registry_batch_add(&batch, registry_settings_key(r, keytype, name, &key), value);
    registry_store_unlock(r->store);
    buf_deinit(&key);
    return registry_writer_write(r, &batch, a);
}

/* As it was sent, with the level's own spelling. */
static void registry_settings_echo(const json_t *body, struct buf *b)
{
    json_t *echo = json_object();
    const char *level = json_string_value(json_object_get(body, "compatibility"));
    enum compatibility_level parsed = COMPATIBILITY_NONE;
    if (level != NULL && compatibility_level_parse(level, &parsed, NULL) == ERR_OK) {
        (void)json_object_set_new(echo, "compatibility",
                                  json_string(compatibility_level_name(parsed)));
    }
    const json_t *normalize = json_object_get(body, "normalize");
    bool on = false;
    if (normalize != NULL && !json_is_null(normalize) && registry_settings_flag(normalize, &on)) {
        (void)json_object_set_new(echo, "normalize", json_boolean(on));
    }
    if (echo != NULL) {
        json_write(b, echo);
    }
    json_decref(echo);
}

static void registry_settings_put_config(struct registry *r, const struct registry_job *job,
                                         struct registry_answer *a, bool global)
{
    const char *name = registry_settings_subject(job->rq, global, a);
    json_t *body = name != NULL ? registry_request_body(job->rq, a) : NULL;
    if (body == NULL) {
        return;
    }
    registry_store_lock_read(r->store);
    json_t *merged = registry_settings_merge(r, name, body, a);
    bool go = merged != NULL && registry_settings_writable(r, name, a);
    registry_store_unlock(r->store);
    if (go) {
        registry_settings_echo(body, &a->body);
        char *value = json_encode(merged, REGISTRY_SETTINGS_BYTES_MAX);
        if (value == NULL) {
            registry_answer_error(a, 500, "out of memory");
        } else if (json_object_size(body) > 0) {
            (void)registry_settings_write(r, "CONFIG", name, value, a);
        }
        mem_free(value);
    }
    json_decref(merged);
    json_decref(body);
}

static void registry_settings_delete_config(struct registry *r, const struct registry_job *job,
                                            struct registry_answer *a, bool global)
{
    const char *name = registry_settings_subject(job->rq, global, a);
    if (name == NULL) {
        return;
    }
    registry_store_lock_read(r->store);
    const json_t *config = registry_settings_config(r, name);
    bool set = config != NULL;
    if (!set && *name != '\0') {
        registry_answer_error(a, 40401, "Subject '%s' not found.", name);
    } else if (registry_settings_writable(r, name, a)) {
        registry_settings_write_config(r, name, config, &a->body);
    }
    registry_store_unlock(r->store);
    if (set && !a->failed) {
        (void)registry_settings_write(r, "CONFIG", name, NULL, a);
    }
}

static void registry_settings_get_mode(struct registry *r, struct http_request *rq, bool global)
{
    struct registry_answer a;
    registry_answer_init(&a);
    const char *name = registry_settings_subject(rq, global, &a);
    registry_store_lock_read(r->store);
    if (name != NULL && *name != '\0' && registry_settings_own_mode(r, name) == NULL &&
        !http_request_query_bool(rq, "defaultToGlobal")) {
        registry_answer_error(&a, 40409, "Subject '%s' does not have subject-level mode configured",
                              name);
    } else if (name != NULL) {
        buf_printf(&a.body, "{\"mode\":\"%s\"}", registry_settings_mode(r, name));
    }
    registry_store_unlock(r->store);
    registry_respond(rq, &a);
}

/* The canonical word of a mode, or NULL with the answer made. */
static const char *registry_settings_parse_mode(const char *text, struct registry_answer *a)
{
    static const char *const modes[] = {"READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT"};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (text_equals_nocase(text, modes[i])) {
            return modes[i];
        }
    }
    if (text_equals_nocase(text, "FORWARD")) {
        registry_answer_error(a, 42204, "Forward mode only supported on global level");
        return NULL;
    }
    registry_answer_error(
        a, 42204, "Invalid mode. Valid values are READWRITE, READONLY, IMPORT and FORWARD.");
    return NULL;
}

/* The tombstones of a subject without live versions; false, with the answer made, when it has one
 * or is referred to. */
static bool registry_settings_clear_subject(const struct registry *r,
                                            const struct registry_subject *s,
                                            struct registry_batch *batch, struct registry_answer *a)
{
    if (registry_store_has(s, false)) {
        registry_answer_error(a, 42205, "Cannot import since found existing subjects");
        return false;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct registry_version *v = &s->versions[i];
        if (registry_delete_referenced(r, s->name, v->version, a)) {
            return false;
        }
        registry_delete_add(batch, "SCHEMA", s->name, v->version, v->key);
    }
    return true;
}

/* IMPORT begins with an empty scope: what was soft-deleted there is forgotten. Under the lock. */
static bool registry_settings_clear_scope(const struct registry *r, const char *name,
                                          struct registry_batch *batch, struct registry_answer *a)
{
    for (size_t i = 0; i < registry_store_subject_count(r->store); i++) {
        const struct registry_subject *s = registry_store_subject_at(r->store, i);
        if ((*name == '\0' || strcmp(s->name, name) == 0) &&
            !registry_settings_clear_subject(r, s, batch, a)) {
            return false;
        }
    }
    struct buf key;
    struct buf value;
    buf_init(&key, REGISTRY_SETTINGS_BYTES_MAX);
    buf_init(&value, REGISTRY_SETTINGS_BYTES_MAX);
    const char *subject = *name != '\0' ? name : NULL;
    registry_record_key(&key, "CLEAR_SUBJECT", subject, 0);
    registry_record_subject(&value, subject, 0);
    registry_batch_add(batch, buf_text(&key), buf_text(&value));
    buf_deinit(&key);
    buf_deinit(&value);
    return true;
}

/* What goes before the mode itself; false with the answer made. */
static bool registry_settings_enter_mode(struct registry *r, const char *name, const char *mode,
                                         bool force, struct registry_answer *a)
{
    struct registry_batch batch = {0};
    registry_store_lock_read(r->store);
    bool clear = strcmp(mode, "IMPORT") == 0 && !force &&
                 strcmp(registry_settings_mode(r, name), "IMPORT") != 0;
    bool go = !clear || registry_settings_clear_scope(r, name, &batch, a);
    registry_store_unlock(r->store);
    if (go && clear) {
        return registry_writer_write(r, &batch, a);
    }
    registry_batch_free(&batch);
    return go;
}

static void registry_settings_put_mode(struct registry *r, const struct registry_job *job,
                                       struct registry_answer *a, bool global)
{
    const char *name = registry_settings_subject(job->rq, global, a);
    json_t *body = name != NULL ? registry_request_body(job->rq, a) : NULL;
    if (body == NULL) {
        return;
    }
    const json_t *given = json_object_get(body, "mode");
    const char *text = json_is_string(given) ? json_string_value(given) : "";
    if (given == NULL || json_is_null(given)) { /* back to the default */
        buf_append_text(&a->body, "{}");
        (void)registry_settings_write(r, "MODE", name, NULL, a);
        json_decref(body);
        return;
    }
    const char *mode = registry_settings_parse_mode(text, a);
    if (mode != NULL && registry_settings_enter_mode(r, name, mode, job->flags.force, a)) {
        struct buf value;
        buf_init(&value, REGISTRY_SETTINGS_BYTES_MAX);
        registry_record_mode(&value, *name != '\0' ? name : NULL, mode);
        buf_printf(&a->body, "{\"mode\":\"%s\"}", text);
        (void)registry_settings_write(r, "MODE", name, buf_text(&value), a);
        buf_deinit(&value);
    }
    json_decref(body);
}

/* Tombstones for the mode and, when they are asked for, those of all subjects below the global
 * one. Under the lock. */
static void registry_settings_drop_modes(const struct registry *r, const char *name, bool recursive,
                                         struct registry_batch *batch)
{
    struct buf key;
    buf_init(&key, REGISTRY_SETTINGS_BYTES_MAX);
    for (size_t i = 0; i < registry_store_subject_count(r->store); i++) {
        const struct registry_subject *s = registry_store_subject_at(r->store, i);
        bool below = recursive && *name == '\0';
        if (s->mode != NULL && (below || strcmp(s->name, name) == 0)) {
            buf_clear(&key);
            registry_batch_add(batch, registry_settings_key(r, "MODE", s->name, &key), NULL);
        }
    }
    buf_deinit(&key);
}

static void registry_settings_delete_mode(struct registry *r, const struct registry_job *job,
                                          struct registry_answer *a, bool global)
{
    const char *name = registry_settings_subject(job->rq, global, a);
    if (name == NULL) {
        return;
    }
    struct registry_batch batch = {0};
    registry_store_lock_read(r->store);
    const char *mode = registry_settings_own_mode(r, name);
    if (mode == NULL && *name != '\0' && !job->flags.recursive) {
        registry_answer_error(a, 40401, "Subject '%s' not found.", name);
    } else if (mode == NULL && *name != '\0') {
        buf_append_text(&a->body, "{}");
    } else {
        buf_printf(&a->body, "{\"mode\":\"%s\"}", mode != NULL ? mode : "READWRITE");
    }
    registry_settings_drop_modes(r, name, job->flags.recursive, &batch);
    registry_store_unlock(r->store);
    if (batch.count > 0) {
        (void)registry_writer_write(r, &batch, a);
    }
}

/* What each path does, for all subjects and for one. */
#define REGISTRY_SETTINGS_WRITE(verb, what)                                            \
    static void registry_settings_##verb##_global_##what(                              \
        struct registry *r, const struct registry_job *job, struct registry_answer *a) \
    {                                                                                  \
        registry_settings_##verb##_##what(r, job, a, true);                            \
    }                                                                                  \
    static void registry_settings_##verb##_subject_##what(                             \
        struct registry *r, const struct registry_job *job, struct registry_answer *a) \
    {                                                                                  \
        registry_settings_##verb##_##what(r, job, a, false);                           \
    }                                                                                  \
    void registry_on_##verb##_##what(void *ctx, struct http_request *rq)               \
    {                                                                                  \
        registry_writer_queue(ctx, rq, registry_settings_##verb##_global_##what);      \
    }                                                                                  \
    void registry_on_##verb##_subject_##what(void *ctx, struct http_request *rq)       \
    {                                                                                  \
        registry_writer_queue(ctx, rq, registry_settings_##verb##_subject_##what);     \
    }

REGISTRY_SETTINGS_WRITE(put, config)
REGISTRY_SETTINGS_WRITE(delete, config)
REGISTRY_SETTINGS_WRITE(put, mode)
REGISTRY_SETTINGS_WRITE(delete, mode)

void registry_on_get_config(void *ctx, struct http_request *rq)
{
    registry_settings_get_config(ctx, rq, true);
}

void registry_on_get_subject_config(void *ctx, struct http_request *rq)
{
    registry_settings_get_config(ctx, rq, false);
}

void registry_on_get_mode(void *ctx, struct http_request *rq)
{
    registry_settings_get_mode(ctx, rq, true);
}

void registry_on_get_subject_mode(void *ctx, struct http_request *rq)
{
    registry_settings_get_mode(ctx, rq, false);
}
