#include "cli/rpk_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/conf.h"
#include "common/yaml_file.h"

#define RPK_CONFIG_DEPTH_MAX 4
#define RPK_CONFIG_PATH_BYTES 4096
/* rpk.yaml as rpk has written it since 2024; what is newer may mean something else. */
#define RPK_CONFIG_VERSION_MAX 7

/* Where a key of -X stands in a profile, and in redpanda.yaml's section rpk. NULL: known, unused.
 */
static const struct {
    const char *path;
    const char *key;
} rpk_config_paths[] = {
    {"kafka_api.brokers", "brokers"},
    {"kafka_api.tls.enabled", "tls.enabled"},
    {"kafka_api.tls.insecure_skip_verify", "tls.insecure_skip_verify"},
    {"kafka_api.tls.ca_file", "tls.ca"},
    {"kafka_api.tls.truststore_file", "tls.ca"},
    {"kafka_api.tls.cert_file", "tls.cert"},
    {"kafka_api.tls.key_file", "tls.key"},
    {"kafka_api.sasl.mechanism", "sasl.mechanism"},
    {"kafka_api.sasl.type", "sasl.mechanism"},
    {"kafka_api.sasl.user", "user"},
    {"kafka_api.sasl.password", "pass"},
    {"schema_registry.addresses", "registry.hosts"},
    {"schema_registry.tls.enabled", "registry.tls.enabled"},
    {"schema_registry.tls.insecure_skip_verify", "registry.tls.insecure_skip_verify"},
    {"schema_registry.tls.ca_file", "registry.tls.ca"},
    {"schema_registry.tls.truststore_file", "registry.tls.ca"},
    {"schema_registry.tls.cert_file", "registry.tls.cert"},
    {"schema_registry.tls.key_file", "registry.tls.key"},
    {"globals.no_default_cluster", "globals.no_default_cluster"},
    {"globals.dial_timeout", "globals.dial_timeout"},
    {"globals.request_timeout_overhead", "globals.request_timeout_overhead"},
    {"globals.retry_timeout", "globals.retry_timeout"},
    {"globals.fetch_max_wait", "globals.fetch_max_wait"},
    {"globals.kafka_protocol_request_client_id", "globals.kafka_protocol_request_client_id"},
    {"globals.prompt", NULL},
    {"globals.command_timeout", NULL},
};
#define RPK_CONFIG_PATH_COUNT (sizeof rpk_config_paths / sizeof rpk_config_paths[0])

/* One file. */
struct rpk_config_file {
    const struct rpk_config_request *request;
    char path[RPK_CONFIG_PATH_BYTES];
    yaml_document_t document;
    bool loaded;
};

static const char *rpk_config_text(const yaml_node_t *node)
{
    return node != NULL && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
                                                          : NULL;
}

static bool rpk_config_is_null(const yaml_node_t *node)
{
    const char *text = rpk_config_text(node);
    return node == NULL || (text != NULL && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                            (*text == '\0' || strcmp(text, "null") == 0 || strcmp(text, "~") == 0));
}

/* The value of a key in a mapping, or NULL. */
static yaml_node_t *rpk_config_member(struct rpk_config_file *f, const yaml_node_t *mapping,
                                      const char *name)
{
    if (mapping == NULL || mapping->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        const char *key = rpk_config_text(yaml_document_get_node(&f->document, pair->key));
        if (key != NULL && strcmp(key, name) == 0) {
            return yaml_document_get_node(&f->document, pair->value);
        }
    }
    return NULL;
}

static enum err_code rpk_config_open(struct rpk_config_file *f, bool must_exist, struct err *e)
{
    enum err_code code = yaml_file_load(f->path, &f->document, e);
    f->loaded = code == ERR_OK;
    return code == ERR_NOT_FOUND && !must_exist ? ERR_OK : code;
}

static void rpk_config_close(struct rpk_config_file *f)
{
    if (f->loaded) {
        yaml_document_delete(&f->document);
        f->loaded = false;
    }
}

