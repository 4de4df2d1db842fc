/* The predicates: TopicNameMatches, HasHeaderKey, RecordIsTombstone. */
#include <string.h>

#include "common/mem.h"
#include "common/pattern.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

#define PREDICATE_CLASS(name) TRANSFORM_CLASS("predicates." name)

static enum err_code predicates_check_pattern(const struct connect_config *config, const char *name,
                                              const char *value, struct err *e)
{
    (void)config;
    struct pattern *p = NULL;
    if (pattern_compile(value, &p, NULL) != ERR_OK) {
        return connect_config_invalid(e, name, value, "entry must be a Java-compatible regex");
    }
    pattern_destroy(p);
    return ERR_OK;
}

static const struct connect_config_key predicates_topic_keys[] = {
    {.name = "pattern",
     .type = CONNECT_CONFIG_STRING,
     .required = true,
     .non_empty = true,
     .importance = CONNECT_CONFIG_MEDIUM,
     .check = predicates_check_pattern,
     .doc = "A Java regular expression for matching against the name of a record's topic."},
};

static const struct connect_config_key predicates_header_keys[] = {
    {.name = "name",
     .type = CONNECT_CONFIG_STRING,
     .required = true,
     .non_empty = true,
     .importance = CONNECT_CONFIG_MEDIUM,
     .doc = "The header name."},
};

static enum err_code predicates_create_topic(const struct connect_plugin *plugin,
                                             const struct connect_config *config,
                                             void **out_predicate, struct err *e)
{
    (void)plugin;
    struct pattern *p = NULL;
    if (pattern_compile(connect_config_get(config, "pattern"), &p, e) != ERR_OK) {
        return connect_error_wrap(e, CONNECT_CONFIG_EXCEPTION, "%s", "pattern");
    }
    *out_predicate = p;
    return ERR_OK;
}

static enum err_code predicates_test_topic(void *predicate, const struct connect_record *record,
                                           bool *out_result, struct err *e)
{
    return pattern_match(predicate, record->topic, out_result, e);
}

static void predicates_destroy_topic(void *predicate)
{
    pattern_destroy(predicate);
}

static enum err_code predicates_create_header(const struct connect_plugin *plugin,
                                              const struct connect_config *config,
                                              void **out_predicate, struct err *e)
{
    (void)plugin;
    char *name = mem_strdup(connect_config_get(config, "name"));
    if (name == NULL) {
        return err_nomem(e, "HasHeaderKey");
    }
    *out_predicate = name;
    return ERR_OK;
}

static enum err_code predicates_test_header(void *predicate, const struct connect_record *record,
                                            bool *out_result, struct err *e)
{
    (void)e;
    *out_result = false;
    for (size_t i = 0; i < record->header_count; i++) {
        *out_result = *out_result || strcmp(record->headers[i].name, predicate) == 0;
    }
    return ERR_OK;
}

static enum err_code predicates_create_tombstone(const struct connect_plugin *plugin,
                                                 const struct connect_config *config,
                                                 void **out_predicate, struct err *e)
{
    (void)plugin;
    (void)config;
    (void)e;
    *out_predicate = NULL;
    return ERR_OK;
}

static enum err_code predicates_test_tombstone(void *predicate, const struct connect_record *record,
                                               bool *out_result, struct err *e)
{
    (void)predicate;
    (void)e;
    *out_result = connect_value_is_null(&record->value);
    return ERR_OK;
}

static const struct predicate_ops predicates_topic_ops = {
    predicates_create_topic, predicates_test_topic, predicates_destroy_topic};
static const struct predicate_ops predicates_header_ops = {predicates_create_header,
                                                           predicates_test_header, mem_free};
static const struct predicate_ops predicates_tombstone_ops = {predicates_create_tombstone,
                                                              predicates_test_tombstone, mem_free};

const struct connect_plugin predicates_topic_plugin = {
    .type = CONNECT_PLUGIN_PREDICATE,
    .class_name = PREDICATE_CLASS("TopicNameMatches"),
    .version = WEIR_VERSION,
    .keys = predicates_topic_keys,
    .key_count = 1,
    .predicate = &predicates_topic_ops,
};
const struct connect_plugin predicates_header_plugin = {
    .type = CONNECT_PLUGIN_PREDICATE,
    .class_name = PREDICATE_CLASS("HasHeaderKey"),
    .version = WEIR_VERSION,
    .keys = predicates_header_keys,
    .key_count = 1,
    .predicate = &predicates_header_ops,
};
const struct connect_plugin predicates_tombstone_plugin = {
    .type = CONNECT_PLUGIN_PREDICATE,
    .class_name = PREDICATE_CLASS("RecordIsTombstone"),
    .version = WEIR_VERSION,
    .predicate = &predicates_tombstone_ops,
};
