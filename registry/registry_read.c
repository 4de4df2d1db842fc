#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/text.h"
#include "registry/registry_internal.h"
#include "registry/registry_page.h"
#include "serde/avro_schema.h"

#define REGISTRY_READ_TYPE "application/vnd.schemaregistry.v1+json"
#define REGISTRY_READ_SCHEMAS_MAX 1000

static void registry_read_text(struct buf *b, const char *text)
{
    json_write_text(b, text, strlen(text));
}

void registry_write_version(struct buf *b, const struct registry_subject *subject,
                            const struct registry_version *v)
{
    buf_append_text(b, "{\"subject\":");
    registry_read_text(b, subject->name);
    buf_printf(b, ",\"version\":%d,\"id\":%d,", v->version, v->id);
    registry_content_write(v->content, b);
    buf_append_char(b, '}');
}

/* A subjectPrefix without its context part: every subject is in the default one. */
static const char *registry_read_prefix(const struct http_request *rq)
{
    const char *prefix = http_request_query(rq, "subjectPrefix");
    if (prefix == NULL) {
        return "";
    }
    bool qualified = strncmp(prefix, ":*:", 3) == 0 || strncmp(prefix, ":.:", 3) == 0;
    return qualified ? prefix + 3 : prefix;
}

static bool registry_read_begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

void registry_on_schemas(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    struct registry_page page;
    const char *prefix = registry_read_prefix(rq);
    bool deleted = http_request_query_bool(rq, "deleted");
    bool latest = http_request_query_bool(rq, "latestOnly");
    if (registry_page_init(&page, rq, &a, REGISTRY_READ_SCHEMAS_MAX)) {
        registry_store_lock_read(r->store);
        buf_append_char(&a.body, '[');
        for (size_t i = 0; i < registry_store_subject_count(r->store); i++) {
            const struct registry_subject *s = registry_store_subject_at(r->store, i);
            bool last = true; /* the newest that is shown comes last */
            for (size_t j = 0; j < s->count && registry_read_begins(s->name, prefix); j++) {
                const struct registry_version *v = &s->versions[j];
                if (latest) {
                    v = deleted ? &s->versions[s->count - 1] : registry_store_version(s, -1, false);
                    last = j == 0;
                }
                if (v != NULL && last && (deleted || !v->deleted) &&
                    registry_page_takes(&page, &a.body)) {
                    registry_write_version(&a.body, s, v);
                }
            }
        }
        buf_append_char(&a.body, ']');
        registry_store_unlock(r->store);
    }
    registry_respond(rq, &a);
}

/* {id} as a number; a text that is none is no path that exists. */
static bool registry_read_id(const struct http_request *rq, struct registry_answer *a, int *out_id)
{
    int64_t v = 0;
    if (!text_parse_int64(http_request_param(rq, "id"), &v) || v < INT32_MIN || v > INT32_MAX) {
        registry_answer_error(a, 404, "HTTP 404 Not Found");
        return false;
    }
    *out_id = (int)v;
    return true;
}

static bool registry_read_is_resolved(const struct http_request *rq)
{
    const char *format = http_request_query(rq, "format");
    return format != NULL && strcmp(format, "resolved") == 0;
}

/* With references inlined when format=resolved asks for it. */
static void registry_read_schema_text(const struct registry *r, const struct http_request *rq,
                                      const struct registry_content *content, struct buf *b)
{
    struct avro_schema *schema = NULL;
    if (registry_read_is_resolved(rq) && registry_content_is_avro(content) &&
        registry_store_parse(r->store, content, false, false, &schema, NULL) == ERR_OK) {
        avro_schema_write_resolved(schema, b);
        avro_schema_unref(schema);
    } else {
        buf_append_text(b, content->text);
    }
}

