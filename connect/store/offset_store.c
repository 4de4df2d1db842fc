#include "connect/store/offset_store.h"

#include <string.h>

#include "common/buf.h"
#include "common/check.h"
#include "common/json.h"
#include "common/lock.h"
#include "common/logger.h"
#include "common/mem.h"
#include "connect/store/text_map.h"

#define ENTRIES_MAX ((size_t)1000000)
#define RECORD_BYTES_MAX ((size_t)1 << 20)

/* One record of the topic as it is: what was written by another worker must be overwritten under
 * its own bytes. */
struct stored {
    char *partition; /* JSON as in the record's key */
    char *offset;
};

struct offset_store {
    struct compacted_topic *topic;
    struct logger *lg;
    void (*on_live)(void *ctx);
    void *ctx;
    struct lock lock;
    struct text_map entries; /* canonical key -> struct stored */
};

static void stored_free(struct stored *stored)
{
    if (stored != NULL) {
        mem_free(stored->partition);
        mem_free(stored->offset);
        mem_free(stored);
    }
}

/* ["X",{...}] with the members of the partition sorted; NULL when memory is short. */
static char *canonical_key(const char *connector, const json_t *partition)
{
    char *sorted = json_dumps(partition, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
    struct buf key;
    buf_init(&key, RECORD_BYTES_MAX);
    buf_append_char(&key, '[');
    json_write_text(&key, connector, strlen(connector));
    buf_append_char(&key, ',');
    buf_append_text(&key, sorted != NULL ? sorted : "");
    buf_append_char(&key, ']');
    char *text = sorted != NULL ? buf_take_text(&key) : NULL;
    buf_deinit(&key);
    /* jansson's own memory goes back through its own door. */
    json_free_t release = NULL;
    json_malloc_t unused = NULL;
    json_get_alloc_funcs(&unused, &release);
    release(sorted);
    return text;
}

static char *text_of(const json_t *json)
{
    struct buf b;
    buf_init(&b, RECORD_BYTES_MAX);
    json_write(&b, json);
    char *text = buf_take_text(&b);
    buf_deinit(&b);
    return text;
}

static void apply(struct offset_store *s, const json_t *key, struct bytes value)
{
    const char *connector = json_string_value(json_array_get(key, 0));
    const json_t *partition = json_array_get(key, 1);
    if (connector == NULL || json_array_size(key) != 2) {
        logger_warn(s->lg, "offsets.record_skipped", "its key is not [\"connector\",{partition}]");
        return;
    }
    char *canonical = canonical_key(connector, partition);
    struct stored *stored = NULL;
    if (!bytes_is_null(value)) {
        stored = mem_calloc(1, sizeof *stored);
        if (stored != NULL) {
            stored->partition = text_of(partition);
            stored->offset = mem_strndup((const char *)value.data, value.len);
        }
    }
    if (canonical != NULL) {
        lock_acquire(&s->lock);
        stored_free(text_map_remove(&s->entries, canonical));
        bool whole = stored != NULL && stored->partition != NULL && stored->offset != NULL;
        if (whole && text_map_put(&s->entries, canonical, stored, NULL) == ERR_OK) {
            stored = NULL;
        }
        lock_release(&s->lock);
    }
    stored_free(stored);
    mem_free(canonical);
}

static void on_record(void *ctx, const struct compacted_topic_record *record)
{
    struct offset_store *s = ctx;
    struct err e;
    json_t *key = NULL;
    const struct json_limits limits = {.max_bytes = RECORD_BYTES_MAX};
    if (json_decode(record->key, &limits, &key, &e) != ERR_OK) {
        logger_warn(s->lg, "offsets.record_skipped", "error=\"%s\"", e.text);
        return;
    }
    apply(s, key, record->value);
    json_decref(key);
}

static void on_state(void *ctx, enum compacted_topic_state state, const struct err *why)
{
    (void)state;
    (void)why;
    struct offset_store *s = ctx;
    s->on_live(s->ctx);
}

enum err_code offset_store_open(const struct offset_store_config *config,
                                struct offset_store **out_store, struct err *e)
{
    struct offset_store *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "open offset store");
    }
    s->lg = config->lg;
    s->on_live = config->on_live;
    s->ctx = config->ctx;
    lock_init(&s->lock);
    text_map_init(&s->entries, ENTRIES_MAX);
    const struct compacted_topic_config topic = {
        .client = config->client,
        .topic = config->topic,
        .partitions = 25,
        .replication_factor = config->replication_factor,
        .on_record = on_record,
        .on_state = on_state,
        .ctx = s,
        .lg = config->lg,
    };
    enum err_code code = compacted_topic_open(&topic, &s->topic, e);
    if (code != ERR_OK) {
        offset_store_close(s);
        return code;
    }
    *out_store = s;
    return ERR_OK;
}

void offset_store_close(struct offset_store *s)
{
    if (s == NULL) {
        return;
    }
    compacted_topic_close(s->topic);
    for (size_t i = 0; i < s->entries.count; i++) {
        stored_free(s->entries.entries[i].value);
    }
    text_map_deinit(&s->entries);
    lock_deinit(&s->lock);
    mem_free(s);
}

struct compacted_topic *offset_store_topic(struct offset_store *s)
{
    return s != NULL ? s->topic : NULL;
}

static enum err_code decode_partition(const char *partition, json_t **out, struct err *e)
{
    if (json_decode(bytes_of_text(partition), NULL, out, e) != ERR_OK) {
        return err_wrap(e, "source partition");
    }
    return ERR_OK;
}

