"""Log lines name their session, and hold neither keys nor what callers say."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import anyio
import anyio.lowlevel
import pytest

from duplex import logs


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`configure` sets up the whole process; undo it."""
    root, captions = logging.getLogger(), logging.getLogger(logs.CAPTIONS)
    before = (list(root.handlers), root.level, captions.level)
    monkeypatch.setattr(logs, "_hidden", set())
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    captions.setLevel(before[2])


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_the_session_follows_tasks_and_threads(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()

    def log(text: str) -> None:
        logging.getLogger("duplex.test").info(text)

    async def session(name: str) -> None:
        with logs.session_logs(name):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(anyio.to_thread.run_sync, log, f"thread of {name}")
                await anyio.lowlevel.checkpoint()
                log(f"task of {name}")

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session, "one")
            tasks.start_soon(session, "two")
        log("after")

    anyio.run(main)
    told = lines(capsys)
    assert sorted(line.split("[", 1)[1] for line in told) == [
        "-] after",
        "one] task of one",
        "one] thread of one",
        "two] task of two",
        "two] thread of two",
    ]


def test_a_record_that_names_its_session_keeps_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(as_json=True)
    with logs.session_logs("outer"):
        logging.getLogger("duplex.test").info("call %s", "opened", extra={"session": "own"})
        logging.getLogger("duplex.test").warning("plain")
    own, plain = (json.loads(line) for line in lines(capsys))
    assert (own["session"], own["message"], own["level"], own["logger"]) == (
        "own",
        "call opened",
        "info",
        "duplex.test",
    )
    assert plain["session"] == "outer"
    assert set(plain) == {"time", "level", "session", "logger", "message"}


@pytest.mark.parametrize("as_json", [False, True])
def test_keys_are_never_written(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    logs.configure("debug", as_json)
    logs.hide(["sk-secret-1", "sk-secret-1-longer", "tea"])
    try:
        raise RuntimeError("Bearer sk-secret-1-longer was refused")
    except RuntimeError:
        logging.getLogger("openai").exception("key %s and tea", "sk-secret-1")
    text = "\n".join(lines(capsys))
    assert "secret" not in text
    assert "longer" not in text
    assert "key *** and tea" in text, "a short value is a word, not a key"


def test_captions_are_silent_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger().addHandler(logging.StreamHandler())  # a program with logging of its own
    logs.caption("user", "my name is Ada")
    logs.configure("debug")
    logs.caption("user", "my name is Ada")
    assert lines(capsys) == []
    logs.configure("info", captions=True)
    logs.caption("user", "my name is Ada", "s1")
    (line,) = lines(capsys)
    assert line.endswith("[s1] user: my name is Ada")


def test_a_message_cannot_look_like_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logging.getLogger("duplex.test").info("from a client: x\n00:00:00 error   [s] forged\r")
    first, *rest = lines(capsys)
    assert first.endswith("from a client: x")
    assert all(line.startswith("  | ") for line in rest)


def test_the_level_holds(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    logging.getLogger("duplex.test").info("no")
    logging.getLogger("httpx").info("no")
    logging.getLogger("duplex.test").warning("yes")
    assert [line.split("] ")[1] for line in lines(capsys)] == ["yes"]
