#include "streams/state/store.h"

#include <inttypes.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/reader.h"

static enum err_code store_let_go(void *ctx, struct bytes key, struct bytes value,
                                  const struct record_cache_origin *origin, struct err *e);
static enum err_code store_let_go_end(void *ctx, struct err *e);

enum err_code store_create(const struct store_config *config, struct store **out_store,
                           struct err *e)
{
    struct store *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        kv_close(config->kv);
        return err_nomem(e, "open store");
    }
    s->def = config->def;
    s->kv = config->kv;
    s->collector = config->collector;
    s->partition = config->partition;
    s->acked_offset = -1;
    s->restored_offset = -1;
    s->observed_ms = -1;
    s->live_segment = INT64_MIN;
    s->forward = config->forward;
    s->forward_ctx = config->forward_ctx;
    buf_init(&s->scratch, STORE_VALUE_BYTES_MAX);
    buf_init(&s->key, STORE_VALUE_BYTES_MAX);
    s->changelog = mem_strdup(config->changelog);
    s->logged = config->def->logging;
    if (config->budget != NULL && config->budget->limit_bytes > 0) {
        s->cache = record_cache_create(config->budget, store_let_go, store_let_go_end, s);
    }
    if (s->changelog == NULL ||
        (config->budget != NULL && config->budget->limit_bytes > 0 && s->cache == NULL)) {
        store_destroy(s);
        return err_nomem(e, "open store");
    }
    *out_store = s;
    return ERR_OK;
}

void store_destroy(struct store *s)
{
    if (s == NULL) {
        return;
    }
    record_cache_destroy(s->cache);
    kv_close(s->kv);
    mem_free(s->changelog);
    buf_deinit(&s->scratch);
    buf_deinit(&s->key);
    mem_free(s);
}

static enum err_code store_failed(struct store *s, const char *what, struct err *e)
{
    s->corrupt = s->corrupt || (e != NULL && e->code == ERR_CORRUPT);
    return err_wrap(e, "%s store %s", what, s->def->name);
}

static int64_t store_window_start(struct bytes key)
{
    CHECK(key.len >= STORE_WINDOW_SUFFIX);
    struct reader r;
    reader_init(&r, bytes_of(key.data + (key.len - STORE_WINDOW_SUFFIX), 8));
    return (int64_t)reader_be64(&r);
}

static struct bytes store_physical_key(struct store *s, struct bytes key)
{
    if (!s->def->windowed) {
        return key;
    }
    int64_t interval = topology_segment_interval(s->def);
    buf_clear(&s->key);
    buf_append_be64(&s->key, (uint64_t)(store_window_start(key) / interval * interval));
    buf_append_bytes(&s->key, key);
    return buf_bytes(&s->key);
}

enum err_code store_get(struct store *s, struct bytes key, struct bytes *out_value, struct err *e)
{
    if (s->cache != NULL && record_cache_get(s->cache, key, out_value)) {
        return ERR_OK;
    }
    if (s->def->windowed && store_window_start(key) < s->observed_ms - s->def->retention_ms + 1) {
        *out_value = bytes_null();
        return ERR_OK;
    }
    bool found = false;
    if (kv_get(s->kv, store_physical_key(s, key), &s->scratch, &found, e) != ERR_OK) {
        return store_failed(s, "read", e);
    }
    *out_value = found ? buf_bytes(&s->scratch) : bytes_null();
    return ERR_OK;
}

void store_observe(struct store *s, struct bytes key)
{
    if (s->def->windowed && key.len >= STORE_WINDOW_SUFFIX) {
        int64_t start = store_window_start(key);
        s->observed_ms = start > s->observed_ms ? start : s->observed_ms;
    }
}

static enum err_code store_expire(struct store *s, int64_t live_segment, struct err *e)
{
    if (live_segment <= s->live_segment) {
        return ERR_OK;
    }
    s->live_segment = live_segment;
    if (live_segment <= 0) {
        return ERR_OK;
    }
    buf_clear(&s->key);
    buf_append_be64(&s->key, (uint64_t)(live_segment * topology_segment_interval(s->def)));
    return kv_drop_below(s->kv, buf_bytes(&s->key), e);
}

