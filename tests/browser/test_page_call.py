"""A whole call from the page, with real models and a voice: begun by keyboard, interrupted, muted, typed into, kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from browser_fixtures import Pcm, chromium, write_microphone
from call_page import CallPage

from duplex.bench.served import Served

pytestmark = pytest.mark.models

FIRST, SECOND, THIRD = (
    "How deep is Lake Baikal?",
    "Which river flows out of Lake Baikal?",
    "How old is Lake Baikal?",
)
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}


@dataclass
class Conversation:
    """What the call left behind."""

    page: CallPage
    energy: dict[str, float] = field(default_factory=dict)
    partials: list[str] = field(default_factory=list)
    while_muted: list[str] = field(default_factory=list)
    circle: dict[str, float] = field(default_factory=dict)
    fits: dict[str, bool] = field(default_factory=dict)
    focus: str = ""
    recording: Path = Path()


@pytest.fixture(scope="module")
def microphone(caller_voice: Callable[[str], Pcm], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A question; another in the middle of its answer; a third, for which the page mutes the microphone."""
    file = tmp_path_factory.mktemp("microphone") / "caller.wav"
    return write_microphone(
        file, 3.5, caller_voice(FIRST), 4.0, caller_voice(SECOND), 6.5, caller_voice(THIRD), 30.0
    )


@pytest.fixture(scope="module")
def conversation(
    agent: Served, microphone: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Conversation]:
    """The call, from the first key to the recording. The page stays open, with all that was said."""
    with chromium(microphone) as browser:
        talk = Conversation(CallPage(browser.new_page(viewport=DESKTOP), agent.url))
        page = talk.page.page
        talk.page.status("Press to talk")
        talk.page.shot("idle-light")
        for _ in range(10):  # as somebody without a mouse gets there
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "call":
                break
        page.keyboard.press("Enter")
        talk.page.said("agent", "ask me about lakes")
        talk.energy["greeting"] = talk.page.energy()
        talk.focus = page.evaluate("document.activeElement.id")

        page.wait_for_selector(".line.user .unsure")
        talk.page.shot("user-speaks-light")
        talk.partials.append(page.inner_text(".line.user .unsure"))
        talk.page.said("user", "Baikal")
        page.wait_for_selector(".line.agent .unsure")
        page.wait_for_timeout(1000)
        talk.page.shot("agent-speaks-light")
        talk.energy["answer"] = talk.page.energy()
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size(PHONE)
        page.wait_for_timeout(400)  # until the colours have turned
        talk.fits["call"] = talk.page.fits()
        talk.circle = page.locator("#call").bounding_box() or {}
        talk.page.shot("agent-speaks-phone-dark")
        page.set_viewport_size(DESKTOP)
        talk.page.said("agent", "Angara")

        page.keyboard.press("m")
        talk.page.status("muted")
        page.wait_for_timeout(300)
        talk.page.shot("muted-dark")
        heard = len(talk.page.lines("user"))
        page.wait_for_timeout(7500)
        talk.while_muted = talk.page.lines("user")[heard:]
        page.keyboard.press("m")

        page.fill(".composer input", "How deep is Crater Lake?")
        page.keyboard.press("Enter")
        page.evaluate("location.hash = 'debug'")
        page.wait_for_selector(".debug-view")
        page.wait_for_timeout(4000)
        talk.page.shot("debug-dark", full=True)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(PHONE)
        page.wait_for_timeout(300)
        talk.fits["debug"] = talk.page.fits()
        talk.page.shot("debug-phone-light", full=True)
        page.set_viewport_size(DESKTOP)
        page.wait_for_timeout(300)
        talk.page.shot("debug-light", full=True)
        page.keyboard.press("d")
        talk.page.said("agent", "594")

        page.click("#call")
        with page.expect_download() as download:
            page.click("#recording")
        talk.recording = tmp_path_factory.mktemp("recording") / download.value.suggested_filename
        download.value.save_as(talk.recording)
        talk.page.shot("after-light")
        yield talk


