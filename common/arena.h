/*
 * Bump allocation with a ceiling, freed all at once: one request, one arena. Failure is sticky:
 * after the first allocation that does not fit (or that the heap refuses) every further one returns
 * NULL, so a decoder may run on and ask arena_failed() once at the end. Not thread-safe: one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *head; /* newest first */
    size_t used_bytes;        /* handed out since the last reset */
    size_t limit_bytes;
    bool failed;
};

/* limit_bytes bounds the sum of what is handed out between two resets. Nothing is allocated yet. */
void arena_init(struct arena *a, size_t limit_bytes);
/* Aligned for any type, zeroed. NULL when failed. */
void *arena_alloc(struct arena *a, size_t size);
/* Overflow-checked count * size. */
void *arena_alloc_array(struct arena *a, size_t count, size_t size);
/* NUL-terminated copy. */
char *arena_strndup(struct arena *a, const char *text, size_t len);
char *arena_strdup(struct arena *a, const char *text);
void *arena_dup(struct arena *a, const void *data, size_t len);
bool arena_failed(const struct arena *a);
/* Forgets everything handed out, keeps one chunk for reuse, clears the failure. */
void arena_reset(struct arena *a);
/* Frees all. The arena may be initialised again. */
void arena_deinit(struct arena *a);
