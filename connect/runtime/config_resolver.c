#include "connect/runtime/config_resolver.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/conf.h"
#include "common/mem.h"
#include "common/pattern.h"
#include "connect/runtime/java_properties.h"

#define PROVIDERS_MAX ((size_t)32)
#define VALUE_BYTES_MAX ((size_t)4 << 20)
#define REFERENCES_MAX ((size_t)1000)
#define MASKED_FROM ((size_t)2)

struct provider;
/* ERR_NOT_FOUND: there is no such name. */
typedef enum err_code (*provider_get_fn)(const struct provider *p, const char *path,
                                         const char *key, struct buf *out, struct err *e);

struct provider {
    char *name;
    provider_get_fn get;
    struct connect_config_list allowed_paths;
    bool paths_limited;
    struct pattern *allowlist; /* NULL: all names */
};

struct config_resolver {
    struct provider providers[PROVIDERS_MAX];
    size_t count;
};

/* Below one of the allowed directories, links resolved. */
static enum err_code check_path(const struct provider *p, const char *path, struct err *e)
{
    char real[PATH_MAX];
    if (!p->paths_limited) {
        return ERR_OK;
    }
    if (realpath(path, real) == NULL) {
        return ERR_OK; /* there is nothing to be read, which is what will be said */
    }
    bool inside = false;
    for (size_t i = 0; !inside && i < p->allowed_paths.count; i++) {
        char root[PATH_MAX];
        size_t len = realpath(p->allowed_paths.items[i], root) != NULL ? strlen(root) : sizeof root;
        inside = len < sizeof root && strncmp(real, root, len) == 0 &&
                 (real[len] == '/' || real[len] == '\0' || root[len - 1] == '/');
    }
    return inside ? ERR_OK
                  : err_set(e, ERR_INVALID,
                            "The path %s is not within config.providers.%s.param.allowed.paths",
                            path, p->name);
}

static enum err_code get_from_file(const struct provider *p, const char *path, const char *key,
                                   struct buf *out, struct err *e)
{
    struct connect_config properties;
    char *text = NULL;
    size_t len = 0;
    if (path[0] == '\0') {
        return ERR_NOT_FOUND;
    }
    enum err_code code = check_path(p, path, e);
    if (code == ERR_OK && java_properties_read_file(path, &text, &len, e) != ERR_OK) {
        code = err_wrap(e, "Could not read properties from file");
        code = code == ERR_NOT_FOUND ? ERR_INVALID : code;
    }
    connect_config_init(&properties);
    if (code == ERR_OK && java_properties_parse(bytes_of(text, len), &properties, e) != ERR_OK) {
        code = err_wrap(e, "Could not read properties from file %s", path);
    }
    const char *value = code == ERR_OK ? connect_config_get(&properties, key) : NULL;
    if (value != NULL) {
        buf_append_text(out, value);
    }
    bool found = value != NULL;
    connect_config_deinit(&properties);
    mem_free(text);
    return code != ERR_OK ? code : found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err_code get_from_directory(const struct provider *p, const char *path, const char *key,
                                        struct buf *out, struct err *e)
{
    struct buf name;
    char *text = NULL;
    size_t len = 0;
    if (path[0] == '\0' || strchr(key, '/') != NULL || key[0] == '\0' || key[0] == '.') {
        return ERR_NOT_FOUND;
    }
    buf_init(&name, PATH_MAX);
    buf_printf(&name, "%s/%s", path, key);
    const char *whole = buf_text(&name);
    enum err_code code =
        whole != NULL ? check_path(p, whole, e) : err_set(e, ERR_INVALID, "path too long");
    if (code == ERR_OK && java_properties_read_file(whole, &text, &len, e) != ERR_OK) {
        code = err_wrap(e, "Could not read file");
    }
    if (code == ERR_OK) {
        buf_append(out, text, strlen(text));
    }
    mem_free(text);
    buf_deinit(&name);
    return code;
}

static enum err_code get_from_environment(const struct provider *p, const char *path,
                                          const char *key, struct buf *out, struct err *e)
{
    bool allowed = true;
    if (path[0] != '\0') {
        return err_set(e, ERR_INVALID, "Path is not supported for EnvVarConfigProvider, it was %s",
                       path);
    }
    if (p->allowlist != NULL && pattern_match(p->allowlist, key, &allowed, e) != ERR_OK) {
        return e->code;
    }
    const char *value = allowed ? conf_environment(key) : NULL;
    if (value == NULL) {
        return ERR_NOT_FOUND;
    }
    buf_append_text(out, value);
    return ERR_OK;
}

static const char *setting(const struct connect_config *properties, const char *provider,
                           const char *key)
{
    struct buf name;
    buf_init(&name, 4096);
    buf_printf(&name, "config.providers.%s.%s", provider, key);
    const char *text = buf_text(&name);
    const char *value = text != NULL ? connect_config_get(properties, text) : NULL;
    buf_deinit(&name);
    return value;
}

static enum err_code read_provider(const struct connect_config *properties, const char *name,
                                   struct provider *p, struct err *e)
{
    static const struct {
        const char *class_name;
        provider_get_fn get;
    } known[] = {
        {"FileConfigProvider", get_from_file},
        {"DirectoryConfigProvider", get_from_directory},
        {"EnvVarConfigProvider", get_from_environment},
    };
    const char *class_name = setting(properties, name, "class");
    const char *dot = class_name != NULL ? strrchr(class_name, '.') : NULL;
    const char *simple = dot != NULL ? dot + 1 : class_name;
    for (size_t i = 0; simple != NULL && i < sizeof known / sizeof known[0]; i++) {
        p->get = strcmp(known[i].class_name, simple) == 0 ? known[i].get : p->get;
    }
    if (p->get == NULL) {
        return err_set(e, ERR_INVALID,
                       "config.providers.%s.class is %s; FileConfigProvider, "
                       "DirectoryConfigProvider and EnvVarConfigProvider are known",
                       name, class_name != NULL ? class_name : "not set");
    }
    p->name = mem_strdup(name);
    const char *paths = setting(properties, name, "param.allowed.paths");
    const char *allowlist = setting(properties, name, "param.allowlist.pattern");
    enum err_code code = p->name != NULL ? ERR_OK : err_nomem(e, "config provider");
    p->paths_limited = paths != NULL;
    if (code == ERR_OK && paths != NULL) {
        code = connect_config_parse_list(paths, &p->allowed_paths, e);
    }
    if (code == ERR_OK && allowlist != NULL) {
        code = pattern_compile(allowlist, &p->allowlist, e);
    }
    return code == ERR_OK ? ERR_OK : err_wrap(e, "config provider %s", name);
}

enum err_code config_resolver_create(const struct connect_config *properties,
                                     struct config_resolver **out_resolver, struct err *e)
{
    struct connect_config_list names = {0};
    struct config_resolver *r = mem_calloc(1, sizeof *r);
    if (r == NULL) {
        return err_nomem(e, "config providers");
    }
    enum err_code code =
        connect_config_parse_list(connect_config_get(properties, "config.providers"), &names, e);
    if (code == ERR_OK && names.count > PROVIDERS_MAX) {
        code = err_set(e, ERR_LIMIT, "more than %zu config.providers", PROVIDERS_MAX);
    }
    for (size_t i = 0; code == ERR_OK && i < names.count; i++) {
        code = read_provider(properties, names.items[i], &r->providers[r->count++], e);
    }
    connect_config_list_deinit(&names);
    if (code != ERR_OK) {
        config_resolver_destroy(r);
        return code;
    }
    *out_resolver = r;
    return ERR_OK;
}

void config_resolver_destroy(struct config_resolver *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->count; i++) {
        mem_free(r->providers[i].name);
        connect_config_list_deinit(&r->providers[i].allowed_paths);
        pattern_destroy(r->providers[i].allowlist);
    }
    mem_free(r);
}

