"""The page of a brief in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from briefs import COMMITTEE, CYRILLIC, HOSTILE, REPORT, answered, insufficient
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from rag.render import render

pytestmark = pytest.mark.browser

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    executable = next((found for name in names if (found := shutil.which(name))), None)
    if executable is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(names)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(params=["scripts", "no scripts"])
def page(browser: Browser, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The answered brief, opened. Fails afterwards if the browser reported a problem or requested another file."""
    path = tmp_path / "brief.html"
    path.write_bytes(render(answered(), "html").encode())
    context = browser.new_context(
        java_script_enabled=request.param == "scripts", viewport={"width": 1360, "height": 900}
    )
    page = context.new_page()
    problems: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.on("request", lambda each: requests.append(each.url))
    page.goto(path.as_uri())
    yield page
    assert problems == []
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]
    context.close()


def open_card(page: Page) -> Locator:
    return page.locator(".card:popover-open")


def test_a_marker_opens_its_passage_with_the_quotes_of_that_sentence_marked(page: Page) -> None:
    assert open_card(page).count() == 0
    page.get_by_role("button", name="Source [1]: Special counsel’s report, volume I").nth(1).click()
    card = open_card(page)
    assert card.is_visible()
    assert card.locator(".passage").text_content() == REPORT.text
    assert card.locator("mark").all_text_contents() == ["A letter of\nintent was signed on 28 October 2015."]
    shown = card.inner_text()
    for part in (
        "Special counsel’s report",
        "A. Trump Tower Moscow",
        "pp. 67–68",
        "2019-04-18",
        REPORT.id,
        "4200–4566",
    ):
        assert part in shown
    # Another sentence that cites the same source has other quotes; opening its passage closes the first.
    page.get_by_role("button", name="Source [1]").nth(2).click()
    assert open_card(page).count() == 1
    assert open_card(page).locator("mark").all_text_contents() == [
        "Cohen wrote in January 2016 to the office of Dmitry Peskov",
        "spoke with an assistant for about twenty minutes",
    ]
    open_card(page).get_by_role("button", name="Close").click()
    assert open_card(page).count() == 0


def test_the_keyboard_opens_and_closes_a_passage_and_focus_returns(page: Page) -> None:
    marker = page.get_by_role("button", name="Source [2]").first
    marker.focus()
    page.keyboard.press("Enter")
    assert open_card(page).locator(".passage").text_content() == COMMITTEE.text
    page.keyboard.press("Tab")
    assert open_card(page).locator(".close:focus").count() == 1
    page.keyboard.press("Escape")
    assert open_card(page).count() == 0
    assert page.locator(".marker:focus").text_content() == "[2]"


def test_the_source_list_has_every_passage_with_an_anchor(page: Page) -> None:
    texts = page.locator(".sources .passage").all_text_contents()
    assert texts == [chunk.text for chunk in answered().cited()]
    assert CYRILLIC.text in texts
    page.get_by_role("button", name="Source [4]").first.click()
    open_card(page).get_by_role("link", name="In the source list").click()
    assert page.url.endswith("#source-4")
    assert page.locator("#source-4:target").count() == 1


def test_markup_in_a_document_is_not_executed(page: Page) -> None:
    page.get_by_role("button", name="Source [5]").first.click()
    card = open_card(page)
    assert card.locator(".passage").text_content() == HOSTILE.text
    assert page.locator("main script, main img, .card b").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0


def test_the_policy_stops_a_script_that_is_in_the_page(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "brief.html"
    smuggled = "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"
    path.write_bytes(render(answered(), "html").replace('<main id="brief">', f'<main id="brief">{smuggled}').encode())
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.locator("main > img").count() == 1
    assert page.evaluate("window.hacked") is None
    page.close()


@pytest.mark.parametrize("width", [320, 390, 1360])
@pytest.mark.parametrize("form", ["answered", "insufficient"])
def test_the_page_never_scrolls_sideways(browser: Browser, tmp_path: Path, width: int, form: str) -> None:
    path = tmp_path / "brief.html"
    path.write_bytes(render(answered() if form == "answered" else insufficient(), "html").encode())
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_have_enough_contrast(browser: Browser, tmp_path: Path, scheme: str) -> None:
    """WCAG 2.2 AA demands 4.5 to 1 for text on every background that it has."""
    path = tmp_path / "brief.html"
    path.write_bytes(render(answered(), "html").encode())
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(path.as_uri())
    ratios = page.evaluate(
        """() => {
          const style = getComputedStyle(document.documentElement);
          const light = name => {
            const hex = style.getPropertyValue(name).trim().slice(1);
            const full = hex.length === 3 ? [...hex].map(c => c + c).join("") : hex;
            const [r, g, b] = [0, 2, 4].map(i => parseInt(full.slice(i, i + 2), 16) / 255)
              .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
            return .2126 * r + .7152 * g + .0722 * b;
          };
          const pairs = [["--mark-ink", "--mark"], ["--paper", "--accent"]];
          for (const ink of ["--ink", "--soft", "--accent"])
            for (const ground of ["--paper", "--card", "--wash", "--accent-wash"]) pairs.push([ink, ground]);
          return pairs.map(([ink, ground]) => {
            const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
            return [ink + " on " + ground, (a + .05) / (b + .05)];
          });
        }"""
    )
    assert [(pair, ratio) for pair, ratio in ratios if not ratio >= 4.5] == []
    page.close()
