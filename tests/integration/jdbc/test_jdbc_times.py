"""Modes timestamp and timestamp+incrementing: late commits, ties, interrupted reads, clocks."""
import json
import random
import threading
import time

import pytest

from jdbc_support import Dump, wait_for
from test_jdbc_gap_holders import Session, ids

TABLE = "CREATE TABLE t(id SERIAL PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now(), v INT)"
COMMON = ("timestamp.column.name=at", "table.whitelist=t", "topic.prefix=", "poll.interval.ms=5")
BOTH = ("timestamp", "timestamp+incrementing")
INSERT = "INSERT INTO t DEFAULT VALUES"


@pytest.mark.parametrize("mode", BOTH)
def test_transaction_that_writes_only_later(postgres, tmp_path, mode):
    """now() is the time at which the transaction began, well before it touched the table."""
    postgres.execute(TABLE)
    with Dump(tmp_path, postgres.jdbc_url, f"mode={mode}", *COMMON) as dump:
        low = Session(postgres, "SELECT 1")
        postgres.execute(INSERT)
        dump.never(lambda: dump.records(), 0.3, "an older time may still come")
        low.run(INSERT)
        dump.never(lambda: dump.records(), 1.5, "an older time is on its way")
        low.commit()
        wait_for(lambda: len(dump.records()) == 2, "both rows")
        assert ids(dump) == [2, 1]


def test_transaction_that_never_writes_delays_only_so_long(postgres, tmp_path):
    postgres.execute(TABLE)
    report = Session(postgres, "SELECT count(*) FROM t")
    with Dump(tmp_path, postgres.jdbc_url, "mode=timestamp", *COMMON) as dump:
        for n in range(1, 3):
            postgres.execute(INSERT)
            wait_for(lambda: len(dump.records()) == n, "the row, in spite of the report", 6)
    report.rollback()


def writer(server, rows, seed, errors):
    rng = random.Random(seed)
    try:
        connection = server.connect()
        connection.autocommit = False
        cursor = connection.cursor()
        for _ in range(rows):
            if rng.random() < 0.4:
                cursor.execute("SELECT 1")
                time.sleep(rng.random() * 0.02)
            for _ in range(rng.randint(1, 3)):
                cursor.execute("INSERT INTO t(v) VALUES (1)")  # all of one time
            time.sleep(rng.random() * 0.02 if rng.random() < 0.5 else 0)
            if rng.random() < 0.2:
                connection.rollback()
            else:
                connection.commit()
        connection.close()
    except Exception as error:  # noqa: BLE001 - the test shows it
        errors.append(error)


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("seed", range(2))
def test_concurrent_sessions_lose_nothing(postgres, tmp_path, mode, seed):
    postgres.execute(TABLE)
    errors = []
    threads = [threading.Thread(target=writer, args=(postgres, 60, seed * 10 + i, errors)) for i in range(6)]
    with Dump(tmp_path, postgres.jdbc_url, f"mode={mode}", *COMMON, "batch.max.rows=5", "poll.interval.ms=1") as dump:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        committed = [row[0] for row in postgres.execute("SELECT id FROM t ORDER BY at, id")]
        wait_for(lambda: len(dump.records()) >= len(committed), "every row")
        assert sorted(ids(dump)) == sorted(committed)


@pytest.mark.parametrize("mode", BOTH)
def test_killed_again_and_again_loses_nothing(postgres, tmp_path, mode):
    """Ties over the end of a batch, killed at any row: ties may come again in mode timestamp, nothing is missing."""
    postgres.execute(TABLE)
    postgres.execute("INSERT INTO t(at) SELECT TIMESTAMPTZ '2022-01-01Z' + (i / 9) * INTERVAL '1 ms' "
                     "FROM generate_series(0, 199) i")
    seen = []
    for run, count in enumerate((1, 7, 8, 13, 31, 32, 50, 64, 100, 100)):
        with Dump(tmp_path, postgres.jdbc_url, f"mode={mode}", *COMMON, "batch.max.rows=8", name=f"run{run}",
                  offsets="offsets.json", arguments=["--count", str(count)]) as dump:
            wait_for(lambda: dump.process.poll() is not None or {*seen, *ids(dump)} == set(range(1, 201)), "an end")
            dump.stop()
            seen += ids(dump)
        if len(set(seen)) == 200:
            break
    assert sorted(set(seen)) == list(range(1, 201))
    if mode == "timestamp+incrementing":
        assert sorted(seen) == list(range(1, 201)), "the id tells ties apart"


