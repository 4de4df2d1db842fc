"""SQLite as the JDBC connector reads it."""
import sqlite3
import threading

import pytest

from jdbc_support import Dump, dump_all, dump_failure, wait_for

TABLE = """CREATE TABLE purchases(id INTEGER PRIMARY KEY, category VARCHAR(120), amount MONEY,
credit_card VARCHAR(20), distance FLOAT, at TIMESTAMPTZ DEFAULT CURRENT_TIMESTAMP, d DECIMAL(10,2), b BLOB, n INTEGER)"""


def make(tmp_path):
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    connection.execute(TABLE)
    return connection, f"jdbc:sqlite:{tmp_path}/a.db"


def test_declared_types_and_widening(tmp_path):
    connection, url = make(tmp_path)
    connection.execute("INSERT INTO purchases VALUES (1, 'a', 1234.5, '4532', 43, '2022-07-09 21:33:14.064', 12.345, "
                       "x'00ff', 5)")
    with Dump(tmp_path, url, "mode=incrementing", "incrementing.column.name=id", "table.whitelist=purchases",
              "poll.interval.ms=10", arguments=["--schema"]) as dump:
        wait_for(lambda: len(dump.records()) == 1, "the first row")
        connection.execute("INSERT INTO purchases(id, n) VALUES (2, 5000000000)")
        connection.execute("INSERT INTO purchases(id, n) VALUES (3, 6)")
        wait_for(lambda: len(dump.records()) == 3, "the next rows")
    first, second, third = dump.records()
    assert first["partition"] == '{"protocol":"1","table":"purchases"}'
    assert first["value"] == {"id": 1, "category": "a", "amount": 1234.5, "credit_card": "4532", "distance": 43.0,
                              "at": 1657402394064, "d": "12.35", "b": "00ff", "n": 5}
    types = {k: v["type"] for k, v in first["schema"].items() if isinstance(v, dict)}
    assert types == {"id": "int32", "category": "string", "amount": "double", "credit_card": "string",
                     "distance": "double", "at": "int64", "d": "bytes", "b": "bytes", "n": "int32"}
    assert not first["schema"]["id"]["optional"]
    assert second["value"]["n"] == 5000000000
    assert second["schema"]["n"]["type"] == third["schema"]["n"]["type"] == "int64"


def test_timestamps_kept_as_text_or_numbers(tmp_path):
    connection, url = make(tmp_path)
    for i, at in enumerate(("2022-07-09 21:33:14", 1657402395000, "2022-07-09T21:33:16.5Z"), 1):
        connection.execute("INSERT INTO purchases(id, at) VALUES (?, ?)", (i, at))
    records = dump_all(tmp_path, url, "mode=timestamp", "timestamp.column.name=at", "validate.non.null=false",
                       "table.whitelist=purchases", "poll.interval.ms=10", count=3)
    assert [r["value"]["at"] for r in records] == [1657402394000, 1657402395000, 1657402396500]


def test_open_writer_is_waited_for_in_timestamp_mode(tmp_path):
    connection, url = make(tmp_path)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO purchases(id) VALUES (1)")
    with Dump(tmp_path, url, "mode=timestamp", "timestamp.column.name=at", "validate.non.null=false",
              "table.whitelist=purchases", "poll.interval.ms=10") as dump:
        dump.never(lambda: dump.records(), 1.5, "nothing is committed")
        connection.execute("COMMIT")
        wait_for(lambda: len(dump.records()) == 1, "the row that was stamped before the first poll")


def test_missing_file_is_waited_for(tmp_path):
    with Dump(tmp_path, f"jdbc:sqlite:{tmp_path}/later.db", "mode=bulk", "topic.prefix=q",
              "query=SELECT 1 AS one, 'x' AS x", "connection.backoff.ms=50") as dump:
        wait_for(lambda: "unable to open database file" in dump.errors(), "a warning")
        sqlite3.connect(tmp_path / "later.db").execute("CREATE TABLE t(x)")
        wait_for(lambda: dump.records(), "a row")
        assert dump.records()[0]["value"] == {"one": 1, "x": "x"}


ONE = ("mode=incrementing", "incrementing.column.name=id", "table.whitelist=purchases", "poll.interval.ms=10")


