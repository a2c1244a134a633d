"""Where models officially live: files of a hub repository, and plain URLs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from duplex.models.errors import SourceError, UnreachableError, is_disk_full
from duplex.models.watch import watched

OnBytes = Callable[[int], None]

PROBE_S = 3.0


def hub_endpoint() -> str:
    """The hub's address; `HF_ENDPOINT` names a mirror."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def hub_answers(timeout_s: float = PROBE_S) -> bool:
    """Whether the hub can be reached, decided within `timeout_s` whatever the network does.

    A thread of its own, since looking a name up cannot be given a time limit.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}:
        return False
    import httpx

    good = threading.Event()
    done = threading.Event()

    def probe() -> None:
        try:
            # a firewall's own page says 403, a mirror without a front page 404
            answer = httpx.head(hub_endpoint(), timeout=timeout_s, follow_redirects=True)
            if answer.status_code < 400 or answer.status_code == 404:
                good.set()
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            good.clear()
        finally:
            done.set()

    threading.Thread(target=probe, name="hub-probe", daemon=True).start()
    done.wait(timeout_s)
    return good.is_set()


def fetch_from_hub(repo: str, revision: str, path: str, folder: Path, size: int, on_bytes: OnBytes) -> Path:
    """Fetch one file of a hub repository below `folder`; a half of it left there is continued.

    Raises:
        SourceError: for whatever reason, in the hub client's words.
        OSError: ENOSPC.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with watched(folder, size, on_bytes):
            found = hf_hub_download(repo, path, revision=revision, local_dir=folder, endpoint=hub_endpoint())
    except Exception as error:  # the client raises its own, its HTTP library's, and plain OSErrors
        if is_disk_full(error):
            raise OSError(28, "No space left on device", str(folder)) from error
        raise SourceError(f"{repo}: {_one_line(error)}") from error
    return Path(found)


def fetch_url(url: str, target: Path, size: int, on_bytes: OnBytes) -> None:
    """Fetch `size` bytes to `target`; a `target` that is shorter already is continued.

    Raises:
        UnreachableError: nobody answers.
        SourceError: another status, more or fewer bytes than `size`.
        OSError: ENOSPC.
    """
    import httpx

    have = target.stat().st_size if target.exists() else 0
    if have >= size:
        target.unlink()
        have = 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    timeout = httpx.Timeout(30.0, connect=PROBE_S)
    try:
        with httpx.stream("GET", url, headers=headers, timeout=timeout, follow_redirects=True) as answer:
            if answer.status_code not in (200, 206):
                raise SourceError(f"{_plain(url)}: HTTP {answer.status_code}")
            resumed = answer.status_code == 206 and have > 0
            count = have if resumed else 0
            with target.open("ab" if resumed else "wb") as sink:
                for block in answer.iter_bytes():
                    count += len(block)
                    if count > size:
                        raise SourceError(f"{_plain(url)}: more than the expected {size} bytes")
                    sink.write(block)
                    on_bytes(count)
    except httpx.ConnectError as error:
        raise UnreachableError(f"{urlsplit(url).hostname} does not answer") from error
    except httpx.TimeoutException as error:
        raise UnreachableError(f"{urlsplit(url).hostname} does not answer in time") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(f"{_plain(url)}: {_one_line(error)}") from error
    if count != size:
        raise SourceError(f"{_plain(url)}: {count} bytes instead of {size}")


def _plain(url: str) -> str:
    """The address without credentials or query, for messages."""
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}"


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
