#include "connect/store/status_store.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/check.h"
#include "common/json.h"
#include "common/lock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "connect/store/text_map.h"

#define ENTRIES_MAX ((size_t)200000)
#define RECORD_BYTES_MAX ((size_t)1 << 20)
#define TOPIC_PREFIX "status-topic-"

struct status_store {
    struct compacted_topic *topic;
    struct logger *lg;
    char *worker_id;
    int64_t generation;
    void (*on_live)(void *ctx);
    void *ctx;
    struct lock lock;
    struct text_map entries; /* by record key */
    struct text_map topics;  /* record keys of topics; values are the store itself */
};

static const char *const words[] = {"UNASSIGNED", "RUNNING",    "PAUSED",
                                    "FAILED",     "RESTARTING", "STOPPED"};

const char *status_store_word(enum status_store_state state)
{
    return words[state];
}

void status_store_entry_deinit(struct status_store_entry *entry)
{
    mem_free(entry->trace);
    mem_free(entry->worker_id);
    *entry = (struct status_store_entry){0};
}

static void entry_free(struct status_store_entry *entry)
{
    if (entry != NULL) {
        status_store_entry_deinit(entry);
        mem_free(entry);
    }
}

static struct status_store_entry *entry_create(enum status_store_state state, const char *trace,
                                               const char *worker_id, int64_t generation)
{
    struct status_store_entry *entry = mem_calloc(1, sizeof *entry);
    if (entry == NULL) {
        return NULL;
    }
    entry->state = state;
    entry->generation = generation;
    entry->trace = mem_strdup(trace);
    entry->worker_id = mem_strdup(worker_id);
    if (entry->worker_id == NULL) {
        entry_free(entry);
        return NULL;
    }
    return entry;
}

/* Under the lock; entry NULL removes. */
static void put(struct status_store *s, const char *key, struct status_store_entry *take_entry)
{
    entry_free(text_map_remove(&s->entries, key));
    if (take_entry != NULL && text_map_put(&s->entries, key, take_entry, NULL) != ERR_OK) {
        entry_free(take_entry);
    }
}

static bool state_parse(const char *word, enum status_store_state *out)
{
    for (size_t i = 0; word != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], word) == 0) {
            *out = (enum status_store_state)i;
            return true;
        }
    }
    return false;
}

static void apply_state(struct status_store *s, const char *key, const json_t *value, bool initial)
{
    enum status_store_state state = STATUS_STORE_UNASSIGNED;
    const char *worker = json_string_value(json_object_get(value, "worker_id"));
    /* Our own lines were applied when they were written, and may be older than what is known now.
     */
    bool own = !initial && worker != NULL && strcmp(worker, s->worker_id) == 0;
    if (own || !state_parse(json_string_value(json_object_get(value, "state")), &state)) {
        return;
    }
    int64_t generation = json_integer_value(json_object_get(value, "generation"));
    if (generation >= s->generation && initial) {
        s->generation = generation + 1;
    }
    put(s, key,
        entry_create(state, json_string_value(json_object_get(value, "trace")),
                     worker != NULL ? worker : "", generation));
}

static void apply(struct status_store *s, const char *key, const json_t *value, bool initial)
{
    if (strncmp(key, TOPIC_PREFIX, sizeof TOPIC_PREFIX - 1) == 0) {
        if (value == NULL) {
            (void)text_map_remove(&s->topics, key);
        } else {
            (void)text_map_put(&s->topics, key, s, NULL);
        }
    } else if (value == NULL) {
        if (initial) {
            put(s, key, NULL);
        }
    } else {
        apply_state(s, key, value, initial);
    }
}

static void on_record(void *ctx, const struct compacted_topic_record *record)
{
    struct status_store *s = ctx;
    struct err e;
    json_t *value = NULL;
    const struct json_limits limits = {.max_bytes = RECORD_BYTES_MAX};
    char *key = mem_strndup((const char *)record->key.data, record->key.len);
    if (key != NULL && (bytes_is_null(record->value) ||
                        json_decode(record->value, &limits, &value, &e) == ERR_OK)) {
        lock_acquire(&s->lock);
        apply(s, key, value, record->initial);
        lock_release(&s->lock);
    }
    json_decref(value);
    mem_free(key);
}

static void on_state(void *ctx, enum compacted_topic_state state, const struct err *why)
{
    (void)state;
    (void)why;
    struct status_store *s = ctx;
    s->on_live(s->ctx);
}

