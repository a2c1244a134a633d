"""Agent files: the smallest works, and every fault is told with its line and the nearest key."""

from __future__ import annotations

from pathlib import Path

import pytest

from duplex.agent.engines import floor_settings, limit_settings
from duplex.agent.loader import MAX_BYTES, AgentFileError, check_agent, describe, load_agent
from duplex.agent.spec import AgentSpec, Endpoint, TurnsSection
from duplex.agent.speech_engines import EngineError, secret
from duplex.dialogue.limits import LimitSettings

SMALLEST = "name: tea\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "agent.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> list[str]:
    path = write(folder, text)
    found = check_agent(path)[1]
    return [describe(path, fault).removeprefix(f"{path}:") for fault in found]


def test_the_shipped_agent_is_right() -> None:
    spec = load_agent("lakes")
    assert spec.name == "lakes"
    assert spec.knowledge is not None
    assert spec.knowledge.folder.is_absolute()


def test_a_name_is_enough(tmp_path: Path) -> None:
    spec = load_agent(write(tmp_path, SMALLEST))
    assert spec.asr.whisper is not None
    assert spec.tts.piper is not None
    assert spec.llm.gemma_3_270m is not None
    assert spec.turns.profile == "balanced"


def test_short_and_long_forms_are_one(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "green.md").write_text("Green tea is steeped at 80 degrees.")
    short = load_agent(write(tmp_path, SMALLEST + "knowledge: notes\nturns: snappy\ntts: kokoro\n"))
    long = load_agent(
        write(tmp_path, SMALLEST + "knowledge: {folder: notes}\nturns: {profile: snappy}\ntts:\n  kokoro:\n")
    )
    assert short == long


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("greting: hi\n", "2: greting: unknown key; did you mean 'greeting'?"),
        ("turns:\n  silence_mss: 3\n", "3: turns.silence_mss: unknown key; did you mean 'silence_ms'?"),
        ("turns:\n  silence_ms: 5\n", "3: turns.silence_ms: Input should be greater than or equal to 100"),
        ("turns: hasty\n", "2: turns.profile: Input should be 'snappy', 'balanced' or 'patient'"),
        ("knowledge: nowhere\n", "2: knowledge.folder: no folder at"),
        ("llm: gemma\n", "2: llm.gemma: unknown key; did you mean 'gemma-3-270m'?"),
        ("tts: {piper: , kokoro: }\n", "2: tts: name exactly one, not 2"),
        ("name: tea\n", "2: name: this key stands twice"),
        ("greeting: [1\n", "3: not YAML:"),
        ("greeting: !!python/object:os.system x\n", "2: not plain YAML:"),
        (
            "llm: {openai: {base_url: 'https://x/v1', model: m, key_env: sk-live-1}}\n",
            "2: llm.openai.key_env: name the environment variable that holds the key",
        ),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    found = faults(tmp_path, SMALLEST + text)
    assert any(line.startswith(told) for line in found), found


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(AgentFileError) as error:
        load_agent(write(tmp_path, "nam: x\nturns: hasty\n"))
    assert len(str(error.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"- a\n- b\n", "the file is a list of `key: value` lines"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"name: tea\n" + b"#" * MAX_BYTES, "over 256 KiB"),
        (b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
            b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % (c + 1, c + 1, *[c] * 8) for c in range(97, 105)
        ), "too large"),
        (b"a: " + b"[" * 5000, "not YAML"),
    ],
)  # fmt: skip
def test_what_is_no_agent_file_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "agent.yaml"
    path.write_bytes(content)
    with pytest.raises(AgentFileError) as error:
        load_agent(path)
    assert told in str(error.value) or "nested too deeply" in str(error.value)


def test_no_such_agent_names_those_there_are() -> None:
    with pytest.raises(AgentFileError, match="lakes"):
        load_agent("lake-like")


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = Endpoint.model_validate(
        {"base_url": "https://x.example/v1", "model": "m", "key_env": "TEA_KEY"}
    )
    monkeypatch.delenv("TEA_KEY", raising=False)
    with pytest.raises(EngineError, match="TEA_KEY"):
        secret(endpoint)
    monkeypatch.setenv("TEA_KEY", "s3cret")
    assert secret(endpoint) == "s3cret"
    assert "s3cret" not in repr(endpoint)


def test_a_profile_gives_what_the_file_does_not() -> None:
    settings = floor_settings(TurnsSection(profile="patient", timeout_ms=3_000))
    assert (settings.silence, settings.timeout) == (0.5, 3.0)


def test_limits_are_those_of_the_file_and_of_the_machine(tmp_path: Path) -> None:
    assert limit_settings(load_agent(write(tmp_path, SMALLEST)).limits) == LimitSettings()
    own = "limits: {longest: 0, warning: 60, idle: 90.5, texts: {drain: Bye., other: So long.}}\n"
    settings = limit_settings(load_agent(write(tmp_path, SMALLEST + own)).limits)
    assert (settings.longest, settings.idle, settings.patience) == (0, 90.5, LimitSettings().patience)
    assert [settings.goodbye(reason) for reason in ("drain", "x")] == ["Bye.", "So long."]


def test_the_schema_describes_every_key() -> None:
    schema = AgentSpec.model_json_schema()
    parts = [schema, *schema["$defs"].values()]
    for part in parts:
        for name, key in part.get("properties", {}).items():
            assert key.get("description"), f"{part.get('title')}.{name}"
