/* The table of functions that makes SQLite a dialect. */
#include "connectors/jdbc/sqlite/sqlite_session.h"
#include "connectors/jdbc/sqlite/sqlite_stream.h"

const struct jdbc_dialect jdbc_dialect_sqlite = {
    .name = "SqliteDatabaseDialect",
    /* Milliseconds since 1970, whatever a timestamp is kept as: an integer, or text of any form
     * that SQLite knows. */
    .style = {.quote = '"',
              .parameter = '?',
              .timestamp_format = "CASE typeof(%s) WHEN 'text' THEN CAST(strftime('%%s',%s) AS "
                                  "INTEGER)*1000+CAST(substr(strftime('%%f',%s),4) AS INTEGER) "
                                  "ELSE %s END"},
    .open = sqlite_session_open,
    .close = sqlite_session_close,
    .list_tables = sqlite_session_list_tables,
    .open_stream = sqlite_stream_open,
    .close_stream = sqlite_stream_close,
    .observe = sqlite_stream_observe,
    .first_chunk = sqlite_stream_first_chunk,
    .next_chunk = sqlite_stream_next_chunk,
    .finish = sqlite_stream_finish,
    .row_id = sqlite_stream_row_id,
    .row_timestamp = sqlite_stream_row_timestamp,
    .decode_row = sqlite_stream_decode_row,
};
