#include "cli/schema_codec.h"

#include <string.h>

#include "cli/command.h"
#include "cli/debug.h"
#include "cli/settings.h"
#include "common/arena.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/text.h"
#include "serde/avro_datum.h"
#include "serde/avro_schema.h"
#include "serde/confluent_frame.h"
#include "serde/registry_client.h"

#define SCHEMA_CODEC_TIMEOUT_MS 10000
#define SCHEMA_CODEC_ARENA_BYTES ((size_t)256 << 20)
#define SCHEMA_CODEC_URL_BYTES ((size_t)4096)

/* Whether "host" or "[::1]" has no port. */
static bool schema_codec_lacks_port(const char *host, size_t len)
{
    const char *colon = memrchr(host, ':', len);
    return colon == NULL || memchr(colon, ']', len - (size_t)(colon - host)) != NULL;
}

/* "127.0.0.1:8081,other" as URLs: what has no scheme gets the one that TLS asks for, and rpk's
 * port. */
static void schema_codec_urls(const struct settings *s, bool tls, struct buf *urls)
{
    for (const char *at = settings_get(s, "registry.hosts"); *at != '\0';) {
        size_t n = strcspn(at, ",");
        bool bare = memmem(at, n, "://", 3) == NULL;
        buf_append_text(urls, urls->len > 0 ? "," : "");
        buf_append_text(urls, !bare ? "" : tls ? "https://" : "http://");
        buf_append(urls, at, n);
        buf_append_text(urls, bare && schema_codec_lacks_port(at, n) ? ":8081" : "");
        at += n + (at[n] == ',' ? 1 : 0);
    }
}

static void schema_codec_trace(const char *method, const char *url, long status)
{
    debug_print("%s %s: %ld", method, url, status);
}

enum err_code schema_codec_open(const struct cli *cli, struct registry_client **out_client,
                                struct err *e)
{
    const struct settings *s = cli_settings(cli);
    struct registry_client_config config = {
        .timeout_ms = SCHEMA_CODEC_TIMEOUT_MS,
        .trace = cli_is_verbose(cli) ? schema_codec_trace : NULL,
        .ca_file = settings_get(s, "registry.tls.ca"),
        .cert_file = settings_get(s, "registry.tls.cert"),
        .key_file = settings_get(s, "registry.tls.key"),
        .insecure = settings_bool(s, "registry.tls.insecure_skip_verify"),
    };
    bool tls = settings_is_set(s, "registry.tls.enabled")
                   ? settings_bool(s, "registry.tls.enabled")
                   : config.ca_file != NULL || config.cert_file != NULL ||
                         config.key_file != NULL || config.insecure;
    if (!settings_is_set(s, "registry.hosts") && settings_bool(s, "globals.no_default_cluster")) {
        return err_set(e, ERR_INVALID,
                       "no schema registry is named and globals.no_default_cluster is set; use -X "
                       "registry.hosts=HOST:PORT or RPK_REGISTRY_HOSTS");
    }
    struct buf urls;
    struct buf login;
    buf_init(&urls, SCHEMA_CODEC_URL_BYTES);
    buf_init(&login, SCHEMA_CODEC_URL_BYTES);
    schema_codec_urls(s, tls, &urls);
    /* The brokers' user is the registry's, as rpk has it. */
    if (settings_get(s, "user") != NULL && settings_get(s, "pass") != NULL) {
        buf_printf(&login, "%s:%s", settings_get(s, "user"), settings_get(s, "pass"));
    }
    config.urls = buf_text(&urls);
    config.user_info = login.len > 0 ? buf_text(&login) : NULL;
    enum err_code code = buf_check(&urls, "registry.hosts", e);
    if (code == ERR_OK) {
        code = buf_check(&login, "user and pass", e);
    }
    if (code == ERR_OK) {
        code = registry_client_create(&config, out_client, e);
    }
    buf_deinit(&urls);
    buf_deinit(&login);
    return code;
}

