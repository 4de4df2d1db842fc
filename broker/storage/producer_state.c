#include "broker/storage/producer_state.h"

#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "common/reader.h"
#include "protocol/crc32c.h"
#include "protocol/record_batch.h"

/* uthash takes its memory from us, and reports instead of exiting. */
#define uthash_malloc(size) mem_alloc(size)          /* NOLINT(readability-identifier-naming) */
#define uthash_free(pointer, size) mem_free(pointer) /* NOLINT(readability-identifier-naming) */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

/* 1 is Kafka's, which keeps one batch per producer: see docs/on-disk-format.md. */
#define PRODUCER_STATE_VERSION 2
#define PRODUCER_STATE_CRC_AT 2
#define PRODUCER_STATE_BODY_AT 6

struct producer {
    int64_t id;
    int64_t last_timestamp;
    int64_t txn_first_offset; /* -1 = none open */
    int32_t coordinator_epoch;
    int16_t epoch; /* -1 = prepared, nothing seen */
    size_t batch_count;
    struct producer_batch batches[PRODUCER_STATE_WINDOW]; /* oldest first */
    struct producer *prev;
    struct producer *next;
    UT_hash_handle hh;
};

void producer_state_init(struct producer_state *s, size_t max_count)
{
    *s = (struct producer_state){.max_count = max_count};
}

