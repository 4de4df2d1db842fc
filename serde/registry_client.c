#include "serde/registry_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/lock.h"
#include "common/mem.h"
#include "serde/avro_schema.h"

#define REGISTRY_CLIENT_TIMEOUT_MS 30000
#define REGISTRY_CLIENT_CACHE 1000
#define REGISTRY_CLIENT_BYTES_MAX ((size_t)32 * 1024 * 1024)
#define REGISTRY_CLIENT_URLS_MAX 16
#define REGISTRY_CLIENT_REFERENCES_MAX 100
#define REGISTRY_CLIENT_DEPTH_MAX 20
/* References of references multiply; each is a call. */
#define REGISTRY_CLIENT_FOLLOWED_MAX 1000

struct registry_client {
    char *urls[REGISTRY_CLIENT_URLS_MAX];
    size_t url_count;
    _Atomic size_t url_at; /* the one that worked last */
    char *user_info;
    char *ca_file;
    char *cert_file;
    char *key_file;
    bool insecure;
    long timeout_ms;
    size_t cache_count;
    bool (*cancelled)(void *ctx);
    void (*trace)(const char *method, const char *url, long status);
    void *ctx;
    struct lock lock; /* the caches */
    json_t *ids;      /* "subject\ntext" -> id */
    json_t *schemas;  /* "id" -> index in cached */
    struct avro_schema **cached;
    size_t cached_count;
};

/* One HTTP exchange. */
struct registry_client_exchange {
    const struct registry_client_request *request;
    struct buf answer;
    long status;
};

static void registry_client_init_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* The URL without what stands before its host: a password, maybe, which errors must not show. */
static const char *registry_client_shown(const char *url)
{
    const char *host = strstr(url, "://");
    const char *authority = host != NULL ? host + 3 : url;
    size_t len = strcspn(authority, "/?#, ");
    for (size_t i = len; i > 0; i--) {
        if (authority[i - 1] == '@') {
            return authority + i;
        }
    }
    return url;
}

static enum err_code registry_client_split_urls(struct registry_client *c, const char *urls,
                                                struct err *e)
{
    for (const char *at = urls; *at != '\0';) {
        at += strspn(at, ", ");
        size_t len = strcspn(at, ", ");
        const char *next = at + len;
        while (len > 0 && at[len - 1] == '/') {
            len--;
        }
        if (len == 0) {
            continue;
        }
        if (c->url_count == REGISTRY_CLIENT_URLS_MAX) {
            return err_set(e, ERR_LIMIT, "more than %d schema registry URLs",
                           REGISTRY_CLIENT_URLS_MAX);
        }
        if (strncmp(at, "http://", 7) != 0 && strncmp(at, "https://", 8) != 0) {
            const char *shown = registry_client_shown(at);
            return err_set(e, ERR_INVALID,
                           "schema registry URL \"%.*s\" does not begin with http:// or https://",
                           (int)(at + len - shown), shown);
        }
        c->urls[c->url_count] = mem_strndup(at, len);
        if (c->urls[c->url_count++] == NULL) {
            return err_nomem(e, "schema registry URL");
        }
        at = next;
    }
    if (c->url_count == 0) {
        return err_set(e, ERR_INVALID, "no schema registry URL is given");
    }
    return ERR_OK;
}

