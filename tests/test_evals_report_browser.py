"""The report in a browser: it opens from the disk, plays, filters, and runs nobody else's text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_fixtures import caller_voice as caller_voice
from browser_fixtures import chromium, needs_browser
from eval_runs import leave, leave_replay

from duplex.audio.pcm import Pcm
from duplex.evals.record import RATE
from duplex.evals.report import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = needs_browser

HOSTILE = "<img src=x onerror=\"document.title='pwned'\"></script><script>document.title='pwned'</script>"
UNNAMED = """() => [...document.querySelectorAll("button, a[href], input, [role='slider']")]
  .filter((each) => each.checkVisibility())
  .filter((each) => !(each.ariaLabel || each.innerText?.trim() || each.labels?.length))
  .map((each) => each.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, caller_voice: Callable[[str], Pcm]) -> Path:
    """A run of four scenarios: passed, failed, hostile, and one that was never replayed."""
    out = tmp_path_factory.mktemp("run")
    user, agent = (cut(caller_voice(text)) for text in ("How deep is it?", "It is very deep."))
    passed = [{"metric": "response_latency", "behaviour": "respond", "ok": True, "value": 0.5}]
    failed = [{"metric": "response_latency", "behaviour": "respond", "ok": False, "value": 1.5}]
    leave_replay(out, "passed", voice=(user, agent), expect=passed)
    leave_replay(out, "turned", task="pause_handling", said="But why?", voice=(agent, user), expect=failed)
    leave_replay(out, "zz_hostile", title=HOSTILE, said=HOSTILE, agent=HOSTILE, expect=passed)
    file = leave(out, "broken", error=HOSTILE) / "metrics.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"id": HOSTILE, "task": HOSTILE}))
    write_report(out)
    return out


def cut(pcm: Pcm) -> Pcm:
    """A second of it."""
    return pcm[:RATE] if len(pcm) >= RATE else pcm.repeat(-(-RATE // len(pcm)))[:RATE]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One that may play without being asked."""
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, run: Path) -> Iterator[Page]:
    """The report; whatever it complains of fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    made = context.new_page()
    complaints: list[str] = []
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    made.goto((run / "report.html").as_uri())
    made.wait_for_selector("#detail h3")
    yield made
    context.close()
    assert complaints == []


def listed(page: Page) -> list[str]:
    """Ids of the scenarios that are listed."""
    return [str(each) for each in page.locator("#list li:not([hidden]) .id").all_inner_texts()]


def shown(page: Page) -> str:
    """The scenario that is shown."""
    return page.locator("#detail h3").first.inner_text()


def audio(page: Page, field: str) -> Any:
    """Of the element that plays."""
    return page.evaluate(f"document.getElementById('audio').{field}")


def until(page: Page, true: Callable[[], bool]) -> None:
    """Wait for up to 10 s; the page's policy lets no condition of ours be evaluated within it."""
    for _ in range(200):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never came true")


def test_somebody_elses_text_is_shown_and_does_nothing(page: Page) -> None:
    assert HOSTILE in listed(page)
    page.get_by_role("button", name="hostile").click()
    assert page.locator("#detail .sub").inner_text() == HOSTILE
    assert page.locator("img").count() == 0
    assert page.title() != "pwned"
    page.locator("#list button").first.click()
    assert shown(page) == HOSTILE
    assert page.locator("#detail .problem").first.inner_text() == HOSTILE


def test_a_click_plays_from_there(page: Page) -> None:
    page.locator("#list button", has_text="passed").click()
    stage = page.locator(".stage")
    box = stage.bounding_box()
    assert box is not None
    stage.click(position={"x": box["width"] / 2, "y": 60})
    until(page, lambda: audio(page, "currentTime") > 2.1)
    assert audio(page, "duration") == pytest.approx(4.0, abs=0.05)
    assert audio(page, "error") is None
    page.locator("#detail .play").click()
    assert audio(page, "paused") is True
    assert float(stage.get_attribute("aria-valuenow") or 0) >= 2.0


def test_filters_and_search_narrow_the_list(page: Page) -> None:
    assert len(listed(page)) == 4
    page.locator("#status button", has_text="Failed").click()
    assert (listed(page), shown(page)) == (["turned"], "turned")
    page.locator("#status button", has_text="Passed").click()
    assert listed(page) == ["passed", "zz_hostile"]
    page.locator("#status button", has_text="All").click()
    page.locator("#task-chips button", has_text="pause handling").click()
    assert listed(page) == ["turned"]
    page.locator("#task-chips button", has_text="All tasks").click()
    page.fill("#search", "how deep")
    assert listed(page) == ["passed"]
    page.fill("#search", "nobody says this")
    assert listed(page) == []


def test_keys_go_through_the_scenarios_and_play(page: Page) -> None:
    first = shown(page)
    page.keyboard.press("j")
    assert shown(page) != first
    page.keyboard.press("k")
    assert shown(page) == first
    page.keyboard.press("j")
    page.keyboard.press("ArrowRight")
    until(page, lambda: audio(page, "currentTime") == 1)
    page.keyboard.press("Space")
    until(page, lambda: not audio(page, "paused"))
    page.keyboard.press("/")
    page.keyboard.type("turned")
    assert listed(page) == ["turned"]
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()


def test_a_scenario_has_an_address(browser: Browser, run: Path) -> None:
    page = browser.new_page()
    page.goto((run / "report.html").as_uri() + "#turned")
    page.wait_for_selector("#detail h3")
    assert shown(page) == "turned"
    page.close()


def test_zooming_widens_the_timeline_and_fits_it_again(page: Page) -> None:
    page.locator("#list button", has_text="passed").click()
    width = page.locator("svg.timeline").bounding_box()
    page.keyboard.press("+")
    wider = page.locator("svg.timeline").bounding_box()
    page.keyboard.press("0")
    fitted = page.locator("svg.timeline").bounding_box()
    assert width is not None
    assert wider is not None
    assert wider["width"] == pytest.approx(2 * width["width"], abs=2)
    assert fitted == width


@pytest.mark.parametrize("size", [(320, 568), (390, 844), (768, 1024), (1920, 1080)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window(
    browser: Browser, run: Path, size: tuple[int, int], scheme: Any
) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    page = context.new_page()
    page.goto((run / "report.html").as_uri())
    page.wait_for_selector("#detail h3")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert page.evaluate(UNNAMED) == []
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    context.close()


def test_sound_that_is_gone_is_told(browser: Browser, run: Path, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_bytes((run / "report.html").read_bytes())
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri() + "#passed")
    page.wait_for_selector("#detail h3")
    page.locator("#detail .play").click()
    page.wait_for_selector("#detail .problem:not([hidden])")
    assert "cannot be played" in page.locator("#detail .problem").inner_text()
    page.close()
