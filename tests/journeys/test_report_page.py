"""The page as people read it: in a browser, by mouse and by keys, in the dark, on paper, and without its script."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from tests.browser.chromium import BrowserMissing, browser
from tests.isolation.installed import JudgeMissing
from tests.journeys.conftest import Yard, copied_project
from tests.reports import many, of_everything
from tests.shipped import edit

from modelyard.assess.report.comment import MARKER
from modelyard.assess.report.page import page as page_of

PICTURES = "MODELYARD_PICTURES"
"""A folder that keeps the pictures of this module."""


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    """A browser; where none can be had the tests are skipped, and in CI fail."""
    try:
        with browser() as there:
            yield there
    except (BrowserMissing, JudgeMissing) as missing:
        if os.environ.get("CI"):
            pytest.fail(f"a browser can't be had: {missing}", pytrace=False)
        pytest.skip(f"a browser can't be had: {missing}")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped project under git, with a change that isn't committed: demand no longer keeps its scores."""
    root = copied_project(tmp_path_factory.mktemp("report"))
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@acme.example"]
    for command in (["init", "-q"], ["add", "platform", "stacks"], [*who, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *command], cwd=root, check=True, stdin=subprocess.DEVNULL)

    def without_scores(file: Any) -> None:
        del file["data"]["datasets"]["scores"]
        for access in file["data"]["access"].values():
            for way in ("read", "write"):
                if "scores" in access.get(way, []):
                    access[way].remove("scores")
        for place in (file["jobs"], file["personas"]["data-scientist"]):
            for way in ("read", "write"):
                if "scores" in place.get(way, []):
                    place[way].remove("scores")

    edit(root / "stacks" / "teams" / "demand.yaml", without_scores)
    return root


@pytest.fixture(scope="module")
def report(project: Path) -> Path:
    """The page of dev, as the command writes it."""
    said = Yard(project)("report", "--env", "dev", "--against", "HEAD", "-o", "report.html")
    assert "Wrote report.html" in said
    return project / "report.html"


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a made-up stack with all that there can be."""
    file = tmp_path_factory.mktemp("everything") / "report.html"
    file.write_text(page_of(of_everything()), "utf-8")
    return file


@contextmanager
def opened(running: Browser, file: Path, **how: Any) -> Generator[Page]:
    """The page in a window of its own; it may neither complain nor ask for anything but itself."""
    context = running.new_context(**{"viewport": {"width": 1440, "height": 1000}, **how})
    complaints: list[str] = []
    asked: list[str] = []
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page
    assert complaints == [] and {url for url in asked if not url.startswith("data:")} == {file.as_uri()}
    context.close()


@pytest.fixture
def page(running: Browser, report: Path) -> Iterator[Page]:
    with opened(running, report) as there:
        yield there


def kept(page: Page, name: str, **how: Any) -> None:
    """A picture of the page, which somebody can look at."""
    folder = os.environ.get(PICTURES)
    picture = page.screenshot(path=Path(folder, f"{name}.png") if folder else None, **how)
    assert picture.startswith(b"\x89PNG")


def card(page: Page, team: str, name: str) -> Any:
    return page.locator(f"details.stack[data-team={team}] a.card").filter(has=page.get_by_text(name, exact=True))


def test_the_page_says_what_is_asked_first(page: Page):
    summary = page.get_by_role("list", name="Summary")
    expect(summary).to_contain_text("stops this change")
    expect(summary).to_contain_text(re.compile(r"\$[\d,]+ to \$[\d,]+ a month"))
    expect(summary).to_contain_text("resources")
    expect(page.locator("#changes")).to_contain_text("destroys the catalogue table")
    expect(page.locator("#lineage")).to_contain_text("contract.teams.fraud.keys.default")
    expect(page.locator("#access")).to_contain_text("ml-dev-fraud-persona-approver")
    kept(page, "first")


def test_choosing_a_component_shows_its_resources_and_lines_to_its_like_alone(page: Page):
    card(page, "fraud", "registry").click()
    panel = page.get_by_role("complementary", name="The chosen component")
    expect(panel.get_by_role("heading", name="registry", exact=True)).to_be_visible()
    expect(panel).to_contain_text("registry-promotion")
    expect(panel).to_contain_text("stacks/teams/fraud.yaml:")
    lines = page.locator("#lines path").count()
    assert lines == page.locator(".card.related").count() > 2, "one line to each that it has to do with"
    dimmed = card(page, "demand", "features")
    assert float(dimmed.evaluate("node => getComputedStyle(node).opacity")) < 1
    kept(page, "chosen")

    panel.get_by_role("button", name="evidence").first.click()
    expect(panel.get_by_role("heading", name="evidence", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    assert page.locator("#lines path").count() == 0


def test_lines_lead_from_a_team_to_what_the_platform_made_for_it(page: Page):
    card(page, "platform", "fraud-keys").click()
    expect(card(page, "fraud", "lake")).to_have_class(re.compile("related"))
    expect(card(page, "demand", "lake")).not_to_have_class(re.compile("related"))


def test_all_of_it_can_be_done_by_keys(page: Page):
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("fraud promotion statemachine")
    expect(page.get_by_role("list", name="Found").get_by_role("button")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary")
    expect(panel).to_be_focused()
    expect(panel.locator(".hit")).to_contain_text("registry-promotion")
    page.keyboard.press("Tab")
    expect(panel.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Enter")
    expect(panel).to_be_hidden()
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_one_team_can_be_looked_at_alone_and_hidden_rows_are_counted(page: Page):
    page.get_by_label("Stack").select_option("demand")
    assert page.locator("details.stack:visible").count() == 1
    expect(page.locator("#lineage .shown")).to_contain_text(re.compile(r"^\d+ of \d+ are shown\.$"))


def test_one_severity_can_be_looked_at_alone(running: Browser, everything: Path):
    with opened(running, everything) as page:
        rows = page.locator("#rules tbody tr[data-severity]:visible")
        expect(rows).to_have_count(5)
        for severity in ("critical", "high", "medium"):
            page.get_by_label(severity).uncheck()
        expect(rows).to_have_count(1)
        expect(rows).to_contain_text("a-low-rule")
        expect(page.locator("#rules .shown").first).to_have_text("1 of 5 are shown.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_the_way_of_who_reads_by_other_means(
    running: Browser, report: Path, everything: Path, scheme: Any
):
    """Names, roles, order and contrast, by axe's rules."""
    for file, chosen in ((report, "registry"), (everything, "lake")):
        with opened(running, file, color_scheme=scheme) as page:
            for step in (lambda: None, card(page, "fraud", chosen).click):
                step()
                found = Axe().run(page)
                assert found.violations_count == 0, found.generate_report()


