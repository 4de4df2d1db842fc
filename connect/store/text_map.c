#include "connect/store/text_map.h"

#include <string.h>

#include "common/check.h"
#include "common/mem.h"

void text_map_init(struct text_map *m, size_t limit)
{
    *m = (struct text_map){.limit = limit};
}

void text_map_deinit(struct text_map *m)
{
    for (size_t i = 0; i < m->count; i++) {
        mem_free(m->entries[i].key);
    }
    mem_free(m->entries);
    *m = (struct text_map){0};
}

size_t text_map_find(const struct text_map *m, const char *key)
{
    size_t low = 0;
    size_t high = m->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(m->entries[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct text_map *m, size_t at, const char *key)
{
    return at < m->count && strcmp(m->entries[at].key, key) == 0;
}

void *text_map_get(const struct text_map *m, const char *key)
{
    size_t at = text_map_find(m, key);
    return is_at(m, at, key) ? m->entries[at].value : NULL;
}

enum err_code text_map_put(struct text_map *m, const char *key, void *value, struct err *e)
{
    CHECK(value != NULL);
    size_t at = text_map_find(m, key);
    if (is_at(m, at, key)) {
        m->entries[at].value = value;
        return ERR_OK;
    }
    if (m->count == m->limit) {
        return err_set(e, ERR_LIMIT, "more than %zu entries", m->limit);
    }
    if (m->count == m->capacity) {
        size_t capacity = m->capacity == 0 ? 16 : m->capacity * 2;
        void *bigger = mem_realloc(m->entries, capacity * sizeof *m->entries);
        if (bigger == NULL) {
            return err_nomem(e, "grow map");
        }
        m->entries = bigger;
        m->capacity = capacity;
    }
    char *own_key = mem_strdup(key);
    if (own_key == NULL) {
        return err_nomem(e, "grow map");
    }
    memmove(&m->entries[at + 1], &m->entries[at], (m->count - at) * sizeof *m->entries);
    m->entries[at] = (struct text_map_entry){own_key, value};
    m->count++;
    return ERR_OK;
}

void *text_map_remove(struct text_map *m, const char *key)
{
    size_t at = text_map_find(m, key);
    if (!is_at(m, at, key)) {
        return NULL;
    }
    void *value = m->entries[at].value;
    mem_free(m->entries[at].key);
    m->count--;
    memmove(&m->entries[at], &m->entries[at + 1], (m->count - at) * sizeof *m->entries);
    return value;
}