/* The content in the form that is asked for; NULL with the answer made. */
static struct registry_content *registry_read_shaped(const struct registry *r,
                                                     const struct http_request *rq,
                                                     struct registry_content *stored,
                                                     struct registry_answer *a)
{
    if (!registry_read_is_resolved(rq)) {
        return registry_content_ref(stored);
    }
    struct buf text;
    buf_init(&text, a->body.limit_bytes);
    registry_read_schema_text(r, rq, stored, &text);
    const char *schema = buf_text(&text);
    struct registry_content *shaped =
        schema == NULL ? NULL
                       : registry_content_create(schema, stored->type, stored->references,
                                                 stored->metadata, stored->rule_set);
    buf_deinit(&text);
    if (shaped == NULL) {
        registry_answer_error(a, 500, "out of memory");
    }
    return shaped;
}

void registry_answer_version(const struct registry *r, const struct http_request *rq,
                             struct registry_answer *a, const struct registry_subject *subject,
                             const struct registry_version *v)
{
    struct registry_version shown = *v;
    shown.content = registry_read_shaped(r, rq, v->content, a);
    if (shown.content != NULL) {
        registry_write_version(&a->body, subject, &shown);
        registry_content_unref(shown.content);
    }
}

/* The answer with maxId, an inlined text or another content type. */
static void registry_read_special_id(const struct registry *r, const struct http_request *rq,
                                     const struct registry_id *found, struct registry_answer *a)
{
    struct registry_content *content = registry_read_shaped(r, rq, found->content, a);
    if (content == NULL) {
        return;
    }
    buf_append_char(&a->body, '{');
    registry_content_write(content, &a->body);
    if (http_request_query_bool(rq, "fetchMaxId")) {
        buf_printf(&a->body, ",\"maxId\":%d", registry_store_max_id(r->store));
    }
    buf_append_char(&a->body, '}');
    registry_content_unref(content);
}

/* The hot path: one look under the read lock, an answer that was made before. */
void registry_on_id(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    int64_t id = 0;
    bool special = http_request_query_bool(rq, "fetchMaxId") ||
                   http_request_query(rq, "format") != NULL ||
                   !http_request_wants(rq, REGISTRY_READ_TYPE);
    if (!special && text_parse_int64(http_request_param(rq, "id"), &id) && id > 0 &&
        id <= INT32_MAX) {
        registry_store_lock_read(r->store);
        const struct registry_id *found = registry_store_id(r->store, (int)id);
        struct http_request_shared *answer =
            found != NULL ? http_request_shared_ref(found->answer) : NULL;
        registry_store_unlock(r->store);
        if (answer != NULL) {
            http_request_respond_shared(rq, answer);
            http_request_shared_unref(answer);
            return;
        }
    }
    struct registry_answer a;
    registry_answer_init(&a);
    int wanted = 0;
    if (registry_read_id(rq, &a, &wanted)) {
        registry_store_lock_read(r->store);
        const struct registry_id *found = registry_store_id(r->store, wanted);
        if (found == NULL) {
            registry_answer_error(&a, 40403, "Schema %d not found", wanted);
        } else {
            registry_read_special_id(r, rq, found, &a);
        }
        registry_store_unlock(r->store);
    }
    registry_respond(rq, &a);
}

void registry_on_id_text(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    int id = 0;
    if (registry_read_id(rq, &a, &id)) {
        registry_store_lock_read(r->store);
        const struct registry_id *found = registry_store_id(r->store, id);
        if (found == NULL) {
            registry_answer_error(&a, 40403, "Schema %d not found", id);
        } else {
            registry_read_schema_text(r, rq, found->content, &a.body);
        }
        registry_store_unlock(r->store);
    }
    registry_respond(rq, &a);
}

/* The id of the schema with that GUID, which is the hash with dashes; 0 when there is none. Under
 * the lock. */
