"""A voice over the agent's: what its words claim, what the floor makes of it, and what is said and known afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.dialogue.events import (
    Commit,
    Duck,
    Heard,
    OverlapClass,
    OverlapKind,
    PlayoutEnded,
    PlayoutStarted,
    ReplyText,
    Speech,
    SpokenWord,
    Transcript,
    TypedText,
    Unduck,
    Yield,
)
from duplex.dialogue.floor import Floor, FloorSettings, State
from duplex.dialogue.limits import LimitSettings
from duplex.dialogue.overlap import Claim, Saying, claim_of, says_nothing
from duplex.dialogue.playout import Playout
from duplex.graph.event import TICKS, Event
from tests.dialogue_call import Call
from tests.test_dialogue_floor import MS, Run, ended, speaking, words

WORDS = FloorSettings()
ANSWER = "One two three, four five six seven, eight nine ten eleven twelve."


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("", "none"),
        ("...", "none"),
        ("Mm-hm.", "backchannel"),
        ("Uh-huh, yeah, right.", "backchannel"),
        ("I see, of course.", "backchannel"),
        ("That’s right.", "backchannel"),
        ("OK", "backchannel"),
        ("Sure", "backchannel"),
        ("I", "open"),
        ("Yeah, that makes", "open"),
        ("God", "open"),
        ("Wait", "turn"),
        ("No.", "turn"),
        ("Okay, but", "turn"),
        ("I said", "turn"),
        ("Which one?", "turn"),
        ("Lake Garda", "turn"),
        ("I'm", "open"),
        ("I'm hum", "backchannel"),
        ("I'm not", "turn"),
        ("Know that", "turn"),
        ("H.M. mhm", "backchannel"),
        ("Okay, of course I see it. I", "open"),
        ("Okay, of course I see it, I see, yeah.", "backchannel"),
        ("Oh okay see right right a hahaha, mmh", "backchannel"),
        ("Yeah, right, Tuesday", "open"),
        ("Yeah, right, but", "turn"),
        ("Right, and", "turn"),
        ("Oh no.", "backchannel"),
        ("Oh no, that's wrong", "turn"),
        ("No kidding.", "backchannel"),
        ("No", "turn"),
        ("Sure yeah, I get it. Yeah sure makes sense yeah", "backchannel"),
        ("Oh no oh dears really oh dear oh no Odin dears oh", "backchannel"),
        ("Yes, yes, okay, sure, yes, the second one", "turn"),
        ("Yeah, okay, yeah, sure, next week, okay.", "turn"),
        ("Yes, yes, okay, sure, but yes", "turn"),
        ("Tom, dinner's", "other"),
    ],
)
def test_what_words_over_the_agents_claim(text: str, claim: Claim) -> None:
    assert claim_of(text) == claim


def test_after_an_interruption_a_backchannel_asks_for_no_answer_but_as_an_answer_it_does() -> None:
    assert says_nothing("Okay.", over_speech=True)
    assert not says_nothing("Okay.", over_speech=False)
    assert says_nothing(" ", over_speech=False)
    assert not says_nothing("Okay, stop.", over_speech=True)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("Yes", "turn"),
        ("Oh yeah", "turn"),
        ("Mm-hm, that's right.", "turn"),
        ("Uh-huh.", "backchannel"),
        ("I see.", "backchannel"),
        ("That's", "open"),
    ],
)
def test_a_yes_to_what_is_asked_is_an_answer(text: str, claim: Claim) -> None:
    assert claim_of(text, asked=True) == claim
    assert says_nothing(text, over_speech=True, asked=True) == (claim == "backchannel")


READ_BACK = "One large latte. With soy milk, and no sugar. Is that right?"


@pytest.mark.parametrize(
    ("text", "heard", "asks"),
    [
        (READ_BACK, "", False),
        (READ_BACK, "One large", False),
        (READ_BACK, "One large latte.", True),
        (READ_BACK, "One large latte. With soy milk, and no sugar. Is", True),
        (READ_BACK, READ_BACK, True),
        ("It is deep.", "It is", False),
        ("Is it? It is. It was.", "Is it? It", False),
        ("", "", False),
    ],
)
def test_the_agent_asks_from_the_sentence_before_its_question(text: str, heard: str, asks: bool) -> None:
    saying = Saying()
    for piece in text.split(". "):
        saying.on(ReplyText(t=0, attempt=1, text=f"{piece}." if piece[-1:].isalpha() else piece))
    saying.on(Heard(t=0, attempt=1, text=heard))
    assert saying.asks is asks


def test_what_is_taken_up_again_still_asks() -> None:
    saying = Saying()
    saying.on(ReplyText(t=0, attempt=1, text=READ_BACK))
    saying.on(Heard(t=0, attempt=1, text="One large latte."))
    saying.on(Commit(t=0, attempt=2, turn=2, end=0, reason="resumption"))
    assert saying.asks
    saying.on(ReplyText(t=0, attempt=3, text="It is on its way."))
    assert not saying.asks


def asking() -> Run:
    """The agent asks whether something is right, and has said half of that."""
    run = speaking(WORDS)
    return run.at(2400, ReplyText(t=2400 * MS, attempt=1, text="A latte. Is that right?"))


def test_an_early_yes_takes_the_floor_and_is_answered() -> None:
    run = asking().voice(2500).at(2800, partial("Yes", 2800))
    cut = run.last(Yield)
    assert isinstance(cut, Yield)
    assert (cut.t // MS, cut.keep, cut.asked) == (2800, True, True)
    run.ends(3100).at(3300, words(2, "Yes.")).at(3310, ended(2, 0.95)).at(3600)
    assert isinstance(commit := run.last(Commit), Commit)
    assert commit.reason == "words"


def test_a_noise_over_a_question_is_no_answer() -> None:
    run = asking().voice(2500, 3400).at(3600, words(2, "")).at(3700)
    assert isinstance(commit := run.last(Commit), Commit)
    assert commit.reason == "resumption"


def partial(text: str, ms: float = 0) -> Transcript:
    return Transcript(t=int(ms * MS), turn=2, text=text)


def classed(kind: OverlapKind, attempt: int = 1) -> OverlapClass:
    return OverlapClass(t=2800 * MS, attempt=attempt, kind=kind, p=0.9)


@pytest.mark.parametrize(
    ("stop", "heard", "kinds", "at"),
    [
        (None, [(2800, "Wait")], ["Duck", "Yield", "TurnStarted"], 2800),
        (None, [(2800, "I"), (3000, "I want")], ["Duck", "Yield", "TurnStarted"], 3000),
        (None, [(2800, "Yeah"), (3050, "Yeah, but")], ["Duck", "Yield", "TurnStarted"], 3050),
        (None, [], ["Duck", "Yield", "TurnStarted"], 3140),
        (None, [(2800, "Damn")], ["Duck", "Yield", "TurnStarted"], 3140),
        (None, [(2800, "Yeah, yeah.")], ["Duck", "Unduck", "Yield", "TurnStarted"], 3780),
        (None, [(2800, "Yeah"), (3400, "Yeah wait")], ["Duck", "Unduck", "Yield", "TurnStarted"], 3400),
        (2900, [(2800, "Okay.")], ["Duck", "Unduck"], 2964),
        (2900, [(3050, "Okay.")], ["Duck", "Unduck"], 3050),
        (2900, [], ["Duck", "Unduck"], 3140),
        (2900, [(2800, "I"), (3050, "I see.")], ["Duck", "Unduck"], 3050),
        (2900, [(2800, "God")], ["Duck", "Unduck"], 3140),
        (2900, [(3050, "Stop.")], ["Duck", "Yield", "TurnStarted", "Eager"], 3050),
    ],
)
def test_words_and_length_decide(
    stop: float | None, heard: list[tuple[float, str]], kinds: list[str], at: float
) -> None:
    """The user's voice begins at 2500 ms and is detected 64 ms later, as is its end."""
    run = speaking(WORDS).at(2564).voice(2500)
    done = stop is None
    for ms, text in heard:
        if stop is not None and not done and ms > stop + 64:
            run.ends(stop)
            done = True
        run.at(ms, partial(text, ms))
    if stop is not None and not done:
        run.ends(stop)
    run.at(5000)
    assert run.kinds()[3:][: len(kinds)] == kinds
    last = run.last(Yield) if "Yield" in kinds else run.last(Unduck)
    assert last.t // MS == at


