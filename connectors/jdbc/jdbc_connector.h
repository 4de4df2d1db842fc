/*
 * The connector: finds the tables, deals them out to tasks, and looks again every
 * table.poll.interval.ms. While the database is away it goes on trying.
 */
#pragma once

#include "connect/include/source_connector.h"

enum err_code jdbc_connector_validate(const struct connect_config *config,
                                      struct source_findings *findings, struct err *e);
enum err_code jdbc_connector_start(const struct connect_config *config, struct source_context *ctx,
                                   void **out_connector, struct err *e);
enum err_code jdbc_connector_task_configs(void *connector, int max_tasks,
                                          struct connect_config_set *out_set, struct err *e);
enum err_code jdbc_connector_monitor(void *connector, int64_t timeout_ms, bool *out_changed,
                                     struct err *e);
void jdbc_connector_stop(void *connector);
