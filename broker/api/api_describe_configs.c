/* DescribeConfigs (key 32). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/api/api_admin.h"
#include "broker/api/api_table.h"
#include "broker/broker.h"
#include "broker/controller/node_config.h"
#include "protocol/kafka_error.h"

/* One resource being described. */
struct description {
    struct request *rq;
    const struct controller_view *view;
    const struct kafka_describe_configs_request_resource *asked;
    struct kafka_describe_configs_response_result *out;
    const struct topic *topic; /* NULL = a broker */
    bool cluster_default;      /* the broker resource "" */
    bool synonyms;
    bool documentation;
};

static bool is_asked(const struct description *d, const char *key)
{
    if (d->asked->configuration_keys_count < 0) {
        return true;
    }
    for (int32_t i = 0; i < d->asked->configuration_keys_count; i++) {
        if (bytes_equal(d->asked->configuration_keys[i], bytes_of_text(key))) {
            return true;
        }
    }
    return false;
}

static void add_synonym(struct kafka_describe_configs_response_config *c, const char *name,
                        struct bytes value, enum config_source source)
{
    if (!bytes_is_null(value)) {
        struct kafka_describe_configs_response_synonym *s = &c->synonyms[c->synonyms_count++];
        s->name = bytes_of_text(name);
        s->value = value;
        s->source = (int8_t)source;
    }
}

/* The value in force first, then what would be if it were unset, and so on. */
static void add_synonyms(const struct description *d, const struct config_def *def,
                         struct bytes topic_value, struct kafka_describe_configs_response_config *c)
{
    c->synonyms = message_alloc_array(&kafka_describe_configs_response_synonym_schema,
                                      &d->rq->arena, CONFIG_SOURCE_BUILT_IN + 1);
    if (c->synonyms == NULL) {
        return;
    }
    add_synonym(c, def->key, topic_value, CONFIG_SOURCE_TOPIC);
    const char *node_key = d->topic == NULL ? def->key : def->node_key;
    for (int source = CONFIG_SOURCE_DYNAMIC_NODE;
         node_key != NULL && source <= CONFIG_SOURCE_BUILT_IN; source++) {
        struct bytes value =
            controller_view_node_config_at(d->view, node_key, (enum config_source)source);
        add_synonym(c, node_key, value, (enum config_source)source);
    }
}

static bool describe_key(const struct description *d, const struct config_def *def,
                         struct kafka_describe_configs_response_config *c)
{
    enum config_source source = CONFIG_SOURCE_BUILT_IN;
    struct bytes value;
    struct bytes topic_value = bytes_null();
    if (d->topic != NULL) {
        value = topic_config_value(d->view, d->topic, def, &source);
        topic_value = source == CONFIG_SOURCE_TOPIC ? value : bytes_null();
        c->read_only = false;
    } else if (d->cluster_default) {
        source = CONFIG_SOURCE_DYNAMIC_DEFAULT;
        value = controller_view_node_config_at(d->view, def->key, source);
        if (bytes_is_null(value)) {
            return false; /* only what is set has a place here */
        }
    } else {
        value = controller_view_node_config(d->view, def->key, &source);
        c->read_only = !def->dynamic;
    }
    c->name = bytes_of_text(def->key);
    c->value = def->type == CONFIG_PASSWORD ? bytes_null() : value;
    c->is_sensitive = def->type == CONFIG_PASSWORD;
    c->config_source = (int8_t)source;
    c->is_default = source == CONFIG_SOURCE_BUILT_IN;
    c->config_type = (int8_t)def->type;
    if (d->synonyms) {
        add_synonyms(d, def, topic_value, c);
    }
    if (d->documentation) {
        c->documentation = bytes_of_text(def->doc);
    }
    return true;
}

static void describe_resource(const struct description *d)
{
    size_t count = 0;
    const struct config_def *defs =
        d->topic != NULL ? topic_config_defs(&count) : node_config_defs(&count);
    struct kafka_describe_configs_response_config *configs = message_alloc_array(
        &kafka_describe_configs_response_config_schema, &d->rq->arena, (int32_t)count);
    d->out->configs = configs;
    for (size_t i = 0; configs != NULL && i < count; i++) {
        if (!defs[i].obsolete && is_asked(d, defs[i].key) &&
            describe_key(d, &defs[i], &configs[d->out->configs_count])) {
            d->out->configs_count++;
        }
    }
}

static void refuse(const struct description *d, int16_t error, const char *why)
{
    d->out->error_code = error;
    d->out->error_message = bytes_of_text(why);
}

static void describe_topic(struct description *d)
{
    d->topic = controller_view_topic(d->view, d->asked->resource_name);
    if (d->topic != NULL) {
        describe_resource(d);
        return;
    }
    char why[CONTROLLER_MESSAGE_MAX];
    if (topic_config_check_name(d->asked->resource_name, why, sizeof why) != 0) {
        const char *copy = arena_strdup(&d->rq->arena, why);
        refuse(d, KAFKA_ERROR_INVALID_TOPIC_EXCEPTION, copy);
    } else {
        refuse(d, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION,
               "This server does not host this topic-partition.");
    }
}

static void describe_broker(struct description *d)
{
    char node[16];
    (void)snprintf(node, sizeof node, "%" PRId32,
                   controller_node_id(broker_controller(d->rq->broker)));
    d->cluster_default = d->asked->resource_name.len == 0;
    if (d->cluster_default || bytes_equal(d->asked->resource_name, bytes_of_text(node))) {
        describe_resource(d);
    } else {
        refuse(d, KAFKA_ERROR_INVALID_REQUEST,
               "Unexpected broker id: a broker describes its own configs only; ask that one.");
    }
}

void api_describe_configs(struct request *rq)
{
    const struct kafka_describe_configs_request *body = rq->body;
    struct kafka_describe_configs_response *response = request_alloc(rq, sizeof *response);
    struct kafka_describe_configs_response_result *results = message_alloc_array(
        &kafka_describe_configs_response_result_schema, &rq->arena, body->resources_count);
    if (response == NULL || results == NULL) {
        request_close(rq, "out of memory for DescribeConfigs");
        return;
    }
    message_init(&kafka_describe_configs_response_schema, response);
    response->results = results;
    response->results_count = body->resources_count;
    const struct controller_view *view = api_admin_hold_view(rq);
    for (int32_t i = 0; i < body->resources_count; i++) {
        struct description d = {.rq = rq,
                                .view = view,
                                .asked = &body->resources[i],
                                .out = &results[i],
                                .synonyms = body->include_synonyms,
                                .documentation = body->include_documentation};
        results[i].resource_type = d.asked->resource_type;
        results[i].resource_name = d.asked->resource_name;
        if (d.asked->resource_type == CONTROLLER_RESOURCE_TOPIC) {
            describe_topic(&d);
        } else if (d.asked->resource_type == CONTROLLER_RESOURCE_BROKER) {
            describe_broker(&d);
        } else {
            refuse(&d, KAFKA_ERROR_INVALID_REQUEST,
                   "Unsupported resource type: topics (2) and brokers (4) have configs here.");
        }
    }
    if (arena_failed(&rq->arena)) {
        request_close(rq, "out of memory for the answer to DescribeConfigs");
        return;
    }
    request_respond(rq, response);
}
