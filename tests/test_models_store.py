"""The store once it is filled: offline, damage, verify, derived files, prune and the command line."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from models_fixtures import *  # noqa: F403  (pytest finds fixtures by their names)
from models_fixtures import HEAD, TAIL, WHOLE, Lines, Use, stored
from models_registry import Registry, model
from typer.testing import CliRunner

import duplex.models as models
from duplex.models import ModelError, model_folder
from duplex.models.cli import app
from duplex.models.prune import prune

# ---- offline, damage, verify


def test_offline_says_what_to_do(
    plain: dict[str, Any], registry: Registry, monkeypatch: pytest.MonkeyPatch
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


def test_a_damaged_file_is_found_at_load(plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_truncated_file_is_found_at_load(plain: dict[str, Any]) -> None:
    file = model_folder("m") / "big.bin"
    file.write_bytes(HEAD)
    with pytest.raises(ModelError, match=r"big\.bin is damaged \(wrong size\)"):
        model_folder("m", offline=True)


def test_hidden_damage_is_found_by_verify_and_mended_by_pull(plain: dict[str, Any]) -> None:
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
    plain: dict[str, Any], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model_folder("m"), tmp_path / "other" / "m", copy_function=shutil.copyfile)
    registry.requests.clear()
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path / "other"))
    assert model_folder("m", offline=True) == tmp_path / "other" / "m"
    monkeypatch.setattr("duplex.models.store.sha256_of", lambda path: pytest.fail("hashed twice"))
    model_folder("m", offline=True)
    assert registry.requests == []


# ---- derived files, prune, the rest of the command line


def test_derived_files_follow_their_source(plain: dict[str, Any], registry: Registry, use: Use) -> None:
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
    wheel = registry.add_wheel("part-d", {"d/x": b"new"})
    use(m=model({"big.bin": (b"new", ["d:d/x"])}, {"d": wheel}))
    assert models.derive("m", "g.onnx", make) != first
    assert len(made) == 2
    with pytest.raises(ValueError, match="plain name"):
        models.derived_path("m", "../g.onnx")


def test_a_derived_file_is_whole_or_absent(plain: dict[str, Any]) -> None:
    def broken(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("export failed")

    with pytest.raises(RuntimeError):
        models.derive("m", "g.onnx", broken)
    assert not any(models.derived_path("m", "g.onnx").parent.iterdir())


def test_prune_takes_only_what_is_the_stores(plain: dict[str, Any], use: Use, tmp_path: Path) -> None:
    use(m=plain, old=plain)
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
    use(m=plain)
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


def test_list_path_and_offline_pull(plain: dict[str, Any], use: Use, tmp_path: Path) -> None:
    use(m=plain | {"default": True, "licence_note": "a note"}, other=plain)
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
