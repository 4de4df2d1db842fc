#include "connect/runtime/validation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/include/source_connector.h"
#include "connect/runtime/common_keys.h"
#include "connect/runtime/topic_creator.h"

#define ITEMS_MAX ((size_t)4096)
#define ARENA_BYTES_MAX ((size_t)16 << 20)

static struct validation_item *add_item(struct validation *v, const struct connect_config_key *key,
                                        const char *value)
{
    for (size_t i = 0; i < v->count; i++) {
        if (strcmp(v->items[i].key->name, key->name) == 0) {
            return &v->items[i];
        }
    }
    if (v->count == v->capacity) {
        size_t capacity = v->capacity == 0 ? 64 : v->capacity * 2;
        void *bigger =
            capacity <= ITEMS_MAX ? mem_realloc(v->items, capacity * sizeof *v->items) : NULL;
        if (bigger == NULL) {
            return NULL;
        }
        v->items = bigger;
        v->capacity = capacity;
    }
    v->items[v->count] = (struct validation_item){.key = key, .value = value};
    return &v->items[v->count++];
}

static void add_error(struct validation *v, struct validation_item *item, const char *text)
{
    if (item != NULL && item->error_count < VALIDATION_ERRORS_MAX) {
        item->errors[item->error_count] = arena_strdup(&v->arena, text);
        if (item->errors[item->error_count] != NULL) {
            item->error_count++;
            v->error_count++;
        }
    }
}

static void check_keys(struct validation *v, const struct connect_config *config,
                       const struct connect_config_key *keys, size_t count)
{
    struct err errors[VALIDATION_ERRORS_MAX];
    for (size_t i = 0; i < count; i++) {
        const char *value = connect_config_get(config, keys[i].name);
        struct validation_item *item =
            add_item(v, &keys[i], value != NULL ? value : keys[i].default_value);
        size_t found = connect_config_check_key(&keys[i], config, errors, VALIDATION_ERRORS_MAX);
        for (size_t k = 0; k < found; k++) {
            add_error(v, item, errors[k].text);
        }
    }
}

/* "transforms.A.field" from row "field": the texts of errors name the whole key. */
static const struct connect_config_key *prefixed(struct validation *v,
                                                 const struct connect_config_key *keys,
                                                 size_t count, const char *kind, const char *alias,
                                                 const char *group)
{
    struct connect_config_key *copies = arena_alloc_array(&v->arena, count, sizeof *copies);
    for (size_t i = 0; copies != NULL && i < count; i++) {
        copies[i] = keys[i];
        size_t len = strlen(kind) + strlen(alias) + strlen(keys[i].name) + 3;
        char *name = arena_alloc(&v->arena, len);
        if (name == NULL) {
            return NULL;
        }
        (void)snprintf(name, len, "%s.%s.%s", kind, alias, keys[i].name);
        copies[i].name = name;
        copies[i].group = group;
    }
    return copies;
}

static struct validation_item *find_item(struct validation *v, const char *name)
{
    for (size_t i = 0; i < v->count; i++) {
        if (strcmp(v->items[i].key->name, name) == 0) {
            return &v->items[i];
        }
    }
    return NULL;
}

static void class_missing(struct validation *v, const char *key, const char *class_name)
{
    struct err e;
    (void)err_set(&e, ERR_INVALID,
                  "Invalid value %s for configuration %s: Class %s could not be found.", class_name,
                  key, class_name);
    add_error(v, find_item(v, key), e.text);
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
    size_t group_len = strlen(kind->group) + strlen(alias) + 1;
    char *group = arena_alloc(&v->arena, group_len);
    if (group == NULL) {
        return;
    }
    (void)snprintf(group, group_len, "%s%s", kind->group, alias);
    const struct connect_config_key *keys =
        prefixed(v, common, count, kind->list_key, alias, group);
    if (keys == NULL) {
        return;
    }
    check_keys(v, config, keys, count);
    const char *class_name = connect_config_get(config, keys[0].name);
    if (class_name == NULL) {
        return;
    }
    const struct connect_plugin *plugin = plugin_list_find(plugins, kind->type, class_name);
    if (plugin == NULL) {
        class_missing(v, keys[0].name, class_name);
        return;
    }
    const struct connect_config_key *own =
        prefixed(v, plugin->keys, plugin->key_count, kind->list_key, alias, group);
    if (own != NULL) {
        check_keys(v, config, own, plugin->key_count);
    }
}

static void check_aliases(struct validation *v, const struct plugin_list *plugins,
                          const struct connect_config *config, const struct alias_kind *kind)
{
    struct connect_config_list list = {0};
    const char *text = connect_config_get(config, kind->list_key);
    if (text == NULL || connect_config_parse_list(text, &list, NULL) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(list.items[i], list.items[k]) == 0) {
                struct err e;
                (void)connect_config_invalid(&e, kind->list_key, text, "Duplicate alias provided.");
                add_error(v, find_item(v, kind->list_key), e.text);
            }
        }
        check_alias(v, plugins, config, kind, list.items[i]);
    }
    connect_config_list_deinit(&list);
}

