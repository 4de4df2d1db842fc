/*
 * Config providers: "${file:/run/secrets/db.properties:password}" in a value of a connector's
 * config stands for what the provider "file" has under that name. Configs are stored, shown and
 * handed from worker to worker with the reference; what it stands for is put in where the
 * connector, its tasks and the validation begin, and taken out of every error that leaves them.
 *
 * The worker's properties set the providers up, as in the originals:
 *     config.providers=file,env
 *     config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider
 *     config.providers.file.param.allowed.paths=/run/secrets
 * File, Directory and EnvVarConfigProvider are known. An unknown provider and a name that it does
 * not have leave the text as it is; a file that cannot be read is an error.
 *
 * Immutable once made; any thread. Resolving reads files.
 */
#pragma once

#include <stddef.h>

#include "common/err.h"
#include "connect/include/connect_config.h"

struct config_resolver;

enum err_code config_resolver_create(const struct connect_config *properties,
                                     struct config_resolver **out_resolver, struct err *e);
void config_resolver_destroy(struct config_resolver *r);

/* What one reference stood for. */
struct config_resolution_value {
    char *reference;
    char *value;
};

/* A config with its references resolved, and what they were. */
struct config_resolution {
    struct connect_config config;
    struct config_resolution_value *values;
    size_t count;
};

/* ERR_INVALID when a provider cannot do its work. r may be NULL: a plain copy. The resolution is
 * good for deinit in every case. */
enum err_code config_resolver_resolve(const struct config_resolver *r,
                                      const struct connect_config *from,
                                      struct config_resolution *out, struct err *e);
void config_resolution_deinit(struct config_resolution *r);
/* Puts the references back where their values stand in a text (of two characters and more: a single
 * letter tells nothing, and stands everywhere). */
void config_resolution_mask(const struct config_resolution *r, char *text, size_t size);
/* Puts the references back into task configs: every key whose value in `from` has one. */
enum err_code config_resolver_restore(const struct config_resolver *r,
                                      const struct connect_config *from,
                                      struct connect_config *task, struct err *e);
