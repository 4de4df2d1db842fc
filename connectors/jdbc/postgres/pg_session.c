#include "connectors/jdbc/postgres/pg_session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/check.h"
#include "common/mem.h"
#include "connect/include/connect_error.h"
#include "connectors/jdbc/postgres/pg_conninfo.h"
#include "connectors/jdbc/postgres/pg_error.h"

/* How long a stop may go unseen while the socket is silent. */
#define PG_WAIT_SLICE_MS 50
#define PG_CONNECT_TIMEOUT_MS 10000

/* Waits until the socket is ready. False when the worker wants an end or the time is over. */
static bool pg_session_wait(const struct pg_session *s, short events, int64_t deadline_ms)
{
    for (;;) {
        if (source_context_stopping(s->base.ctx)) {
            return false;
        }
        if (deadline_ms != 0 && clock_mono_ms(clock_system()) >= deadline_ms) {
            return false;
        }
        struct pollfd p = {.fd = PQsocket(s->conn), .events = events};
        int n = poll(&p, 1, PG_WAIT_SLICE_MS);
        if (n > 0 || (n < 0 && errno != EINTR)) {
            return true; /* a broken socket shows in the next libpq call */
        }
    }
}

static enum err_code pg_session_cancelled(struct err *e)
{
    return err_set(e, ERR_CANCELLED, "stopped while waiting for the database");
}

static enum err_code pg_session_connect(struct pg_session *s, struct err *e)
{
    int64_t deadline_ms = clock_mono_ms(clock_system()) + PG_CONNECT_TIMEOUT_MS;
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (PQstatus(s->conn) != CONNECTION_BAD && state != PGRES_POLLING_OK) {
        if (!pg_session_wait(s, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms)) {
            return source_context_stopping(s->base.ctx)
                       ? pg_session_cancelled(e)
                       : connect_error_set(e, ERR_UNAVAILABLE, PG_EXCEPTION,
                                           "The connection attempt failed: no answer within %d s.",
                                           PG_CONNECT_TIMEOUT_MS / 1000);
        }
        state = PQconnectPoll(s->conn);
        if (state == PGRES_POLLING_FAILED) {
            break;
        }
    }
    return PQstatus(s->conn) == CONNECTION_OK ? ERR_OK : pg_error_from_connection(s->conn, e);
}

/* Settings that the session needs, and what it must know about the server. */
static enum err_code pg_session_greet(struct pg_session *s, struct err *e)
{
    const char *isolation = s->base.settings->isolation;
    if (strcasecmp(isolation, "DEFAULT") != 0) {
        char sql[160];
        (void)snprintf(sql, sizeof sql,
                       "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL %s", isolation);
        for (char *p = strstr(sql, "LEVEL"); *p != '\0'; p++) {
            *p = *p == '_' ? ' ' : *p;
        }
        PGresult *set = NULL;
        enum err_code rc = pg_session_run(s, &(struct pg_request){.sql = sql}, &set, e);
        PQclear(set);
        if (rc != ERR_OK) {
            return rc;
        }
    }
    PGresult *r = NULL;
    enum err_code rc =
        pg_session_run(s, &(struct pg_request){.sql = "SELECT pg_is_in_recovery()"}, &r, e);
    if (rc == ERR_OK) {
        struct bytes cell = pg_session_cell(r, 0, 0);
        s->standby = cell.len == 1 && cell.data[0] != 0;
    }
    PQclear(r);
    return rc;
}

