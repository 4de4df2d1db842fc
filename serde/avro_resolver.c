#include "serde/avro_resolver.h"

#include <stdio.h>
#include <string.h>

#include "common/arena.h"
#include "common/mem.h"
#include "serde/avro_codec.h"
#include "serde/avro_datum_internal.h"
#include "serde/avro_schema.h"

#define AVRO_RESOLVER_ARENA_BYTES ((size_t)64 * 1024 * 1024)
#define AVRO_RESOLVER_PAIRS_MAX 10000

enum avro_step {
    AVRO_STEP_PENDING, /* being made: a recursive type */
    AVRO_STEP_SCALAR,
    AVRO_STEP_PROMOTE,
    AVRO_STEP_ENUM,
    AVRO_STEP_LIST,
    AVRO_STEP_RECORD,
    AVRO_STEP_WRITER_UNION,
    AVRO_STEP_READER_UNION,
    AVRO_STEP_FAILURE,
};

/* What to do with one writer field: read it to a place, or step over it. */
struct avro_plan_field {
    const struct avro_plan *plan; /* NULL = step over */
    const struct avro_type *writer;
    size_t target;
};

struct avro_plan_default {
    size_t target;
    struct avro_datum value;
};

struct avro_plan {
    enum avro_step step;
    const struct avro_type *writer;
    const struct avro_type *reader;
    struct avro_plan *next;            /* of all pairs */
    const struct avro_plan *inner;     /* list items; the chosen branch of a reader union */
    size_t branch;                     /* of a reader union */
    const struct avro_plan **branches; /* of a writer union */
    const size_t *symbols;             /* of an enum: the reader's; SIZE_MAX = none */
    const struct avro_plan_field *fields;
    const struct avro_plan_default *defaults;
    size_t default_count;
    const char *failure;
};

struct avro_resolver {
    struct avro_schema *writer;
    struct avro_schema *reader;
    bool identity;
    struct arena arena;
    struct avro_plan *pairs;
    size_t pair_count;
    const struct avro_plan *root;
};

struct avro_plan_maker {
    struct avro_resolver *resolver;
    struct err *e;
};

static const struct avro_plan *avro_plan_make(struct avro_plan_maker *m,
                                              const struct avro_type *writer,
                                              const struct avro_type *reader);

static const struct avro_plan *avro_plan_nomem(struct avro_plan_maker *m)
{
    (void)err_set(m->e, ERR_LIMIT, "schemas are too large to be resolved");
    return NULL;
}

static const struct avro_plan *avro_plan_mismatch(struct avro_plan_maker *m,
                                                  const struct avro_plan *plan)
{
    (void)err_set(m->e, ERR_INVALID, "data of type \"%s\" cannot be read as \"%s\"",
                  avro_schema_branch_name(plan->writer), avro_schema_branch_name(plan->reader));
    return NULL;
}

static bool avro_plan_promotes(enum avro_kind from, enum avro_kind to)
{
    switch (from) {
    case AVRO_KIND_INT:
        return to == AVRO_KIND_LONG || to == AVRO_KIND_FLOAT || to == AVRO_KIND_DOUBLE;
    case AVRO_KIND_LONG:
        return to == AVRO_KIND_FLOAT || to == AVRO_KIND_DOUBLE;
    case AVRO_KIND_FLOAT:
        return to == AVRO_KIND_DOUBLE;
    case AVRO_KIND_STRING:
        return to == AVRO_KIND_BYTES;
    case AVRO_KIND_BYTES:
        return to == AVRO_KIND_STRING;
    case AVRO_KIND_RECORD:
    case AVRO_KIND_ENUM:
    case AVRO_KIND_ARRAY:
    case AVRO_KIND_MAP:
    case AVRO_KIND_UNION:
    case AVRO_KIND_FIXED:
    case AVRO_KIND_DOUBLE:
    case AVRO_KIND_BOOLEAN:
    case AVRO_KIND_NULL:
        break;
    }
    return false;
}

