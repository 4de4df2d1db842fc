/* Shared by the files of the REST interface only. */
#pragma once

#include <jansson.h>

#include <stdatomic.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/http_request.h"
#include "common/lock.h"
#include "connect/rest/rest_server.h"
#include "connect/store/config_store.h"
#include "connect/store/connector_state.h"
#include "connect/store/offset_store.h"
#include "connect/store/status_store.h"

#define REST_BODY_BYTES_MAX ((size_t)4 << 20)
#define REST_ANSWER_BYTES_MAX ((size_t)64 << 20)

struct rest_server {
    struct http_server *http;
    struct herder *herder;
    const struct worker_context *worker;
    bool allow_reset;
    struct logger *lg;
    struct lock lock;
    char cluster_id[128]; /* under the lock */
};

struct rest_call;
typedef void (*rest_call_fn)(struct rest_call *call);

/* One request on its way. Query parameters are read at once: later they are gone. */
struct rest_call {
    struct herder_job job; /* first: it leads back here */
    struct rest_server *server;
    struct herder *herder; /* set while the herder runs it, NULL on an HTTP thread */
    struct http_request *rq;
    rest_call_fn run;
    bool expand_status;
    bool expand_info;
    bool include_tasks;
    bool only_failed;
    bool connectors_only;
    bool restarting; /* the status body shows what include_tasks and only_failed restart as such */
    /* A config that has passed validation and waits for its turn to be stored. */
    char *name;
    struct connect_config config;
    int target;           /* < 0: as it is */
    int64_t base_version; /* of the config that it was patched from; 0: none */
};

/* Has the herder go on with it, in `run`. Ends the call if there is no room for it. */
void rest_call_submit(struct rest_call *call, rest_call_fn run);

/* Answers. Each ends the call. */
void rest_call_json(struct rest_call *call, unsigned status, struct buf *body);
void rest_call_empty(struct rest_call *call, unsigned status);
void rest_call_error(struct rest_call *call, unsigned status, const char *fmt, ...)
    ERR_PRINTF(3, 4);
/* An error of one of our own calls: status from its code. */
void rest_call_fail(struct rest_call *call, const struct err *e);

/* The connector of the path. NULL after a 404: "Connector X not found" for "Connector", otherwise
 * the given text and the name. */
const struct connector_state *rest_call_connector(struct rest_call *call, const char *not_found);
/* The body as JSON; NULL after a 400. */
json_t *rest_call_body(struct rest_call *call);
/* "source" or "sink" or "unknown". */
const char *rest_call_type(const struct rest_call *call, const struct connector_state *state);
/* ConnectorInfo. */
void rest_call_write_info(const struct rest_call *call, const struct connector_state *state,
                          struct buf *out);
/* The status body; false when nothing is known. */
bool rest_call_write_status(const struct rest_call *call, const char *name, struct buf *out);
void rest_call_write_text(struct buf *out, const char *text);

/* Handlers; "herder" ones run on its thread. Configs are checked where the request came in, and
 * only what is to be stored goes on to the herder. */
void rest_connectors_list(struct rest_call *call);
void rest_connectors_create(struct rest_call *call);
void rest_connectors_info(struct rest_call *call);
void rest_connectors_get_config(struct rest_call *call);
void rest_connectors_put_config(struct rest_call *call);
void rest_connectors_patch_config(struct rest_call *call);
void rest_connectors_status(struct rest_call *call);
void rest_connectors_tasks(struct rest_call *call);
void rest_connectors_tasks_config(struct rest_call *call);
void rest_connectors_task_status(struct rest_call *call);
void rest_connectors_topics(struct rest_call *call);
void rest_connectors_reset_topics(struct rest_call *call);
void rest_connectors_offsets(struct rest_call *call);
void rest_lifecycle_restart(struct rest_call *call);       /* herder */
void rest_lifecycle_restart_task(struct rest_call *call);  /* herder */
void rest_lifecycle_pause(struct rest_call *call);         /* herder */
void rest_lifecycle_resume(struct rest_call *call);        /* herder */
void rest_lifecycle_stop(struct rest_call *call);          /* herder */
void rest_lifecycle_delete(struct rest_call *call);        /* herder */
void rest_lifecycle_alter_offsets(struct rest_call *call); /* herder */
void rest_lifecycle_reset_offsets(struct rest_call *call); /* herder */
void rest_plugins_list(struct rest_call *call);
void rest_plugins_config(struct rest_call *call);
void rest_plugins_validate(struct rest_call *call);
void rest_plugins_loggers(struct rest_call *call);
void rest_plugins_logger(struct rest_call *call);
void rest_plugins_set_logger(struct rest_call *call);