enum err_code pg_session_open(const struct jdbc_settings *settings, struct source_context *ctx,
                              struct jdbc_session **out_session, struct err *e)
{
    struct pg_session *s = mem_calloc(1, sizeof *s);
    if (s == NULL) {
        return err_nomem(e, "Postgres session");
    }
    s->base = (struct jdbc_session){&jdbc_dialect_postgres, settings, ctx};
    s->money_digits = -1;
    enum err_code rc = jdbc_zone_open(settings->zone, &s->zone, e);
    if (rc == ERR_OK) {
        rc = pg_conninfo_start(settings, &s->conn, e);
    } else {
        connect_error_wrap(e, CONNECT_CONFIG_EXCEPTION, "%s", "db.timezone");
    }
    rc = rc == ERR_OK ? pg_session_connect(s, e) : rc;
    rc = rc == ERR_OK ? pg_session_greet(s, e) : rc;
    if (rc != ERR_OK) {
        pg_session_close(&s->base);
        return rc;
    }
    *out_session = &s->base;
    return ERR_OK;
}

void pg_session_close(struct jdbc_session *take_session)
{
    struct pg_session *s = (struct pg_session *)(void *)take_session;
    if (s != NULL) {
        PQfinish(s->conn);
        jdbc_zone_close(s->zone);
        mem_free(s);
    }
}

enum err_code pg_session_send(struct pg_session *s, const struct pg_request *request, struct err *e)
{
    int formats[PG_PARAMETERS_MAX] = {1, 1, 1, 1};
    CHECK(request->parameter_count <= PG_PARAMETERS_MAX);
    int ok = request->prepared != NULL
                 ? PQsendQueryPrepared(s->conn, request->prepared, request->parameter_count,
                                       request->values, request->lengths, formats, 1)
                 : PQsendQueryParams(s->conn, request->sql, request->parameter_count,
                                     request->types, request->values, request->lengths, formats, 1);
    return ok != 0 ? ERR_OK : pg_error_from_connection(s->conn, e);
}

/* The next result, or NULL at the end of a statement. */
static enum err_code pg_session_next(struct pg_session *s, PGresult **out_result, struct err *e)
{
    for (;;) {
        int flushed = PQflush(s->conn);
        if (flushed < 0) {
            return pg_error_from_connection(s->conn, e);
        }
        if (PQisBusy(s->conn) == 0) {
            *out_result = PQgetResult(s->conn);
            return ERR_OK;
        }
        if (!pg_session_wait(s, (short)(flushed > 0 ? POLLIN | POLLOUT : POLLIN), 0)) {
            return pg_session_cancelled(e);
        }
        if (PQconsumeInput(s->conn) == 0) {
            return pg_error_from_connection(s->conn, e);
        }
    }
}

/* One statement's result; the first error of it in e. What follows it is read off. */
enum err_code pg_session_receive(struct pg_session *s, PGresult **out_result, struct err *e)
{
    PGresult *kept = NULL;
    enum err_code rc = ERR_OK;
    for (;;) {
        PGresult *r = NULL;
        enum err_code next = pg_session_next(s, &r, rc == ERR_OK ? e : NULL);
        if (next != ERR_OK) {
            PQclear(kept);
            return rc == ERR_OK ? next : rc;
        }
        if (r == NULL) {
            break;
        }
        ExecStatusType status = PQresultStatus(r);
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
            PQclear(kept);
            kept = r;
            continue;
        }
        if (rc == ERR_OK && status == PGRES_PIPELINE_ABORTED) {
            rc = err_set(e, ERR_CANCELLED, "an earlier statement failed");
        } else if (rc == ERR_OK) {
            rc = pg_error_from_result(s->conn, r, e);
        }
        PQclear(r);
    }
    if (rc == ERR_OK && kept == NULL) {
        rc = pg_error_from_connection(s->conn, e);
    }
    if (rc != ERR_OK) {
        PQclear(kept);
        return rc;
    }
    *out_result = kept;
    return ERR_OK;
}

enum err_code pg_session_run(struct pg_session *s, const struct pg_request *request,
                             PGresult **out_result, struct err *e)
{
    enum err_code rc = pg_session_send(s, request, e);
    return rc == ERR_OK ? pg_session_receive(s, out_result, e) : rc;
}

