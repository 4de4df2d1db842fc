/*
 * The configuration files of rpk, read for what a verb needs: the addresses of brokers and
 * registry, TLS, SASL and time limits.
 *
 * rpk.yaml (~/.config/rpk/rpk.yaml): the profile named by --profile, else the current one.
 * redpanda.yaml (the working directory's, else /etc/redpanda/'s): its section "rpk". The profile's
 * kafka_api or schema_registry, when it says anything, replaces redpanda.yaml's as a whole.
 * --config names one file, of either kind, instead. Files of the usual places may be absent.
 *
 * Within the sections that are read an unknown key is an error; others (admin_api, tuners, cloud
 * login) belong to rpk.
 */
#pragma once

#include "common/err.h"

/* key is one of -X; origin names file and line. */
typedef enum err_code (*rpk_config_set_fn)(void *ctx, const char *key, const char *value,
                                           const char *origin, struct err *e);

struct rpk_config_request {
    const char *config;  /* NULL: the usual places */
    const char *profile; /* NULL: the current one */
    rpk_config_set_fn set;
    void *ctx;
};

enum err_code rpk_config_load(const struct rpk_config_request *request,
                              struct err *e) ERR_MUST_CHECK;
