"""The feed of a session's own events: a past, a present, no audio, and bounds."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from test_transport_rtvi_client import NOW, asks, client

from duplex.dialogue import events as ev
from duplex.dialogue.anticipation import CoreFrame
from duplex.graph.log import line
from duplex.transport.rtvi.feed import MAX_ENTRY, MAX_KEPT, Feed


def said(words: str, t: int = 0) -> ev.Transcript:
    return ev.Transcript(t=t, turn=1, text=words)


def fed(messages: list[Any]) -> list[dict[str, Any]]:
    assert all(each["type"] == "server-message" and each["data"]["kind"] == "event" for each in messages)
    return [each["data"]["event"] for each in messages]


def test_of_the_cores_frames_nothing_is_fed() -> None:
    feed = Feed()
    feed.switch(True)
    assert feed.on(CoreFrame(t=3_840, state="listen")) == []
    assert feed.switch(True) == []


def test_the_feed_begins_with_the_past_and_goes_on_until_it_is_switched_off() -> None:
    session = client()
    early, later = said("how", 10), said("how deep", 20)
    assert session.on_event(early)[1] == []
    answer, *past = session.on_message(asks("events", {"on": True}), NOW)
    assert isinstance(answer, dict)
    assert answer["data"] == {"t": "events", "d": {"on": True}}
    assert fed(past) == [json.loads(line("session", 10, early))]
    assert fed(session.on_event(later)[1]) == [json.loads(line("session", 20, later))]
    (answer,) = session.on_message(asks("events", {"on": False}), NOW)
    assert session.on_event(said("how deep is"))[1] == []
    assert len(session.on_message(asks("events", {"on": True}), NOW)) == 4


def test_the_feed_holds_no_audio() -> None:
    feed = Feed()
    pcm = np.ones(24_000, np.int16)
    feed.on(ev.Speech(t=0, attempt=1, pcm=pcm, words=(ev.SpokenWord("Yes.", 0, 9_600),)))
    (event,) = fed(feed.switch(True))
    assert event["pcm"]["shape"] == [24_000]
    assert event["words"] == [{"text": "Yes.", "start": 0, "end": 9_600}]
    assert len(json.dumps(event)) < 400


@given(st.lists(st.integers(0, 20_000), max_size=40))
def test_the_feed_is_bounded(sizes: list[int]) -> None:
    feed = Feed()
    feed.switch(True)
    for size in sizes:
        (told,) = feed.on(said("x" * size))
        assert len(json.dumps(told)) < MAX_ENTRY + 200
    kept = fed(feed.switch(True))
    assert sum(len(json.dumps(each, separators=(",", ":"))) for each in kept) <= MAX_KEPT
    long = [each for each in kept if "text" not in each]
    assert all(each == {"at": 0, "edge": "session", "t": 0, "type": "Transcript"} for each in long)
    assert len(kept) == len(sizes) or sum(min(size, MAX_ENTRY) for size in sizes) > MAX_KEPT // 2