static int registry_read_guid(const struct registry *r, const struct http_request *rq)
{
    const char *guid = http_request_param(rq, "guid");
    char hash[REGISTRY_MD5_HEX_SIZE];
    size_t n = 0;
    for (size_t i = 0; guid[i] != '\0'; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool upper = guid[i] >= 'A' && guid[i] <= 'F';
        if (dash != (guid[i] == '-') || i >= 36) {
            return 0;
        }
        if (!dash) {
            hash[n++] = (char)(upper ? guid[i] - 'A' + 'a' : guid[i]);
        }
    }
    hash[n] = '\0';
    return registry_store_id_of_hash(r->store, hash);
}

void registry_on_guid(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    registry_store_lock_read(r->store);
    const struct registry_id *found = registry_store_id(r->store, registry_read_guid(r, rq));
    if (found == NULL) {
        registry_answer_error(&a, 40403, "Schema %s not found", http_request_param(rq, "guid"));
    } else {
        registry_read_special_id(r, rq, found, &a);
    }
    registry_store_unlock(r->store);
    registry_respond(rq, &a);
}

void registry_on_guid_ids(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    registry_store_lock_read(r->store);
    int id = registry_read_guid(r, rq);
    registry_store_unlock(r->store);
    if (id > 0) {
        buf_printf(&a.body, "[{\"context\":\".\",\"id\":%d}]", id);
    } else {
        buf_append_text(&a.body, "[]");
    }
    registry_respond(rq, &a);
}

/* What of an id's uses is shown: subject names, or subjects with versions. */
struct registry_uses {
    int id;
    bool deleted;
    bool versions;
    struct registry_page page;
};

static void registry_read_subject_uses(struct registry_uses *uses, const struct registry_subject *s,
                                       struct buf *b)
{
    bool shown = false;
    for (size_t i = 0; i < s->count && (uses->versions || !shown); i++) {
        const struct registry_version *v = &s->versions[i];
        shown = v->id == uses->id && (uses->deleted || !v->deleted);
        if (!shown || !registry_page_takes(&uses->page, b)) {
            continue;
        }
        if (uses->versions) {
            buf_append_text(b, "{\"subject\":");
            registry_read_text(b, s->name);
            buf_printf(b, ",\"version\":%d}", v->version);
        } else {
            registry_read_text(b, s->name);
        }
    }
}

static void registry_read_uses(struct registry *r, struct http_request *rq, bool versions)
{
    struct registry_answer a;
    registry_answer_init(&a);
    struct registry_uses uses = {.deleted = http_request_query_bool(rq, "deleted"),
                                 .versions = versions};
    if (registry_read_id(rq, &a, &uses.id) && registry_page_init(&uses.page, rq, &a, INT32_MAX)) {
        registry_store_lock_read(r->store);
        if (registry_store_id(r->store, uses.id) == NULL) {
            registry_answer_error(&a, 40403, "Schema not found");
        } else {
            buf_append_char(&a.body, '[');
            for (size_t i = 0; i < registry_store_subject_count(r->store); i++) {
                registry_read_subject_uses(&uses, registry_store_subject_at(r->store, i), &a.body);
            }
            buf_append_char(&a.body, ']');
        }
        registry_store_unlock(r->store);
    }
    registry_respond(rq, &a);
}

void registry_on_id_subjects(void *ctx, struct http_request *rq)
{
    registry_read_uses(ctx, rq, false);
}

void registry_on_id_versions(void *ctx, struct http_request *rq)
{
    registry_read_uses(ctx, rq, true);
}

void registry_on_subjects(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    struct registry_page page;
    const char *prefix = registry_read_prefix(rq);
    bool deleted = http_request_query_bool(rq, "deleted");
    bool deleted_only = http_request_query_bool(rq, "deletedOnly");
    if (registry_page_init(&page, rq, &a, INT32_MAX)) {
        registry_store_lock_read(r->store);
        buf_append_char(&a.body, '[');
        for (size_t i = 0; i < registry_store_subject_count(r->store); i++) {
            const struct registry_subject *s = registry_store_subject_at(r->store, i);
            bool any = registry_store_has(s, true);
            bool live = registry_store_has(s, false);
            bool wanted = deleted_only ? any && !live : deleted ? any : live;
            if (wanted && registry_read_begins(s->name, prefix) &&
                registry_page_takes(&page, &a.body)) {
                registry_read_text(&a.body, s->name);
            }
        }
        buf_append_char(&a.body, ']');
        registry_store_unlock(r->store);
    }
    registry_respond(rq, &a);
}

