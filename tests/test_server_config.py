"""The server's configuration: what stands in the file, what is wrong with it, and the secrets that do not."""

import base64
import hashlib
import hmac
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from duplex.logs import _Plain
from duplex.resources import config_path
from duplex.server.config import ServerConfig, ServerConfigError, load_config
from duplex.transport.webrtc.ice import Ice, Turn

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
TURN = "ice: {turn: {url: 'turn:t.example:3478', %s}}"
USER = "username_env: U, password_env: P"


def load(folder: Path, text: str) -> ServerConfig:
    path = folder / "server.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_the_shipped_file_says_what_holds_anyway() -> None:
    assert load_config(config_path("server.yaml")) == ServerConfig() == load_config()


def test_what_is_given_goes_before_the_file(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("max_sessions: 9\ndrain_seconds: 3\nice: {stun: 'stun:s.example'}\n")
    config = load_config(path, max_sessions=2, origins=["https://a.example"], loopback=True)
    assert (config.max_sessions, config.drain_seconds, config.origins) == (2, 3, ["https://a.example"])
    assert (config.ice.loopback, config.ice.stun) == (True, "stun:s.example")
    with pytest.raises(ServerConfigError, match=r"origins\.0: .*https://host"):
        load_config(origins=["a.example"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max_session: 3", "1: max_session: unknown key; did you mean 'max_sessions'?"),
        ("\nmax_sessions: 0", "2: max_sessions: "),
        ("ice:\n  trun: 3", "2: ice.trun: unknown key; did you mean 'turn'?"),
        ("origins: [example.org]", "1: origins.0: expected https://host"),
        ("ice: {stun: 'http://x'}", "1: ice.stun: expected stun:host"),
        ("ice: {stun: 'stun:x?transport=udp'}", "expected stun:host"),
        ("ice: {relay_only: true}", "relay_only needs turn"),
        ("ice: {turn: {url: 'turn:x'}}", "name secret_env, or both"),
        (TURN % "username_env: U", "name secret_env, or both"),
        (TURN % f"{USER}, secret_env: S", "name secret_env, or both"),
        (TURN % "password: hunter2hunter2", "unknown key"),
        ("ice: {turn: {url: 'turns:x?transport=udp', secret_env: S}}", "expected turn:host"),
        ("ice: {turn: {url: 'turn:[::1]', secret_env: S}}", "expected turn:host"),
        ("drain_seconds: .nan", "drain_seconds"),
        ("", "the file is a list of"),
        ("a: [", "not YAML"),
    ],
)
def test_faults_are_told_with_their_line(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ServerConfigError) as caught:
        load(tmp_path, text)
    assert expected in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_there_is_such_a_file(tmp_path: Path) -> None:
    with pytest.raises(ServerConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")


def test_secrets_come_from_the_environment_and_stay_out_of_sight(tmp_path: Path) -> None:
    config = load(tmp_path, TURN % USER)
    with pytest.raises(ServerConfigError, match="variable P is not set"):
        config.ice.resolve({"U": "ann"})
    ice = config.ice.resolve({"U": "ann", "P": "open sesame"})
    assert ice.turn == Turn("turn:t.example:3478", "ann", "open sesame")
    assert "sesame" not in repr(ice) + repr(config)
    record = logging.LogRecord("x", logging.INFO, "", 0, "login with open sesame", None, None)
    assert "sesame" not in _Plain().format(record)
    # A user's own password is given to nobody.
    assert ice.for_clients(NOW) == []


def test_credentials_that_expire_are_given_to_callers(tmp_path: Path) -> None:
    text = "ice: {stun: 'stun:s.example:5349', turn: {url: 'turn:t.example', secret_env: S}}"
    ice = load(tmp_path, text).ice.resolve({"S": "north wind"})
    stun, turn = ice.for_clients(NOW)
    assert stun == {"urls": "stun:s.example:5349"}
    assert turn["username"] == f"{int(NOW.timestamp()) + 86_400}:duplex"
    made = hmac.new(b"north wind", turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(made).decode()
    server = ice.configuration(NOW).iceServers[1]
    assert (server.urls, server.username, server.credential) == tuple(turn.values())


def test_without_servers_nothing_is_asked() -> None:
    assert Ice().for_clients(NOW) == []
    assert Ice().configuration(NOW).iceServers == []
