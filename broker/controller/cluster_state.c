#include "broker/controller/cluster_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/controller/topic_config.h"
#include "common/check.h"
#include "common/mem.h"

#define PARTITIONS_MAX 1000000

static int bytes_compare(struct bytes a, struct bytes b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.data, b.data, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static void bytes_free(struct bytes b)
{
    mem_free((void *)(uintptr_t)b.data);
}

/* A NUL-terminated copy, or null when memory is short. */
static struct bytes bytes_copy(struct bytes b)
{
    return (struct bytes){(const uint8_t *)mem_strndup((const char *)b.data, b.len), b.len};
}

/* ---- configs ---- */

static void configs_deinit(struct cluster_configs *c)
{
    for (size_t i = 0; i < c->count; i++) {
        bytes_free(c->entries[i].key);
        bytes_free(c->entries[i].value);
    }
    mem_free(c->entries);
    *c = (struct cluster_configs){NULL, 0};
}

/* Where the key is, or where it would go. */
static size_t configs_position(const struct cluster_configs *c, struct bytes key, bool *out_found)
{
    size_t at = 0;
    while (at < c->count && bytes_compare(c->entries[at].key, key) < 0) {
        at++;
    }
    *out_found = at < c->count && bytes_equal(c->entries[at].key, key);
    return at;
}

static void configs_remove(struct cluster_configs *c, size_t at)
{
    bytes_free(c->entries[at].key);
    bytes_free(c->entries[at].value);
    memmove(&c->entries[at], &c->entries[at + 1], (c->count - at - 1) * sizeof c->entries[0]);
    c->count--;
}

/* The array has room for one more. */
static bool configs_set(struct cluster_configs *c, const struct controller_config *entry)
{
    bool found = false;
    size_t at = configs_position(c, entry->key, &found);
    if (bytes_is_null(entry->value)) {
        if (found) {
            configs_remove(c, at);
        }
        return true;
    }
    struct controller_config copy = {bytes_copy(entry->key), bytes_copy(entry->value)};
    if (bytes_is_null(copy.key) || bytes_is_null(copy.value)) {
        bytes_free(copy.key);
        bytes_free(copy.value);
        return false;
    }
    if (found) {
        configs_remove(c, at);
    }
    memmove(&c->entries[at + 1], &c->entries[at], (c->count - at) * sizeof c->entries[0]);
    c->entries[at] = copy;
    c->count++;
    return true;
}

/* base with the changes, as a new set. */
static enum err_code configs_merge(const struct cluster_configs *base,
                                   const struct controller_config *changes, size_t change_count,
                                   struct cluster_configs *out_merged, struct err *e)
{
    struct cluster_configs merged = {
        .entries = mem_calloc(base->count + change_count + 1, sizeof *merged.entries)};
    if (merged.entries == NULL) {
        return err_nomem(e, "configs");
    }
    bool ok = true;
    for (size_t i = 0; ok && i < base->count; i++) {
        ok = configs_set(&merged, &base->entries[i]);
    }
    for (size_t i = 0; ok && i < change_count; i++) {
        ok = configs_set(&merged, &changes[i]);
    }
    if (!ok) {
        configs_deinit(&merged);
        return err_nomem(e, "configs");
    }
    *out_merged = merged;
    return ERR_OK;
}

/* ---- topics ---- */

static void topic_destroy(struct cluster_topic *t)
{
    if (t == NULL) {
        return;
    }
    CHECK(t->owner_data == NULL);
    bytes_free(t->name);
    configs_deinit(&t->configs);
    mem_free(t);
}

/* The first position whose name is not below. */
static size_t topics_position(const struct cluster_state *s, struct bytes name)
{
    size_t low = 0;
    size_t high = s->topic_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bytes_compare(s->topics[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct cluster_topic *cluster_state_find(const struct cluster_state *s, struct bytes name)
{
    size_t at = topics_position(s, name);
    bool found = at < s->topic_count && bytes_compare(s->topics[at]->name, name) == 0;
    return found ? s->topics[at] : NULL;
}

struct cluster_topic *cluster_state_find_id(const struct cluster_state *s,
                                            const uint8_t id[CONTROLLER_ID_SIZE])
{
    for (size_t i = 0; i < s->topic_count; i++) {
        if (memcmp(s->topics[i]->id, id, CONTROLLER_ID_SIZE) == 0) {
            return s->topics[i];
        }
    }
    return NULL;
}

const struct cluster_topic *cluster_state_find_collision(const struct cluster_state *s,
                                                         struct bytes name)
{
    if (memchr(name.data, '.', name.len) == NULL && memchr(name.data, '_', name.len) == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < s->topic_count; i++) {
        if (topic_config_names_collide(s->topics[i]->name, name)) {
            return s->topics[i];
        }
    }
    return NULL;
}

static bool topics_reserve(struct cluster_state *s)
{
    if (s->topic_count < s->topic_capacity) {
        return true;
    }
    size_t capacity = s->topic_capacity == 0 ? 16 : s->topic_capacity * 2;
    struct cluster_topic **topics = mem_realloc(s->topics, capacity * sizeof *topics);
    if (topics == NULL) {
        return false;
    }
    s->topics = topics;
    s->topic_capacity = capacity;
    return true;
}

static enum err_code apply_create(struct cluster_state *s, const struct cluster_command *command,
                                  struct err *e)
{
    char why[CONTROLLER_MESSAGE_MAX];
    if (topic_config_check_name(command->name, why, sizeof why) != 0) {
        return err_set(e, ERR_CORRUPT, "%s", why);
    }
    if (cluster_state_find(s, command->name) != NULL) {
        return err_set(e, ERR_CONFLICT, "topic %.*s exists", (int)command->name.len,
                       (const char *)command->name.data);
    }
    if (command->partition_count < 1 || command->partition_count > PARTITIONS_MAX) {
        return err_set(e, ERR_CORRUPT, "topic with %" PRId32 " partitions",
                       command->partition_count);
    }
    struct cluster_topic *t = mem_calloc(1, sizeof *t);
    if (t == NULL) {
        return err_nomem(e, "topic");
    }
    t->name = bytes_copy(command->name);
    memcpy(t->id, command->topic_id, sizeof t->id);
    t->partition_count = command->partition_count;
    const struct cluster_configs none = {NULL, 0};
    if (bytes_is_null(t->name) || !topics_reserve(s) ||
        configs_merge(&none, command->configs, command->config_count, &t->configs, e) != ERR_OK) {
        topic_destroy(t);
        return err_nomem(e, "topic");
    }
    size_t at = topics_position(s, t->name);
    memmove(&s->topics[at + 1], &s->topics[at], (s->topic_count - at) * sizeof s->topics[0]);
    s->topics[at] = t;
    s->topic_count++;
    return ERR_OK;
}

static enum err_code apply_delete(struct cluster_state *s, const struct cluster_command *command,
                                  struct err *e)
{
    size_t at = topics_position(s, command->name);
    if (cluster_state_find(s, command->name) == NULL) {
        return err_set(e, ERR_CONFLICT, "no topic to delete");
    }
    topic_destroy(s->topics[at]);
    memmove(&s->topics[at], &s->topics[at + 1], (s->topic_count - at - 1) * sizeof s->topics[0]);
    s->topic_count--;
    return ERR_OK;
}

static enum err_code apply_add_partitions(struct cluster_state *s,
                                          const struct cluster_command *command, struct err *e)
{
    struct cluster_topic *t = cluster_state_find(s, command->name);
    if (t == NULL) {
        return err_set(e, ERR_CONFLICT, "no topic to add partitions to");
    }
    if (command->partition_count <= t->partition_count ||
        command->partition_count > PARTITIONS_MAX) {
        return err_set(e, ERR_CONFLICT, "partitions from %" PRId32 " to %" PRId32,
                       t->partition_count, command->partition_count);
    }
    t->partition_count = command->partition_count;
    return ERR_OK;
}

static struct cluster_configs *resource_configs(struct cluster_state *s,
                                                const struct cluster_command *command)
{
    if (command->resource_type == CONTROLLER_RESOURCE_BROKER) {
        return command->name.len == 0 ? &s->default_configs : &s->node_configs;
    }
    struct cluster_topic *t = cluster_state_find(s, command->name);
    return t == NULL ? NULL : &t->configs;
}

static enum err_code apply_set_configs(struct cluster_state *s,
                                       const struct cluster_command *command, struct err *e)
{
    struct cluster_configs *configs = resource_configs(s, command);
    if (configs == NULL) {
        return err_set(e, ERR_CONFLICT, "no resource to configure");
    }
    struct cluster_configs merged = {NULL, 0};
    if (configs_merge(configs, command->configs, command->config_count, &merged, e) != ERR_OK) {
        return err_wrap(e, "set configs");
    }
    configs_deinit(configs);
    *configs = merged;
    return ERR_OK;
}

static enum err_code apply_identity(struct cluster_state *s, const struct cluster_command *command,
                                    struct err *e)
{
    if (command->name.len != CLUSTER_ID_LEN) {
        return err_set(e, ERR_CORRUPT, "cluster id of %zu characters", command->name.len);
    }
    memcpy(s->cluster_id, command->name.data, CLUSTER_ID_LEN);
    s->cluster_id[CLUSTER_ID_LEN] = '\0';
    s->node_id = command->node_id;
    return ERR_OK;
}

enum err_code cluster_state_apply(struct cluster_state *s, const struct cluster_command *command,
                                  struct err *e)
{
    CHECK(s != NULL);
    switch (command->type) {
    case CLUSTER_COMMAND_IDENTITY:
        return apply_identity(s, command, e);
    case CLUSTER_COMMAND_CREATE_TOPIC:
        return apply_create(s, command, e);
    case CLUSTER_COMMAND_DELETE_TOPIC:
        return apply_delete(s, command, e);
    case CLUSTER_COMMAND_ADD_PARTITIONS:
        return apply_add_partitions(s, command, e);
    case CLUSTER_COMMAND_SET_CONFIGS:
        return apply_set_configs(s, command, e);
    case CLUSTER_COMMAND_PRODUCER_IDS:
        if (command->next_producer_id < s->next_producer_id) {
            return err_set(e, ERR_CONFLICT, "producer ids go back");
        }
        s->next_producer_id = command->next_producer_id;
        return ERR_OK;
    }
    return err_set(e, ERR_UNSUPPORTED, "command type %d", (int)command->type);
}

void cluster_state_init(struct cluster_state *s)
{
    *s = (struct cluster_state){.node_id = -1};
}

void cluster_state_deinit(struct cluster_state *s)
{
    for (size_t i = 0; i < s->topic_count; i++) {
        topic_destroy(s->topics[i]);
    }
    mem_free(s->topics);
    configs_deinit(&s->node_configs);
    configs_deinit(&s->default_configs);
    cluster_state_init(s);
}

static enum err_code dump_configs(const struct cluster_configs *configs, const char *name,
                                  cluster_state_emit_fn fn, void *ctx, struct err *e)
{
    if (configs->count == 0) {
        return ERR_OK;
    }
    return fn(ctx,
              &(struct cluster_command){.type = CLUSTER_COMMAND_SET_CONFIGS,
                                        .resource_type = CONTROLLER_RESOURCE_BROKER,
                                        .name = bytes_of_text(name),
                                        .configs = configs->entries,
                                        .config_count = configs->count},
              e);
}

static enum err_code dump_topics(const struct cluster_state *s, cluster_state_emit_fn fn, void *ctx,
                                 struct err *e)
{
    for (size_t i = 0; i < s->topic_count; i++) {
        const struct cluster_topic *t = s->topics[i];
        struct cluster_command command = {.type = CLUSTER_COMMAND_CREATE_TOPIC,
                                          .name = t->name,
                                          .partition_count = t->partition_count,
                                          .configs = t->configs.entries,
                                          .config_count = t->configs.count};
        memcpy(command.topic_id, t->id, sizeof t->id);
        enum err_code code = fn(ctx, &command, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

enum err_code cluster_state_dump(const struct cluster_state *s, cluster_state_emit_fn fn, void *ctx,
                                 struct err *e)
{
    struct cluster_command identity = {.type = CLUSTER_COMMAND_IDENTITY,
                                       .name = bytes_of(s->cluster_id, CLUSTER_ID_LEN),
                                       .node_id = s->node_id};
    struct cluster_command ids = {.type = CLUSTER_COMMAND_PRODUCER_IDS,
                                  .next_producer_id = s->next_producer_id};
    char node[16];
    (void)snprintf(node, sizeof node, "%" PRId32, s->node_id);
    enum err_code code = s->cluster_id[0] == '\0' ? ERR_OK : fn(ctx, &identity, e);
    code = code != ERR_OK ? code : fn(ctx, &ids, e);
    code = code != ERR_OK ? code : dump_configs(&s->node_configs, node, fn, ctx, e);
    code = code != ERR_OK ? code : dump_configs(&s->default_configs, "", fn, ctx, e);
    return code != ERR_OK ? code : dump_topics(s, fn, ctx, e);
}
