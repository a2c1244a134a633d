"""The command line: quick to start, clear when something is wrong, clean when it is stopped."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex import __version__, logs, shell
from duplex.agent.loader import AgentFileError
from duplex.bench.cli import Bench
from duplex.cli import main

EVERYWHERE = {"--log-level": True, "--log-json": False}
COMMANDS = (
    "demo",
    "serve",
    "call",
    "run",
    "talk",
    "check",
    "schema",
    "graph",
    "bench",
    "models",
    "models pull",
)


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def duplex(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: its exit status, what it printed, and what it complained of."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


Command = Callable[..., tuple[int, str, str]]


def test_help_is_quick() -> None:
    took = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "duplex", "--help"], check=True, stdout=subprocess.DEVNULL)
        took.append(time.perf_counter() - began)
    assert min(took) <= 0.3


def test_help_imports_nothing_heavy() -> None:
    heavy = "numpy pydantic yaml anyio rich httpx starlette aiortc onnxruntime ctranslate2 huggingface_hub"
    script = f"import sys, duplex.cli; print([name for name in {heavy.split()} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", script], text=True).strip() == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(duplex: Command, command: str) -> None:
    code, out, _ = duplex(*command.split(), "--help")
    assert code == 0
    assert out.startswith(f"Usage: duplex {command}")


def test_version(duplex: Command) -> None:
    assert duplex("--version") == (0, f"duplex {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [((), "Usage: duplex"), (("chekc",), "No such command"), (("check",), "Missing argument"),
     (("bench", "nothing"), "'graph'"), (("--log-level", "loud", "schema"), "'debug'"),
     (("bench", "graph", "--json", "/nowhere/at/all.json"), "no folder /nowhere/at"),
     (("bench", "graph", "--part", "fast"), "only relay has parts"),
     (("bench", "core", "--core", "off"), "only call is told")],
)  # fmt: skip
def test_misuse_is_2_and_says_what_is_right(duplex: Command, arguments: tuple[str, ...], told: str) -> None:
    code, out, err = duplex(*arguments)
    assert (code, out) == (2, "")
    assert told in err


def test_check_ok(duplex: Command) -> None:
    code, out, err = duplex("check", "lakes")
    assert (code, err) == (0, "")
    assert out.endswith("OK, the agent 'lakes'\n")
    code, out, _ = duplex("check", "lakes", "--json")
    assert code == 0
    assert json.loads(out)["ok"] is True


def test_check_tells_every_fault(duplex: Command, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: tea\nturns:\n  silence_mss: 3\ngreting: hi\n")
    code, out, err = duplex("check", str(path))
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        f"{path}:3: turns.silence_mss: unknown key; did you mean 'silence_ms'?",
        f"{path}:4: greting: unknown key; did you mean 'greeting'?",
    ]
    code, out, _ = duplex("check", str(path), "--json")
    assert code == 1
    assert [(fault["line"], fault["key"]) for fault in json.loads(out)["faults"]] == [
        (3, "turns.silence_mss"),
        (4, "greting"),
    ]


def test_check_of_nothing(duplex: Command) -> None:
    assert duplex("check", "nobody") == (
        1,
        "",
        "duplex: no shipped agent 'nobody'; there are: barista, desk, lakes\n",
    )
    code, out, err = duplex("check", "nobody", "--json")
    assert (code, err) == (1, "")
    assert json.loads(out)["faults"][0]["message"].startswith("no shipped agent")


def test_check_notes_what_is_missing_here(
    duplex: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEA_KEY", raising=False)
    path = tmp_path / "a.yaml"
    path.write_text(
        "name: tea\nllm: {openai: {base_url: 'https://x.example/v1', model: m, key_env: TEA_KEY}}\n"
    )
    code, _, err = duplex("check", str(path))
    assert code == 0, "the file is right; the machine is not ready"
    assert "TEA_KEY is not set" in err


def test_serving_a_faulty_agent_ends_at_once(duplex: Command, tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("name: Tea\n")
    code, out, err = duplex("serve", str(path))
    assert (code, out) == (1, "")
    assert f"{path}:1: name:" in err


def test_schema_is_a_schema(duplex: Command) -> None:
    code, out, _ = duplex("schema")
    assert code == 0
    assert json.loads(out)["$schema"].startswith("https://json-schema.org/")


def test_graph_draws_the_shipped_agent(duplex: Command) -> None:
    code, out, _ = duplex("graph", "lakes")
    assert code == 0
    assert out.startswith("flowchart")


@pytest.mark.parametrize("what", list(Bench))
def test_every_measure_has_its_module(what: Bench) -> None:
    assert callable(import_module(f"duplex.bench.{what}").run)


@pytest.mark.parametrize(
    ("typed", "parsed"),
    [
        ("serve lakes --log-level debug --port 1", "--log-level debug serve lakes --port 1"),
        ("serve lakes --log-level=debug", "--log-level=debug serve lakes"),
        ("call x --say a --log-json", "--log-json call x --say a"),
        ("call x -- --log-json", "call x -- --log-json"),
        ("schema --log-level", "--log-level schema"),
    ],
)
def test_log_options_stand_anywhere(typed: str, parsed: str) -> None:
    assert shell.hoist(typed.split(), EVERYWHERE) == parsed.split()


@given(st.lists(st.sampled_from(["a", "b", "--log-level", "--log-json", "--", "--say", "debug"])))
def test_hoisting_loses_nothing_and_is_done_once(words: list[str]) -> None:
    front = shell.hoist(words, EVERYWHERE)
    assert sorted(front) == sorted(words)
    assert shell.hoist(front, EVERYWHERE) == front


def fail(error: BaseException) -> Callable[[], object]:
    def command() -> object:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (KeyboardInterrupt(), 130, "stopped"),
        (shell.Terminated(), 143, "stopped"),
        (BaseExceptionGroup("tasks", [ValueError("x"), KeyboardInterrupt()]), 130, "stopped"),
        (AgentFileError("a.yaml:1: name: bad"), 1, "duplex: a.yaml:1: name: bad"),
        (ExceptionGroup("tasks", [ExceptionGroup("t", [AgentFileError("x")])]), 1, "duplex: x"),
        (FileNotFoundError(2, "No such file", "a.wav"), 1, "duplex: a.wav: No such file"),
        (ModuleNotFoundError("no", name="tantivy"), 1, "duplex: the package tantivy is missing; install:"),
        (KeyError("turn"), 1, "duplex: unexpected KeyError: 'turn'; run it with --log-level debug"),
        (RuntimeError("401 for sk-very-secret"), 1, "duplex: unexpected RuntimeError: 401 for ***;"),
    ],
)
def test_ends(
    error: BaseException,
    code: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "_hidden", {"sk-very-secret"})
    logging.getLogger().setLevel(logging.INFO)
    assert shell.guard(fail(error)) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(told)


def test_the_trace_is_there_for_who_asks(duplex: Command) -> None:
    _, _, err = duplex("check", "nobody", "--log-level", "debug")
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("duplex: no shipped agent")


STOPPABLE = """
import sys, anyio
from duplex import shell
async def wait():
    print("up", flush=True)
    await anyio.sleep(60)
sys.exit(shell.guard(lambda: anyio.run(wait)))
"""


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_cleanly(sent: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STOPPABLE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(sent)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (code, "stopped\n")


def test_a_closed_pipe_is_no_fault() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "duplex", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert (process.returncode, err) == (141, b"")