static enum err_code rpk_config_set(struct rpk_config_file *f, const char *path,
                                    const yaml_node_t *node, const char *value, struct err *e)
{
    char origin[RPK_CONFIG_PATH_BYTES + 32];
    (void)snprintf(origin, sizeof origin, "%s line %zu", f->path, node->start_mark.line + 1);
    for (size_t i = 0; i < RPK_CONFIG_PATH_COUNT; i++) {
        if (strcmp(rpk_config_paths[i].path, path) == 0) {
            const char *key = rpk_config_paths[i].key;
            return key != NULL ? f->request->set(f->request->ctx, key, value, origin, e) : ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID, "%s: %s is unknown", origin, path);
}

/* An item of a list of addresses: text, or {address, port} as in older files. */
static bool rpk_config_address(struct rpk_config_file *f, const yaml_node_t *item, struct buf *out)
{
    const char *text = rpk_config_text(item);
    const char *address = rpk_config_text(rpk_config_member(f, item, "address"));
    const char *port = rpk_config_text(rpk_config_member(f, item, "port"));
    if (text == NULL && (address == NULL || port == NULL)) {
        return false;
    }
    buf_append_text(out, out->len > 0 ? "," : "");
    if (text != NULL) {
        buf_append_text(out, text);
    } else {
        buf_printf(out, "%s:%s", address, port);
    }
    return true;
}

static enum err_code rpk_config_list(struct rpk_config_file *f, const char *path,
                                     const yaml_node_t *node, struct err *e)
{
    struct buf joined;
    buf_init(&joined, (size_t)YAML_FILE_BYTES_MAX);
    bool good = true;
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         good && item < node->data.sequence.items.top; item++) {
        good = rpk_config_address(f, yaml_document_get_node(&f->document, *item), &joined);
    }
    const char *text = buf_text(&joined);
    enum err_code code = ERR_OK;
    if (!good) {
        code = err_set(e, ERR_INVALID, "%s line %zu: %s: use a list of HOST:PORT", f->path,
                       node->start_mark.line + 1, path);
    } else if (text == NULL) {
        code = err_nomem(e, f->path);
    } else if (*text != '\0') {
        code = rpk_config_set(f, path, node, text, e);
    }
    buf_deinit(&joined);
    return code;
}

/* Everything below a mapping, as dotted paths. RPK_CONFIG_DEPTH_MAX bounds it.
 * NOLINTNEXTLINE(misc-no-recursion) */
