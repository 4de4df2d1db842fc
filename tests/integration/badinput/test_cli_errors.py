"""The command's verbs with wrong words, and with nobody to talk to: a clear message, exit code 1, and no hang."""
import concurrent.futures
import subprocess
import time

from harness import WEIR_BIN, free_port
from stack import http, stack  # noqa: F401

LIMIT_S = 20


def weir(*args, stdin=b""):
    begin = time.monotonic()
    done = subprocess.run([WEIR_BIN, *args], capture_output=True, timeout=LIMIT_S, input=stdin)
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    assert "Sanitizer" not in err, err[-4000:]
    return done.returncode, out, err, time.monotonic() - begin


def assert_fails(args, *words, stdin=b"x\n"):
    code, out, err, seconds = weir(*args, stdin=stdin)
    assert code == 1, (args, code, out, err)
    text = (out + err).strip()
    assert len(text) > 10, (args, text)
    for word in words:
        assert word.lower() in text.lower(), (args, text)
    assert seconds < 18, args
    return text


ONLINE = [["topic", "list"], ["topic", "create", "t"], ["topic", "describe", "t"], ["topic", "delete", "t"], ["topic", "produce", "t"],
          ["topic", "consume", "t", "-n", "1"], ["topic", "consume", "t", "-g", "g", "-n", "1"], ["group", "list"], ["group", "describe", "g"],
          ["cluster", "info"], ["cluster", "health"]]



BAD = [["nope"], ["topic"], ["topic", "nope"], ["topic", "list", "--nope"], ["topic", "consume"], ["topic", "create"], ["topic", "produce"],
       ["topic", "consume", "t", "-n", "many"], ["topic", "consume", "t", "-o", "sideways"], ["topic", "consume", "t", "-p", "x"],
       ["topic", "consume", "t", "-f", "%"], ["topic", "consume", "t", "-f", "%{"], ["topic", "create", "t", "-p", "x"], ["topic", "list", "-X"],
       ["topic", "list", "-X", "nope=1"], ["topic", "list", "-X", "brokers"], ["registry", "schema", "get"], ["group", "describe"],
       ["topic", "produce", "t", "-f", "%z"], ["topic", "produce", "t", "-H", "nocolon"], ["topic", "produce", "t", "-z", "rar"]]


def check_bad(args):
    code, out, err, seconds = weir(*args, "-X", "brokers=127.0.0.1:1") if args[-1] != "-X" else weir(*args)
    if args == ["topic"] and code == 0:
        assert "usage" in out.lower()  # a group of verbs alone prints its help
    else:
        assert code != 0 and (out + err).strip() and seconds < 18, (args, code, out, err)


def test_bad_words_and_nobody_to_talk_to(stack):  # noqa: F811
    """Nobody listens; the registry's port for the broker's and the other way round; words that mean nothing."""
    nobody = f"127.0.0.1:{free_port()}"
    calls = [([*args, "-X", f"brokers={nobody}"], nobody) for args in ONLINE]
    calls += [(["registry", "schema", "list", "-X", f"registry.hosts={nobody}"], nobody),
              (["registry", "schema", "get", "s", "--schema-version", "1", "-X", f"registry.hosts={nobody}"], nobody),
              (["topic", "list", "-X", f"brokers=127.0.0.1:{stack.ports['registry']}"],),
              (["registry", "schema", "list", "-X", f"registry.hosts={stack.kafka}"],),
              (["registry", "schema", "list", "-X", f"registry.hosts=127.0.0.1:{stack.ports['admin']}"],)]
    with concurrent.futures.ThreadPoolExecutor(len(calls) + 8) as pool:
        done = [pool.submit(assert_fails, *call) for call in calls] + [pool.submit(check_bad, args) for args in BAD]
        for future in done:
            future.result()
    assert stack.alive()


def test_unknown_names(stack):  # noqa: F811
    broker = ["-X", f"brokers={stack.kafka}"]
    assert_fails(["topic", "consume", "nope", "-n", "1", *broker], "nope")
    assert_fails(["topic", "describe", "nope", *broker], "nope")
    assert_fails(["topic", "delete", "nope", *broker], "nope")
    assert "nope" not in weir("topic", "list", *broker)[1], "asking must not create"
    assert_fails(["topic", "create", "bad name", *broker])
    assert_fails(["topic", "create", "x" * 300, *broker])
    assert_fails(["topic", "create", "t1", "-p", "0", *broker])
    assert_fails(["topic", "create", "t1", "-p", "99999999", *broker])
    assert_fails(["topic", "create", "t1", "-r", "3", *broker])
    assert_fails(["topic", "create", "t1", "-c", "no.such.config=1", *broker], "no.such.config")
    assert_fails(["topic", "create", "t1", "-c", "retention.ms=soon", *broker], "retention.ms")
    assert_fails(["topic", "create", "t1", "-c", "novalue", *broker], "novalue")
    registry = ["-X", f"registry.hosts=127.0.0.1:{stack.ports['registry']}"]
    assert_fails(["registry", "schema", "get", "nope", "--schema-version", "1", *registry], "nope")
    assert_fails(["registry", "schema", "create", "s", "--schema", "/no/such/file.avsc", *registry], "/no/such/file.avsc")
    assert http(stack, "registry", "GET", "/subjects", content_type=None) == (200, [])
