"""What can go wrong, and what the page says and does then."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from browser_fixtures import chromium
from call_page import CallPage, silent_server

from duplex.bench.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OpenPage = Callable[..., CallPage]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One with a microphone that beeps; another name is this machine's too, but no safe origin."""
    with chromium(None, "--host-resolver-rules=MAP elsewhere.test 127.0.0.1") as made:
        yield made


def problem(page: CallPage) -> str:
    """What the page says is wrong."""
    page.page.wait_for_selector("#problem", timeout=15_000)
    return page.page.inner_text("#problem")


@pytest.mark.models
def test_without_the_microphone_one_can_type_and_listen(agent: Served) -> None:
    with chromium(None, "--deny-permission-prompts") as browser:
        page = CallPage(browser.new_page(), agent.url)
        page.page.click("#call")
        said = problem(page)
        assert "microphone is blocked" in said
        assert "Allow it" in said
        page.shot("denied-light")
        page.page.click("#problem button")
        page.said("agent", "ask me about lakes")
        assert page.page.is_disabled("#mute")
        before = page.energy()
        page.page.fill(".composer input", "How deep is Lake Tahoe?")
        page.page.keyboard.press("Enter")
        page.said("agent", "501")
        assert page.energy() > before
        assert page.faults == []


def test_an_insecure_address_is_told_from_a_denial(browser: Browser, open_page: OpenPage) -> None:
    with silent_server() as url:
        page = open_page(browser, url.replace("127.0.0.1", "elsewhere.test"))
        page.page.click("#call")
        said = problem(page)
        assert "https" in said
        assert "elsewhere.test" in said
        assert page.page.is_visible("#problem button")


def test_a_full_server_says_when_to_call_again(browser: Browser, open_page: OpenPage) -> None:
    with silent_server() as url:
        first, second = open_page(browser, url), open_page(browser, url, color_scheme="dark")
        first.page.click("#call")
        first.status("Listening")
        second.page.click("#call")
        assert "takes no call right now" in problem(second)
        assert "Try again in" in second.page.inner_text(".retry")
        second.shot("full-dark")
        first.page.click("#call")
        second.page.wait_for_selector(".retry:has-text('You can try again now')", timeout=8_000)
        second.page.click("#call")
        second.status("Listening")
        assert second.page.query_selector("#problem") is None


def test_it_waits_for_the_models(browser: Browser, open_page: OpenPage) -> None:
    with silent_server(warm_after=3) as url:
        page = open_page(browser, url)
        page.status("getting ready")
        page.page.click("#call")
        assert "models are still loading" in problem(page)
        page.page.wait_for_selector("#problem", state="detached", timeout=10_000)
        page.page.click("#call")
        page.status("Listening")


def test_an_agent_that_hangs_up_is_no_fault(browser: Browser, open_page: OpenPage) -> None:
    with silent_server(lasts=2) as url:
        page = open_page(browser, url)
        page.page.click("#call")
        page.status("Listening")
        page.status("ended after 0:0")
        assert page.page.query_selector("#problem") is None
        assert page.page.is_visible("#recording")
        assert page.faults == []


@pytest.mark.models
def test_a_call_outlives_its_connection(agent: Served, browser: Browser, open_page: OpenPage) -> None:
    """Nothing comes any more; the page comes back over a new connection to the same session, which goes on."""
    page = open_page(browser, agent.url)
    page.page.click("#call")
    page.said("agent", "ask me about lakes")
    sessions = len(list(agent.record.iterdir()))
    page.page.evaluate("deaf.add(channels[0])")
    page.status("Connection lost")
    page.status("Listening|Waiting|Speaking")
    assert page.page.evaluate("connections.map((each) => each.connectionState)") == ["closed", "connected"]
    before = page.energy()
    page.page.fill(".composer input", "How deep is Lake Tahoe?")
    page.page.keyboard.press("Enter")
    page.said("agent", "501")
    assert page.energy() > before
    assert page.page.query_selector("#transcript .note") is None
    assert len(page.lines("agent")) == 2
    assert len(list(agent.record.iterdir())) == sessions


def test_a_server_that_dies_and_comes_back(browser: Browser, open_page: OpenPage) -> None:
    """Within half a minute the call is put through anew by itself; later, by pressing again."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with silent_server(port=port) as url:
        page = open_page(browser, url)
        page.page.click("#call")
        page.status("Listening")
        page.page.wait_for_timeout(1500)
    page.status("Connection lost")
    page.page.wait_for_timeout(1000)
    page.shot("lost-light")
    assert "s left" in page.page.inner_text(".hint")
    with silent_server(port=port, warm_after=2):
        page.status("Listening", seconds=20)
        page.page.wait_for_selector(".note:has-text('anew')")
        page.shot("anew-light")
    page.status("Connection lost")
    page.page.click("#call")
    page.status("ended after|does not answer")
    page.page.click("#call")
    assert "cannot be reached" in problem(page)
    page.shot("gone-light")
    with silent_server(port=port):
        page.page.wait_for_selector("#problem", state="detached", timeout=10_000)
        page.page.click("#call")
        page.status("Listening")
