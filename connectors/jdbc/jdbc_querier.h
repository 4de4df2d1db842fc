/*
 * Reads one table (or the query) on and on: runs the dialect's statements, decides by jdbc_gap
 * which rows may go, makes records of them and remembers where it is. Survives the loss of its
 * session: the position stays, the stream is opened anew. One thread.
 *
 *   idle --(due)--> statement running --(rows delivered, or held at a gap)--> idle
 */
#pragma once

#include "connect/include/connect_record.h"
#include "connectors/jdbc/jdbc_dialect.h"
#include "connectors/jdbc/jdbc_gap.h"
#include "connectors/jdbc/jdbc_offset.h"

struct jdbc_querier;

/* table NULL: query mode. The table is borrowed. Looks the offset up. */
enum err_code jdbc_querier_create(const struct jdbc_settings *settings, struct source_context *ctx,
                                  const struct jdbc_table *table, struct jdbc_querier **out_querier,
                                  struct err *e);
void jdbc_querier_destroy(struct jdbc_querier *q);
/* The session is about to be closed (or has just been opened). */
void jdbc_querier_detach(struct jdbc_querier *q);
/* When it wants to be read next, monotonic ms; 0 = now (a statement is under way). */
int64_t jdbc_querier_due_ms(const struct jdbc_querier *q);
/* Adds records until the batch is full or there is nothing more at present. */
enum err_code jdbc_querier_read(struct jdbc_querier *q, struct jdbc_session *session,
                                struct connect_batch *batch, struct err *e);
/* Gives up the running statement; it will be run again, from the last position, when due. */
void jdbc_querier_reset(struct jdbc_querier *q);
/* "public"."t" or query, for logs. */
const char *jdbc_querier_name(const struct jdbc_querier *q);
