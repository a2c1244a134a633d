"""A call through this machine's devices: those of a sound server where there is one, and what is said where none is."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, Queue

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from sound_server import SoundServer, missing, sound_server

from duplex.audio.detect import first_audible
from duplex.audio.pcm import Pcm
from duplex.transport.captions import Line
from duplex.transport.console import QUEUED, Incoming, Outgoing
from duplex.transport.screen import Screen, told

QUESTION = Path(__file__).parent / "data" / "asr_deepest.flac"
needs_sound = pytest.mark.skipif(bool(missing()), reason=f"no sound server to test with: {missing()}")


class Program:
    """`duplex` in a process of its own, with its lines as they come."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "duplex", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def expect(self, text: str) -> str:
        """The next line with this text."""
        seen = []
        while True:
            try:
                seen.append(self._lines.get(timeout=60))
            except Empty:
                raise AssertionError(f"no line with {text!r} in {seen}; {self.end(signal.SIGKILL)}") from None
            if text in seen[-1]:
                return seen[-1]

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; the exit status and what was complained of."""
        self.process.send_signal(number)
        return self.complaint()

    def complaint(self) -> tuple[int, str]:
        """Wait for the end; the exit status and what was complained of."""
        status = self.process.wait(30)
        assert self.process.stderr is not None
        return status, self.process.stderr.read()


@contextmanager
def program(environment: dict[str, str], *arguments: str) -> Iterator[Program]:
    running = Program(environment, *arguments)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait(10)
        for stream in (running.process.stdout, running.process.stderr):
            assert stream is not None
            stream.close()


@pytest.fixture
def sound() -> Iterator[SoundServer]:
    with sound_server() as server:
        yield server


@needs_sound
@pytest.mark.models
def test_a_question_into_the_microphone_is_answered_from_the_speaker(
    sound: SoundServer, tmp_path: Path
) -> None:
    pcm, rate = soundfile.read(QUESTION, dtype="int16")
    soundfile.write(tmp_path / "question.wav", pcm, rate)
    answer = tmp_path / "answer.wav"
    with program(sound.environment, "talk", "lakes") as talk:
        talk.expect("lakes is on the line")
        talk.expect("agent  Hello")
        with sound.recording(answer):
            sound.say(tmp_path / "question.wav")
            assert "deepest lake" in talk.expect("user ").lower()
            talk.expect("Baikal")
        status, complaint = talk.end(signal.SIGINT)
    assert (status, complaint) == (0, "")
    heard, rate = soundfile.read(answer, dtype="int16")
    assert first_audible(heard, rate) is not None


@needs_sound
@pytest.mark.models
def test_devices_that_go_away_end_the_call_with_a_word(sound: SoundServer) -> None:
    with program(sound.environment, "talk", "lakes") as talk:
        talk.expect("lakes is on the line")
        sound.stop()
        status, complaint = talk.complaint()
    assert status == 1
    assert complaint.splitlines()[-1].endswith(
        "the microphone or the speaker has gone; connect it and begin anew"
    )


@needs_sound
@pytest.mark.parametrize(
    ("arguments", "status", "printed"),
    [
        (("--list",), 0, "default  32 in, 32 out  (the system's microphone and speaker)"),
        (
            ("lakes", "--input", "nonsense"),
            1,
            "No input device matching 'nonsense'; --list shows what there is",
        ),
        (("lakes", "--output", "99"), 1, "choose with --output"),
        (("lakes", "--input", "e"), 1, "Multiple input devices found for 'e'"),
        (("nobody",), 1, "nobody"),
    ],
)
def test_devices_are_listed_and_chosen(
    sound: SoundServer, arguments: tuple[str, ...], status: int, printed: str
) -> None:
    came = duplex(sound.environment, *arguments)
    assert came.returncode == status
    assert printed in came.stdout + came.stderr


@needs_sound
def test_a_machine_without_devices_says_so(tmp_path: Path) -> None:
    with sound_server() as server:
        server.stop()
        listed = duplex(server.environment, "--list")
        assert (listed.returncode, listed.stderr) == (0, "there is no microphone and no speaker\n")
        came = duplex(server.environment, "lakes")
    assert came.returncode == 1
    assert "this machine has no microphone, or another program keeps it; connect one" in came.stderr


def duplex(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "duplex", "talk", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("hidden", "advice"),
    [
        ("import sys; sys.modules['sounddevice'] = None", "pip install 'duplex-voice[console]'"),
        (
            "import ctypes.util; ctypes.util.find_library = lambda name: None",
            "sudo apt install libportaudio2",
        ),
    ],
    ids=["the package", "the library"],
)
def test_what_is_not_installed_is_named(hidden: str, advice: str) -> None:
    if "ctypes" in hidden and find_spec("sounddevice") is None:
        pytest.skip("the Python package sounddevice is not installed")
    code = f"{hidden}\nfrom duplex.cli import main\nmain(['talk', '--list'])"
    came = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert came.returncode == 1
    assert advice in came.stderr
    assert "Traceback" not in came.stderr


LOUD, QUIET = np.full(480, 1000, np.int16), np.zeros(480, np.int16)


class Agent:
    """Gives numbered frames; odd ones are silence."""

    def __init__(self) -> None:
        self.pulled = 0

    def pull(self) -> Pcm:
        self.pulled += 1
        return QUIET if self.pulled % 2 else np.full(480, self.pulled, np.int16)


@given(st.lists(st.sampled_from(["take", "fill", "hurry"]), max_size=60))
def test_the_speaker_gets_all_that_sounds_in_order_and_never_waits(steps: list[str]) -> None:
    agent = Agent()
    outgoing, heard = Outgoing(agent.pull), list[int]()
    outgoing.fill()
    for step in steps:
        if step == "take":
            frame = outgoing.take()
            assert frame.shape == (480,)
            heard.append(int(frame[0]))
        else:
            outgoing.fill() if step == "fill" else outgoing.hurry()
    sounding = [number for number in heard if number]
    assert sounding == list(range(2, 2 + 2 * len(sounding), 2)), "no word is lost or said twice"
    assert agent.pulled <= len(heard) + QUEUED + steps.count("hurry") * QUEUED


def test_silence_in_store_gives_way_to_speech() -> None:
    frames = [QUIET, QUIET, LOUD, LOUD]
    outgoing = Outgoing(lambda: frames.pop(0))
    outgoing.fill()
    outgoing.hurry()
    assert outgoing.take().any()
    outgoing.take()
    assert outgoing.missed == 0
    assert not outgoing.take().any()
    assert outgoing.missed == 1


def test_what_the_loop_cannot_take_in_time_is_bounded() -> None:
    got: list[int] = []
    incoming = Incoming(lambda pcm: got.append(int(pcm[0])))
    for number in range(200):
        incoming.put(np.full(320, number, np.int16))
    incoming.flush()
    assert got == list(range(150, 200)), "the newest second"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_what_is_being_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    terminal, pipe = Terminal(), io.StringIO()
    lines = [
        Line(1, "user", "How", final=False),
        Line(1, "user", "How deep " * 20, final=False),
        Line(1, "user", "How deep?"),
        Line(2, "agent", "It is\x1b[2J\r\n", interrupted=True),
        Line(3, "user", "uh", final=False),
        Line(3, "user", "", final=False),
    ]
    for out in (terminal, pipe):
        screen = Screen(out)
        for line in lines:
            screen.show(line)
        screen.clear()
    printed = ["    1.0 s  user   How deep?", "    2.0 s  agent  It is [2J   ..."]
    assert pipe.getvalue().splitlines() == printed
    shown = [piece for row in terminal.getvalue().split("\n") for piece in row.split("\r\x1b[K")]
    assert [piece for piece in shown if piece in printed] == printed
    assert max(map(len, shown)) <= 60
    assert shown[-1] == ""
    assert told(lines[3]).isprintable()
