#include "connect/converters/avro_converter.h"

#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/converters/avro_encoder.h"
#include "connect/converters/avro_schema_text.h"
#include "connect/include/connect_error.h"
#include "connect/include/transform.h"
#include "serde/confluent_frame.h"
#include "serde/registry_client.h"

#define SCHEMA_BYTES_MAX ((size_t)8 << 20)
#define CACHE_ENTRIES ((size_t)64)
#define TOPICS_MAX ((size_t)1000)

/* What one Connect schema is in Avro, and its id in each topic's subject. */
struct registered {
    char *text;
    struct {
        char *topic;
        int32_t id;
    } * ids;
    size_t count;
};

struct avro_converter {
    struct registry_client *registry;
    struct avro_schema_text_options text_options;
    enum registry_client_naming naming;
    bool is_key;
    bool auto_register;
    struct transform_cache *cache; /* schema -> struct registered */
};

static void registered_free(void *value)
{
    struct registered *r = value;
    for (size_t i = 0; i < r->count; i++) {
        mem_free(r->ids[i].topic);
    }
    mem_free(r->ids);
    mem_free(r->text);
    mem_free(r);
}

/* No answer at all. The original's line is "java.net.ConnectException: Connection refused", alone;
 * who refused stands on a line of its own. */
static void registry_unreachable(struct err *e)
{
    static const char refused[] = ": Connection refused";
    struct err reason = *e;
    char *at = strstr(reason.text, refused);
    if (at != NULL) {
        *at = '\0';
        (void)err_set(e, reason.code, "java.net.ConnectException%s\n\tat %s", refused, reason.text);
    } else {
        bool connecting = strstr(e->text, "connect") != NULL;
        (void)err_wrap(e, "%s", connecting ? "java.net.ConnectException" : "java.io.IOException");
    }
}

/* The chain of exceptions that the original throws for a call to the registry that went wrong. */
static enum err_code registry_error(const char *topic, const char *subject,
                                    const struct registry_client_fault *fault, struct err *e)
{
    if (e->code == ERR_CANCELLED) {
        return e->code;
    }
    if (fault->http_status == 0) {
        registry_unreachable(e);
        (void)connect_error_wrap(e, CONNECT_SERIALIZATION_EXCEPTION,
                                 "Error serializing Avro message");
        return connect_error_wrap(e, CONNECT_DATA_EXCEPTION,
                                  "Failed to serialize Avro data from topic %s :", topic);
    }
    /* Clients look for the registry's own words, which the client library puts behind the subject;
     * they end in the error code already. */
    struct err reason = *e;
    const char *text = reason.text;
    size_t len = strlen(subject);
    if (strncmp(text, "subject ", 8) == 0 && strncmp(text + 8, subject, len) == 0 &&
        strncmp(text + 8 + len, ": ", 2) == 0) {
        text += 8 + len + 2;
    }
    return connect_error_set(e, reason.code, CONNECT_CONFIG_EXCEPTION,
                             "Failed to access Avro data from topic %s : %s", topic, text);
}

static enum err_code ask_registry(struct avro_converter *c, const struct registered *r,
                                  const char *topic, const struct connect_schema *schema,
                                  int32_t *out_id, struct err *e)
{
    char *subject =
        registry_client_subject(c->naming, topic, c->is_key, avro_schema_text_record_name(schema));
    if (subject == NULL) {
        return connect_error_set(e, ERR_INVALID, CONNECT_SERIALIZATION_EXCEPTION,
                                 "In configuration %s.subject.name.strategy, the message %s must "
                                 "only be a record schema",
                                 c->is_key ? "key" : "value", c->is_key ? "key" : "value");
    }
    struct registry_client_fault fault = {0};
    enum err_code code =
        c->auto_register
            ? registry_client_register(c->registry, subject, r->text, out_id, &fault, e)
            : registry_client_lookup(c->registry, subject, r->text, out_id, &fault, e);
    if (code != ERR_OK) {
        code = registry_error(topic, subject, &fault, e);
    }
    mem_free(subject);
    return code;
}

static enum err_code add_id(struct registered *r, const char *topic, int32_t id, struct err *e)
{
    void *bigger =
        r->count < TOPICS_MAX ? mem_realloc(r->ids, (r->count + 1) * sizeof *r->ids) : NULL;
    if (bigger == NULL) {
        return err_nomem(e, "remember schema id");
    }
    r->ids = bigger;
    r->ids[r->count].topic = mem_strdup(topic);
    r->ids[r->count].id = id;
    if (r->ids[r->count].topic == NULL) {
        return err_nomem(e, "remember schema id");
    }
    r->count++;
    return ERR_OK;
}