void registry_on_versions(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    struct registry_page page;
    bool deleted = http_request_query_bool(rq, "deleted");
    bool deleted_only = http_request_query_bool(rq, "deletedOnly");
    bool negative = http_request_query_bool(rq, "deletedAsNegative");
    const char *name = registry_request_subject(rq, &a);
    if (name != NULL && registry_page_init(&page, rq, &a, INT32_MAX)) {
        registry_store_lock_read(r->store);
        const struct registry_subject *s = registry_store_subject(r->store, name);
        if (!registry_store_has(s, deleted || deleted_only)) {
            registry_answer_error(&a, 40401, "Subject '%s' not found.", name);
        } else {
            buf_append_char(&a.body, '[');
            for (size_t i = 0; i < s->count; i++) {
                const struct registry_version *v = &s->versions[i];
                bool wanted = negative || (deleted_only ? v->deleted : deleted || !v->deleted);
                if (wanted && registry_page_takes(&page, &a.body)) {
                    buf_printf(&a.body, "%d", negative && v->deleted ? -v->version : v->version);
                }
            }
            buf_append_char(&a.body, ']');
        }
        registry_store_unlock(r->store);
    }
    registry_respond(rq, &a);
}

/* The version that a path names, or NULL with the answer made. Under the lock. */
static const struct registry_version *registry_read_version(const struct registry *r,
                                                            const struct http_request *rq,
                                                            bool deleted, struct registry_answer *a,
                                                            const struct registry_subject **out)
{
    int version = 0;
    const char *name = registry_request_subject(rq, a);
    if (name == NULL || !registry_request_version(rq, a, &version)) {
        return NULL;
    }
    const struct registry_subject *s = registry_store_subject(r->store, name);
    const struct registry_version *v = registry_store_version(s, version, deleted && version > 0);
    if (v == NULL && !registry_store_has(s, deleted)) {
        registry_answer_error(a, 40401, "Subject '%s' not found.", name);
    } else if (v == NULL) {
        registry_answer_error(a, 40402, "Version %d not found.", version);
    }
    *out = s;
    return v;
}

void registry_on_version(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    const struct registry_subject *s = NULL;
    registry_store_lock_read(r->store);
    const struct registry_version *v =
        registry_read_version(r, rq, http_request_query_bool(rq, "deleted"), &a, &s);
    if (v != NULL) {
        registry_answer_version(r, rq, &a, s, v);
    }
    registry_store_unlock(r->store);
    registry_respond(rq, &a);
}

void registry_on_version_text(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    const struct registry_subject *s = NULL;
    registry_store_lock_read(r->store);
    const struct registry_version *v =
        registry_read_version(r, rq, http_request_query_bool(rq, "deleted"), &a, &s);
    if (v != NULL) {
        registry_read_schema_text(r, rq, v->content, &a.body);
    }
    registry_store_unlock(r->store);
    registry_respond(rq, &a);
}

/* Ids of referrers, as the keys of a set. */
struct registry_referrers {
    json_t *ids;
    bool deleted;
};

static void registry_read_referrer(void *ctx, const struct registry_subject *subject,
                                   const struct registry_version *v)
{
    (void)subject;
    struct registry_referrers *referrers = ctx;
    if (referrers->deleted || !v->deleted) {
        /* Sorted insertion: few refer to one schema. */
        size_t i = 0;
        size_t n = json_array_size(referrers->ids);
        while (i < n && json_integer_value(json_array_get(referrers->ids, i)) < v->id) {
            i++;
        }
        if (i == n || json_integer_value(json_array_get(referrers->ids, i)) != v->id) {
            (void)json_array_insert_new(referrers->ids, i, json_integer(v->id));
        }
    }
}

