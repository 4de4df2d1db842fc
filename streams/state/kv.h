/*
 * Where a store's bytes lie: an ordered map of bytes, in memory or in RocksDB. One owner thread.
 */
#pragma once

#include <stdbool.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/err.h"

struct kv;

struct kv_ops {
    enum err_code (*get)(struct kv *kv, struct bytes key, struct buf *out, bool *out_found,
                         struct err *e);
    enum err_code (*put)(struct kv *kv, struct bytes key, struct bytes value, struct err *e);
    enum err_code (*put_later)(struct kv *kv, struct bytes key, struct bytes value, struct err *e);
    enum err_code (*apply)(struct kv *kv, struct err *e);
    enum err_code (*drop_below)(struct kv *kv, struct bytes key, struct err *e);
    enum err_code (*sync)(struct kv *kv, struct err *e);
    void (*close)(struct kv *kv);
};

struct kv {
    const struct kv_ops *ops;
};

/* Replaces the content of out; it stays empty when the key is not there. */
static inline enum err_code kv_get(struct kv *kv, struct bytes key, struct buf *out,
                                   bool *out_found, struct err *e)
{
    return kv->ops->get(kv, key, out, out_found, e);
}

/* A null value deletes. Seen by kv_get at once; durable after kv_sync. */
static inline enum err_code kv_put(struct kv *kv, struct bytes key, struct bytes value,
                                   struct err *e)
{
    return kv->ops->put(kv, key, value, e);
}

/* As kv_put, but only gathered: seen by the other functions, written at the latest by kv_apply. */
static inline enum err_code kv_put_later(struct kv *kv, struct bytes key, struct bytes value,
                                         struct err *e)
{
    return kv->ops->put_later(kv, key, value, e);
}

/* Writes what kv_put_later gathered. */
static inline enum err_code kv_apply(struct kv *kv, struct err *e)
{
    return kv->ops->apply(kv, e);
}

/* Forgets every key that sorts before this one. */
static inline enum err_code kv_drop_below(struct kv *kv, struct bytes key, struct err *e)
{
    return kv->ops->drop_below(kv, key, e);
}

static inline enum err_code kv_sync(struct kv *kv, struct err *e)
{
    return kv->ops->sync(kv, e);
}

/* NULL is fine. */
static inline void kv_close(struct kv *kv)
{
    if (kv != NULL) {
        kv->ops->close(kv);
    }
}

/* NULL when out of memory. */
struct kv *kv_memory_create(void);
/* One more owner: each closes once. */
struct kv *kv_memory_ref(struct kv *kv);