def test_ducked_no_longer_than_600_ms() -> None:
    run = speaking(WORDS).voice(2500).at(2800, partial("Yeah")).at(3300)
    back = run.last(Unduck)
    assert isinstance(back, Unduck)
    assert not back.decided
    assert back.t - run.last(Duck).t <= 600 * MS


@pytest.mark.parametrize("kind", ["backchannel", "side", "noise"])
def test_a_model_that_knows_better_keeps_the_agent_speaking(kind: OverlapKind) -> None:
    run = speaking(WORDS).voice(2500).at(2800, classed(kind)).at(2900, partial("Where are the keys")).at(6000)
    assert run.kinds()[3:] == ["Duck", "Unduck"]
    assert run.floor.state is State.AGENT


def test_a_model_that_knows_better_stops_the_agent() -> None:
    run = speaking(WORDS).voice(2500).at(2600, classed("turn", attempt=0)).at(2650)
    assert run.kinds()[3:] == ["Duck"], "of another attempt"
    run.at(2700, classed("turn"))
    assert run.kinds()[3:] == ["Duck", "Yield", "TurnStarted"]


def test_a_second_voice_within_an_overlap_belongs_to_it() -> None:
    run = speaking(WORDS).voice(2500, 2700).voice(2850).at(3050, partial("Sorry, what?", 3050))
    assert run.kinds()[3:] == ["Duck", "Yield", "TurnStarted"]
    assert run.last(Yield).t == 3050 * MS


