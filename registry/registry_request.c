#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/text.h"
#include "registry/registry_internal.h"
#include "serde/avro_schema.h"

#define REGISTRY_REQUEST_SCHEMA_MAX ((size_t)16 * 1024 * 1024)

struct registry_flags registry_request_flags(const struct http_request *rq)
{
    return (struct registry_flags){
        .normalize = http_request_query_bool(rq, "normalize"),
        .deleted = http_request_query_bool(rq, "deleted"),
        .permanent = http_request_query_bool(rq, "permanent"),
        .force = http_request_query_bool(rq, "force"),
        .verbose = http_request_query_bool(rq, "verbose"),
        .default_to_global = http_request_query_bool(rq, "defaultToGlobal"),
        .recursive = http_request_query_bool(rq, "recursive"),
    };
}

const char *registry_request_subject(const struct http_request *rq, struct registry_answer *a)
{
    const char *subject = http_request_param(rq, "subject");
    /* ":.:name" is the default context, that is, the name itself. */
    if (strncmp(subject, ":.:", 3) == 0) {
        subject += 3;
    }
    if (strncmp(subject, ":.", 2) == 0 || strncmp(subject, ":*:", 3) == 0) {
        registry_answer_error(a, 42208,
                              "The specified subject '%s' is not a valid. Contexts other than the "
                              "default one are not supported",
                              subject);
        return NULL;
    }
    bool reserved = *subject == '\0' || strcmp(subject, "__GLOBAL") == 0 ||
                    strcmp(subject, "__EMPTY") == 0 || strlen(subject) > REGISTRY_SUBJECT_MAX;
    for (const char *at = subject; *at != '\0' && !reserved; at++) {
        reserved = (unsigned char)*at < 0x20 || *at == 0x7f;
    }
    if (reserved) {
        registry_answer_error(a, 42208, "The specified subject '%s' is not a valid.", subject);
        return NULL;
    }
    return subject;
}

bool registry_request_version(const struct http_request *rq, struct registry_answer *a,
                              int *out_version)
{
    const char *text = http_request_param(rq, "version");
    int64_t v = 0;
    if (text_equals_nocase(text, "latest")) {
        v = -1;
    } else if (!text_parse_int64(text, &v) || v == 0 || v < -1 || v > INT32_MAX) {
        registry_answer_error(a, 42202,
                              "The specified version '%s' is not a valid version id. Allowed "
                              "values are between [1, 2^31-1] and the string \"latest\"",
                              text);
        return false;
    }
    *out_version = (int)v;
    return true;
}

bool registry_request_number(const struct http_request *rq, struct registry_answer *a,
                             const char *name, int *out)
{
    const char *text = http_request_query(rq, name);
    int64_t v = 0;
    if (text == NULL) {
        return true;
    }
    if (!text_parse_int64(text, &v) || v < INT32_MIN || v > INT32_MAX) {
        registry_answer_error(a, 404, "HTTP 404 Not Found");
        return false;
    }
    *out = (int)v;
    return true;
}

json_t *registry_request_body(const struct http_request *rq, struct registry_answer *a)
{
    struct bytes body = http_request_body(rq);
    if (body.len == 0) {
        registry_answer_error(a, 422, "The request body must not be empty");
        return NULL;
    }
    json_t *json = NULL;
    struct err e = {.code = ERR_OK};
    if (json_decode(body, NULL, &json, &e) != ERR_OK) {
        registry_answer_error(a, 400, "The request body is not valid JSON: %s", e.text);
        return NULL;
    }
    if (!json_is_object(json)) {
        json_decref(json);
        registry_answer_error(a, 400, "The request body must be a JSON object");
        return NULL;
    }
    return json;
}

/* 42201: what was sent, as the original prints it, and what is wrong with it. */
static void registry_request_invalid(const struct registry_candidate *c,
                                     const struct registry_candidate_how *how,
                                     const struct registry_content *given, const char *details,
                                     struct registry_answer *a)
{
    const json_t *references = given->references;
    const char *text = given->text;
    struct buf list;
    buf_init(&list, REGISTRY_REQUEST_SCHEMA_MAX);
    for (size_t i = 0; i < json_array_size(references); i++) {
        const json_t *reference = json_array_get(references, i);
        buf_printf(&list, "%s{name='%s', subject='%s', version=%d}", i > 0 ? ", " : "",
                   json_string_value(json_object_get(reference, "name")),
                   json_string_value(json_object_get(reference, "subject")),
                   (int)json_integer_value(json_object_get(reference, "version")));
    }
    const char *references_text = buf_text(&list);
    registry_answer_error(
        a, 42201,
        "Invalid schema {subject=%s,version=%d,id=%d,schemaType=AVRO,references=["
        "%s],metadata=null,ruleSet=null,schema=%s,schemaTags=null} with refs [%s] "
        "of type AVRO, details: %s",
        how->subject, c->version, c->id > 0 ? c->id : -1,
        references_text != NULL ? references_text : "", text,
        references_text != NULL ? references_text : "", details);
    buf_deinit(&list);
}

