#include "cli/schema_codec.h"

#include <string.h>

#include "cli/command.h"
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

enum err_code schema_codec_open(const struct cli *cli, struct registry_client **out_client,
                                struct err *e)
{
    /* rpk's hosts have no scheme: "127.0.0.1:8081,other:8081". */
    struct buf urls;
    buf_init(&urls, SCHEMA_CODEC_URL_BYTES);
    const char *at = cli_setting(cli, "registry.hosts");
    while (*at != '\0') {
        size_t n = strcspn(at, ",");
        buf_append_text(&urls, urls.len > 0 ? "," : "");
        buf_append_text(&urls, memmem(at, n, "://", 3) == NULL ? "http://" : "");
        buf_append(&urls, at, n);
        at += n + (at[n] == ',' ? 1 : 0);
    }
    const char *text = buf_text(&urls);
    enum err_code code = text == NULL ? err_set(e, ERR_LIMIT, "registry.hosts: too long") : ERR_OK;
    if (code == ERR_OK) {
        const struct registry_client_config config = {.urls = text,
                                                      .timeout_ms = SCHEMA_CODEC_TIMEOUT_MS};
        code = registry_client_create(&config, out_client, e);
    }
    buf_deinit(&urls);
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