@pytest.mark.parametrize("rows", [7, 14, 15])
def test_clean_stop_reads_no_tie_again(postgres, tmp_path, rows):
    """Also when the rows end where a batch does."""
    postgres.execute(TABLE)
    postgres.execute(f"INSERT INTO t(at) SELECT TIMESTAMPTZ '2022-01-01Z' FROM generate_series(1, {rows}) i")
    settings = ("mode=timestamp", *COMMON, "batch.max.rows=7")
    with Dump(tmp_path, postgres.jdbc_url, *settings, offsets="offsets.json") as dump:
        wait_for(lambda: len(dump.records()) == rows, "all rows")
    assert list(json.loads((tmp_path / "offsets.json").read_text()).values()) == [
        {"timestamp": 1640995200000, "timestamp_nanos": 0}]
    with Dump(tmp_path, postgres.jdbc_url, *settings, offsets="offsets.json", name="again") as dump:
        dump.never(lambda: dump.records(), 0.3, "nothing is new")


def test_delay_holds_young_rows_back(postgres, tmp_path):
    """timestamp.delay.interval.ms: rows stamped by the client some time before they are written."""
    postgres.execute(TABLE)
    with Dump(tmp_path, postgres.jdbc_url, "mode=timestamp", *COMMON, "timestamp.delay.interval.ms=1500") as dump:
        postgres.execute(INSERT)
        dump.never(lambda: dump.records(), 0.5, "too young")
        postgres.execute("INSERT INTO t(at) VALUES (now() - INTERVAL '700 ms')")
        wait_for(lambda: len(dump.records()) == 2, "both rows")
        assert ids(dump) == [2, 1]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("mode", BOTH)
def test_wall_clock_columns_follow_db_timezone(postgres, tmp_path, zone, mode):
    postgres.execute("CREATE TABLE t(id SERIAL PRIMARY KEY, at TIMESTAMP NOT NULL)")
    stamp = f"INSERT INTO t(at) VALUES (now() AT TIME ZONE '{zone}' + %s * INTERVAL '1 h')"
    postgres.execute(stamp, (-1,))
    with Dump(tmp_path, postgres.jdbc_url, f"mode={mode}", *COMMON, f"db.timezone={zone}") as dump:
        wait_for(lambda: len(dump.records()) == 1, "the row of an hour ago")
        postgres.execute(stamp, (1,))
        postgres.execute(stamp, (0,))
        wait_for(lambda: len(dump.records()) == 2, "the row of now")
        dump.never(lambda: len(dump.records()) > 2, 0.2, "not that of the next hour")
        assert ids(dump) == [1, 3]
        assert abs(dump.records()[1]["value"]["at"] - time.time() * 1000) < 60000


def test_initial_time(postgres, tmp_path):
    postgres.execute(TABLE)
    postgres.execute("INSERT INTO t(at) VALUES ('2022-01-01Z'), ('2022-01-02Z'), ('2022-01-03Z')")
    with Dump(tmp_path, postgres.jdbc_url, "mode=timestamp", *COMMON, "timestamp.initial=1641081599999") as since, \
            Dump(tmp_path, postgres.jdbc_url, "mode=timestamp", *COMMON, "timestamp.initial=-1", name="now") as now:
        wait_for(lambda: len(since.records()) == 2, "rows after the time")
        assert ids(since) == [2, 3]
        now.never(lambda: now.records(), 0.3, "old rows are not wanted")
        postgres.execute(INSERT)
        wait_for(lambda: len(now.records()) == 1, "the new row")


def test_first_of_several_columns_that_is_not_null(postgres, tmp_path):
    postgres.execute("CREATE TABLE t(id SERIAL PRIMARY KEY, changed TIMESTAMPTZ, made TIMESTAMPTZ NOT NULL DEFAULT now())")
    postgres.execute("INSERT INTO t(changed, made) VALUES (NULL, '2022-01-02Z'), ('2022-01-03Z', '2022-01-01Z')")
    with Dump(tmp_path, postgres.jdbc_url, "mode=timestamp", *COMMON[1:], "timestamp.column.name=changed, made") as dump:
        wait_for(lambda: len(dump.records()) == 2, "both rows")
        assert ids(dump) == [1, 2]
        postgres.execute("UPDATE t SET changed = '2022-01-04Z' WHERE id = 1")
        wait_for(lambda: len(dump.records()) == 3, "the changed row")
        assert dump.records()[2]["value"]["id"] == 1


def test_database_goes_away_in_the_middle(postgres, tmp_path):
    postgres.execute(TABLE)
    postgres.execute("INSERT INTO t(at) SELECT TIMESTAMPTZ '2022-01-01Z' + (i / 7) * INTERVAL '1 ms' "
                     "FROM generate_series(1, 60000) i")
    with Dump(tmp_path, postgres.jdbc_url, "mode=timestamp", *COMMON, "batch.max.rows=10", "connection.backoff.ms=50",
              "connection.attempts=1000") as dump:
        wait_for(dump.records, "a row")
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'weir'")
        wait_for(lambda: len(set(ids(dump))) == 60000, "every row")
