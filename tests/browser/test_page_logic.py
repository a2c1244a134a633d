"""The page's pure modules, run where they run: in a browser, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from browser_fixtures import chromium
from call_page import silent_server
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of the server's, which may import its modules."""
    with silent_server() as url, chromium() as browser:
        made = browser.new_page()
        made.goto(url)
        yield made


LINK = """async (inputs) => {
  const { Link } = await import("/static/call/link.js");
  const link = new Link(0);
  return inputs.map(([now, event]) => [...link.on(now, event), link.state].join(" "));
}"""


@pytest.mark.parametrize(
    ("inputs", "outcome"),
    [
        ([(1000, "heard"), (2000, "tick"), (4000, "tick"), (4900, "tick")], ["live"] * 4),
        (
            [(2000, "tick"), (4000, "tick"), (4100, "tick"), (5000, "through")],
            ["live", "live", "lost attempt lost", "back live"],
        ),
        ([(100, "broken"), (900, "failed"), (2400, "tick")], ["lost attempt lost", "lost", "attempt lost"]),
        ([(100, "broken"), (900, "failed"), (950, "online")], ["lost attempt lost", "lost", "attempt lost"]),
        ([(100, "broken"), (500, "heard")], ["lost attempt lost", "abandon back live"]),
        ([(100, "broken"), (200, "refused"), (300, "tick")], ["lost attempt lost", "over over", "over"]),
        # An attempt that hangs is given up for another.
        (
            [(100, "broken"), (2000, "tick"), (4000, "tick"), (6000, "tick"), (8100, "tick")],
            ["lost attempt lost", "lost", "lost", "lost", "abandon attempt lost"],
        ),
        # A computer that slept is given a moment to read what came.
        ([(2000, "tick"), (90_000, "tick"), (90_500, "heard"), (91_000, "tick")], ["live"] * 4),
        (
            [(100, "broken"), (29_000, "failed"), (30_100, "tick")],
            ["lost attempt lost", "lost", "over over"],
        ),
    ],
)
def test_a_lost_connection(page: Page, inputs: list[tuple[int, str]], outcome: list[str]) -> None:
    assert page.evaluate(LINK, inputs) == outcome


WORDS = """async (messages) => {
  const { Transcript } = await import("/static/model/transcript.js");
  const transcript = new Transcript();
  for (const [type, data] of messages) {
    if (type === "typed" || type === "note" || type === "forgotten") transcript[type](data);
    else if (type === "lost" || type === "ended") transcript[type]();
    else transcript.on({ type, data });
  }
  return transcript.lines.map(({ who, sure, unsure, done, cut, sources }) =>
    [who, sure, unsure, ...(done ? ["done"] : []), ...(cut ? ["cut"] : []), ...sources].join("|"));
}"""


def user(text: str, final: bool = False) -> tuple[str, Any]:
    return "user-transcription", {"text": text, "final": final}


def bot(segment: int, status: str, heard: str, rest: str = "") -> tuple[str, Any]:
    progress = {"accumulated_text": heard, "remaining_text": rest}
    text = f"{heard} {rest}".strip()
    return "bot-output", {
        "segment_id": segment,
        "text": text,
        "spoken_status": status,
        "spoken_progress": progress,
    }


START, STOP, CUT = ("bot-started-speaking", None), ("bot-stopped-speaking", None), ("bot-interrupted", None)
SOURCES = ("server-message", {"kind": "sources", "sources": ["a.md", "a.md", "b.md"]})
LISTEN = ("user-started-speaking", None)


