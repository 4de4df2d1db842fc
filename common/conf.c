#include "common/conf.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/conf_value.h"
#include "common/mem.h"

struct conf_slot {
    char *text; /* NULL = unset */
    int64_t number;
};

struct conf {
    const struct conf_option *options;
    size_t count;
    struct conf_slot *slots; /* by row */
};

struct conf *conf_create(const struct conf_option *options, size_t count)
{
    struct conf *c = mem_calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    *c = (struct conf){options, count, mem_calloc(count, sizeof *c->slots)};
    struct err e;
    for (size_t i = 0; c->slots != NULL && i < count; i++) {
        const struct conf_option *o = &options[i];
        if (o->fallback == NULL) {
            continue;
        }
        enum err_code code = conf_set(c, o->key, o->fallback, "default", &e);
        CHECK(code == ERR_OK || code == ERR_NOMEM); /* a bad default is our bug */
        if (code != ERR_OK) {
            conf_destroy(c);
            return NULL;
        }
    }
    if (c->slots == NULL) {
        mem_free(c);
        return NULL;
    }
    return c;
}

void conf_destroy(struct conf *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->count; i++) {
        mem_free(c->slots[i].text);
    }
    mem_free(c->slots);
    mem_free(c);
}

static struct conf_slot *conf_slot(const struct conf *c, const char *key,
                                   const struct conf_option **out_option)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->options[i].key, key) == 0) {
            *out_option = &c->options[i];
            return &c->slots[i];
        }
    }
    return NULL;
}

enum err_code conf_set(struct conf *c, const char *key, const char *text, const char *source,
                       struct err *e)
{
    const struct conf_option *option = NULL;
    struct conf_slot *slot = conf_slot(c, key, &option);
    if (slot == NULL) {
        return err_set(e, ERR_NOT_FOUND, "%s: unknown setting \"%s\"", source, key);
    }
    int64_t number = 0;
    if (conf_value_parse(option, text, &number, e) != ERR_OK) {
        return err_wrap(e, "%s", source);
    }
    char *copy = mem_strdup(text);
    if (copy == NULL) {
        return err_nomem(e, source);
    }
    mem_free(slot->text);
    *slot = (struct conf_slot){copy, number};
    return ERR_OK;
}

/* "kafka.port" -> "KAFKA_PORT" behind the prefix. */
static void conf_variable_name(const char *key, char *out, size_t size)
{
    int n = snprintf(out, size, "WEIR_%s", key);
    CHECK(n > 0 && (size_t)n < size);
    for (char *p = out; *p != '\0'; p++) {
        *p = *p == '.' || *p == '-' ? '_' : (char)toupper((unsigned char)*p);
    }
}

const char *conf_environment(const char *name)
{
    return getenv(name); /* NOLINT(concurrency-mt-unsafe): nothing here writes the environment */
}

enum err_code conf_load_environment(struct conf *c, struct err *e)
{
    for (size_t i = 0; i < c->count; i++) {
        char name[128];
        conf_variable_name(c->options[i].key, name, sizeof name);
        const char *value = conf_environment(name);
        if (value != NULL && conf_set(c, c->options[i].key, value, name, e) != ERR_OK) {
            return e != NULL ? e->code : ERR_INVALID;
        }
    }
    return ERR_OK;
}

const struct conf_option *conf_find_flag(const struct conf *c, const char *flag)
{
    for (size_t i = 0; i < c->count; i++) {
        const char *key = c->options[i].key;
        size_t at = 0;
        while (key[at] != '\0' && (flag[at] == key[at] || (flag[at] == '-' && key[at] == '.'))) {
            at++;
        }
        if (key[at] == '\0' && flag[at] == '\0') {
            return &c->options[i];
        }
    }
    return NULL;
}

static const struct conf_slot *conf_read(const struct conf *c, const char *key,
                                         const struct conf_option **out_option)
{
    const struct conf_slot *slot = conf_slot(c, key, out_option);
    CHECK(slot != NULL);
    return slot;
}

const char *conf_text(const struct conf *c, const char *key)
{
    const struct conf_option *option = NULL;
    return conf_read(c, key, &option)->text;
}

bool conf_bool(const struct conf *c, const char *key)
{
    const struct conf_option *option = NULL;
    const struct conf_slot *slot = conf_read(c, key, &option);
    CHECK(option->type == CONF_BOOL);
    return slot->number != 0;
}

int64_t conf_int(const struct conf *c, const char *key)
{
    const struct conf_option *option = NULL;
    const struct conf_slot *slot = conf_read(c, key, &option);
    CHECK(option->type == CONF_INT || option->type == CONF_DURATION || option->type == CONF_BYTES);
    return slot->number;
}

bool conf_is_set(const struct conf *c, const char *key)
{
    return conf_text(c, key) != NULL;
}

bool conf_list_next(const struct conf *c, const char *key, const char **cursor,
                    struct bytes *out_item)
{
    if (*cursor == NULL) {
        *cursor = conf_text(c, key);
    }
    const char *at = *cursor;
    while (at != NULL && (*at == ',' || *at == ' ')) {
        at++;
    }
    if (at == NULL || *at == '\0') {
        return false;
    }
    size_t len = strcspn(at, ",");
    *cursor = at + len;
    while (len > 0 && at[len - 1] == ' ') {
        len--;
    }
    *out_item = bytes_of(at, len);
    return true;
}