enum err_code registry_client_create(const struct registry_client_config *config,
                                     struct registry_client **out_client, struct err *e)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, registry_client_init_curl);
    struct registry_client *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return err_nomem(e, "schema registry client");
    }
    lock_init(&c->lock);
    c->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : REGISTRY_CLIENT_TIMEOUT_MS;
    c->cache_count = config->cache_count > 0 ? config->cache_count : REGISTRY_CLIENT_CACHE;
    c->cancelled = config->cancelled;
    c->trace = config->trace;
    c->ctx = config->ctx;
    c->user_info = mem_strdup(config->user_info);
    c->ca_file = mem_strdup(config->ca_file);
    c->cert_file = mem_strdup(config->cert_file);
    c->key_file = mem_strdup(config->key_file);
    c->insecure = config->insecure;
    c->ids = json_object();
    c->schemas = json_object();
    c->cached = mem_calloc(c->cache_count, sizeof(struct avro_schema *));
    enum err_code code = ERR_OK;
    if (c->ids == NULL || c->schemas == NULL || c->cached == NULL ||
        (config->user_info != NULL && c->user_info == NULL) ||
        (config->ca_file != NULL && c->ca_file == NULL) ||
        (config->cert_file != NULL && c->cert_file == NULL) ||
        (config->key_file != NULL && c->key_file == NULL)) {
        code = err_nomem(e, "schema registry client");
    } else {
        code = registry_client_split_urls(c, config->urls != NULL ? config->urls : "", e);
    }
    if (code != ERR_OK) {
        registry_client_destroy(c);
        return code;
    }
    *out_client = c;
    return ERR_OK;
}

void registry_client_destroy(struct registry_client *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->url_count; i++) {
        mem_free(c->urls[i]);
    }
    for (size_t i = 0; i < c->cached_count; i++) {
        avro_schema_unref(c->cached[i]);
    }
    mem_free(c->cached);
    mem_free(c->user_info);
    mem_free(c->ca_file);
    mem_free(c->cert_file);
    mem_free(c->key_file);
    json_decref(c->ids);
    json_decref(c->schemas);
    lock_deinit(&c->lock);
    mem_free(c);
}

static size_t registry_client_on_data(char *data, size_t size, size_t count, void *arg)
{
    struct registry_client_exchange *x = arg;
    buf_append(&x->answer, data, size * count);
    return buf_failed(&x->answer) ? 0 : size * count;
}

static bool registry_client_cancelled(const struct registry_client *c)
{
    return c->cancelled != NULL && c->cancelled(c->ctx);
}

/* curl calls this at least once a second; anything but 0 ends the exchange. */
static int registry_client_on_progress(void *arg, curl_off_t total, curl_off_t now,
                                       curl_off_t upload_total, curl_off_t upload_now)
{
    (void)total;
    (void)now;
    (void)upload_total;
    (void)upload_now;
    return registry_client_cancelled(arg) ? 1 : 0;
}

static void registry_client_prepare_tls(const struct registry_client *c, CURL *curl)
{
    if (c->ca_file != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, c->ca_file);
    }
    if (c->cert_file != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_SSLCERT, c->cert_file);
    }
    if (c->key_file != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_SSLKEY, c->key_file);
    }
    if (c->insecure) {
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static void registry_client_prepare(const struct registry_client *c, CURL *curl,
                                    struct registry_client_exchange *x, struct curl_slist *headers)
{
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, c->timeout_ms);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, registry_client_on_progress);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, c);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A name that is still being looked up is not waited for at the end. */
    (void)curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
#endif
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, x->request->method);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, registry_client_on_data);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, x);
    if (c->user_info != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        (void)curl_easy_setopt(curl, CURLOPT_USERPWD, c->user_info);
    }
    registry_client_prepare_tls(c, curl);
    if (x->request->body != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)strlen(x->request->body));
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, x->request->body);
    }
}

/* Why there was no answer; the system's own words where it has some ("Connection refused"). */
static enum err_code registry_client_failed(const struct registry_client *c,
                                            const struct registry_client_exchange *x, CURL *curl,
                                            CURLcode rc, struct err *e)
{
    long fault = 0;
    if (rc == CURLE_ABORTED_BY_CALLBACK) {
        return err_set(e, ERR_CANCELLED, "the call was cancelled");
    }
    if (rc == CURLE_OPERATION_TIMEDOUT) {
        return err_set(e, ERR_TIMEOUT, "no answer within %ld ms", c->timeout_ms);
    }
    if (rc == CURLE_COULDNT_CONNECT &&
        curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &fault) == CURLE_OK && fault == ECONNREFUSED) {
        return err_set(e, ERR_UNAVAILABLE, "Connection refused");
    }
    return err_set(e, buf_failed(&x->answer) ? ERR_LIMIT : ERR_UNAVAILABLE, "%s",
                   curl_easy_strerror(rc));
}

