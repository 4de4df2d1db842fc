#include "streams/state/record_cache.h"

#include <string.h>

#include "common/check.h"
#include "streams/state/uthash_config.h"

struct cache_entry {
    UT_hash_handle hh;
    struct cache_entry *newer; /* by use */
    struct cache_entry *older;
    struct cache_entry *dirty_next; /* by write, oldest first */
    struct cache_entry *dirty_prev;
    struct value_headers headers;
    int64_t timestamp_ms;
    int64_t offset;
    size_t key_len;
    size_t value_len;
    size_t value_capacity;
    bool dirty;
    bool deleted;
    uint8_t *value; /* behind the key while it fits */
    uint8_t key[];
};

struct record_cache {
    struct record_cache_budget *budget;
    record_cache_flush_fn flush;
    void *flush_ctx;
    struct cache_entry *entries;
    struct cache_entry *newest;
    struct cache_entry *oldest;
    struct cache_entry *dirty_first;
    struct cache_entry *dirty_last;
};

struct record_cache *record_cache_create(struct record_cache_budget *budget,
                                         record_cache_flush_fn flush, void *flush_ctx)
{
    struct record_cache *c = mem_calloc(1, sizeof *c);
    if (c != NULL) {
        c->budget = budget;
        c->flush = flush;
        c->flush_ctx = flush_ctx;
    }
    return c;
}

static void cache_unlink_use(struct record_cache *c, struct cache_entry *n)
{
    *(n->newer != NULL ? &n->newer->older : &c->newest) = n->older;
    *(n->older != NULL ? &n->older->newer : &c->oldest) = n->newer;
}

static void cache_link_newest(struct record_cache *c, struct cache_entry *n)
{
    n->newer = NULL;
    n->older = c->newest;
    *(c->newest != NULL ? &c->newest->newer : &c->oldest) = n;
    c->newest = n;
}

static void cache_unlink_dirty(struct record_cache *c, struct cache_entry *n)
{
    if (!n->dirty) {
        return;
    }
    *(n->dirty_prev != NULL ? &n->dirty_prev->dirty_next : &c->dirty_first) = n->dirty_next;
    *(n->dirty_next != NULL ? &n->dirty_next->dirty_prev : &c->dirty_last) = n->dirty_prev;
    n->dirty = false;
}

static void cache_link_dirty(struct record_cache *c, struct cache_entry *n)
{
    n->dirty_next = NULL;
    n->dirty_prev = c->dirty_last;
    *(c->dirty_last != NULL ? &c->dirty_last->dirty_next : &c->dirty_first) = n;
    c->dirty_last = n;
    n->dirty = true;
}

static void cache_free_headers(struct cache_entry *n)
{
    mem_free(n->headers.items);
    n->headers = (struct value_headers){0};
}

/* One block: the items, then names and values. */
static bool cache_copy_headers(struct cache_entry *n, const struct value_headers *from)
{
    cache_free_headers(n);
    if (from == NULL || from->count == 0) {
        return true;
    }
    size_t size = from->count * sizeof *from->items;
    for (size_t i = 0; i < from->count; i++) {
        size += strlen(from->items[i].name) + 1 + from->items[i].value.len;
    }
    struct value_header *items = mem_alloc(size);
    if (items == NULL) {
        return false;
    }
    uint8_t *at = (uint8_t *)(items + from->count);
    for (size_t i = 0; i < from->count; i++) {
        size_t name_len = strlen(from->items[i].name) + 1;
        memcpy(at, from->items[i].name, name_len);
        items[i].name = (const char *)at;
        at += name_len;
        items[i].value = bytes_null();
        if (!bytes_is_null(from->items[i].value)) {
            memcpy(at, from->items[i].value.data, from->items[i].value.len);
            items[i].value = bytes_of(at, from->items[i].value.len);
            at += from->items[i].value.len;
        }
    }
    n->headers = (struct value_headers){from->count, items};
    return true;
}

static size_t cache_entry_bytes(const struct cache_entry *n)
{
    return sizeof *n + n->key_len + n->value_capacity;
}

static void cache_remove(struct record_cache *c, struct cache_entry *n)
{
    CHECK(c->budget->used_bytes >= cache_entry_bytes(n));
    c->budget->used_bytes -= cache_entry_bytes(n);
    cache_unlink_use(c, n);
    cache_unlink_dirty(c, n);
    HASH_DELETE(hh, c->entries, n);
    cache_free_headers(n);
    if (n->value != n->key + n->key_len) {
        mem_free(n->value);
    }
    mem_free(n);
}

