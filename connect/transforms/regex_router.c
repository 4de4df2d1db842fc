/* RegexRouter: another topic for those whose name matches. */
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "common/pattern.h"
#include "connect/transforms/transform_list.h"
#include "connect/transforms/transform_side.h"

#define REGEX_ROUTER_TOPIC_MAX 1024

struct regex_router {
    struct pattern *pattern;
    char *replacement;
    /* The last answer: most tasks write to one topic. */
    char *last_from;
    char *last_to;
};

static enum err_code regex_router_check(const struct connect_config *config, const char *name,
                                        const char *value, struct err *e)
{
    (void)config;
    struct pattern *p = NULL;
    struct err reason;
    if (pattern_compile(value, &p, &reason) != ERR_OK) {
        char text[ERR_TEXT_MAX / 2];
        (void)snprintf(text, sizeof text, "Invalid regex: %.400s", reason.text);
        return connect_config_invalid(e, name, value, text);
    }
    pattern_destroy(p);
    return ERR_OK;
}

static const struct connect_config_key regex_router_keys[] = {
    {.name = "regex",
     .type = CONNECT_CONFIG_STRING,
     .required = true,
     .check = regex_router_check,
     .doc = "Regular expression to use for matching."},
    {.name = "replacement",
     .type = CONNECT_CONFIG_STRING,
     .required = true,
     .doc = "Replacement string."},
};

static void regex_router_destroy(void *transform)
{
    struct regex_router *t = transform;
    pattern_destroy(t->pattern);
    mem_free(t->replacement);
    mem_free(t->last_from);
    mem_free(t->last_to);
    mem_free(t);
}

static enum err_code regex_router_create(const struct connect_plugin *plugin,
                                         const struct connect_config *config, void **out_transform,
                                         struct err *e)
{
    const struct connect_config_reader r = {config, plugin->keys, plugin->key_count};
    struct regex_router *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "RegexRouter");
    }
    t->replacement = mem_strdup(connect_config_read_text(&r, "replacement"));
    enum err_code rc = t->replacement != NULL ? ERR_OK : err_nomem(e, "RegexRouter");
    if (rc == ERR_OK &&
        pattern_compile(connect_config_read_text(&r, "regex"), &t->pattern, e) != ERR_OK) {
        rc = connect_error_wrap(e, CONNECT_CONFIG_EXCEPTION, "%s", "regex");
    }
    if (rc != ERR_OK) {
        regex_router_destroy(t);
        return rc;
    }
    *out_transform = t;
    return ERR_OK;
}

static enum err_code regex_router_route(struct regex_router *t, const char *topic, struct err *e)
{
    struct buf to;
    bool matches = false;
    buf_init(&to, REGEX_ROUTER_TOPIC_MAX);
    enum err_code rc = pattern_replace(t->pattern, topic, t->replacement, &to, &matches, e);
    if (rc == ERR_OK) {
        mem_free(t->last_from);
        mem_free(t->last_to);
        t->last_from = mem_strdup(topic);
        t->last_to = matches ? buf_take_text(&to) : mem_strdup(topic);
        if (t->last_from == NULL || t->last_to == NULL) {
            mem_free(t->last_from);
            t->last_from = NULL;
            rc = err_nomem(e, "RegexRouter");
        }
    }
    buf_deinit(&to);
    return rc == ERR_OK ? ERR_OK : connect_error_name(e);
}

static enum err_code regex_router_apply(void *transform, struct connect_record *record,
                                        struct connect_scope *scope, struct err *e)
{
    struct regex_router *t = transform;
    if (t->last_from == NULL || strcmp(t->last_from, record->topic) != 0) {
        enum err_code rc = regex_router_route(t, record->topic, e);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    const char *topic = arena_strdup(&scope->arena, t->last_to);
    if (topic == NULL) {
        return transform_side_full(e);
    }
    record->topic = topic;
    return ERR_OK;
}

static const struct transform_ops regex_router_ops = {regex_router_create, regex_router_apply,
                                                      regex_router_destroy};

const struct connect_plugin regex_router_plugin = {
    .type = CONNECT_PLUGIN_TRANSFORMATION,
    .class_name = TRANSFORM_CLASS("RegexRouter"),
    .version = WEIR_VERSION,
    .keys = regex_router_keys,
    .key_count = sizeof regex_router_keys / sizeof regex_router_keys[0],
    .transform = &regex_router_ops,
};