/* One try at one URL. */
static enum err_code registry_client_try(const struct registry_client *c, const char *base,
                                         struct registry_client_exchange *x, struct err *e)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(
        NULL, "Accept: application/vnd.schemaregistry.v1+json, application/json;q=0.9");
    if (headers != NULL && x->request->body != NULL) {
        struct curl_slist *more =
            curl_slist_append(headers, "Content-Type: application/vnd.schemaregistry.v1+json");
        if (more == NULL) {
            curl_slist_free_all(headers);
        }
        headers = more;
    }
    struct buf url;
    buf_init(&url, REGISTRY_CLIENT_BYTES_MAX);
    buf_printf(&url, "%s%s", base, x->request->path);
    const char *text = buf_text(&url);
    enum err_code code = ERR_OK;
    if (curl == NULL || headers == NULL || text == NULL) {
        code = err_nomem(e, "schema registry call");
    } else {
        registry_client_prepare(c, curl, x, headers);
        (void)curl_easy_setopt(curl, CURLOPT_URL, text);
        CURLcode rc = curl_easy_perform(curl);
        if (rc != CURLE_OK) {
            code = registry_client_failed(c, x, curl, rc, e);
        } else {
            (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &x->status);
        }
        if (c->trace != NULL) {
            c->trace(x->request->method, registry_client_shown(text), x->status);
        }
    }
    buf_deinit(&url);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return code;
}

static enum err_code registry_client_status_code(long status)
{
    switch (status) {
    case 401:
    case 403:
        return ERR_AUTH;
    case 404:
        return ERR_NOT_FOUND;
    case 408:
    case 504:
        return ERR_TIMEOUT;
    case 409:
        return ERR_CONFLICT;
    case 429:
    case 502:
    case 503:
        return ERR_UNAVAILABLE;
    default:
        return status >= 500 ? ERR_IO : ERR_INVALID;
    }
}

/* Another registry may do what this one cannot at the moment. */
static bool registry_client_is_busy(long status)
{
    enum err_code code = registry_client_status_code(status);
    return status >= 300 && (code == ERR_UNAVAILABLE || code == ERR_TIMEOUT);
}

/* The refusal's own code and text. */
static enum err_code registry_client_refused(struct registry_client_exchange *x,
                                             struct registry_client_fault *out_fault, struct err *e)
{
    json_t *json = NULL;
    struct err ignored;
    long error_code = x->status;
    const char *message = NULL;
    if (json_decode(buf_bytes(&x->answer), NULL, &json, &ignored) == ERR_OK) {
        const json_t *given = json_object_get(json, "error_code");
        error_code = json_is_integer(given) ? (long)json_integer_value(given) : error_code;
        message = json_string_value(json_object_get(json, "message"));
    }
    if (out_fault != NULL) {
        *out_fault = (struct registry_client_fault){.http_status = (int)x->status,
                                                    .error_code = (int)error_code};
    }
    enum err_code code =
        err_set(e, registry_client_status_code(x->status), "%s; error code: %ld",
                message != NULL ? message : "schema registry refused the call", error_code);
    json_decref(json);
    return code;
}

enum err_code registry_client_call(struct registry_client *c,
                                   const struct registry_client_request *request, char **out_body,
                                   struct registry_client_fault *out_fault, struct err *e)
{
    if (out_fault != NULL) {
        *out_fault = (struct registry_client_fault){0};
    }
    struct registry_client_exchange x = {.request = request};
    buf_init(&x.answer, REGISTRY_CLIENT_BYTES_MAX);
    enum err_code code = ERR_UNAVAILABLE;
    size_t first = c->url_at;
    for (size_t i = 0; i < c->url_count; i++) {
        size_t at = (first + i) % c->url_count;
        buf_clear(&x.answer);
        code = registry_client_try(c, c->urls[at], &x, e);
        bool last = i + 1 == c->url_count;
        if (code == ERR_OK && (last || !registry_client_is_busy(x.status))) {
            c->url_at = at;
            break;
        }
        if (code == ERR_OK) {
            continue;
        }
        (void)err_wrap(e, "schema registry %s", registry_client_shown(c->urls[at]));
        if (code == ERR_CANCELLED) {
            break;
        }
    }
    if (code == ERR_OK && x.status >= 300) {
        code = registry_client_refused(&x, out_fault, e);
    }
    if (code == ERR_OK) {
        char *text = buf_take_text(&x.answer);
        if (text != NULL) {
            *out_body = text;
        } else {
            code = err_nomem(e, "schema registry answer");
        }
    }
    buf_deinit(&x.answer);
    return code;
}

