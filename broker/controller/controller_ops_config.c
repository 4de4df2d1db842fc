#include "broker/controller/controller_ops_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/controller/controller_internal.h"
#include "broker/controller/node_config.h"
#include "broker/controller/topic_config.h"
#include "broker/controller/topic_storage.h"
#include "broker/storage/partition.h"
#include "common/arena.h"
#include "common/check.h"
#include "common/logger.h"
#include "common/mem.h"
#include "protocol/kafka_error.h"

/* Copies of values that APPEND and SUBTRACT make, for one resource. */
#define ALTER_MEMORY_MAX ((size_t)16 << 20)

/* One resource being altered. */
struct alteration {
    struct controller_alter_configs *request;
    const struct cluster_configs *current;
    const struct config_def *defs;
    size_t def_count;
    const struct controller_view *view;
    bool is_topic;
    struct arena arena;
    struct controller_config *entries; /* what changes: value null = unset */
    size_t entry_count;
};

static int16_t refuse(struct alteration *a, int16_t error, const char *before, struct bytes key,
                      const char *after)
{
    int shown = key.len > 100 ? 100 : (int)key.len;
    (void)snprintf(a->request->message, CONTROLLER_MESSAGE_MAX, "%s%.*s%s", before, shown,
                   key.data == NULL ? "" : (const char *)key.data, after);
    return error;
}

static struct bytes current_value(const struct alteration *a, const struct config_def *def)
{
    for (size_t i = 0; i < a->current->count; i++) {
        if (bytes_equal(a->current->entries[i].key, bytes_of_text(def->key))) {
            return a->current->entries[i].value;
        }
    }
    enum config_source source = CONFIG_SOURCE_BUILT_IN;
    return a->is_topic ? topic_config_value(a->view, NULL, def, &source)
                       : controller_view_node_config(a->view, def->key, NULL);
}

struct list_edit {
    struct buf out;
    struct bytes other; /* entries not to repeat, or not to keep */
};

static void list_keep(void *ctx, struct bytes entry)
{
    struct list_edit *edit = ctx;
    if (!config_def_list_has(edit->other, entry)) {
        if (edit->out.len > 0) {
            buf_append_char(&edit->out, ',');
        }
        buf_append_bytes(&edit->out, entry);
    }
}

/* The list with entries added that it lacks, or without entries. */
static struct bytes edit_list(struct alteration *a, struct bytes list, struct bytes entries,
                              bool append)
{
    struct list_edit edit = {.other = bytes_null()};
    buf_init(&edit.out, ALTER_MEMORY_MAX);
    if (append) {
        config_def_list_each(list, list_keep, &edit);
        edit.other = list;
        config_def_list_each(entries, list_keep, &edit);
    } else {
        edit.other = entries;
        config_def_list_each(list, list_keep, &edit);
    }
    const char *copy = buf_failed(&edit.out)
                           ? NULL
                           : arena_strndup(&a->arena, (const char *)edit.out.data, edit.out.len);
    struct bytes result = bytes_of(copy, copy == NULL ? 0 : edit.out.len);
    buf_deinit(&edit.out);
    return result;
}

static int16_t check_key(struct alteration *a, struct bytes key, const struct config_def **out_def)
{
    const struct config_def *def = config_def_find(a->defs, a->def_count, key);
    if (def == NULL) {
        return refuse(
            a, KAFKA_ERROR_INVALID_CONFIG,
            a->is_topic ? "Unknown topic config name: " : "Unknown broker config name: ", key, "");
    }
    if (!a->is_topic && !def->dynamic) {
        return refuse(a, KAFKA_ERROR_INVALID_REQUEST, "Cannot update the config ", key,
                      " while the broker runs: set it in the configuration and restart.");
    }
    *out_def = def;
    return KAFKA_ERROR_NONE;
}

