/* ConfigDef's checks and typed reading. The texts are those of the originals: clients show them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/check.h"
#include "connect/include/connect_config.h"
#include "connect/include/connect_error.h"

enum err_code connect_config_invalid(struct err *e, const char *name, const char *value,
                                     const char *reason)
{
    return err_set(e, ERR_INVALID, "Invalid value %s for configuration %s: %s", value, name,
                   reason);
}

static const char *type_word(enum connect_config_type type)
{
    static const char *const words[] = {"BOOLEAN", "STRING", "INT",   "SHORT",   "LONG",
                                        "DOUBLE",  "LIST",   "CLASS", "PASSWORD"};
    return words[type];
}

static bool is_integer(enum connect_config_type type)
{
    return type == CONNECT_CONFIG_INT || type == CONNECT_CONFIG_SHORT ||
           type == CONNECT_CONFIG_LONG;
}

/* The text without the white space around it: every type but STRING and PASSWORD is trimmed. */
static struct bytes trimmed(const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL) {
        len--;
    }
    while (len > 0 && strchr(" \t\r\n", *text) != NULL) {
        text++;
        len--;
    }
    return bytes_of(text, len);
}

static bool parse_integer(const char *text, enum connect_config_type type, int64_t *out)
{
    struct bytes t = trimmed(text);
    char digits[32];
    if (t.len == 0 || t.len >= sizeof digits) {
        return false;
    }
    memcpy(digits, t.data, t.len);
    digits[t.len] = '\0';
    char *end = NULL;
    errno = 0;
    long long v = strtoll(digits, &end, 10);
    if (errno != 0 || *end != '\0' || strchr("+-0123456789", digits[0]) == NULL) {
        return false;
    }
    int64_t max = type == CONNECT_CONFIG_INT     ? INT32_MAX
                  : type == CONNECT_CONFIG_SHORT ? INT16_MAX
                                                 : INT64_MAX;
    if (v > max || v < -max - 1) {
        return false;
    }
    *out = v;
    return true;
}

static bool parse_double(const char *text, double *out)
{
    char *end = NULL;
    struct bytes t = trimmed(text);
    char digits[64];
    if (t.len == 0 || t.len >= sizeof digits) {
        return false;
    }
    memcpy(digits, t.data, t.len);
    digits[t.len] = '\0';
    *out = strtod(digits, &end);
    return *end == '\0';
}

static bool parse_boolean(const char *text, bool *out)
{
    struct bytes t = trimmed(text);
    bool yes = t.len == 4 && strncasecmp((const char *)t.data, "true", 4) == 0;
    bool no = t.len == 5 && strncasecmp((const char *)t.data, "false", 5) == 0;
    if (yes || no) {
        *out = yes;
    }
    return yes || no;
}

/* ERR_INVALID when the text is not of the key's type. */
static enum err_code check_type(const struct connect_config_key *key, const char *value,
                                struct err *e)
{
    int64_t integer = 0;
    double real = 0;
    bool boolean = false;
    if (is_integer(key->type) && !parse_integer(value, key->type, &integer)) {
        char reason[64];
        (void)snprintf(reason, sizeof reason, "Not a number of type %s", type_word(key->type));
        return connect_config_invalid(e, key->name, value, reason);
    }
    if (key->type == CONNECT_CONFIG_DOUBLE && !parse_double(value, &real)) {
        return connect_config_invalid(e, key->name, value, "Not a number of type DOUBLE");
    }
    if (key->type == CONNECT_CONFIG_BOOLEAN && !parse_boolean(value, &boolean)) {
        return connect_config_invalid(e, key->name, value,
                                      "Expected value to be either true or false");
    }
    return ERR_OK;
}

static enum err_code check_range(const struct connect_config_key *key, const char *value,
                                 bool parsed, struct err *e)
{
    char reason[80];
    int64_t v = 0;
    if (parsed) {
        (void)parse_integer(value, key->type, &v);
    }
    if (key->has_min && (!parsed || v < key->min)) {
        (void)snprintf(reason, sizeof reason, "Value must be at least %" PRId64, key->min);
        return connect_config_invalid(e, key->name, parsed ? value : "null", reason);
    }
    if (key->has_max && v > key->max) {
        (void)snprintf(reason, sizeof reason, "Value must be no more than %" PRId64, key->max);
        return connect_config_invalid(e, key->name, value, reason);
    }
    return ERR_OK;
}

