#include "streams/state/record_cache.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/mem.h"

#define CACHE_SLOTS_FIRST ((size_t)64)

/* One block of memory, key and value behind it. */
struct cache_entry {
    struct value_headers headers;
    uint8_t *value; /* behind the key while it fits */
    int64_t timestamp_ms;
    int64_t offset;
    uint64_t written; /* number of the write: what is let go, goes in this order */
    uint32_t key_len;
    uint32_t value_len;
    uint32_t value_capacity;
    bool dirty;
    bool deleted;
    bool used; /* since the hand came by */
    uint8_t key[];
};

/* Open addressing with linear probing: a look-up touches one line of the table and the entry. */
struct cache_slot {
    uint64_t hash;
    struct cache_entry *entry; /* NULL: free */
};

struct cache_dirty {
    uint64_t written;
    struct cache_entry *entry;
};

struct record_cache {
    struct record_cache_budget *budget;
    record_cache_flush_fn flush;
    record_cache_flush_end_fn flush_end;
    void *flush_ctx;
    struct cache_slot *slots;
    size_t slot_count; /* a power of two */
    size_t count;
    size_t hand; /* slot where the search for an entry to give up goes on */
    struct cache_entry *last;
    uint64_t last_hash;
    uint64_t seed;
    uint64_t writes;
    struct cache_dirty *dirty; /* of each dirty entry one, in no order */
    size_t dirty_count;
    size_t dirty_capacity;
};

struct record_cache *record_cache_create(struct record_cache_budget *budget,
                                         record_cache_flush_fn flush,
                                         record_cache_flush_end_fn flush_end, void *flush_ctx)
{
    struct record_cache *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->slots = mem_calloc(CACHE_SLOTS_FIRST, sizeof *c->slots);
    if (c->slots == NULL) {
        mem_free(c);
        return NULL;
    }
    c->slot_count = CACHE_SLOTS_FIRST;
    c->budget = budget;
    c->flush = flush;
    c->flush_end = flush_end;
    c->flush_ctx = flush_ctx;
    /* Whoever chooses the keys must not know where they go. */
    c->seed = (uint64_t)clock_mono_ns(clock_system()) ^ (uint64_t)(uintptr_t)c;
    return c;
}

/* Folds the 128 bits of a product: each bit of the factors reaches each bit of the result. */
static uint64_t cache_mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t cache_hash(const struct record_cache *c, struct bytes key)
{
    const uint64_t odd = 0x9e3779b97f4a7c15U;
    uint64_t h = c->seed ^ key.len;
    size_t at = 0;
    uint64_t word = 0;
    for (; key.len - at >= sizeof word; at += sizeof word) {
        memcpy(&word, key.data + at, sizeof word);
        h = cache_mix(h ^ word, odd);
    }
    word = 0;
    if (key.len > at) {
        memcpy(&word, key.data + at, key.len - at);
    }
    return cache_mix(h ^ word, odd);
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
    return sizeof *n + sizeof(struct cache_slot) + n->key_len + n->value_capacity;
}

static struct bytes cache_key(const struct cache_entry *n)
{
    return bytes_of(n->key, n->key_len);
}

static void cache_free_entry(struct cache_entry *n)
{
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
    for (size_t i = 0; i < c->slot_count; i++) {
        if (c->slots[i].entry != NULL) {
            c->budget->used_bytes -= cache_entry_bytes(c->slots[i].entry);
            cache_free_entry(c->slots[i].entry);
        }
    }
    mem_free(c->slots);
    mem_free(c->dirty);
    mem_free(c);
}

/* Empties a clean entry's slot, and closes the gap so that no probe ends there too early. */
static void cache_remove(struct record_cache *c, size_t at)
{
    struct cache_entry *n = c->slots[at].entry;
    CHECK(!n->dirty);
    CHECK(c->budget->used_bytes >= cache_entry_bytes(n));
    c->budget->used_bytes -= cache_entry_bytes(n);
    if (c->last == n) {
        c->last = NULL;
    }
    cache_free_entry(n);
    c->count--;
    const size_t mask = c->slot_count - 1;
    size_t gap = at;
    for (size_t i = (at + 1) & mask; c->slots[i].entry != NULL; i = (i + 1) & mask) {
        size_t home = c->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            c->slots[gap] = c->slots[i];
            gap = i;
        }
    }
    c->slots[gap] = (struct cache_slot){0};
}

static bool cache_is_key(const struct cache_entry *n, struct bytes key)
{
    return n->key_len == key.len && memcmp(n->key, key.data, key.len) == 0;
}

/* Leaves the key's hash in last_hash when it is not there. */
static struct cache_entry *cache_find(struct record_cache *c, struct bytes key)
{
    /* The write behind a read of the same key finds it in front. */
    if (c->last != NULL && cache_is_key(c->last, key)) {
        return c->last;
    }
    c->last_hash = cache_hash(c, key);
    const size_t mask = c->slot_count - 1;
    size_t i = c->last_hash & mask;
    while (c->slots[i].entry != NULL &&
           (c->slots[i].hash != c->last_hash || !cache_is_key(c->slots[i].entry, key))) {
        i = (i + 1) & mask;
    }
    struct cache_entry *n = c->slots[i].entry;
    if (n != NULL) {
        n->used = true;
        c->last = n;
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

static void cache_place(struct record_cache *c, uint64_t hash, struct cache_entry *n)
{
    const size_t mask = c->slot_count - 1;
    size_t i = hash & mask;
    while (c->slots[i].entry != NULL) {
        i = (i + 1) & mask;
    }
    c->slots[i] = (struct cache_slot){hash, n};
}

/* Doubles the table before it is more than two thirds full. */
static bool cache_make_room(struct record_cache *c)
{
    if (c->count + 1 <= c->slot_count / 3 * 2) {
        return true;
    }
    struct cache_slot *old = c->slots;
    size_t old_count = c->slot_count;
    struct cache_slot *slots = mem_calloc(old_count * 2, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    c->slots = slots;
    c->slot_count = old_count * 2;
    c->hand = 0;
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].entry != NULL) {
            cache_place(c, old[i].hash, old[i].entry);
        }
    }
    mem_free(old);
    return true;
}

