#include "common/yaml_file.h"

#include <errno.h>
#include <stdio.h>

static enum err_code yaml_file_parse(const char *path, FILE *file, yaml_document_t *out_document,
                                     struct err *e)
{
    yaml_parser_t parser;
    if (yaml_parser_initialize(&parser) == 0) {
        return err_nomem(e, path);
    }
    yaml_parser_set_input_file(&parser, file);
    enum err_code code = ERR_OK;
    if (yaml_parser_load(&parser, out_document) == 0) {
        code = err_set(e, ERR_PARSE, "%s line %zu: %s", path, parser.problem_mark.line + 1,
                       parser.problem != NULL ? parser.problem : "not YAML");
    }
    yaml_parser_delete(&parser);
    return code;
}

enum err_code yaml_file_load(const char *path, yaml_document_t *out_document, struct err *e)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return err_errno(e, errno, "open %s", path);
    }
    enum err_code code = ERR_OK;
    if (fseek(file, 0, SEEK_END) != 0 || ftell(file) > YAML_FILE_BYTES_MAX) {
        code = err_set(e, ERR_LIMIT, "%s: larger than %ld bytes", path, YAML_FILE_BYTES_MAX);
    } else {
        rewind(file);
        code = yaml_file_parse(path, file, out_document, e);
    }
    (void)fclose(file);
    return code;
}
