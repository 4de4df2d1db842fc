#include "streams/value/serde_registry.h"

#include <inttypes.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "serde/avro_schema.h"
#include "serde/registry_client.h"

#define SERDE_REGISTRY_SHAPE_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define SERDE_REGISTRY_TEXT_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct registry_schema {
    struct registry_schema *next;
    int32_t id;
    struct avro_schema *schema; /* a reference */
    const struct serde_shape *shape;
};

struct registry_subject {
    struct registry_subject *next;
    const struct avro_type *type;
    int32_t id;
    bool is_key;
    char topic[]; /* NUL-terminated */
};

struct serde_registry {
    struct serde_registry_config config;
    struct arena arena; /* shapes */
    struct registry_schema *schemas;
    struct registry_subject *subjects;
    int32_t last_id; /* in memory */
};

enum err_code serde_registry_create(const struct serde_registry_config *config,
                                    struct serde_registry **out_registry, struct err *e)
{
    struct serde_registry *r = mem_calloc(1, sizeof *r);
    if (r == NULL) {
        return err_nomem(e, "schema table");
    }
    r->config = *config;
    arena_init(&r->arena, SERDE_REGISTRY_SHAPE_BYTES_MAX);
    *out_registry = r;
    return ERR_OK;
}

void serde_registry_destroy(struct serde_registry *r)
{
    if (r == NULL) {
        return;
    }
    while (r->schemas != NULL) {
        struct registry_schema *next = r->schemas->next;
        avro_schema_unref(r->schemas->schema);
        mem_free(r->schemas);
        r->schemas = next;
    }
    while (r->subjects != NULL) {
        struct registry_subject *next = r->subjects->next;
        mem_free(r->subjects);
        r->subjects = next;
    }
    arena_deinit(&r->arena);
    mem_free(r);
}

struct registry_compiler {
    struct arena *arena;
    struct serde_shape *shapes;
};

static size_t registry_part_count(const struct avro_type *type)
{
    switch (type->kind) {
    case AVRO_KIND_RECORD:
        return type->field_count;
    case AVRO_KIND_UNION:
        return type->branch_count;
    case AVRO_KIND_ARRAY:
    case AVRO_KIND_MAP:
        return 1;
    case AVRO_KIND_ENUM:
    case AVRO_KIND_FIXED:
    case AVRO_KIND_STRING:
    case AVRO_KIND_BYTES:
    case AVRO_KIND_INT:
    case AVRO_KIND_LONG:
    case AVRO_KIND_FLOAT:
    case AVRO_KIND_DOUBLE:
    case AVRO_KIND_BOOLEAN:
    case AVRO_KIND_NULL:
        break;
    }
    return 0;
}