@pytest.mark.parametrize(
    ("messages", "lines"),
    [
        ([LISTEN, user("how"), user("how deep")], ["user||how deep"]),
        ([LISTEN, user("how"), user("How deep?", True)], ["user|How deep?||done"]),
        # Noise that held no words leaves nothing behind.
        ([LISTEN, user("hm"), LISTEN, user("How?", True)], ["user|How?||done"]),
        ([START, bot(1, "new", "", "It is deep.")], ["agent||It is deep."]),
        ([START, bot(1, "in-progress", "It is", "deep.")], ["agent|It is|deep."]),
        (
            [START, bot(1, "completed", "It is deep."), bot(2, "new", "", "Very."), STOP],
            ["agent|It is deep.|Very.|done"],
        ),
        # What follows an unheard word is unheard, whichever piece is told of first.
        (
            [START, bot(1, "new", "", "One."), bot(2, "in-progress", "Two", "three.")],
            ["agent||One. Two three."],
        ),
        (
            [START, bot(1, "in-progress", "It is", "deep."), CUT, STOP],
            ["agent|It is|deep.|done|cut"],
        ),
        ([CUT], []),
        ([START, bot(1, "new", "", "A."), SOURCES], ["agent||A.|a.md|b.md"]),
        # Two answers are two lines, though the ids go on.
        (
            [START, bot(1, "completed", "A."), STOP, START, bot(2, "completed", "B."), STOP],
            ["agent|A.||done", "agent|B.||done"],
        ),
        # Who goes on with what seemed to be finished has said one thing, not two.
        (
            [user("How deep?", True), LISTEN, user("how deep is"), user("How deep is it?", True)],
            ["user|How deep is it?||done"],
        ),
        ([user("Yes.", True), LISTEN, user("Well.", True)], ["user|Yes.||done", "user|Well.||done"]),
        ([user("half"), ("typed", "Whole")], ["user|Whole||done"]),
        ([user("half"), ("ended", None)], []),
        # A session that was lost forgets where it was cut, not where that was noticed.
        (
            [user("One.", True), ("lost", None), START, bot(1, "new", "", "Hi."), ("forgotten", "anew")],
            ["user|One.||done", "note|anew||done", "agent||Hi.|done"],
        ),
        ([("user-transcription", {}), ("bot-output", {})], ["user||", "agent||"]),
        ([("unknown", {"a": 1})], []),
    ],
)
def test_words(page: Page, messages: list[tuple[str, Any]], lines: list[str]) -> None:
    assert page.evaluate(WORDS, messages) == lines


PROBLEM = """async ([status, error, after]) => {
  const { refusal } = await import("/static/call/problem.js");
  const { kind, message, help, retryAfter } = refusal(status, error === null ? {} : { error }, after);
  return { kind, message, help, retryAfter };
}"""


@pytest.mark.parametrize(
    ("status", "error", "after", "kind", "retry"),
    [
        (503, "all 4 lines are taken", "5", "busy", 5),
        (503, "all 4 lines are taken", None, "busy", None),
        (503, "x", "Wed, 21 Oct 2026 07:28:00 GMT", "busy", None),
        (503, "the models are still loading", "5", "loading", 5),
        (500, None, None, "failed", None),
        (403, "pages of another site", None, "refused", None),
    ],
)
def test_what_the_server_refuses(
    page: Page, status: int, error: str | None, after: str | None, kind: str, retry: int | None
) -> None:
    found = page.evaluate(PROBLEM, [status, error, after])
    assert (found["kind"], found["retryAfter"]) == (kind, retry)
    assert found["help"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("NotAllowedError", "denied"),
        ("NotFoundError", "no-microphone"),
        ("NotReadableError", "microphone-busy"),
        ("TypeError", "microphone"),
    ],
)
def test_what_ails_a_microphone(page: Page, name: str, kind: str) -> None:
    found = page.evaluate(
        """async (name) => {
          const { microphoneProblem, WITHOUT_VOICE } = await import("/static/call/problem.js");
          const { kind, help } = microphoneProblem({ name, message: "why" });
          return [kind, help, WITHOUT_VOICE.has(kind)];
        }""",
        name,
    )
    assert found[0] == kind
    assert found[1]
    assert found[2], "one can go on without"


CLOCK = """async (samples) => {
  const { Clock } = await import("/static/model/clock.js");
  const clock = new Clock();
  return samples.map((sample) => ({ ...clock.add(sample), zero: clock.pageTime(0) }));
}"""


def trip(
    sent: float, up: float, down: float, ahead: float = 5000.0, begun: float = 6000.0
) -> dict[str, float]:
    """A question to a server whose clock is `ahead` of the page's and whose session began at its time `begun`."""
    received = sent + up + ahead
    return {
        "at": sent,
        "arrived": sent + up + down,
        "received": received,
        "sent": received,
        "session_ms": received - begun,
    }


def test_the_clocks_are_matched_by_the_quickest_trip(page: Page) -> None:
    first, slow, quick = page.evaluate(CLOCK, [trip(2000, 30, 10), trip(3000, 200, 4), trip(4000, 3, 3)])
    assert first["zero"] == pytest.approx(1000 - 10)  # half of how uneven the trip was
    assert slow["up"] - slow["down"] > 150
    assert slow["trip"] == pytest.approx(204)
    assert quick["zero"] == pytest.approx(1000)
    assert quick["moved"] is None


def test_another_session_is_noticed_and_the_old_times_move(page: Page) -> None:
    before, after = page.evaluate(CLOCK, [trip(2000, 5, 5), trip(9000, 5, 5, begun=13_500)])
    assert before["moved"] is None
    assert after["zero"] == pytest.approx(8500)
    # What was at 500 ms of the old session stands at the same page time on the new clock.
    assert 500 + after["moved"] + after["zero"] == pytest.approx(500 + before["zero"])