static enum err_code registered_of(struct avro_converter *c, const struct connect_schema *schema,
                                   struct registered **out, struct err *e)
{
    struct registered *r = transform_cache_get(c->cache, schema);
    if (r != NULL) {
        *out = r;
        return ERR_OK;
    }
    struct buf text;
    buf_init(&text, SCHEMA_BYTES_MAX);
    enum err_code code = avro_schema_text_write(schema, &c->text_options, &text, e);
    if (code == ERR_OK) {
        r = mem_calloc(1, sizeof *r);
        char *taken = buf_take_text(&text);
        if (r == NULL || taken == NULL) {
            mem_free(r);
            mem_free(taken);
            code = err_nomem(e, "make Avro schema");
        } else {
            r->text = taken;
            transform_cache_put(c->cache, schema, r);
            *out = r;
        }
    }
    buf_deinit(&text);
    return code;
}

static enum err_code schema_id(struct avro_converter *c, const char *topic,
                               const struct connect_schema *schema, int32_t *out_id, struct err *e)
{
    struct registered *r = NULL;
    enum err_code code = registered_of(c, schema, &r, e);
    if (code != ERR_OK) {
        return code;
    }
    CHECK(r != NULL);
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->ids[i].topic, topic) == 0) {
            *out_id = r->ids[i].id;
            return ERR_OK;
        }
    }
    int32_t id = 0;
    code = ask_registry(c, r, topic, schema, &id, e);
    if (code == ERR_OK) {
        code = add_id(r, topic, id, e);
    }
    if (code == ERR_OK) {
        *out_id = id;
    }
    return code;
}

static enum err_code from_connect(void *converter, const struct converter_input *in,
                                  struct buf *out, bool *out_null, struct err *e)
{
    const char *topic = in->topic;
    const struct connect_schema *schema = in->schema;
    const struct connect_value *value = in->value;
    struct avro_converter *c = converter;
    if (value->kind == CONNECT_NULL && (schema == NULL || !schema->has_default)) {
        *out_null = true;
        return schema == NULL ? ERR_OK : connect_value_check(value, schema, NULL, e);
    }
    if (schema == NULL) {
        return connect_error_set(e, ERR_UNSUPPORTED, CONNECT_DATA_EXCEPTION,
                                 "Failed to serialize Avro data from topic %s : a value without a "
                                 "schema cannot be written as Avro",
                                 topic);
    }
    int32_t id = 0;
    enum err_code code = schema_id(c, topic, schema, &id, e);
    if (code != ERR_OK) {
        return code;
    }
    confluent_frame_write(out, id);
    return avro_encoder_write(schema, value, out, e);
}

