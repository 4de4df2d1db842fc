"""Postgres as the JDBC connector reads it: types, modes, discovery, refusals, and a database that goes away."""
import datetime
import time

import pytest

from jdbc_support import Dump, dump_all, dump_failure, wait_for

# column definition, SQL literal, Connect schema, value as jdbc_dump prints it
TYPES = [
    ("smallint", "-2", {"type": "int16"}, -2),
    ("integer", "2147483647", {"type": "int32"}, 2147483647),
    ("bigint", "-9223372036854775808", {"type": "int64"}, -9223372036854775808),
    ("oid", "4294967295", {"type": "int64"}, 4294967295),
    ("real", "1.5", {"type": "float"}, 1.5),
    ("double precision", "72.2", {"type": "double"}, 72.2),
    ("float(25)", "0.1", {"type": "double"}, 0.1),
    ("numeric(10,2)", "-1234.5", {"type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "scale": "2",
                                  "connect.decimal.precision": "10"}, "-1234.50"),
    ("numeric(40,0)", "1234567890123456789012345678901234567890",
     {"type": "bytes", "name": "org.apache.kafka.connect.data.Decimal", "scale": "0",
      "connect.decimal.precision": "40"}, "1234567890123456789012345678901234567890"),
    ("numeric", "12345.678900000000000000001", {"type": "string"}, "12345.678900000000000000001"),
    ("money", "'1234.56'", {"type": "double"}, 1234.56),
    ("money", "'-92233720368547758.08'", {"type": "double"}, -92233720368547758.08),
    ("boolean", "true", {"type": "boolean"}, True),
    ("char(4)", "'ab'", {"type": "string"}, "ab  "),
    ("varchar(10)", "'häh'", {"type": "string"}, "häh"),
    ("text", "'it''s'", {"type": "string"}, "it's"),
    ("name", "'n'", {"type": "string"}, "n"),
    ("date", "'2022-07-09'", {"type": "int32", "name": "org.apache.kafka.connect.data.Date"}, 19182),
    ("time", "'21:33:14.064999'", {"type": "int32", "name": "org.apache.kafka.connect.data.Time"}, 77594064),
    ("timetz", "'01:00:00+02'", {"type": "int32", "name": "org.apache.kafka.connect.data.Time"}, 82800000),
    ("timestamp", "'2022-07-09 21:33:14.064999'",
     {"type": "int64", "name": "org.apache.kafka.connect.data.Timestamp"}, 1657402394064),
    ("timestamptz", "'2022-07-09 23:33:14.064+02'",
     {"type": "int64", "name": "org.apache.kafka.connect.data.Timestamp"}, 1657402394064),
    ("timestamptz", "'1969-12-31 23:59:59.9995+00'",
     {"type": "int64", "name": "org.apache.kafka.connect.data.Timestamp"}, -1),
    ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", {"type": "string"}, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("json", "'{\"a\": 1}'", {"type": "string"}, '{"a": 1}'),
    ("jsonb", "'{\"a\":1}'", {"type": "string"}, '{"a": 1}'),
    ("xml", "'<a/>'", {"type": "string"}, "<a/>"),
    ("bytea", "'\\x00ff10'", {"type": "bytes"}, "00ff10"),
    ("bit(1)", "B'1'", {"type": "boolean"}, True),
    ("bit(3)", "B'101'", {"type": "int8"}, 101),
    ("bit(12)", "B'101010101010'", {"type": "bytes"}, b"101010101010".hex()),
    ("mood", "'happy'", {"type": "string"}, "happy"),
    ("positive", "5", {"type": "int32"}, 5),
]


