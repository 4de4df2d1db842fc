/*
 * The broker configs ("node" here, to keep them apart from struct broker_config of the process):
 * one table, and what follows from it. Values come, first to last, from: dynamic configs of this
 * node, dynamic cluster-wide defaults, the static ones given at start, the table. Pure, static
 * data; any thread.
 */
#pragma once

#include <stddef.h>

#include "broker/controller/config_def.h"
#include "broker/controller/controller.h"

/* The rows, sorted by key. */
const struct config_def *node_config_defs(size_t *out_count);
/* NULL when there is no such key. */
const struct config_def *node_config_find(struct bytes key);
/* What a topic gets that does not set def's key itself. Null when no broker key is behind it. */
struct bytes node_config_topic_default(const struct controller_view *view,
                                       const struct config_def *def,
                                       enum config_source *out_source);
/* The unit in which an alternative key gives the value of another: 3600000 and
 * "log.retention.ms" for log.retention.hours. 0 when the key is not such an alternative. */
int64_t node_config_alternative(struct bytes key, const char **out_key);
