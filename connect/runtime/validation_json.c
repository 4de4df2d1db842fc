/* A validation as the REST interface shows it. */
#include <string.h>

#include "common/json.h"
#include "connect/runtime/validation.h"

static void write_text(struct buf *out, const char *text)
{
    if (text == NULL) {
        buf_append_text(out, "null");
    } else {
        json_write_text(out, text, strlen(text));
    }
}

static const char *importance_word(enum connect_config_importance importance)
{
    static const char *const words[] = {"HIGH", "MEDIUM", "LOW"};
    return words[importance];
}

static const char *width_word(enum connect_config_width width)
{
    static const char *const words[] = {"NONE", "SHORT", "MEDIUM", "LONG"};
    return words[width];
}

static const char *type_word(enum connect_config_type type)
{
    static const char *const words[] = {"BOOLEAN", "STRING", "INT",   "SHORT",   "LONG",
                                        "DOUBLE",  "LIST",   "CLASS", "PASSWORD"};
    return words[type];
}

static const char *shown(const struct connect_config_key *key, const char *value)
{
    return key->type == CONNECT_CONFIG_PASSWORD && value != NULL ? "[hidden]" : value;
}

void validation_write_definition(const struct connect_config_key *key, struct buf *out)
{
    buf_append_text(out, "{\"name\":");
    write_text(out, key->name);
    buf_printf(out, ",\"type\":\"%s\",\"required\":%s,\"default_value\":", type_word(key->type),
               key->required ? "true" : "false");
    write_text(out, key->required ? NULL : shown(key, key->default_value));
    buf_printf(out, ",\"importance\":\"%s\",\"documentation\":", importance_word(key->importance));
    write_text(out, key->doc != NULL ? key->doc : "");
    buf_append_text(out, ",\"group\":");
    write_text(out, key->group);
    buf_printf(out, ",\"width\":\"%s\",\"display_name\":", width_word(key->width));
    write_text(out, key->display_name != NULL ? key->display_name : key->name);
    buf_append_text(out, ",\"dependents\":[");
    for (size_t i = 0; key->dependents != NULL && key->dependents[i] != NULL; i++) {
        buf_append_text(out, i > 0 ? "," : "");
        write_text(out, key->dependents[i]);
    }
    buf_printf(out, "],\"order\":%d}", key->group != NULL ? key->order : -1);
}

static void write_item(const struct validation_item *item, struct buf *out)
{
    buf_append_text(out, "{\"definition\":");
    if (item->unknown) {
        buf_append_text(out, "null");
    } else {
        validation_write_definition(item->key, out);
    }
    buf_append_text(out, ",\"value\":{\"name\":");
    write_text(out, item->key->name);
    buf_append_text(out, ",\"value\":");
    write_text(out, shown(item->key, item->value));
    buf_append_text(out, ",\"recommended_values\":[");
    size_t count = 0;
    for (; item->key->recommended != NULL && item->key->recommended[count] != NULL; count++) {
        buf_append_text(out, count > 0 ? "," : "");
        write_text(out, item->key->recommended[count]);
    }
    for (size_t i = 0; i < item->recommended_count; i++) {
        buf_append_text(out, count + i > 0 ? "," : "");
        write_text(out, item->recommended[i]);
    }
    buf_append_text(out, "],\"errors\":[");
    for (size_t i = 0; i < item->error_count; i++) {
        buf_append_text(out, i > 0 ? "," : "");
        write_text(out, item->errors[i]);
    }
    buf_append_text(out, "],\"visible\":true}}");
}

static bool group_seen(const struct validation *v, size_t before)
{
    for (size_t i = 0; i < before; i++) {
        if (v->items[i].key->group != NULL &&
            strcmp(v->items[i].key->group, v->items[before].key->group) == 0) {
            return true;
        }
    }
    return false;
}

void validation_write_json(const struct validation *v, struct buf *out)
{
    buf_append_text(out, "{\"name\":");
    write_text(out, v->class_name);
    buf_printf(out, ",\"error_count\":%zu,\"groups\":[", v->error_count);
    const char *separator = "";
    for (size_t i = 0; i < v->count; i++) {
        if (v->items[i].key->group != NULL && !group_seen(v, i)) {
            buf_append_text(out, separator);
            write_text(out, v->items[i].key->group);
            separator = ",";
        }
    }
    buf_append_text(out, "],\"configs\":[");
    for (size_t i = 0; i < v->count; i++) {
        buf_append_text(out, i > 0 ? "," : "");
        write_item(&v->items[i], out);
    }
    buf_append_text(out, "]}");
}

void validation_write_message(const struct validation *v, struct buf *out)
{
    buf_printf(out, "Connector configuration is invalid and contains the following %zu error(s):\n",
               v->error_count);
    for (size_t i = 0; i < v->count; i++) {
        for (size_t k = 0; k < v->items[i].error_count; k++) {
            buf_append_text(out, v->items[i].errors[k]);
            buf_append_char(out, '\n');
        }
    }
    buf_append_text(out, "You can also find the above list of errors at the endpoint "
                         "`/connector-plugins/{connectorType}/config/validate`");
}
