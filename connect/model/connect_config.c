#include "connect/include/connect_config.h"

#include <ctype.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/include/connect_error.h"

#define TASKS_MAX ((size_t)1024)
#define LIST_ITEMS_MAX ((size_t)100000)

void connect_config_init(struct connect_config *c)
{
    *c = (struct connect_config){0};
}

void connect_config_deinit(struct connect_config *c)
{
    for (size_t i = 0; i < c->count; i++) {
        mem_free(c->entries[i].key);
        mem_free(c->entries[i].value);
    }
    mem_free(c->entries);
    *c = (struct connect_config){0};
}

static struct connect_config_entry *find(const struct connect_config *c, const char *key)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->entries[i].key, key) == 0) {
            return &c->entries[i];
        }
    }
    return NULL;
}

static enum err_code append(struct connect_config *c, const char *key, char *take_value,
                            struct err *e)
{
    if (c->count == CONNECT_CONFIG_MAX) {
        mem_free(take_value);
        return err_set(e, ERR_LIMIT, "a config has at most %d keys", CONNECT_CONFIG_MAX);
    }
    if (c->count == c->capacity) {
        size_t capacity = c->capacity == 0 ? 16 : c->capacity * 2;
        void *bigger = mem_realloc(c->entries, capacity * sizeof *c->entries);
        if (bigger == NULL) {
            mem_free(take_value);
            return err_nomem(e, "grow config");
        }
        c->entries = bigger;
        c->capacity = capacity;
    }
    char *own_key = mem_strdup(key);
    if (own_key == NULL) {
        mem_free(take_value);
        return err_nomem(e, "grow config");
    }
    c->entries[c->count++] = (struct connect_config_entry){own_key, take_value};
    return ERR_OK;
}

enum err_code connect_config_set(struct connect_config *c, const char *key, const char *value,
                                 struct err *e)
{
    char *own_value = mem_strdup(value);
    if (value != NULL && own_value == NULL) {
        return err_nomem(e, "set config key");
    }
    struct connect_config_entry *entry = find(c, key);
    if (entry == NULL) {
        return append(c, key, own_value, e);
    }
    mem_free(entry->value);
    entry->value = own_value;
    return ERR_OK;
}

void connect_config_remove(struct connect_config *c, const char *key)
{
    struct connect_config_entry *entry = find(c, key);
    if (entry == NULL) {
        return;
    }
    mem_free(entry->key);
    mem_free(entry->value);
    size_t behind = c->count - 1 - (size_t)(entry - c->entries);
    memmove(entry, entry + 1, behind * sizeof *entry);
    c->count--;
}

const char *connect_config_get(const struct connect_config *c, const char *key)
{
    const struct connect_config_entry *entry = find(c, key);
    return entry != NULL ? entry->value : NULL;
}

bool connect_config_has(const struct connect_config *c, const char *key)
{
    return find(c, key) != NULL;
}

enum err_code connect_config_merge(struct connect_config *to, const struct connect_config *from,
                                   struct err *e)
{
    return connect_config_merge_prefix(to, from, "", e);
}

enum err_code connect_config_merge_prefix(struct connect_config *to,
                                          const struct connect_config *from, const char *prefix,
                                          struct err *e)
{
    size_t prefix_len = strlen(prefix);
    for (size_t i = 0; i < from->count; i++) {
        const char *key = from->entries[i].key;
        if (strncmp(key, prefix, prefix_len) != 0 || key[prefix_len] == '\0') {
            continue;
        }
        enum err_code code = connect_config_set(to, key + prefix_len, from->entries[i].value, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

bool connect_config_equal(const struct connect_config *a, const struct connect_config *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct connect_config_entry *other = find(b, a->entries[i].key);
        const char *value = a->entries[i].value;
        if (other == NULL || (value == NULL) != (other->value == NULL) ||
            (value != NULL && strcmp(value, other->value) != 0)) {
            return false;
        }
    }
    return true;
}

const struct connect_config_key *connect_config_find_key(const struct connect_config_key *keys,
                                                         size_t key_count, const char *name)
{
    for (size_t i = 0; i < key_count; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

static enum err_code list_add(struct connect_config_list *list, const char *text, size_t len,
                              struct err *e)
{
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        len--;
    }
    while (len > 0 && isspace((unsigned char)*text)) {
        text++;
        len--;
    }
    if (list->count == LIST_ITEMS_MAX) {
        return err_set(e, ERR_LIMIT, "a list has at most %zu items", LIST_ITEMS_MAX);
    }
    /* Grows by doubling at powers of two. */
    if ((list->count & (list->count - 1)) == 0) {
        size_t capacity = list->count == 0 ? 1 : list->count * 2;
        char **bigger = mem_realloc(list->items, capacity * sizeof(char *));
        if (bigger == NULL) {
            return err_nomem(e, "parse list");
        }
        list->items = bigger;
    }
    list->items[list->count] = mem_strndup(text, len);
    if (list->items[list->count] == NULL) {
        return err_nomem(e, "parse list");
    }
    list->count++;
    return ERR_OK;
}

enum err_code connect_config_parse_list(const char *text, struct connect_config_list *out_list,
                                        struct err *e)
{
    struct connect_config_list list = {0};
    const char *at = text != NULL ? text : "";
    while (isspace((unsigned char)*at)) {
        at++;
    }
    while (*at != '\0') {
        size_t len = strcspn(at, ",");
        enum err_code code = list_add(&list, at, len, e);
        if (code != ERR_OK) {
            connect_config_list_deinit(&list);
            return code;
        }
        at += len;
        if (*at == ',' && *++at == '\0') {
            break;
        }
    }
    *out_list = list;
    return ERR_OK;
}

void connect_config_list_deinit(struct connect_config_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i]);
    }
    mem_free(list->items);
    *list = (struct connect_config_list){0};
}

void connect_config_set_init(struct connect_config_set *s)
{
    *s = (struct connect_config_set){0};
}

void connect_config_set_deinit(struct connect_config_set *s)
{
    for (size_t i = 0; i < s->count; i++) {
        connect_config_deinit(&s->configs[i]);
    }
    mem_free(s->configs);
    *s = (struct connect_config_set){0};
}

struct connect_config *connect_config_set_add(struct connect_config_set *s)
{
    if (s->count == s->capacity) {
        size_t capacity = s->capacity == 0 ? 4 : s->capacity * 2;
        void *bigger =
            capacity <= TASKS_MAX ? mem_realloc(s->configs, capacity * sizeof *s->configs) : NULL;
        if (bigger == NULL) {
            return NULL;
        }
        s->configs = bigger;
        s->capacity = capacity;
    }
    struct connect_config *c = &s->configs[s->count++];
    connect_config_init(c);
    return c;
}
