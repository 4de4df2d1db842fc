#include "broker/storage/key_offsets.h"

#include <sys/mman.h>

#include "broker/storage/key_digest.h"

/* An open table gets slow when it is fuller. */
#define KEY_OFFSETS_LOAD_PERCENT 90
#define KEY_OFFSETS_CAPACITY_MIN ((size_t)64)

struct key_offsets_slot {
    uint64_t hash[2];
    int64_t next; /* offset + 1; 0 = free */
};

enum err_code key_offsets_init(struct key_offsets *k, uint64_t keys, size_t max_bytes,
                               struct err *e)
{
    *k = (struct key_offsets){0};
    size_t capacity = max_bytes / sizeof(struct key_offsets_slot);
    if (keys < capacity * KEY_OFFSETS_LOAD_PERCENT / 100) {
        capacity = (size_t)keys * 100 / KEY_OFFSETS_LOAD_PERCENT + 1;
    }
    capacity = capacity > KEY_OFFSETS_CAPACITY_MIN ? capacity : KEY_OFFSETS_CAPACITY_MIN;
    /* From the kernel and back to it: the heap would keep it for the rest of the process's life. */
    void *slots = mmap(NULL, capacity * sizeof *k->slots, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slots == MAP_FAILED) {
        return err_nomem(e, "table of keys");
    }
    k->slots = slots;
    k->capacity = capacity;
    k->digest = key_digest_create();
    if (k->digest == NULL) {
        key_offsets_deinit(k);
        return err_nomem(e, "table of keys");
    }
    k->max_count = capacity * KEY_OFFSETS_LOAD_PERCENT / 100;
    return ERR_OK;
}

void key_offsets_deinit(struct key_offsets *k)
{
    if (k->slots != NULL) {
        (void)munmap(k->slots, k->capacity * sizeof *k->slots);
    }
    key_digest_destroy(k->digest);
    *k = (struct key_offsets){0};
}

/* The slot of the key, or the free one where it belongs. */
static struct key_offsets_slot *key_offsets_find(const struct key_offsets *k, struct bytes key,
                                                 uint64_t out_hash[2])
{
    key_digest_compute(k->digest, key, out_hash);
    size_t at = (size_t)(out_hash[0] % k->capacity);
    while (k->slots[at].next != 0 &&
           (k->slots[at].hash[0] != out_hash[0] || k->slots[at].hash[1] != out_hash[1])) {
        at = at + 1 < k->capacity ? at + 1 : 0;
    }
    return &k->slots[at];
}

bool key_offsets_put(struct key_offsets *k, struct bytes key, int64_t offset)
{
    uint64_t hash[2];
    struct key_offsets_slot *slot = key_offsets_find(k, key, hash);
    if (slot->next == 0) {
        if (k->count == k->max_count) {
            return false;
        }
        k->count++;
        slot->hash[0] = hash[0];
        slot->hash[1] = hash[1];
    }
    if (offset >= slot->next) {
        slot->next = offset + 1;
    }
    return true;
}

int64_t key_offsets_get(const struct key_offsets *k, struct bytes key)
{
    uint64_t hash[2];
    return key_offsets_find(k, key, hash)->next - 1;
}