/* Namespaces are ignored, as in Java; a reader's alias may name the writer. */
static bool avro_plan_names_match(const struct avro_type *writer, const struct avro_type *reader)
{
    if (strcmp(writer->name, reader->name) == 0) {
        return true;
    }
    for (size_t i = 0; i < reader->aliases.count; i++) {
        if (strcmp(reader->aliases.items[i], writer->full_name) == 0) {
            return true;
        }
    }
    return false;
}

static const struct avro_plan *avro_plan_enum(struct avro_plan_maker *m, struct avro_plan *plan)
{
    const struct avro_names *from = &plan->writer->symbols;
    const struct avro_names *to = &plan->reader->symbols;
    size_t *symbols = arena_alloc_array(&m->resolver->arena, from->count, sizeof *symbols);
    if (symbols == NULL) {
        return avro_plan_nomem(m);
    }
    for (size_t i = 0; i < from->count; i++) {
        size_t fallback = SIZE_MAX;
        symbols[i] = SIZE_MAX;
        for (size_t j = 0; j < to->count && symbols[i] == SIZE_MAX; j++) {
            if (strcmp(from->items[i], to->items[j]) == 0) {
                symbols[i] = j;
            } else if (plan->reader->enum_default != NULL &&
                       strcmp(plan->reader->enum_default, to->items[j]) == 0) {
                fallback = j;
            }
        }
        symbols[i] = symbols[i] != SIZE_MAX ? symbols[i] : fallback;
    }
    plan->symbols = symbols;
    plan->step = AVRO_STEP_ENUM;
    return plan;
}

/* The writer field that fills a reader field: by name, else by alias; SIZE_MAX = none. */
static size_t avro_plan_source(const struct avro_type *writer, const struct avro_field *field)
{
    const struct avro_field *found = avro_schema_field(writer, field->name);
    for (size_t i = 0; i < field->aliases.count && found == NULL; i++) {
        found = avro_schema_field(writer, field->aliases.items[i]);
    }
    return found != NULL ? (size_t)(found - writer->fields) : SIZE_MAX;
}

/* NOLINTNEXTLINE(misc-no-recursion): pairs are made once, and the schemas' depth is bounded. */
static const struct avro_plan *avro_plan_record(struct avro_plan_maker *m, struct avro_plan *plan)
{
    const struct avro_type *writer = plan->writer;
    const struct avro_type *reader = plan->reader;
    struct arena *a = &m->resolver->arena;
    struct avro_plan_field *fields = arena_alloc_array(a, writer->field_count, sizeof *fields);
    struct avro_plan_default *defaults =
        arena_alloc_array(a, reader->field_count, sizeof *defaults);
    if (fields == NULL || defaults == NULL) {
        return avro_plan_nomem(m);
    }
    for (size_t i = 0; i < writer->field_count; i++) {
        fields[i].writer = writer->fields[i].type;
    }
    for (size_t i = 0; i < reader->field_count; i++) {
        const struct avro_field *field = &reader->fields[i];
        size_t source = avro_plan_source(writer, field);
        if (source != SIZE_MAX) {
            fields[source].plan = avro_plan_make(m, fields[source].writer, field->type);
            fields[source].target = i;
            if (fields[source].plan == NULL) {
                (void)err_wrap(m->e, "field \"%s\"", field->name);
                return NULL;
            }
            continue;
        }
        if (field->default_json == NULL) {
            (void)err_set(m->e, ERR_INVALID, "field \"%s\" is not in the data and has no default",
                          field->name);
            return NULL;
        }
        struct avro_plan_default *d = &defaults[plan->default_count++];
        d->target = i;
        if (avro_datum_from_default(field->type, field->default_json, a, &d->value, m->e) !=
            ERR_OK) {
            (void)err_wrap(m->e, "default of field \"%s\"", field->name);
            return NULL;
        }
    }
    plan->fields = fields;
    plan->defaults = defaults;
    plan->step = AVRO_STEP_RECORD;
    return plan;
}

