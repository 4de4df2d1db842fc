/*
 * The topic configs: one table, and what follows from it. Pure, static data; any thread.
 */
#pragma once

#include <stddef.h>

#include "broker/controller/config_def.h"
#include "broker/controller/controller.h"

/* The rows, sorted by key. */
const struct config_def *topic_config_defs(size_t *out_count);
/* NULL when there is no such key. */
const struct config_def *topic_config_find(struct bytes key);

/* Kafka's rules for a topic name: 0, or 17 with the reason. */
int16_t topic_config_check_name(struct bytes name, char *out_message, size_t message_size);
/* True when the two names differ but are equal after '.' -> '_': their metrics would collide. */
bool topic_config_names_collide(struct bytes a, struct bytes b);
bool topic_config_is_internal(struct bytes name);

/* Checks a whole set of topic configs, each key and what must hold between them: 0, or 40 with the
 * reason. A null value is an error. */
int16_t topic_config_check(const struct controller_config *configs, size_t count, char *out_message,
                           size_t message_size);

/* The value in force: set on the topic, else by the broker (dynamic or static), else built in.
 * NUL-terminated unless it lies in `configs` of a caller that has no terminators. */
struct bytes topic_config_value(const struct controller_view *view, const struct topic *t,
                                const struct config_def *def, enum config_source *out_source);
