#include "connect/worker_properties.h"

#include "common/mem.h"
#include "connect/runtime/java_properties.h"

static const struct connect_config_key keys[] = {
    {.name = "group.id", .type = CONNECT_CONFIG_STRING, .non_empty = true},
    {.name = "config.storage.topic", .type = CONNECT_CONFIG_STRING, .non_empty = true},
    {.name = "offset.storage.topic", .type = CONNECT_CONFIG_STRING, .non_empty = true},
    {.name = "status.storage.topic", .type = CONNECT_CONFIG_STRING, .non_empty = true},
    {.name = "rest.advertised.host.name", .type = CONNECT_CONFIG_STRING},
    {.name = "rest.advertised.port",
     .type = CONNECT_CONFIG_INT,
     .has_min = true,
     .has_max = true,
     .min = 0,
     .max = UINT16_MAX},
    {.name = "config.storage.replication.factor",
     .type = CONNECT_CONFIG_SHORT,
     .has_min = true,
     .min = -1},
    {.name = "offset.flush.interval.ms", .type = CONNECT_CONFIG_LONG, .has_min = true, .min = 1},
    {.name = "offset.flush.timeout.ms", .type = CONNECT_CONFIG_INT, .has_min = true, .min = 1},
    {.name = "task.shutdown.graceful.timeout.ms",
     .type = CONNECT_CONFIG_INT,
     .has_min = true,
     .min = 0},
    {.name = "topic.creation.enable", .type = CONNECT_CONFIG_BOOLEAN},
    {.name = "topic.tracking.enable", .type = CONNECT_CONFIG_BOOLEAN},
    {.name = "topic.tracking.allow.reset", .type = CONNECT_CONFIG_BOOLEAN},
};
#define KEY_COUNT (sizeof keys / sizeof keys[0])

enum err_code worker_properties_read(const struct connect_worker_config *config,
                                     struct connect_config *out, struct err *e)
{
    const struct connect_worker_property *p = config->properties;
    enum err_code code = ERR_OK;
    for (; code == ERR_OK && p != NULL && p->key != NULL; p++) {
        code = connect_config_set(out, p->key, p->value, e);
    }
    if (code != ERR_OK || config->properties_file == NULL) {
        return code;
    }
    char *text = NULL;
    size_t len = 0;
    code = java_properties_read_file(config->properties_file, &text, &len, e);
    if (code == ERR_OK) {
        code = java_properties_parse(bytes_of(text, len), out, e);
    }
    mem_free(text);
    return code == ERR_OK ? ERR_OK : err_wrap(e, "Connect worker properties");
}

bool worker_properties_known(const char *key)
{
    return connect_config_find_key(keys, KEY_COUNT, key) != NULL;
}

static void apply_text(const struct connect_config_reader *r, const char *key, const char **out)
{
    const char *text = connect_config_read_text(r, key);
    *out = text != NULL ? text : *out;
}

static void apply_boolean(const struct connect_config_reader *r, const char *key, bool *out)
{
    *out = connect_config_has(r->config, key) ? connect_config_read_boolean(r, key) : *out;
}

static int64_t integer_or(const struct connect_config_reader *r, const char *key, int64_t fallback)
{
    return connect_config_has(r->config, key) ? connect_config_read_integer(r, key) : fallback;
}

enum err_code worker_properties_apply(const struct connect_config *properties,
                                      struct connect_worker_config *config, struct err *e)
{
    const struct connect_config_reader r = {properties, keys, KEY_COUNT};
    enum err_code code = connect_config_check(properties, keys, KEY_COUNT, e);
    if (code != ERR_OK) {
        return code;
    }
    apply_text(&r, "group.id", &config->group_id);
    apply_text(&r, "config.storage.topic", &config->config_topic);
    apply_text(&r, "offset.storage.topic", &config->offset_topic);
    apply_text(&r, "status.storage.topic", &config->status_topic);
    apply_text(&r, "rest.advertised.host.name", &config->advertised_host);
    config->advertised_port =
        (uint16_t)integer_or(&r, "rest.advertised.port", config->advertised_port);
    config->replication_factor =
        (int)integer_or(&r, "config.storage.replication.factor", config->replication_factor);
    config->offset_flush_interval_ms =
        integer_or(&r, "offset.flush.interval.ms", config->offset_flush_interval_ms);
    config->offset_flush_timeout_ms =
        (int)integer_or(&r, "offset.flush.timeout.ms", config->offset_flush_timeout_ms);
    config->task_shutdown_timeout_ms =
        integer_or(&r, "task.shutdown.graceful.timeout.ms", config->task_shutdown_timeout_ms);
    apply_boolean(&r, "topic.creation.enable", &config->topic_creation_enable);
    apply_boolean(&r, "topic.tracking.enable", &config->topic_tracking_enable);
    apply_boolean(&r, "topic.tracking.allow.reset", &config->topic_tracking_allow_reset);
    return ERR_OK;
}
