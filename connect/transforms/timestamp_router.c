/* TimestampRouter: the topic's name from the record's own and its timestamp, in UTC. */
#include <string.h>

#include "common/mem.h"
#include "connect/transforms/java_date_format.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

#define TOPIC_BYTES_MAX ((size_t)4096)

struct timestamp_router {
    char *topic_format;
    struct java_date_format *format;
};

static enum err_code timestamp_router_check(const struct connect_config *config, const char *name,
                                            const char *value, struct err *e)
{
    (void)config;
    struct java_date_format *format = NULL;
    enum err_code rc = java_date_format_create(value, &format, e);
    java_date_format_destroy(format);
    if (rc != ERR_OK && e != NULL) {
        char reason[ERR_TEXT_MAX];
        (void)memcpy(reason, e->text, sizeof reason);
        rc = connect_config_invalid(e, name, value, reason);
    }
    return rc;
}

static const struct connect_config_key timestamp_router_keys[] = {
    {.name = "topic.format",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "${topic}-${timestamp}",
     .importance = CONNECT_CONFIG_HIGH,
     .doc = "Format string which can contain ${topic} and ${timestamp} as placeholders for the "
            "topic and timestamp, respectively."},
    {.name = "timestamp.format",
     .type = CONNECT_CONFIG_STRING,
     .default_value = "yyyyMMdd",
     .importance = CONNECT_CONFIG_HIGH,
     .check = timestamp_router_check,
     .doc = "Format string for the timestamp that is compatible with java.text.SimpleDateFormat."},
};

static void timestamp_router_destroy(void *transform)
{
    struct timestamp_router *t = transform;
    mem_free(t->topic_format);
    java_date_format_destroy(t->format);
    mem_free(t);
}

static enum err_code timestamp_router_create(const struct connect_plugin *plugin,
                                             const struct connect_config *config,
                                             void **out_transform, struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct timestamp_router *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "TimestampRouter");
    }
    t->topic_format = mem_strdup(connect_config_read_text(&r, "topic.format"));
    enum err_code rc = t->topic_format != NULL
                           ? java_date_format_create(
                                 connect_config_read_text(&r, "timestamp.format"), &t->format, e)
                           : err_nomem(e, "TimestampRouter");
    if (rc != ERR_OK) {
        timestamp_router_destroy(t);
        return rc;
    }
    *out_transform = t;
    return ERR_OK;
}

static bool timestamp_router_skip(const char **at, const char *word)
{
    bool here = strncmp(*at, word, strlen(word)) == 0;
    *at += here ? strlen(word) : 0;
    return here;
}

static enum err_code timestamp_router_apply(void *transform, struct connect_record *record,
                                            struct connect_scope *scope, struct err *e)
{
    const struct timestamp_router *t = transform;
    if (record->timestamp_ms == CONNECT_TIMESTAMP_NONE) {
        return connect_error_set(e, ERR_INVALID, CONNECT_DATA_EXCEPTION,
                                 "Timestamp missing on record: ConnectRecord{topic='%s'}",
                                 record->topic);
    }
    struct buf b;
    buf_init(&b, TOPIC_BYTES_MAX);
    for (const char *at = t->topic_format; *at != '\0';) {
        if (timestamp_router_skip(&at, "${topic}")) {
            buf_append_text(&b, record->topic);
        } else if (timestamp_router_skip(&at, "${timestamp}")) {
            java_date_format_print(t->format, record->timestamp_ms, &b);
        } else {
            buf_append_char(&b, *at++);
        }
    }
    const char *text = buf_text(&b);
    const char *topic = text != NULL ? arena_strdup(&scope->arena, text) : NULL;
    buf_deinit(&b);
    if (topic == NULL) {
        return transform_side_full(e);
    }
    record->topic = topic;
    return ERR_OK;
}

static const struct transform_ops timestamp_router_ops = {
    timestamp_router_create, timestamp_router_apply, timestamp_router_destroy};

const struct connect_plugin timestamp_router_plugin = {
    .type = CONNECT_PLUGIN_TRANSFORMATION,
    .class_name = TRANSFORM_CLASS("TimestampRouter"),
    .version = WEIR_VERSION,
    .keys = timestamp_router_keys,
    .key_count = sizeof timestamp_router_keys / sizeof timestamp_router_keys[0],
    .transform = &timestamp_router_ops,
};
