/*
 * Texts of the Connect worker that people write: a date pattern (the first line) with a text to be
 * read by it (the rest), and the whole as a file of properties whose values have references.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/runtime/config_resolver.h"
#include "connect/runtime/java_properties.h"
#include "connect/transforms/java_date_format.h"

#define FUZZ_TEXT_MAX ((size_t)1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_date(const char *text, size_t size)
{
    const char *end = memchr(text, '\n', size);
    size_t len = end != NULL ? (size_t)(end - text) : size;
    char *pattern = mem_strndup(text, len);
    struct java_date_format *f = NULL;
    struct err e;
    CHECK(pattern != NULL);
    if (java_date_format_create(pattern, &f, &e) == ERR_OK) {
        const int64_t instants[] = {INT64_MIN, -1, 0, 1657402394064, INT64_MAX};
        int64_t ms = 0;
        struct buf out;
        buf_init(&out, FUZZ_TEXT_MAX);
        for (size_t i = 0; i < sizeof instants / sizeof instants[0]; i++) {
            java_date_format_print(f, instants[i], &out);
        }
        size_t rest = end != NULL ? len + 1 : len;
        (void)java_date_format_parse(f, bytes_of(text + rest, size - rest), 1657402394064, &ms);
        java_date_format_print(f, ms, &out);
        buf_deinit(&out);
    }
    java_date_format_destroy(f);
    mem_free(pattern);
}

static void fuzz_properties(const char *text, size_t size)
{
    struct connect_config config;
    struct config_resolution resolved;
    struct config_resolver *resolver = NULL;
    struct err e;
    char shown[256] = "an error that names a value";
    connect_config_init(&config);
    bool whole = java_properties_parse(bytes_of(text, size), &config, &e) == ERR_OK;
    /* The environment alone: files are not for a fuzzer to read. */
    (void)connect_config_set(&config, "config.providers", "env", NULL);
    (void)connect_config_set(&config, "config.providers.env.class", "EnvVarConfigProvider", NULL);
    if (whole && config_resolver_create(&config, &resolver, &e) == ERR_OK) {
        if (config_resolver_resolve(resolver, &config, &resolved, &e) == ERR_OK) {
            config_resolution_mask(&resolved, shown, sizeof shown);
            CHECK(config_resolver_restore(resolver, &config, &resolved.config, &e) == ERR_OK);
            CHECK(connect_config_equal(&resolved.config, &config));
        }
        config_resolution_deinit(&resolved);
    }
    config_resolver_destroy(resolver);
    connect_config_deinit(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size <= FUZZ_TEXT_MAX) {
        fuzz_date((const char *)data, size);
        fuzz_properties((const char *)data, size);
    }
    return 0;
}
