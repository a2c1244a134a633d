import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from asr_speech import TEXTS, clip, errors, monologue, noise, shouting, silence
from hypothesis import given, settings
from hypothesis import strategies as st

from asr import Pcm, StreamingOptions, StreamingWhisper, WhisperModel, Word

BEAT = 4_000  # the code language below says one word in each quarter of a second


def coded(words: list[int]) -> Pcm:
    """Audio in a language that needs no model: word number w is a quarter second at level w, 0 is silence."""
    return np.repeat(np.array(words, dtype=np.int16), BEAT)


class Reader:
    """Reads the code language, and errs on what touches the audio's end as a real model does.

    It is no stand-in for Whisper, whose streaming is tested below: it makes the truth known and decoding
    instant, so that thousands of call patterns can be tried.
    """

    def __init__(self) -> None:
        self.longest = 0

    def transcribe(self, pcm: Pcm, hint: str = "") -> tuple[Word, ...]:
        self.longest = max(self.longest, len(pcm))
        edges = [0, *(np.flatnonzero(np.diff(pcm)) + 1).tolist(), len(pcm)]
        words = []
        for begin, end in pairwise(edges):
            if end > begin and pcm[begin] and end - begin >= BEAT // 4:
                text = f"w{pcm[begin]}" if end < len(pcm) else f"w{pcm[begin]}x{end - begin}"
                words.append(Word(text, begin / 16_000, end / 16_000))
        return tuple(words)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 30_000), min_size=1, max_size=120),
    st.lists(
        st.tuples(st.integers(1, 40_000), st.sampled_from(["hypothesis", "finalise", "nothing"])), max_size=40
    ),
)
def test_stable_words_stay_and_no_call_reads_more_than_a_window(
    said: list[int], calls: list[tuple[int, str]]
) -> None:
    pcm = coded(said)
    reader, final = Reader(), Reader()
    stream = StreamingWhisper(reader, final).stream()
    stable: tuple[Word, ...] = ()
    at = 0
    for size, call in [*calls, (len(pcm), "hypothesis")]:
        stream.accept(pcm[at : at + size])
        at = min(len(pcm), at + size)
        if call == "hypothesis":
            belief = stream.hypothesis()
            assert belief.words[: len(stable)] == stable
            stable = belief.words[: belief.stable]
            assert not belief.final
        elif call == "finalise":
            final_belief = stream.finalise()
            assert final_belief.final
            assert final_belief.stable == len(final_belief.words)
    assert max(reader.longest, final.longest) <= 160_000
    starts = [word.start for word in stable]
    assert starts == sorted(starts)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=160), st.lists(st.integers(0, 160), max_size=4))
