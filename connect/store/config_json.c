#include "connect/store/config_json.h"

#include <inttypes.h>

#include "common/json.h"

static enum err_code read_member(const char *key, const json_t *value,
                                 struct connect_config *config, struct err *e)
{
    if (json_is_string(value)) {
        return connect_config_set(config, key, json_string_value(value), e);
    }
    if (json_is_null(value)) {
        return connect_config_set(config, key, NULL, e);
    }
    if (json_is_boolean(value)) {
        return connect_config_set(config, key, json_is_true(value) ? "true" : "false", e);
    }
    if (json_is_number(value)) {
        struct buf text;
        buf_init(&text, 64);
        json_write(&text, value);
        const char *number = buf_text(&text);
        enum err_code code =
            number != NULL ? connect_config_set(config, key, number, e) : err_nomem(e, "config");
        buf_deinit(&text);
        return code;
    }
    return err_set(e, ERR_PARSE, "value of \"%s\" must be a text, not an %s", key,
                   json_is_array(value) ? "array" : "object");
}

enum err_code config_json_read(const json_t *object, struct connect_config *out_config,
                               struct err *e)
{
    if (!json_is_object(object)) {
        return err_set(e, ERR_PARSE, "a config must be a JSON object");
    }
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        enum err_code code = read_member(key, value, out_config, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

void config_json_write(const struct connect_config *config, struct buf *out)
{
    buf_append_char(out, '{');
    for (size_t i = 0; i < config->count; i++) {
        const struct connect_config_entry *entry = &config->entries[i];
        if (i > 0) {
            buf_append_char(out, ',');
        }
        json_write_text(out, entry->key, strlen(entry->key));
        buf_append_char(out, ':');
        if (entry->value == NULL) {
            buf_append_text(out, "null");
        } else {
            json_write_text(out, entry->value, strlen(entry->value));
        }
    }
    buf_append_char(out, '}');
}
