/*
 * The properties of the JDBC driver, from URL and connection.* keys, as libpq's. Unknown ones are
 * ignored, as the driver does.
 */
#pragma once

#include <libpq-fe.h>

#include "connectors/jdbc/jdbc_settings.h"

/* Starts connecting (PQconnectPoll goes on). *out_conn is set even on failure when there is one. */
enum err_code pg_conninfo_start(const struct jdbc_settings *settings, PGconn **out_conn,
                                struct err *e);
