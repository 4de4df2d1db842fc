/* DropHeaders: removes the headers of these names. */
#include "common/mem.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

struct drop_headers {
    struct connect_config_list names;
};

static const struct connect_config_key drop_headers_keys[] = {
    {.name = "headers",
     .type = CONNECT_CONFIG_LIST,
     .required = true,
     .doc = "The name of the headers to be removed."},
};

static void drop_headers_destroy(void *transform)
{
    struct drop_headers *t = transform;
    connect_config_list_deinit(&t->names);
    mem_free(t);
}

static enum err_code drop_headers_create(const struct connect_plugin *plugin,
                                         const struct connect_config *config, void **out_transform,
                                         struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct drop_headers *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "DropHeaders");
    }
    enum err_code rc =
        connect_config_parse_list(connect_config_read_text(&r, "headers"), &t->names, e);
    if (rc != ERR_OK) {
        drop_headers_destroy(t);
        return rc;
    }
    *out_transform = t;
    return ERR_OK;
}

/* The list is copied: the headers may belong to somebody who hands them out again. */
static enum err_code drop_headers_apply(void *transform, struct connect_record *record,
                                        struct connect_scope *scope, struct err *e)
{
    const struct drop_headers *t = transform;
    if (record->header_count == 0) {
        return ERR_OK;
    }
    struct connect_header *kept =
        arena_alloc_array(&scope->arena, record->header_count, sizeof *kept);
    if (kept == NULL) {
        return transform_side_full(e);
    }
    size_t count = 0;
    for (size_t i = 0; i < record->header_count; i++) {
        if (!transform_side_listed(&t->names, record->headers[i].name)) {
            kept[count++] = record->headers[i];
        }
    }
    record->headers = kept;
    record->header_count = count;
    return ERR_OK;
}

static const struct transform_ops drop_headers_ops = {drop_headers_create, drop_headers_apply,
                                                      drop_headers_destroy};

const struct connect_plugin drop_headers_plugin = {
    .type = CONNECT_PLUGIN_TRANSFORMATION,
    .class_name = TRANSFORM_CLASS("DropHeaders"),
    .version = WEIR_VERSION,
    .keys = drop_headers_keys,
    .key_count = 1,
    .transform = &drop_headers_ops,
};