@pytest.mark.parametrize("text", ["", "Mm-hm."])
def test_after_a_false_start_the_agent_goes_on(text: str) -> None:
    run = speaking(WORDS).voice(2500, 3400).at(3600, words(2, text)).at(3700)
    assert run.kinds()[3:] == ["Duck", "Yield", "TurnStarted", "Eager", "Commit"]
    commit = run.last(Commit)
    assert isinstance(commit, Commit)
    assert (commit.reason, commit.attempt, commit.text) == ("resumption", 2, "")
    run.at(3720, PlayoutStarted(t=3720 * MS, attempt=2)).at(4000)
    run.at(4000, PlayoutEnded(t=4000 * MS, attempt=2, heard="It is."))
    assert run.floor.state is State.QUIET


def test_long_ago_it_leads_back_once() -> None:
    run = speaking(WORDS).voice(2500, 6400).at(6600, words(2, "")).at(6700)
    commit = run.last(Commit)
    assert isinstance(commit, Commit)
    assert commit.text == "As I was saying,"
    run.at(6720, PlayoutStarted(t=6720 * MS, attempt=2))
    again = run.voice(8000, 12000).at(12200, words(3, "")).at(12300).last(Commit)
    assert isinstance(again, Commit)
    assert (again.reason, again.text, again.attempt) == ("resumption", "", 3)


def test_a_turn_that_only_listens_once_it_is_whole_ends_nothing() -> None:
    """The first piece of "oh really, oh wow, okay" was misheard."""
    run = speaking(WORDS).voice(2500, 3400).at(3500, words(2, "Ove really Ove")).at(3510, ended(2, 0.1))
    run.voice(3900, 4300).at(4500, words(3, "Oh really, oh, wow, okay.")).at(5000)
    assert isinstance(commit := run.last(Commit), Commit)
    assert commit.reason == "resumption"


def test_words_that_are_anothers_once_they_are_whole_end_nothing() -> None:
    run = speaking(WORDS).voice(2500, 3400).at(3500, words(2, "Can you close")).at(3510, ended(2, 0.1))
    run.voice(3900, 4300).at(4500, words(3, "Can you close the window, Tom?")).at(5000)
    assert isinstance(commit := run.last(Commit), Commit)
    assert commit.reason == "resumption"


