/*
 * Transform configs: the first byte chooses the plug-in, lines are "key=value". What the check of
 * the keys lets through is applied to a struct, to a map and to a null.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/include/transform.h"
#include "connect/transforms/transforms.h"

#define FUZZ_ARENA_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct connect_plugin *choose(uint8_t byte)
{
    size_t count = 0;
    while (transforms_plugins[count] != NULL) {
        count++;
    }
    return transforms_plugins[byte % count];
}

static void read_config(struct connect_config *config, char *text)
{
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char *equals = strchr(line, '=');
        if (equals != NULL) {
            *equals = '\0';
            (void)connect_config_set(config, line, equals + 1, NULL);
        }
    }
}

static const struct connect_schema *make_schema(void)
{
    const struct connect_schema *schema = NULL;
    struct err e;
    struct connect_schema_builder *b = connect_schema_builder_create(CONNECT_TYPE_STRUCT);
    connect_schema_builder_add_field(b, "a", connect_schema_primitive(CONNECT_TYPE_INT32, false));
    connect_schema_builder_add_field(b, "b", connect_schema_primitive(CONNECT_TYPE_STRING, true));
    connect_schema_builder_add_field(b, "c", connect_schema_primitive(CONNECT_TYPE_FLOAT64, true));
    connect_schema_builder_add_field_take(b, "d", connect_schema_create_timestamp(true));
    CHECK(connect_schema_builder_build(b, &schema, &e) == ERR_OK);
    return schema;
}

static void fill(struct connect_batch *batch, struct connect_record *r, int which,
                 const struct connect_schema *schema)
{
    static struct connect_header header = {.name = "h"};
    r->topic = "topic-1";
    r->timestamp_ms = 1657402394064;
    r->headers = which == 0 ? &header : NULL;
    r->header_count = which == 0 ? 1 : 0;
    if (which == 0) {
        struct connect_struct *s = connect_value_create_struct(&batch->scope.arena, schema);
        s->values[0] = connect_value_int32(7);
        s->values[1] = connect_value_text("4532");
        s->values[2] = connect_value_float64(1e300);
        s->values[3] = connect_value_int64(1657402394064);
        r->value_schema = r->key_schema = schema;
        r->value = r->key = connect_value_struct(s);
    } else if (which == 1) {
        struct connect_pair *pairs = arena_alloc_array(&batch->scope.arena, 2, sizeof *pairs);
        pairs[0] = (struct connect_pair){connect_value_text("a"), connect_value_int64(-300)};
        pairs[1] = (struct connect_pair){connect_value_text("b"), connect_value_text("x")};
        r->value = r->key = connect_value_map(pairs, 2);
    }
}

static void apply(const struct connect_plugin *p, void *object, const struct connect_schema *schema)
{
    struct connect_batch batch;
    struct err e;
    CHECK(connect_batch_init(&batch, 4, FUZZ_ARENA_MAX, &e) == ERR_OK);
    for (int which = 0; which < 3; which++) {
        struct connect_record *r = connect_batch_add(&batch);
        bool result = false;
        fill(&batch, r, which, schema);
        enum err_code rc = p->type == CONNECT_PLUGIN_PREDICATE
                               ? p->predicate->test(object, r, &result, &e)
                               : p->transform->apply(object, r, &batch.scope, &e);
        if (rc == ERR_OK && r->value_schema != NULL) {
            CHECK(connect_value_check(&r->value, r->value_schema, NULL, &e) == ERR_OK);
        }
    }
    connect_batch_deinit(&batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = size > 0 ? mem_strndup((const char *)data + 1, size - 1) : NULL;
    if (text == NULL) {
        return 0;
    }
    const struct connect_plugin *p = choose(data[0]);
    struct connect_config config;
    struct err e;
    connect_config_init(&config);
    read_config(&config, text);
    void *object = NULL;
    if (connect_config_check(&config, p->keys, p->key_count, &e) == ERR_OK) {
        bool predicate = p->type == CONNECT_PLUGIN_PREDICATE;
        enum err_code rc = predicate ? p->predicate->create(p, &config, &object, &e)
                                     : p->transform->create(p, &config, &object, &e);
        if (rc == ERR_OK) {
            const struct connect_schema *schema = make_schema();
            apply(p, object, schema);
            connect_schema_unref(schema);
            predicate ? p->predicate->destroy(object) : p->transform->destroy(object);
        }
    }
    connect_config_deinit(&config);
    mem_free(text);
    return 0;
}
