#include "connect/store/config_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/json.h"
#include "common/lock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "connect/store/config_json.h"
#include "connect/store/text_map.h"

#define WRITE_TIMEOUT_MS 30000
#define RECORD_BYTES_MAX ((size_t)8 << 20)
#define CONNECTORS_MAX ((size_t)10000)
#define TASKS_MAX 1024

/* One name that the topic mentions: the target state may come before the connector. */
struct slot {
    const struct connector_state *current; /* NULL: no such connector */
    enum connector_state_target target;
    struct text_map pending; /* task index as text -> struct connect_config */
};

struct config_store {
    struct compacted_topic *topic;
    struct logger *lg;
    void (*on_change)(void *ctx);
    void (*on_restart)(void *ctx, const char *connector, bool include_tasks, bool only_failed);
    void *ctx;
    struct lock lock;
    struct text_map slots;
};

static void pending_clear(struct slot *slot)
{
    for (size_t i = 0; i < slot->pending.count; i++) {
        struct connect_config *config = slot->pending.entries[i].value;
        connect_config_deinit(config);
        mem_free(config);
    }
    text_map_deinit(&slot->pending);
    text_map_init(&slot->pending, TASKS_MAX);
}

static struct slot *slot_of(struct config_store *s, const char *name)
{
    struct slot *slot = text_map_get(&s->slots, name);
    if (slot != NULL) {
        return slot;
    }
    slot = mem_calloc(1, sizeof *slot);
    if (slot == NULL || text_map_put(&s->slots, name, slot, NULL) != ERR_OK) {
        mem_free(slot);
        return NULL;
    }
    text_map_init(&slot->pending, TASKS_MAX);
    return slot;
}

/* The snapshot to change next: a copy of the current one. */
static struct connector_state *next_state(struct slot *slot, const char *name)
{
    struct connector_state *next = connector_state_create(name, slot->current);
    if (next != NULL) {
        next->target = slot->target;
    }
    return next;
}

static void replace(struct slot *slot, struct connector_state *take_next)
{
    connector_state_unref(slot->current);
    slot->current = take_next;
}

/* Each of these runs under the lock and says why a record was not understood. */

static const char *apply_connector(struct slot *slot, const char *name, const json_t *value,
                                   int64_t offset)
{
    if (value == NULL) {
        replace(slot, NULL);
        pending_clear(slot);
        return NULL;
    }
    struct connector_state *next = next_state(slot, name);
    if (next == NULL) {
        return "out of memory";
    }
    connect_config_deinit(&next->config);
    next->config_version = offset + 1;
    struct err e;
    if (config_json_read(json_object_get(value, "properties"), &next->config, &e) != ERR_OK) {
        connector_state_unref(next);
        return "no flat object \"properties\"";
    }
    replace(slot, next);
    return NULL;
}

static const char *apply_target(struct slot *slot, const char *name, const json_t *value)
{
    enum connector_state_target target = CONNECTOR_STATE_STARTED;
    if (value != NULL) {
        const char *word = json_string_value(json_object_get(value, "state.v2"));
        if (word == NULL) {
            word = json_string_value(json_object_get(value, "state"));
        }
        if (word == NULL || !connector_state_target_parse(word, &target)) {
            return "unknown target state";
        }
    }
    slot->target = target;
    if (slot->current != NULL) {
        struct connector_state *next = next_state(slot, name);
        if (next == NULL) {
            return "out of memory";
        }
        replace(slot, next);
    }
    return NULL;
}

static const char *apply_task(struct slot *slot, const char *index, const json_t *value)
{
    struct connect_config *old = text_map_remove(&slot->pending, index);
    if (old != NULL) {
        connect_config_deinit(old);
        mem_free(old);
    }
    struct connect_config *config = mem_calloc(1, sizeof *config);
    struct err e;
    if (config == NULL) {
        return "out of memory";
    }
    if (config_json_read(json_object_get(value, "properties"), config, &e) != ERR_OK ||
        text_map_put(&slot->pending, index, config, &e) != ERR_OK) {
        connect_config_deinit(config);
        mem_free(config);
        return "no flat object \"properties\"";
    }
    return NULL;
}

