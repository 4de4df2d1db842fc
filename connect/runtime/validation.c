#include "connect/runtime/validation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/include/source_connector.h"
#include "connect/runtime/client_overrides.h"
#include "connect/runtime/common_keys.h"
#include "connect/runtime/config_resolver.h"
#include "connect/runtime/topic_creator.h"
#include "connect/runtime/validation_internal.h"

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

void validation_add_error(struct validation *v, struct validation_item *item, const char *text)
{
    if (item != NULL && item->error_count < VALIDATION_ERRORS_MAX) {
        item->errors[item->error_count] = arena_strdup(&v->arena, text);
        if (item->errors[item->error_count] != NULL) {
            item->error_count++;
            v->error_count++;
        }
    }
}

void validation_check_keys(struct validation *v, const struct connect_config *config,
                           const struct connect_config_key *keys, size_t count)
{
    struct err errors[VALIDATION_ERRORS_MAX];
    for (size_t i = 0; i < count; i++) {
        const char *value = connect_config_get(v->shown, keys[i].name);
        struct validation_item *item =
            add_item(v, &keys[i], value != NULL ? value : keys[i].default_value);
        size_t found = connect_config_check_key(&keys[i], config, errors, VALIDATION_ERRORS_MAX);
        for (size_t k = 0; k < found; k++) {
            validation_add_error(v, item, errors[k].text);
        }
    }
}

const char *validation_text(struct validation *v, const char *fmt, ...)
{
    va_list args;
    va_list again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = len >= 0 ? arena_alloc(&v->arena, (size_t)len + 1) : NULL;
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    return text;
}

struct validation_item *validation_find_item(struct validation *v, const char *name)
{
    for (size_t i = 0; i < v->count; i++) {
        if (strcmp(v->items[i].key->name, name) == 0) {
            return &v->items[i];
        }
    }
    return NULL;
}

static void refuse(struct validation *v, const char *key, const char *value, const char *why)
{
    struct err e;
    (void)connect_config_invalid(&e, key, value, why);
    validation_add_error(v, validation_find_item(v, key), e.text);
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
        validation_add_error(v, validation_find_item(v, "topic.creation.groups"),
                             text != NULL ? text + 2 : e.text);
    }
}

/* A null is an error in any key, known or not. */
static void check_nulls(struct validation *v, const struct connect_config *config)
{
    for (size_t i = 0; i < config->count; i++) {
        const char *name = config->entries[i].key;
        if (config->entries[i].value != NULL || validation_find_item(v, name) != NULL) {
            continue;
        }
        struct connect_config_key *key = arena_alloc(&v->arena, sizeof *key);
        if (key != NULL) {
            *key = (struct connect_config_key){.name = arena_strdup(&v->arena, name),
                                               .type = CONNECT_CONFIG_STRING};
            validation_check_keys(v, config, key, 1);
            struct validation_item *item = validation_find_item(v, name);
            if (item != NULL) {
                item->unknown = true;
            }
        }
    }
}

/* A client setting that is not to be shown: sasl.jaas.config, ssl.keystore.password. */
static bool is_secret(const char *name)
{
    return strstr(name, "password") != NULL || strstr(name, "jaas") != NULL ||
           strstr(name, "secret") != NULL || strstr(name, "keystore.key") != NULL;
}

/* The clients of a connector whose settings it may override. */
struct overridden {
    const char *prefix; /* "producer.override." */
    const struct client_config *base;
    enum client_config_kind kind;
};

