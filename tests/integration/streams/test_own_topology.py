"""docs/your-own-topology.md, as somebody who installed weir follows it: its code is compiled outside of the tree and run."""
import os
import pathlib
import re
import subprocess

import pytest

from harness import WEIR_BIN, ROOT, wait_for

BUILD = pathlib.Path(WEIR_BIN).resolve().parents[1]
PAGE = (ROOT / "docs/your-own-topology.md").read_text()


def cmake_flags():
    """What the library was sanitized with, its programs must be too."""
    cache = (BUILD / "CMakeCache.txt").read_text()
    return re.search(r"^CMAKE_C_FLAGS:STRING=(.*)$", cache, re.MULTILINE).group(1).split()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what the page has in it, and an environment in which its commands work."""
    prefix = tmp_path_factory.mktemp("prefix")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True)
    folder = tmp_path_factory.mktemp("own")
    blocks = re.findall(r"```c\n(.*?)```", PAGE, re.DOTALL)
    for name, block in zip(("large.c", "large_test.c", "main.c"), blocks, strict=True):
        (folder / name).write_text(block)
    libraries = next(prefix.glob("lib*"))
    libraries = libraries if (libraries / "pkgconfig").exists() else next(prefix.glob("lib/*/pkgconfig")).parent
    return folder, {**os.environ, "PKG_CONFIG_PATH": str(libraries / "pkgconfig"), "LD_LIBRARY_PATH": str(libraries)}


def build(installed, command):
    folder, environment = installed
    assert command in PAGE, f"the page says otherwise: {command}"
    command = command.replace("cc ", "cc " + " ".join(cmake_flags()) + " ", 1)
    subprocess.run(command, shell=True, check=True, cwd=folder, env=environment)


def test_on_the_test_driver(installed):
    build(installed, "cc -o large_test large_test.c large.c $(pkg-config --cflags --libs weir-streams)")
    subprocess.run(["./large_test"], check=True, cwd=installed[0], env=installed[1])


def payments(kafka):
    subprocess.run(["kcat", "-b", kafka, "-P", "-t", "payments", "-K", "|"], check=True, text=True,
                   input='a|{"amount":99.5}\nb|{"amount":100}\nc|{"amount":250.25}\n')


def large(kafka):
    out = subprocess.run(["kcat", "-b", kafka, "-C", "-t", "large-payments", "-e", "-q", "-f", "%k %s\\n"], capture_output=True,
                         text=True).stdout
    return out.splitlines()


def test_in_the_server_and_as_a_program(installed, make_weir):
    folder, environment = installed
    build(installed, "cc -shared -fPIC -o large.so large.c $(pkg-config --cflags weir-streams)")
    build(installed, "cc -o large main.c large.c $(pkg-config --cflags --libs weir-streams)")
    weir = make_weir("--roles", "broker,streams", "--streams-app", str(folder / "large.so"))
    subprocess.run([WEIR_BIN, "-X", f"brokers={weir.kafka}", "topic", "create", "payments", "large-payments"], check=True,
                   capture_output=True)
    payments(weir.kafka)
    wait_for(lambda: large(weir.kafka) == ['b {"amount":100}', 'c {"amount":250.25}'], "the large payments")
    described = subprocess.run(["./large", "--describe"], check=True, capture_output=True, text=True, cwd=folder,
                               env=environment).stdout
    assert "KSTREAM-FILTER-0000000001" in described
    other = subprocess.Popen(["./large", f"bootstrap.servers={weir.kafka}", "application.id=again",
                              f"state.dir={folder}/state"], cwd=folder, env=environment)
    try:
        wait_for(lambda: len(large(weir.kafka)) == 4, "another application reads them from the start")
    finally:
        other.terminate()
    assert other.wait(timeout=60) == 0