/* A task that is not among the pending ones keeps the config it had: compaction may have removed
 * nothing, but an unchanged one was not written again. */
static bool take_tasks(struct slot *slot, int64_t count, struct connector_state *next)
{
    struct connect_config_set old = next->tasks;
    connect_config_set_init(&next->tasks);
    bool complete = true;
    for (int64_t i = 0; complete && i < count; i++) {
        char index[24];
        (void)snprintf(index, sizeof index, "%" PRId64, i);
        const struct connect_config *from = text_map_get(&slot->pending, index);
        if (from == NULL && (size_t)i < old.count) {
            from = &old.configs[i];
        }
        struct connect_config *to = connect_config_set_add(&next->tasks);
        complete = from != NULL && to != NULL && connect_config_merge(to, from, NULL) == ERR_OK;
    }
    connect_config_set_deinit(&old);
    return complete;
}

static const char *apply_commit(struct slot *slot, const char *name, const json_t *value,
                                int64_t offset)
{
    int64_t count = json_integer_value(json_object_get(value, "tasks"));
    if (slot->current == NULL) {
        return NULL; /* of a connector that was deleted */
    }
    if (count < 0 || count > TASKS_MAX) {
        return "bad number of tasks";
    }
    struct connector_state *next = next_state(slot, name);
    if (next == NULL) {
        return "out of memory";
    }
    next->tasks_version = offset + 1;
    next->consistent = take_tasks(slot, count, next);
    if (!next->consistent) {
        connect_config_set_deinit(&next->tasks);
    } else {
        pending_clear(slot);
    }
    replace(slot, next);
    return NULL;
}

static const char *apply_named(struct config_store *s, const char *key, const json_t *value,
                               int64_t offset)
{
    static const struct {
        const char *prefix;
        int kind;
    } prefixes[] = {{"connector-", 0}, {"target-state-", 1}, {"commit-", 2}, {"task-", 3}};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t len = strlen(prefixes[i].prefix);
        if (strncmp(key, prefixes[i].prefix, len) != 0) {
            continue;
        }
        const char *name = key + len;
        if (prefixes[i].kind != 3) {
            struct slot *slot = slot_of(s, name);
            if (slot == NULL) {
                return "too many connectors";
            }
            return prefixes[i].kind == 0   ? apply_connector(slot, name, value, offset)
                   : prefixes[i].kind == 1 ? apply_target(slot, name, value)
                                           : apply_commit(slot, name, value, offset);
        }
        const char *dash = strrchr(name, '-');
        char *connector = dash != NULL ? mem_strndup(name, (size_t)(dash - name)) : NULL;
        struct slot *slot = connector != NULL ? slot_of(s, connector) : NULL;
        mem_free(connector);
        return slot != NULL ? apply_task(slot, dash + 1, value) : "not a task";
    }
    return NULL; /* session keys, fencing, logger levels: not used by a single worker */
}

static void restart_requested(struct config_store *s, const char *name, const json_t *value)
{
    s->on_restart(s->ctx, name, json_is_true(json_object_get(value, "include-tasks")),
                  json_is_true(json_object_get(value, "only-failed")));
}

