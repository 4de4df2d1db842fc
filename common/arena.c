#include "common/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"

#define ARENA_CHUNK_BYTES ((size_t)4096)
/* A chunk larger than this is not kept over a reset: one big request must not pin its memory for
 * ever. */
#define ARENA_KEEP_BYTES ((size_t)256 * 1024)

struct arena_chunk {
    struct arena_chunk *next;
    size_t capacity;
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *a, size_t limit_bytes)
{
    *a = (struct arena){.limit_bytes = limit_bytes};
}

static struct arena_chunk *arena_grow(struct arena *a, size_t size)
{
    size_t capacity = a->head != NULL ? a->head->capacity * 2 : ARENA_CHUNK_BYTES;
    if (capacity > ARENA_KEEP_BYTES) {
        capacity = ARENA_KEEP_BYTES;
    }
    if (capacity < size) {
        capacity = size;
    }
    struct arena_chunk *chunk = mem_alloc(sizeof *chunk + capacity);
    if (chunk == NULL) {
        return NULL;
    }
    *chunk = (struct arena_chunk){.next = a->head, .capacity = capacity};
    a->head = chunk;
    return chunk;
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (a->failed || size > a->limit_bytes - a->used_bytes) {
        a->failed = true;
        return NULL;
    }
    size_t rounded = (size + align - 1) / align * align;
    struct arena_chunk *chunk = a->head;
    if (chunk == NULL || rounded > chunk->capacity - chunk->used) {
        chunk = arena_grow(a, rounded);
        if (chunk == NULL) {
            a->failed = true;
            return NULL;
        }
    }
    void *p = chunk->data + chunk->used;
    chunk->used += rounded;
    a->used_bytes += size;
    memset(p, 0, size);
    return p;
}

void *arena_alloc_array(struct arena *a, size_t count, size_t size)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total)) {
        a->failed = true;
        return NULL;
    }
    return arena_alloc(a, total);
}

char *arena_strndup(struct arena *a, const char *text, size_t len)
{
    if (len == SIZE_MAX) {
        a->failed = true;
        return NULL;
    }
    char *copy = arena_alloc(a, len + 1);
    if (copy != NULL && len > 0) {
        memcpy(copy, text, len);
    }
    return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return arena_strndup(a, text, strlen(text));
}

void *arena_dup(struct arena *a, const void *data, size_t len)
{
    void *copy = arena_alloc(a, len);
    if (copy != NULL && len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

bool arena_failed(const struct arena *a)
{
    return a->failed;
}

static void arena_free_chunks(struct arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;
        mem_free(chunk);
        chunk = next;
    }
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *keep = a->head;
    if (keep != NULL && keep->capacity <= ARENA_KEEP_BYTES) {
        arena_free_chunks(keep->next);
        keep->next = NULL;
        keep->used = 0;
    } else {
        arena_free_chunks(keep);
        a->head = NULL;
    }
    a->used_bytes = 0;
    a->failed = false;
}

void arena_deinit(struct arena *a)
{
    arena_free_chunks(a->head);
    *a = (struct arena){.limit_bytes = a->limit_bytes};
}
