/*
 * A task: a session and the queriers of its tables, read in turn. Keeps running while the database
 * is away: attempts to connect go on, with connection.backoff.ms between them, until the worker
 * wants an end. What can only be set right by a person fails it.
 */
#pragma once

#include "connect/include/source_connector.h"

enum err_code jdbc_task_create(const struct connect_config *config, struct source_context *ctx,
                               void **out_task, struct err *e);
enum err_code jdbc_task_poll(void *task, struct connect_batch *batch, int64_t timeout_ms,
                             struct err *e);
void jdbc_task_destroy(void *task);
