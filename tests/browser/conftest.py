"""The shipped agent with real models, and pages in browsers, for the tests of the call page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_fixtures import caller_voice as caller_voice
from browser_fixtures import missing
from call_page import CallPage

from duplex.bench.served import Served, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where a browser is missing, these tests alone are skipped, and say what is missing."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and (reason := missing()):
            item.add_marker(pytest.mark.skip(reason=f"browser tests: {reason}"))


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The shipped agent, models warm, for all tests."""
    folder = tmp_path_factory.mktemp("agent")
    with serve("lakes", folder / "sessions", log=folder / "server.log") as served:
        yield served


@pytest.fixture
def open_page() -> Iterator[Callable[..., CallPage]]:
    """`open_page(browser, url, **context)` opens the page in a browser of its own kind; it is closed with the test."""
    contexts: list[Any] = []

    def make(browser: Browser, url: str, **settings: Any) -> CallPage:
        contexts.append(browser.new_context(**settings))
        return CallPage(contexts[-1].new_page(), url)

    yield make
    for context in contexts:
        context.close()