enum err_code status_store_open(const struct status_store_config *config,
                                struct status_store **out_store, struct err *e)
{
    struct status_store *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "open status store");
    }
    s->lg = config->lg;
    s->on_live = config->on_live;
    s->ctx = config->ctx;
    s->generation = 1;
    s->worker_id = mem_strdup(config->worker_id);
    lock_init(&s->lock);
    text_map_init(&s->entries, ENTRIES_MAX);
    text_map_init(&s->topics, ENTRIES_MAX);
    const struct compacted_topic_config topic = {
        .client = config->client,
        .topic = config->topic,
        .partitions = 5,
        .replication_factor = config->replication_factor,
        .on_record = on_record,
        .on_state = on_state,
        .ctx = s,
        .lg = config->lg,
    };
    enum err_code code = s->worker_id != NULL ? compacted_topic_open(&topic, &s->topic, e)
                                              : err_nomem(e, "open status store");
    if (code != ERR_OK) {
        status_store_close(s);
        return code;
    }
    *out_store = s;
    return ERR_OK;
}

void status_store_close(struct status_store *s)
{
    if (s == NULL) {
        return;
    }
    compacted_topic_close(s->topic);
    for (size_t i = 0; i < s->entries.count; i++) {
        entry_free(s->entries.entries[i].value);
    }
    text_map_deinit(&s->entries);
    text_map_deinit(&s->topics);
    lock_deinit(&s->lock);
    mem_free(s->worker_id);
    mem_free(s);
}

struct compacted_topic *status_store_topic(struct status_store *s)
{
    return s != NULL ? s->topic : NULL;
}

static void key_of(struct buf *key, const char *connector, int task)
{
    buf_init(key, RECORD_BYTES_MAX);
    if (task == STATUS_STORE_CONNECTOR) {
        buf_printf(key, "status-connector-%s", connector);
    } else {
        buf_printf(key, "status-task-%s-%d", connector, task);
    }
}

/* Not waited for: a state that is lost with the process is found out again by the next one. */
static void post(struct status_store *s, struct bytes key, struct bytes value)
{
    struct err e;
    if (compacted_topic_post(s->topic, key, value, &e) != ERR_OK) {
        logger_warn(s->lg, "status.write_lost", "key=%.*s error=\"%s\"", (int)key.len, key.data,
                    e.text);
    }
}

void status_store_set(struct status_store *s, const char *connector, int task,
                      enum status_store_state state, const char *trace)
{
    struct buf key;
    struct buf value;
    key_of(&key, connector, task);
    buf_init(&value, RECORD_BYTES_MAX);
    buf_printf(&value, "{\"state\":\"%s\",\"trace\":", words[state]);
    if (trace != NULL) {
        json_write_text(&value, trace, strlen(trace));
    } else {
        buf_append_text(&value, "null");
    }
    buf_append_text(&value, ",\"worker_id\":");
    json_write_text(&value, s->worker_id, strlen(s->worker_id));
    buf_printf(&value, ",\"generation\":%" PRId64 "}", s->generation);
    const char *key_text = buf_text(&key);
    if (key_text != NULL && !buf_failed(&value)) {
        lock_acquire(&s->lock);
        put(s, key_text, entry_create(state, trace, s->worker_id, s->generation));
        lock_release(&s->lock);
        post(s, buf_bytes(&key), buf_bytes(&value));
    }
    buf_deinit(&key);
    buf_deinit(&value);
}

void status_store_remove(struct status_store *s, const char *connector, int task)
{
    struct buf key;
    key_of(&key, connector, task);
    const char *text = buf_text(&key);
    if (text != NULL) {
        lock_acquire(&s->lock);
        put(s, text, NULL);
        lock_release(&s->lock);
        post(s, buf_bytes(&key), bytes_null());
    }
    buf_deinit(&key);
}

bool status_store_get(struct status_store *s, const char *connector, int task,
                      struct status_store_entry *out_entry)
{
    struct buf key;
    bool found = false;
    key_of(&key, connector, task);
    const char *text = buf_text(&key);
    lock_acquire(&s->lock);
    const struct status_store_entry *entry = text != NULL ? text_map_get(&s->entries, text) : NULL;
    if (entry != NULL) {
        *out_entry = (struct status_store_entry){
            .state = entry->state,
            .generation = entry->generation,
            .trace = mem_strdup(entry->trace),
            .worker_id = mem_strdup(entry->worker_id),
        };
        found = true;
    }
    lock_release(&s->lock);
    buf_deinit(&key);
    return found;
}

size_t status_store_count_tasks(struct status_store *s, enum status_store_state state)
{
    static const char prefix[] = "status-task-";
    size_t count = 0;
    lock_acquire(&s->lock);
    for (size_t i = text_map_find(&s->entries, prefix); i < s->entries.count; i++) {
        const struct status_store_entry *entry = s->entries.entries[i].value;
        if (strncmp(s->entries.entries[i].key, prefix, sizeof prefix - 1) != 0) {
            break;
        }
        count += entry->state == state ? 1 : 0;
    }
    lock_release(&s->lock);
    return count;
}

static int compare_ids(const void *a, const void *b)
{
    int x = *(const int *)a;
    int y = *(const int *)b;
    return (x > y) - (x < y);
}