/* Calls and decodes the answer, which must be an object. */
static enum err_code registry_client_ask(struct registry_client *c,
                                         const struct registry_client_request *x, json_t **out_json,
                                         struct registry_client_fault *out_fault, struct err *e)
{
    char *text = NULL;
    enum err_code code = registry_client_call(c, x, &text, out_fault, e);
    if (code != ERR_OK) {
        return code;
    }
    json_t *json = NULL;
    if (json_decode(bytes_of_text(text), NULL, &json, e) != ERR_OK || !json_is_object(json)) {
        json_decref(json);
        code = err_set(e, ERR_PARSE, "schema registry answered %s %s with something else than JSON",
                       x->method, x->path);
    } else {
        *out_json = json;
    }
    mem_free(text);
    return code;
}

static char *registry_client_ids_key(const char *subject, const char *text)
{
    struct buf b;
    buf_init(&b, REGISTRY_CLIENT_BYTES_MAX);
    buf_printf(&b, "%s\n%s", subject, text);
    char *key = buf_take_text(&b);
    buf_deinit(&b);
    return key;
}

/* "/subjects/<escaped><tail>"; mem_free. */
static char *registry_client_subject_path(const char *subject, const char *tail)
{
    char *escaped = curl_easy_escape(NULL, subject, 0);
    struct buf b;
    buf_init(&b, REGISTRY_CLIENT_BYTES_MAX);
    if (escaped != NULL) {
        buf_printf(&b, "/subjects/%s%s", escaped, tail);
    }
    curl_free(escaped);
    char *path = b.len > 0 ? buf_take_text(&b) : NULL;
    buf_deinit(&b);
    return path;
}

static enum err_code registry_client_post_schema(struct registry_client *c, const char *path,
                                                 const char *schema_text, int32_t *out_id,
                                                 struct registry_client_fault *out_fault,
                                                 struct err *e)
{
    struct buf body;
    buf_init(&body, REGISTRY_CLIENT_BYTES_MAX);
    buf_append_text(&body, "{\"schema\":");
    json_write_text(&body, schema_text, strlen(schema_text));
    buf_append_char(&body, '}');
    const struct registry_client_request x = {
        .method = "POST", .path = path, .body = buf_text(&body)};
    json_t *json = NULL;
    enum err_code code = path == NULL || x.body == NULL
                             ? err_nomem(e, "schema registry call")
                             : registry_client_ask(c, &x, &json, out_fault, e);
    buf_deinit(&body);
    if (code != ERR_OK) {
        return code;
    }
    const json_t *id = json_object_get(json, "id");
    if (json_is_integer(id)) {
        *out_id = (int32_t)json_integer_value(id);
    } else {
        code = err_set(e, ERR_PARSE, "schema registry gave no id");
    }
    json_decref(json);
    return code;
}

/* A schema under a subject, and what is done with it: the end of the path. */
struct registry_client_entry {
    const char *subject;
    const char *schema_text;
    const char *tail;
};

