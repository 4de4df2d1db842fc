#include "connect/runtime/topic_creator.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client_admin.h"
#include "common/buf.h"
#include "common/logger.h"
#include "common/mem.h"
#include "connect/include/connect_error.h"
#include "connect/runtime/client_overrides.h"

/* Short, because a task that is to stop waits for it; what timed out is asked again. */
#define REQUEST_TIMEOUT_MS 2000
#define PREFIX "topic.creation."

struct topic_creator {
    struct client_admin *admin;
    struct connect_config settings; /* behind the prefix */
    struct connect_config_list groups;
    struct logger *lg;
};

static enum err_code missing(struct err *e, const char *group, const char *key)
{
    return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                             "Missing required configuration \"" PREFIX
                             "%s.%s\" which has no default value.",
                             group, key);
}

static const char *setting(const struct topic_creator *c, const char *group, const char *key)
{
    struct buf name;
    buf_init(&name, 4096);
    buf_printf(&name, "%s.%s", group, key);
    const char *text = buf_text(&name);
    const char *value = text != NULL ? connect_config_get(&c->settings, text) : NULL;
    buf_deinit(&name);
    return value;
}

/* A count of partitions or replicas: -1 (the broker's default) or at least 1. */
static enum err_code check_count(const struct topic_creator *c, const char *group, const char *key,
                                 struct err *e)
{
    const char *text = setting(c, group, key);
    bool is_default = strcmp(group, "default") == 0;
    if (text == NULL) {
        return is_default ? missing(e, group, key) : ERR_OK;
    }
    char *end = NULL;
    long number = strtol(text, &end, 10);
    if (*text != '\0' && *end == '\0' && number <= INT32_MAX && (number == -1 || number > 0)) {
        return ERR_OK;
    }
    return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                             "Invalid value %s for configuration " PREFIX
                             "%s.%s: Value must be -1 or at least 1",
                             text, group, key);
}

static bool compile(const char *pattern, regex_t *out)
{
    struct buf whole;
    buf_init(&whole, 4096);
    buf_printf(&whole, "^(%s)$", pattern);
    const char *text = buf_text(&whole);
    bool compiled = text != NULL && regcomp(out, text, REG_EXTENDED | REG_NOSUB) == 0;
    buf_deinit(&whole);
    return compiled;
}

static enum err_code check_patterns(const struct topic_creator *c, const char *group,
                                    const char *key, struct err *e)
{
    struct connect_config_list list = {0};
    const char *text = setting(c, group, key);
    enum err_code code = text != NULL ? connect_config_parse_list(text, &list, e) : ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < list.count; i++) {
        regex_t re;
        if (compile(list.items[i], &re)) {
            regfree(&re);
        } else {
            code = connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
                                     "Invalid value %s for configuration " PREFIX
                                     "%s.%s: not a regular expression",
                                     list.items[i], group, key);
        }
    }
    connect_config_list_deinit(&list);
    return code;
}

static enum err_code check_group(const struct topic_creator *c, const char *group, struct err *e)
{
    enum err_code code = check_count(c, group, "replication.factor", e);
    if (code == ERR_OK) {
        code = check_count(c, group, "partitions", e);
    }
    if (code == ERR_OK && strcmp(group, "default") != 0 && setting(c, group, "include") == NULL) {
        code = missing(e, group, "include");
    }
    if (code == ERR_OK) {
        code = check_patterns(c, group, "include", e);
    }
    return code == ERR_OK ? check_patterns(c, group, "exclude", e) : code;
}

/* Reads the keys; leaves c->settings empty when there are none. */
static enum err_code read_settings(struct topic_creator *c, const struct connect_config *connector,
                                   struct err *e)
{
    enum err_code code = connect_config_merge_prefix(&c->settings, connector, PREFIX, e);
    if (code != ERR_OK || c->settings.count == 0) {
        return code;
    }
    const char *groups = connect_config_get(&c->settings, "groups");
    code = check_group(c, "default", e);
    if (code == ERR_OK && groups != NULL) {
        code = connect_config_parse_list(groups, &c->groups, e);
    }
    for (size_t i = 0; code == ERR_OK && i < c->groups.count; i++) {
        code = check_group(c, c->groups.items[i], e);
    }
    return code;
}

enum err_code topic_creator_check(const struct connect_config *connector, struct err *e)
{
    struct topic_creator c = {0};
    enum err_code code = read_settings(&c, connector, e);
    connect_config_deinit(&c.settings);
    connect_config_list_deinit(&c.groups);
    return code;
}

