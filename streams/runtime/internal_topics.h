/*
 * What an application needs on the cluster before its threads may subscribe: its source topics must
 * be there, its internal ones are made, with the original's names, partitions and settings. Runs on
 * a stream thread; blocking calls, each with a time limit.
 */
#pragma once

#include "common/err.h"
#include "streams/topology/topology.h"

struct client_admin;
struct weir_config;

/* ERR_NOT_FOUND: a source topic is missing (named in the text): wait and call again. Other
 * retriable codes likewise. ERR_CONFLICT: a topic exists with a wrong number of partitions. */
enum err_code internal_topics_prepare(const struct weir_topology *t,
                                      const struct weir_config *config, struct client_admin *admin,
                                      struct err *e);