static void check_converters(struct validation *v, const struct plugin_list *plugins,
                             const struct connect_config *config)
{
    static const struct {
        const char *key;
        enum connect_plugin_type type;
    } rows[] = {
        {"key.converter", CONNECT_PLUGIN_CONVERTER},
        {"value.converter", CONNECT_PLUGIN_CONVERTER},
        {"header.converter", CONNECT_PLUGIN_HEADER_CONVERTER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *class_name = connect_config_get(config, rows[i].key);
        if (class_name != NULL && plugin_list_find(plugins, rows[i].type, class_name) == NULL) {
            class_missing(v, rows[i].key, class_name);
        }
    }
}

static void refuse(struct validation *v, const char *key, const char *value, const char *why)
{
    struct err e;
    (void)connect_config_invalid(&e, key, value, why);
    add_error(v, find_item(v, key), e.text);
}

/* What would be accepted and then not done. */
static void check_promises(struct validation *v, const struct connect_config *config)
{
    const char *support = connect_config_get(config, "exactly.once.support");
    const char *offsets = connect_config_get(config, "offsets.storage.topic");
    struct err e;
    if (support != NULL && strcasecmp(support, "required") == 0) {
        refuse(v, "exactly.once.support", support,
               "This worker does not have exactly-once source support enabled. It delivers at "
               "least once; use \"requested\"");
    }
    if (offsets != NULL) {
        refuse(v, "offsets.storage.topic", offsets,
               "This worker keeps the offsets of all connectors in its own offsets topic; remove "
               "this key");
    }
    if (topic_creator_check(config, &e) != ERR_OK) {
        /* The item is that of the list; the text names the key. */
        const char *text = strstr(e.text, ": ");
        add_error(v, find_item(v, "topic.creation.groups"), text != NULL ? text + 2 : e.text);
    }
}

static enum err_code check_plugin(struct validation *v, const struct connect_config *config,
                                  struct err *e)
{
    check_keys(v, config, v->plugin->keys, v->plugin->key_count);
    if (v->plugin->source == NULL || v->plugin->source->validate == NULL) {
        return ERR_OK;
    }
    struct source_findings findings;
    source_findings_init(&findings);
    enum err_code code = v->plugin->source->validate(config, &findings, e);
    for (size_t i = 0; code == ERR_OK && i < findings.error_count; i++) {
        add_error(v, find_item(v, findings.errors[i].key), findings.errors[i].text);
    }
    for (size_t i = 0; code == ERR_OK && i < findings.recommendation_count; i++) {
        struct validation_item *item = find_item(v, findings.recommendations[i].key);
        if (item == NULL) {
            continue;
        }
        const char **more =
            arena_alloc_array(&v->arena, item->recommended_count + 1, sizeof(const char *));
        if (more != NULL) {
            if (item->recommended_count > 0) {
                memcpy(more, item->recommended, item->recommended_count * sizeof(const char *));
            }
            more[item->recommended_count++] =
                arena_strdup(&v->arena, findings.recommendations[i].text);
            item->recommended = more;
        }
    }
    source_findings_deinit(&findings);
    return code;
}

static enum err_code no_class(const struct connect_config *config, struct err *e)
{
    struct buf text;
    buf_init(&text, ERR_TEXT_MAX);
    for (size_t i = 0; i < config->count; i++) {
        /* Values may be secrets: only the keys are shown. */
        buf_printf(&text, "%s%s=...", i > 0 ? ", " : "", config->entries[i].key);
    }
    const char *keys = buf_text(&text);
    enum err_code code = err_set(e, ERR_INVALID, "Connector config {%s} contains no connector type",
                                 keys != NULL ? keys : "");
    buf_deinit(&text);
    return code;
}

static enum err_code unknown_class(const struct plugin_list *plugins, const char *class_name,
                                   struct err *e)
{
    struct buf text;
    buf_init(&text, ERR_TEXT_MAX);
    for (size_t i = 0; i < plugins->count; i++) {
        const struct connect_plugin *p = plugins->items[i];
        if (p->type != CONNECT_PLUGIN_SOURCE && p->type != CONNECT_PLUGIN_SINK) {
            continue;
        }
        const char *type = plugin_list_type_word(p->type);
        const char *version = p->version != NULL ? p->version : "undefined";
        buf_printf(&text,
                   "%sPluginDesc{klass=class %s, name='%s', version='%s', encodedVersion=%s, "
                   "type=%s, typeName='%s', location='classpath'}",
                   text.len > 0 ? ", " : "", p->class_name, p->class_name, version, version, type,
                   type);
    }
    const char *list = buf_text(&text);
    enum err_code code = err_set(e, ERR_NOT_FOUND,
                                 "Failed to find any class that implements Connector and which "
                                 "name matches %s, available connectors are: %s",
                                 class_name, list != NULL ? list : "");
    buf_deinit(&text);
    return code;
}

enum err_code validation_run(const struct plugin_list *plugins, const struct connect_config *config,
                             struct validation *out_validation, struct err *e)
{
    static const struct alias_kind kinds[] = {
        {"transforms", "Transforms: ", CONNECT_PLUGIN_TRANSFORMATION, common_keys_transform},
        {"predicates", "Predicates: ", CONNECT_PLUGIN_PREDICATE, common_keys_predicate},
    };
    const char *class_name = connect_config_get(config, "connector.class");
    if (class_name == NULL || class_name[0] == '\0') {
        return no_class(config, e);
    }
    struct validation v = {.class_name = class_name};
    v.plugin = plugin_list_find_connector(plugins, class_name);
    if (v.plugin == NULL) {
        return unknown_class(plugins, class_name, e);
    }
    arena_init(&v.arena, ARENA_BYTES_MAX);
    size_t count = 0;
    const struct connect_config_key *common = common_keys_source(&count);
    check_keys(&v, config, common, count);
    check_converters(&v, plugins, config);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        check_aliases(&v, plugins, config, &kinds[i]);
    }
    check_promises(&v, config);
    enum err_code code = check_plugin(&v, config, e);
    if (code == ERR_OK && arena_failed(&v.arena)) {
        code = err_nomem(e, "validate config");
    }
    if (code != ERR_OK) {
        validation_deinit(&v);
        return code;
    }
    *out_validation = v;
    return ERR_OK;
}

void validation_deinit(struct validation *v)
{
    mem_free(v->items);
    arena_deinit(&v->arena);
    *v = (struct validation){0};
}
