#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "serde/avro_parse_internal.h"

/* A name that was not known where it stood: what was defined behind it, in its namespace alone. */
static const struct avro_type *avro_parse_check_forward(struct avro_parser *p,
                                                        const struct avro_fixup *fixup)
{
    bool dotted = strchr(fixup->name, '.') != NULL;
    const char *full = avro_parse_join(p, dotted ? NULL : fixup->space, fixup->name);
    return full != NULL ? avro_schema_find(p->schema, full) : NULL;
}

static enum err_code avro_parse_check_fixups(struct avro_parser *p)
{
    for (const struct avro_fixup *fixup = p->fixups; fixup != NULL; fixup = fixup->next) {
        const struct avro_type *found = avro_parse_check_forward(p, fixup);
        if (found == NULL && fixup->field != NULL && !fixup->in_object) {
            return err_set(p->e, ERR_PARSE,
                           "\"%s\" is not a defined name. The type of the \"%s\" field must be a "
                           "defined name or a {\"type\": ...} expression.",
                           fixup->name, fixup->field);
        }
        if (found == NULL) {
            return err_set(p->e, ERR_PARSE,
                           fixup->in_object ? "Type not supported: %s" : "Undefined name: \"%s\"",
                           fixup->name);
        }
        *fixup->slot = found;
    }
    return ERR_OK;
}

static enum err_code avro_parse_check_union(struct avro_parser *p, const struct avro_type *type)
{
    json_t *seen = json_object();
    enum err_code code = seen != NULL ? ERR_OK : avro_parse_nomem(p);
    for (size_t i = 0; i < type->branch_count && code == ERR_OK; i++) {
        const struct avro_type *branch = type->branches[i];
        const char *name = avro_schema_branch_name(branch);
        if (branch->kind == AVRO_KIND_UNION) {
            struct buf b;
            buf_init(&b, AVRO_SCHEMA_BYTES_MAX);
            avro_schema_write_type(type, &b);
            const char *text = buf_text(&b);
            code = err_set(p->e, ERR_PARSE, "Nested union: %s", text != NULL ? text : "");
            buf_deinit(&b);
        } else if (json_object_get(seen, name) != NULL) {
            code = err_set(p->e, ERR_PARSE, "Duplicate in union:%s", name);
        } else if (json_object_set_new(seen, name, json_true()) != 0) {
            code = avro_parse_nomem(p);
        }
    }
    json_decref(seen);
    return code;
}

/* Java reads a text as the default of a float or double as that number. What JSON cannot write as
 * one (NaN, Infinity) stays a text. */
static enum err_code avro_parse_check_number_text(struct avro_parser *p, struct avro_field *field)
{
    const char *text = json_string_value(field->default_json);
    double v = 0;
    if (avro_schema_float_word(text, &v)) {
        return ERR_OK;
    }
    char *end = NULL;
    v = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(v)) {
        return err_set(p->e, ERR_PARSE, "For input string: \"%s\"", text);
    }
    json_t *number = json_real(v);
    if (number == NULL || json_array_append_new(p->schema->kept, number) != 0) {
        return avro_parse_nomem(p);
    }
    field->default_json = number;
    return ERR_OK;
}

static enum err_code avro_parse_check_default(struct avro_parser *p, struct avro_field *field)
{
    bool floating = field->type->kind == AVRO_KIND_FLOAT || field->type->kind == AVRO_KIND_DOUBLE;
    if (floating && json_is_string(field->default_json)) {
        enum err_code code = avro_parse_check_number_text(p, field);
        if (code != ERR_OK || json_is_string(field->default_json)) {
            return code;
        }
    }
    if (!p->strict || avro_schema_default_fits(field->type, field->default_json)) {
        return ERR_OK;
    }
    struct buf b;
    buf_init(&b, AVRO_SCHEMA_BYTES_MAX);
    json_write(&b, field->default_json);
    buf_append_text(&b, " not a ");
    avro_schema_write_type(field->type, &b);
    const char *text = buf_text(&b);
    (void)err_set(p->e, ERR_PARSE, "Invalid default for field %s: %s", field->name,
                  text != NULL ? text : "");
    buf_deinit(&b);
    return ERR_PARSE;
}

/* A type may be defined again when it is the same one. */
static enum err_code avro_parse_check_agains(struct avro_parser *p)
{
    for (const struct avro_again *again = p->agains; again != NULL; again = again->next) {
        if (!avro_schema_same(again->known, again->type, false)) {
            return err_set(p->e, ERR_PARSE, "Can't redefine: %s", again->type->full_name);
        }
    }
    return ERR_OK;
}

enum err_code avro_parse_check(struct avro_parser *p)
{
    enum err_code code = avro_parse_check_fixups(p);
    if (code == ERR_OK) {
        code = avro_parse_check_agains(p);
    }
    for (const struct avro_union_check *u = p->unions; u != NULL && code == ERR_OK; u = u->next) {
        code = avro_parse_check_union(p, u->type);
    }
    for (const struct avro_default_check *d = p->defaults; d != NULL && code == ERR_OK;
         d = d->next) {
        code = avro_parse_check_default(p, d->field);
    }
    return code;
}
