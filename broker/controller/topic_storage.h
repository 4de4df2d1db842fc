/*
 * Between topics and their partitions' directories: settings, creation, removal, and bringing the
 * data directory in line with the state at start. Disk work: controller thread only.
 */
#pragma once

#include "broker/controller/cluster_state.h"
#include "broker/controller/controller.h"

struct partition_config;

/* What storage has to know of the topic's configs, those of the broker behind them. */
void topic_storage_config(const struct controller_view *view, const struct topic *t,
                          struct partition_config *out_config);

/* Creates (or finds, after a crash) the partitions [from, t->partition_count) and puts references
 * to them into t. On failure those created by this call are gone again. A NULL dir does nothing. */
ERR_MUST_CHECK enum err_code topic_storage_create(struct log_dir *dir,
                                                  const struct controller_view *view,
                                                  struct topic *t, int32_t from, struct err *e);
/* Removes the directories of partitions [from, t->partition_count); the references stay. A failure
 * is logged: the next start removes what is left. */
void topic_storage_delete(struct log_dir *dir, const struct topic *t, int32_t from,
                          struct logger *logger);
/* Gives each partition its settings. */
void topic_storage_configure(const struct controller_view *view, const struct topic *t);

/* At start: finds the partitions, creates missing ones. One that cannot be had stays NULL and is
 * logged: the others must serve. */
void topic_storage_open(struct log_dir *dir, const struct controller_view *view, struct topic *t,
                        struct logger *logger);
/* Removes every partition that the state does not have. */
ERR_MUST_CHECK enum err_code topic_storage_remove_strays(struct log_dir *dir,
                                                         const struct cluster_state *s,
                                                         struct logger *logger, struct err *e);
/* How many partitions the directory holds. */
ERR_MUST_CHECK enum err_code topic_storage_count(struct log_dir *dir, size_t *out_count,
                                                 struct err *e);