static const struct avro_type *registry_part(const struct avro_type *type, size_t i)
{
    if (type->kind == AVRO_KIND_RECORD) {
        return type->fields[i].type;
    }
    return type->kind == AVRO_KIND_UNION ? type->branches[i] : type->items;
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by AVRO_SCHEMA_DEPTH_MAX */
static const struct serde_shape *registry_compile(struct registry_compiler *c,
                                                  const struct avro_type *type, size_t depth)
{
    for (const struct serde_shape *s = c->shapes; s != NULL; s = s->next) {
        if (s->type == type) {
            return s;
        }
    }
    struct serde_shape *s = arena_alloc(c->arena, sizeof *s);
    size_t count = registry_part_count(type);
    const struct serde_shape **children = (const struct serde_shape **)arena_alloc_array(
        c->arena, count + 1, sizeof(const struct serde_shape *));
    struct bytes *names = arena_alloc_array(c->arena, count + 1, sizeof *names);
    if (s == NULL || children == NULL || names == NULL || depth > AVRO_SCHEMA_DEPTH_MAX) {
        return NULL;
    }
    *s = (struct serde_shape){.type = type,
                              .names = names,
                              .children = children,
                              .child_count = count,
                              .next = c->shapes};
    c->shapes = s;
    for (size_t i = 0; i < count; i++) {
        if (type->kind == AVRO_KIND_RECORD) {
            names[i] = bytes_of_text(type->fields[i].name);
        }
        children[i] = registry_compile(c, registry_part(type, i), depth + 1);
        if (children[i] == NULL) {
            return NULL;
        }
    }
    return s;
}

const struct serde_shape *serde_registry_compile(struct arena *arena,
                                                 const struct avro_schema *schema)
{
    struct registry_compiler c = {arena, NULL};
    return registry_compile(&c, avro_schema_root(schema), 0);
}

static enum err_code registry_add_schema(struct serde_registry *r, int32_t id,
                                         struct avro_schema *take_schema,
                                         const struct registry_schema **out_entry, struct err *e)
{
    struct registry_schema *entry = mem_calloc(1, sizeof *entry);
    const struct serde_shape *shape = serde_registry_compile(&r->arena, take_schema);
    if (entry == NULL || shape == NULL) {
        mem_free(entry);
        avro_schema_unref(take_schema);
        return err_set(e, ERR_LIMIT, "schema %" PRId32 " is too large", id);
    }
    *entry = (struct registry_schema){r->schemas, id, take_schema, shape};
    r->schemas = entry;
    *out_entry = entry;
    return ERR_OK;
}

enum err_code serde_registry_shape(struct serde_registry *r, int32_t id,
                                   const struct serde_shape **out_shape, struct err *e)
{
    const struct registry_schema *entry = r->schemas;
    while (entry != NULL && entry->id != id) {
        entry = entry->next;
    }
    if (entry == NULL) {
        if (r->config.client == NULL) {
            return err_set(e, ERR_NOT_FOUND, "no schema has the id %" PRId32, id);
        }
        struct avro_schema *schema = NULL;
        enum err_code code = registry_client_schema(r->config.client, id, &schema, NULL, e);
        if (code != ERR_OK) {
            return err_wrap(e, "schema %" PRId32, id);
        }
        code = registry_add_schema(r, id, schema, &entry, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    CHECK(entry != NULL);
    *out_shape = entry->shape;
    return ERR_OK;
}

/* In memory: schemas of the same text share an id, as in a registry. */
static enum err_code registry_local_id(struct serde_registry *r, const char *text, int32_t *out_id,
                                       struct err *e)
{
    CHECK(text != NULL);
    for (const struct registry_schema *s = r->schemas; s != NULL; s = s->next) {
        if (strcmp(avro_schema_text(s->schema), text) == 0) {
            *out_id = s->id;
            return ERR_OK;
        }
    }
    struct avro_schema *schema = NULL;
    enum err_code code = avro_schema_parse(bytes_of_text(text), NULL, &schema, e);
    if (code != ERR_OK) {
        return code;
    }
    const struct registry_schema *entry = NULL;
    code = registry_add_schema(r, r->last_id + 1, schema, &entry, e);
    if (code == ERR_OK) {
        *out_id = ++r->last_id;
    }
    return code;
}

static enum err_code registry_remote_id(struct serde_registry *r, const char *topic, bool is_key,
                                        const char *text, int32_t *out_id, struct err *e)
{
    char *subject = registry_client_subject(REGISTRY_CLIENT_TOPIC_NAME, topic, is_key, NULL);
    if (subject == NULL) {
        return err_nomem(e, "schema subject");
    }
    enum err_code code = ERR_OK;
    for (int attempt = 1;; attempt++) {
        code = registry_client_register(r->config.client, subject, text, out_id, NULL, e);
        if (code == ERR_OK || !err_code_retriable(code) || r->config.wait == NULL ||
            !r->config.wait(r->config.wait_ctx, attempt)) {
            break;
        }
    }
    mem_free(subject);
    return code;
}

static enum err_code registry_remember(struct serde_registry *r, const struct avro_type *type,
                                       const char *topic, bool is_key, int32_t id, struct err *e)
{
    size_t len = strlen(topic) + 1;
    struct registry_subject *s = mem_alloc(sizeof *s + len);
    if (s == NULL) {
        return err_nomem(e, "schema table");
    }
    *s = (struct registry_subject){r->subjects, type, id, is_key};
    memcpy(s->topic, topic, len);
    r->subjects = s;
    return ERR_OK;
}

enum err_code serde_registry_id(struct serde_registry *r, const struct avro_type *type,
                                const char *topic, bool is_key, int32_t *out_id, struct err *e)
{
    for (const struct registry_subject *s = r->subjects; s != NULL; s = s->next) {
        if (s->type == type && s->is_key == is_key && strcmp(s->topic, topic) == 0) {
            *out_id = s->id;
            return ERR_OK;
        }
    }
    struct buf text;
    buf_init(&text, SERDE_REGISTRY_TEXT_BYTES_MAX);
    avro_schema_write_type(type, &text);
    const char *schema_text = buf_text(&text);
    enum err_code code = schema_text != NULL ? ERR_OK : err_nomem(e, "schema text");
    if (code == ERR_OK) {
        code = r->config.client == NULL
                   ? registry_local_id(r, schema_text, out_id, e)
                   : registry_remote_id(r, topic, is_key, schema_text, out_id, e);
    }
    if (code == ERR_OK) {
        code = registry_remember(r, type, topic, is_key, *out_id, e);
    }
    buf_deinit(&text);
    return code;
}
