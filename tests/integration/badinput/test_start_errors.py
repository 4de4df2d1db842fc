"""`weir start` that cannot: a message that says what, where and what to do, exit code 1, and nothing half-started."""
import os
import pathlib
import signal
import socket
import subprocess

import pytest

from harness import ANY_PORTS, ROOT, WEIR_BIN, wait_for

LIMIT_S = 15


def start(tmp_path, *args, env=None, as_nobody=False):
    """(exit code, standard error) of a start that is expected to fail. It is killed, and the test with it, when it does not."""
    command = [WEIR_BIN, "start", "--data-dir", str(tmp_path / "data"), *ANY_PORTS, *args]
    if as_nobody:
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, env={**os.environ, **(env or {})},
                          stdin=subprocess.DEVNULL)
    assert "Sanitizer" not in done.stderr, done.stderr[-4000:]
    assert "weir is" not in done.stdout
    return done.returncode, done.stderr


def assert_refused(answer, *texts):
    code, message = answer
    assert code == 1, message
    last = message.strip().splitlines()[-1]
    for text in texts:
        assert text in message, message
    assert len(last) > 20 and last.startswith("weir: "), message


@pytest.mark.parametrize("role", ["kafka", "registry", "connect", "admin"])
def test_a_port_in_use(tmp_path, role):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert_refused(start(tmp_path, f"--{role}-port", str(port)), f"127.0.0.1:{port}", "in use", f"--{role}-port")
    # Nothing is left that would keep the next start from working.
    free = subprocess.Popen([WEIR_BIN, "start", "--data-dir", str(tmp_path / "data"), *ANY_PORTS], stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.DEVNULL)
    try:
        assert any("weir is ready" in line for line in free.stdout)
    finally:
        free.send_signal(signal.SIGTERM)
        assert free.wait(timeout=LIMIT_S) == 0


def test_an_address_that_is_not_ours(tmp_path):
    assert_refused(start(tmp_path, "--kafka-host", "192.0.2.1"), "192.0.2.1")
    assert_refused(start(tmp_path, "--registry-host", "no.such.host.invalid"), "no.such.host.invalid")


def test_a_data_directory_of_another_process(make_weir, tmp_path):
    weir = make_weir("--roles", "broker", name="first")
    command = [WEIR_BIN, "start", "--data-dir", str(weir.directory / "data"), *ANY_PORTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    assert_refused((done.returncode, done.stderr), str(weir.directory / "data"), "in use by another broker")
    assert weir.alive()


def test_data_directories_that_cannot_be_used(tmp_path):
    (tmp_path / "file").write_text("")
    assert_refused(start(tmp_path, "--data-dir", str(tmp_path / "file")), str(tmp_path / "file"), "irectory")
    assert_refused(start(tmp_path, "--data-dir", str(tmp_path / "no/such/parent")), str(tmp_path / "no/such/parent"), "No such file")
    assert_refused(start(tmp_path, "--data-dir", ""), "data")
    assert_refused(start(tmp_path, "--data-dir", "/proc/weir"), "/proc/weir")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_a_data_directory_without_permission(tmp_path):
    readonly = pathlib.Path("/tmp") / f"weir-readonly-{os.getpid()}"
    readonly.mkdir(mode=0o755)
    try:
        for path in (readonly, readonly / "below"):
            code, message = start(tmp_path, "--data-dir", str(path), as_nobody=True)
            if "setpriv" in message or "cannot execute" in message or "exec" in message:
                pytest.skip(f"the binary cannot be run by nobody: {message}")
            assert_refused((code, message), str(path), "ermission denied")
    finally:
        readonly.rmdir()


def test_a_broken_list_of_topics(tmp_path):
    """It must stop the start: taken for none, every topic would be gone."""
    data = tmp_path / "data"
    first = subprocess.Popen([WEIR_BIN, "start", "--data-dir", str(data), "--roles", "broker", *ANY_PORTS], stdout=subprocess.PIPE,
                             text=True, stderr=subprocess.DEVNULL)
    assert any("weir is ready" in line for line in first.stdout)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=LIMIT_S) == 0
    commands = data / "controller/commands"
    good = commands.read_bytes()
    for bad in (b"\xff\0garbage" + good[10:], b"\xff" * len(good)):
        commands.write_bytes(bad)
        assert_refused(start(tmp_path, "--roles", "broker"), str(commands))
        assert commands.read_bytes() == bad  # nothing is "repaired" by cutting what cannot be read


