#include "cli/schema_references.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "common/yaml_file.h"

#define SCHEMA_REFERENCES_MAX 1000
#define SCHEMA_REFERENCES_LINE_BYTES 4096

static enum err_code schema_references_add(json_t *list, const char *name, const char *subject,
                                           const char *version, struct err *e)
{
    int64_t number = 0;
    if (name == NULL || subject == NULL || version == NULL || *name == '\0' || *subject == '\0' ||
        !text_parse_int64(version, &number)) {
        return err_set(e, ERR_INVALID, "use name, subject and a version number");
    }
    if (json_array_size(list) == SCHEMA_REFERENCES_MAX) {
        return err_set(e, ERR_LIMIT, "more than %d references", SCHEMA_REFERENCES_MAX);
    }
    json_t *one = json_pack("{s:s, s:s, s:I}", "name", name, "subject", subject, "version",
                            (json_int_t)number);
    return json_array_append_new(list, one) == 0 ? ERR_OK
                                                 : err_set(e, ERR_INVALID, "not UTF-8 text");
}

/* A name may be a URL, with colons of its own: what stands behind the last two counts. */
static enum err_code schema_references_flag(const char *text, json_t *list, struct err *e)
{
    for (const char *at = text; *at != '\0';) {
        char one[SCHEMA_REFERENCES_LINE_BYTES];
        size_t n = strcspn(at, ",");
        (void)snprintf(one, sizeof one, "%.*s", (int)n, at);
        char *version = strrchr(one, ':');
        if (version != NULL) {
            *version++ = '\0';
        }
        char *subject = strrchr(one, ':');
        if (subject != NULL) {
            *subject++ = '\0';
        }
        if (n >= sizeof one || schema_references_add(list, one, subject, version, e) != ERR_OK) {
            return err_set(e, ERR_INVALID, "--references \"%.*s\": use name:subject:version",
                           (int)n, at);
        }
        at += n + (at[n] == ',' ? 1 : 0);
    }
    return ERR_OK;
}

/* Empty lines and those that begin with "// " are skipped. */
static enum err_code schema_references_lines(const char *path, json_t *list, struct err *e)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return err_errno(e, errno, "open %s", path);
    }
    enum err_code code = ERR_OK;
    char line[SCHEMA_REFERENCES_LINE_BYTES];
    for (size_t number = 1; code == ERR_OK && fgets(line, sizeof line, file) != NULL; number++) {
        char *rest = NULL;
        if (line[strspn(line, " \t\r\n")] == '\0' || strncmp(line, "// ", 3) == 0) {
            continue;
        }
        const char *name = strtok_r(line, " \t\r\n", &rest);
        const char *subject = strtok_r(NULL, " \t\r\n", &rest);
        const char *version = strtok_r(NULL, " \t\r\n", &rest);
        code = schema_references_add(list, name, subject, version, e);
        if (code != ERR_OK) {
            code = err_wrap(e, "%s line %zu", path, number);
        }
    }
    if (code == ERR_OK && ferror(file) != 0) {
        code = err_set(e, ERR_IO, "read %s", path);
    }
    (void)fclose(file);
    return code;
}

static const char *schema_references_member(yaml_document_t *document, const yaml_node_t *mapping,
                                            const char *name)
{
    if (mapping == NULL || mapping->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
         pair < mapping->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(document, pair->key);
        const yaml_node_t *value = yaml_document_get_node(document, pair->value);
        if (key != NULL && value != NULL && key->type == YAML_SCALAR_NODE &&
            value->type == YAML_SCALAR_NODE &&
            strcmp((const char *)key->data.scalar.value, name) == 0) {
            return (const char *)value->data.scalar.value;
        }
    }
    return NULL;
}

static enum err_code schema_references_nodes(const char *path, yaml_document_t *document,
                                             json_t *list, struct err *e)
{
    const yaml_node_t *root = yaml_document_get_root_node(document);
    if (root == NULL || root->type != YAML_SEQUENCE_NODE) {
        return err_set(e, ERR_INVALID, "%s: not a list of references", path);
    }
    for (const yaml_node_item_t *item = root->data.sequence.items.start;
         item < root->data.sequence.items.top; item++) {
        const yaml_node_t *one = yaml_document_get_node(document, *item);
        if (schema_references_add(list, schema_references_member(document, one, "name"),
                                  schema_references_member(document, one, "subject"),
                                  schema_references_member(document, one, "version"),
                                  e) != ERR_OK) {
            return err_wrap(e, "%s line %zu", path, one != NULL ? one->start_mark.line + 1 : 0);
        }
    }
    return ERR_OK;
}

/* JSON is YAML too. */
static enum err_code schema_references_yaml(const char *path, json_t *list, struct err *e)
{
    yaml_document_t document;
    enum err_code code = yaml_file_load(path, &document, e);
    if (code == ERR_OK) {
        code = schema_references_nodes(path, &document, list, e);
        yaml_document_delete(&document);
    }
    return code;
}

static enum err_code schema_references_file(const char *path, json_t *list, struct err *e)
{
    const char *dot = strrchr(path, '.');
    bool tree = dot != NULL && (strcmp(dot, ".json") == 0 || strcmp(dot, ".yaml") == 0 ||
                                strcmp(dot, ".yml") == 0);
    enum err_code code =
        tree ? schema_references_yaml(path, list, e) : schema_references_lines(path, list, e);
    return code == ERR_OK ? ERR_OK : err_wrap(e, "--references");
}

enum err_code schema_references_parse(const char *text, json_t **out_list, struct err *e)
{
    json_t *list = json_array();
    if (list == NULL) {
        return err_nomem(e, "references");
    }
    enum err_code code = strchr(text, ':') != NULL ? schema_references_flag(text, list, e)
                                                   : schema_references_file(text, list, e);
    if (code != ERR_OK) {
        json_decref(list);
        return code;
    }
    *out_list = list;
    return ERR_OK;
}