PEAKS = """async ([batches, questions]) => {
  const { Peaks } = await import("/static/model/peaks.js");
  const peaks = new Peaks();
  for (const [until, levels] of batches) peaks.add(until, levels.flatMap((level) => [level, 0]));
  return [peaks.duration, ...questions.map(([from, to]) => peaks.max("user", from, to))];
}"""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=400),
    st.lists(st.tuples(st.integers(0, 4200), st.integers(10, 3000)), min_size=1, max_size=5),
)
def test_the_loudest_of_a_stretch_is_found_at_every_zoom(
    page: Page, levels: list[float], stretches: list[tuple[int, int]]
) -> None:
    batches = [[10 * (at + 5), levels[at : at + 5]] for at in range(0, len(levels) - 4, 5)]
    if not batches:
        return
    kept = levels[: 5 * len(batches)]
    questions = [(start // 10 * 10, start // 10 * 10 + length // 10 * 10) for start, length in stretches]
    duration, *found = page.evaluate(PEAKS, [batches, questions])
    assert duration == 10 * len(kept)
    for (start, end), peak in zip(questions, found, strict=True):
        wanted = max(kept[start // 10 : end // 10], default=0.0)
        assert peak >= wanted - 1e-9
        assert peak <= (wanted**0.5 + 1 / 255) ** 2 + 1e-9


def test_a_hole_in_the_sound_stays_a_hole(page: Page) -> None:
    duration, before, hole, after = page.evaluate(
        PEAKS,
        [
            [[50, [1] * 5], [101, [1] * 5], [1100, [1] * 5]],
            [(0, 100), (100, 1000), (1050, 1100)],
        ],
    )
    assert (duration, before, hole, after) == (1100, 1, 0, 1)


def test_a_long_call_stays_within_its_memory(page: Page) -> None:
    """Three hours of sound and events: what is kept is bounded, and the latest is there."""
    kept = page.evaluate(
        """async () => {
          const { Peaks } = await import("/static/model/peaks.js");
          const { Session } = await import("/static/model/session.js");
          const peaks = new Peaks();
          const second = new Array(200).fill(0.5);
          for (let at = 1; at <= 3 * 3600; at += 1) peaks.add(at * 1000, second);
          const session = new Session();
          for (let at = 0; at < 20000; at += 1) {
            session.add({ type: "Eager", t: at * 48000, attempt: at, turn: at, end: at * 48000 }, at);
            session.add({ type: "Commit", t: at * 48000, attempt: at, turn: at, end: at * 48000, reason: "words" }, at);
          }
          const { events, turns, marks } = session;
          return [peaks.duration, events.length, turns.length, marks.length, turns.at(-1).attempt];
        }"""
    )
    assert kept == [2 * 3600 * 1000, 4000, 300, 3000, 19_999]


def test_events_told_twice_count_once(page: Page) -> None:
    """The server tells its past to whoever looks in late; a page that came back has seen some of it."""
    count = page.evaluate(
        """async () => {
          const { Session } = await import("/static/model/session.js");
          const session = new Session();
          const event = (t) => ({ type: "Heard", t, attempt: 1, text: "x" });
          for (const t of [1, 2, 3, 1, 2, 3, 4]) session.add(event(t), 0);
          return session.events.length;
        }"""
    )
    assert count == 4


AXIS = """async ([end, acts]) => {
  const { Axis } = await import("/static/views/axis.js");
  const axis = new Axis();
  axis.grow(end);
  for (const [name, ...given] of acts) axis[name](...given);
  return { from: axis.from, to: axis.to, follow: axis.follow };
}"""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 7_200_000),
    st.lists(
        st.one_of(
            st.tuples(st.just("scroll"), st.floats(-5, 5)),
            st.tuples(st.just("zoom"), st.floats(0.01, 100), st.floats(0, 1)),
            st.tuples(st.just("show"), st.floats(0, 7_200_000)),
            st.tuples(st.just("fit")),
        ),
        max_size=6,
    ),
)
def test_the_axis_never_leaves_the_call(page: Page, end: int, acts: list[tuple[Any, ...]]) -> None:
    axis = page.evaluate(AXIS, [end, acts])
    assert axis["from"] >= 0
    assert axis["to"] <= max(20_000, end * 1.05) + 1
    assert axis["to"] - axis["from"] >= 999


def test_zooming_keeps_what_is_under_the_pointer(page: Page) -> None:
    before = page.evaluate(AXIS, [600_000, [["show", 300_000]]])
    after = page.evaluate(AXIS, [600_000, [["show", 300_000], ["zoom", 4, 0.25]]])
    assert before["from"] + 0.25 * (before["to"] - before["from"]) == pytest.approx(300_000)
    assert after["from"] + 0.25 * (after["to"] - after["from"]) == pytest.approx(300_000)
    assert not after["follow"]
