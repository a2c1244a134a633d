"""Texts of the training data: splits that share nothing, sentences that are whole, pauses that are human."""

from __future__ import annotations

from itertools import combinations
from random import Random
from statistics import median, quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.core.data import acoustics, voices
from duplex.core.data.align import align
from duplex.core.data.grammar import Family, expand, families
from duplex.core.data.lexicon import Split, content_words, deal, lexicon
from duplex.core.data.plan import Over, plan
from duplex.core.data.scripts import LONGEST_PAUSE, PAUSE_MEDIAN, PAUSE_P90, Habits, Script, Writer

seeds = st.integers(0, 10_000)
splits = st.sampled_from(list(Split))


def writer(split: Split, seed: int, **habits: float) -> Writer:
    return Writer(split, families(split), lexicon(split), Random(seed), habits=Habits(**habits))


@pytest.mark.parametrize(("one", "other"), list(combinations(Split, 2)))
def test_splits_share_no_content_word_family_voice_or_noise(one: Split, other: Split) -> None:
    assert not lexicon(one).owned & lexicon(other).owned
    assert not {f.name for f in families(one)} & {f.name for f in families(other)}
    assert not set(voices.KOKORO[one]) & set(voices.KOKORO[other])
    drawn = {s: {voices.draw_user(s, Random(n)).speaker for n in range(300)} for s in (one, other)}
    shared = drawn[one] & drawn[other]
    assert shared <= ({"piper:joe"} if Split.train not in (one, other) else set())
    if Split.train in (one, other):
        kinds = [set(acoustics.BACKGROUNDS[s] + acoustics.BURSTS[s]) for s in (one, other)]  # type: ignore[operator]
        assert not kinds[0] & kinds[1]


def test_training_hears_no_piper_on_either_side() -> None:
    for seed in range(500):
        rng = Random(seed)
        user = voices.draw_user(Split.train, rng)
        agent, stranger = (
            voices.draw_agent(Split.train, rng, user),
            voices.draw_stranger(Split.train, rng, user),
        )
        assert "piper" not in {user.engine, agent.engine, stranger.engine}
        assert stranger.speaker != user.speaker


@pytest.mark.parametrize("split", Split)
def test_every_split_has_every_slot_and_kind(split: Split) -> None:
    short = {slot: entries for slot, entries in lexicon(split).slots.items() if len(entries) < 3}
    assert not short
    kinds = {family.kind for family in families(split)}
    assert kinds >= {
        "question",
        "answer",
        "booking",
        "statement",
        "spelled",
        "long",
        "story",
        "correction",
        "side",
    }


def test_there_are_many_families() -> None:
    assert sum(len(families(split)) for split in Split) >= 60


def test_entries_that_share_a_word_stay_together() -> None:
    dealt = deal({"a": ["red wine", "tea", "ham"], "b": ["white wine", "soap", "rice"], "c": ["white bread"]})
    homes = [split for split, slots in dealt.items() for found in slots.values() for e in found if "w" in e]
    assert len(set(homes)) == 1
    assert sorted(e for slots in dealt.values() for found in slots.values() for e in found) == sorted(
        ["red wine", "tea", "ham", "white wine", "soap", "rice", "white bread"]
    )


@pytest.mark.parametrize("family", [f for s in Split for f in families(s)], ids=lambda f: f.name)
def test_every_template_can_be_said(family: Family) -> None:
    words = lexicon(family.split)
    for seed in range(5):
        for template in (*family.user, *family.agent, *family.reply):
            sentence = expand(template, words, Random(seed))
            assert sentence.words
            assert not set("[]{}|/=") & set(sentence.text), sentence.text
            assert all(0 < at < len(sentence.words) for at in sentence.may_end)
            assert all(0 <= s.first < s.last <= len(sentence.words) for s in sentence.slots)


@pytest.mark.parametrize("template", ["[open", "close]", "a [b [c] d", "{nothing_of_the_kind}"])
def test_a_broken_template_is_told(template: str) -> None:
    with pytest.raises(ValueError, match=r"bracket|slot"):
        expand(template, lexicon(Split.train), Random(0))


def test_a_slot_is_said_again_and_agrees_with_its_article() -> None:
    words = lexicon(Split.train)
    for seed in range(30):
        said = expand("a {animal} is a {=animal}", words, Random(seed)).text
        left, right = said.split(" is ")
        assert left == right
        assert left.startswith("an " if left.split()[1][0] in "aeiou" else "a ")


@given(seeds, splits)
@settings(max_examples=150, deadline=None)
def test_a_turn_is_well_formed(seed: int, split: Split) -> None:
    script = writer(split, seed, trail=0.3, repair=0.4, repeat=0.3, restart=0.3).turn()
    count = len(script.words)
    assert count == len(script.pauses) > 0
    assert script.pauses[-1] == 0.0
    assert all(0.0 <= pause <= LONGEST_PAUSE for pause in script.pauses)
    assert all(0 < at < count for at in script.may_end)
    assert len(script.text.split()) == count + len(script.rest)
    assert script.ended == (not script.rest)
    assert script == writer(split, seed, trail=0.3, repair=0.4, repeat=0.3, restart=0.3).turn()


@given(seeds, splits)
@settings(max_examples=60, deadline=None)
def test_a_plan_has_what_it_tells_of(seed: int, split: Split) -> None:
    exchanges = plan(split, Random(seed), 5)
    assert exchanges[-1].during is not Over.barge
    for exchange in exchanges:
        kinds = [script.kind for script in exchange.extras]
        sides = (exchange.before is Over.side) + (exchange.during is Over.side)
        assert kinds.count("side") == sides
        assert (kinds.count("backchannel") > 0) == (exchange.during is Over.backchannel)
        assert exchange.reply


def test_pauses_are_as_long_as_human_ones() -> None:
    source = writer(Split.train, 1, restart=0.0)
    pauses = [pause for _ in range(3_000) for pause in source.turn().pauses if pause]
    assert median(pauses) == pytest.approx(PAUSE_MEDIAN, rel=0.06)
    assert quantiles(pauses, n=10)[-1] == pytest.approx(PAUSE_P90, rel=0.1)


def test_owned_words_hold_no_function_words() -> None:
    assert content_words("the salt and two of them") == {"salt"}


words = st.lists(st.sampled_from(["the", "a", "man", "old", "sea", "runs", "to", "by"]), max_size=12)


@given(words, words)
def test_an_alignment_says_every_word_once_and_in_order(said: list[str], heard: list[str]) -> None:
    pairs = align(said, heard)
    assert [p.said for p in pairs if p.said is not None] == list(range(len(said)))
    assert [p.heard for p in pairs if p.heard is not None] == list(range(len(heard)))
    if said == heard:
        assert all(p.said == p.heard for p in pairs)


def test_a_trailing_turn_keeps_what_it_would_have_said() -> None:
    turns = [writer(Split.train, seed, trail=1.0).turn() for seed in range(40)]
    cut: list[Script] = [turn for turn in turns if turn.rest]
    assert len(cut) > 20
    assert all(turn.text.endswith((*"?.",)) and turn.rest[-1] in turn.text for turn in cut)