static const struct connect_config_key keys[] = {
    {.name = "schema.registry.url",
     .type = CONNECT_CONFIG_LIST,
     .required = true,
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "Comma-separated list of URLs of the schema registry."},
    {.name = "auto.register.schemas",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Whether a new schema is registered, or must be there."},
    {.name = "use.latest.version",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "false",
     .importance = CONNECT_CONFIG_LOW,
     .doc = "Write with the latest registered schema: not supported."},
    {.name = "normalize.schemas",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "false",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Have the registry normalize schemas: not supported."},
    {.name = "use.schema.id",
     .type = CONNECT_CONFIG_INT,
     .default_value = "-1",
     .importance = CONNECT_CONFIG_LOW,
     .doc = "Write with the schema of this id: not supported."},
    {.name = "key.subject.name.strategy",
     .type = CONNECT_CONFIG_CLASS,
     .default_value = "io.confluent.kafka.serializers.subject.TopicNameStrategy",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "How the subject of keys is named."},
    {.name = "value.subject.name.strategy",
     .type = CONNECT_CONFIG_CLASS,
     .default_value = "io.confluent.kafka.serializers.subject.TopicNameStrategy",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "How the subject of values is named."},
    {.name = "basic.auth.credentials.source",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "URL",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "URL: user and password in the URL; USER_INFO: basic.auth.user.info."},
    {.name = "basic.auth.user.info",
     .type = CONNECT_CONFIG_PASSWORD,
     .default_value = "",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "user:password"},
    {.name = "connect.meta.data",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "true",
     .importance = CONNECT_CONFIG_LOW,
     .doc = "Whether schemas carry Connect's own attributes."},
    {.name = "enhanced.avro.schema.support",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "false",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Enums and package names: not supported."},
    {.name = "scrub.invalid.names",
     .type = CONNECT_CONFIG_BOOLEAN,
     .default_value = "false",
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "Whether characters that Avro names may not have become underscores."},
    {.name = "schemas.cache.config",
     .type = CONNECT_CONFIG_INT,
     .default_value = "1000",
     .importance = CONNECT_CONFIG_LOW,
     .doc = "Size of the schema cache."},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

/* What would silently write other bytes than asked for is refused. */
static enum err_code refuse_unsupported(const struct connect_config_reader *r, struct err *e)
{
    static const char *const switches[] = {"use.latest.version", "normalize.schemas",
                                           "enhanced.avro.schema.support"};
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        if (connect_config_read_boolean(r, switches[i])) {
            return connect_error_set(e, ERR_UNSUPPORTED, CONNECT_CONFIG_EXCEPTION,
                                     "Invalid value true for configuration %s: not supported by "
                                     "this converter",
                                     switches[i]);
        }
    }
    /* Keys of the original without which the registry could not be reached, or would be reached
     * in another way than asked for. */
    static const char *const prefixes[] = {"schema.registry.ssl.", "bearer.auth.", "proxy."};
    for (size_t i = 0; i < r->config->count; i++) {
        const char *key = r->config->entries[i].key;
        for (size_t k = 0; k < sizeof prefixes / sizeof prefixes[0]; k++) {
            if (strncmp(key, prefixes[k], strlen(prefixes[k])) == 0) {
                return connect_error_set(e, ERR_UNSUPPORTED, CONNECT_CONFIG_EXCEPTION,
                                         "Configuration %s is not supported by this converter",
                                         key);
            }
        }
    }
    const char *source = connect_config_read_text(r, "basic.auth.credentials.source");
    if (strcmp(source, "URL") != 0 && strcmp(source, "USER_INFO") != 0) {
        return connect_error_set(e, ERR_UNSUPPORTED, CONNECT_CONFIG_EXCEPTION,
                                 "Invalid value %s for configuration "
                                 "basic.auth.credentials.source: this converter knows URL and "
                                 "USER_INFO",
                                 source);
    }
    if (connect_config_read_integer(r, "use.schema.id") >= 0) {
        return connect_error_set(e, ERR_UNSUPPORTED, CONNECT_CONFIG_EXCEPTION,
                                 "Configuration use.schema.id is not supported by this converter");
    }
    return ERR_OK;
}

static enum err_code open_registry(struct avro_converter *c, const struct connect_config_reader *r,
                                   const struct converter_options *options, struct err *e)
{
    const char *source = connect_config_read_text(r, "basic.auth.credentials.source");
    const char *user_info = connect_config_read_text(r, "basic.auth.user.info");
    const struct registry_client_config config = {
        .urls = connect_config_read_text(r, "schema.registry.url"),
        .user_info = strcmp(source, "USER_INFO") == 0 ? user_info : NULL,
        .cancelled = options->stopping,
        .ctx = options->ctx,
    };
    return registry_client_create(&config, &c->registry, e);
}

static void destroy(void *converter)
{
    struct avro_converter *c = converter;
    transform_cache_destroy(c->cache);
    registry_client_destroy(c->registry);
    mem_free(c);
}

static enum err_code create(const struct connect_plugin *plugin,
                            const struct connect_config *config,
                            const struct converter_options *options, void **out_converter,
                            struct err *e)
{
    (void)plugin;
    const struct connect_config_reader r = {config, keys, KEY_COUNT};
    enum err_code code = refuse_unsupported(&r, e);
    if (code != ERR_OK) {
        return code;
    }
    struct avro_converter *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return err_nomem(e, "create AvroConverter");
    }
    c->is_key = options->is_key;
    c->auto_register = connect_config_read_boolean(&r, "auto.register.schemas");
    c->text_options = (struct avro_schema_text_options){
        .meta_data = connect_config_read_boolean(&r, "connect.meta.data"),
        .scrub_invalid = connect_config_read_boolean(&r, "scrub.invalid.names"),
    };
    c->cache = transform_cache_create(CACHE_ENTRIES, registered_free);
    code = c->cache != NULL ? ERR_OK : err_nomem(e, "create AvroConverter");
    if (code == ERR_OK) {
        code = registry_client_naming_parse(
            connect_config_read_text(&r, c->is_key ? "key.subject.name.strategy"
                                                   : "value.subject.name.strategy"),
            &c->naming, e);
    }
    if (code == ERR_OK) {
        code = open_registry(c, &r, options, e);
    }
    if (code != ERR_OK) {
        destroy(c);
        return code;
    }
    *out_converter = c;
    return ERR_OK;
}

static const struct converter_ops ops = {create, from_connect, NULL, destroy};

const struct connect_plugin avro_converter_plugin = {
    .type = CONNECT_PLUGIN_CONVERTER,
    .class_name = "io.confluent.connect.avro.AvroConverter",
    .version = WEIR_VERSION,
    .keys = keys,
    .key_count = KEY_COUNT,
    .converter = &ops,
};