def test_every_type(postgres, tmp_path):
    postgres.execute("CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN positive AS INT CHECK (VALUE > 0)")
    columns = ", ".join(f"c{i} {t[0]}" for i, t in enumerate(TYPES))
    required = ", ".join(f"r{i} {t[0]} NOT NULL" for i, t in enumerate(TYPES))
    values = ", ".join(t[1] for t in TYPES)
    nulls = ", ".join("NULL" for _ in TYPES)
    postgres.execute(f"CREATE TABLE t(id SERIAL PRIMARY KEY, {columns}, {required})")
    postgres.execute(f"INSERT INTO t VALUES (1, {values}, {values}), (2, {nulls}, {values})")
    first, second = dump_all(tmp_path, postgres.jdbc_url, "mode=incrementing", "incrementing.column.name=id",
                             "table.whitelist=public.t", "topic.prefix=a-", count=2, schema=True)
    assert first["topic"] == "a-t"
    assert first["partition"] == '{"protocol":"1","table":"public.t"}'
    assert first["offset"] == {"incrementing": 1}
    assert first["schema"]["name"] == "t"
    for i, (name, _, schema, value) in enumerate(TYPES):
        assert first["schema"][f"c{i}"] == {**schema, "optional": True}, name
        assert first["schema"][f"r{i}"] == {**schema, "optional": False}, name
        assert first["value"][f"c{i}"] == value, name
        assert first["value"][f"r{i}"] == value, name
        assert second["value"][f"c{i}"] is None, name
        assert second["value"][f"r{i}"] == value, name


@pytest.mark.parametrize("mapping,expected", [
    ("none", ["bytes", "bytes", "bytes", "string"]),
    ("precision_only", ["int8", "int32", "bytes", "string"]),
    ("best_fit", ["int8", "int32", "double", "double"]),
    ("best_fit_eager_double", ["int8", "int32", "double", "double"]),
])
def test_numeric_mapping(postgres, tmp_path, mapping, expected):
    postgres.execute("CREATE TABLE t(id SERIAL PRIMARY KEY, a numeric(2), b numeric(9), c numeric(10,2), d numeric)")
    postgres.execute("INSERT INTO t VALUES (1, -99, 999999999, 12.34, 0.5)")
    [record] = dump_all(tmp_path, postgres.jdbc_url, "mode=incrementing", "table.whitelist=t",
                        f"numeric.mapping={mapping}", count=1, schema=True)
    assert [record["schema"][c]["type"] for c in "abcd"] == expected
    assert [float(record["value"][c]) for c in "abcd"] == [-99, 999999999, 12.34, 0.5]


@pytest.mark.parametrize("kind", ["inet", "interval", "integer[]", "point", "tsvector", "int4range"])
def test_a_type_that_cannot_be_carried_is_refused_by_name(postgres, tmp_path, kind):
    postgres.execute(f"CREATE TABLE t(id SERIAL PRIMARY KEY, odd {kind})")
    text = dump_failure(tmp_path, postgres.jdbc_url, "mode=incrementing", "table.whitelist=t")
    assert '"public"."t": column "odd" has the type ' + kind in text
    [record] = dump_all(tmp_path, postgres.jdbc_url, "mode=bulk", "topic.prefix=q",
                        "query=SELECT 1 AS id, odd::text FROM (VALUES (NULL)) v(odd)", count=1)
    assert record["value"] == {"id": 1, "odd": None}


@pytest.mark.parametrize("settings,text", [
    (("mode=incrementing", "incrementing.column.name=n", "table.whitelist=t"),
     'Cannot make incremental queries using incrementing column n on "public"."t" because this column is nullable.'),
    (("mode=timestamp", "timestamp.column.name=at", "table.whitelist=t"),
     'Cannot make incremental queries using timestamp columns [at] on "public"."t" because all of these columns '
     'nullable.'),
    (("mode=incrementing", "incrementing.column.name=zz", "table.whitelist=t"),
     "Incrementing column: zz does not exist in table"),
    (("mode=incrementing", "incrementing.column.name=words", "table.whitelist=t"),
     "Invalid type for incrementing column"),
    (("mode=bulk", "query=SELECT 1", "table.whitelist=t"),
     "query may not be combined with whole-table copying settings."),
    (("mode=bulk", "table.whitelist=t", "table.blacklist=t"), "table.whitelist and table.blacklist are exclusive"),
    (("mode=bulk", "table.whitelist=nope"), "Task is being killed because it was not assigned a table nor a query"),
    (("mode=zz",), "Invalid value zz for configuration mode: String must be one of: , bulk, timestamp, incrementing, "
     "timestamp+incrementing"),
    (("mode=",), "Query mode must be specified"),
    (("mode=bulk", "numeric.mapping=zz"), "Invalid value zz for configuration numeric.mapping: Invalid enumerator"),
    (("mode=bulk", "topic.prefix=a/b"), "Invalid value a/b for configuration topic.prefix: Topic prefix must not"),
    (("mode=bulk", "db.timezone=Mars/Olympus"), "Mars/Olympus"),
    (("mode=bulk", "query=SELECT * FROM missing"), 'relation "missing" does not exist'),
    (("mode=bulk",), "The connector uses the unqualified table name as the topic name and has detected duplicate"),
])
def test_refusals(postgres, tmp_path, settings, text):
    postgres.execute("CREATE TABLE t(id SERIAL PRIMARY KEY, n INT, words TEXT NOT NULL, at TIMESTAMP)")
    postgres.execute("CREATE SCHEMA other; CREATE TABLE other.t(id INT)")
    whole = "table.whitelist=t" in settings
    failure = dump_failure(tmp_path, postgres.jdbc_url, *settings, *(["schema.pattern=public"] if whole else []),
                           "connection.attempts=1")
    assert text in failure
    assert "secret" not in failure