/* "${provider:path:key}" or "${provider:key}" at the beginning of a text, cut into its parts. */
struct reference {
    size_t len;
    const struct provider *provider; /* NULL: unknown */
    char *path;
    char *key;
};

static bool parse_reference(const struct config_resolver *r, const char *text,
                            struct reference *out)
{
    const char *end = strncmp(text, "${", 2) == 0 ? strchr(text, '}') : NULL;
    const char *colon = end != NULL ? memchr(text, ':', (size_t)(end - text)) : NULL;
    if (colon == NULL) {
        return false;
    }
    *out = (struct reference){.len = (size_t)(end + 1 - text)};
    size_t name_len = (size_t)(colon - text) - 2;
    for (size_t i = 0; i < r->count; i++) {
        if (strlen(r->providers[i].name) == name_len &&
            memcmp(r->providers[i].name, text + 2, name_len) == 0) {
            out->provider = &r->providers[i];
        }
    }
    const char *rest = colon + 1;
    const char *second = memchr(rest, ':', (size_t)(end - rest));
    out->path = mem_strndup(rest, second != NULL ? (size_t)(second - rest) : 0);
    const char *key = second != NULL ? second + 1 : rest;
    out->key = mem_strndup(key, (size_t)(end - key));
    return true;
}

static void reference_deinit(struct reference *ref)
{
    mem_free(ref->path);
    mem_free(ref->key);
}

static enum err_code remember(struct config_resolution *out, const char *reference, size_t len,
                              const char *value, struct err *e)
{
    void *more = out->count < REFERENCES_MAX
                     ? mem_realloc(out->values, (out->count + 1) * sizeof *out->values)
                     : NULL;
    if (more == NULL) {
        return err_set(e, ERR_LIMIT, "more than %zu references in one config", REFERENCES_MAX);
    }
    out->values = more;
    struct config_resolution_value *v = &out->values[out->count++];
    v->reference = mem_strndup(reference, len);
    v->value = mem_strdup(value);
    return v->reference != NULL && v->value != NULL ? ERR_OK : err_nomem(e, "resolve config");
}