static void on_record(void *ctx, const struct compacted_topic_record *record)
{
    static const char restart_prefix[] = "restart-connector-";
    struct config_store *s = ctx;
    struct err e;
    json_t *value = NULL;
    const struct json_limits limits = {.max_bytes = RECORD_BYTES_MAX};
    char *key = mem_strndup((const char *)record->key.data, record->key.len);
    if (key == NULL) {
        return;
    }
    if (!bytes_is_null(record->value) &&
        json_decode(record->value, &limits, &value, &e) != ERR_OK) {
        logger_warn(s->lg, "config.record_skipped", "key=%s offset=%" PRId64 " error=\"%s\"", key,
                    record->offset, e.text);
        mem_free(key);
        return;
    }
    if (strncmp(key, restart_prefix, sizeof restart_prefix - 1) == 0) {
        if (!record->initial && value != NULL) {
            restart_requested(s, key + sizeof restart_prefix - 1, value);
        }
    } else {
        lock_acquire(&s->lock);
        const char *problem = apply_named(s, key, value, record->offset);
        lock_release(&s->lock);
        if (problem != NULL) {
            logger_warn(s->lg, "config.record_skipped", "key=%s offset=%" PRId64 " error=\"%s\"",
                        key, record->offset, problem);
        }
        if (!record->initial) {
            s->on_change(s->ctx);
        }
    }
    json_decref(value);
    mem_free(key);
}

static void on_state(void *ctx, enum compacted_topic_state state, const struct err *why)
{
    (void)state;
    (void)why;
    struct config_store *s = ctx;
    s->on_change(s->ctx);
}

enum err_code config_store_open(const struct config_store_config *config,
                                struct config_store **out_store, struct err *e)
{
    struct config_store *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "open config store");
    }
    s->lg = config->lg;
    s->on_change = config->on_change;
    s->on_restart = config->on_restart;
    s->ctx = config->ctx;
    lock_init(&s->lock);
    text_map_init(&s->slots, CONNECTORS_MAX);
    const struct compacted_topic_config topic = {
        .client = config->client,
        .topic = config->topic,
        .partitions = 1,
        .required_partitions = 1,
        .replication_factor = config->replication_factor,
        .on_record = on_record,
        .on_state = on_state,
        .ctx = s,
        .lg = config->lg,
    };
    enum err_code code = compacted_topic_open(&topic, &s->topic, e);
    if (code != ERR_OK) {
        config_store_close(s);
        return code;
    }
    *out_store = s;
    return ERR_OK;
}

void config_store_close(struct config_store *s)
{
    if (s == NULL) {
        return;
    }
    compacted_topic_close(s->topic);
    for (size_t i = 0; i < s->slots.count; i++) {
        struct slot *slot = s->slots.entries[i].value;
        replace(slot, NULL);
        pending_clear(slot);
        mem_free(slot);
    }
    text_map_deinit(&s->slots);
    lock_deinit(&s->lock);
    mem_free(s);
}

struct compacted_topic *config_store_topic(struct config_store *s)
{
    return s != NULL ? s->topic : NULL;
}

const struct connector_state *config_store_get(struct config_store *s, const char *name)
{
    lock_acquire(&s->lock);
    const struct slot *slot = text_map_get(&s->slots, name);
    const struct connector_state *state = slot != NULL ? connector_state_ref(slot->current) : NULL;
    lock_release(&s->lock);
    return state;
}

enum err_code config_store_list(struct config_store *s, struct connector_state_list *out_list,
                                struct err *e)
{
    struct connector_state_list list = {0};
    lock_acquire(&s->lock);
    list.items = mem_calloc(s->slots.count + 1, sizeof(struct connector_state *));
    for (size_t i = 0; list.items != NULL && i < s->slots.count; i++) {
        const struct slot *slot = s->slots.entries[i].value;
        if (slot->current != NULL) {
            list.items[list.count++] = connector_state_ref(slot->current);
        }
    }
    lock_release(&s->lock);
    if (list.items == NULL) {
        return err_nomem(e, "list connectors");
    }
    *out_list = list;
    return ERR_OK;
}

/* One key and value under construction; at most TASKS_MAX + 2 of them in a write. */
struct line {
    struct buf key;
    struct buf value;
    bool tombstone;
};

static void line_init(struct line *line, const char *prefix, const char *name)
{
    *line = (struct line){0};
    buf_init(&line->key, RECORD_BYTES_MAX);
    buf_init(&line->value, RECORD_BYTES_MAX);
    buf_printf(&line->key, "%s%s", prefix, name);
}

