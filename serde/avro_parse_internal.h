/* A parse in progress: what avro_parse.c reads and avro_parse_check.c looks over at its end. */
#pragma once

#include "serde/avro_internal.h"

/* A type that was named before it was defined: filled in at the end of the document. */
struct avro_fixup {
    struct avro_fixup *next;
    const struct avro_type **slot;
    const char *name;
    const char *space;
    const char *field; /* of which it is the type, or NULL */
    bool in_object;    /* it stood as {"type": name} */
};

struct avro_union_check {
    struct avro_union_check *next;
    const struct avro_type *type;
};

struct avro_default_check {
    struct avro_default_check *next;
    struct avro_field *field;
};

/* A type that is defined once more. */
struct avro_again {
    struct avro_again *next;
    const struct avro_type *known;
    const struct avro_type *type;
};

struct avro_parser {
    struct avro_schema *schema;
    bool strict;
    struct avro_again *agains;
    struct avro_fixup *fixups;
    struct avro_fixup **fixups_end;
    struct avro_union_check *unions;
    struct avro_union_check **unions_end;
    struct avro_default_check *defaults;
    struct avro_default_check **defaults_end;
    struct err *e;
};

/* avro_parse.c */
void *avro_parse_alloc(struct avro_parser *p, size_t count, size_t size);
enum err_code avro_parse_nomem(struct avro_parser *p);
/* "space.name", or the name alone; NULL = out of memory. */
const char *avro_parse_join(struct avro_parser *p, const char *space, const char *name);

/* avro_parse_check.c: names that were used before they were defined, types that are
 * defined twice, unions, defaults. */
enum err_code avro_parse_check(struct avro_parser *p);
