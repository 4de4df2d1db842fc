/*
 * Errors of libpq as users of the JDBC driver know them, with the code that says what to do next
 * (see jdbc_dialect.h).
 */
#pragma once

#include <libpq-fe.h>

#include "common/err.h"

#define PG_EXCEPTION "org.postgresql.util.PSQLException"

/* Of a connection that could not be made, or broke. */
enum err_code pg_error_from_connection(PGconn *conn, struct err *e);
/* Of a statement that failed. */
enum err_code pg_error_from_result(PGconn *conn, const PGresult *r, struct err *e);
/* What to do about an SQLSTATE. */
enum err_code pg_error_code(const char *sqlstate);