static bool one_of(const struct connect_config_key *key, const char *value)
{
    for (const char *const *valid = key->valid; *valid != NULL; valid++) {
        if (key->any_case ? strcasecmp(*valid, value) == 0 : strcmp(*valid, value) == 0) {
            return true;
        }
    }
    return false;
}

static enum err_code check_valid(const struct connect_config_key *key, const char *value,
                                 struct err *e)
{
    if (key->valid == NULL || one_of(key, value)) {
        return ERR_OK;
    }
    struct buf reason;
    buf_init(&reason, 4096);
    buf_append_text(&reason, key->any_case ? "String must be one of (case insensitive): "
                                           : "String must be one of: ");
    for (const char *const *valid = key->valid; *valid != NULL; valid++) {
        buf_printf(&reason, "%s%s", valid == key->valid ? "" : ", ", *valid);
    }
    const char *text = buf_text(&reason);
    enum err_code code =
        connect_config_invalid(e, key->name, value, text != NULL ? text : "String is not valid");
    buf_deinit(&reason);
    return code;
}

static void add_error(struct err *errors, size_t max_errors, size_t *count, const struct err *e)
{
    if (*count < max_errors) {
        errors[(*count)++] = *e;
    }
}

size_t connect_config_check_key(const struct connect_config_key *key,
                                const struct connect_config *config, struct err *errors,
                                size_t max_errors)
{
    struct err e;
    size_t count = 0;
    const char *value = connect_config_get(config, key->name);
    if (value == NULL && connect_config_has(config, key->name)) {
        (void)connect_config_invalid(&e, key->name, "null",
                                     "Null value can not be supplied as the configuration value.");
        add_error(errors, max_errors, &count, &e);
        return count;
    }
    if (value == NULL) {
        if (key->required) {
            (void)err_set(&e, ERR_INVALID,
                          "Missing required configuration \"%s\" which has no default value.",
                          key->name);
            add_error(errors, max_errors, &count, &e);
        } else if (key->check != NULL && key->default_value != NULL &&
                   key->check(config, key->name, key->default_value, &e) != ERR_OK) {
            /* A default may be one that the user has to replace: mode of the JDBC source. */
            add_error(errors, max_errors, &count, &e);
        }
        return count;
    }
    bool parsed = check_type(key, value, &e) == ERR_OK;
    if (!parsed) {
        add_error(errors, max_errors, &count, &e);
    }
    if (is_integer(key->type) && check_range(key, value, parsed, &e) != ERR_OK) {
        add_error(errors, max_errors, &count, &e);
    }
    if (key->non_empty && value[0] == '\0' &&
        connect_config_invalid(&e, key->name, value, "String must be non-empty") != ERR_OK) {
        add_error(errors, max_errors, &count, &e);
    }
    if (check_valid(key, value, &e) != ERR_OK) {
        add_error(errors, max_errors, &count, &e);
    }
    if (parsed && key->check != NULL && key->check(config, key->name, value, &e) != ERR_OK) {
        add_error(errors, max_errors, &count, &e);
    }
    return count;
}

enum err_code connect_config_check(const struct connect_config *config,
                                   const struct connect_config_key *keys, size_t key_count,
                                   struct err *e)
{
    for (size_t i = 0; i < key_count; i++) {
        struct err first;
        if (connect_config_check_key(&keys[i], config, &first, 1) > 0) {
            return connect_error_set(e, ERR_INVALID, CONNECT_CONFIG_EXCEPTION, "%s", first.text);
        }
    }
    return ERR_OK;
}

const char *connect_config_read_text(const struct connect_config_reader *r, const char *name)
{
    const char *value = connect_config_get(r->config, name);
    if (value != NULL) {
        return value;
    }
    const struct connect_config_key *key = connect_config_find_key(r->keys, r->key_count, name);
    CHECK(key != NULL);
    return key->default_value;
}

bool connect_config_read_boolean(const struct connect_config_reader *r, const char *name)
{
    const char *text = connect_config_read_text(r, name);
    bool value = false;
    return text != NULL && parse_boolean(text, &value) && value;
}

int64_t connect_config_read_integer(const struct connect_config_reader *r, const char *name)
{
    const char *text = connect_config_read_text(r, name);
    int64_t value = 0;
    return text != NULL && parse_integer(text, CONNECT_CONFIG_LONG, &value) ? value : 0;
}

double connect_config_read_double(const struct connect_config_reader *r, const char *name)
{
    const char *text = connect_config_read_text(r, name);
    double value = 0;
    return text != NULL && parse_double(text, &value) ? value : 0;
}