/* Registers or looks up, through the cache of ids. */
static enum err_code registry_client_id(struct registry_client *c,
                                        const struct registry_client_entry *entry, int32_t *out_id,
                                        struct registry_client_fault *out_fault, struct err *e)
{
    char *key = registry_client_ids_key(entry->subject, entry->schema_text);
    if (key == NULL) {
        return err_nomem(e, "schema registry call");
    }
    lock_acquire(&c->lock);
    const json_t *known = json_object_get(c->ids, key);
    int32_t id = known != NULL ? (int32_t)json_integer_value(known) : 0;
    lock_release(&c->lock);
    enum err_code code = ERR_OK;
    if (known == NULL) {
        char *path = registry_client_subject_path(entry->subject, entry->tail);
        code = registry_client_post_schema(c, path, entry->schema_text, &id, out_fault, e);
        mem_free(path);
        if (code == ERR_OK) {
            lock_acquire(&c->lock);
            if (json_object_size(c->ids) >= c->cache_count) {
                (void)json_object_clear(c->ids);
            }
            (void)json_object_set_new(c->ids, key, json_integer(id));
            lock_release(&c->lock);
        }
    }
    mem_free(key);
    if (code != ERR_OK) {
        return e != NULL ? err_wrap(e, "subject %s", entry->subject) : code;
    }
    *out_id = id;
    return ERR_OK;
}

enum err_code registry_client_register(struct registry_client *c, const char *subject,
                                       const char *schema_text, int32_t *out_id,
                                       struct registry_client_fault *out_fault, struct err *e)
{
    const struct registry_client_entry entry = {subject, schema_text, "/versions?normalize=false"};
    return registry_client_id(c, &entry, out_id, out_fault, e);
}

enum err_code registry_client_lookup(struct registry_client *c, const char *subject,
                                     const char *schema_text, int32_t *out_id,
                                     struct registry_client_fault *out_fault, struct err *e)
{
    const struct registry_client_entry entry = {subject, schema_text,
                                                "?normalize=false&deleted=false"};
    return registry_client_id(c, &entry, out_id, out_fault, e);
}

/* How far references have been followed. */
struct registry_client_walk {
    unsigned depth;
    unsigned *left;
};

