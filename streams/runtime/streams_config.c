#include "streams/runtime/streams_config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/client_config.h"
#include "common/check.h"
#include "common/mem.h"
#include "streams/value/stream_serde.h"

enum config_check { CONFIG_TEXT, CONFIG_NUMBER, CONFIG_WORDS, CONFIG_SERDE };

struct config_row {
    const char *key;
    const char *fallback; /* NULL: none */
    enum config_check check;
    int64_t min;
    int64_t max;
    const char *words; /* "a|b": one of them must be the end of the value */
};

/* docs/streams.md lists these with their meaning. */
static const struct config_row config_rows[] = {
    {"application.id", NULL, CONFIG_TEXT, 0, 0, NULL},
    {"bootstrap.servers", NULL, CONFIG_TEXT, 0, 0, NULL},
    {"schema.registry.url", NULL, CONFIG_TEXT, 0, 0, NULL},
    {"schema.registry.basic.auth.user.info", NULL, CONFIG_TEXT, 0, 0, NULL},
    {"client.id", "", CONFIG_TEXT, 0, 0, NULL},
    {"state.dir", "/tmp/kafka-streams", CONFIG_TEXT, 0, 0, NULL},
    {"replication.factor", "-1", CONFIG_NUMBER, -1, 32767, NULL},
    {"num.stream.threads", "1", CONFIG_NUMBER, 1, 256, NULL},
    {"processing.guarantee", "at_least_once", CONFIG_WORDS, 0, 0, "at_least_once"},
    {"commit.interval.ms", "30000", CONFIG_NUMBER, 0, INT64_MAX, NULL},
    {"repartition.purge.interval.ms", "30000", CONFIG_NUMBER, 0, INT64_MAX, NULL},
    {"poll.ms", "100", CONFIG_NUMBER, 0, 3600000, NULL},
    {"max.task.idle.ms", "0", CONFIG_NUMBER, -1, INT64_MAX, NULL},
    {"task.timeout.ms", "300000", CONFIG_NUMBER, 0, INT64_MAX, NULL},
    {"buffered.records.per.partition", "1000", CONFIG_NUMBER, 1, 1000000, NULL},
    {"statestore.cache.max.bytes", "10485760", CONFIG_NUMBER, 0, INT64_MAX, NULL},
    {"windowstore.changelog.additional.retention.ms", "86400000", CONFIG_NUMBER, 0, INT64_MAX,
     NULL},
    {"default.key.serde", NULL, CONFIG_SERDE, 0, 0, NULL},
    {"default.value.serde", NULL, CONFIG_SERDE, 0, 0, NULL},
    {"default.timestamp.extractor", "FailOnInvalidTimestamp", CONFIG_WORDS, 0, 0,
     "FailOnInvalidTimestamp|LogAndSkipOnInvalidTimestamp|UsePartitionTimeOnInvalidTimestamp|"
     "WallclockTimestampExtractor"},
    {"deserialization.exception.handler", "LogAndFailExceptionHandler", CONFIG_WORDS, 0, 0,
     "LogAndFailExceptionHandler|LogAndContinueExceptionHandler"},
    {"request.timeout.ms", "40000", CONFIG_NUMBER, 10, 300000, NULL},
    {"retry.backoff.ms", "100", CONFIG_NUMBER, 1, 300000, NULL},
};

static const struct {
    const char *alias;
    const char *key;
} config_aliases[] = {
    {"cache.max.bytes.buffering", "statestore.cache.max.bytes"},
    {"default.deserialization.exception.handler", "deserialization.exception.handler"},
};

static const char *const config_prefixes[] = {"consumer.", "main.consumer.", "restore.consumer.",
                                              "producer.", "admin.",         "topic."};

/* Clients' settings that the original takes without a prefix. */
static const char *const config_client_keys[] = {"security.protocol",
                                                 "sasl.",
                                                 "ssl.",
                                                 "metadata.max.age.ms",
                                                 "connections.max.idle.ms",
                                                 "reconnect.backoff.ms",
                                                 "reconnect.backoff.max.ms",
                                                 "send.buffer.bytes",
                                                 "receive.buffer.bytes"};

