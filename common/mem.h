/*
 * The only door to the heap. Failure is an error value, never an abort; every size that a peer
 * chose is bounded by the caller before it gets here. Tests make the n-th allocation fail
 * (mem_test_fail_at) and expect a clean error. All functions may be called from any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* NULL when memory is short. A size of 0 gives a valid pointer. The caller frees with mem_free. */
void *mem_alloc(size_t size) __attribute__((malloc, warn_unused_result));
/* Zeroed; fails when count * size overflows. */
void *mem_calloc(size_t count, size_t size) __attribute__((malloc, warn_unused_result));
/* On failure the old block stays valid and owned by the caller. */
void *mem_realloc(void *ptr, size_t size) __attribute__((warn_unused_result));
/* NULL is fine. */
void mem_free(void *ptr);

/* A copy of a NUL-terminated text; NULL in gives NULL out. */
char *mem_strdup(const char *text) __attribute__((warn_unused_result));
/* A NUL-terminated copy of len bytes. */
char *mem_strndup(const char *text, size_t len) __attribute__((warn_unused_result));
/* A copy of len bytes. */
void *mem_dup(const void *data, size_t len) __attribute__((warn_unused_result));

/* Test only: the n-th allocation from now (1 = next) fails, once; 0 switches it off. Process-wide.
 */
void mem_test_fail_at(uint64_t n);