enum err_code offset_store_get(struct offset_store *s, const char *connector, const char *partition,
                               struct arena *a, struct connect_value *out_offset, struct err *e)
{
    json_t *json = NULL;
    enum err_code code = decode_partition(partition, &json, e);
    if (code != ERR_OK) {
        return code;
    }
    char *canonical = canonical_key(connector, json);
    json_decref(json);
    if (canonical == NULL) {
        return err_nomem(e, "look up offset");
    }
    lock_acquire(&s->lock);
    const struct stored *stored = text_map_get(&s->entries, canonical);
    char *text = stored != NULL ? mem_strdup(stored->offset) : NULL;
    lock_release(&s->lock);
    mem_free(canonical);
    *out_offset = connect_value_null();
    if (text != NULL) {
        code = connect_value_parse_json(a, text, strlen(text), out_offset, e);
        mem_free(text);
    }
    return code == ERR_OK ? ERR_OK : err_wrap(e, "stored offset of %s", partition);
}

/* ["X",{...}] with the partition's own bytes, or those of the record that is already there. */
static enum err_code record_key(struct offset_store *s, const char *connector,
                                const char *partition, struct buf *out, struct err *e)
{
    json_t *json = NULL;
    enum err_code code = decode_partition(partition, &json, e);
    if (code != ERR_OK) {
        return code;
    }
    char *canonical = canonical_key(connector, json);
    json_decref(json);
    if (canonical == NULL) {
        return err_nomem(e, "write offset");
    }
    buf_append_char(out, '[');
    json_write_text(out, connector, strlen(connector));
    buf_append_char(out, ',');
    lock_acquire(&s->lock);
    const struct stored *stored = text_map_get(&s->entries, canonical);
    buf_append_text(out, stored != NULL ? stored->partition : partition);
    lock_release(&s->lock);
    buf_append_char(out, ']');
    mem_free(canonical);
    return buf_check(out, "offset key", e);
}

enum err_code offset_store_put(struct offset_store *s, const char *connector,
                               const struct offset_store_write *writes, size_t count,
                               int timeout_ms, struct err *e)
{
    struct compacted_topic_write *out = mem_calloc(count, sizeof *out);
    struct buf *keys = mem_calloc(count, sizeof *keys);
    enum err_code code = out != NULL && keys != NULL ? ERR_OK : err_nomem(e, "write offsets");
    size_t ready = 0;
    for (; code == ERR_OK && ready < count; ready++) {
        CHECK(keys != NULL);
        CHECK(out != NULL);
        buf_init(&keys[ready], RECORD_BYTES_MAX);
        code = record_key(s, connector, writes[ready].partition, &keys[ready], e);
        out[ready].key = buf_bytes(&keys[ready]);
        out[ready].value = bytes_of_text(writes[ready].offset);
    }
    if (code == ERR_OK) {
        code = compacted_topic_write_read_back(s->topic, out, count, timeout_ms, e);
    }
    for (size_t i = 0; i < ready; i++) {
        buf_deinit(&keys[i]);
    }
    mem_free(keys);
    mem_free(out);
    return code;
}

/* Keys of a connector begin like this. */
static void connector_prefix(const char *connector, struct buf *out)
{
    buf_init(out, RECORD_BYTES_MAX);
    buf_append_char(out, '[');
    json_write_text(out, connector, strlen(connector));
    buf_append_char(out, ',');
}

/* Under the lock: calls back for each entry of a connector. */
static void each(struct offset_store *s, const char *connector,
                 void (*visit)(void *ctx, const struct stored *stored), void *ctx)
{
    struct buf prefix;
    connector_prefix(connector, &prefix);
    const char *text = buf_text(&prefix);
    if (text != NULL) {
        for (size_t i = text_map_find(&s->entries, text);
             i < s->entries.count && strncmp(s->entries.entries[i].key, text, prefix.len) == 0;
             i++) {
            visit(ctx, s->entries.entries[i].value);
        }
    }
    buf_deinit(&prefix);
}

struct json_visit {
    struct buf *out;
    bool any;
};

static void write_one(void *ctx, const struct stored *stored)
{
    struct json_visit *v = ctx;
    buf_printf(v->out, "%s{\"partition\":", v->any ? "," : "");
    buf_append_text(v->out, stored->partition);
    buf_append_text(v->out, ",\"offset\":");
    buf_append_text(v->out, stored->offset);
    buf_append_char(v->out, '}');
    v->any = true;
}

void offset_store_write_json(struct offset_store *s, const char *connector, struct buf *out)
{
    struct json_visit v = {.out = out};
    buf_append_char(out, '[');
    lock_acquire(&s->lock);
    each(s, connector, write_one, &v);
    lock_release(&s->lock);
    buf_append_char(out, ']');
}

struct reset_visit {
    struct arena arena;
    struct offset_store_write *writes;
    size_t count;
    size_t capacity;
};

static void collect_one(void *ctx, const struct stored *stored)
{
    struct reset_visit *v = ctx;
    if (v->writes != NULL && v->count < v->capacity) {
        v->writes[v->count].partition = arena_strdup(&v->arena, stored->partition);
        v->count++;
    }
}

enum err_code offset_store_reset(struct offset_store *s, const char *connector, int timeout_ms,
                                 struct err *e)
{
    struct reset_visit v = {0};
    arena_init(&v.arena, (size_t)256 << 20);
    lock_acquire(&s->lock);
    v.capacity = s->entries.count;
    v.writes = mem_calloc(v.capacity + 1, sizeof *v.writes);
    each(s, connector, collect_one, &v);
    lock_release(&s->lock);
    enum err_code code = ERR_OK;
    if (v.writes == NULL || arena_failed(&v.arena)) {
        code = err_nomem(e, "reset offsets");
    } else if (v.count > 0) {
        code = offset_store_put(s, connector, v.writes, v.count, timeout_ms, e);
    }
    mem_free(v.writes);
    arena_deinit(&v.arena);
    return code;
}
