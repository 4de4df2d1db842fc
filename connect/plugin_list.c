#include "connect/plugin_list.h"

#include <string.h>

#include "common/mem.h"

#define PLUGINS_MAX ((size_t)1000)

static const struct {
    const char *word;
    const char *suffix;
} types[] = {
    [CONNECT_PLUGIN_SINK] = {"sink", "Connector"},
    [CONNECT_PLUGIN_SOURCE] = {"source", "Connector"},
    [CONNECT_PLUGIN_TRANSFORMATION] = {"transformation", "Transformation"},
    [CONNECT_PLUGIN_PREDICATE] = {"predicate", "Predicate"},
    [CONNECT_PLUGIN_CONVERTER] = {"converter", "Converter"},
    [CONNECT_PLUGIN_HEADER_CONVERTER] = {"header_converter", "HeaderConverter"},
};

const char *plugin_list_type_word(enum connect_plugin_type type)
{
    return types[type].word;
}

enum err_code plugin_list_init(struct plugin_list *list,
                               const struct connect_plugin *const *const *arrays,
                               size_t array_count, struct err *e)
{
    *list = (struct plugin_list){0};
    list->items = mem_calloc(PLUGINS_MAX, sizeof(struct connect_plugin *));
    if (list->items == NULL) {
        return err_nomem(e, "list plug-ins");
    }
    for (int type = 0; type <= (int)CONNECT_PLUGIN_HEADER_CONVERTER; type++) {
        for (size_t a = 0; a < array_count; a++) {
            for (size_t i = 0; arrays[a] != NULL && arrays[a][i] != NULL; i++) {
                if ((int)arrays[a][i]->type != type) {
                    continue;
                }
                if (list->count == PLUGINS_MAX) {
                    plugin_list_deinit(list);
                    return err_set(e, ERR_LIMIT, "more than %zu plug-ins", PLUGINS_MAX);
                }
                list->items[list->count++] = arrays[a][i];
            }
        }
    }
    return ERR_OK;
}

void plugin_list_deinit(struct plugin_list *list)
{
    mem_free(list->items);
    *list = (struct plugin_list){0};
}

static bool named(const struct connect_plugin *plugin, const char *name)
{
    if (strcmp(plugin->class_name, name) == 0) {
        return true;
    }
    const char *dot = strrchr(plugin->class_name, '.');
    const char *simple = dot != NULL ? dot + 1 : plugin->class_name;
    if (strcmp(simple, name) == 0) {
        return true;
    }
    const char *suffix = types[plugin->type].suffix;
    size_t simple_len = strlen(simple);
    size_t suffix_len = strlen(suffix);
    if (simple_len <= suffix_len || strcmp(simple + simple_len - suffix_len, suffix) != 0) {
        return false;
    }
    return strlen(name) == simple_len - suffix_len &&
           strncmp(simple, name, simple_len - suffix_len) == 0;
}

const struct connect_plugin *plugin_list_find(const struct plugin_list *list,
                                              enum connect_plugin_type type, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->type == type && named(list->items[i], name)) {
            return list->items[i];
        }
    }
    return NULL;
}

const struct connect_plugin *plugin_list_find_connector(const struct plugin_list *list,
                                                        const char *name)
{
    const struct connect_plugin *plugin = plugin_list_find(list, CONNECT_PLUGIN_SOURCE, name);
    return plugin != NULL ? plugin : plugin_list_find(list, CONNECT_PLUGIN_SINK, name);
}

const struct connect_plugin *plugin_list_find_any(const struct plugin_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (named(list->items[i], name)) {
            return list->items[i];
        }
    }
    return NULL;
}
