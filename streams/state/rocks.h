/*
 * The RocksDB of a task: one database, a column family for each of its stores; keys of windowed
 * stores begin with their segment. The write-ahead log is off: the changelog topic is the log, and
 * what the database holds beyond its checkpoint is restored from there. One owner thread.
 */
#pragma once

#include "streams/state/kv.h"
#include "streams/topology/topology.h"

struct rocks;

/* Makes directories as needed. ERR_UNAVAILABLE while another owner has the database open;
 * ERR_CORRUPT when what is there cannot be used. */
enum err_code rocks_open(const char *path, const struct weir_topology *t, int sub,
                         struct rocks **out_rocks, struct err *e);
/* A store; closing it closes nothing. Valid until rocks_close. */
enum err_code rocks_open_kv(struct rocks *r, const char *store, struct kv **out_kv, struct err *e);
/* NULL is fine. What was not synced may be lost. */
void rocks_close(struct rocks *r);
/* Deletes a database that nobody has open, with all below the path. */
enum err_code rocks_remove(const char *path, struct err *e);
/* mkdir -p, rwxr-x---. */
enum err_code rocks_make_directories(const char *path, struct err *e);