def ids(dump):
    return [r["value"]["id"] for r in dump.records()]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_writers_at_work(tmp_path, journal):
    """Several writers, some of whom roll back; rows appear once and in order."""
    connection, url = make(tmp_path)
    assert connection.execute(f"PRAGMA journal_mode={journal}").fetchone() == (journal,)
    errors = []

    def write(number):
        try:
            own = sqlite3.connect(tmp_path / "a.db", isolation_level=None, timeout=30)
            own.execute("PRAGMA synchronous=off")
            for i in range(40):
                own.execute("BEGIN IMMEDIATE")
                own.execute("INSERT INTO purchases(category) VALUES (?)", (f"{number}",))
                own.execute("ROLLBACK" if i % 5 == 4 else "COMMIT")
            own.close()
        except sqlite3.Error as error:
            errors.append(error)
    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    with Dump(tmp_path, url, *ONE, "batch.max.rows=7") as dump:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        wait_for(lambda: len(dump.records()) >= 128, "every row")
        assert ids(dump) == list(range(1, 129))


@pytest.mark.parametrize("mode", ["incrementing", "timestamp", "bulk"])
def test_locked_database_is_tried_again(tmp_path, mode):
    """SQLITE_BUSY for longer than the busy handler waits (5 s): a warning, and the rows when the lock is gone."""
    connection, url = make(tmp_path)
    connection.execute("INSERT INTO purchases(id, at) VALUES (1, '2022-01-01 00:00:00')")
    connection.execute("BEGIN EXCLUSIVE")
    with Dump(tmp_path, url, f"mode={mode}", "incrementing.column.name=id", "timestamp.column.name=at",
              "validate.non.null=false", "table.whitelist=purchases", "poll.interval.ms=10",
              "connection.backoff.ms=50") as dump:
        wait_for(lambda: "database is locked" in dump.errors(), "a warning")
        assert not dump.records()
        connection.execute("COMMIT")
        wait_for(dump.records, "the row")


def test_columns_change_under_way(tmp_path):
    connection, url = make(tmp_path)
    connection.execute("INSERT INTO purchases(id) VALUES (1)")
    with Dump(tmp_path, url, *ONE) as dump:
        wait_for(lambda: len(dump.records()) == 1, "the first row")
        connection.execute("ALTER TABLE purchases ADD COLUMN extra TEXT")
        connection.execute("INSERT INTO purchases(id, extra) VALUES (2, 'x')")
        wait_for(lambda: len(dump.records()) == 2, "the row with the new column")
        assert dump.records()[1]["value"]["extra"] == "x"
        connection.execute("ALTER TABLE purchases RENAME COLUMN extra TO more")
        connection.execute("ALTER TABLE purchases DROP COLUMN d")
        connection.execute("INSERT INTO purchases(id, more) VALUES (3, 'y')")
        wait_for(lambda: len(dump.records()) == 3, "the row with the renamed column")
        assert dump.records()[2]["value"]["more"] == "y" and "d" not in dump.records()[2]["value"]


@pytest.mark.parametrize("column", ["id INTEGER", "id INT PRIMARY KEY", "id INTEGER, PRIMARY KEY (id, v)",
                                    "id INTEGER UNIQUE", "id INTEGER NOT NULL, UNIQUE (id, v)"])
def test_ids_that_repeat_are_not_cut_by_a_batch(tmp_path, column):
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    first, *rest = column.split(", ", 1)
    connection.execute(f"CREATE TABLE t({first}, v INTEGER{', ' + rest[0] if rest else ''})")
    unique = "INT PRIMARY" in column or column.endswith("UNIQUE")
    for i in range(60):
        connection.execute("INSERT INTO t VALUES (?, ?)", (i if unique else i // 10, i))
    with Dump(tmp_path, f"jdbc:sqlite:{tmp_path}/a.db", "mode=incrementing", "incrementing.column.name=id",
              "validate.non.null=false", "batch.max.rows=7", "poll.interval.ms=10") as dump:
        wait_for(lambda: len(dump.records()) == 60, "all rows")
        assert sorted(r["value"]["v"] for r in dump.records()) == list(range(60))


def test_values_that_do_not_fit_their_declaration(tmp_path):
    """SQLite keeps any value in any column: what cannot be carried is named."""
    connection, url = make(tmp_path)
    connection.execute("INSERT INTO purchases(id, d) VALUES (1, 'twelve')")
    error = dump_failure(tmp_path, url, *ONE)
    assert '"d"' in error
    connection.execute("UPDATE purchases SET d = '-0.005', b = 'text', n = -2147483649, at = x'00'")
    error = dump_failure(tmp_path, url, *ONE, name="second")
    assert '"at"' in error
