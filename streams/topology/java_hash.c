#include "streams/topology/java_hash.h"

#include <stdint.h>

#define JAVA_HASH_BUCKETS_MIN ((size_t)16)

/* String.hashCode with HashMap's spreading; for ASCII, where a byte is a char. */
static uint32_t java_hash_of(const char *text)
{
    uint32_t h = 0;
    for (const char *c = text; *c != '\0'; c++) {
        h = 31 * h + (unsigned char)*c;
    }
    return h ^ h >> 16;
}

/* A power of two, kept below three quarters full. */
static size_t java_hash_buckets(size_t count, bool copied)
{
    size_t wanted = copied ? count * 4 / 3 + 1 : 0;
    size_t buckets = JAVA_HASH_BUCKETS_MIN;
    while (buckets < wanted || count > buckets / 4 * 3) {
        buckets *= 2;
    }
    return buckets;
}

void java_hash_order(const char *const *keys, size_t count, bool copied, size_t *out_order)
{
    size_t mask = java_hash_buckets(count, copied) - 1;
    /* By bucket; within one in the order of putting. */
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        size_t bucket = java_hash_of(keys[i]) & mask;
        while (at > 0 && (java_hash_of(keys[out_order[at - 1]]) & mask) > bucket) {
            out_order[at] = out_order[at - 1];
            at--;
        }
        out_order[at] = i;
    }
}
