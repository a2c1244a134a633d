"""The core's backbones: scan and step are one function, and a session's state is a row that can be copied."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.core.streams.layout import Kind
from duplex.core.training.config import ModelConfig
from duplex.core.training.model import CLOCK, CODE, Core, Inputs

SIZES = {
    "ssd": ModelConfig("ssd", dim=32, layers=2, inner=32, head=16, memory=8, words=12, vector=6),
    "attention": ModelConfig("attention", dim=32, layers=2, inner=48, head=16, memory=10, words=12, vector=6),
}
both = pytest.mark.parametrize("core", list(SIZES), indirect=True)


def random_inputs(config: ModelConfig, *shape: int, seed: int = 0) -> Inputs:
    draw = torch.Generator().manual_seed(seed)
    inputs = {CODE: torch.rand(*shape, config.words, generator=draw) * 2 - 1}
    inputs[CLOCK] = torch.rand(*shape, 2, generator=draw)
    for stream in config.layout.fed:
        if stream.kind is Kind.CLASS:
            inputs[stream.name] = torch.randint(0, stream.size, shape, generator=draw)
        else:
            inputs[stream.name] = torch.randn(*shape, stream.size or config.vector, generator=draw)
    return inputs


def frame(inputs: Inputs, at: int) -> Inputs:
    return {name: part[:, at] for name, part in inputs.items()}


@cache
def tiny(backbone: str) -> Core:
    torch.manual_seed(1)
    return Core(SIZES[backbone]).eval()


@pytest.fixture
def core(request: pytest.FixtureRequest) -> Core:
    return tiny(request.param)


def steps(core: Core, inputs: Inputs, times: int) -> dict[str, torch.Tensor]:
    with core.streaming(inputs[CODE].shape[0]) as live:
        outputs = [live.step(frame(inputs, at)) for at in range(times)]
    return {name: torch.stack([one[name] for one in outputs], dim=1) for name in outputs[0]}


@both
@pytest.mark.parametrize("time", [1, 31, 32, 33, 80])
def test_scan_and_step_agree(core: Core, time: int) -> None:
    inputs = random_inputs(core.config, 2, time)
    with torch.no_grad():
        scanned, _ = core.scan(inputs)
    for name, stepped in steps(core, inputs, time).items():
        torch.testing.assert_close(stepped, scanned[name], atol=1e-5, rtol=0)


@both
@pytest.mark.parametrize("cut", [1, 5, 40, 69])
def test_a_scan_goes_on_from_where_another_ended(core: Core, cut: int) -> None:
    inputs = random_inputs(core.config, 2, 70)
    with torch.no_grad():
        whole, end = core.scan(inputs)
        _, state = core.scan({name: part[:, :cut] for name, part in inputs.items()})
        rest, last = core.scan({name: part[:, cut:] for name, part in inputs.items()}, state)
    for name, logits in rest.items():
        torch.testing.assert_close(logits, whole[name][:, cut:], atol=1e-5, rtol=0)
    for one, other in zip(end, last, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


@both
def test_the_future_changes_nothing(core: Core) -> None:
    inputs = random_inputs(core.config, 1, 60)
    other = {
        name: torch.cat((part[:, :40], random_inputs(core.config, 1, 60, seed=9)[name][:, 40:]), dim=1)
        for name, part in inputs.items()
    }
    with torch.no_grad():
        before, after = core.scan(inputs)[0], core.scan(other)[0]
    for name in before:
        torch.testing.assert_close(before[name][:, :40], after[name][:, :40], atol=1e-6, rtol=0)
        assert not torch.allclose(before[name][:, 40:], after[name][:, 40:])


@both
def test_a_fork_brings_everything_back(core: Core) -> None:
    inputs = random_inputs(core.config, 3, 30)
    with core.streaming(3) as live:
        for at in range(20):
            live.step(frame(inputs, at))
        snapshot = live.fork()
        first = [live.step(frame(inputs, at))["state"] for at in range(20, 30)]
        live.restore(snapshot)
        again = [live.step(frame(inputs, at))["state"] for at in range(20, 30)]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


@pytest.mark.parametrize("backbone", list(SIZES))
@settings(max_examples=15, deadline=None)
@given(plan=st.lists(st.sampled_from(["run", "skip", "reset", "fork", "restore"]), min_size=1, max_size=30))
def test_what_is_done_to_one_row_leaves_the_others_alone(backbone: str, plan: list[str]) -> None:
    """Row 1 is run, left out, begun anew, forked and restored; row 0 only runs. Each equals a session by itself."""
    core = tiny(backbone)
    inputs = random_inputs(core.config, 2, len(plan))
    one = torch.tensor([False, True])
    alone = torch.tensor([True])
    with core.streaming(2) as pair, core.streaming(1) as quiet, core.streaming(1) as busy:
        kept, kept_alone = pair.fork(), busy.fork()
        for at, what in enumerate(plan):
            now = frame(inputs, at)
            if what == "reset":
                pair.reset(one)
                busy.reset(alone)
            elif what == "fork":
                kept, kept_alone = pair.fork(), busy.fork()
            elif what == "restore":
                pair.restore(kept, one)
                busy.restore(kept_alone)
            got = pair.step(now, torch.tensor([True, what != "skip"]))["hazard"]
            expected = [quiet.step({name: part[:1] for name, part in now.items()})["hazard"]]
            row = {name: part[1:] for name, part in now.items()}
            expected.append(busy.step(row, torch.tensor([what != "skip"]))["hazard"])
            torch.testing.assert_close(got, torch.cat(expected), atol=1e-5, rtol=0)


@both
def test_the_state_stays_as_large_as_it_is(core: Core) -> None:
    inputs = random_inputs(core.config, 1, 90)
    _, early = core.scan({name: part[:, :3] for name, part in inputs.items()})
    _, late = core.scan(inputs)
    assert [part.shape for part in early] == [part.shape for part in late]