def test_after_a_committed_turn_nothing_is_left_of_what_was_cut() -> None:
    run = speaking(WORDS).voice(2500, 3400).at(3500, words(2, "what else")).at(3510, ended(2, 0.95)).at(3700)
    assert isinstance(commit := run.last(Commit), Commit)
    assert commit.reason == "words"
    run.voice(3900, 4300).at(4500, words(3, "Okay.")).at(4510, ended(3, 0.95)).at(5000)
    assert isinstance(commit := run.last(Commit), Commit)
    assert commit.reason == "words"


def test_words_end_what_was_kept() -> None:
    run = speaking(WORDS).voice(2500, 3400).at(3500, words(2, "what else")).at(3510, ended(2, 0.1))
    run.voice(3900, 4300).at(4500, words(3, "")).at(5000)
    assert run.kinds()[-1] == "Discarded"


def test_whoever_kept_what_was_heard_to_its_end_lets_it_go() -> None:
    run = speaking(WORDS).voice(2500).at(3150, PlayoutEnded(t=3150 * MS, attempt=1, heard="It is."))
    assert [event.keep for event in run.out if isinstance(event, Yield)] == [True, False]


def test_what_was_said_to_its_end_is_not_taken_up() -> None:
    run = speaking(WORDS).voice(2500)
    run.at(3150, PlayoutEnded(t=3150 * MS, attempt=1, heard="It is.", interrupted=False))
    run.ends(3400).at(3600, words(2, "")).at(4000)
    assert run.kinds()[-1] == "Discarded"


def test_words_that_come_after_a_timeout_had_committed() -> None:
    run = speaking(WORDS).voice(2500, 3400).at(5100)
    assert isinstance(commit := run.last(Commit), Commit)
    assert commit.reason == "timeout"
    run.at(5200, words(2, ""))
    assert isinstance(commit := run.last(Commit), Commit)
    assert commit.reason == "resumption"
    empty = Run(WORDS).voice(0, 300).at(2000).at(2100, words(1, ""))
    assert empty.kinds()[-1] == "Discarded"
    assert empty.floor.state is State.QUIET


def test_typed_text_ends_an_overlap() -> None:
    run = speaking(WORDS).voice(2500).at(2700, TypedText(t=2700 * MS, text="stop")).at(5000)
    assert run.kinds()[3:] == ["Duck", "Yield", "TurnStarted", "Eager", "Commit"]
    assert isinstance(cut := run.last(Yield), Yield)
    assert not cut.keep


def test_a_reply_that_ends_under_an_undecided_word_hears_it_out() -> None:
    run = speaking(WORDS).voice(2500, 2700).at(2900, PlayoutEnded(t=2900 * MS, attempt=1, heard="x"))
    assert run.kinds()[3:] == ["Duck", "TurnStarted", "Eager"]


# What is said and remembered


def call(answer: str = ANSWER, delay: float = 0.0) -> Call:
    """The user asks at 1 s, the agent answers from about 2.24 s on, four words a second."""
    made = Call(LimitSettings(longest=0, idle=0), delay=delay, floor=WORDS)
    made.answer = answer
    return made.says(1, 2)


def test_it_goes_on_at_the_word_that_was_cut_and_remembers_each_word_once() -> None:
    cut = call().says(3, 3.9, text="").at(12)
    assert cut.said() == [("user", "How deep is it?"), ("agent", ANSWER)]
    assert not cut.history.turns[-1].interrupted
    began = [event for event in cut.events if isinstance(event, PlayoutStarted)]
    first = next(event for event in cut.events if isinstance(event, PlayoutEnded))
    assert first.interrupted
    assert [word.text for word in began[1].words] == ANSWER.split()[len(first.heard.split()) :]


def test_long_ago_it_begins_at_the_clause_and_remembers_each_word_once() -> None:
    cut = call().says(3.3, 8, text="").at(20)
    first = next(event for event in cut.events if isinstance(event, PlayoutEnded))
    said = cut.said()[-1][1]
    assert said == f"{first.heard} As I was saying, {ANSWER[len(first.heard) + 1 :]}"
    again = [event for event in cut.events if isinstance(event, PlayoutStarted)][-1]
    at = next(word.start for word in again.words)
    assert at > 4 * 0.25 * TICKS, "after what leads to it and the words of the clause that were heard"