static int16_t plan_change(struct alteration *a, const struct controller_config_change *change)
{
    const struct config_def *def = NULL;
    for (size_t i = 0; i < a->entry_count; i++) {
        if (bytes_equal(a->entries[i].key, change->key)) {
            return refuse(a, KAFKA_ERROR_INVALID_REQUEST, "Duplicate config key: ", change->key,
                          "");
        }
    }
    bool needs_value = change->op != CONTROLLER_CONFIG_DELETE;
    if (needs_value && bytes_is_null(change->value)) {
        return refuse(a, KAFKA_ERROR_INVALID_REQUEST, "Null value not supported for ", change->key,
                      "");
    }
    int16_t error = check_key(a, change->key, &def);
    if (error != KAFKA_ERROR_NONE) {
        return error;
    }
    CHECK(def != NULL);
    struct bytes value = bytes_null();
    switch (change->op) {
    case CONTROLLER_CONFIG_SET:
        value = change->value;
        break;
    case CONTROLLER_CONFIG_DELETE:
        break;
    case CONTROLLER_CONFIG_APPEND:
    case CONTROLLER_CONFIG_SUBTRACT:
        if (def->type != CONFIG_LIST) {
            return refuse(a, KAFKA_ERROR_INVALID_CONFIG,
                          change->op == CONTROLLER_CONFIG_APPEND ? "Can't APPEND to key "
                                                                 : "Can't SUBTRACT from key ",
                          change->key, " because its type is not LIST.");
        }
        value = edit_list(a, current_value(a, def), change->value,
                          change->op == CONTROLLER_CONFIG_APPEND);
        if (bytes_is_null(value)) {
            return refuse(a, KAFKA_ERROR_UNKNOWN_SERVER_ERROR, "out of memory for ", change->key,
                          "");
        }
        break;
    default:
        return refuse(a, KAFKA_ERROR_INVALID_REQUEST, "Unknown operation on ", change->key, "");
    }
    if (!bytes_is_null(value) &&
        !config_def_check(def, value, a->request->message, CONTROLLER_MESSAGE_MAX)) {
        return KAFKA_ERROR_INVALID_CONFIG;
    }
    a->entries[a->entry_count++] = (struct controller_config){change->key, value};
    return KAFKA_ERROR_NONE;
}

/* AlterConfigs: whatever is set and not mentioned goes. */
static void plan_unset_others(struct alteration *a)
{
    size_t mentioned = a->entry_count;
    for (size_t i = 0; i < a->current->count; i++) {
        struct bytes key = a->current->entries[i].key;
        bool found = false;
        for (size_t k = 0; k < mentioned; k++) {
            found = found || bytes_equal(a->entries[k].key, key);
        }
        if (!found) {
            a->entries[a->entry_count++] = (struct controller_config){key, bytes_null()};
        }
    }
}

static int16_t plan(struct alteration *a)
{
    const struct controller_alter_configs *request = a->request;
    a->entries =
        arena_alloc_array(&a->arena, request->change_count + a->current->count, sizeof *a->entries);
    if (a->entries == NULL) {
        return refuse(a, KAFKA_ERROR_UNKNOWN_SERVER_ERROR, "out of memory", bytes_null(), "");
    }
    int16_t error = KAFKA_ERROR_NONE;
    for (size_t i = 0; i < request->change_count && error == KAFKA_ERROR_NONE; i++) {
        error = plan_change(a, &request->changes[i]);
    }
    if (error == KAFKA_ERROR_NONE && request->replace_all) {
        plan_unset_others(a);
    }
    return error;
}

/* What must hold between keys, seen on the outcome. */
static int16_t check_outcome(struct alteration *a)
{
    size_t count = 0;
    struct controller_config *outcome =
        arena_alloc_array(&a->arena, a->current->count + a->entry_count, sizeof *outcome);
    if (outcome == NULL) {
        return refuse(a, KAFKA_ERROR_UNKNOWN_SERVER_ERROR, "out of memory", bytes_null(), "");
    }
    for (size_t i = 0; i < a->current->count; i++) {
        bool replaced = false;
        for (size_t k = 0; k < a->entry_count; k++) {
            replaced = replaced || bytes_equal(a->entries[k].key, a->current->entries[i].key);
        }
        if (!replaced) {
            outcome[count++] = a->current->entries[i];
        }
    }
    for (size_t k = 0; k < a->entry_count; k++) {
        if (!bytes_is_null(a->entries[k].value)) {
            outcome[count++] = a->entries[k];
        }
    }
    return topic_config_check(outcome, count, a->request->message, CONTROLLER_MESSAGE_MAX);
}