enum err_code schema_codec_decode(struct registry_client *registry, struct bytes message,
                                  struct buf *out, struct err *e)
{
    int32_t id = 0;
    struct bytes payload;
    struct avro_schema *schema = NULL;
    enum err_code code = confluent_frame_read(message, &id, &payload, e);
    if (code == ERR_OK) {
        code = registry_client_schema(registry, id, &schema, NULL, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    struct arena arena;
    arena_init(&arena, SCHEMA_CODEC_ARENA_BYTES);
    struct avro_datum datum;
    code = avro_datum_decode(avro_schema_root(schema), payload, &arena, &datum, e);
    if (code == ERR_OK) {
        avro_datum_write_json(&datum, out);
        code = buf_check(out, "decoded record", e);
    } else {
        code = err_wrap(e, "schema %d", id);
    }
    arena_deinit(&arena);
    avro_schema_unref(schema);
    return code;
}

enum err_code schema_codec_encode(struct registry_client *registry, int32_t id, struct bytes json,
                                  struct buf *out, struct err *e)
{
    struct avro_schema *schema = NULL;
    json_t *tree = NULL;
    const struct json_limits limits = {.any_root = true};
    enum err_code code = registry_client_schema(registry, id, &schema, NULL, e);
    if (code == ERR_OK) {
        code = json_decode(json, &limits, &tree, e);
    }
    if (code == ERR_OK) {
        struct arena arena;
        arena_init(&arena, SCHEMA_CODEC_ARENA_BYTES);
        struct avro_datum datum;
        code = avro_datum_from_json(avro_schema_root(schema), tree, &arena, &datum, e);
        if (code == ERR_OK) {
            confluent_frame_write(out, id);
            avro_datum_encode(&datum, out);
            code = buf_check(out, "encoded record", e);
        } else {
            code = err_wrap(e, "schema %d", id);
        }
        arena_deinit(&arena);
    }
    json_decref(tree);
    avro_schema_unref(schema);
    return code;
}

static enum err_code schema_codec_latest(struct registry_client *registry, const char *topic,
                                         bool is_key, int32_t *out_id, struct err *e)
{
    char path[512];
    char *body = NULL;
    json_t *tree = NULL;
    /* A topic name needs no percent-encoding. */
    (void)snprintf(path, sizeof path, "/subjects/%s-%s/versions/latest", topic,
                   is_key ? "key" : "value");
    enum err_code code = registry_client_call(
        registry, &(struct registry_client_request){.method = "GET", .path = path}, &body, NULL, e);
    if (code == ERR_OK) {
        code = json_decode(bytes_of_text(body), NULL, &tree, e);
    }
    if (code == ERR_OK) {
        const json_t *id = json_object_get(tree, "id");
        *out_id = (int32_t)json_integer_value(id);
        code = json_is_integer(id) ? ERR_OK : err_set(e, ERR_PARSE, "%s: answer without id", path);
    }
    json_decref(tree);
    mem_free(body);
    return code;
}

enum err_code schema_codec_find_id(struct registry_client *registry, const char *text,
                                   const char *topic, bool is_key, int32_t *out_id, struct err *e)
{
    int64_t id = 0;
    if (strcmp(text, "topic") == 0) {
        return schema_codec_latest(registry, topic, is_key, out_id, e);
    }
    if (!text_parse_int64(text, &id) || id < 1 || id > INT32_MAX) {
        return err_set(e, ERR_INVALID, "schema id \"%s\" is neither a number nor \"topic\"", text);
    }
    *out_id = (int32_t)id;
    return ERR_OK;
}

enum err_code schema_codec_check_id(struct registry_client *registry, int32_t id, struct err *e)
{
    struct avro_schema *schema = NULL;
    enum err_code code = registry_client_schema(registry, id, &schema, NULL, e);
    avro_schema_unref(schema);
    return code;
}