def test_wrong_password_and_unknown_database(make_postgres, tmp_path):
    server = make_postgres()
    server.execute("ALTER USER root PASSWORD 'right'")
    hba = server.data / "pg_hba.conf"
    hba.write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    server._run("pg_ctl", "-D", server.data, "reload")
    text = dump_failure(tmp_path, server.jdbc_url.replace("secret", "geheim"), "mode=bulk", "connection.attempts=2",
                        "connection.backoff.ms=10")
    assert 'org.postgresql.util.PSQLException: FATAL: password authentication failed for user "root"' in text
    assert "geheim" not in text
    text = dump_failure(tmp_path, server.jdbc_url.replace("/root?", "/nope?").replace("secret", "right"), "mode=bulk",
                        "connection.attempts=1")
    assert 'FATAL: database "nope" does not exist' in text
    text = dump_failure(tmp_path, "jdbc:oracle:thin", "mode=bulk")
    assert "No suitable driver found for jdbc:oracle:thin" in text
    assert "Not a valid JDBC URL: zz" in dump_failure(tmp_path, "zz", "mode=bulk")


def test_survives_restarts_and_starts_without_a_database(make_postgres, tmp_path):
    postgres = make_postgres()
    postgres.execute("CREATE TABLE t(id SERIAL PRIMARY KEY)")
    postgres.execute("INSERT INTO t DEFAULT VALUES")
    postgres.stop()
    with Dump(tmp_path, postgres.jdbc_url, "mode=incrementing", "table.whitelist=t", "poll.interval.ms=10",
              "connection.backoff.ms=100", "connection.attempts=1") as dump:
        wait_for(lambda: "Connection to 127.0.0.1" in dump.errors() and "refused. Check that the hostname"
                 in dump.errors(), "a warning")
        postgres.start()
        wait_for(lambda: len(dump.records()) == 1, "the first row")
        for mode in ("immediate", "fast"):
            postgres.stop(mode)
            postgres.start()
            postgres.execute("INSERT INTO t DEFAULT VALUES")
        wait_for(lambda: len(dump.records()) == 3, "the rows after the restarts")
        ids = [r["value"]["id"] for r in dump.records()]
        assert ids == sorted(set(ids))
        postgres.stop()
        wait_for(lambda: dump.errors().count("refused") > 3, "attempts")
    assert "secret" not in dump.errors()


def test_bulk_comes_again_and_pages_through(postgres, tmp_path):
    postgres.execute("CREATE TABLE t(id INT, v TEXT)")
    postgres.execute("INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 2500) i")
    records = dump_all(tmp_path, postgres.jdbc_url, "mode=bulk", "table.whitelist=t", "batch.max.rows=100",
                       "poll.interval.ms=10", count=5000)
    assert sorted(r["value"]["id"] for r in records) == sorted(list(range(1, 2501)) * 2)
    assert records[0]["offset"] is None