/* One reference of a request; -1 becomes the latest version. */
static json_t *registry_request_reference(struct registry *r, const json_t *given,
                                          struct registry_answer *a)
{
    const char *name = json_string_value(json_object_get(given, "name"));
    const char *subject = json_string_value(json_object_get(given, "subject"));
    const json_t *version = json_object_get(given, "version");
    if (name == NULL || subject == NULL || !json_is_integer(version)) {
        registry_answer_error(a, 42201,
                              "Invalid schema: a reference needs name, subject and version");
        return NULL;
    }
    json_int_t wanted = json_integer_value(version);
    const struct registry_version *v =
        wanted >= -1 && wanted <= INT32_MAX
            ? registry_store_version(registry_store_subject(r->store, subject), (int)wanted, false)
            : NULL;
    /* One that is not there is refused when the schema is parsed. */
    return json_pack("{s:s,s:s,s:I}", "name", name, "subject", subject, "version",
                     v != NULL ? (json_int_t)v->version : wanted);
}

/* A new array, or NULL with *out_ok telling none from refused. */
static json_t *registry_request_references(struct registry *r, const json_t *body,
                                           struct registry_answer *a, bool *out_ok)
{
    const json_t *given = json_object_get(body, "references");
    *out_ok = true;
    if (given == NULL || json_is_null(given)) {
        return NULL;
    }
    if (!json_is_array(given)) {
        registry_answer_error(a, 400, "\"references\" must be an array");
        *out_ok = false;
        return NULL;
    }
    json_t *references = json_array();
    for (size_t i = 0; i < json_array_size(given) && *out_ok; i++) {
        json_t *reference = registry_request_reference(r, json_array_get(given, i), a);
        *out_ok = reference != NULL && json_array_append_new(references, reference) == 0;
    }
    return references;
}

/* What we cannot honour is refused, not dropped. */
static bool registry_request_supported(const json_t *body, struct registry_answer *a)
{
    static const char *const numbers[] = {"id", "version"};
    for (size_t i = 0; i < 2; i++) {
        const json_t *number = json_object_get(body, numbers[i]);
        if (number != NULL && !json_is_null(number) && !json_is_integer(number)) {
            registry_answer_error(a, 400, "\"%s\" must be a number", numbers[i]);
            return false;
        }
    }
    const json_t *type = json_object_get(body, "schemaType");
    const char *type_text = json_string_value(type);
    if (type != NULL && !json_is_null(type) &&
        (type_text == NULL || strcmp(type_text, "AVRO") != 0)) {
        registry_answer_error(a, 42201, "Invalid schema type %s",
                              type_text != NULL ? type_text : "(not a text)");
        return false;
    }
    const json_t *metadata = json_object_get(body, "metadata");
    if (metadata != NULL && !json_is_null(metadata)) {
        registry_answer_error(a, 42201, "Schema metadata is not supported");
        return false;
    }
    const json_t *rule_set = json_object_get(body, "ruleSet");
    if (rule_set != NULL && !json_is_null(rule_set)) {
        registry_answer_error(a, 42210, "Schema rules are not supported");
        return false;
    }
    return true;
}

bool registry_request_is_empty(const json_t *body)
{
    const json_t *schema = json_object_get(body, "schema");
    const char *text = json_string_value(schema);
    return schema == NULL || json_is_null(schema) ||
           (text != NULL && text[strspn(text, " \t\r\n")] == '\0');
}

/* The content that is sent, not parsed yet; a new reference, or NULL with the answer made. */
static struct registry_content *registry_request_given(struct registry *r, const json_t *body,
                                                       const struct registry_candidate_how *how,
                                                       struct registry_answer *a)
{
    if (registry_request_is_empty(body)) {
        const struct registry_version *latest =
            registry_store_version(registry_store_subject(r->store, how->subject), -1, false);
        if (!how->previous || latest == NULL) {
            registry_answer_error(a, 42201, "Empty schema");
            return NULL;
        }
        return registry_content_ref(latest->content);
    }
    const char *text = json_string_value(json_object_get(body, "schema"));
    if (text == NULL) {
        registry_answer_error(a, 400, "\"schema\" must be a text");
        return NULL;
    }
    bool ok = false;
    json_t *references = registry_request_references(r, body, a, &ok);
    struct registry_content *given =
        ok ? registry_content_create(text, "AVRO", references, NULL, NULL) : NULL;
    json_decref(references);
    if (ok && given == NULL) {
        registry_answer_error(a, 500, "out of memory");
    }
    return given;
}

static bool registry_request_before(const json_t *x, const json_t *y)
{
    static const char *const keys[] = {"name", "subject"};
    for (size_t i = 0; i < 2; i++) {
        int order = strcmp(json_string_value(json_object_get(x, keys[i])),
                           json_string_value(json_object_get(y, keys[i])));
        if (order != 0) {
            return order < 0;
        }
    }
    return json_integer_value(json_object_get(x, "version")) <
           json_integer_value(json_object_get(y, "version"));
}