static enum err_code rpk_config_walk(struct rpk_config_file *f, const char *prefix,
                                     const yaml_node_t *mapping, int depth, struct err *e)
{
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        const char *name = rpk_config_text(yaml_document_get_node(&f->document, pair->key));
        const yaml_node_t *value = yaml_document_get_node(&f->document, pair->value);
        char path[200];
        if (name == NULL || depth > RPK_CONFIG_DEPTH_MAX ||
            (size_t)snprintf(path, sizeof path, "%s.%s", prefix, name) >= sizeof path) {
            return err_set(e, ERR_INVALID, "%s line %zu: not a setting's name", f->path,
                           mapping->start_mark.line + 1);
        }
        enum err_code code = ERR_OK;
        if (rpk_config_is_null(value)) {
            continue;
        }
        if (value->type == YAML_MAPPING_NODE) {
            code = rpk_config_walk(f, path, value, depth + 1, e);
        } else if (value->type == YAML_SEQUENCE_NODE) {
            code = rpk_config_list(f, path, value, e);
        } else {
            code = rpk_config_set(f, path, value, rpk_config_text(value), e);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

/* A section says something when it holds anything but empty lists and nulls. */
static bool rpk_config_says(struct rpk_config_file *f, const yaml_node_t *section)
{
    if (section == NULL || section->type != YAML_MAPPING_NODE) {
        return false;
    }
    for (const yaml_node_pair_t *pair = section->data.mapping.pairs.start;
         pair < section->data.mapping.pairs.top; pair++) {
        const yaml_node_t *value = yaml_document_get_node(&f->document, pair->value);
        bool empty_list = value != NULL && value->type == YAML_SEQUENCE_NODE &&
                          value->data.sequence.items.start == value->data.sequence.items.top;
        if (!rpk_config_is_null(value) && !empty_list) {
            return true;
        }
    }
    return false;
}

/* One section of a profile or of redpanda.yaml; a section tls that is there turns TLS on, as rpk
 * has it. */
static enum err_code rpk_config_section(struct rpk_config_file *f, const yaml_node_t *parent,
                                        const char *name, struct err *e)
{
    const yaml_node_t *section = rpk_config_member(f, parent, name);
    if (!rpk_config_says(f, section)) {
        return ERR_OK;
    }
    const yaml_node_t *tls = rpk_config_member(f, section, "tls");
    enum err_code code = ERR_OK;
    if (tls != NULL && tls->type == YAML_MAPPING_NODE) {
        char path[64];
        (void)snprintf(path, sizeof path, "%s.tls.enabled", name);
        code = rpk_config_set(f, path, tls, "true", e);
    }
    return code == ERR_OK ? rpk_config_walk(f, name, section, 0, e) : code;
}

/* The profile that is asked for; NULL with no error when the file has none and none was named. */
static enum err_code rpk_config_profile(struct rpk_config_file *f, const yaml_node_t *root,
                                        const yaml_node_t **out_profile, struct err *e)
{
    const char *wanted = f->request->profile;
    const yaml_node_t *profiles = rpk_config_member(f, root, "profiles");
    if (wanted == NULL) {
        wanted = rpk_config_text(rpk_config_member(f, root, "current_profile"));
    }
    *out_profile = NULL;
    if (profiles != NULL && profiles->type == YAML_SEQUENCE_NODE && wanted != NULL) {
        for (const yaml_node_item_t *item = profiles->data.sequence.items.start;
             item < profiles->data.sequence.items.top; item++) {
            const yaml_node_t *one = yaml_document_get_node(&f->document, *item);
            const char *name = rpk_config_text(rpk_config_member(f, one, "name"));
            *out_profile = name != NULL && strcmp(name, wanted) == 0 ? one : *out_profile;
        }
    }
    if (*out_profile == NULL && f->request->profile != NULL) {
        return err_set(e, ERR_NOT_FOUND, "%s: there is no profile \"%s\"", f->path, wanted);
    }
    const char *cloud = rpk_config_text(rpk_config_member(f, *out_profile, "from_cloud"));
    if (cloud != NULL && strcmp(cloud, "true") == 0) {
        return err_set(e, ERR_UNSUPPORTED,
                       "%s: profile \"%s\" needs a Redpanda Cloud login, which is not supported; "
                       "choose another with --profile, or --ignore-profile",
                       f->path, wanted);
    }
    return ERR_OK;
}

/* An rpk.yaml has a version. */
static bool rpk_config_is_rpk_yaml(struct rpk_config_file *f)
{
    return f->loaded &&
           rpk_config_member(f, yaml_document_get_root_node(&f->document), "version") != NULL;
}

static enum err_code rpk_config_apply_rpk(struct rpk_config_file *f, struct err *e)
{
    const yaml_node_t *root = yaml_document_get_root_node(&f->document);
    const char *version = rpk_config_text(rpk_config_member(f, root, "version"));
    const yaml_node_t *profile = NULL;
    if (version != NULL && strtol(version, NULL, 10) > RPK_CONFIG_VERSION_MAX) {
        return err_set(e, ERR_UNSUPPORTED, "%s: version %s is newer than %d, the last one known",
                       f->path, version, RPK_CONFIG_VERSION_MAX);
    }
    enum err_code code = rpk_config_section(f, root, "globals", e);
    if (code == ERR_OK) {
        code = rpk_config_profile(f, root, &profile, e);
    }
    if (code == ERR_OK) {
        code = rpk_config_section(f, profile, "kafka_api", e);
    }
    return code == ERR_OK ? rpk_config_section(f, profile, "schema_registry", e) : code;
}

/* The sections of redpanda.yaml that the profile of `over` (not loaded: none) leaves to it. */
static enum err_code rpk_config_apply_redpanda(struct rpk_config_file *f,
                                               struct rpk_config_file *over, struct err *e)
{
    static const char *const names[] = {"kafka_api", "schema_registry"};
    const yaml_node_t *rpk = rpk_config_member(f, yaml_document_get_root_node(&f->document), "rpk");
    const yaml_node_t *profile = NULL;
    enum err_code code = ERR_OK;
    if (over->loaded) {
        code = rpk_config_profile(over, yaml_document_get_root_node(&over->document), &profile, e);
    }
    for (size_t i = 0; code == ERR_OK && i < sizeof names / sizeof names[0]; i++) {
        bool covered =
            over->loaded && rpk_config_says(over, rpk_config_member(over, profile, names[i]));
        code = covered ? ERR_OK : rpk_config_section(f, rpk, names[i], e);
    }
    return code;
}

static bool rpk_config_default_path(char *path, size_t size)
{
    const char *xdg = conf_environment("XDG_CONFIG_HOME");
    const char *home = conf_environment("HOME");
    int n = 0;
    if (xdg != NULL && *xdg != '\0') {
        n = snprintf(path, size, "%s/rpk/rpk.yaml", xdg);
    } else if (home != NULL && *home != '\0') {
        n = snprintf(path, size, "%s/.config/rpk/rpk.yaml", home);
    }
    return n > 0 && (size_t)n < size;
}

/* Both files, as far as they are there. --config is read as the kind that it is. */
static enum err_code rpk_config_find(struct rpk_config_file *rpk, struct rpk_config_file *redpanda,
                                     struct err *e)
{
    static const char *const places[] = {"redpanda.yaml", "/etc/redpanda/redpanda.yaml"};
    const char *config = rpk->request->config;
    if (config != NULL) {
        (void)snprintf(rpk->path, sizeof rpk->path, "%s", config);
        enum err_code code = rpk_config_open(rpk, true, e);
        if (code == ERR_OK && !rpk_config_is_rpk_yaml(rpk)) {
            *redpanda = *rpk;
            rpk->loaded = false;
        }
        return code;
    }
    enum err_code code = ERR_OK;
    if (rpk_config_default_path(rpk->path, sizeof rpk->path)) {
        code = rpk_config_open(rpk, false, e);
    }
    if (code == ERR_OK && rpk->loaded && !rpk_config_is_rpk_yaml(rpk)) {
        return err_set(e, ERR_INVALID, "%s: not an rpk.yaml: it has no version", rpk->path);
    }
    for (size_t i = 0; code == ERR_OK && !redpanda->loaded && i < 2; i++) {
        (void)snprintf(redpanda->path, sizeof redpanda->path, "%s", places[i]);
        code = rpk_config_open(redpanda, false, e);
    }
    return code;
}

enum err_code rpk_config_load(const struct rpk_config_request *request, struct err *e)
{
    struct rpk_config_file rpk = {.request = request};
    struct rpk_config_file redpanda = {.request = request};
    enum err_code code = rpk_config_find(&rpk, &redpanda, e);
    if (code == ERR_OK && redpanda.loaded) {
        code = rpk_config_apply_redpanda(&redpanda, &rpk, e);
    }
    if (code == ERR_OK && rpk.loaded) {
        code = rpk_config_apply_rpk(&rpk, e);
    } else if (code == ERR_OK && request->profile != NULL) {
        code = err_set(e, ERR_NOT_FOUND,
                       "--profile %s: there is no rpk.yaml with profiles; see --config",
                       request->profile);
    }
    rpk_config_close(&rpk);
    rpk_config_close(&redpanda);
    return code;
}
