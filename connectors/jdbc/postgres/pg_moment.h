/*
 * The moment A of jdbc_gap.h in Postgres: which transactions could still add rows.
 *
 * An INSERT locks its table (RowExclusiveLock), and nextval() its sequence, before the id is taken,
 * and both keep the lock until the transaction has ended, which is after its rows have become
 * visible. So the holders of such a lock, read from pg_locks, are all who can bring a row below an
 * id that was visible before: no transaction that merely is open holds anything up. Prepared
 * transactions keep their locks too. On a standby the locks of the primary cannot be seen; there
 * the transactions of the snapshot have to do.
 */
#pragma once

#include "connectors/jdbc/postgres/pg_session.h"

/* The statement; max_sql may be NULL. oids: pg_catalog_lock_targets. The text is the caller's. */
char *pg_moment_sql(const char *max_sql, const char *oids, bool standby);
/* Reads its result. *open grows as needed and stays the caller's (mem_free). */
enum err_code pg_moment_read(const PGresult *r, uint64_t **open, size_t *capacity,
                             struct jdbc_moment *out_moment, struct err *e);
