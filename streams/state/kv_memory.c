/* A store in memory: for in-memory stores and for the test driver. */
#include <string.h>

#include "streams/state/kv.h"
#include "streams/state/uthash_config.h"

struct kv_memory_entry {
    UT_hash_handle hh;
    uint8_t *value;
    size_t value_len;
    size_t key_len;
    uint8_t key[];
};

struct kv_memory {
    struct kv kv;
    struct kv_memory_entry *entries;
    size_t refs;
};

/* NOLINTNEXTLINE(readability-function-size): uthash's macros nest deeper than this code does */
static struct kv_memory_entry *kv_memory_find(struct kv_memory *m, struct bytes key)
{
    struct kv_memory_entry *found = NULL;
    HASH_FIND(hh, m->entries, key.data, key.len, found);
    return found;
}

static enum err_code kv_memory_get(struct kv *kv, struct bytes key, struct buf *out,
                                   bool *out_found, struct err *e)
{
    const struct kv_memory_entry *found = kv_memory_find((struct kv_memory *)kv, key);
    buf_clear(out);
    if (found != NULL) {
        buf_append(out, found->value, found->value_len);
    }
    if (buf_failed(out)) {
        return buf_check(out, "store value", e);
    }
    *out_found = found != NULL;
    return ERR_OK;
}

static void kv_memory_remove(struct kv_memory *m, struct kv_memory_entry *entry)
{
    HASH_DEL(m->entries, entry);
    mem_free(entry->value);
    mem_free(entry);
}

/* NOLINTNEXTLINE(readability-function-size): uthash's macros nest deeper than this code does */
static enum err_code kv_memory_put(struct kv *kv, struct bytes key, struct bytes value,
                                   struct err *e)
{
    struct kv_memory *m = (struct kv_memory *)kv;
    struct kv_memory_entry *found = kv_memory_find(m, key);
    if (bytes_is_null(value)) {
        if (found != NULL) {
            kv_memory_remove(m, found);
        }
        return ERR_OK;
    }
    uint8_t *copy = mem_dup(value.data, value.len);
    if (copy == NULL) {
        return err_nomem(e, "store in memory");
    }
    if (found == NULL) {
        found = mem_calloc(1, sizeof *found + key.len);
        if (found == NULL) {
            mem_free(copy);
            return err_nomem(e, "store in memory");
        }
        found->key_len = key.len;
        memcpy(found->key, key.data, key.len);
        HASH_ADD_KEYPTR(hh, m->entries, found->key, found->key_len, found);
        if (found->hh.tbl == NULL) {
            mem_free(found);
            mem_free(copy);
            return err_nomem(e, "store in memory");
        }
    }
    mem_free(found->value);
    found->value = copy;
    found->value_len = value.len;
    return ERR_OK;
}

static bool kv_memory_is_below(const struct kv_memory_entry *entry, struct bytes key)
{
    size_t shared = entry->key_len < key.len ? entry->key_len : key.len;
    int order = memcmp(entry->key, key.data, shared);
    return order < 0 || (order == 0 && entry->key_len < key.len);
}

static enum err_code kv_memory_drop_below(struct kv *kv, struct bytes key, struct err *e)
{
    (void)e;
    struct kv_memory *m = (struct kv_memory *)kv;
    struct kv_memory_entry *entry = m->entries;
    while (entry != NULL) {
        struct kv_memory_entry *next = entry->hh.next;
        if (kv_memory_is_below(entry, key)) {
            kv_memory_remove(m, entry);
        }
        entry = next;
    }
    return ERR_OK;
}

static enum err_code kv_memory_apply(struct kv *kv, struct err *e)
{
    (void)kv;
    (void)e;
    return ERR_OK; /* nothing is put off */
}

static enum err_code kv_memory_sync(struct kv *kv, struct err *e)
{
    (void)kv;
    (void)e;
    return ERR_OK;
}

static void kv_memory_close(struct kv *kv)
{
    struct kv_memory *m = (struct kv_memory *)kv;
    if (--m->refs > 0) {
        return;
    }
    while (m->entries != NULL) {
        kv_memory_remove(m, m->entries);
    }
    mem_free(m);
}

struct kv *kv_memory_create(void)
{
    static const struct kv_ops ops = {kv_memory_get,   kv_memory_put,        kv_memory_put,
                                      kv_memory_apply, kv_memory_drop_below, kv_memory_sync,
                                      kv_memory_close};
    struct kv_memory *m = mem_calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    m->kv.ops = &ops;
    m->refs = 1;
    return &m->kv;
}

struct kv *kv_memory_ref(struct kv *kv)
{
    ((struct kv_memory *)kv)->refs++;
    return kv;
}
