"""Whole dialogues of the training data with real voices, and the simulated recogniser behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest

from asr.vad import SileroVad
from duplex.cli import main
from duplex.core.data import acoustics, voices
from duplex.core.data.build import Builder, Staged
from duplex.core.data.ear import Ask, Question
from duplex.core.data.fit import Sample, fitted, load_sample, measured, save_sample
from duplex.core.data.labels import Reading
from duplex.core.data.lexicon import Split, lexicon
from duplex.core.data.simulate import Errors, answers, audible_words, shipped_errors, simulated
from duplex.core.data.voices import Studio, Voice
from duplex.core.streams.dialogue import Dialogue, TimedWord, dialogue_files, load_dialogue
from duplex.core.streams.layout import FRAME_SAMPLES

SEED = 3


@cache
def robots() -> list[int]:
    """Numbers of dialogues that espeak-ng speaks alone: they are made in no time."""
    found = []
    for number in range(60):
        rng = Random(f"train {SEED} {number}")
        user = voices.draw_user(Split.train, rng)
        if {user.engine, voices.draw_agent(Split.train, rng, user).engine} == {"espeak"}:
            found.append(number)
    return found


@pytest.fixture(scope="module")
def builder(model_path: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Builder:
    studio = Studio(tmp_path_factory.mktemp("clips"))
    return Builder(Split.train, SEED, studio, SileroVad(model_path("silero-vad")), simulated)


@pytest.fixture(scope="module")
def dialogue(builder: Builder) -> Dialogue:
    return builder.build(robots()[0])


@pytest.mark.models
def test_a_dialogue_fits_together(dialogue: Dialogue) -> None:
    assert len(dialogue.user_pcm) == len(dialogue.agent_pcm) == dialogue.frames * FRAME_SAMPLES
    levels = [np.abs(pcm.astype(int)).max() for pcm in (dialogue.user_pcm, dialogue.agent_pcm)]
    assert min(levels) > 500
    assert dialogue.heard
    assert {word.text for word in dialogue.user_words}
    assert dialogue.labels.vad.any(axis=0).all()
    assert {0, 1} <= set(dialogue.labels.complete.tolist())


@pytest.mark.models
def test_a_seed_gives_the_same_bytes_and_a_number_other_ones(builder: Builder, dialogue: Dialogue) -> None:
    again, other = builder.build(robots()[0]), builder.build(robots()[1])
    assert np.array_equal(again.user_pcm, dialogue.user_pcm)
    assert np.array_equal(again.labels.state, dialogue.labels.state)
    assert again.heard == dialogue.heard
    assert other.meta["number"] != dialogue.meta["number"]
    assert other.user_words != dialogue.user_words


@pytest.mark.models
def test_the_user_is_loud_where_the_label_says_so(builder: Builder) -> None:
    louder = []
    for number in robots()[:4]:
        dialogue = builder.build(number)
        power = (dialogue.user_pcm.reshape(-1, FRAME_SAMPLES).astype(float) ** 2).mean(axis=1)
        active = dialogue.labels.vad[:, 0]
        louder.append(10 * np.log10(power[active].mean() / power[~active].mean()))
    assert min(louder) > 3


def test_espeak_tells_when_each_word_begins(tmp_path: Path) -> None:
    clip = Studio(tmp_path).say("the train to the old harbour leaves at noon.", Voice("espeak", "en-us"))
    starts = [start for start, _ in clip.times]
    assert len(starts) == 9
    assert starts == sorted(starts)
    lengths = {
        word: end - start
        for word, (start, end) in zip(
            ["the", "train", "to", "the", "old", "harbour"], clip.times, strict=False
        )
    }
    assert lengths["harbour"] > lengths["to"]
    assert clip.times[-1][1] == pytest.approx(clip.seconds)


def test_what_espeak_says_does_not_depend_on_what_it_said(tmp_path: Path) -> None:
    studio, voice = Studio(tmp_path), Voice("espeak", "en-us+f3")
    first = studio.say("how far is it to the lake.", voice)
    studio.say("something quite different, in another voice.", Voice("espeak", "en-029+victor"))
    assert np.array_equal(studio.say("how far is it to the lake.", voice).pcm, first.pcm)


def test_a_higher_voice_is_a_shorter_one(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    text = "what is the weather like in the mountains."
    low, high = (studio.say(text, Voice("espeak", "en-us", scale=scale)) for scale in (0.9, 1.1))
    assert low.seconds == pytest.approx(high.seconds, rel=0.1)  # said at another pace, to last as long
    spectra = [np.abs(np.fft.rfft(clip.pcm[:16_000].astype(float))) for clip in (low, high)]
    centres = [(np.arange(len(s)) * s).sum() / s.sum() for s in spectra]
    assert centres[1] > 1.05 * centres[0]


def test_an_agent_says_its_sentences_one_by_one(tmp_path: Path) -> None:
    studio, voice = Studio(tmp_path), Voice("espeak", "en-us")
    whole = studio.say_all("All right. I will do that.", voice)
    parts = [studio.say(text, voice) for text in ("All right.", "I will do that.")]
    assert whole.seconds == pytest.approx(sum(part.seconds for part in parts) + 0.35)
    assert len(whole.times) == 6


@pytest.mark.parametrize("split", Split)
def test_noises_have_the_level_that_was_asked_for(split: Split) -> None:
    for seed in range(6):
        wave = acoustics.background(split, np.random.default_rng(seed), 16_000, -40.0)
        assert 20 * np.log10(np.sqrt(np.mean(wave**2))) == pytest.approx(-40.0, abs=0.1)
        sound = acoustics.burst(split, np.random.default_rng(seed), 0.5, -30.0)
        assert len(sound) == 8_000
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() > 0.01


def test_lost_packets_are_concealed_and_an_echo_is_late_and_soft() -> None:
    rng = np.random.default_rng(0)
    wave = acoustics.coloured(rng, 160_000, 1.0) * np.float32(0.1)
    lost = acoustics.lossy(wave, np.random.default_rng(1), 0.05)
    changed = (lost != wave).reshape(-1, acoustics.PACKET).any(axis=1).mean()
    assert 0.02 < changed < 0.1
    agent = np.zeros(16_000, np.float32)
    agent[1_000:5_000] = 0.1 * acoustics.coloured(rng, 4_000, 0.5)
    back = acoustics.echo(agent, rng, 20.0, 0.1)
    assert not np.abs(back[:2_500]).max() > 1e-4
    assert -32 < 20 * np.log10(acoustics.rms(back * 10) / 10 / acoustics.rms(agent)) < -12


def speech(seed: int, words: int = 12) -> Sample:
    """A turn of words of .3 s each, asked after each quarter of a second."""
    rng, slots = Random(seed), lexicon(Split.train).slots
    said = [rng.choice(slots[slot]).split()[0] for slot in ("dish", "job", "thing", "city") * 3]
    timed = tuple(TimedWord(word, 0.5 + 0.3 * at, 0.8 + 0.3 * at) for at, word in enumerate(said[:words]))
    end = timed[-1].end
    asked = [Question(Ask.begin, 0.6, 0.6, 1, 0.2)]
    asked += [Question(Ask.partial, t, t + 0.1, 1, 0.2) for t in np.arange(0.85, end, 0.25).tolist()]
    asked.append(Question(Ask.final, end + 0.1, end + 0.3, 1, 0.2))
    return Sample(timed, tuple(asked), ())


def heard(errors: Errors, count: int = 150) -> Iterator[Sample]:
    for seed in range(count):
        sample = speech(seed)
        yield replace(sample, readings=tuple(answers(sample.words, sample.asked, errors, Random(seed))))


def quiet(**rates: object) -> Errors:
    """A recogniser that never errs, but as told."""
    errors = shipped_errors()
    never = {"fresh_wrong": 0.0, "substituted": 0.0, "deleted": 0.0, "inserted": 0.0, "flicker": 0.0, "extra": 0.0,
             "final": (0.0, 0.0, 0.0), "made_up": 0.0, "digits": 0.0, "spread": 0.0, "shown": (1.0,) * 9}  # fmt: skip
    return replace(errors, rates=replace(errors.rates, **(never | rates)))  # type: ignore[arg-type]


def test_a_recogniser_that_never_errs_hears_all() -> None:
    for sample in heard(quiet(), 5):
        final = sample.readings[-1].heard
        assert final.words == tuple(word.text for word in sample.words)
        assert final.stable == len(final.words)


def test_it_errs_as_often_as_it_is_told() -> None:
    tally = measured(heard(quiet(final=(0.2, 0.1, 0.0))))
    assert tally.rate("final wrong", "final") == pytest.approx(0.18, abs=0.04)
    assert tally.rate("final lost", "final") == pytest.approx(0.1, abs=0.03)
    assert tally.rate("wrong", "settled") < 0.02


def test_stable_words_stay() -> None:
    for sample in heard(shipped_errors(), 40):
        partials = [r.heard for r in sample.readings[1:-1]]
        for one, two in pairwise(partials):
            assert two.words[: one.stable] == one.words[: one.stable]
            assert two.stable >= one.stable
        assert all(one.t <= two.t for one, two in pairwise(partials))


def test_a_fit_finds_the_rates_that_made_the_samples(tmp_path: Path) -> None:
    truth = quiet(
        substituted=0.1,
        deleted=0.08,
        final=(0.15, 0.05, 0.02),
        shown=(0.2, 0.3, 0.4, 0.6, 0.8, 0.9, 1.0, 1.0, 1.0),
    )
    samples = list(heard(truth, 60))
    save_sample(tmp_path / "one.json", samples[0])
    assert load_sample(tmp_path / "one.json") == samples[0]
    errors, moments = fitted(samples, shipped_errors())
    for name in ("final_substituted", "final_deleted", "substituted", "deleted", "shown_4"):
        real, imitated = moments[name]
        assert imitated == pytest.approx(real, abs=0.05), name
    assert errors.minutes > 0


@pytest.mark.models
def test_an_echo_is_heard_as_words_only_where_there_is_one(builder: Builder) -> None:
    found: dict[bool, int] = {}

    def recognise(staged: Staged) -> list[Reading]:
        said = sum(len(sound.words) for sound in staged.schedule.user)
        found[staged.scene.echo is not None] = len(audible_words(staged)) - said
        return []

    for number in robots()[:12]:
        replace(builder, recognise=recognise).build(number)
    assert found[False] == 0
    assert found[True] > 0


@pytest.mark.models
def test_a_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "NATURAL", 0.0)
    arguments = ["train", "data", "--out", str(tmp_path), "--seed", str(SEED)]

    def run(hours: float) -> list[Path]:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--hours", str(hours)])
        assert ended.value.code == 0
        return dialogue_files(tmp_path, "train")

    first = run(0.01)
    before = {file: file.read_bytes() for file in first}
    files = run(0.05)
    assert files[: len(first)] == first
    assert sum(load_dialogue(file).frames for file in files) * 0.08 >= 0.05 * 3600
    assert {file: file.read_bytes() for file in first} == before
    files[0].unlink()
    assert run(0.05) == files
    assert load_dialogue(files[0]).heard
    assert np.array_equal(load_dialogue(files[0]).user_pcm, _pcm(before[files[0]], tmp_path))


def _pcm(data: bytes, folder: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    (folder / "before.npz").write_bytes(data)
    return load_dialogue(folder / "before.npz").user_pcm