/* A new array, sorted and without doubles; NULL in gives NULL out. */
static json_t *registry_request_sorted(const json_t *references)
{
    json_t *sorted = references != NULL ? json_array() : NULL;
    for (size_t i = 0; i < json_array_size(references); i++) {
        json_t *reference = json_array_get(references, i);
        size_t at = 0;
        while (at < json_array_size(sorted) &&
               registry_request_before(json_array_get(sorted, at), reference)) {
            at++;
        }
        if (json_equal(json_array_get(sorted, at), reference) == 0) {
            (void)json_array_insert(sorted, at, reference);
        }
    }
    return sorted;
}

/* The canonical (or normalized) content of a parsed schema. */
static struct registry_content *registry_request_content(const struct avro_schema *schema,
                                                         bool normalize, json_t *references)
{
    if (!normalize) {
        return registry_content_create(avro_schema_text(schema), "AVRO", references, NULL, NULL);
    }
    struct buf b;
    buf_init(&b, REGISTRY_REQUEST_SCHEMA_MAX);
    avro_schema_write_normalized(schema, &b);
    const char *text = buf_text(&b);
    json_t *sorted = registry_request_sorted(references);
    struct registry_content *content =
        text != NULL ? registry_content_create(text, "AVRO", sorted, NULL, NULL) : NULL;
    json_decref(sorted);
    buf_deinit(&b);
    return content;
}

static int registry_request_positive(const json_t *body, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(body, key));
    return v >= -1 && v <= INT32_MAX ? (int)v : 0;
}

bool registry_request_schema(struct registry *r, const json_t *body,
                             struct registry_candidate_how how, struct registry_answer *a,
                             struct registry_candidate *out_candidate)
{
    struct registry_content *given =
        registry_request_supported(body, a) ? registry_request_given(r, body, &how, a) : NULL;
    if (given == NULL) {
        return false;
    }
    struct registry_candidate c = {.id = registry_request_positive(body, "id"),
                                   .version = registry_request_positive(body, "version")};
    struct err e = {.code = ERR_OK};
    if (registry_store_parse(r->store, given, how.strict, true, &c.schema, &e) != ERR_OK) {
        registry_request_invalid(&c, &how, given, e.text, a);
    } else {
        bool normalize = how.normalize || registry_settings_normalize(r, how.subject);
        c.content = registry_request_content(c.schema, normalize, given->references);
        if (c.content == NULL) {
            registry_answer_error(a, 500, "out of memory");
        }
    }
    registry_content_unref(given);
    if (c.content == NULL) {
        registry_candidate_free(&c);
        return false;
    }
    *out_candidate = c;
    return true;
}

void registry_candidate_free(struct registry_candidate *c)
{
    registry_content_unref(c->content);
    avro_schema_unref(c->schema);
}

/* Whether it is worth while to compare the schemas: a candidate may have the references written
 * out; otherwise texts that say the same differ in the order of sets alone. */
static bool registry_request_comparable(const struct registry_content *stored,
                                        const struct registry_content *given)
{
    if (stored->metadata != NULL || stored->rule_set != NULL || !registry_content_is_avro(stored)) {
        return false;
    }
    if (given->references == NULL && stored->references != NULL) {
        return true;
    }
    return strlen(stored->text) == strlen(given->text) &&
           (given->references == NULL ? stored->references == NULL
                                      : json_equal(stored->references, given->references) == 1);
}

bool registry_request_matches(const struct registry *r, const struct registry_version *v,
                              const struct registry_candidate *c)
{
    if (strcmp(v->content->hash, c->content->hash) == 0) {
        return true;
    }
    struct avro_schema *schema = NULL;
    if (!registry_request_comparable(v->content, c->content) ||
        registry_store_parse(r->store, v->content, false, false, &schema, NULL) != ERR_OK) {
        return false;
    }
    bool same = avro_schema_same(avro_schema_root(schema), avro_schema_root(c->schema), true);
    avro_schema_unref(schema);
    return same;
}

const struct registry_version *registry_request_find(const struct registry *r,
                                                     const struct registry_subject *subject,
                                                     const struct registry_candidate *c,
                                                     bool deleted)
{
    for (size_t i = subject != NULL ? subject->count : 0; i > 0; i--) {
        const struct registry_version *v = &subject->versions[i - 1];
        if ((deleted || !v->deleted) && strcmp(v->content->hash, c->content->hash) == 0) {
            return v;
        }
    }
    for (size_t i = subject != NULL ? subject->count : 0; i > 0; i--) {
        const struct registry_version *v = &subject->versions[i - 1];
        if ((deleted || !v->deleted) && registry_request_matches(r, v, c)) {
            return v;
        }
    }
    return NULL;
}