/* Branches that the reader lacks fail only for the data that has them. */
/* NOLINTNEXTLINE(misc-no-recursion): see avro_plan_record. */
static const struct avro_plan *avro_plan_writer_union(struct avro_plan_maker *m,
                                                      struct avro_plan *plan)
{
    const struct avro_type *writer = plan->writer;
    struct arena *a = &m->resolver->arena;
    plan->branches = arena_alloc_array(a, writer->branch_count, sizeof(struct avro_plan *));
    struct avro_plan *failure = arena_alloc(a, sizeof *failure);
    if (plan->branches == NULL || failure == NULL) {
        return avro_plan_nomem(m);
    }
    bool any = writer->branch_count == 0;
    struct err *outer = m->e;
    struct err e = {.code = ERR_OK};
    for (size_t i = 0; i < writer->branch_count; i++) {
        m->e = &e;
        plan->branches[i] = avro_plan_make(m, writer->branches[i], plan->reader);
        m->e = outer;
        if (plan->branches[i] == NULL) {
            failure = arena_alloc(a, sizeof *failure);
            const char *text = arena_strdup(a, e.text);
            if (e.code == ERR_LIMIT || failure == NULL || text == NULL) {
                return avro_plan_nomem(m);
            }
            *failure = (struct avro_plan){.step = AVRO_STEP_FAILURE, .failure = text};
            plan->branches[i] = failure;
        } else {
            any = true;
        }
    }
    if (!any) {
        return avro_plan_mismatch(m, plan);
    }
    plan->step = AVRO_STEP_WRITER_UNION;
    return plan;
}

static bool avro_plan_same_type(const struct avro_type *a, const struct avro_type *b)
{
    return a->kind == b->kind && (!avro_schema_is_named(a) || avro_plan_names_match(a, b));
}

/* The branch of the same type first, then any that can take it. */
/* NOLINTNEXTLINE(misc-no-recursion): see avro_plan_record. */
static const struct avro_plan *avro_plan_reader_union(struct avro_plan_maker *m,
                                                      struct avro_plan *plan)
{
    const struct avro_type *reader = plan->reader;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < reader->branch_count; i++) {
            const struct avro_type *branch = reader->branches[i];
            bool tried = pass == 0 ? avro_plan_same_type(plan->writer, branch)
                                   : avro_plan_promotes(plan->writer->kind, branch->kind);
            if (tried && (plan->inner = avro_plan_make(m, plan->writer, branch)) != NULL) {
                plan->branch = i;
                plan->step = AVRO_STEP_READER_UNION;
                return plan;
            }
        }
    }
    return avro_plan_mismatch(m, plan);
}

/* NOLINTNEXTLINE(misc-no-recursion): see avro_plan_record. */
static const struct avro_plan *avro_plan_fill(struct avro_plan_maker *m, struct avro_plan *plan)
{
    const struct avro_type *writer = plan->writer;
    const struct avro_type *reader = plan->reader;
    if (writer->kind == AVRO_KIND_UNION) {
        return avro_plan_writer_union(m, plan);
    }
    if (reader->kind == AVRO_KIND_UNION) {
        return avro_plan_reader_union(m, plan);
    }
    if (writer->kind != reader->kind) {
        plan->step = AVRO_STEP_PROMOTE;
        return avro_plan_promotes(writer->kind, reader->kind) ? plan : avro_plan_mismatch(m, plan);
    }
    if (avro_schema_is_named(writer) &&
        (!avro_plan_names_match(writer, reader) || writer->size != reader->size)) {
        return avro_plan_mismatch(m, plan);
    }
    if (writer->kind == AVRO_KIND_RECORD) {
        return avro_plan_record(m, plan);
    }
    if (writer->kind == AVRO_KIND_ENUM) {
        return avro_plan_enum(m, plan);
    }
    if (writer->items != NULL) {
        plan->inner = avro_plan_make(m, writer->items, reader->items);
        plan->step = AVRO_STEP_LIST;
        return plan->inner != NULL ? plan : NULL;
    }
    plan->step = AVRO_STEP_SCALAR;
    return plan;
}

