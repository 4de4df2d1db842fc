#include "broker/api/api_group.h"

#include "broker/broker.h"
#include "protocol/kafka_error.h"

struct group_call {
    struct groups_task task;
    struct request *rq;
    api_group_run_fn run;
};

static void run_call(struct groups *gs, struct groups_task *task)
{
    struct group_call *call = task->ctx;
    call->run(gs, call->rq);
}

void api_group_post(struct request *rq, api_group_run_fn run, api_group_refuse_fn refuse)
{
    struct groups *gs = broker_groups(rq->broker);
    if (groups_loading(gs)) {
        refuse(rq, KAFKA_ERROR_COORDINATOR_LOAD_IN_PROGRESS);
        return;
    }
    struct group_call *call = request_alloc(rq, sizeof *call);
    if (call == NULL) {
        request_close(rq, "out of memory for a group request");
        return;
    }
    *call = (struct group_call){.rq = rq, .run = run};
    call->task = (struct groups_task){.run = run_call, .ctx = call};
    if (!groups_post(gs, &call->task)) {
        refuse(rq, KAFKA_ERROR_COORDINATOR_NOT_AVAILABLE);
    }
}

struct bytes api_group_copy(struct request *rq, struct bytes text)
{
    return bytes_is_null(text) ? text
                               : bytes_of(arena_dup(&rq->arena, text.data, text.len), text.len);
}