static bool config_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const struct config_row *config_row(const char *key)
{
    for (size_t i = 0; i < sizeof config_rows / sizeof config_rows[0]; i++) {
        if (strcmp(config_rows[i].key, key) == 0) {
            return &config_rows[i];
        }
    }
    return NULL;
}

static bool config_is_client_key(const char *key)
{
    for (size_t i = 0; i < sizeof config_client_keys / sizeof config_client_keys[0]; i++) {
        if (config_starts(key, config_client_keys[i])) {
            return true;
        }
    }
    return false;
}

static bool config_is_prefixed(const char *key)
{
    for (size_t i = 0; i < sizeof config_prefixes / sizeof config_prefixes[0]; i++) {
        if (config_starts(key, config_prefixes[i])) {
            return true;
        }
    }
    return false;
}

/* The original fixes these: commits and the group are its own. */
static bool config_is_fixed(const char *key)
{
    static const char *const fixed[] = {"group.id", "enable.auto.commit",
                                        "partition.assignment.strategy", "enable.idempotence"};
    const char *dot = strstr(key, "consumer.") != NULL ? strstr(key, "consumer.") + 9 : key;
    dot = config_starts(key, "producer.") ? key + 9 : dot;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (strcmp(dot, fixed[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool config_number(const char *value, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    *out = n;
    return errno == 0 && end != value && *end == '\0';
}

static bool config_ends(const char *value, const char *word, size_t word_len)
{
    size_t len = strlen(value);
    return len >= word_len && memcmp(value + len - word_len, word, word_len) == 0 &&
           (len == word_len || value[len - word_len - 1] == '.');
}

static bool config_is_word(const char *value, const char *words)
{
    while (*words != '\0') {
        size_t len = strcspn(words, "|");
        if (config_ends(value, words, len)) {
            return true;
        }
        words += len + (words[len] == '|' ? 1 : 0);
    }
    return false;
}

static enum err_code config_check(const struct config_row *row, const char *value, struct err *e)
{
    int64_t n = 0;
    switch (row->check) {
    case CONFIG_TEXT:
        return ERR_OK;
    case CONFIG_NUMBER:
        if (!config_number(value, &n) || n < row->min || n > row->max) {
            return err_set(e, ERR_INVALID, "%s: %s is no number from %" PRId64 " to %" PRId64,
                           row->key, value, row->min, row->max);
        }
        return ERR_OK;
    case CONFIG_WORDS:
        return config_is_word(value, row->words)
                   ? ERR_OK
                   : err_set(e, ERR_INVALID, "%s: %s is none of %s", row->key, value, row->words);
    case CONFIG_SERDE:
        return stream_serde_by_name(value) != NULL
                   ? ERR_OK
                   : err_set(e, ERR_INVALID,
                             "%s: %s is none of string, long, bytes, json, avro, nor the class "
                             "name of such a serde",
                             row->key, value);
    }
    CHECK(false);
    return ERR_INTERNAL;
}

static enum err_code config_store(struct weir_config *c, const char *key, const char *value,
                                  struct err *e)
{
    char *copy = mem_strdup(value);
    if (copy == NULL) {
        return err_nomem(e, "settings");
    }
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->entries[i].key, key) == 0) {
            mem_free(c->entries[i].value);
            c->entries[i].value = copy;
            return ERR_OK;
        }
    }
    char *key_copy = mem_strdup(key);
    struct streams_config_entry *entries =
        c->count < STREAMS_CONFIG_ENTRIES_MAX
            ? mem_realloc(c->entries, (c->count + 1) * sizeof *entries)
            : NULL;
    if (entries != NULL) {
        c->entries = entries;
    }
    if (key_copy == NULL || entries == NULL) {
        mem_free(key_copy);
        mem_free(copy);
        return err_set(e, ERR_LIMIT, "too many settings, or out of memory");
    }
    c->entries[c->count++] = (struct streams_config_entry){key_copy, copy};
    return ERR_OK;
}

enum err_code streams_config_set(struct weir_config *c, const char *key, const char *value,
                                 struct err *e)
{
    for (size_t i = 0; i < sizeof config_aliases / sizeof config_aliases[0]; i++) {
        if (strcmp(config_aliases[i].alias, key) == 0) {
            key = config_aliases[i].key;
        }
    }
    const struct config_row *row = config_row(key);
    if (row != NULL) {
        enum err_code code = config_check(row, value, e);
        return code != ERR_OK ? code : config_store(c, key, value, e);
    }
    if (config_is_fixed(key)) {
        return err_set(e, ERR_INVALID, "%s cannot be set: streams decides it", key);
    }
    if (!config_is_prefixed(key) && !config_is_client_key(key)) {
        return err_set(e, ERR_INVALID, "unknown setting %s", key);
    }
    return config_store(c, key, value, e);
}

struct weir_config *weir_config_create(void)
{
    return mem_calloc(1, sizeof(struct weir_config));
}

void weir_config_destroy(struct weir_config *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->count; i++) {
        mem_free(c->entries[i].key);
        mem_free(c->entries[i].value);
    }
    mem_free(c->entries);
    mem_free(c);
}

