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

/* Whether the topic.creation.* keys make sense together; with the originals' texts. */
enum err_code topic_creator_check(const struct connect_config *connector, struct err *e);
/* admin: settings of the worker's admin clients; the connector's admin.override.* go over them.
 * *out_creator stays NULL when the connector has no topic.creation.* keys. */
enum err_code topic_creator_create(const struct client_config *admin,
                                   const struct connect_config *connector, struct logger *lg,
                                   struct topic_creator **out_creator, struct err *e);
void topic_creator_destroy(struct topic_creator *c);
/* Creates the topic if it is absent. NULL creator: nothing to do. */
enum err_code topic_creator_ensure(struct topic_creator *c, const char *topic, struct err *e);