def test_a_correction_knows_what_was_heard() -> None:
    cut = call().says(3).overheard(3.3, "No, I meant").stops(4, "No, I meant Tuesday.").at(12)
    turns = cut.history.turns
    assert [turn.role for turn in turns] == ["user", "agent", "user", "agent"]
    assert turns[1].interrupted
    assert ANSWER.startswith(turns[1].text)
    assert turns[2].text == "No, I meant Tuesday."


def test_a_false_start_before_anything_of_a_greeting_was_heard() -> None:
    greeted = Call(LimitSettings(longest=0, idle=0), "Hello there my friend.", 0.5, WORDS)
    greeted.says(0.1, 0.9, text="").at(6)
    assert greeted.said() == [("agent", "Hello there my friend.")]


def test_speech_that_is_still_being_made_when_it_was_cut_comes_too() -> None:
    """Pieces arrive while the agent is silent, and after it went on."""
    playout, texts = Playout(), ANSWER.split()
    length = TICKS // 10

    def piece(first: int, last: int) -> Speech:
        times = tuple(SpokenWord(texts[i], i * length, (i + 1) * length) for i in range(first, last))
        pcm = np.full((last - first) * length // 2, 1_000, dtype=np.int16)
        return Speech(t=0, attempt=1, pcm=pcm, words=times, last=last == len(texts))

    def commit(attempt: int, reason: str) -> Commit:
        return Commit(t=0, attempt=attempt, turn=1, end=0, reason=reason)

    playout.on(commit(1, "words"))
    playout.on(piece(0, 4))
    t, heard = 0, []
    out: list[Event] = []
    for step in range(200):
        t = step * TICKS // 50
        if step == 8:
            out += playout.on(Yield(t=t, attempt=1, keep=True))
            playout.on(piece(4, 6))
        if step == 20:
            playout.on(commit(2, "resumption"))
        if step == 22:
            playout.on(piece(6, len(texts)))
        out += playout.pull(t)[1]
    heard = [event.heard for event in out if isinstance(event, PlayoutEnded)]
    assert " ".join(heard) == ANSWER
    assert len(heard) == 2


voices = st.lists(
    st.tuples(
        st.floats(0.2, 3.0),
        st.floats(0.1, 5.0),
        st.sampled_from(["", "", "Mm-hm.", "Wait, how deep?"]),
    ),
    max_size=5,
)


@given(voices, st.sampled_from([0.0, 0.085, 0.4]))
@settings(deadline=None)
def test_whatever_is_said_when_the_history_holds_what_was_heard(
    said: list[tuple[float, float, str]], delay: float
) -> None:
    """Each reply's words come once and in order; no voice leaves the agent ducked, or the floor with nobody."""
    talk = call(delay=delay)
    at = 2.5
    for pause, length, text in said:
        at += pause
        talk.says(at)
        if text and length > 0.3:
            talk.overheard(at + 0.3, text)
        at += length
        talk.stops(at, text)
    talk.at(at + 40)
    assert talk.floor.state is State.QUIET
    lead = WORDS.lead.split()
    for turn in talk.history.turns:
        if turn.role == "agent":
            spoken = _without(turn.text.split(), lead)
            assert spoken == ANSWER.split()[: len(spoken)]
            assert turn.interrupted or len(spoken) == len(ANSWER.split())
    ducked = False
    for event in talk.events:
        match event:
            case Duck():
                ducked = True
            case Unduck() | Yield() | PlayoutEnded():
                ducked = False
    assert not ducked


def _without(words: list[str], lead: list[str]) -> list[str]:
    for i in range(len(words)):
        for length in range(len(lead), 0, -1):
            if words[i : i + length] == lead[:length]:
                return words[:i] + _without(words[i + length :], lead)
    return words


def test_the_floor_of_any_voice_keeps_nothing() -> None:
    floor = Floor(FloorSettings(overlap="any", barge=0.16))
    assert floor.settings.overlap == "any"
    run = speaking().voice(2500, 3400).at(3600, words(2, "")).at(3700)
    assert run.kinds()[-1] == "Discarded"
