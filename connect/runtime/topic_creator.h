/*
 * topic.creation.*: which settings a topic that a source task is about to write to gets when it is
 * absent. Without these keys the broker's own auto-creation decides. One thread.
 */
#pragma once

#include "client/client_config.h"
#include "common/err.h"
#include "connect/include/connect_config.h"

struct logger;
struct topic_creator;

/* *out_creator stays NULL when the connector has no topic.creation.* keys. */
enum err_code topic_creator_create(const struct client_config *client,
                                   const struct connect_config *connector, struct logger *lg,
                                   struct topic_creator **out_creator, struct err *e);
void topic_creator_destroy(struct topic_creator *c);
/* Creates the topic if it is absent. NULL creator: nothing to do. */
enum err_code topic_creator_ensure(struct topic_creator *c, const char *topic, struct err *e);