/* NOLINTNEXTLINE(misc-no-recursion): see avro_plan_record. */
static const struct avro_plan *avro_plan_make(struct avro_plan_maker *m,
                                              const struct avro_type *writer,
                                              const struct avro_type *reader)
{
    struct avro_resolver *r = m->resolver;
    for (const struct avro_plan *at = r->pairs; at != NULL; at = at->next) {
        if (at->writer == writer && at->reader == reader && at->step != AVRO_STEP_FAILURE) {
            return at;
        }
    }
    struct avro_plan *plan = arena_alloc(&r->arena, sizeof *plan);
    if (plan == NULL || r->pair_count == AVRO_RESOLVER_PAIRS_MAX) {
        return avro_plan_nomem(m);
    }
    r->pair_count++;
    *plan = (struct avro_plan){
        .step = AVRO_STEP_PENDING, .writer = writer, .reader = reader, .next = r->pairs};
    r->pairs = plan;
    if (avro_plan_fill(m, plan) == NULL) {
        plan->step = AVRO_STEP_FAILURE;
        plan->failure = "incompatible schemas";
        return NULL;
    }
    return plan;
}

enum err_code avro_resolver_create(struct avro_schema *writer, struct avro_schema *reader,
                                   struct avro_resolver **out_resolver, struct err *e)
{
    struct avro_resolver *r = mem_calloc(1, sizeof *r);
    if (r == NULL) {
        return err_nomem(e, "schema resolution");
    }
    r->writer = avro_schema_ref(writer);
    r->reader = avro_schema_ref(reader);
    r->identity = strcmp(avro_schema_text(writer), avro_schema_text(reader)) == 0;
    arena_init(&r->arena, AVRO_RESOLVER_ARENA_BYTES);
    struct err fault = {.code = ERR_OK};
    struct avro_plan_maker m = {.resolver = r, .e = &fault};
    r->root = avro_plan_make(&m, avro_schema_root(writer), avro_schema_root(reader));
    if (r->root == NULL) {
        avro_resolver_destroy(r);
        return err_set(e, fault.code, "%s", fault.text);
    }
    *out_resolver = r;
    return ERR_OK;
}

void avro_resolver_destroy(struct avro_resolver *r)
{
    if (r != NULL) {
        avro_schema_unref(r->writer);
        avro_schema_unref(r->reader);
        arena_deinit(&r->arena);
        mem_free(r);
    }
}

bool avro_resolver_is_identity(const struct avro_resolver *r)
{
    return r->identity;
}

static void avro_plan_fail(struct avro_datum_reader *in, const char *why)
{
    if (in->unresolved == NULL && !avro_datum_failed(in)) {
        in->unresolved = why;
    }
    reader_fail(&in->reader);
}

static void avro_plan_promote(struct avro_datum_reader *in, const struct avro_plan *plan,
                              struct avro_datum *d)
{
    struct avro_datum from = {.type = plan->writer};
    avro_datum_read_scalar(in, plan->writer, &from);
    bool is_int = plan->writer->kind == AVRO_KIND_INT;
    int64_t whole = is_int ? from.as.int_value : from.as.long_value;
    bool real = plan->writer->kind == AVRO_KIND_FLOAT;
    if (plan->reader->kind == AVRO_KIND_LONG) {
        d->as.long_value = whole;
    } else if (plan->reader->kind == AVRO_KIND_FLOAT) {
        d->as.float_value = (float)whole;
    } else if (plan->reader->kind == AVRO_KIND_DOUBLE) {
        d->as.double_value = real ? (double)from.as.float_value : (double)whole;
    } else {
        d->as.bytes = from.as.bytes;
    }
}

