"""The agent file against hostile, careless and merely unusual input; its JSON Schema takes what the loader takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from duplex.agent.faults import MAX_FAULTS
from duplex.agent.loader import AgentFileError, check_agent, describe, find_agent, load_agent, notes
from duplex.agent.schema import json_schema
from duplex.agent.source import SourceError, parse
from duplex.agent.spec import AgentSpec, AsrSection, LlmSection, TtsSection
from duplex.logs import redact
from duplex.resources import config_path

NAME = "name: tea\n"
OPENAI = "base_url: 'https://x.example/v1', model: m"


def check(folder: Path, content: str | bytes) -> list[str]:
    """The faults of a file, without its path."""
    path = folder / "agent.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    spec, faults = check_agent(path)
    assert (spec is None) == bool(faults)
    return [describe(path, fault).removeprefix(f"{path}:") for fault in faults]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "1: the file is a list"),
        (NAME + "unknown: no\n", "2: unknown: Input should be a valid string; put it in quotes"),
        (NAME + "greeting: 2024-01-01\n", "2: greeting: Input should be a valid string; put it in quotes"),
        (NAME + "greeting: 2024-13-45\n", "2: greeting: looks like a number or a date"),
        (NAME + "greeting: " + "9" * 6_000, "2: greeting: looks like a number"),
        (NAME + "greeting: " + "x" * 401, "2: greeting: String should have at most 400 characters"),
        (NAME + "on: x\n", "2: a key is a plain word"),
        (NAME + "? [a]\n: x\n", "2: a key is a plain word"),
        (NAME + "greeting: !!binary xx\n", "2: not plain YAML: the tag"),
        (NAME + "greeting: !!int ''\n", "2: not plain YAML: the tag"),
        (NAME + "---\nname: two\n", "2: not YAML:"),
        (NAME + "greeting: a\x00b\n", "2: not YAML: the character 0"),
        (NAME.encode() + b"greeting: \xff\n", "2: not UTF-8"),
        (NAME + "turns:\n", "2: turns: nothing stands here"),
        (NAME + "turns: [1]\n", "2: turns: expected `key: value` lines; the keys here are profile"),
        (NAME + "asr: 5\n", "2: asr: name one of whisper, sherpa, openai"),
        (NAME + "asr: {}\n", "2: asr: name exactly one, not 0"),
        (NAME + "llm: openai\n", "2: llm.openai.base_url: this key is needed"),
        (NAME + "tts: {kokoro: {voice: af_hart}}\n", "2: tts.kokoro.voice: Input should be 'af_alloy'"),
        (NAME + "knowledge: '\\0'\n", "2: knowledge.folder: no folder at"),
        (NAME + 'knowledge: "\\0"\n', "2: knowledge.folder: embedded null byte"),
        (NAME + "knowledge: " + "x" * 5_000, "2: knowledge.folder: no usable path: File name too long"),
        (NAME + "knowledge: ~nobody-here/x\n", "2: knowledge.folder: no usable path"),
        (NAME + "llm:\n  llamacpp:\n    file: .\n", "4: llm.llamacpp.file: no file at"),
        (NAME + "asr:\n  sherpa:\n    folder: none\n", "4: asr.sherpa.folder: no folder at"),
        (NAME + "turns: {threshold: .nan}\n", "2: turns.threshold: Input should be less"),
        (NAME + "limits: {idel: 60}\n", "2: limits.idel: unknown key; did you mean 'idle'?"),
        (NAME + "limits:\n  idle: -1\n", "3: limits.idle: Input should be greater than or equal to 0"),
        (NAME + "limits:\n  idle: 2\n", "3: limits.idle: 2 s is too short: at least 5, or 0 for never"),
        (NAME + "limits: {idle: true}\n", "2: limits.idle: 1 s is too short"),
        (NAME + "limits: {longest: .inf}\n", "2: limits.longest: Input should be less"),
        (NAME + "limits: {longest: 1m}\n", "2: limits.longest: Input should be a valid number"),
        (NAME + "limits: {longest: 20}\n", "2: limits: warning (30 s) must be less than longest (20 s)"),
        (NAME + "limits: {patience: 0}\n", "2: limits.patience: Input should be greater"),
        (NAME + "limits: 60\n", "2: limits: expected `key: value` lines; the keys here are longest"),
        (NAME + "limits: {texts: {idle: ''}}\n", "2: limits.texts.idle: String should have at least 1"),
        (NAME + "limits: {texts: {bye: x}}\n", "2: limits.texts.bye: unknown key"),
    ],
)
def test_faults(tmp_path: Path, content: str | bytes, told: str) -> None:
    (first, *_) = check(tmp_path, content)
    assert first.startswith(told)


@pytest.mark.parametrize(
    "settings",
    [
        "api_key: sk-live-1234",
        "key: sk-live-1234",
        "key_env: sk-live-1234",
        "token: {a: sk-live-1234}",
        "model: [sk-live-1234]",
        "key_env: {sk-live-1234: 1}",
    ],
)
def test_a_key_in_the_file_is_refused_and_not_repeated(tmp_path: Path, settings: str) -> None:
    told = check(tmp_path, NAME + f"llm: {{openai: {{base_url: 'https://x.example/v1', {settings}}}}}\n")
    assert told
    assert "sk-live" not in "".join(told)


@pytest.mark.parametrize("settings", ["key: x1", "api_key: x1", "key_env: x1"])
def test_a_key_in_the_file_gets_advice(tmp_path: Path, settings: str) -> None:
    (told,) = check(tmp_path, NAME + f"llm: {{openai: {{{OPENAI}, {settings}}}}}\n")
    assert "name the environment variable that holds the key" in told


@pytest.mark.parametrize("url", ["https://me:pw@x.example/v1", "https://x.example/v1?key=pw", "ftp://x"])
def test_addresses_hold_no_secrets(tmp_path: Path, url: str) -> None:
    (told,) = check(tmp_path, NAME + f"llm: {{openai: {{base_url: '{url}', model: m}}}}\n")
    assert told.startswith("2: llm.openai.base_url:")
    assert "pw" not in told


def test_a_loaded_key_is_kept_out_of_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEA_KEY", "sk-from-the-environment")
    path = tmp_path / "agent.yaml"
    path.write_text(NAME + f"tts: {{openai: {{{OPENAI}, key_env: TEA_KEY}}}}\n")
    spec = load_agent(path)
    assert redact("refused: sk-from-the-environment") == "refused: ***"
    assert notes(spec) == []


def test_the_terminal_is_not_painted(tmp_path: Path) -> None:
    (told,) = check(tmp_path, NAME + '"\\e[31mred\\n\\u202e": 1\n')
    assert told.isprintable()


def test_many_faults_are_counted(tmp_path: Path) -> None:
    told = check(tmp_path, NAME + "".join(f"k{index}: 1\n" for index in range(1_000)))
    assert len(told) == MAX_FAULTS + 1
    assert told[-1] == f"{MAX_FAULTS + 2}: and 950 more faults from here on"


def test_knowledge_needs_something_to_read(tmp_path: Path) -> None:
    (tmp_path / "notes" / "sub").mkdir(parents=True)
    (tmp_path / "notes" / "a.docx").write_text("x")
    assert check(tmp_path, NAME + "knowledge: notes\n")[0].startswith(
        "2: knowledge.folder: nothing to read in"
    )
    (tmp_path / "notes" / "sub" / "A.MD").write_text("x")
    assert check(tmp_path, NAME + "knowledge: notes\n") == []


def test_paths_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("x")
    (tmp_path / "deep" / "agent.yaml").write_text(NAME + "knowledge: ../notes\n")
    monkeypatch.chdir("/")
    for given_path in (tmp_path / "deep", tmp_path / "deep" / "agent.yaml"):
        spec = load_agent(given_path)
        assert spec.knowledge is not None
        assert spec.knowledge.folder == (tmp_path / "notes").resolve()


def test_what_a_name_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lakes").mkdir()
    assert find_agent("lakes").parent.parent.name == "agents", "a folder without agent.yaml is no agent"
    (tmp_path / "lakes" / "agent.yaml").write_text(NAME)
    assert find_agent("lakes") == Path("lakes/agent.yaml")
    for wrong, told in (("x.yaml", "no such file"), ("./lakes/x", "no such file"), (".", "no shipped agent")):
        with pytest.raises(AgentFileError, match=told):
            find_agent(wrong)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_do_more_than_fail(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    told = check(tmp_path_factory.getbasetemp(), content)
    assert all(line.isprintable() for line in told)


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
keys = st.sampled_from(["name", "asr", "llm", "turns", "knowledge", "openai", "whisper", "key_env"])
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(keys | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(keys, values, max_size=5))
def test_no_mapping_does_more_than_fail(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]
) -> None:
    """Every fault has a line of the file."""
    text = yaml.safe_dump(data)
    for line in check(tmp_path_factory.getbasetemp(), text):
        assert 1 <= int(line.split(":")[0]) <= max(1, text.count("\n"))


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.integers() | st.booleans(), min_size=1)
)
def test_lines_are_those_of_the_keys(data: dict[str, Any]) -> None:
    text = yaml.safe_dump(data)
    try:
        parsed, lines = parse(text)
    except SourceError as error:  # `on`, `yes`, `null` and the like are quoted by the dumper, and then taken
        raise AssertionError(text) from error
    assert parsed == data
    for key in data:
        assert text.splitlines()[lines[(key,)] - 1].strip("'").startswith(key)


def test_the_shipped_voices_are_those_of_the_manifest() -> None:
    files = yaml.safe_load(config_path("models.yaml").read_text())["models"]["kokoro"]["files"]
    shipped = {Path(name).stem for name in files if name.startswith("voices/")}
    schema = json_schema(AgentSpec)
    assert set(schema["$defs"]["KokoroSettings"]["properties"]["voice"]["enum"]) == shipped
    assert len(shipped) == 28


def test_the_schema_takes_the_short_forms() -> None:
    defs = json_schema(AgentSpec)["$defs"]
    short, long = defs["LlmSection"]["anyOf"]
    assert short == {"type": "string", "enum": ["gemma-3-270m", "smollm2-135m"]}
    assert (long["minProperties"], long["maxProperties"], long["additionalProperties"]) == (1, 1, False)
    assert defs["TurnsSection"]["anyOf"][0]["enum"] == ["snappy", "balanced", "patient"]
    assert defs["KnowledgeSection"]["anyOf"][0]["type"] == "string"
    for section in (AsrSection, TtsSection, LlmSection):
        for name in section.bare_names():
            assert section.model_validate(name), "what the schema offers is taken"


def test_local_models_of_the_file_are_those_of_the_store() -> None:
    models = set(yaml.safe_load(config_path("models.yaml").read_text())["models"])
    assert set(LlmSection.bare_names()) <= models