def test_timestamp_and_both(postgres, tmp_path):
    postgres.execute("CREATE TABLE t(id SERIAL PRIMARY KEY, at TIMESTAMP NOT NULL, other TIMESTAMP)")
    postgres.execute("INSERT INTO t(at) SELECT TIMESTAMP '2022-01-01' + (i / 10) * INTERVAL '1 s' "
                     "FROM generate_series(0, 99) i")
    common = ("table.whitelist=t", "timestamp.column.name=at", "poll.interval.ms=10", "batch.max.rows=7")
    records = dump_all(tmp_path, postgres.jdbc_url, "mode=timestamp", *common, count=100)
    assert [r["value"]["id"] for r in records] == list(range(1, 101))
    base = int(datetime.datetime(2022, 1, 1, tzinfo=datetime.timezone.utc).timestamp() * 1000)
    assert records[0]["offset"] == {"timestamp_nanos": 0, "timestamp": 0}
    assert records[9]["offset"] == {"timestamp_nanos": 0, "timestamp": base}
    assert records[15]["offset"] == {"timestamp_nanos": 0, "timestamp": base}
    with Dump(tmp_path, postgres.jdbc_url, "mode=timestamp+incrementing", *common, "db.timezone=Europe/Berlin",
              name="both") as dump:
        wait_for(lambda: len(dump.records()) == 100, "all rows")
        assert dump.records()[99]["offset"] == {"timestamp_nanos": 0, "incrementing": 100,
                                                "timestamp": base + 9000 - 3600000}
        postgres.execute("UPDATE t SET at = now() AT TIME ZONE 'Europe/Berlin' WHERE id = 5")
        wait_for(lambda: len(dump.records()) == 101, "the changed row")
        assert dump.records()[100]["value"]["id"] == 5
        dump.never(lambda: len(dump.records()) > 101, 0.3, "no row twice")


def test_query_mode_and_suffix(postgres, tmp_path):
    postgres.execute("CREATE TABLE t(id SERIAL PRIMARY KEY, v INT)")
    postgres.execute("INSERT INTO t(v) SELECT i FROM generate_series(1, 10) i")
    records = dump_all(tmp_path, postgres.jdbc_url, "mode=incrementing", "incrementing.column.name=id",
                       "query=SELECT * FROM (SELECT id, v * 2 AS v2 FROM t WHERE v > 3) s", "topic.prefix=answers",
                       "poll.interval.ms=10", "query.suffix=LIMIT 2", count=7, schema=True)
    assert [r["value"]["v2"] for r in records] == [8, 10, 12, 14, 16, 18, 20]
    assert records[0]["topic"] == "answers"
    assert records[0]["partition"] == '{"query":"query"}'
    assert "name" not in records[0]["schema"]


def test_tables_are_dealt_out_and_columns_may_change(postgres, tmp_path):
    for name in ("a", "b", "c", 'we"ird, table.'):
        quoted = '"' + name.replace('"', '""') + '"'
        postgres.execute(f"CREATE TABLE {quoted}(id SERIAL PRIMARY KEY)")
        postgres.execute(f"INSERT INTO {quoted} DEFAULT VALUES")
    with Dump(tmp_path, postgres.jdbc_url, "mode=incrementing", "table.blacklist=c", "poll.interval.ms=10",
              arguments=["--tasks", "2", "--schema"]) as dump:
        wait_for(lambda: len(dump.records()) == 3, "a row of each table")
        assert sorted(r["topic"] for r in dump.records()) == ["a", "b", 'we"ird, table.']
        postgres.execute("ALTER TABLE a ADD COLUMN extra TEXT DEFAULT 'x'")
        postgres.execute("INSERT INTO a DEFAULT VALUES")
        wait_for(lambda: len(dump.records()) == 4, "the row with the new column")
        assert dump.records()[3]["value"] == {"id": 2, "extra": "x"}
        postgres.execute("ALTER TABLE a ALTER COLUMN extra SET NOT NULL")
        postgres.execute("INSERT INTO a DEFAULT VALUES")
        wait_for(lambda: len(dump.records()) == 5, "a row")
        postgres.execute("ALTER TABLE a ALTER COLUMN extra DROP NOT NULL")
        postgres.execute("INSERT INTO a VALUES (DEFAULT, NULL)")
        wait_for(lambda: len(dump.records()) == 6, "the row with the null")
        assert dump.records()[5]["schema"]["extra"]["optional"]


def test_stops_at_once_while_waiting(postgres, tmp_path):
    """In back-off, in a long query, while a lock is awaited: SIGTERM ends it (Dump.stop has the limit)."""
    postgres.execute("CREATE TABLE t(id SERIAL PRIMARY KEY)")
    with Dump(tmp_path, postgres.jdbc_url, "mode=bulk", "topic.prefix=q", "query=SELECT pg_sleep(600)::text") as dump:
        wait_for(lambda: postgres.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' "
                                          "AND application_name = 'weir'"), "the query")
        began = time.monotonic()
        assert dump.stop() == 0
        assert time.monotonic() - began < 5
