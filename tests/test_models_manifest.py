"""The manifest refuses whatever could lead outside a model's folder, and the shipped one is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models_registry import sha256, write_manifest
from pydantic import ValidationError

from duplex.models import ModelError
from duplex.models.manifest import Model, load_manifest
from duplex.resources import config_path

GOOD: dict[str, Any] = {"sha256": sha256(b"x"), "size": 1, "parts": ["a:pkg/x"]}
CARRIER: dict[str, Any] = {"pypi": "pkg", "version": "1.0", "sha256": sha256(b"y"), "size": 9}


def entry(files: dict[str, Any], **more: object) -> dict[str, Any]:
    return {"purpose": "p", "licence": "MIT", "carriers": {"a": CARRIER}, "files": files, **more}


def test_shipped_manifest() -> None:
    manifest = load_manifest(config_path("models.yaml"))
    assert set(manifest.models) == {
        "silero-vad", "smart-turn", "whisper-tiny.en", "whisper-base", "piper-joe", "kokoro", "gemma-3-270m",
        "smollm2-135m", "minilm", "wordllama",
    }  # fmt: skip
    assert set(manifest.models) - set(manifest.defaults) == {"smart-turn", "smollm2-135m", "wordllama"}
    voices = [name for name in manifest["kokoro"].files if name.startswith("voices/")]
    assert len(voices) == 28
    assert {Path(name).name[:3] for name in voices} == {"af_", "am_", "bf_", "bm_"}
    for model in manifest.models.values():
        assert all(file.parts for file in model.files.values())  # the registries alone suffice
        used = {part.carrier for file in model.files.values() for part in file.parts}
        assert used == set(model.carriers)


@pytest.mark.parametrize(
    ("models", "says"),
    [
        ({"m": entry({"f": GOOD}, colour="red")}, r"models\.m\.colour: Extra inputs"),
        ({"m": entry({"f": GOOD | {"sha256": "beef"}})}, r"models\.m\.files\.f\.sha256"),
        ({"m": entry({"f": GOOD | {"size": 0}})}, r"files\.f\.size"),
        ({"m": entry({"f": GOOD | {"parts": ["b:x"]}})}, "no carrier 'b'"),
        ({"m": entry({"f": GOOD | {"parts": ["a"]}})}, "a part is 'carrier:member'"),
        ({"m": entry({"f": GOOD | {"parts": []}})}, "neither an upstream nor parts"),
        ({"m": entry({})}, r"models\.m\.files"),
        ({"m": entry({"f": GOOD}, upstream={"hub": "a/b", "url": "https://x"})}, "either hub or url"),
        ({"m": entry({"f": GOOD}, upstream={"url": "file:///etc/passwd"})}, "url"),
        ({"../m": entry({"f": GOOD})}, r"models"),
        ({"m": entry({"f": GOOD}, carriers={"a": CARRIER | {"pypi": "--index-url=x"}})}, "pypi"),
        ({"m": entry({"f": GOOD}, carriers={"a": CARRIER | {"version": "1 --pre"}})}, "version"),
        ({"m": entry({"f": GOOD}, carriers={"a": CARRIER | {"npm": "b"}})}, "either pypi or npm"),
    ],
)
def test_bad_manifests_name_the_key(tmp_path: Path, models: dict[str, Any], says: str) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        load_manifest(write_manifest(tmp_path / "models.yaml", models))
    assert "\n" not in str(caught.value)


def test_unreadable_manifests(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("models: [")
    with pytest.raises(ModelError, match=r"cannot read the model manifest .*bad\.yaml"):
        load_manifest(tmp_path / "bad.yaml")
    with pytest.raises(ModelError, match="No such file"):
        load_manifest(tmp_path / "none.yaml")


def test_unknown_name_names_the_nearest() -> None:
    with pytest.raises(
        ModelError, match=r"no model 'pipper-joe': did you mean 'piper-joe'\? there are: silero"
    ):
        load_manifest(config_path("models.yaml"))["pipper-joe"]


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../../x", "a\\x", "C:x", "derived/x", ".verified.json", "./x", ""]
)
def test_file_names_that_leave_their_place(name: str) -> None:
    with pytest.raises(ValidationError):
        Model.model_validate(entry({name: GOOD}))


@given(st.text(alphabet="ab./\\:~ ", max_size=12))
def test_an_accepted_name_stays_below_its_folder(name: str) -> None:
    try:
        Model.model_validate(entry({name: GOOD}))
    except ValidationError:
        return
    folder = Path("/store/m")
    assert folder in Path(f"/store/m/{name}").resolve().parents


def test_the_key_follows_the_content() -> None:
    one = Model.model_validate(entry({"f": GOOD, "g": GOOD}))
    same = Model.model_validate(entry({"g": GOOD, "f": GOOD}, licence="Apache-2.0"))
    other = Model.model_validate(entry({"f": GOOD, "g": GOOD | {"sha256": sha256(b"z")}}))
    assert one.key == same.key != other.key