static void avro_plan_read(struct avro_datum_reader *in, const void *arg, struct avro_datum *d);

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void avro_plan_read_record(struct avro_datum_reader *in, const struct avro_plan *plan,
                                  struct avro_datum *d)
{
    size_t count = plan->reader->field_count;
    struct avro_datum *items = arena_alloc_array(in->arena, count, sizeof *items);
    for (size_t i = 0; i < plan->writer->field_count && !avro_datum_failed(in); i++) {
        const struct avro_plan_field *field = &plan->fields[i];
        if (field->plan != NULL) {
            avro_plan_read(in, field->plan, &items[field->target]);
        } else {
            avro_codec_skip(&in->reader, field->writer);
        }
    }
    if (!avro_datum_failed(in)) {
        for (size_t i = 0; i < plan->default_count; i++) {
            items[plan->defaults[i].target] = plan->defaults[i].value;
        }
        d->as.list.items = items;
        d->as.list.count = count;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void avro_plan_read_step(struct avro_datum_reader *in, const struct avro_plan *plan,
                                struct avro_datum *d)
{
    switch (plan->step) {
    case AVRO_STEP_SCALAR:
        avro_datum_read_scalar(in, plan->reader, d);
        break;
    case AVRO_STEP_PROMOTE:
        avro_plan_promote(in, plan, d);
        break;
    case AVRO_STEP_ENUM: {
        size_t symbol = avro_codec_get_index(&in->reader, plan->writer->symbols.count);
        d->as.symbol = reader_failed(&in->reader) ? 0 : plan->symbols[symbol];
        if (d->as.symbol == SIZE_MAX) {
            avro_plan_fail(in, plan->writer->symbols.items[symbol]);
        }
        break;
    }
    case AVRO_STEP_LIST:
        avro_datum_read_blocks(in, d, avro_plan_read, plan->inner);
        break;
    case AVRO_STEP_RECORD:
        avro_plan_read_record(in, plan, d);
        break;
    case AVRO_STEP_WRITER_UNION: {
        size_t branch = avro_codec_get_index(&in->reader, plan->writer->branch_count);
        if (!reader_failed(&in->reader)) {
            avro_plan_read(in, plan->branches[branch], d);
        }
        break;
    }
    case AVRO_STEP_READER_UNION:
        d->as.choice.branch = plan->branch;
        d->as.choice.value = arena_alloc(in->arena, sizeof *d);
        if (d->as.choice.value != NULL) {
            avro_plan_read(in, plan->inner, d->as.choice.value);
        }
        break;
    case AVRO_STEP_FAILURE:
    case AVRO_STEP_PENDING:
        avro_plan_fail(in, plan->failure);
        break;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): depth is counted. */
static void avro_plan_read(struct avro_datum_reader *in, const void *arg, struct avro_datum *d)
{
    const struct avro_plan *plan = arg;
    *d = (struct avro_datum){.type = plan->reader};
    if (in->depth == AVRO_SCHEMA_DEPTH_MAX) {
        reader_fail(&in->reader);
        return;
    }
    in->depth++;
    avro_plan_read_step(in, plan, d);
    in->depth--;
}

enum err_code avro_resolver_decode(const struct avro_resolver *r, struct bytes data,
                                   struct arena *a, struct avro_datum *out_datum, struct err *e)
{
    const struct avro_type *reader = avro_schema_root(r->reader);
    if (r->identity) {
        return avro_datum_decode(reader, data, a, out_datum, e);
    }
    struct avro_datum_reader in = {.arena = a};
    reader_init(&in.reader, data);
    struct avro_datum d;
    avro_plan_read(&in, r->root, &d);
    if (in.unresolved != NULL) {
        return err_set(e, ERR_INVALID, "value has no place in the reader's schema: %s",
                       in.unresolved);
    }
    enum err_code code = avro_datum_finish(&in, reader, e);
    if (code == ERR_OK) {
        *out_datum = d;
    }
    return code;
}
