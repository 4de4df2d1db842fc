/*
 * What the transforms share: the side of a record (key or value) that a class name ends with, the
 * checks that the originals make of it, and structs rebuilt under another schema.
 */
#pragma once

#include "connect/include/connect_config.h"
#include "connect/include/transform.h"

#define TRANSFORM_CLASS(name) "org.apache.kafka.connect.transforms." name

enum transform_side { TRANSFORM_SIDE_VALUE, TRANSFORM_SIDE_KEY };

extern const enum transform_side transform_side_key; /* for connect_plugin.arg */
extern const enum transform_side transform_side_value;

/* Key and value of a record, to be read and replaced alike. */
struct transform_operand {
    const struct connect_schema **schema;
    struct connect_value *value;
};

struct transform_operand transform_side_of(enum transform_side side, struct connect_record *record);
enum transform_side transform_side_of_plugin(const struct connect_plugin *plugin);
/* Both sides of a transform family: `...Name$Key` and `...Name$Value`. */
#define TRANSFORM_SIDE_PLUGINS(stem, name, table, count, functions)                              \
    const struct connect_plugin stem##_key_plugin = {.type = CONNECT_PLUGIN_TRANSFORMATION,      \
                                                     .class_name = TRANSFORM_CLASS(name "$Key"), \
                                                     .version = WEIR_VERSION,                    \
                                                     .keys = (table),                            \
                                                     .key_count = (count),                       \
                                                     .arg = &transform_side_key,                 \
                                                     .transform = (functions)};                  \
    const struct connect_plugin stem##_value_plugin = {.type = CONNECT_PLUGIN_TRANSFORMATION,    \
                                                       .class_name =                             \
                                                           TRANSFORM_CLASS(name "$Value"),       \
                                                       .version = WEIR_VERSION,                  \
                                                       .keys = (table),                          \
                                                       .key_count = (count),                     \
                                                       .arg = &transform_side_value,             \
                                                       .transform = (functions)}

/* "Only Struct objects supported for [purpose], found: java.lang.String", and the like for maps
 * without a schema. Null fails as well. */
enum err_code transform_side_require_struct(const struct transform_operand *o, const char *purpose,
                                            struct err *e);
enum err_code transform_side_require_map(const struct transform_operand *o, const char *purpose,
                                         struct err *e);
/* A field's value; with replace_null a null becomes the schema's default. */
struct connect_value transform_side_field(const struct connect_struct *s, size_t index,
                                          bool replace_null);
/* A list of names from a config. */
bool transform_side_listed(const struct connect_config_list *list, const char *name);
/* "DataException" with the text. */
enum err_code transform_side_full(struct err *e);
/* The cached schema that `build` makes of the operand's; kept by the scope. */
typedef enum err_code (*transform_side_build_fn)(void *transform,
                                                 const struct connect_schema *schema,
                                                 const struct connect_schema **out_schema,
                                                 struct err *e);
struct transform_side_maker {
    struct transform_cache *cache;
    void *transform;
    transform_side_build_fn build;
};
enum err_code transform_side_schema(const struct transform_side_maker *maker,
                                    const struct connect_schema *schema,
                                    struct connect_scope *scope,
                                    const struct connect_schema **out_schema, struct err *e);
/* A cache of such schemas. NULL when memory is short. */
struct transform_cache *transform_side_create_cache(void);
/* A pair of a schemaless object. */
struct connect_value transform_side_copy_map(struct arena *a, const struct connect_value *map,
                                             size_t extra);
/* A builder with name, version, doc, parameters and optionality of a struct schema, no fields. */
struct connect_schema_builder *transform_side_rebuild(const struct connect_schema *schema);
