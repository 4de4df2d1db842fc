#include "broker/controller/config_def.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/check.h"

#define NUMBER_TEXT_MAX 64

const struct config_def *config_def_find(const struct config_def *defs, size_t count,
                                         struct bytes key)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes_equal(bytes_of_text(defs[i].key), key)) {
            return &defs[i];
        }
    }
    return NULL;
}

static struct bytes trim(struct bytes text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

void config_def_list_each(struct bytes list, config_def_entry_fn fn, void *ctx)
{
    struct bytes rest = trim(list);
    while (rest.len > 0) {
        const uint8_t *comma = memchr(rest.data, ',', rest.len);
        size_t len = comma == NULL ? rest.len : (size_t)(comma - rest.data);
        fn(ctx, trim(bytes_of(rest.data, len)));
        size_t used = comma == NULL ? len : len + 1;
        rest = bytes_of(rest.data + used, rest.len - used);
    }
}

struct list_search {
    struct bytes entry;
    bool found;
};

static void list_search_entry(void *ctx, struct bytes entry)
{
    struct list_search *search = ctx;
    search->found = search->found || bytes_equal(entry, search->entry);
}

bool config_def_list_has(struct bytes list, struct bytes entry)
{
    struct list_search search = {.entry = entry};
    config_def_list_each(list, list_search_entry, &search);
    return search.found;
}

/* The text with a terminator, or false when it is longer than any number. */
static bool number_text(struct bytes value, char out_text[NUMBER_TEXT_MAX])
{
    struct bytes text = trim(value);
    if (text.len == 0 || text.len >= NUMBER_TEXT_MAX || memchr(text.data, 0, text.len) != NULL) {
        return false;
    }
    memcpy(out_text, text.data, text.len);
    out_text[text.len] = '\0';
    return true;
}

static bool parse_integer(struct bytes value, int64_t *out_number)
{
    char text[NUMBER_TEXT_MAX];
    if (!number_text(value, text) || text[0] == ' ') {
        return false;
    }
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') {
        return false;
    }
    *out_number = number;
    return true;
}

static bool parse_double(struct bytes value, double *out_number)
{
    char text[NUMBER_TEXT_MAX];
    if (!number_text(value, text)) {
        return false;
    }
    char *end = NULL;
    errno = 0;
    double number = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !isfinite(number)) {
        return false;
    }
    *out_number = number;
    return true;
}

static bool text_is(struct bytes value, const char *word)
{
    return value.len == strlen(word) && strncasecmp((const char *)value.data, word, value.len) == 0;
}

static bool check_bool(struct bytes value)
{
    struct bytes text = trim(value);
    return text_is(text, "true") || text_is(text, "false");
}

/* The head of every complaint, with a long value cut. */
static void complain(const struct config_def *def, struct bytes value, const char *why,
                     char *out_message, size_t message_size)
{
    int shown = value.len > 100 ? 100 : (int)value.len;
    (void)snprintf(out_message, message_size, "Invalid value %.*s for configuration %s: %s", shown,
                   value.data == NULL ? "" : (const char *)value.data, def->key, why);
}

static const char *number_type_name(enum config_type type)
{
    return type == CONFIG_INT     ? "INT"
           : type == CONFIG_SHORT ? "SHORT"
           : type == CONFIG_LONG  ? "LONG"
                                  : "DOUBLE";
}

static bool fits_type(enum config_type type, int64_t number)
{
    if (type == CONFIG_SHORT) {
        return number >= INT16_MIN && number <= INT16_MAX;
    }
    return type != CONFIG_INT || (number >= INT32_MIN && number <= INT32_MAX);
}