/* Behind a cache_find that found nothing. */
static struct cache_entry *cache_add(struct record_cache *c, struct bytes key, size_t value_len)
{
    CHECK(key.len <= UINT32_MAX);
    CHECK(value_len <= UINT32_MAX);
    struct cache_entry *n = cache_make_room(c) ? mem_alloc(sizeof *n + key.len + value_len) : NULL;
    if (n == NULL) {
        return NULL;
    }
    *n = (struct cache_entry){
        .key_len = (uint32_t)key.len, .value_capacity = (uint32_t)value_len, .used = true};
    memcpy(n->key, key.data, key.len);
    n->value = n->key + key.len;
    cache_place(c, c->last_hash, n);
    c->count++;
    c->last = n;
    c->budget->used_bytes += cache_entry_bytes(n);
    return n;
}

static bool cache_set_value(struct record_cache *c, struct cache_entry *n, struct bytes value)
{
    CHECK(value.len <= UINT32_MAX);
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
        n->value_capacity = (uint32_t)value.len;
    }
    memcpy(n->value, value.data, value.len);
    n->value_len = (uint32_t)value.len;
    return true;
}

static int cache_compare_dirty(const void *a, const void *b)
{
    uint64_t x = ((const struct cache_dirty *)a)->written;
    uint64_t y = ((const struct cache_dirty *)b)->written;
    return (x > y) - (x < y);
}

/* NOLINTNEXTLINE(misc-no-recursion): a flush may write to the caches of stores further downstream;
 * a topology has no circles */
static enum err_code cache_let_go(struct record_cache *c, size_t *in_out_at, struct err *e)
{
    for (; *in_out_at < c->dirty_count; ++*in_out_at) {
        struct cache_entry *n = c->dirty[*in_out_at].entry;
        struct record_cache_origin origin = {n->timestamp_ms, n->offset, &n->headers};
        struct bytes value = n->deleted ? bytes_null() : bytes_of(n->value, n->value_len);
        n->dirty = false;
        enum err_code code = c->flush(c->flush_ctx, cache_key(n), value, &origin, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

/* NOLINTNEXTLINE(misc-no-recursion): see cache_let_go */
enum err_code record_cache_flush(struct record_cache *c, struct err *e)
{
    if (c->dirty_count == 0) {
        return ERR_OK;
    }
    for (size_t i = 0; i < c->dirty_count; i++) {
        c->dirty[i].written = c->dirty[i].entry->written;
    }
    qsort(c->dirty, c->dirty_count, sizeof *c->dirty, cache_compare_dirty);
    size_t done = 0;
    enum err_code code = cache_let_go(c, &done, e);
    if (code != ERR_OK) {
        done++; /* the one that failed is not dirty any more: the task is lost anyway */
    }
    c->dirty_count -= done;
    memmove(c->dirty, c->dirty + done, c->dirty_count * sizeof *c->dirty);
    return code != ERR_OK ? code : c->flush_end(c->flush_ctx, e);
}

static enum err_code cache_evict(struct record_cache *c, struct err *e)
{
    /* The hand gives each entry that was used since it last came by a second chance; the newest is
     * kept. */
    while (c->budget->used_bytes > c->budget->limit_bytes && c->count > 1) {
        struct cache_entry *n = c->slots[c->hand].entry;
        if (n == NULL || n == c->last || n->used) {
            if (n != NULL) {
                n->used = false;
            }
            c->hand = (c->hand + 1) & (c->slot_count - 1);
            continue;
        }
        enum err_code code = n->dirty ? record_cache_flush(c, e) : ERR_OK;
        if (code != ERR_OK) {
            return code;
        }
        cache_remove(c, c->hand);
    }
    return ERR_OK;
}

static bool cache_mark_dirty(struct record_cache *c, struct cache_entry *n)
{
    n->written = ++c->writes;
    if (n->dirty) {
        return true;
    }
    if (c->dirty_count == c->dirty_capacity) {
        size_t capacity = c->dirty_capacity == 0 ? CACHE_SLOTS_FIRST : c->dirty_capacity * 2;
        struct cache_dirty *larger = mem_realloc(c->dirty, capacity * sizeof *larger);
        if (larger == NULL) {
            return false;
        }
        c->dirty = larger;
        c->dirty_capacity = capacity;
    }
    c->dirty[c->dirty_count++].entry = n;
    n->dirty = true;
    return true;
}

enum err_code record_cache_put(struct record_cache *c, struct bytes key, struct bytes value,
                               const struct record_cache_origin *origin, struct err *e)
{
    struct cache_entry *n = cache_find(c, key);
    if (n == NULL) {
        n = cache_add(c, key, value.len);
    }
    if (n == NULL || !cache_set_value(c, n, value) || !cache_copy_headers(n, origin->headers) ||
        !cache_mark_dirty(c, n)) {
        return err_nomem(e, "record cache");
    }
    n->timestamp_ms = origin->timestamp_ms;
    n->offset = origin->offset;
    return cache_evict(c, e);
}

size_t record_cache_count(const struct record_cache *c)
{
    return c->count;
}
