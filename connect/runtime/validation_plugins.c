/*
 * Transforms, predicates and converters in a validation: first each key by its table, then, when
 * those are good, an object is made of them and thrown away, so that what only the plug-in itself
 * can say (a casting spec, a registry's URL) is said now and not by a FAILED task.
 */
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "connect/include/transform.h"
#include "connect/runtime/common_keys.h"
#include "connect/runtime/validation_internal.h"

/* A class that a config names, and the prefix of its keys: "transforms.a.", "value.converter.". */
struct named_plugin {
    const struct connect_plugin *plugin;
    const char *class_key;
    const char *prefix;
};

/* "transforms.A.field" from row "field": the texts of errors name the whole key. group NULL: as it
 * is. */
static const struct connect_config_key *prefixed(struct validation *v,
                                                 const struct connect_config_key *keys,
                                                 size_t count, const char *prefix,
                                                 const char *group)
{
    struct connect_config_key *copies = arena_alloc_array(&v->arena, count, sizeof *copies);
    for (size_t i = 0; copies != NULL && i < count; i++) {
        copies[i] = keys[i];
        copies[i].name = validation_text(v, "%s%s", prefix, keys[i].name);
        copies[i].display_name = keys[i].display_name != NULL ? keys[i].display_name : keys[i].name;
        copies[i].group = group != NULL ? group : keys[i].group;
        if (copies[i].name == NULL) {
            return NULL;
        }
    }
    return copies;
}

static void class_missing(struct validation *v, const char *key, const char *class_name)
{
    struct err e;
    (void)err_set(&e, ERR_INVALID,
                  "Invalid value %s for configuration %s: Class %s could not be found.", class_name,
                  key, class_name);
    validation_add_error(v, validation_find_item(v, key), e.text);
}

/* The text behind "org.apache.kafka.common.config.ConfigException: ". */
static const char *without_class(const char *text)
{
    size_t len = strcspn(text, " :\n");
    bool class_name = text[len] == ':' && text[len + 1] == ' ' && memchr(text, '.', len) != NULL;
    return class_name ? text + len + 2 : text;
}

/* What a plug-in says when it is made knows nothing of the prefix: "Invalid value x for
 * configuration spec: ..." becomes an error of transforms.a.spec; anything else is one of the
 * class, and begins with the alias. */
static void add_create_error(struct validation *v, const struct named_plugin *named,
                             const struct err *e)
{
    static const char of[] = " for configuration ";
    const char *text = without_class(e->text);
    const char *at = strstr(text, of);
    const char *key = at != NULL ? at + strlen(of) : "";
    size_t key_len = strcspn(key, ":\n");
    const char *name = validation_text(v, "%s%.*s", named->prefix, (int)key_len, key);
    struct validation_item *item =
        key_len > 0 && name != NULL ? validation_find_item(v, name) : NULL;
    const char *whole =
        item != NULL
            ? validation_text(v, "%.*s%s%s%s", (int)(at - text), text, of, name, key + key_len)
            : validation_text(v, "%.*s: %s", (int)(strlen(named->prefix) - 1), named->prefix, text);
    item = item != NULL ? item : validation_find_item(v, named->class_key);
    if (whole != NULL) {
        validation_add_error(v, item, whole);
    }
}

static void try_to_create(struct validation *v, const struct connect_config *config,
                          const struct named_plugin *named)
{
    const struct connect_plugin *p = named->plugin;
    struct connect_config own;
    struct err e;
    void *object = NULL;
    connect_config_init(&own);
    enum err_code code = connect_config_merge_prefix(&own, config, named->prefix, &e);
    if (code == ERR_OK && p->transform != NULL) {
        code = p->transform->create(p, &own, &object, &e);
    } else if (code == ERR_OK && p->predicate != NULL) {
        code = p->predicate->create(p, &own, &object, &e);
    } else if (code == ERR_OK) {
        const struct converter_options options = {
            .is_key = strcmp(named->class_key, "key.converter") == 0,
        };
        code = p->converter->create(p, &own, &options, &object, &e);
    }
    if (code != ERR_OK) {
        add_create_error(v, named, &e);
    } else if (p->transform != NULL) {
        p->transform->destroy(object);
    } else if (p->predicate != NULL) {
        p->predicate->destroy(object);
    } else {
        p->converter->destroy(object);
    }
    connect_config_deinit(&own);
}

/* The keys of a class that is there. */
static void check_named(struct validation *v, const struct connect_config *config,
                        const struct named_plugin *named, const char *group)
{
    const struct connect_plugin *p = named->plugin;
    size_t errors = v->error_count;
    const struct connect_config_key *keys =
        prefixed(v, p->keys, p->key_count, named->prefix, group);
    if (keys != NULL) {
        validation_check_keys(v, config, keys, p->key_count);
    }
    if (keys != NULL && v->error_count == errors) {
        try_to_create(v, config, named);
    }
}

struct alias_kind {
    const char *list_key; /* "transforms" */
    const char *group;    /* "Transforms: " */
    enum connect_plugin_type type;
    const struct connect_config_key *(*common)(size_t *out_count);
};

