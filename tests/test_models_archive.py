"""Archives from strangers: named members only, bounded, never a link, damage is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from models_registry import make_tarball, make_wheel, noise

from duplex.models.archive import Archive
from duplex.models.errors import SourceError


def read(path: Path, member: str, limit: int = 1 << 20) -> bytes:
    with Archive(path) as archive:
        return b"".join(archive.read(member, limit))


def collect(into: bytearray, blocks: Iterator[bytes]) -> None:
    for block in blocks:
        into.extend(block)


@pytest.fixture(params=["whl", "tgz"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    members = {"../../evil": b"evil", "pkg/data.bin": noise(5000), "pkg/bomb": bytes(3_000_000)}
    data = make_wheel("pkg", "1", members) if request.param == "whl" else make_tarball(members)
    path = tmp_path / "deep" / "er" / f"a.{request.param}"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return path


def test_reading_touches_nothing_else(archive: Path, tmp_path: Path) -> None:
    assert read(archive, "pkg/data.bin", 5000) == noise(5000)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]


def test_one_byte_more_than_allowed(archive: Path) -> None:
    with pytest.raises(SourceError, match="larger than the manifest allows"):
        read(archive, "pkg/data.bin", 4999)


def test_a_bomb_is_never_unpacked_further_than_the_limit(archive: Path) -> None:
    got = bytearray()
    with Archive(archive) as opened:
        blocks = opened.read("pkg/bomb", 2_500_000)
        with pytest.raises(SourceError, match="larger"):
            collect(got, blocks)
    assert len(got) <= 2_500_000


def test_missing_member(archive: Path) -> None:
    with pytest.raises(SourceError, match=r"has no member pkg/other"):
        read(archive, "pkg/other")


@pytest.mark.parametrize("keep", [0, 10, 2000])
def test_truncated(archive: Path, keep: int) -> None:
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(SourceError, match="is damaged"):
        read(archive, "pkg/data.bin")


def test_flipped_bytes(tmp_path: Path) -> None:
    data = bytearray(make_wheel("pkg", "1", {"pkg/data.bin": noise(5000)}))
    data[2500:2508] = b"\xff" * 8
    (tmp_path / "a.whl").write_bytes(data)
    with pytest.raises(SourceError, match="damaged"):
        read(tmp_path / "a.whl", "pkg/data.bin")


def test_a_link_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    path.write_bytes(make_tarball({}, links={"package/voice.bin": "/etc/passwd"}))
    with pytest.raises(SourceError, match="not a regular file"):
        read(path, "package/voice.bin")
