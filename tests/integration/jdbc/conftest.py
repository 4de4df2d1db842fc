"""One private Postgres for the whole folder, a fresh database for each test."""
import importlib.util
import pathlib
import shutil
import sys
import tempfile

import psycopg2
import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
_spec = importlib.util.spec_from_file_location("weir_conftest", HERE.parent / "conftest.py")
_parent = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_parent)


@pytest.fixture(scope="session")
def postgres_server():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="weir-pg-"))
    server = _parent.Postgres(directory).create()
    server.start()
    yield server
    server.stop("immediate")
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server):
    connection = psycopg2.connect(host="127.0.0.1", port=postgres_server.port, user="root", dbname="postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS root WITH (FORCE)")
        cursor.execute("CREATE DATABASE root")
    connection.close()
    return postgres_server