def test_the_theme_is_the_systems_until_somebody_chooses(running: Browser, report: Path):
    def ground(page: Page) -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    with opened(running, report, color_scheme="dark") as dark, opened(running, report, color_scheme="light") as light:
        assert ground(dark) != ground(light)
        kept(dark, "dark")
        button = light.get_by_role("button", name="Theme")
        button.click()
        expect(button).to_have_accessible_name("Theme: light")
        button.click()
        assert ground(light) == ground(dark)
        light.reload()
        assert ground(light) == ground(dark), "it is remembered"


def test_on_paper_everything_is_open_and_nothing_is_told_by_colour(page: Page):
    card(page, "fraud", "registry").click()
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(page.locator("#panel")).to_be_hidden()
    page.wait_for_function("document.querySelectorAll('main details:not([open])').length === 0")
    expect(page.get_by_text("Every rule, and how many resources it looked at")).to_be_visible()
    expect(page.locator("#rules").get_by_text("s3-block-public").last).to_be_visible()
    inks = page.evaluate(
        "[...new Set([...document.querySelectorAll('.severity, .card .name, td')].map(n => getComputedStyle(n).color))]"
    )
    assert set(inks) <= {"rgb(0, 0, 0)", "rgb(51, 51, 51)"}
    assert page.pdf().startswith(b"%PDF")
    kept(page, "paper", full_page=True)
    page.emulate_media(media="screen")
    page.wait_for_function("document.querySelectorAll('main details:not([open])').length > 0")


def test_without_its_script_it_is_a_document(running: Browser, report: Path):
    with opened(running, report, java_script_enabled=False) as page:
        assert page.locator(".js:visible").count() == 0, "nothing that doesn't work"
        card(page, "fraud", "registry").click()
        expect(page.locator("tr:target")).to_contain_text("ModelRegistry")


def test_whatever_got_into_the_page_could_load_and_run_nothing(running: Browser, report: Path, tmp_path: Path):
    bad = tmp_path / "bad.html"
    got_in = '<main id="main"><script>document.title = "taken"</script><img src="https://acme.example/x.png">'
    bad.write_text(report.read_text("utf-8").replace('<main id="main">', got_in, 1), "utf-8")
    context = running.new_context()
    page = context.new_page()
    refused: list[tuple[str, str | None]] = []
    page.on("requestfailed", lambda request: refused.append((request.url, request.failure)))
    page.goto(bad.as_uri())
    assert page.title() != "taken"
    assert refused == [("https://acme.example/x.png", "csp")]
    assert page.locator("body.scripted").count() == 1, "its own script runs"
    context.close()


def test_fifteen_thousand_resources_open_and_are_found(running: Browser, tmp_path: Path):
    file = tmp_path / "many.html"
    file.write_text(page_of(many(teams=20, components=15, resources=50)), "utf-8")
    with opened(running, file) as page:
        assert page.locator("details.stack[open]").count() == 0, "one looks for one's own team first"
        page.get_by_role("searchbox").fill("team07 lake-3-bucket-49")
        page.get_by_role("list", name="Found").get_by_role("button").click()
        expect(page.locator("#panel .hit")).to_contain_text("lake-3-bucket-49")
        expect(card(page, "team07", "lake-3")).to_be_visible()
        assert page.locator("#lines path").count() == 2
        kept(page, "many")


def test_a_stack_alone_is_drawn_by_the_same_code(running: Browser, project: Path):
    Yard(project)("graph", "fraud", "--html", "fraud.html")
    with opened(running, project / "fraud.html") as page:
        card(page, "fraud", "lake").click()
        expect(page.get_by_role("complementary")).to_contain_text("lake-raw")
        expect(page.locator("#price")).to_have_count(0)


def test_the_comment_and_the_json_say_the_same(project: Path):
    asked = ("report", "platform", "--env", "dev")
    said = Yard(project)(*asked, "--against", "HEAD", "--format", "markdown")
    assert said.startswith(MARKER) and "- **Changes** since `HEAD`: destroys nothing" in said
    found = json.loads(Yard(project)(*asked, "--json"))
    assert [one["name"] for one in found["stacks"]] == ["platform in dev"]
    assert f"**Price**: {found['totals']['price']} a month, no change" in said


def test_a_narrow_screen_holds_it(running: Browser, report: Path):
    with opened(running, report, viewport={"width": 390, "height": 844}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        chosen = card(page, "fraud", "registry")
        chosen.click()
        panel = page.get_by_role("complementary")
        expect(panel).to_be_visible()
        shown, over = chosen.bounding_box(), panel.bounding_box()
        assert shown and over and shown["y"] >= 0 and shown["y"] + shown["height"] <= over["y"], (
            "beside it, not under it"
        )
        kept(page, "narrow")
