/* The table of functions that makes Postgres a dialect. */
#include "connectors/jdbc/postgres/pg_catalog.h"
#include "connectors/jdbc/postgres/pg_session.h"
#include "connectors/jdbc/postgres/pg_stream.h"

const struct jdbc_dialect jdbc_dialect_postgres = {
    .name = "PostgreSqlDatabaseDialect",
    .style = {.quote = '"', .parameter = '$'},
    .open = pg_session_open,
    .close = pg_session_close,
    .list_tables = pg_catalog_list_tables,
    .open_stream = pg_stream_open,
    .close_stream = pg_stream_close,
    .observe = pg_stream_observe,
    .first_chunk = pg_stream_first_chunk,
    .next_chunk = pg_stream_next_chunk,
    .finish = pg_stream_finish,
    .prefetch = pg_stream_prefetch,
    .row_id = pg_stream_row_id,
    .row_timestamp = pg_stream_row_timestamp,
    .decode_row = pg_stream_decode_row,
};
