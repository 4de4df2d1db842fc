#include "common/conf_value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct conf_unit {
    const char *name;
    int64_t factor;
};

static const struct conf_unit conf_durations[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                                  {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct conf_unit conf_sizes[] = {{"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824},
                                              {"kB", 1000},  {"MB", 1000000},  {"GB", 1000000000},
                                              {"B", 1},      {NULL, 0}};

static enum err_code conf_value_number(const struct conf_option *option, const char *text,
                                       const struct conf_unit *units, int64_t *out, struct err *e)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool valid = end != text && errno == 0 && !isspace((unsigned char)*text);
    int64_t factor = 1;
    if (valid && *end != '\0') {
        factor = 0;
        for (const struct conf_unit *u = units; u != NULL && u->name != NULL; u++) {
            factor = strcasecmp(end, u->name) == 0 ? u->factor : factor;
        }
    }
    int64_t number = 0;
    if (!valid || factor == 0 || __builtin_mul_overflow((int64_t)value, factor, &number)) {
        return err_set(e, ERR_INVALID, "%s: \"%s\" is not a %s", option->key, text,
                       units == NULL             ? "whole number"
                       : units == conf_durations ? "duration (for example 250ms, 10s, 5m, 1h)"
                                                 : "size (for example 64MiB, 512KiB, 1000000)");
    }
    if (number < option->min || number > option->max) {
        return err_set(e, ERR_INVALID, "%s: %s is out of range: %" PRId64 " to %" PRId64,
                       option->key, text, option->min, option->max);
    }
    *out = number;
    return ERR_OK;
}

static enum err_code conf_value_choice(const struct conf_option *option, const char *text,
                                       struct err *e)
{
    size_t len = strlen(text);
    for (const char *at = option->choices; *at != '\0';) {
        size_t n = strcspn(at, "|");
        if (n == len && strncmp(at, text, n) == 0) {
            return ERR_OK;
        }
        at += n + (at[n] == '|' ? 1 : 0);
    }
    return err_set(e, ERR_INVALID, "%s: \"%s\" is not one of %s", option->key, text,
                   option->choices);
}

enum err_code conf_value_parse(const struct conf_option *option, const char *text,
                               int64_t *out_number, struct err *e)
{
    switch (option->type) {
    case CONF_TEXT:
    case CONF_LIST:
        return ERR_OK;
    case CONF_BOOL:
        if (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0) {
            *out_number = strcasecmp(text, "true") == 0 ? 1 : 0;
            return ERR_OK;
        }
        return err_set(e, ERR_INVALID, "%s: \"%s\" is not true or false", option->key, text);
    case CONF_INT:
        return conf_value_number(option, text, NULL, out_number, e);
    case CONF_DURATION:
        return conf_value_number(option, text, conf_durations, out_number, e);
    case CONF_BYTES:
        return conf_value_number(option, text, conf_sizes, out_number, e);
    case CONF_CHOICE:
        return conf_value_choice(option, text, e);
    }
    return err_set(e, ERR_INTERNAL, "%s: unknown type", option->key);
}