void record_cache_destroy(struct record_cache *c)
{
    if (c == NULL) {
        return;
    }
    while (c->oldest != NULL) {
        cache_remove(c, c->oldest);
    }
    mem_free(c);
}

/* NOLINTNEXTLINE(readability-function-size): uthash's macros nest deeper than this code does */
static struct cache_entry *cache_find(struct record_cache *c, struct bytes key)
{
    struct cache_entry *n = c->newest;
    /* The write behind a read of the same key finds it in front. */
    if (n != NULL && n->key_len == key.len && memcmp(n->key, key.data, key.len) == 0) {
        return n;
    }
    HASH_FIND(hh, c->entries, key.data, key.len, n);
    if (n != NULL && c->newest != n) {
        cache_unlink_use(c, n);
        cache_link_newest(c, n);
    }
    return n;
}

bool record_cache_get(struct record_cache *c, struct bytes key, struct bytes *out_value)
{
    const struct cache_entry *n = cache_find(c, key);
    if (n == NULL) {
        return false;
    }
    *out_value = n->deleted ? bytes_null() : bytes_of(n->value, n->value_len);
    return true;
}

/* NOLINTNEXTLINE(readability-function-size): uthash's macros nest deeper than this code does */
static struct cache_entry *cache_add(struct record_cache *c, struct bytes key, size_t value_len)
{
    struct cache_entry *n = mem_alloc(sizeof *n + key.len + value_len);
    if (n == NULL) {
        return NULL;
    }
    *n = (struct cache_entry){.key_len = key.len, .value_capacity = value_len};
    memcpy(n->key, key.data, key.len);
    n->value = n->key + key.len;
    HASH_ADD_KEYPTR(hh, c->entries, n->key, n->key_len, n);
    if (n->hh.tbl == NULL) {
        mem_free(n);
        return NULL;
    }
    cache_link_newest(c, n);
    c->budget->used_bytes += cache_entry_bytes(n);
    return n;
}

static bool cache_set_value(struct record_cache *c, struct cache_entry *n, struct bytes value)
{
    n->deleted = bytes_is_null(value);
    if (n->deleted) {
        return true;
    }
    if (value.len > n->value_capacity) {
        uint8_t *larger = mem_alloc(value.len);
        if (larger == NULL) {
            return false;
        }
        if (n->value != n->key + n->key_len) {
            mem_free(n->value);
        }
        c->budget->used_bytes += value.len - n->value_capacity;
        n->value = larger;
        n->value_capacity = value.len;
    }
    memcpy(n->value, value.data, value.len);
    n->value_len = value.len;
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): a flush may write to the caches of stores further downstream;
 * a topology has no circles */
enum err_code record_cache_flush(struct record_cache *c, struct err *e)
{
    while (c->dirty_first != NULL) {
        struct cache_entry *n = c->dirty_first;
        cache_unlink_dirty(c, n);
        struct record_cache_origin origin = {n->timestamp_ms, n->offset, &n->headers};
        struct bytes value = n->deleted ? bytes_null() : bytes_of(n->value, n->value_len);
        enum err_code code =
            c->flush(c->flush_ctx, bytes_of(n->key, n->key_len), value, &origin, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static enum err_code cache_evict(struct record_cache *c, struct err *e)
{
    while (c->budget->used_bytes > c->budget->limit_bytes && c->oldest != NULL) {
        struct cache_entry *n = c->oldest;
        if (n->dirty) {
            cache_unlink_dirty(c, n);
            n->dirty_prev = NULL;
            n->dirty_next = c->dirty_first;
            *(c->dirty_first != NULL ? &c->dirty_first->dirty_prev : &c->dirty_last) = n;
            c->dirty_first = n;
            n->dirty = true;
            enum err_code code = record_cache_flush(c, e);
            if (code != ERR_OK) {
                return code;
            }
        }
        cache_remove(c, n);
    }
    return ERR_OK;
}

enum err_code record_cache_put(struct record_cache *c, struct bytes key, struct bytes value,
                               const struct record_cache_origin *origin, struct err *e)
{
    struct cache_entry *n = cache_find(c, key);
    if (n == NULL) {
        n = cache_add(c, key, value.len);
    }
    if (n == NULL || !cache_set_value(c, n, value) || !cache_copy_headers(n, origin->headers)) {
        return err_nomem(e, "record cache");
    }
    n->timestamp_ms = origin->timestamp_ms;
    n->offset = origin->offset;
    cache_unlink_dirty(c, n);
    cache_link_dirty(c, n);
    return cache_evict(c, e);
}

size_t record_cache_count(const struct record_cache *c)
{
    return HASH_COUNT(c->entries);
}