/* Whether the policy allows each setting, and a client could be opened with all of them. */
static enum err_code check_overrides(struct validation *v, const struct connect_config *config,
                                     const struct overridden *client_of,
                                     enum client_overrides_policy policy)
{
    const char *prefix = client_of->prefix;
    const char *first = NULL;
    struct client_config client = {0};
    struct err e;
    for (size_t i = 0; i < config->count; i++) {
        const char *name = config->entries[i].key;
        if (strncmp(name, prefix, strlen(prefix)) != 0) {
            continue;
        }
        struct connect_config_key *key = arena_alloc(&v->arena, sizeof *key);
        if (key == NULL) {
            return ERR_NOMEM;
        }
        *key = (struct connect_config_key){
            .name = arena_strdup(&v->arena, name),
            .type = is_secret(name) ? CONNECT_CONFIG_PASSWORD : CONNECT_CONFIG_STRING,
        };
        validation_check_keys(v, config, key, 1);
        if (client_overrides_check(policy, name + strlen(prefix), &e) != ERR_OK) {
            validation_add_error(v, validation_find_item(v, name), e.text);
        }
        first = first == NULL ? name : first;
    }
    if (first == NULL) {
        return ERR_OK;
    }
    enum err_code code = client_config_copy(&client, client_of->base, &e);
    if (code == ERR_OK) {
        code = client_overrides_apply(&client, config, prefix, &e);
    }
    if (code == ERR_OK) {
        code = client_config_check(&client, client_of->kind, &e);
    }
    client_config_deinit(&client);
    if (code != ERR_OK && code != ERR_NOMEM) {
        const char *text = validation_text(v, "%s*: %s", prefix, e.text);
        validation_add_error(v, validation_find_item(v, first), text != NULL ? text : e.text);
        code = ERR_OK;
    }
    return code;
}

static enum err_code check_plugin(struct validation *v, const struct connect_config *config,
                                  struct err *e)
{
    validation_check_keys(v, config, v->plugin->keys, v->plugin->key_count);
    if (v->plugin->source == NULL || v->plugin->source->validate == NULL) {
        return ERR_OK;
    }
    struct source_findings findings;
    source_findings_init(&findings);
    enum err_code code = v->plugin->source->validate(config, &findings, e);
    for (size_t i = 0; code == ERR_OK && i < findings.error_count; i++) {
        validation_add_error(v, validation_find_item(v, findings.errors[i].key),
                             findings.errors[i].text);
    }
    for (size_t i = 0; code == ERR_OK && i < findings.recommendation_count; i++) {
        struct validation_item *item = validation_find_item(v, findings.recommendations[i].key);
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

static enum err_code check_all(struct validation *v, const struct worker_context *worker,
                               const struct connect_config *config, struct err *e)
{
    size_t count = 0;
    const struct connect_config_key *common = common_keys_source(&count);
    validation_check_keys(v, config, common, count);
    validation_check_transforms(v, worker->plugins, config);
    check_promises(v, config);
    enum err_code code = check_plugin(v, config, e);
    const struct overridden clients[] = {
        {"producer.override.", worker->producer, CLIENT_CONFIG_PRODUCER},
        {"admin.override.", worker->admin, CLIENT_CONFIG_ADMIN},
    };
    for (size_t i = 0; code == ERR_OK && i < sizeof clients / sizeof clients[0]; i++) {
        code = check_overrides(v, config, &clients[i], worker->override_policy);
    }
    validation_check_converters(v, worker->plugins, config);
    check_nulls(v, config);
    if (code == ERR_OK && (arena_failed(&v->arena) || v->count == ITEMS_MAX)) {
        code = err_set(e, ERR_LIMIT, "The config is too large to be checked");
    }
    return code;
}

/* What references stand for is in no error that is shown. */
static void mask_errors(struct validation *v, const struct config_resolution *resolved)
{
    struct err text;
    for (size_t i = 0; resolved->count > 0 && i < v->count; i++) {
        struct validation_item *item = &v->items[i];
        for (size_t k = 0; k < item->error_count; k++) {
            (void)err_set(&text, ERR_INVALID, "%s", item->errors[k]);
            config_resolution_mask(resolved, text.text, sizeof text.text);
            const char *masked = arena_strdup(&v->arena, text.text);
            item->errors[k] = masked != NULL ? masked : "out of memory";
        }
    }
}

enum err_code validation_run(const struct worker_context *worker,
                             const struct connect_config *config, struct validation *out_validation,
                             struct err *e)
{
    const char *class_name = connect_config_get(config, "connector.class");
    if (class_name == NULL || class_name[0] == '\0') {
        return no_class(config, e);
    }
    struct validation v = {.class_name = class_name, .shown = config};
    v.plugin = plugin_list_find_connector(worker->plugins, class_name);
    if (v.plugin == NULL) {
        return unknown_class(worker->plugins, class_name, e);
    }
    struct config_resolution resolved;
    arena_init(&v.arena, ARENA_BYTES_MAX);
    enum err_code code = config_resolver_resolve(worker->resolver, config, &resolved, e);
    if (code == ERR_OK) {
        code = check_all(&v, worker, &resolved.config, e);
    }
    mask_errors(&v, &resolved);
    config_resolution_deinit(&resolved);
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