void registry_on_referenced_by(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    struct registry_page page;
    const struct registry_subject *s = NULL;
    struct registry_referrers referrers = {json_array(), http_request_query_bool(rq, "deleted")};
    bool ok = registry_page_init(&page, rq, &a, INT32_MAX);
    registry_store_lock_read(r->store);
    const struct registry_version *v = ok ? registry_read_version(r, rq, true, &a, &s) : NULL;
    if (v != NULL && referrers.ids != NULL) {
        registry_store_each_referrer(r->store, s->name, v->version, registry_read_referrer,
                                     &referrers);
        buf_append_char(&a.body, '[');
        for (size_t i = 0; i < json_array_size(referrers.ids); i++) {
            if (registry_page_takes(&page, &a.body)) {
                json_write(&a.body, json_array_get(referrers.ids, i));
            }
        }
        buf_append_char(&a.body, ']');
    }
    registry_store_unlock(r->store);
    json_decref(referrers.ids);
    registry_respond(rq, &a);
}

#define REGISTRY_READ_PAIRS_MAX 32

/* The values of a repeated query parameter. */
struct registry_values {
    const char *items[REGISTRY_READ_PAIRS_MAX];
    size_t count;
    bool too_many;
};

static void registry_read_value(void *ctx, const char *value)
{
    struct registry_values *values = ctx;
    if (values->count == REGISTRY_READ_PAIRS_MAX) {
        values->too_many = true;
        return;
    }
    values->items[values->count++] = value;
}

static bool registry_read_has_pairs(const struct registry_content *content,
                                    const struct registry_values *keys,
                                    const struct registry_values *values)
{
    const json_t *properties = json_object_get(content->metadata, "properties");
    for (size_t i = 0; i < keys->count; i++) {
        const char *is = json_string_value(json_object_get(properties, keys->items[i]));
        if (is == NULL || strcmp(is, values->items[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* The latest version whose metadata has all the pairs: such come from other registries alone. */
void registry_on_metadata(void *ctx, struct http_request *rq)
{
    struct registry *r = ctx;
    struct registry_answer a;
    registry_answer_init(&a);
    struct registry_values keys = {.count = 0};
    struct registry_values values = {.count = 0};
    http_request_query_each(rq, "key", registry_read_value, &keys);
    http_request_query_each(rq, "value", registry_read_value, &values);
    bool deleted = http_request_query_bool(rq, "deleted");
    const char *name = registry_request_subject(rq, &a);
    if (name != NULL && (keys.count != values.count || keys.too_many || values.too_many)) {
        registry_answer_error(&a, 400, "as many values as keys are needed, at most %d",
                              REGISTRY_READ_PAIRS_MAX);
    }
    registry_store_lock_read(r->store);
    const struct registry_subject *s = a.failed ? NULL : registry_store_subject(r->store, name);
    const struct registry_version *found = NULL;
    for (size_t i = s != NULL ? s->count : 0; i > 0 && found == NULL; i--) {
        const struct registry_version *v = &s->versions[i - 1];
        if ((deleted || !v->deleted) && registry_read_has_pairs(v->content, &keys, &values)) {
            found = v;
        }
    }
    if (found != NULL) {
        registry_answer_version(r, rq, &a, s, found);
    } else if (!a.failed && !registry_store_has(s, deleted)) {
        registry_answer_error(&a, 40401, "Subject '%s' not found.", name);
    } else if (!a.failed) {
        registry_answer_error(&a, 40403, "Schema not found");
    }
    registry_store_unlock(r->store);
    registry_respond(rq, &a);
}