/* Appends what the reference stands for, or itself. */
static enum err_code resolve_reference(const struct reference *ref, const char *text,
                                       struct config_resolution *out, struct buf *to, struct err *e)
{
    struct buf value;
    if (ref->path == NULL || ref->key == NULL) {
        return err_nomem(e, "resolve config");
    }
    if (ref->provider == NULL) {
        buf_append(to, text, ref->len);
        return ERR_OK;
    }
    buf_init(&value, VALUE_BYTES_MAX);
    enum err_code code = ref->provider->get(ref->provider, ref->path, ref->key, &value, e);
    const char *found = code == ERR_OK ? buf_text(&value) : NULL;
    if (found != NULL) {
        buf_append_text(to, found);
        code = remember(out, text, ref->len, found, e);
    } else if (code == ERR_NOT_FOUND) {
        buf_append(to, text, ref->len);
        code = ERR_OK;
    } else if (code == ERR_OK) {
        code = buf_check(&value, "config value", e);
    } else {
        (void)err_wrap(e, "%.*s", (int)(ref->len < 200 ? ref->len : 200), text);
        e->code = ERR_INVALID;
        code = ERR_INVALID;
    }
    buf_deinit(&value);
    return code;
}

static enum err_code resolve_value(const struct config_resolver *r, const char *key,
                                   const char *text, struct config_resolution *out, struct err *e)
{
    struct buf to;
    enum err_code code = ERR_OK;
    buf_init(&to, VALUE_BYTES_MAX);
    while (code == ERR_OK && *text != '\0') {
        struct reference ref = {0};
        if (parse_reference(r, text, &ref)) {
            code = resolve_reference(&ref, text, out, &to, e);
            text += ref.len;
            reference_deinit(&ref);
        } else {
            buf_append_char(&to, *text++);
        }
    }
    const char *whole = buf_text(&to);
    if (code == ERR_OK) {
        code = whole != NULL ? connect_config_set(&out->config, key, whole, e)
                             : buf_check(&to, "config value", e);
    } else {
        code = err_wrap(e, "configuration %s", key);
    }
    buf_deinit(&to);
    return code;
}

enum err_code config_resolver_resolve(const struct config_resolver *r,
                                      const struct connect_config *from,
                                      struct config_resolution *out, struct err *e)
{
    enum err_code code = ERR_OK;
    *out = (struct config_resolution){0};
    connect_config_init(&out->config);
    for (size_t i = 0; code == ERR_OK && i < from->count; i++) {
        const struct connect_config_entry *entry = &from->entries[i];
        bool plain = r == NULL || entry->value == NULL || strstr(entry->value, "${") == NULL;
        code = plain ? connect_config_set(&out->config, entry->key, entry->value, e)
                     : resolve_value(r, entry->key, entry->value, out, e);
    }
    return code;
}

void config_resolution_deinit(struct config_resolution *r)
{
    for (size_t i = 0; i < r->count; i++) {
        mem_free(r->values[i].reference);
        mem_free(r->values[i].value);
    }
    mem_free(r->values);
    connect_config_deinit(&r->config);
    *r = (struct config_resolution){0};
}

static void mask_one(const struct config_resolution_value *v, char *text, size_t size)
{
    size_t len = strlen(v->value);
    if (len < MASKED_FROM || strstr(text, v->value) == NULL) {
        return;
    }
    struct buf masked;
    buf_init(&masked, size * 2);
    for (const char *at = text; *at != '\0';) {
        if (strncmp(at, v->value, len) == 0) {
            buf_append_text(&masked, v->reference);
            at += len;
        } else {
            buf_append_char(&masked, *at++);
        }
    }
    const char *result = buf_text(&masked);
    text[0] = '\0'; /* rather nothing than a secret */
    if (result != NULL) {
        (void)snprintf(text, size, "%s", result);
    }
    buf_deinit(&masked);
}

void config_resolution_mask(const struct config_resolution *r, char *text, size_t size)
{
    for (size_t i = 0; i < r->count; i++) {
        mask_one(&r->values[i], text, size);
    }
}

/* Whether a text has a reference to a provider that is there. */
static bool refers(const struct config_resolver *r, const char *text)
{
    bool found = false;
    for (const char *at = strstr(text, "${"); at != NULL && !found; at = strstr(at + 2, "${")) {
        struct reference ref = {0};
        found = parse_reference(r, at, &ref) && ref.provider != NULL;
        reference_deinit(&ref);
    }
    return found;
}

enum err_code config_resolver_restore(const struct config_resolver *r,
                                      const struct connect_config *from,
                                      struct connect_config *task, struct err *e)
{
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && r != NULL && i < from->count; i++) {
        const struct connect_config_entry *entry = &from->entries[i];
        if (entry->value != NULL && connect_config_has(task, entry->key) &&
            refers(r, entry->value)) {
            code = connect_config_set(task, entry->key, entry->value, e);
        }
    }
    return code;
}