struct weir_config *streams_config_copy(const struct weir_config *c)
{
    struct weir_config *copy = weir_config_create();
    for (size_t i = 0; copy != NULL && i < c->count; i++) {
        if (config_store(copy, c->entries[i].key, c->entries[i].value, NULL) != ERR_OK) {
            weir_config_destroy(copy);
            copy = NULL;
        }
    }
    return copy;
}

bool weir_config_set(struct weir_config *c, const char *key, const char *value,
                     struct weir_error *error)
{
    struct err e;
    if (streams_config_set(c, key, value, &e) == ERR_OK) {
        return true;
    }
    if (error != NULL) {
        (void)snprintf(error->text, sizeof error->text, "%s", e.text);
    }
    return false;
}

const char *weir_config_get(const struct weir_config *c, const char *key)
{
    for (size_t i = 0; i < c->count; i++) {
        if (strcmp(c->entries[i].key, key) == 0) {
            return c->entries[i].value;
        }
    }
    const struct config_row *row = config_row(key);
    return row != NULL ? row->fallback : NULL;
}

int64_t streams_config_number(const struct weir_config *c, const char *key)
{
    const char *value = weir_config_get(c, key);
    int64_t n = 0;
    CHECK(value != NULL);
    CHECK(config_number(value, &n));
    return n;
}

bool streams_config_contains(const struct weir_config *c, const char *key, const char *word)
{
    const char *value = weir_config_get(c, key);
    return value != NULL && config_ends(value, word, strlen(word));
}

enum weir_timestamps streams_config_timestamps(const struct weir_config *c)
{
    static const struct {
        const char *word;
        enum weir_timestamps timestamps;
    } words[] = {{"LogAndSkipOnInvalidTimestamp", WEIR_TIMESTAMPS_SKIP},
                 {"UsePartitionTimeOnInvalidTimestamp", WEIR_TIMESTAMPS_USE_PARTITION_TIME},
                 {"WallclockTimestampExtractor", WEIR_TIMESTAMPS_WALL_CLOCK}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (streams_config_contains(c, "default.timestamp.extractor", words[i].word)) {
            return words[i].timestamps;
        }
    }
    return WEIR_TIMESTAMPS_FAIL;
}

void streams_config_each(const struct weir_config *c, const char *prefix,
                         void (*fn)(void *ctx, const char *key, const char *value), void *ctx)
{
    for (size_t i = 0; i < c->count; i++) {
        if (config_starts(c->entries[i].key, prefix)) {
            fn(ctx, c->entries[i].key + strlen(prefix), c->entries[i].value);
        }
    }
}

enum err_code streams_config_client(const struct weir_config *c, const char *const *prefixes,
                                    struct client_config *out, struct err *e)
{
    for (size_t i = 0; i < c->count; i++) {
        if (config_is_client_key(c->entries[i].key)) {
            enum err_code code = client_config_set(out, c->entries[i].key, c->entries[i].value, e);
            if (code != ERR_OK) {
                return code;
            }
        }
    }
    for (; *prefixes != NULL; prefixes++) {
        for (size_t i = 0; i < c->count; i++) {
            if (!config_starts(c->entries[i].key, *prefixes)) {
                continue;
            }
            enum err_code code = client_config_set(out, c->entries[i].key + strlen(*prefixes),
                                                   c->entries[i].value, e);
            if (code != ERR_OK) {
                return code;
            }
        }
    }
    return ERR_OK;
}
