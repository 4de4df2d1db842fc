/* Texts to pointers, in byte order of the texts. Owns the keys, not the values. One owner. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct text_map_entry {
    char *key;
    void *value;
};

struct text_map {
    struct text_map_entry *entries; /* sorted */
    size_t count;
    size_t capacity;
    size_t limit;
};

/* limit: most entries. */
void text_map_init(struct text_map *m, size_t limit);
/* The caller has freed the values. */
void text_map_deinit(struct text_map *m);
/* NULL when absent. */
void *text_map_get(const struct text_map *m, const char *key);
/* Replaces a value that is there; the caller has freed it. */
enum err_code text_map_put(struct text_map *m, const char *key, void *value, struct err *e);
/* Gives the value back; NULL when absent. */
void *text_map_remove(struct text_map *m, const char *key);
/* Index of the first key that is not less. */
size_t text_map_find(const struct text_map *m, const char *key);