def test_finalising_early_does_not_change_the_end(said: list[int], pauses: list[int]) -> None:
    said = [word for at, word in enumerate(said) if at == 0 or word != said[at - 1]]
    pcm = np.concatenate([coded(said), silence(0.5)])
    stream = StreamingWhisper(Reader(), Reader()).stream()
    for at in range(0, len(pcm), BEAT):
        stream.accept(pcm[at : at + BEAT])
        if at // BEAT in pauses:
            stream.finalise()
    belief = stream.finalise()
    heard = [word for word in belief.words if "x" not in word.text]
    assert len(heard) >= len(said) - 2 * (len(pcm) // 80_000)  # a cut may split a word of this pauseless code
    assert all(said[int(word.start * 16_000 / BEAT + 1e-6)] == int(word.text[1:]) for word in heard)


def test_words_become_stable_as_they_are_agreed_on() -> None:
    stream = StreamingWhisper(Reader(), Reader()).stream()
    stable = []
    for at in range(8):
        stream.accept(coded([at + 1]))
        stream.accept(coded([at + 1])[:320])
        stable.append(stream.hypothesis().stable)
    assert stable == [0, 0, 1, 2, 3, 4, 5, 6]


def test_less_than_a_hop_is_not_read() -> None:
    reader = Reader()
    stream = StreamingWhisper(reader, Reader()).stream()
    stream.accept(coded([1])[:1_599])
    assert stream.hypothesis().words == ()
    assert reader.longest == 0
    stream.accept(coded([1])[:1])
    stream.hypothesis()
    assert reader.longest == 1_600
    stream.accept(silence(1.5))
    stream.hypothesis()
    assert reader.longest == 25_600
    stream.accept(coded([1])[:3_999])
    stream.hypothesis()
    assert reader.longest == 25_600, "after its beginning an utterance is read less often"
    stream.accept(coded([1])[:1])
    stream.hypothesis()
    assert reader.longest == 29_600


def test_reset_starts_over_and_ignores_what_is_still_being_read() -> None:
    inside, go_on = threading.Event(), threading.Event()

    class Slow(Reader):
        def transcribe(self, pcm: Pcm, hint: str = "") -> tuple[Word, ...]:
            inside.set()
            assert go_on.wait(5)
            return super().transcribe(pcm)

    stream = StreamingWhisper(Slow(), Reader()).stream()
    stream.accept(coded([1, 2, 3]))
    thread = threading.Thread(target=stream.hypothesis)
    thread.start()
    assert inside.wait(5)
    stream.accept(coded([4]))  # does not wait for the model
    stream.reset()
    go_on.set()
    thread.join()
    assert stream.hypothesis().words == ()
    stream.accept(coded([7, 0, 0]))
    assert [word.text for word in stream.hypothesis().words] == ["w7"]


def test_unread_audio_is_bounded() -> None:
    stream = StreamingWhisper(Reader(), Reader(), StreamingOptions(memory=20)).stream()
    for _ in range(100):
        stream.accept(silence(1))
    stream.accept(coded([5, 0]))
    assert stream._now.audio.end - stream._now.audio.start <= 26 * 16_000
    belief = stream.finalise()
    assert [(word.text, word.start) for word in belief.words] == [("w5", 100.0)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"hop": 0},
        {"first_hop": 0},
        {"first_hop": 0.3},
        {"keep": 9},
        {"trim_at": 9.9},
        {"memory": 5},
        {"guard": -1},
    ],
)
def test_options_that_cannot_work_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="got"):
        StreamingOptions(**wrong)


def test_other_audio_is_refused() -> None:
    with pytest.raises(ValueError, match="one-dimensional int16"):
        StreamingWhisper(Reader(), Reader()).stream().accept(np.zeros(320, np.float32))


@pytest.fixture(scope="module")
def whisper(model_path: Callable[[str], Path]) -> StreamingWhisper:
    return StreamingWhisper(
        WhisperModel(model_path("whisper-tiny.en")), WhisperModel(model_path("whisper-base"))
    )


@pytest.mark.models
def test_a_sentence_is_followed(whisper: StreamingWhisper) -> None:
    stream = whisper.stream()
    stable, first = 0, 0.0
    pcm = np.concatenate([clip("ferry"), silence(0.5)])
    for at in range(0, len(pcm), 320):
        stream.accept(pcm[at : at + 320])
        if at % 8_000 >= 320:
            continue
        belief = stream.hypothesis()
        assert belief.stable >= stable
        stable = belief.stable
        first = first or (stable > 0) * (at + 320) / 16_000
    assert 0 < first < 2
    assert errors(TEXTS["ferry"], belief.text) <= 3
    final = stream.finalise()
    assert errors(TEXTS["ferry"], final.text) <= 2
    stream.accept(np.concatenate([clip("deepest"), silence(0.3)]))
    both = stream.finalise()
    assert errors(f"{TEXTS['ferry']} {TEXTS['deepest']}", both.text) <= 3
    assert both.words[-1].end > final.words[-1].end + 2


@pytest.mark.models
def test_a_monologue_is_followed_in_bounded_steps(whisper: StreamingWhisper) -> None:
    pcm, text = monologue()
    stream = whisper.stream()
    for at in range(0, len(pcm), 40_000):
        stream.accept(pcm[at : at + 40_000])
        belief = stream.hypothesis()
    assert belief.stable > 0.7 * len(text.split())
    assert errors(text, stream.finalise().text) <= 0.15 * len(text.split())


@pytest.mark.models
@pytest.mark.parametrize(
    ("sound", "most"), [(silence(4), 0), (noise(4, -30), 0), (shouting(10), 60)], ids=str
)
def test_silence_noise_and_shouting(whisper: StreamingWhisper, sound: Pcm, most: int) -> None:
    stream = whisper.stream()
    for at in range(0, len(sound), 32_000):
        stream.accept(sound[at : at + 32_000])
        assert len(stream.hypothesis().words) <= most
    assert len(stream.finalise().words) <= most