static enum err_code pg_session_receive_sync(struct pg_session *s, struct err *e)
{
    PGresult *r = NULL;
    enum err_code rc = pg_session_next(s, &r, e);
    if (rc == ERR_OK && PQresultStatus(r) != PGRES_PIPELINE_SYNC) {
        rc = pg_error_from_connection(s->conn, e);
    }
    PQclear(r);
    return rc;
}

/* Receives what was sent; reads on after an error, so that the connection stays in step. */
static enum err_code pg_session_collect(struct pg_session *s, const struct pg_request *requests,
                                        size_t count, PGresult **results, struct err *e)
{
    enum err_code first = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        enum err_code rc = pg_session_receive(s, &results[i], first == ERR_OK ? e : NULL);
        first = first == ERR_OK ? rc : first;
        bool lost = rc == ERR_UNAVAILABLE || source_context_stopping(s->base.ctx);
        if (lost) {
            return first;
        }
        if (i + 1 == count || requests[i].sync_after) {
            rc = pg_session_receive_sync(s, first == ERR_OK ? e : NULL);
            if (rc != ERR_OK) {
                return first == ERR_OK ? rc : first;
            }
        }
    }
    return first;
}

enum err_code pg_session_run_all(struct pg_session *s, const struct pg_request *requests,
                                 size_t count, PGresult **out_results, struct err *e)
{
    CHECK(count > 0 && count <= PG_REQUESTS_MAX);
    if (PQenterPipelineMode(s->conn) == 0) {
        return pg_error_from_connection(s->conn, e);
    }
    PGresult *results[PG_REQUESTS_MAX] = {NULL};
    enum err_code rc = ERR_OK;
    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        rc = pg_session_send(s, &requests[i], e);
        if (rc == ERR_OK && (i + 1 == count || requests[i].sync_after) &&
            PQpipelineSync(s->conn) == 0) {
            rc = pg_error_from_connection(s->conn, e);
        }
    }
    rc = rc == ERR_OK ? pg_session_collect(s, requests, count, results, e) : rc;
    if (PQexitPipelineMode(s->conn) == 0 && rc == ERR_OK) {
        rc = pg_error_from_connection(s->conn, e);
    }
    for (size_t i = 0; i < count; i++) {
        if (rc != ERR_OK) {
            PQclear(results[i]);
        } else {
            out_results[i] = results[i];
        }
    }
    return rc;
}

enum err_code pg_session_prepare(struct pg_session *s, const char *name, const char *sql,
                                 const Oid *types, int type_count, struct err *e)
{
    if (PQsendPrepare(s->conn, name, sql, type_count, types) == 0) {
        return pg_error_from_connection(s->conn, e);
    }
    PGresult *r = NULL;
    enum err_code rc = pg_session_receive(s, &r, e);
    if (rc == ERR_OK) {
        PQclear(r);
    }
    return rc;
}

enum err_code pg_session_describe(struct pg_session *s, const char *name, PGresult **out_result,
                                  struct err *e)
{
    if (PQsendDescribePrepared(s->conn, name) == 0) {
        return pg_error_from_connection(s->conn, e);
    }
    return pg_session_receive(s, out_result, e);
}

struct bytes pg_session_cell(const PGresult *r, int row, int column)
{
    int len = row < PQntuples(r) ? PQgetlength(r, row, column) : 0;
    if (len == 0 && (row >= PQntuples(r) || PQgetisnull(r, row, column))) {
        return bytes_null();
    }
    return bytes_of(PQgetvalue(r, row, column), (size_t)len);
}

int64_t pg_session_int64(struct bytes cell)
{
    uint64_t v = 0;
    for (size_t i = 0; i < cell.len && i < 8; i++) {
        v = v << 8 | cell.data[i];
    }
    return (int64_t)v;
}

int32_t pg_session_int32(struct bytes cell)
{
    return (int32_t)(uint32_t)pg_session_int64(cell);
}