static bool check_number(const struct config_def *def, struct bytes value, char *out_message,
                         size_t message_size)
{
    char why[96];
    int64_t integer = 0;
    double number = 0;
    bool parsed = false;
    if (def->type == CONFIG_DOUBLE) {
        parsed = parse_double(value, &number);
    } else {
        parsed = parse_integer(value, &integer) && fits_type(def->type, integer);
        number = (double)integer;
    }
    if (!parsed) {
        (void)snprintf(why, sizeof why, "Not a number of type %s", number_type_name(def->type));
        complain(def, value, why, out_message, message_size);
        return false;
    }
    bool is_double = def->type == CONFIG_DOUBLE;
    if (is_double ? number < (double)def->min : integer < def->min) {
        (void)snprintf(why, sizeof why, "Value must be at least %" PRId64, def->min);
        complain(def, value, why, out_message, message_size);
        return false;
    }
    if (is_double ? number > (double)def->max : integer > def->max) {
        (void)snprintf(why, sizeof why, "Value must be no more than %" PRId64, def->max);
        complain(def, value, why, out_message, message_size);
        return false;
    }
    return true;
}

struct list_check {
    struct bytes choices;
    bool bad;
};

static void list_check_entry(void *ctx, struct bytes entry)
{
    struct list_check *check = ctx;
    check->bad = check->bad || !config_def_list_has(check->choices, entry);
}

static bool check_choice(const struct config_def *def, struct bytes value, char *out_message,
                         size_t message_size)
{
    if (def->choices == NULL) {
        return true;
    }
    struct list_check check = {.choices = bytes_of_text(def->choices)};
    if (def->type == CONFIG_LIST) {
        check.bad = trim(value).len == 0;
        config_def_list_each(value, list_check_entry, &check);
    } else {
        list_check_entry(&check, trim(value));
    }
    if (check.bad) {
        char why[200];
        (void)snprintf(why, sizeof why, "String must be one of: %s", def->choices);
        complain(def, value, why, out_message, message_size);
    }
    return !check.bad;
}

/* Values that Kafka has and this broker has not: refused, because the user counts on what is
 * accepted. The keys mean the same for a topic and as a broker's default. */
static bool check_available(const struct config_def *def, struct bytes value, char *out_message,
                            size_t message_size)
{
    static const struct {
        const char *key;
        const char *only;
        const char *why;
    } rows[] = {
        {"compression.type", "producer",
         "Only producer is available: batches are stored as the producer compressed them"},
        {"remote.storage.enable", "false", "Tiered storage is not available"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(def->key, rows[i].key) == 0 && !text_is(trim(value), rows[i].only)) {
            complain(def, value, rows[i].why, out_message, message_size);
            return false;
        }
    }
    return true;
}

static bool check_type(const struct config_def *def, struct bytes value, char *out_message,
                       size_t message_size)
{
    switch (def->type) {
    case CONFIG_BOOL:
        if (!check_bool(value)) {
            complain(def, value, "Expected value to be either true or false", out_message,
                     message_size);
            return false;
        }
        return true;
    case CONFIG_INT:
    case CONFIG_SHORT:
    case CONFIG_LONG:
    case CONFIG_DOUBLE:
        return check_number(def, value, out_message, message_size);
    case CONFIG_STRING:
    case CONFIG_LIST:
    case CONFIG_CLASS:
    case CONFIG_PASSWORD:
        return check_choice(def, value, out_message, message_size);
    }
    return false;
}

bool config_def_check(const struct config_def *def, struct bytes value, char *out_message,
                      size_t message_size)
{
    CHECK(def != NULL);
    return check_type(def, value, out_message, message_size) &&
           check_available(def, value, out_message, message_size);
}

int64_t config_def_number(const struct config_def *def, struct bytes value)
{
    if (def->type == CONFIG_BOOL) {
        return text_is(trim(value), "true") ? 1 : 0;
    }
    if (def->type == CONFIG_DOUBLE) {
        return (int64_t)config_def_double(value);
    }
    int64_t number = 0;
    CHECK(parse_integer(value, &number));
    return number;
}

double config_def_double(struct bytes value)
{
    double number = 0;
    CHECK(parse_double(value, &number));
    return number;
}
