"""The pages in a real Chromium: sizes, keys alone, dark, hostile content, live, without a script."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from onbox.app.sealing import seal
from onbox.atomic_files import write_json
from onbox.evidence.folder import TrialFolder
from onbox.evidence.lock import locked
from tests.builders import LARGE, SMALL, build_plan, build_trial, scripted_run, write_run
from tests.unit.report.trials import HOSTILE, saying, trajectory
from tests.unit.view.serving import Client, served
from tests.unit.view.test_live import is_up, measured, stands_up
from tests.verdicts import build_verdict, run_result

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PAGES = [
    "/",
    "/trial?at=one",
    "/runs?at=one",
    "/run?at=one&run=small/rename/baseline/1",
    "/speed?at=one&of=small",
    "/standup?at=one&of=small",
    "/compare?c=one//small&c=one//large",
    "/files/one/small/",
    "/files/one/report.html",
    "/trial?at=nothing",
]


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Trials of every kind."""
    top = tmp_path_factory.mktemp("view") / "top"
    one = build_trial(top / "one")
    shutil.rmtree(one.path / "small" / "standup")
    stands_up(one, 40)
    write_json(one.path / "verdict.json", build_verdict())
    steps = [{"role": "assistant", "content": f"step {n} " + "long" * 200} for n in range(30)]
    (one.run_folder("small", "rename", "baseline", 1) / "trajectory.json").write_text(json.dumps({"steps": steps}))
    loud = build_trial(top / "loud")
    message = (
        " ".join(HOSTILE) + "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    )
    trajectory(loud, message + "x" * 100_000)
    (loud.path / "verdict.json").write_text(json.dumps(saying(message).model_dump(mode="json")))
    many = build_trial(top / "many")
    runs = tuple(
        run_result("PFMLI"[n % 5], ("small", "large")[n % 2], ("rename", "explain")[n // 2 % 2], n // 4 + 1)
        for n in range(10_000)
    )
    write_json(many.path / "verdict.json", build_verdict(runs=runs))
    broken = build_trial(top / "broken")
    (broken.path / "verdict.json").write_text("{")
    with served(top) as found:
        yield found


def opened(browser: "Browser", client: Client, path: str = "/", **options: object) -> "Page":
    """A page in a new context, let in by the token; what the console complains of is in `page.complaints`."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.complaints = complaints  # type: ignore[attr-defined]
    page.goto(client.url)
    page.goto(client.url.partition("/?")[0] + path)
    return page


def complaints(page: "Page") -> list[str]:
    found: list[str] = page.complaints  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_fit_and_are_readable(browser: "Browser", client: Client, width: int, scheme: str) -> None:
    page = opened(browser, client, viewport={"width": width, "height": 844}, color_scheme=scheme)
    assert "token" not in page.url
    for path in [*PAGES, "/trial?at=loud", "/runs?at=many", "/trial?at=many", "/trial?at=broken"]:
        page.goto(client.url.partition("/?")[0] + path)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
        if "nothing" not in path and "broken" not in path:
            assert complaints(page) == [], path
        complaints(page).clear()
        paper, ink = (page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color"))
        light, dark = (sum(map(int, colour[4:-1].split(","))) for colour in (paper, ink))
        assert (light > dark) is (scheme == "light")
    page.context.close()


@pytest.mark.parametrize("width", [390, 500, 1280])
def test_a_sealed_report_fits(browser: "Browser", tmp_path: Path, width: int) -> None:
    """With its long hashes, which stand in a command and at the foot."""
    trial = build_trial(tmp_path / "one")
    with locked(trial.path):
        seal(trial)
    page = browser.new_page(viewport={"width": width, "height": 844})
    page.goto((trial.path / "report.html").as_uri())
    assert "--against" in page.content()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    figures = "[...document.querySelectorAll('.card dl > div')]"
    page.evaluate(f"{figures}.forEach(e => e.querySelector('.big').textContent = '60.7 tok/s ± 6 %')")
    assert page.evaluate(f"{figures}.length") >= 6
    assert page.evaluate(f"{figures}.filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText)") == []
    page.close()


def test_contrast_of_text_is_at_least_4_5(browser: "Browser", client: Client) -> None:
    """WCAG 2.2, 1.4.3, of every text that has a plain background."""
    script = """() => {
      const parse = (text) => text.match(/[\\d.]+/g).map(Number);
      const light = ([r, g, b]) => { const f = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
        return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
      const bad = [];
      for (const each of document.querySelectorAll("main *, nav *")) {
        if (![...each.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || each.closest("svg")) continue;
        if (getComputedStyle(each).visibility === "hidden" || each.offsetParent === null) continue;
        let behind = each, paper = [0, 0, 0, 0];
        while (behind) {
          const found = parse(getComputedStyle(behind).backgroundColor);
          if ((found[3] ?? 1) === 1) { paper = found; break; }
          if ((found[3] ?? 1) > 0) { behind = null; break; }
          behind = behind.parentElement;
        }
        if (!behind) continue;
        const ink = parse(getComputedStyle(each).color), a = light(ink) + 0.05, b = light(paper) + 0.05;
        const ratio = Math.max(a, b) / Math.min(a, b);
        if (ratio < 4.5) bad.push(`${each.className} ${ratio.toFixed(2)} ${each.textContent.slice(0, 40)}`);
      }
      return [...new Set(bad)];
    }"""
    for scheme in ("light", "dark"):
        page = opened(browser, client, color_scheme=scheme)
        for path in PAGES[:8]:
            page.goto(client.url.partition("/?")[0] + path)
            assert page.evaluate(script) == [], (scheme, path)
        page.context.close()


def test_by_keys_alone_from_the_list_to_a_run_and_on(browser: "Browser", client: Client) -> None:
    page = opened(browser, client)
    page.keyboard.press("/")
    page.keyboard.type("against one")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r".*\?q=against"))
    page.keyboard.press("n")
    assert page.evaluate("document.activeElement.textContent") == "Switch"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r".*trial\?at=one"))
    links = page.locator("nav.bar a")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Runs":
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r".*runs\?at=one"))
    assert links.count() > 4
    page.keyboard.press("n")
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r".*run\?.*rename/baseline/2"))
    page.keyboard.press("c")
    page.wait_for_url(re.compile(r".*code=F-GATE"))
    assert "1 of 7 runs that ended F-GATE" in " ".join(page.inner_text("nav.run-nav").split())
    page.keyboard.press("j")
    page.wait_for_url(re.compile(r".*add-flag/baseline/1"))
    page.keyboard.press("k")
    page.wait_for_url(re.compile(r".*rename/baseline/2"))
    page.keyboard.press("u")
    page.wait_for_url(re.compile(r".*runs\?.*code=F-GATE"))
    assert complaints(page) == []
    page.context.close()


def test_two_are_ticked_and_compared_by_keys(browser: "Browser", client: Client) -> None:
    page = opened(browser, client, "/?q=against+one")
    boxes = page.locator("input[type=checkbox]")
    boxes.nth(0).focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r".*compare\?"))
    assert page.inner_text("h1") == "small and large"
    page.context.close()


def test_the_strip_zooms_by_keys_wheel_and_drag(browser: "Browser", client: Client) -> None:
    page = opened(browser, client, "/speed?at=one&of=small")
    strip = page.locator("#strip")
    count = "document.querySelectorAll('#strip .a-seen').length"
    assert page.evaluate(count) == 96
    strip.focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    zoomed = page.evaluate(count)
    assert 20 < zoomed < 30
    label = page.inner_text("[data-from-label]")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("[data-from-label]") != label
    page.keyboard.press("0")
    assert page.evaluate(count) == 96
    box = strip.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.wheel(0, -300)
    page.wait_for_function(f"{count} < 96")
    label = page.inner_text("[data-to-label]")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 40)
    page.mouse.up()
    assert page.inner_text("[data-to-label]") != label
    page.click("[data-zoom='0']")
    assert page.evaluate(count) == 96
    assert "from=" not in page.url
    page.context.close()


def test_hostile_content_is_inert(browser: "Browser", client: Client) -> None:
    page = opened(browser, client)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    for path in (
        "/",
        "/trial?at=loud",
        "/runs?at=loud",
        "/run?at=loud&run=small/rename/baseline/1",
        "/compare?c=loud//small&c=loud//large",
        "/files/loud/report.html",
        "/files/loud/small/runs/rename/baseline/1/trajectory.json",
    ):
        page.goto(client.url.partition("/?")[0] + path)
        assert page.title() != "taken"
        assert page.evaluate("document.querySelectorAll('main script, main img, main iframe').length") == 0
        assert complaints(page) == []
    assert all(url.startswith(client.url.partition("/?")[0]) for url in requests)
    page.context.close()


def test_a_trial_is_followed_live_until_its_verdict(browser: "Browser", tmp_path: Path) -> None:
    folder = TrialFolder.create(tmp_path / "top" / "live", build_plan((SMALL, LARGE)))
    stands_up(folder, 6)
    with served(tmp_path / "top") as client:
        with locked(folder.path):
            page = opened(browser, client, "/trial?at=live")
            page.wait_for_selector("text=small: load")
            assert "13.5 GB" in page.inner_text(".gauges")
            is_up(folder)
            measured(folder)
            page.wait_for_selector("text=small: runs")
            write_run(folder, *scripted_run("P", "small", "rename", 1))
            page.wait_for_selector(".runs .o-passed")
            page.locator(".grid a").first.focus()
            write_run(folder, *scripted_run("F", "small", "add-flag", 1))
            page.wait_for_selector(".runs .o-failed")
            assert page.evaluate("document.activeElement.getAttribute('href')").endswith("rename/baseline/1")
            seal(folder)
        page.wait_for_selector("text=How runs ended")
        assert complaints(page) == []
        page.context.close()


def test_without_a_script_the_pages_work(browser: "Browser", client: Client, tmp_path: Path) -> None:
    page = opened(browser, client, "/?q=against+one", java_script_enabled=False)
    page.check("input[value='one//small']")
    page.check("input[value='one//large']")
    page.click("text=Compare")
    page.wait_for_url(re.compile(r".*compare\?"))
    page.goto(client.url.partition("/?")[0] + "/speed?at=one&of=small")
    before = page.locator("#strip .a-seen").count()
    page.click("[data-zoom='+']")
    page.wait_for_url(re.compile(r".*from="))
    assert page.locator("#strip .a-seen").count() < before
    folder = TrialFolder.create(tmp_path / "top" / "live", build_plan((SMALL, LARGE)))
    with served(tmp_path / "top") as other, locked(folder.path):
        followed = opened(browser, other, "/trial?at=live", java_script_enabled=False)
        assert followed.locator("noscript meta[http-equiv=refresh]").count() + followed.content().count("refresh") > 0
        is_up(folder)
        measured(folder)
        followed.wait_for_selector("text=small: runs", timeout=60_000)
        followed.context.close()
    page.context.close()


def test_ten_thousand_runs_open_and_page(browser: "Browser", client: Client) -> None:
    page = opened(browser, client, "/runs?at=many")
    assert page.inner_text("h1") == "10,000 runs"
    page.click("a[rel=next]")
    page.wait_for_url(re.compile(r".*page=2"))
    page.click(".codes a:has-text('S-LEAK')")
    page.wait_for_url(re.compile(r".*code=S-LEAK"))
    assert page.inner_text("h1").startswith("2,000 runs")
    began = time.monotonic()
    page.goto(client.url.partition("/?")[0] + "/trial?at=many")
    assert page.locator(".tally a").count() > 4
    assert page.evaluate("document.querySelectorAll('*').length") < 1500
    assert time.monotonic() - began < 10
    page.context.close()