/* "status-task-X-" is also the beginning of the tasks of a connector "X-1": what is left must be
 * digits. */
static bool task_id(const char *rest, int *out)
{
    size_t digits = strspn(rest, "0123456789");
    if (digits == 0 || digits > 9 || rest[digits] != '\0') {
        return false;
    }
    *out = (int)strtol(rest, NULL, 10);
    return true;
}

enum err_code status_store_tasks(struct status_store *s, const char *connector, int **out_ids,
                                 size_t *out_count, struct err *e)
{
    struct buf prefix;
    buf_init(&prefix, RECORD_BYTES_MAX);
    buf_printf(&prefix, "status-task-%s-", connector);
    const char *text = buf_text(&prefix);
    int *ids = NULL;
    size_t count = 0;
    if (text != NULL) {
        lock_acquire(&s->lock);
        size_t first = text_map_find(&s->entries, text);
        size_t end = first;
        while (end < s->entries.count &&
               strncmp(s->entries.entries[end].key, text, prefix.len) == 0) {
            end++;
        }
        ids = mem_calloc(end - first + 1, sizeof *ids);
        for (size_t i = first; ids != NULL && i < end; i++) {
            if (task_id(s->entries.entries[i].key + prefix.len, &ids[count])) {
                count++;
            }
        }
        lock_release(&s->lock);
    }
    buf_deinit(&prefix);
    if (ids == NULL) {
        return err_nomem(e, "list tasks");
    }
    qsort(ids, count, sizeof *ids, compare_ids);
    *out_ids = ids;
    *out_count = count;
    return ERR_OK;
}

static void topic_key(struct buf *key, const char *topic, const char *connector)
{
    buf_init(key, RECORD_BYTES_MAX);
    buf_printf(key, TOPIC_PREFIX "%s:connector-%s", topic, connector);
}

void status_store_add_topic(struct status_store *s, const char *connector, int task,
                            const char *topic, int64_t now_ms)
{
    struct buf key;
    topic_key(&key, topic, connector);
    const char *text = buf_text(&key);
    bool is_new = false;
    if (text != NULL) {
        lock_acquire(&s->lock);
        is_new = text_map_get(&s->topics, text) == NULL;
        if (is_new) {
            (void)text_map_put(&s->topics, text, s, NULL);
        }
        lock_release(&s->lock);
    }
    if (is_new) {
        struct buf value;
        buf_init(&value, RECORD_BYTES_MAX);
        buf_append_text(&value, "{\"topic\":{\"name\":");
        json_write_text(&value, topic, strlen(topic));
        buf_append_text(&value, ",\"connector\":");
        json_write_text(&value, connector, strlen(connector));
        buf_printf(&value, ",\"task\":%d,\"discoverTimestamp\":%" PRId64 "}}", task, now_ms);
        post(s, buf_bytes(&key), buf_bytes(&value));
        buf_deinit(&value);
    }
    buf_deinit(&key);
}

/* The length of T in "status-topic-T:connector-X" when X is the connector, else 0. Topic names have
 * no colon. */
static size_t topic_of(const char *key, const char *connector)
{
    const char *topic = key + sizeof TOPIC_PREFIX - 1;
    const char *colon = strchr(topic, ':');
    bool fits = colon != NULL && strncmp(colon, ":connector-", 11) == 0 &&
                strcmp(colon + 11, connector) == 0;
    return fits ? (size_t)(colon - topic) : 0;
}

void status_store_reset_topics(struct status_store *s, const char *connector)
{
    lock_acquire(&s->lock);
    for (size_t i = s->topics.count; i > 0; i--) {
        const char *key = s->topics.entries[i - 1].key;
        if (topic_of(key, connector) > 0) {
            post(s, bytes_of_text(key), bytes_null());
            (void)text_map_remove(&s->topics, key);
        }
    }
    lock_release(&s->lock);
}

void status_store_write_topics(struct status_store *s, const char *connector, struct buf *out)
{
    const char *separator = "";
    buf_append_char(out, '[');
    lock_acquire(&s->lock);
    for (size_t i = 0; i < s->topics.count; i++) {
        const char *key = s->topics.entries[i].key;
        size_t len = topic_of(key, connector);
        if (len > 0) {
            buf_append_text(out, separator);
            json_write_text(out, key + sizeof TOPIC_PREFIX - 1, len);
            separator = ",";
        }
    }
    lock_release(&s->lock);
    buf_append_char(out, ']');
}

void status_store_remove_all(struct status_store *s, const char *connector)
{
    int *ids = NULL;
    size_t count = 0;
    if (status_store_tasks(s, connector, &ids, &count, NULL) == ERR_OK) {
        for (size_t i = 0; i < count; i++) {
            status_store_remove(s, connector, ids[i]);
        }
    }
    mem_free(ids);
    status_store_remove(s, connector, STATUS_STORE_CONNECTOR);
    status_store_reset_topics(s, connector);
}
