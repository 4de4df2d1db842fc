/* Filter: drops every record that gets here; meant with a predicate. */
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

static enum err_code filter_record_create(const struct connect_plugin *plugin,
                                          const struct connect_config *config, void **out_transform,
                                          struct err *e)
{
    (void)plugin;
    (void)config;
    (void)e;
    *out_transform = NULL;
    return ERR_OK;
}

static enum err_code filter_record_apply(void *transform, struct connect_record *record,
                                         struct connect_scope *scope, struct err *e)
{
    (void)transform;
    (void)scope;
    (void)e;
    record->dropped = true;
    return ERR_OK;
}

static void filter_record_destroy(void *transform)
{
    (void)transform;
}

static const struct transform_ops filter_record_ops = {filter_record_create, filter_record_apply,
                                                       filter_record_destroy};

const struct connect_plugin filter_record_plugin = {
    .type = CONNECT_PLUGIN_TRANSFORMATION,
    .class_name = TRANSFORM_CLASS("Filter"),
    .version = WEIR_VERSION,
    .transform = &filter_record_ops,
};