static enum err_code registry_client_parse(struct registry_client *c, const json_t *json,
                                           struct registry_client_walk walk,
                                           struct avro_schema **out_schema, struct err *e);

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static enum err_code registry_client_reference(struct registry_client *c, const json_t *reference,
                                               struct registry_client_walk walk,
                                               struct avro_schema **out_schema, struct err *e)
{
    const char *subject = json_string_value(json_object_get(reference, "subject"));
    const json_t *version = json_object_get(reference, "version");
    if (subject == NULL || !json_is_integer(version)) {
        return err_set(e, ERR_PARSE, "schema has a malformed reference");
    }
    if (*walk.left == 0) {
        return err_set(e, ERR_LIMIT, "schema has more than %d references of references",
                       REGISTRY_CLIENT_FOLLOWED_MAX);
    }
    --*walk.left;
    walk.depth++;
    char tail[64];
    (void)snprintf(tail, sizeof tail, "/versions/%lld?deleted=true",
                   (long long)json_integer_value(version));
    char *path = registry_client_subject_path(subject, tail);
    json_t *json = NULL;
    const struct registry_client_request x = {.method = "GET", .path = path};
    enum err_code code = path == NULL ? err_nomem(e, "schema registry call")
                                      : registry_client_ask(c, &x, &json, NULL, e);
    mem_free(path);
    if (code == ERR_OK) {
        code = registry_client_parse(c, json, walk, out_schema, e);
        json_decref(json);
    }
    return code;
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static enum err_code registry_client_parse(struct registry_client *c, const json_t *json,
                                           struct registry_client_walk walk,
                                           struct avro_schema **out_schema, struct err *e)
{
    const char *type = json_string_value(json_object_get(json, "schemaType"));
    const char *text = json_string_value(json_object_get(json, "schema"));
    if (type != NULL && strcmp(type, "AVRO") != 0) {
        return err_set(e, ERR_UNSUPPORTED, "schema is of type %s, not AVRO", type);
    }
    const json_t *references = json_object_get(json, "references");
    size_t count = json_array_size(references);
    if (text == NULL || walk.depth == REGISTRY_CLIENT_DEPTH_MAX ||
        count > REGISTRY_CLIENT_REFERENCES_MAX) {
        return err_set(e, ERR_PARSE, "schema has no text, or too many references");
    }
    struct avro_schema *resolved[REGISTRY_CLIENT_REFERENCES_MAX] = {NULL};
    struct avro_schema_options options = {.references = resolved};
    enum err_code code = ERR_OK;
    while (code == ERR_OK && options.reference_count < count) {
        size_t i = options.reference_count;
        code = registry_client_reference(c, json_array_get(references, i), walk, &resolved[i], e);
        options.reference_count += code == ERR_OK ? 1 : 0;
    }
    if (code == ERR_OK) {
        code = avro_schema_parse(bytes_of_text(text), &options, out_schema, e);
    }
    for (size_t i = 0; i < options.reference_count; i++) {
        avro_schema_unref(resolved[i]);
    }
    return code;
}

static void registry_client_keep(struct registry_client *c, const char *key,
                                 struct avro_schema *schema)
{
    lock_acquire(&c->lock);
    if (c->cached_count == c->cache_count) {
        for (size_t i = 0; i < c->cached_count; i++) {
            avro_schema_unref(c->cached[i]);
        }
        c->cached_count = 0;
        (void)json_object_clear(c->schemas);
    }
    if (json_object_get(c->schemas, key) == NULL &&
        json_object_set_new(c->schemas, key, json_integer((json_int_t)c->cached_count)) == 0) {
        c->cached[c->cached_count++] = avro_schema_ref(schema);
    }
    lock_release(&c->lock);
}

enum err_code registry_client_schema(struct registry_client *c, int32_t id,
                                     struct avro_schema **out_schema,
                                     struct registry_client_fault *out_fault, struct err *e)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/schemas/ids/%d", (int)id);
    lock_acquire(&c->lock);
    const json_t *index = json_object_get(c->schemas, path);
    struct avro_schema *schema =
        index != NULL ? avro_schema_ref(c->cached[json_integer_value(index)]) : NULL;
    lock_release(&c->lock);
    if (schema == NULL) {
        json_t *json = NULL;
        const struct registry_client_request x = {.method = "GET", .path = path};
        enum err_code code = registry_client_ask(c, &x, &json, out_fault, e);
        if (code == ERR_OK) {
            unsigned left = REGISTRY_CLIENT_FOLLOWED_MAX;
            const struct registry_client_walk walk = {.left = &left};
            code = registry_client_parse(c, json, walk, &schema, e);
            json_decref(json);
        }
        if (code != ERR_OK) {
            return e != NULL ? err_wrap(e, "schema id %d", (int)id) : code;
        }
        registry_client_keep(c, path, schema);
    }
    *out_schema = schema;
    return ERR_OK;
}

enum err_code registry_client_naming_parse(const char *text,
                                           enum registry_client_naming *out_naming, struct err *e)
{
    static const char *const names[] = {"TopicNameStrategy", "RecordNameStrategy",
                                        "TopicRecordNameStrategy"};
    const char *dot = strrchr(text, '.');
    const char *name = dot != NULL ? dot + 1 : text;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out_naming = (enum registry_client_naming)i;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID,
                   "subject name strategy \"%s\" is unknown: use TopicNameStrategy, "
                   "RecordNameStrategy or TopicRecordNameStrategy",
                   text);
}

char *registry_client_subject(enum registry_client_naming naming, const char *topic, bool is_key,
                              const char *record_name)
{
    struct buf b;
    buf_init(&b, REGISTRY_CLIENT_BYTES_MAX);
    if (naming == REGISTRY_CLIENT_TOPIC_NAME) {
        buf_printf(&b, "%s-%s", topic, is_key ? "key" : "value");
    } else if (naming == REGISTRY_CLIENT_RECORD_NAME) {
        buf_append_text(&b, record_name);
    } else {
        buf_printf(&b, "%s-%s", topic, record_name);
    }
    char *subject = buf_take_text(&b);
    buf_deinit(&b);
    return subject;
}
