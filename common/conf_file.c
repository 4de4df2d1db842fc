/* conf_load_file: a YAML document as dotted keys, through libyaml. */
#include <stdio.h>
#include <string.h>

#include "common/conf.h"
#include "common/yaml_file.h"

#define CONF_FILE_MAX_DEPTH 8

struct conf_file {
    struct conf *conf;
    const char *path;
    yaml_document_t *document;
    struct buf seen; /* "\nkey\n" of every key set, to refuse duplicates */
};

static enum err_code conf_file_node(struct conf_file *f, const char *prefix, yaml_node_t *node,
                                    int depth, struct err *e);

static const char *conf_file_scalar(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static enum err_code conf_file_set(struct conf_file *f, const char *key, const char *text,
                                   const yaml_node_t *node, struct err *e)
{
    char source[512];
    (void)snprintf(source, sizeof source, "%s line %zu", f->path, node->start_mark.line + 1);
    char mark[256];
    (void)snprintf(mark, sizeof mark, "\n%s\n", key);
    const char *seen = buf_text(&f->seen);
    if (seen == NULL || strstr(seen, mark) != NULL) {
        return err_set(e, ERR_INVALID, "%s: \"%s\" is set twice", source, key);
    }
    buf_append_text(&f->seen, mark);
    return conf_set(f->conf, key, text, source, e);
}

static enum err_code conf_file_sequence(struct conf_file *f, const char *key, yaml_node_t *node,
                                        struct err *e)
{
    struct buf joined;
    buf_init(&joined, YAML_FILE_BYTES_MAX);
    enum err_code code = ERR_OK;
    for (yaml_node_item_t *item = node->data.sequence.items.start;
         code == ERR_OK && item < node->data.sequence.items.top; item++) {
        yaml_node_t *child = yaml_document_get_node(f->document, *item);
        if (child == NULL || child->type != YAML_SCALAR_NODE) {
            code = err_set(e, ERR_INVALID, "%s line %zu: %s: a list holds plain values only",
                           f->path, node->start_mark.line + 1, key);
        } else {
            buf_printf(&joined, "%s%s", joined.len > 0 ? "," : "", conf_file_scalar(child));
        }
    }
    const char *text = buf_text(&joined);
    if (code == ERR_OK) {
        code = text != NULL ? conf_file_set(f, key, text, node, e) : err_nomem(e, f->path);
    }
    buf_deinit(&joined);
    return code;
}

/* Depth is bounded by CONF_FILE_MAX_DEPTH. NOLINTNEXTLINE(misc-no-recursion) */
static enum err_code conf_file_mapping(struct conf_file *f, const char *prefix, yaml_node_t *node,
                                       int depth, struct err *e)
{
    if (depth >= CONF_FILE_MAX_DEPTH) {
        return err_set(e, ERR_LIMIT, "%s line %zu: nested deeper than %d", f->path,
                       node->start_mark.line + 1, CONF_FILE_MAX_DEPTH);
    }
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *name = yaml_document_get_node(f->document, pair->key);
        yaml_node_t *value = yaml_document_get_node(f->document, pair->value);
        char key[200];
        if (name == NULL || value == NULL || name->type != YAML_SCALAR_NODE ||
            (size_t)snprintf(key, sizeof key, "%s%s%s", prefix, *prefix != '\0' ? "." : "",
                             conf_file_scalar(name)) >= sizeof key) {
            return err_set(e, ERR_INVALID, "%s line %zu: not a setting's name", f->path,
                           node->start_mark.line + 1);
        }
        enum err_code code = conf_file_node(f, key, value, depth + 1, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

/* Depth is bounded by CONF_FILE_MAX_DEPTH. NOLINTNEXTLINE(misc-no-recursion) */
static enum err_code conf_file_node(struct conf_file *f, const char *prefix, yaml_node_t *node,
                                    int depth, struct err *e)
{
    switch (node->type) {
    case YAML_MAPPING_NODE:
        return conf_file_mapping(f, prefix, node, depth, e);
    case YAML_SEQUENCE_NODE:
        return conf_file_sequence(f, prefix, node, e);
    case YAML_SCALAR_NODE:
        return conf_file_set(f, prefix, conf_file_scalar(node), node, e);
    case YAML_NO_NODE:
        break;
    }
    return ERR_OK;
}

static enum err_code conf_file_apply(struct conf *c, const char *path, yaml_document_t *document,
                                     struct err *e)
{
    yaml_node_t *root = yaml_document_get_root_node(document);
    if (root == NULL) {
        return ERR_OK; /* an empty file sets nothing */
    }
    if (root->type != YAML_MAPPING_NODE) {
        return err_set(e, ERR_PARSE, "%s: not a mapping of settings", path);
    }
    struct conf_file f = {.conf = c, .path = path, .document = document};
    buf_init(&f.seen, YAML_FILE_BYTES_MAX);
    enum err_code code = conf_file_mapping(&f, "", root, 0, e);
    buf_deinit(&f.seen);
    return code;
}

enum err_code conf_load_file(struct conf *c, const char *path, struct err *e)
{
    yaml_document_t document;
    enum err_code code = yaml_file_load(path, &document, e);
    if (code == ERR_OK) {
        code = conf_file_apply(c, path, &document, e);
        yaml_document_delete(&document);
    }
    return code;
}