static void line_deinit(struct line *line)
{
    buf_deinit(&line->key);
    buf_deinit(&line->value);
}

static void line_properties(struct line *line, const struct connect_config *config)
{
    buf_append_text(&line->value, "{\"properties\":");
    config_json_write(config, &line->value);
    buf_append_char(&line->value, '}');
}

static void line_target(struct line *line, enum connector_state_target target)
{
    /* Workers before 3.5 know no STOPPED: they read "state". */
    bool stopped = target == CONNECTOR_STATE_STOPPED;
    buf_printf(&line->value, "{\"state\":\"%s\",\"state.v2\":\"%s\"}",
               stopped ? "PAUSED" : connector_state_target_word(target),
               connector_state_target_word(target));
}

static enum err_code write_lines(struct config_store *s, struct line *lines, size_t count,
                                 struct err *e)
{
    struct compacted_topic_write *writes = mem_calloc(count, sizeof *writes);
    enum err_code code = writes != NULL ? ERR_OK : err_nomem(e, "write config");
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        CHECK(writes != NULL);
        code = buf_check(&lines[i].key, "config key", e);
        if (code == ERR_OK) {
            code = buf_check(&lines[i].value, "config record", e);
        }
        writes[i].key = buf_bytes(&lines[i].key);
        writes[i].value = lines[i].tombstone ? bytes_null() : buf_bytes(&lines[i].value);
    }
    if (code == ERR_OK) {
        code = compacted_topic_write_read_back(s->topic, writes, count, WRITE_TIMEOUT_MS, e);
    }
    for (size_t i = 0; i < count; i++) {
        line_deinit(&lines[i]);
    }
    mem_free(writes);
    return code;
}

enum err_code config_store_put_connector(struct config_store *s, const char *name,
                                         const struct connect_config *config, int target,
                                         struct err *e)
{
    struct line lines[2];
    size_t count = 0;
    if (target >= 0) {
        line_init(&lines[count], "target-state-", name);
        line_target(&lines[count++], (enum connector_state_target)target);
    }
    line_init(&lines[count], "connector-", name);
    line_properties(&lines[count++], config);
    return write_lines(s, lines, count, e);
}

enum err_code config_store_put_target(struct config_store *s, const char *name,
                                      enum connector_state_target target, struct err *e)
{
    struct line line;
    line_init(&line, "target-state-", name);
    line_target(&line, target);
    return write_lines(s, &line, 1, e);
}

enum err_code config_store_put_tasks(struct config_store *s, const char *name,
                                     const struct connect_config_set *tasks, struct err *e)
{
    struct line *lines = mem_calloc(tasks->count + 1, sizeof *lines);
    if (lines == NULL) {
        return err_nomem(e, "write task configs");
    }
    for (size_t i = 0; i < tasks->count; i++) {
        line_init(&lines[i], "task-", name);
        buf_printf(&lines[i].key, "-%zu", i);
        line_properties(&lines[i], &tasks->configs[i]);
    }
    /* The commit goes out only after its tasks have been read back. */
    enum err_code code = tasks->count > 0 ? write_lines(s, lines, tasks->count, e) : ERR_OK;
    mem_free(lines);
    if (code != ERR_OK) {
        return code;
    }
    struct line commit;
    line_init(&commit, "commit-", name);
    buf_printf(&commit.value, "{\"tasks\":%zu}", tasks->count);
    return write_lines(s, &commit, 1, e);
}

enum err_code config_store_delete(struct config_store *s, const char *name, struct err *e)
{
    struct line lines[2];
    line_init(&lines[0], "connector-", name);
    line_init(&lines[1], "target-state-", name);
    lines[0].tombstone = true;
    lines[1].tombstone = true;
    return write_lines(s, lines, 2, e);
}
