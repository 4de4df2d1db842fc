/*
 * The connection of a connector or task to its database, with the attempts to get one back. One
 * thread.
 */
#pragma once

#include "connectors/jdbc/jdbc_dialect.h"

struct jdbc_link {
    const struct jdbc_settings *settings;
    const struct jdbc_dialect *dialect;
    struct source_context *ctx;
    struct jdbc_session *session; /* NULL: not connected */
    int64_t refusals;             /* consecutive ones that only a person can set right */
    int64_t failures;             /* consecutive ones */
    int64_t retry_ms;             /* monotonic */
};

enum err_code jdbc_link_init(struct jdbc_link *l, const struct jdbc_settings *settings,
                             struct source_context *ctx, struct err *e);
void jdbc_link_deinit(struct jdbc_link *l);
/* Connects unless connected, when an attempt is due, waiting for it up to timeout_ms. *out_ready
 * tells. Fails when a refusal (password, no such database) has come connection.attempts times. */
enum err_code jdbc_link_get(struct jdbc_link *l, int64_t timeout_ms, bool *out_ready,
                            struct err *e);
/* Closes the session; the streams on it must have been closed. */
void jdbc_link_drop(struct jdbc_link *l);
