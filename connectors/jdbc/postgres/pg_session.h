/*
 * One connection to Postgres: opening it from a JDBC URL, sending statements (several in one round
 * trip when wanted) and waiting for their results without ever being deaf to the worker's stop.
 * Results are binary. One thread.
 */
#pragma once

#include <libpq-fe.h>

#include "connectors/jdbc/jdbc_dialect.h"
#include "connectors/jdbc/jdbc_zone.h"

#define PG_PARAMETERS_MAX 4
#define PG_REQUESTS_MAX 6

struct pg_session {
    struct jdbc_session base;
    PGconn *conn;
    struct jdbc_zone *zone; /* db.timezone */
    bool standby;
    int money_digits;           /* -1: not yet asked */
    unsigned statement_count;   /* names of prepared statements */
    struct pg_stream *inflight; /* its prefetched result is still under way */
};

/* A statement with its parameters, all binary. Either text or the name of a prepared one. */
struct pg_request {
    const char *sql;
    const char *prepared;
    int parameter_count;
    Oid types[PG_PARAMETERS_MAX];
    const char *values[PG_PARAMETERS_MAX];
    int lengths[PG_PARAMETERS_MAX];
    bool sync_after; /* the next request is a transaction of its own */
};

enum err_code pg_session_open(const struct jdbc_settings *settings, struct source_context *ctx,
                              struct jdbc_session **out_session, struct err *e);
void pg_session_close(struct jdbc_session *take_session);

/* Runs one statement. The caller owns *out_result (PQclear). */
enum err_code pg_session_run(struct pg_session *s, const struct pg_request *request,
                             PGresult **out_result, struct err *e);
/* Runs several in one round trip; results of all, or none. */
enum err_code pg_session_run_all(struct pg_session *s, const struct pg_request *requests,
                                 size_t count, PGresult **out_results, struct err *e);
/* Only sends; the result is fetched by pg_session_receive. */
enum err_code pg_session_send(struct pg_session *s, const struct pg_request *request,
                              struct err *e);
enum err_code pg_session_receive(struct pg_session *s, PGresult **out_result, struct err *e);
enum err_code pg_session_prepare(struct pg_session *s, const char *name, const char *sql,
                                 const Oid *types, int type_count, struct err *e);
/* The columns of a prepared statement. */
enum err_code pg_session_describe(struct pg_session *s, const char *name, PGresult **out_result,
                                  struct err *e);
/* Texts of a cell and numbers in it. */
struct bytes pg_session_cell(const PGresult *r, int row, int column);
int64_t pg_session_int64(struct bytes cell);
int32_t pg_session_int32(struct bytes cell);
