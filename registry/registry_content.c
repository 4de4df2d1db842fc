#include <stdatomic.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "registry/registry_md5.h"
#include "registry/registry_store.h"

#define REGISTRY_CONTENT_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* What is hashed: the text; of each reference its name, subject and version; and, so that they make
 * a difference, whatever metadata and rules a foreign registry has stored. */
static void registry_content_hash_input(const struct registry_content *c, struct buf *b)
{
    buf_append_text(b, c->text);
    for (size_t i = 0; i < json_array_size(c->references); i++) {
        const json_t *reference = json_array_get(c->references, i);
        const char *name = json_string_value(json_object_get(reference, "name"));
        const char *subject = json_string_value(json_object_get(reference, "subject"));
        buf_append_text(b, name != NULL ? name : "");
        buf_append_text(b, subject != NULL ? subject : "");
        buf_append_be32(b, (uint32_t)json_integer_value(json_object_get(reference, "version")));
    }
    const json_t *more[] = {c->metadata, c->rule_set};
    for (size_t i = 0; i < 2; i++) {
        if (more[i] != NULL) {
            buf_append_u8(b, 1);
            json_write(b, more[i]);
        }
    }
}

static bool registry_content_hash(struct registry_content *c)
{
    struct buf b;
    buf_init(&b, REGISTRY_CONTENT_BYTES_MAX);
    registry_content_hash_input(c, &b);
    bool done = !buf_failed(&b) && registry_md5_hex(b.data, b.len, c->hash);
    buf_deinit(&b);
    return done;
}

struct registry_content *registry_content_create(const char *text, const char *type,
                                                 json_t *references, json_t *metadata,
                                                 json_t *rule_set)
{
    struct registry_content *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    atomic_init(&c->refs, 1);
    c->text = mem_strdup(text);
    c->type = mem_strdup(type);
    c->references = json_array_size(references) > 0 ? json_incref(references) : NULL;
    c->metadata = json_is_object(metadata) ? json_incref(metadata) : NULL;
    c->rule_set = json_is_object(rule_set) ? json_incref(rule_set) : NULL;
    if (c->text == NULL || c->type == NULL || !registry_content_hash(c)) {
        registry_content_unref(c);
        return NULL;
    }
    return c;
}

struct registry_content *registry_content_ref(struct registry_content *c)
{
    (void)atomic_fetch_add(&c->refs, 1);
    return c;
}

void registry_content_unref(struct registry_content *c)
{
    if (c != NULL && atomic_fetch_sub(&c->refs, 1) == 1) {
        mem_free(c->text);
        mem_free(c->type);
        json_decref(c->references);
        json_decref(c->metadata);
        json_decref(c->rule_set);
        mem_free(c);
    }
}

bool registry_content_is_avro(const struct registry_content *c)
{
    return strcmp(c->type, "AVRO") == 0;
}

void registry_content_write(const struct registry_content *c, struct buf *b)
{
    if (!registry_content_is_avro(c)) {
        buf_append_text(b, "\"schemaType\":");
        json_write_text(b, c->type, strlen(c->type));
        buf_append_char(b, ',');
    }
    const struct {
        const char *key;
        const json_t *value;
    } parts[] = {
        {"references", c->references}, {"metadata", c->metadata}, {"ruleSet", c->rule_set}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].value != NULL) {
            buf_printf(b, "\"%s\":", parts[i].key);
            json_write(b, parts[i].value);
            buf_append_char(b, ',');
        }
    }
    buf_append_text(b, "\"schema\":");
    json_write_text(b, c->text, strlen(c->text));
}
