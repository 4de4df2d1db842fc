#include "cli/global_flags.h"

#include <string.h>

#include "cli/command.h"

static const struct flag global_flags_table[] = {
    {"config-opt", 'X', FLAG_TEXT, "KEY=VALUE", NULL,
     "Set brokers=, registry.hosts=, ... (repeatable); -X list, -X help"},
    {"brokers", 0, FLAG_TEXT, "HOST:PORT,...", NULL, "Same as -X brokers=..."},
    {"config", 0, FLAG_TEXT, "FILE", NULL,
     "rpk.yaml or redpanda.yaml, instead of the usual places"},
    {"profile", 0, FLAG_TEXT, "NAME", NULL, "The profile of rpk.yaml to use"},
    {"ignore-profile", 0, FLAG_BOOL, NULL, NULL, "Read neither rpk.yaml nor redpanda.yaml"},
    {"verbose", 'v', FLAG_BOOL, NULL, NULL, "Say on standard error what is done"},
    {"help", 'h', FLAG_BOOL, NULL, NULL, "Show this help"},
    {"user", 0, FLAG_TEXT, "USER", NULL, NULL},
    {"password", 0, FLAG_TEXT, "PASSWORD", NULL, NULL},
    {"sasl-mechanism", 0, FLAG_TEXT, "NAME", NULL, NULL},
    {"tls-enabled", 0, FLAG_BOOL, NULL, NULL, NULL},
    {"tls-truststore", 0, FLAG_TEXT, "FILE", NULL, NULL},
    {"tls-cert", 0, FLAG_TEXT, "FILE", NULL, NULL},
    {"tls-key", 0, FLAG_TEXT, "FILE", NULL, NULL},
    {"api-urls", 0, FLAG_TEXT, "HOST:PORT,...", NULL, NULL},
    {"hosts", 0, FLAG_TEXT, "HOST:PORT,...", NULL, NULL},
    {"admin-url", 0, FLAG_TEXT, "HOST:PORT,...", NULL, NULL},
};

/* Hidden above but for --brokers: scripts from before -X still have them. */
static const char *const global_flags_older[][2] = {
    {"brokers", "brokers"},         {"user", "user"},
    {"password", "pass"},           {"sasl-mechanism", "sasl.mechanism"},
    {"tls-enabled", "tls.enabled"}, {"tls-truststore", "tls.ca"},
    {"tls-cert", "tls.cert"},       {"tls-key", "tls.key"},
    {"api-urls", "admin.hosts"},    {"hosts", "admin.hosts"},
    {"admin-url", "admin.hosts"},
};

const struct flag *global_flags(size_t *out_count)
{
    *out_count = sizeof global_flags_table / sizeof global_flags_table[0];
    return global_flags_table;
}

const char *global_flags_key(const char *name)
{
    for (size_t i = 0; i < sizeof global_flags_older / sizeof global_flags_older[0]; i++) {
        if (strcmp(global_flags_older[i][0], name) == 0) {
            return global_flags_older[i][1];
        }
    }
    return NULL;
}