/* Which configs the resource has, or why it has none. */
static int16_t find_resource(struct controller *c, struct alteration *a)
{
    const struct controller_alter_configs *request = a->request;
    char node[16];
    (void)snprintf(node, sizeof node, "%" PRId32, c->node_id);
    if (request->resource_type == CONTROLLER_RESOURCE_TOPIC) {
        struct cluster_topic *t = cluster_state_find(&c->state, request->resource_name);
        if (t == NULL) {
            return refuse(a, KAFKA_ERROR_UNKNOWN_TOPIC_OR_PARTITION, "The topic '",
                          request->resource_name, "' does not exist.");
        }
        a->is_topic = true;
        a->current = &t->configs;
        a->defs = topic_config_defs(&a->def_count);
        return KAFKA_ERROR_NONE;
    }
    if (request->resource_type != CONTROLLER_RESOURCE_BROKER) {
        return refuse(a, KAFKA_ERROR_INVALID_REQUEST,
                      "Unexpected resource type: only topics and brokers have configs here; name ",
                      request->resource_name, "");
    }
    bool all = request->resource_name.len == 0;
    if (!all && !bytes_equal(request->resource_name, bytes_of_text(node))) {
        return refuse(a, KAFKA_ERROR_INVALID_REQUEST,
                      "Unexpected broker id: ", request->resource_name,
                      " is not this broker; ask that one.");
    }
    a->current = all ? &c->state.default_configs : &c->state.node_configs;
    a->defs = node_config_defs(&a->def_count);
    return KAFKA_ERROR_NONE;
}

/* Readers get a new copy of the topic; its partitions are the same. */
static enum err_code renew_topic(struct cluster_topic *t, struct err *e)
{
    struct topic *old = t->owner_data;
    struct topic *renewed = controller_view_create_topic(t);
    if (renewed == NULL) {
        return err_nomem(e, "topic");
    }
    for (int32_t i = 0; i < old->partition_count; i++) {
        renewed->partitions[i] =
            old->partitions[i] == NULL ? NULL : partition_ref(old->partitions[i]);
    }
    t->owner_data = renewed;
    controller_view_unref_topic(old);
    return ERR_OK;
}

static int16_t commit(struct controller *c, struct alteration *a)
{
    struct cluster_command command = {.type = CLUSTER_COMMAND_SET_CONFIGS,
                                      .resource_type = a->request->resource_type,
                                      .name = a->request->resource_name,
                                      .configs = a->entries,
                                      .config_count = a->entry_count};
    struct err e;
    enum err_code code = controller_ops_commit(c, &command, 1, &e);
    if (code == ERR_OK && a->is_topic) {
        code = renew_topic(cluster_state_find(&c->state, a->request->resource_name), &e);
    }
    if (code != ERR_OK) {
        (void)snprintf(a->request->message, CONTROLLER_MESSAGE_MAX, "%.*s",
                       CONTROLLER_MESSAGE_MAX - 1, e.text);
        return KAFKA_ERROR_KAFKA_STORAGE_ERROR;
    }
    logger_info(
        c->logger, "configs.altered", "type=%d name=%.*s keys=%zu", (int)a->request->resource_type,
        (int)a->request->resource_name.len,
        a->request->resource_name.data == NULL ? "" : (const char *)a->request->resource_name.data,
        a->entry_count);
    return KAFKA_ERROR_NONE;
}

/* True when the state changed. */
static bool alter_one(struct controller *c, struct controller_alter_configs *request,
                      bool validate_only)
{
    struct alteration a = {.request = request, .view = c->view};
    arena_init(&a.arena, ALTER_MEMORY_MAX);
    int16_t error = find_resource(c, &a);
    error = error != KAFKA_ERROR_NONE ? error : plan(&a);
    if (error == KAFKA_ERROR_NONE && a.is_topic) {
        error = check_outcome(&a);
    }
    bool changes = error == KAFKA_ERROR_NONE && !validate_only && a.entry_count > 0;
    if (changes) {
        error = commit(c, &a);
    }
    a.request->error = error;
    arena_deinit(&a.arena);
    return changes && error == KAFKA_ERROR_NONE;
}

/* Broker configs are behind those of every topic. */
static void configure_all(struct controller *c)
{
    struct controller_view *view = controller_view_create(&c->state, &c->statics);
    if (view == NULL) {
        return; /* publishing fails as well and says so */
    }
    for (size_t i = 0; i < c->state.topic_count; i++) {
        topic_storage_configure(view, c->state.topics[i]->owner_data);
    }
    controller_view_release(view);
}

bool controller_ops_config_run(struct controller *c, struct controller_op *op)
{
    struct controller_alter_configs *resources = op->items;
    bool changed = false;
    for (size_t i = 0; i < op->count; i++) {
        changed = alter_one(c, &resources[i], op->validate_only) || changed;
    }
    if (changed) {
        configure_all(c);
    }
    return changed;
}
