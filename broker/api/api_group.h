/*
 * What the handlers of group requests share: they run on the coordinator thread.
 */
#pragma once

#include <stdint.h>

#include "broker/api/request.h"
#include "broker/group/groups.h"

/* On the coordinator thread; finishes the request, now or later. */
typedef void (*api_group_run_fn)(struct groups *gs, struct request *rq);
/* Answers with this error; any thread. */
typedef void (*api_group_refuse_fn)(struct request *rq, int16_t error);

/* Hands the request to the coordinator thread; refuses with 14 while it loads and with 15 when it
 * stops. Takes memory from the request's arena, not its state. */
void api_group_post(struct request *rq, api_group_run_fn run, api_group_refuse_fn refuse);

/* A copy in the request's arena, for texts of the group that must live until the answer has left.
 * Null stays null. */
struct bytes api_group_copy(struct request *rq, struct bytes text);
