/*
 * What the administrative handlers share.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "broker/api/request.h"
#include "broker/controller/controller.h"
#include "broker/controller/topic_config.h"
#include "protocol/generated/messages.h"

/* authorized_operations: every operation of the resource, as there are no ACLs yet; the value that
 * stands for "not asked". Bit n = operation n. */
#define API_ADMIN_OPERATIONS_NONE INT32_MIN
#define API_ADMIN_OPERATIONS_TOPIC 0x0df8   /* 3-8, 10, 11 */
#define API_ADMIN_OPERATIONS_GROUP 0x0d48   /* 3, 6, 8, 10, 11 */
#define API_ADMIN_OPERATIONS_CLUSTER 0x1fa0 /* 5, 7-12 */

/* The current view, kept until the answer has left: responses may point into it. Takes rq->state
 * and rq->release. */
const struct controller_view *api_admin_hold_view(struct request *rq);

/* A message of a controller result as a response field: null when empty. Borrowed. */
struct bytes api_admin_message(const char *message);

/* For an operation that could not even be queued: sets error and message. */
void api_admin_queue_full(int16_t *out_error, char out_message[CONTROLLER_MESSAGE_MAX]);

/* How often a name stands in a list. */
enum api_admin_repeat {
    API_ADMIN_ONCE,
    API_ADMIN_REPEATED_FIRST, /* more follow */
    API_ADMIN_REPEATED_AGAIN, /* there was one before */
};
/* One entry per name, in their order, from the arena; NULL when that is full. */
const enum api_admin_repeat *api_admin_find_repeats(struct request *rq, const struct bytes *names,
                                                    int32_t count);
