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

#define REQUEST_TIMEOUT_MS 30000
#define PREFIX "topic.creation."

struct topic_creator {
    struct client_admin *admin;
    struct connect_config settings; /* behind the prefix */
    struct connect_config_list groups;
    struct logger *lg;
};

static enum err_code missing(struct err *e, const char *key)
{
    return connect_error_set(
        e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION,
        "Missing required configuration \"" PREFIX "%s\" which has no default value.", key);
}

enum err_code topic_creator_create(const struct client_config *client,
                                   const struct connect_config *connector, struct logger *lg,
                                   struct topic_creator **out_creator, struct err *e)
{
    struct topic_creator *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return err_nomem(e, "topic creation");
    }
    c->lg = lg;
    enum err_code code = connect_config_merge_prefix(&c->settings, connector, PREFIX, e);
    if (code == ERR_OK && c->settings.count == 0) {
        topic_creator_destroy(c);
        return ERR_OK;
    }
    if (code == ERR_OK && connect_config_get(&c->settings, "default.replication.factor") == NULL) {
        code = missing(e, "default.replication.factor");
    }
    if (code == ERR_OK && connect_config_get(&c->settings, "default.partitions") == NULL) {
        code = missing(e, "default.partitions");
    }
    if (code == ERR_OK) {
        code = connect_config_parse_list(connect_config_get(&c->settings, "groups"), &c->groups, e);
    }
    if (code == ERR_OK) {
        code = client_admin_open(client, lg, &c->admin, e);
    }
    if (code != ERR_OK) {
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
        struct buf whole;
        buf_init(&whole, 4096);
        buf_printf(&whole, "^(%s)$", list.items[i]);
        const char *text = buf_text(&whole);
        regex_t re;
        if (text != NULL && regcomp(&re, text, REG_EXTENDED | REG_NOSUB) == 0) {
            found = regexec(&re, topic, 0, NULL, 0) == 0;
            regfree(&re);
        }
        buf_deinit(&whole);
    }
    connect_config_list_deinit(&list);
    return found;
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