static enum err_code open_admin(struct topic_creator *c, const struct client_config *admin,
                                const struct connect_config *connector, struct err *e)
{
    struct client_config own = {0};
    enum err_code code = client_config_copy(&own, admin, e);
    if (code == ERR_OK) {
        code = client_overrides_apply(&own, connector, "admin.override.", e);
    }
    if (code == ERR_OK) {
        code = client_admin_open(&own, c->lg, &c->admin, e);
    }
    client_config_deinit(&own);
    return code;
}

enum err_code topic_creator_create(const struct client_config *admin,
                                   const struct connect_config *connector, struct logger *lg,
                                   struct topic_creator **out_creator, struct err *e)
{
    struct topic_creator *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return err_nomem(e, "topic creation");
    }
    c->lg = lg;
    enum err_code code = read_settings(c, connector, e);
    bool wanted = c->settings.count > 0;
    if (code == ERR_OK && wanted) {
        code = open_admin(c, admin, connector, e);
    }
    if (code != ERR_OK || !wanted) {
        topic_creator_destroy(c);
        return code;
    }
    *out_creator = c;
    return ERR_OK;
}

void topic_creator_destroy(struct topic_creator *c)
{
    if (c != NULL) {
        client_admin_close(c->admin);
        connect_config_deinit(&c->settings);
        connect_config_list_deinit(&c->groups);
        mem_free(c);
    }
}

/* Any item of a comma list matches the whole topic name. */
static bool matches(const char *patterns, const char *topic)
{
    struct connect_config_list list = {0};
    bool found = false;
    if (patterns == NULL || connect_config_parse_list(patterns, &list, NULL) != ERR_OK) {
        return false;
    }
    for (size_t i = 0; !found && i < list.count; i++) {
        regex_t re;
        if (compile(list.items[i], &re)) {
            found = regexec(&re, topic, 0, NULL, 0) == 0;
            regfree(&re);
        }
    }
    connect_config_list_deinit(&list);
    return found;
}

static const char *group_of(const struct topic_creator *c, const char *topic)
{
    for (size_t i = 0; i < c->groups.count; i++) {
        const char *group = c->groups.items[i];
        if (matches(setting(c, group, "include"), topic) &&
            !matches(setting(c, group, "exclude"), topic)) {
            return group;
        }
    }
    return "default";
}

static int number(const struct topic_creator *c, const char *group, const char *key)
{
    const char *text = setting(c, group, key);
    if (text == NULL) {
        text = setting(c, "default", key);
    }
    return text != NULL ? (int)strtol(text, NULL, 10) : -1;
}

/* Everything of the group that is not about the group itself is a setting of the topic. */
static enum err_code topic_settings(const struct topic_creator *c, const char *group,
                                    struct client_config *out, struct err *e)
{
    static const char *const own[] = {"include", "exclude", "partitions", "replication.factor"};
    struct connect_config all;
    struct buf prefix;
    connect_config_init(&all);
    buf_init(&prefix, 4096);
    buf_printf(&prefix, "%s.", group);
    enum err_code code = connect_config_merge_prefix(&all, &c->settings, buf_text(&prefix), e);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        connect_config_remove(&all, own[i]);
    }
    for (size_t i = 0; code == ERR_OK && i < all.count; i++) {
        if (all.entries[i].value != NULL) {
            code = client_config_set(out, all.entries[i].key, all.entries[i].value, e);
        }
    }
    buf_deinit(&prefix);
    connect_config_deinit(&all);
    return code;
}

enum err_code topic_creator_ensure(struct topic_creator *c, const char *topic, struct err *e)
{
    int count = 0;
    if (c == NULL) {
        return ERR_OK;
    }
    enum err_code code =
        client_admin_count_partitions(c->admin, topic, REQUEST_TIMEOUT_MS, &count, e);
    if (code != ERR_NOT_FOUND) {
        return code;
    }
    const char *group = group_of(c, topic);
    struct client_config settings = {0};
    code = topic_settings(c, group, &settings, e);
    if (code == ERR_OK) {
        const struct client_admin_topic wanted = {
            .name = topic,
            .partitions = number(c, group, "partitions"),
            .replication_factor = number(c, group, "replication.factor"),
            .configs = settings.entries,
            .config_count = settings.count,
        };
        code = client_admin_create_topic(c->admin, &wanted, REQUEST_TIMEOUT_MS, e);
    }
    client_config_deinit(&settings);
    if (code == ERR_OK) {
        logger_info(c->lg, "topic.created", "topic=%s group=%s", topic, group);
    }
    return code == ERR_EXISTS ? ERR_OK : code;
}
