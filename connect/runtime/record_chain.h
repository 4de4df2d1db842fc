/*
 * What a record goes through between task and producer: the connector's transforms, each behind its
 * predicate, then the converters of key, value and headers; with the error rules of the connector
 * around every step (errors.tolerance, errors.retry.*, errors.log.*). One per task, used by its
 * thread only.
 */
#pragma once

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "connect/include/connect_config.h"
#include "connect/include/connect_record.h"
#include "connect/plugin_list.h"

struct logger;
struct metric;
struct record_chain;

struct record_chain_config {
    const struct plugin_list *plugins;
    const struct connect_config *connector;       /* the connector's own keys; borrowed */
    const struct connect_config *worker_defaults; /* key.converter, value.converter.x, ... */
    const char *connector_name;
    int task_id;
    struct logger *lg;
    struct metric *failed; /* counts errors, tolerated or not */
    /* Waits before a further attempt; true = give up, the task is to end. */
    bool (*wait)(void *ctx, int64_t timeout_ms);
    bool (*stopping)(void *ctx); /* the task is to end */
    void *ctx;
};

/* A record as Kafka takes it. The buffers are reused for the next record. */
struct record_chain_output {
    struct buf key;
    struct buf value;
    bool key_null;
    bool value_null;
};

/* Errors carry a trace head. */
enum err_code record_chain_create(const struct record_chain_config *config,
                                  struct record_chain **out_chain, struct err *e);
void record_chain_destroy(struct record_chain *c);

/* *out_dropped: by a transform, or because its error is tolerated. Otherwise key and value are in
 * record_chain_output(). */
enum err_code record_chain_apply(struct record_chain *c, struct connect_record *record,
                                 struct connect_scope *scope, bool *out_dropped, struct err *e);
/* The result of the last apply. */
const struct record_chain_output *record_chain_output(const struct record_chain *c);
/* One header of a record that record_chain_apply has let through, as Kafka takes it. */
struct record_chain_header {
    const struct connect_header *header;
    struct buf *out; /* only this header is in it then */
    bool null;
    bool skipped; /* its error is tolerated: the whole record is to be dropped */
};
enum err_code record_chain_convert_header(struct record_chain *c,
                                          const struct connect_record *record,
                                          struct record_chain_header *h, struct err *e);
/* Whether errors of single records are skipped (errors.tolerance=all). */
bool record_chain_tolerates(const struct record_chain *c);