CONFIGS = {
    "garbage": (b"\x00\xff\xfe garbage: [", []),
    "not a map": (b"- a\n- b\n", []),
    "unknown key": (b"kafka.prot: 9092\n", ["kafka.prot"]),
    "bad number": (b"kafka.port: many\n", ["kafka.port", "many"]),
    "out of range": (b"kafka.port: 70000\n", ["kafka.port", "70000"]),
    "nested too deep": (b"{a: " * 5000 + b"1" + b"}" * 5000, []),
    "twice": (b"kafka.port: 0\nkafka.port: 1\n", ["kafka.port"]),
    "bad role": (b"roles: broker,kitchen\n", ["kitchen"]),
    "tab": (b"kafka:\n\tport: 1\n", []),
    "alias bomb": (b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", []),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_config_files_that_are_wrong(tmp_path, name):
    text, words = CONFIGS[name]
    path = tmp_path / "weir.yaml"
    path.write_bytes(text)
    assert_refused(start(tmp_path, "--config", str(path)), *words, str(path) if name != "bad role" else "roles")
    assert not (tmp_path / "data").exists()


def test_config_files_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        assert_refused(start(tmp_path, "--config", str(path)), str(path))
    with open(tmp_path / "large.yaml", "wb") as f:
        f.truncate(1 << 30)
    assert_refused(start(tmp_path, "--config", str(tmp_path / "large.yaml")), "large.yaml")


FLAGS = [
    (["--kafka-prot", "1"], "--kafka-prot"), (["--kafka-port"], "--kafka-port"), (["--kafka-port", "x"], "x"), (["--kafka-port", "-1"], "-1"),
    (["--kafka-port", "65536"], "65536"), (["--kafka-port=99999999999999999999"], "99999999999999999999"), (["extra"], "extra"),
    (["--roles", "broker,kitchen"], "kitchen"), (["--roles", ""], "role"), (["--roles", ",,"], "role"), (["--log-level", "loud"], "loud"),
    (["--bootstrap-servers", "h:1"], "--roles"), (["--roles", "registry"], "--bootstrap-servers"), (["--"], "--"), (["---"], "-"),
    (["--registry-compatibility", "SIDEWAYS"], "SIDEWAYS"), (["--broker-idle-timeout", "soon"], "soon"), (["--" + "x" * 10000, "1"], "unknown"),
]


@pytest.mark.parametrize("args, word", FLAGS, ids=[" ".join(f[0])[:40] for f in FLAGS])
def test_flags_that_are_wrong(tmp_path, args, word):
    assert_refused(start(tmp_path, *args), word)
    assert not (tmp_path / "data").exists()


def test_environment_that_is_wrong(tmp_path):
    assert_refused(start(tmp_path, "--roles", "broker", env={"WEIR_BROKER_IO_THREADS": "many"}), "WEIR_BROKER_IO_THREADS", "many")


def test_streams_applications_that_are_none(tmp_path):
    text = tmp_path / "text.so"
    text.write_text("not a shared object\n" * 1000)
    empty = tmp_path / "empty.so"
    empty.write_bytes(b"")
    other = next(pathlib.Path("/usr/lib").glob("*/libz.so.1"))
    for path, word in ((tmp_path / "none.so", "No such file"), (text, "invalid ELF header"), (empty, "file too short"), (tmp_path, "directory"),
                       (other, "weir_streams_app_build")):
        assert_refused(start(tmp_path, "--streams-app", str(path)), str(path), word)
    # One bad among good ones: nothing runs.
    good = ROOT / "build/dev/examples/fraud/fraud-count.so"
    if good.exists():
        assert_refused(start(tmp_path, "--streams-app", f"{good},{text}"), str(text))


def test_an_external_cluster_that_is_none(tmp_path):
    """An address that does not answer is waited for, with the ports open, and a signal ends the wait at once."""
    bad = "nonsense:port"
    log = open(tmp_path / "log", "w+b")
    process = subprocess.Popen([WEIR_BIN, "start", "--data-dir", str(tmp_path / "data"), *ANY_PORTS, "--roles", "registry,connect",
                                "--bootstrap-servers", bad], stdout=log, stderr=subprocess.STDOUT)

    def output():
        return (tmp_path / "log").read_text(errors="replace")
    try:
        wait_for(lambda: process.poll() is not None or "waits for the Kafka cluster" in output(), "end or wait", LIMIT_S)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=LIMIT_S) in (0, 1), output()
    finally:
        process.kill()
    assert bad in output()
