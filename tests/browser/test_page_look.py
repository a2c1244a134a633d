"""How the page looks and feels: themes, sizes, names for those who do not see it, devices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browser_fixtures import chromium
from call_page import CallPage, silent_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

UNNAMED = """() => [...document.querySelectorAll("button, a[href], input, select, [role], [tabindex]")]
  .filter((each) => each.checkVisibility())
  .filter((each) => !(each.ariaLabel || each.getAttribute("aria-labelledby") || each.innerText?.trim()
    || each.labels?.length || ["log", "status"].includes(each.role)))
  .map((each) => each.outerHTML.slice(0, 120))"""
"""What can be reached but has no name."""
SIZES = [(320, 568), (360, 740), (740, 360), (768, 1024), (1280, 720), (1920, 1080)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One with a microphone that beeps."""
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[CallPage]:
    """A call that is on, with some words typed."""
    with silent_server() as url:
        made = CallPage(browser.new_page(), url)
        made.page.click("#call")
        made.status("Listening")
        for text in ("What is a lake?", "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" * 3):
            made.page.fill(".composer input", text)
            made.page.keyboard.press("Enter")
        yield made


@pytest.mark.parametrize("view", ["", "#debug"])
@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_cut_off(page: CallPage, size: tuple[int, int], view: str) -> None:
    page.page.set_viewport_size({"width": size[0], "height": size[1]})
    page.page.evaluate("(view) => { location.hash = view; }", view)
    page.page.wait_for_selector(".debug-view" if view else ".call-view")
    page.page.wait_for_timeout(400)
    assert page.fits()
    for name in ("#call", "#mute"):
        box = page.page.locator(name).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["y"] + box["height"] <= size[1]
    if not view:
        assert page.page.locator(".composer").bounding_box()["y"] < size[1] - 40  # type: ignore[index]
    page.shot(f"size-{size[0]}x{size[1]}{'-debug' if view else ''}")


@pytest.mark.parametrize("view", ["", "#debug"])
def test_everything_has_a_name(page: CallPage, view: str) -> None:
    page.page.evaluate("(view) => { location.hash = view; }", view)
    page.page.wait_for_selector(".debug-view" if view else ".call-view")
    assert page.page.evaluate(UNNAMED) == []


def test_a_chosen_theme_is_kept(browser: Browser) -> None:
    with silent_server() as url:
        page = CallPage(browser.new_page(color_scheme="light"), url)
        paper = "getComputedStyle(document.body).backgroundColor"
        light = page.page.evaluate(paper)
        page.page.click("[aria-label='Dark colours']")
        dark = page.page.evaluate(paper)
        assert dark != light
        page.page.reload()
        assert page.page.evaluate(paper) == dark
        page.page.click("[aria-label='Light colours']")
        assert page.page.evaluate(paper) == light
        assert page.faults == []


def test_a_microphone_that_goes_is_replaced_in_the_call(browser: Browser) -> None:
    with silent_server() as url:
        page = CallPage(browser.new_page(), url)
        page.page.click("#call")
        page.status("Listening")
        track = "connections[0].getSenders()[0].track"
        first = page.page.evaluate(f"{track}.id")
        page.page.evaluate(f"{track}.dispatchEvent(new Event('ended'))")
        page.page.wait_for_selector("#problem:has-text('microphone is gone')")
        assert page.page.is_disabled("#mute")
        page.page.click("#devices")
        panel = page.page.locator("#device-panel").bounding_box()
        assert panel is not None
        assert panel["y"] >= 0
        assert panel["y"] + panel["height"] <= 720
        page.page.select_option("#device-panel select >> nth=0", index=1)
        page.page.wait_for_selector("#problem", state="detached")
        assert page.page.evaluate(f"{track}.id") != first
        page.page.keyboard.press("Escape")
        assert page.page.evaluate("document.activeElement.id") == "devices"
        page.page.reload()
        page.page.click("#call")
        page.status("Listening")
        page.page.click("#devices")
        chosen = page.page.input_value("#device-panel select >> nth=0")
        assert page.page.evaluate(f"{track}.getSettings().deviceId") == chosen


def test_who_wants_no_motion_gets_none(browser: Browser) -> None:
    with silent_server() as url:
        page = CallPage(browser.new_page(reduced_motion="reduce"), url)
        page.page.click("#call")
        page.status("Listening")
        page.page.wait_for_timeout(500)
        assert page.page.evaluate("document.getAnimations().length") == 0
        page.shot("calm-light")