static void check_alias(struct validation *v, const struct plugin_list *plugins,
                        const struct connect_config *config, const struct alias_kind *kind,
                        const char *alias)
{
    size_t count = 0;
    const struct connect_config_key *common = kind->common(&count);
    struct named_plugin named = {
        .class_key = validation_text(v, "%s.%s.type", kind->list_key, alias),
        .prefix = validation_text(v, "%s.%s.", kind->list_key, alias),
    };
    const char *group = validation_text(v, "%s%s", kind->group, alias);
    if (named.class_key == NULL || named.prefix == NULL || group == NULL) {
        return;
    }
    const struct connect_config_key *keys = prefixed(v, common, count, named.prefix, group);
    const char *class_name = connect_config_get(config, named.class_key);
    if (keys == NULL) {
        return;
    }
    validation_check_keys(v, config, keys, count);
    if (class_name == NULL) {
        return;
    }
    named.plugin = plugin_list_find(plugins, kind->type, class_name);
    if (named.plugin == NULL) {
        class_missing(v, named.class_key, class_name);
    } else {
        check_named(v, config, &named, group);
    }
}

static bool contains(const struct connect_config_list *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static void duplicate_alias(struct validation *v, const struct alias_kind *kind,
                            const struct connect_config_list *list)
{
    struct err e;
    struct buf value;
    buf_init(&value, ERR_TEXT_MAX);
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(&value, "%s%s", i == 0 ? "[" : ", ", list->items[i]);
    }
    buf_append_char(&value, ']');
    const char *text = buf_text(&value);
    (void)connect_config_invalid(&e, kind->list_key, text != NULL ? text : "[...]",
                                 "Duplicate alias provided.");
    validation_add_error(v, validation_find_item(v, kind->list_key), e.text);
    buf_deinit(&value);
}

static void check_aliases(struct validation *v, const struct plugin_list *plugins,
                          const struct connect_config *config, const struct alias_kind *kind)
{
    struct connect_config_list list = {0};
    const char *text = connect_config_get(config, kind->list_key);
    if (text == NULL || connect_config_parse_list(text, &list, NULL) != ERR_OK) {
        return;
    }
    bool twice = false;
    for (size_t i = 0; i < list.count; i++) {
        if (contains(&list, i, list.items[i])) {
            twice = true;
        } else {
            check_alias(v, plugins, config, kind, list.items[i]);
        }
    }
    if (twice) {
        duplicate_alias(v, kind, &list);
    }
    connect_config_list_deinit(&list);
}

/* A transform's predicate must be one of the list. */
static void check_predicate_of(struct validation *v, const struct connect_config *config,
                               const struct connect_config_list *predicates, const char *alias)
{
    const char *key = validation_text(v, "transforms.%s.predicate", alias);
    const char *negate = validation_text(v, "transforms.%s.negate", alias);
    const char *type = validation_text(v, "transforms.%s.type", alias);
    if (key == NULL || negate == NULL || type == NULL) {
        return;
    }
    const char *predicate = connect_config_get(config, key);
    const char *text = NULL;
    if (connect_config_has(config, negate) && !connect_config_has(config, key)) {
        text = validation_text(v,
                               "Config '%s' was provided but there is no config '%s' defining a "
                               "predicate to be negated.",
                               negate, key);
    } else if (predicate != NULL && predicate[0] != '\0' &&
               !contains(predicates, predicates->count, predicate)) {
        text =
            validation_text(v,
                            "Invalid value %s for configuration %s: There is no such predicate in "
                            "\"predicates\"",
                            predicate, key);
        type = key;
    }
    if (text != NULL) {
        validation_add_error(v, validation_find_item(v, type), text);
    }
}

void validation_check_transforms(struct validation *v, const struct plugin_list *plugins,
                                 const struct connect_config *config)
{
    static const struct alias_kind kinds[] = {
        {"transforms", "Transforms: ", CONNECT_PLUGIN_TRANSFORMATION, common_keys_transform},
        {"predicates", "Predicates: ", CONNECT_PLUGIN_PREDICATE, common_keys_predicate},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        check_aliases(v, plugins, config, &kinds[i]);
    }
    struct connect_config_list transforms = {0};
    struct connect_config_list predicates = {0};
    if (connect_config_parse_list(connect_config_get(config, "transforms"), &transforms, NULL) ==
            ERR_OK &&
        connect_config_parse_list(connect_config_get(config, "predicates"), &predicates, NULL) ==
            ERR_OK) {
        for (size_t i = 0; i < transforms.count; i++) {
            if (!contains(&transforms, i, transforms.items[i])) {
                check_predicate_of(v, config, &predicates, transforms.items[i]);
            }
        }
    }
    connect_config_list_deinit(&transforms);
    connect_config_list_deinit(&predicates);
}

/* Only what the connector sets itself: without a class of its own it gets the worker's, and its
 * `value.converter.x` are ignored. */
void validation_check_converters(struct validation *v, const struct plugin_list *plugins,
                                 const struct connect_config *config)
{
    static const struct {
        const char *key;
        const char *prefix;
        enum connect_plugin_type type;
    } rows[] = {
        {"header.converter", "header.converter.", CONNECT_PLUGIN_HEADER_CONVERTER},
        {"key.converter", "key.converter.", CONNECT_PLUGIN_CONVERTER},
        {"value.converter", "value.converter.", CONNECT_PLUGIN_CONVERTER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *class_name = connect_config_get(config, rows[i].key);
        struct named_plugin named = {.class_key = rows[i].key, .prefix = rows[i].prefix};
        if (class_name == NULL) {
            continue;
        }
        named.plugin = plugin_list_find(plugins, rows[i].type, class_name);
        if (named.plugin == NULL) {
            class_missing(v, rows[i].key, class_name);
        } else {
            check_named(v, config, &named, NULL);
        }
    }
}
