#include "common/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Countdown of the fault injection; 0 = off. */
static _Atomic uint64_t
    mem_fail_countdown; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static bool mem_must_fail(void)
{
    uint64_t left = atomic_load_explicit(&mem_fail_countdown, memory_order_relaxed);
    if (__builtin_expect(left == 0, 1)) {
        return false;
    }
    return atomic_fetch_sub(&mem_fail_countdown, 1) == 1;
}

void *mem_alloc(size_t size)
{
    if (mem_must_fail()) {
        return NULL;
    }
    return malloc(size > 0 ? size : 1);
}

void *mem_calloc(size_t count, size_t size)
{
    if (mem_must_fail()) {
        return NULL;
    }
    if (count == 0 || size == 0) {
        return calloc(1, 1);
    }
    return calloc(count, size);
}

void *mem_realloc(void *ptr, size_t size)
{
    if (mem_must_fail()) {
        return NULL;
    }
    return realloc(ptr, size > 0 ? size : 1);
}

void mem_free(void *ptr)
{
    free(ptr);
}

char *mem_strdup(const char *text)
{
    return text != NULL ? mem_strndup(text, strlen(text)) : NULL;
}

char *mem_strndup(const char *text, size_t len)
{
    char *copy = mem_alloc(len + 1);
    if (copy != NULL) {
        if (len > 0) { /* an empty text may have no address */
            memcpy(copy, text, len);
        }
        copy[len] = '\0';
    }
    return copy;
}

void *mem_dup(const void *data, size_t len)
{
    void *copy = mem_alloc(len);
    if (copy != NULL && len > 0) {
        memcpy(copy, data, len);
    }
    return copy;
}

void mem_test_fail_at(uint64_t n)
{
    atomic_store(&mem_fail_countdown, n);
}