/* Writes below the changelog; later: one of many. */
static enum err_code store_put_bytes(struct store *s, struct bytes key, struct bytes value,
                                     bool later, struct err *e)
{
    if (s->def->windowed) {
        store_observe(s, key);
        int64_t interval = topology_segment_interval(s->def);
        int64_t live = (s->observed_ms - s->def->retention_ms) / interval;
        if (store_window_start(key) / interval < live) {
            s->expired_total++;
            return ERR_OK;
        }
        if (store_expire(s, live, e) != ERR_OK) {
            return store_failed(s, "expire segments of", e);
        }
    }
    struct bytes physical = store_physical_key(s, key);
    enum err_code code =
        later ? kv_put_later(s->kv, physical, value, e) : kv_put(s->kv, physical, value, e);
    return code == ERR_OK ? ERR_OK : store_failed(s, "write", e);
}

static enum err_code store_log(struct store *s, struct bytes key, struct bytes value,
                               const struct record_cache_origin *origin, struct err *e)
{
    if (!s->logged) {
        return ERR_OK;
    }
    struct collector_record r = {.topic = s->changelog,
                                 .partition = s->partition,
                                 .key = key,
                                 .value = bytes_null(),
                                 .timestamp_ms = origin->timestamp_ms,
                                 .acked_offset = &s->acked_offset};
    if (!bytes_is_null(value)) {
        struct reader reader;
        reader_init(&reader, value);
        r.timestamp_ms = (int64_t)reader_be64(&reader);
        CHECK(!reader_failed(&reader));
        r.value = bytes_of(value.data + 8, value.len - 8);
    }
    if (s->collector->send(s->collector, &r, e) != ERR_OK) {
        return err_wrap(e, "log to %s", s->changelog);
    }
    return ERR_OK;
}

static enum err_code store_write(struct store *s, struct bytes key, struct bytes value,
                                 const struct record_cache_origin *origin, struct err *e)
{
    enum err_code code = store_put_bytes(s, key, value, s->cache != NULL, e);
    return code != ERR_OK ? code : store_log(s, key, value, origin, e);
}

/* NOLINTNEXTLINE(misc-no-recursion): a topology has no circles */
static enum err_code store_let_go(void *ctx, struct bytes key, struct bytes value,
                                  const struct record_cache_origin *origin, struct err *e)
{
    struct store *s = ctx;
    if (bytes_is_null(value)) {
        /* Made and deleted within the cache: nobody has heard of it. */
        bool found = false;
        if (kv_get(s->kv, store_physical_key(s, key), &s->scratch, &found, e) != ERR_OK) {
            return store_failed(s, "read", e);
        }
        if (!found) {
            return ERR_OK;
        }
    }
    enum err_code code = store_write(s, key, value, origin, e);
    return code != ERR_OK ? code : s->forward(s->forward_ctx, key, value, origin, e);
}

static enum err_code store_let_go_end(void *ctx, struct err *e)
{
    struct store *s = ctx;
    return kv_apply(s->kv, e) == ERR_OK ? ERR_OK : store_failed(s, "write", e);
}

enum err_code store_put(struct store *s, struct bytes key, struct bytes value,
                        const struct record_cache_origin *origin, struct err *e)
{
    if (s->cache != NULL) {
        return record_cache_put(s->cache, key, value, origin, e);
    }
    return store_write(s, key, value, origin, e);
}

/* NOLINTNEXTLINE(misc-no-recursion): a topology has no circles */
enum err_code store_flush(struct store *s, struct err *e)
{
    return s->cache != NULL ? record_cache_flush(s->cache, e) : ERR_OK;
}

enum err_code store_restore(struct store *s, struct bytes key, struct bytes value,
                            int64_t timestamp_ms, struct err *e)
{
    if (bytes_is_null(key) || (s->def->windowed && key.len < STORE_WINDOW_SUFFIX)) {
        return err_set(e, ERR_CORRUPT, "changelog %s has a record with a key of %zu bytes",
                       s->changelog, key.len);
    }
    if (bytes_is_null(value)) {
        return store_put_bytes(s, key, bytes_null(), true, e);
    }
    buf_clear(&s->scratch);
    buf_append_be64(&s->scratch, (uint64_t)timestamp_ms);
    buf_append_bytes(&s->scratch, value);
    if (buf_failed(&s->scratch)) {
        return buf_check(&s->scratch, "restored value", e);
    }
    return store_put_bytes(s, key, buf_bytes(&s->scratch), true, e);
}