static void producer_state_remove(struct producer_state *s, struct producer *p)
{
    if (p->txn_first_offset >= 0) {
        s->open_txn_count--;
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a table that holds p has a head */
    HASH_DEL(s->by_id, p);
    DL_DELETE(s->idle_first, p);
    s->count--;
    mem_free(p);
}

void producer_state_deinit(struct producer_state *s)
{
    while (s->idle_first != NULL) {
        producer_state_remove(s, s->idle_first);
    }
}

/* NOLINTNEXTLINE(readability-function-size): the table's macros */
static struct producer *producer_state_find(const struct producer_state *s, int64_t id)
{
    struct producer *p = NULL;
    HASH_FIND(hh, s->by_id, &id, sizeof id, p);
    return p;
}

static const struct producer_batch *producer_find_batch(const struct producer *p,
                                                        const struct batch_header *h)
{
    int32_t last = batch_header_last_sequence(h);
    for (size_t i = 0; i < p->batch_count; i++) {
        if (p->batches[i].first_sequence == h->base_sequence &&
            p->batches[i].last_sequence == last) {
            return &p->batches[i];
        }
    }
    return NULL;
}

enum producer_verdict producer_state_check(const struct producer_state *s,
                                           const struct batch_header *h,
                                           struct producer_batch *out_first)
{
    const struct producer *p = producer_state_find(s, h->producer_id);
    if (p == NULL || p->epoch < 0) {
        /* First seen, or expired: any sequence may be the first here. */
        return PRODUCER_APPEND;
    }
    if (h->producer_epoch < p->epoch) {
        return PRODUCER_FENCED;
    }
    if (h->producer_epoch > p->epoch) {
        return h->base_sequence == 0 ? PRODUCER_APPEND : PRODUCER_OUT_OF_ORDER;
    }
    const struct producer_batch *first = producer_find_batch(p, h);
    if (first != NULL) {
        *out_first = *first;
        return PRODUCER_DUPLICATE;
    }
    int32_t last = p->batch_count > 0 ? p->batches[p->batch_count - 1].last_sequence : -1;
    int32_t expected = last == INT32_MAX ? 0 : last + 1;
    if (h->base_sequence != expected) {
        return PRODUCER_OUT_OF_ORDER;
    }
    if (p->txn_first_offset >= 0 && (h->attributes & RECORD_BATCH_ATTR_TRANSACTIONAL) == 0) {
        return PRODUCER_NOT_IN_TXN;
    }
    return PRODUCER_APPEND;
}

/* The longest idle one without a transaction, if there is one, makes room. */
static void producer_state_evict(struct producer_state *s)
{
    struct producer *p = NULL;
    DL_FOREACH(s->idle_first, p)
    {
        if (p->txn_first_offset < 0) {
            producer_state_remove(s, p);
            return;
        }
    }
}

/* NOLINTNEXTLINE(readability-function-size): the table's macros */
enum err_code producer_state_prepare(struct producer_state *s, int64_t producer_id, struct err *e)
{
    if (producer_state_find(s, producer_id) != NULL) {
        return ERR_OK;
    }
    if (s->count >= s->max_count) {
        producer_state_evict(s);
    }
    struct producer *p = mem_calloc(1, sizeof *p);
    if (p == NULL) {
        return err_nomem(e, "producer state");
    }
    p->id = producer_id;
    p->epoch = -1;
    p->coordinator_epoch = -1;
    p->txn_first_offset = -1;
    p->last_timestamp = -1;
    HASH_ADD(hh, s->by_id, id, sizeof p->id, p);
    if (p->hh.tbl == NULL) {
        mem_free(p);
        return err_nomem(e, "producer state");
    }
    DL_APPEND(s->idle_first, p);
    s->count++;
    return ERR_OK;
}

static void producer_push_batch(struct producer *p, const struct batch_header *h)
{
    if (p->batch_count == PRODUCER_STATE_WINDOW) {
        memmove(p->batches, p->batches + 1, (PRODUCER_STATE_WINDOW - 1) * sizeof p->batches[0]);
        p->batch_count--;
    }
    p->batches[p->batch_count++] = (struct producer_batch){
        .last_offset = h->last_offset,
        .timestamp = h->max_timestamp,
        .first_sequence = h->base_sequence,
        .last_sequence = batch_header_last_sequence(h),
        .offset_delta = h->last_offset_delta,
    };
}

static void producer_set_txn(struct producer_state *s, struct producer *p, int64_t first_offset)
{
    if ((p->txn_first_offset < 0) != (first_offset < 0)) {
        if (first_offset < 0) {
            s->open_txn_count--;
        } else {
            s->open_txn_count++;
        }
        p->txn_first_offset = first_offset;
    }
}

void producer_state_update(struct producer_state *s, const struct batch_header *h)
{
    struct producer *p = producer_state_find(s, h->producer_id);
    CHECK(p != NULL);
    if (h->producer_epoch != p->epoch) {
        p->epoch = h->producer_epoch;
        p->batch_count = 0;
    }
    if (h->max_timestamp > p->last_timestamp) {
        p->last_timestamp = h->max_timestamp;
    }
    if ((h->attributes & RECORD_BATCH_ATTR_CONTROL) != 0) {
        producer_set_txn(s, p, -1);
    } else {
        producer_push_batch(p, h);
        if ((h->attributes & RECORD_BATCH_ATTR_TRANSACTIONAL) != 0) {
            producer_set_txn(s, p, h->base_offset);
        }
    }
    DL_DELETE(s->idle_first, p);
    DL_APPEND(s->idle_first, p);
}

bool producer_state_is_last(const struct producer_state *s, int64_t producer_id,
                            int64_t last_offset)
{
    const struct producer *p = producer_state_find(s, producer_id);
    return p != NULL && p->batch_count > 0 &&
           p->batches[p->batch_count - 1].last_offset == last_offset;
}

int64_t producer_state_first_unstable(const struct producer_state *s)
{
    int64_t first = INT64_MAX;
    size_t left = s->open_txn_count;
    for (const struct producer *p = s->idle_first; p != NULL && left > 0; p = p->next) {
        if (p->txn_first_offset >= 0) {
            left--;
            if (p->txn_first_offset < first) {
                first = p->txn_first_offset;
            }
        }
    }
    return first;
}

void producer_state_expire(struct producer_state *s, int64_t before_ms)
{
    struct producer *p = NULL;
    struct producer *next = NULL;
    DL_FOREACH_SAFE(s->idle_first, p, next)
    {
        if (p->txn_first_offset < 0 && p->last_timestamp < before_ms) {
            producer_state_remove(s, p);
        }
    }
}

size_t producer_state_list(const struct producer_state *s, struct partition_producer *out_producers,
                           size_t capacity)
{
    size_t n = 0;
    for (const struct producer *p = s->idle_first; p != NULL && n < capacity; p = p->next) {
        out_producers[n++] = (struct partition_producer){
            .producer_id = p->id,
            .last_timestamp = p->last_timestamp,
            .txn_start_offset = p->txn_first_offset,
            .last_sequence = p->batch_count > 0 ? p->batches[p->batch_count - 1].last_sequence : -1,
            .coordinator_epoch = p->coordinator_epoch,
            .epoch = p->epoch,
        };
    }
    return s->count;
}

static uint32_t producer_state_crc(struct bytes body)
{
    return crc32c(0, body.data, body.len);
}

static void producer_encode(const struct producer *p, struct buf *out)
{
    buf_append_be64(out, (uint64_t)p->id);
    buf_append_be16(out, (uint16_t)p->epoch);
    buf_append_be32(out, (uint32_t)p->coordinator_epoch);
    buf_append_be64(out, (uint64_t)p->txn_first_offset);
    buf_append_be64(out, (uint64_t)p->last_timestamp);
    buf_append_u8(out, (uint8_t)p->batch_count);
    for (size_t i = 0; i < p->batch_count; i++) {
        const struct producer_batch *b = &p->batches[i];
        buf_append_be32(out, (uint32_t)b->first_sequence);
        buf_append_be32(out, (uint32_t)b->last_sequence);
        buf_append_be64(out, (uint64_t)b->last_offset);
        buf_append_be32(out, (uint32_t)b->offset_delta);
        buf_append_be64(out, (uint64_t)b->timestamp);
    }
}

void producer_state_encode(const struct producer_state *s, struct buf *out)
{
    size_t start = out->len;
    buf_append_be16(out, PRODUCER_STATE_VERSION);
    buf_append_be32(out, 0);
    buf_append_be32(out, (uint32_t)s->count);
    for (const struct producer *p = s->idle_first; p != NULL; p = p->next) {
        producer_encode(p, out);
    }
    if (!buf_failed(out)) {
        struct bytes body = bytes_of(out->data + start + PRODUCER_STATE_BODY_AT,
                                     out->len - start - PRODUCER_STATE_BODY_AT);
        buf_put_be32(out, start + PRODUCER_STATE_CRC_AT, producer_state_crc(body));
    }
}

static void producer_decode_batches(struct producer *p, struct reader *r)
{
    size_t count = reader_u8(r);
    if (count > PRODUCER_STATE_WINDOW) {
        reader_fail(r);
        return;
    }
    p->batch_count = count;
    for (size_t i = 0; i < count; i++) {
        struct producer_batch *b = &p->batches[i];
        b->first_sequence = (int32_t)reader_be32(r);
        b->last_sequence = (int32_t)reader_be32(r);
        b->last_offset = (int64_t)reader_be64(r);
        b->offset_delta = (int32_t)reader_be32(r);
        b->timestamp = (int64_t)reader_be64(r);
    }
}

static enum err_code producer_state_decode_one(struct producer_state *s, struct reader *r,
                                               struct err *e)
{
    int64_t id = (int64_t)reader_be64(r);
    if (reader_failed(r) || producer_state_find(s, id) != NULL) {
        reader_fail(r);
        return ERR_OK;
    }
    enum err_code code = producer_state_prepare(s, id, e);
    if (code != ERR_OK) {
        return code;
    }
    struct producer *p = s->idle_first->prev; /* the tail, just added */
    CHECK(p->id == id);
    p->epoch = (int16_t)reader_be16(r);
    p->coordinator_epoch = (int32_t)reader_be32(r);
    int64_t txn_first_offset = (int64_t)reader_be64(r);
    p->last_timestamp = (int64_t)reader_be64(r);
    producer_decode_batches(p, r);
    producer_set_txn(s, p, txn_first_offset);
    return ERR_OK;
}

enum err_code producer_state_decode(struct producer_state *s, struct bytes data, struct err *e)
{
    CHECK(s->count == 0);
    struct reader r;
    reader_init(&r, data);
    uint16_t version = reader_be16(&r);
    uint32_t crc = reader_be32(&r);
    if (reader_failed(&r) || version != PRODUCER_STATE_VERSION ||
        crc != producer_state_crc(bytes_of(r.at, reader_left(&r)))) {
        return err_set(e, ERR_CORRUPT, "producer snapshot: bad version or checksum");
    }
    uint32_t count = reader_be32(&r);
    for (uint32_t i = 0; i < count && !reader_failed(&r); i++) {
        enum err_code code = producer_state_decode_one(s, &r, e);
        if (code != ERR_OK) {
            producer_state_deinit(s);
            return code;
        }
    }
    if (reader_failed(&r) || reader_left(&r) > 0) {
        producer_state_deinit(s);
        return err_set(e, ERR_CORRUPT, "producer snapshot: malformed");
    }
    return ERR_OK;
}
