/* conf_load_file: a YAML document as dotted keys, through libyaml. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "common/conf.h"

#define CONF_FILE_MAX_BYTES (1024L * 1024)
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
    buf_init(&joined, CONF_FILE_MAX_BYTES);
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
    buf_init(&f.seen, CONF_FILE_MAX_BYTES);
    enum err_code code = conf_file_mapping(&f, "", root, 0, e);
    buf_deinit(&f.seen);
    return code;
}

static enum err_code conf_file_parse(struct conf *c, const char *path, FILE *file, struct err *e)
{
    yaml_parser_t parser;
    yaml_document_t document;
    if (yaml_parser_initialize(&parser) == 0) {
        return err_nomem(e, path);
    }
    yaml_parser_set_input_file(&parser, file);
    enum err_code code = ERR_OK;
    if (yaml_parser_load(&parser, &document) == 0) {
        code = err_set(e, ERR_PARSE, "%s line %zu: %s", path, parser.problem_mark.line + 1,
                       parser.problem != NULL ? parser.problem : "not YAML");
    } else {
        code = conf_file_apply(c, path, &document, e);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return code;
}

enum err_code conf_load_file(struct conf *c, const char *path, struct err *e)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return err_errno(e, errno, "open %s", path);
    }
    enum err_code code = ERR_OK;
    if (fseek(file, 0, SEEK_END) != 0 || ftell(file) > CONF_FILE_MAX_BYTES) {
        code = err_set(e, ERR_LIMIT, "%s: larger than %ld bytes", path, CONF_FILE_MAX_BYTES);
    } else {
        rewind(file);
        code = conf_file_parse(c, path, file, e);
    }
    (void)fclose(file);
    return code;
}