def channels(file: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A recording as int16 [2, n] at 16 kHz."""
    with av.open(str(file)) as container:
        resampler = av.AudioResampler(format="s16p", layout="stereo", rate=16_000)
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


def test_the_answer_is_heard_and_right(conversation: Conversation) -> None:
    answers = conversation.page.lines("agent")
    assert "ask me about lakes" in answers[0]
    assert "1,642" in answers[1]
    assert any("Angara" in each for each in answers[2:])
    assert "594" in answers[-1]
    assert conversation.energy["greeting"] > 0.001
    assert conversation.energy["answer"] > conversation.energy["greeting"] * 1.2
    assert conversation.page.faults == []


def test_words_are_shown_while_they_are_said(conversation: Conversation) -> None:
    said = conversation.page.lines("user")
    assert re.search("how deep.*baikal", said[0], re.IGNORECASE)
    assert said[-1] == "How deep is Crater Lake?"
    assert conversation.partials[0]
    assert conversation.page.page.locator(".line.agent .sources").first.inner_text() == "Baikal"


def test_an_interrupted_answer_says_where_it_ended(conversation: Conversation) -> None:
    cut = conversation.page.page.locator(".line.agent:has(.cut)")
    assert cut.count() == 1
    assert "1,642" in cut.locator(".sure").inner_text()
    assert "world" in cut.locator(".unheard").inner_text()


def test_nothing_is_heard_of_who_is_muted(conversation: Conversation) -> None:
    assert conversation.while_muted == []


def test_a_phone_shows_the_circle_and_needs_no_sideways_scrolling(conversation: Conversation) -> None:
    assert conversation.fits == {"call": True, "debug": True}
    circle = conversation.circle
    assert circle["width"] == circle["height"] >= 120
    assert circle["x"] >= 0
    assert circle["x"] + circle["width"] <= PHONE["width"]
    assert circle["y"] + circle["height"] < PHONE["height"] * 0.5


def test_the_keyboard_stays_where_it_was(conversation: Conversation) -> None:
    assert conversation.focus == "call"


def test_the_recording_has_both_sides(conversation: Conversation, model_path: Callable[[str], Path]) -> None:
    """What is in it is told by recognising it."""
    from asr import WhisperModel

    user, agent = channels(conversation.recording)
    assert 20 < len(user) / 16_000 < 90
    whisper = WhisperModel(model_path("whisper-base"))
    heard = " ".join(word.text for word in whisper.transcribe(agent[: 20 * 16_000]))
    asked = " ".join(word.text for word in whisper.transcribe(user[: 20 * 16_000]))
    assert re.search(r"ask me about l\w+s.*1,?642", heard, re.IGNORECASE)  # "lakes" comes back as "likes" too
    assert not re.search(r"how deep|river", heard, re.IGNORECASE), "the agent's side has the user's words"
    assert not re.search(r"ask me|1,?642", asked, re.IGNORECASE), "the user's side has the agent's words"
    assert re.search(r"how deep.*river", asked, re.IGNORECASE)


@pytest.fixture(scope="module")
def dump(conversation: Conversation) -> dict[str, Any]:
    """The call as the debug view copies it."""
    page = conversation.page.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("location.hash = 'debug'")
    page.click("#copy")
    page.wait_for_selector("#copy:has-text('Copied')")
    found: dict[str, Any] = json.loads(page.evaluate("navigator.clipboard.readText()"))
    return found


def test_the_debug_view_knows_each_turn(dump: dict[str, Any]) -> None:
    first, *_, last = dump["turns"]
    assert "Baikal" in first["said"]
    assert first["interrupted"]
    stages = first["stages"]
    assert 0 < stages["eager"] < stages["decision"] <= stages["played"] < stages["heard"] < 6000
    assert last["reason"] == "typed"
    assert {event["type"] for event in dump["events"]} >= {"Commit", "Yield", "Heard", "Call", "Microphone"}
    assert dump["tools"][0]["name"] == "search_knowledge"
    assert dump["tools"][0]["ms"] > 0
    assert dump["metrics"]["ttfb turn"]


def test_the_debug_view_knows_the_path(dump: dict[str, Any]) -> None:
    assert len(dump["path"]) > 10
    for sample in dump["path"]:
        assert 0 <= sample["trip"] < 2000
        assert sample["up"] + sample["down"] == pytest.approx(sample["trip"], abs=0.1)
    assert 0 < dump["stats"][-1]["playout"] < 500


def test_events_are_filtered(conversation: Conversation, dump: dict[str, Any]) -> None:
    page = conversation.page.page
    types = page.locator(".rows th")
    page.fill(".filters input", "commit words")
    commits = types.all_inner_texts()
    assert set(commits) == {"Commit"}
    assert len(commits) >= 2
    page.fill(".filters input", "")
    page.click(".chip:has-text('reply')")
    assert "Heard" not in types.all_inner_texts()
    page.click(".chip:has-text('reply')")
    assert "Heard" in types.all_inner_texts()


def test_the_axis_is_moved_by_keys(conversation: Conversation, dump: dict[str, Any]) -> None:
    page = conversation.page.page
    plot = page.locator(".plot")
    assert "1 interruption," in (plot.get_attribute("aria-label") or "")
    plot.focus()
    pictures = [page.locator(".waves").screenshot()]
    for key in ("0", "+", "ArrowLeft"):
        page.keyboard.press(key)
        pictures.append(page.locator(".waves").screenshot())
    assert len(set(pictures)) == len(pictures)
