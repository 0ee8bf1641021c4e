"""A report's page in headless Chromium: what a person does with it, and what it must never do.

Usage: page_check.py KIND PAGE [SCREENSHOTS]
KIND is `report` (a report with insights and graphs), `hostile` (texts that attack), `empty`, `skipped`, `large`, `earlier` (insights
of the period before only) or `organization` (a role of the same name in several accounts).
Prints what it measured, and every problem on a line of its own to standard error; exit status 1 where there is one.
"""

import base64
import csv
import io
import json
import pathlib
import re
import shutil
import sys
import traceback
import zlib
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

KIND, PAGE = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
SCREENSHOTS = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
URL = PAGE.as_uri()
CHROMIUM = shutil.which("chromium") or sys.exit("chromium is not installed; ./run-tests installs it")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""

# How many colours the lowest lines of a PNG have, but for those that are nearly the same.
COLOURS_AT_THE_BOTTOM = """async ([picture, lines]) => {
  const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const pen = new OffscreenCanvas(image.width, image.height).getContext("2d");
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, image.height - lines, image.width, lines);
  const seen = new Set();
  for (let at = 0; at < data.length; at += 4) seen.add(data.slice(at, at + 3).map((part) => part >> 4).join());
  return seen.size;
}"""

problems = []
measured = {}


def check(true, what):
    if not true:
        problems.append(what)


class Opened:
    """The page in a context of its own, with an ear for everything that must not happen."""

    def __init__(self, browser, fragment="", viewport=WIDE, scheme="light", touch=False):
        self.context = browser.new_context(
            viewport=viewport, color_scheme=scheme, has_touch=touch, accept_downloads=True, offline=False
        )
        self.heard = []
        self.page = self.context.new_page()
        self.page.add_init_script(WATCH)
        self.page.on("dialog", lambda dialog: (self.heard.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.heard.append(f"error {error}"))
        self.page.on("console", lambda message: self.heard.append(f"console {message.type}: {message.text}"))
        self.page.on("request", self.asked)
        self.page.set_default_timeout(60_000)
        self.page.goto(URL + fragment)
        self.page.wait_for_selector("html[data-ready]")

    def asked(self, request):
        if request.url.split("#")[0] != URL and not request.url.startswith("blob:"):
            self.heard.append(f"request {request.url}")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.heard += [f"violation {one}" for one in self.page.evaluate("window.violations")]
            problems.extend(self.heard)
        self.context.close()

    # What a person sees.
    def rows(self):
        return self.page.locator("#rows tr").evaluate_all("rows => rows.map((row) => row.dataset.id)")

    def texts(self, selector):
        return self.page.locator(selector).all_inner_texts()

    def settle(self):
        # Typing is waited for.
        self.page.wait_for_timeout(250)

    def soon(self, true, what):
        """Checks what follows from something done in the page, however slow the machine is."""
        for _ in range(200):
            if true():
                return
            self.page.wait_for_timeout(50)
        check(False, what() if callable(what) else what)

    def until(self, true, argument):
        # Playwright's own way to wait for this would need eval in the page, which its policy denies.
        for _ in range(600):
            if self.page.evaluate(true, argument):
                return
            self.page.wait_for_timeout(50)
        raise TimeoutError(f"{true} of {argument!r}")

    def open_first(self):
        self.page.locator("#rows tr a").first.click()
        self.page.wait_for_selector("#insight[data-shown] .uplot canvas")

    def shown(self):
        """From and to of the graph, minutes since 1970."""
        of = self.page.locator("#insight .graph").evaluate("graph => [graph.dataset.from, graph.dataset.to]")
        return [int(one) for one in of]


def data_of(text):
    """What the page's block of data says."""
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S).group(1)
    check("<" not in block, "the data have a <")
    return json.loads(block)


def details_of(data, at):
    packed = base64.b64decode(data["details"][at // data["details_per_block"]])
    return json.loads(zlib.decompress(packed, -15))[at % data["details_per_block"]]


def opens(browser, data):
    with Opened(browser) as it:
        measured["ready_ms"] = int(it.page.locator("html").get_attribute("data-ready"))
        measured["drawn_ms"] = int(it.page.locator("html").get_attribute("data-drawn"))
        first = [one for one in data["insights"] if not one["earlier"] and not one["muted_by"] and not one["told_by"]]
        check(len(it.rows()) == min(len(first), 150), f"{len(it.rows())} rows of {len(first)} insights")
        check(it.page.locator("#timeline canvas").count() == 1, "no timeline")
        check(it.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the window")


def filters(browser, data):
    by_id = {one["id"]: one for one in data["insights"]}
    with Opened(browser) as it:
        all_rows = it.rows()
        name = data["insights"][0]["series"]["name"]
        it.page.keyboard.press("/")
        it.page.keyboard.type(name.lower())
        want = {one["id"] for one in data["insights"] if name.lower() in json.dumps(one).lower()}
        it.soon(lambda: it.rows() and set(it.rows()) <= want, f"searching {name}")
        agent = data["callers"][data["called_by"][0][1][0]]
        it.page.locator("#search").fill(agent)
        called = {one["id"] for one, by in zip(data["insights"], data["called_by"]) if agent in [data["callers"][at] for at in by[1]]}
        it.soon(lambda: "q=" in it.page.url and it.rows() and called >= set(it.rows()), f"searching the agent {agent}: {it.page.url}")
        it.page.locator("#clear").click()
        it.soon(lambda: it.rows() == all_rows, "clearing the filters does not bring all back")
        severity = data["insights"][0]["severity"]
        it.page.select_option("#f-severity", severity)
        it.soon(lambda: "severity=" in it.page.url and it.rows() and all(by_id[one]["severity"] == severity for one in it.rows()), "the filter of severity")
        narrowed = it.rows()
        it.page.select_option("#f-region", index=1)
        it.soon(lambda: "region=" in it.page.url and set(it.rows()) <= set(narrowed), "a second filter narrows")
        it.page.go_back()
        it.soon(lambda: it.rows() == narrowed, "going back takes one filter away")
        it.page.go_back()
        it.soon(lambda: it.rows() == all_rows, "going back twice takes both away")
        it.page.go_forward()
        it.soon(lambda: it.rows() == narrowed, "going forward filters again")
        # Who has the address sees the same.
        address = it.page.url
    with Opened(browser, "#" + address.split("#")[1]) as it:
        check(it.rows() == narrowed, "the address does not restore the filter")
        check(it.page.locator("#f-severity").input_value() == severity, "the filter does not show what is set")
        it.page.keyboard.press("/")
        it.page.keyboard.type("nothing has this name")
        it.soon(lambda: it.rows() == [] and it.page.locator("#none").is_visible(), "nothing found is not said")


def sorts(browser, data):
    by_id = {one["id"]: one for one in data["insights"]}
    with Opened(browser) as it:
        for column, key, direction in [("rate", "insight_average", -1), ("when", "from", -1), ("what", "name", 1)]:
            it.page.locator(f'#insights th[data-sort="{column}"] button').click()
            values = [by_id[one][key] for one in it.rows()]
            check(values == sorted(values, reverse=direction < 0), f"sorting by {column}")
            it.page.locator(f'#insights th[data-sort="{column}"] button').click()
            values = [by_id[one][key] for one in it.rows()]
            check(values == sorted(values, reverse=direction > 0), f"sorting by {column} the other way")
        state = it.page.locator('#insights th[data-sort="what"]').get_attribute("aria-sort")
        check(state == "descending", f"aria-sort is {state}")


def reads_a_graph(browser, data):
    with Opened(browser) as it:
        it.open_first()
        graph = it.page.locator("#insight .u-over")
        box = graph.bounding_box()
        before = it.shown()
        it.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        read = lambda: it.page.locator("#insight .readout").inner_text()
        pointed = r"\d{4}-\d\d-\d\d \d\d:\d\d UTC: \S+ (in this minute|a minute)"
        it.soon(lambda: re.match(pointed, read()), lambda: f"pointing says {read()!r}")
        # Zoom by dragging over a quarter.
        it.page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 50)
        it.page.mouse.down()
        it.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 50, steps=4)
        it.page.mouse.up()
        after = it.shown()
        length = lambda span: span[1] - span[0]
        check(abs(length(after) - length(before) / 4) < length(before) / 20, f"dragging: {before} to {after}")
        for name, factor in [("Zoom out", 2), ("Zoom in", 0.5)]:
            earlier = it.shown()
            it.page.get_by_role("button", name=name).click()
            check(abs(length(it.shown()) - length(earlier) * factor) <= 2, f"{name}: {earlier} to {it.shown()}")
        earlier = it.shown()
        it.page.get_by_role("button", name="Move earlier").click()
        check(it.shown()[0] < earlier[0] and length(it.shown()) == length(earlier), "moving earlier")
        it.page.keyboard.down("Control")
        it.page.mouse.move(box["x"] + 100, box["y"] + 60)
        it.page.mouse.wheel(0, -100)
        it.page.keyboard.up("Control")
        it.soon(lambda: length(it.shown()) < length(earlier), "the wheel zooms")
        it.page.get_by_role("button", name="Reset zoom").click()
        check(it.shown() == before, f"reset: {it.shown()} is not {before}")
        for name, minutes in [("Show hour", 60), ("Show day", 1440), ("Show week", 10080)]:
            it.page.get_by_role("button", name=name).click()
            check(length(it.shown()) == minutes, f"{name}: {length(it.shown())} minutes")
            # They are drawn as fine as they can be read, with a band of means over about as long.
            step, band = it.page.locator("#insight .graph").get_attribute("data-step"), it.page.locator("#insight .k-band").inner_text()
            check(step == ("1" if minutes == 60 else "10"), f"{name}: steps of {step} minutes")
            check(("of means over 30 min" in band) == (minutes > 60), f"{name}: {band}")
        check("span=week" in it.page.url, f"the address does not say the span: {it.page.url}")
        it.page.get_by_role("button", name="Logarithmic").click()
        check("y=log" in it.page.url and it.page.locator('button[aria-pressed="true"]', has_text="Log").count() == 1, "log scale")
        # A cell is what is drawn from its minute on, whatever part of it is pointed at.
        it.page.get_by_role("button", name="Show hour").click()
        box = graph.bounding_box()
        first, last = it.shown()
        for part in (0.1, 0.9):
            x = box["x"] + box["width"] * (20 + part) / (last - first)
            it.page.mouse.move(x, box["y"] + 60)
            want = f"{datetime.fromtimestamp((first + 20) * 60, UTC):%Y-%m-%d %H:%M} UTC"
            it.soon(lambda: read().startswith(want), lambda: f"pointing at {part} of the minute {want} reads {read()!r}")
        # Without a mouse.
        it.page.get_by_role("button", name="Show hour").click()
        it.page.locator("#insight .graph").focus()
        it.page.keyboard.press("ArrowRight")
        it.soon(lambda: "in this minute" in read(), lambda: f"an arrow reads {read()!r}")
        first = read()
        it.page.keyboard.press("ArrowRight")
        it.soon(lambda: "in this minute" in read() and read() != first, lambda: f"arrows read {first!r}, then {read()!r}")
        it.page.get_by_text("Values as a table").click()
        it.soon(lambda: it.page.locator("#insight .data tbody tr").count() >= 60, "the table has the values")
        it.page.keyboard.press("Escape")


def values_are_those_of_the_report(browser, data, numbers):
    """The minutes of the episode add up to the average that the record has."""
    with Opened(browser) as it:
        it.open_first()
        shown = it.page.locator("#insight").get_attribute("data-shown")
        insight = next(one for one in data["insights"] if one["id"] == shown)
        with it.page.expect_download() as waiting:
            it.page.get_by_role("button", name="Download the values as CSV").click()
        text = pathlib.Path(waiting.value.path()).read_text()
        check(waiting.value.suggested_filename.endswith(".csv"), waiting.value.suggested_filename)
        rows = list(csv.DictReader(io.StringIO(text)))
        within = [row for row in rows if insight["from"] <= row["time"] < (insight["until"] or "9")]
        calls = sum(float(row["calls_a_minute"]) * int(row["minutes"]) for row in within)
        want = insight["insight_average"] * (insight["duration"] or 0)
        if rows[0]["minutes"] == "1" and insight["until"]:
            check(abs(calls - want) <= 0.02 * want + 0.01, f"{calls} calls in the CSV, {want} in the record")
            numbers.append(want)
        check(all(row["account"] == insight["series"]["account"] for row in rows), "CSV: account")
        with it.page.expect_download() as waiting:
            it.page.get_by_role("button", name="Download the graph as PNG").click()
        picture = pathlib.Path(waiting.value.path()).read_bytes()
        check(picture[:8] == b"\x89PNG\r\n\x1a\n" and len(picture) > 3000, f"PNG of {len(picture)} bytes")
        # Below the graph stands what its lines and colours mean.
        drawn = it.page.locator("#insight .graph canvas").evaluate("canvas => canvas.height")
        key = it.page.locator("#insight .key li:visible").count()
        bottom = int.from_bytes(picture[20:24]) - drawn - 56
        blank = it.context.new_page()
        colours = blank.evaluate(COLOURS_AT_THE_BOTTOM, [base64.b64encode(picture).decode(), bottom])
        check(bottom >= 34 and colours >= key, f"PNG: the key has {bottom} lines with {colours} colours, for {key} entries")
        blank.close()


def the_address_says_what_was_zoomed_to(browser, data):
    said = lambda it: re.findall(r"[&#]view=([^&]*)", it.page.url)
    minutes = lambda text: [int(datetime.fromisoformat(f"{one}Z").timestamp()) // 60 for one in unquote(text).split("_")]
    with Opened(browser) as it:
        it.open_first()
        it.page.get_by_role("button", name="Zoom in").click()
        it.page.get_by_role("button", name="Move later").click()
        shown = it.shown()
        it.soon(lambda: said(it) and minutes(said(it)[0]) == shown, lambda: f"the address does not say {shown}: {it.page.url}")
        address = it.page.url
    with Opened(browser, "#" + address.split("#")[1]) as it:
        it.page.wait_for_selector("#insight[data-shown] .uplot canvas")
        check(it.shown() == shown, f"{address} shows {it.shown()}, not {shown}")
        # The wheel over a graph that was clicked: sideways it moves.
        box = it.page.locator("#insight .u-over").bounding_box()
        it.page.locator("#insight .graph").focus()
        it.page.mouse.move(box["x"] + 100, box["y"] + 60)
        it.page.mouse.wheel(150, 0)
        it.soon(lambda: it.shown()[0] > shown[0], "the wheel does not move sideways")
        moved = it.shown()
        check(moved[1] - moved[0] == shown[1] - shown[0], f"the wheel zooms when it moves sideways: {shown} to {moved}")
        it.soon(lambda: said(it) and minutes(said(it)[0]) == moved, lambda: f"the address does not follow the wheel: {it.page.url}")
        it.page.get_by_role("button", name="Reset zoom").click()
        it.soon(lambda: not said(it) and it.shown() != moved, lambda: f"reset shows {it.shown()}: {it.page.url}")
        it.page.evaluate("address => { location.hash = address; }", "#" + address.split("#")[1])
        it.soon(lambda: it.page.locator("#insight .graph").count() == 1 and it.shown() == shown, "an address does not zoom an open page")
        first = it.page.locator("#insight").get_attribute("data-shown")
        it.page.keyboard.press("j")
        it.soon(lambda: it.page.locator("#insight").get_attribute("data-shown") != first and not said(it), "another insight has the zoom of the first")
        check(all("view=" not in link for link in it.page.locator("#insight a").evaluate_all("all => all.map((one) => one.getAttribute('href'))")), "a link to another insight has the zoom of this one")


def an_incident_is_shown_in_the_list(browser, data):
    incident = next(one for one in data["incidents"] if len(one["insights"]) > 1)
    with Opened(browser) as it:
        it.page.locator(f'ol.incidents a[data-insight="{data["insights"][incident["leading"]]["id"]}"]').click()
        it.page.get_by_text("Show all in the list").click()
        top = lambda: it.page.locator("#list-title").bounding_box()["y"]
        it.soon(lambda: set(it.rows()) == {data["insights"][at]["id"] for at in incident["insights"]}, lambda: f"the list has {it.rows()}")
        it.soon(lambda: 0 <= top() < 450, lambda: f"the list is {top()} px down")
        row = it.page.locator("#rows tr.at").bounding_box()
        check(row["y"] + row["height"] <= WIDE["height"], f"the marked row is {row['y']} px down")


def lines_are_where_they_were_crossed(browser, data):
    """Minute by minute: the threshold is there, exactly, in the minute in which it was reached; a rise of one minute reaches it."""
    seen = 0
    for at, insight in enumerate(data["insights"]):
        why = details_of(data, at)["why"]
        if insight["graph"] is None or not why or insight["direction"] == "down":
            continue
        with Opened(browser, f"#show=all&span=hour&i={insight['id']}") as it:
            it.page.wait_for_selector("#insight[data-shown] .uplot canvas")
            with it.page.expect_download() as waiting:
                it.page.get_by_role("button", name="Download the values as CSV").click()
            rows = list(csv.DictReader(io.StringIO(pathlib.Path(waiting.value.path()).read_text())))
            noticed = f"{datetime.fromisoformat(insight['detected_at']) - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
            row = next((row for row in rows if row["time"] == noticed), None)
            if row is None:
                continue
            seen += 1
            want = why["bound"] / why["window_minutes"]
            check(row["threshold"] == f"{want:.6g}", f"{insight['name']}: the threshold at {noticed} is {row['threshold']}, not {want}")
            check(row["usual_to"] != "", f"{insight['name']}: no band at {noticed}")
            if why["window_minutes"] == 1:
                check(float(row["calls_a_minute"]) >= want, f"{insight['name']}: {row['calls_a_minute']} calls did not reach {want}")
            # The edges of the band are known to within two parts in a hundred, and told so.
            check(all(len(row[name].replace(".", "").strip("0")) <= 2 for name in ("expected", "usual_from", "usual_to")), f"too many digits: {row}")
    check(seen > 0, "no line was looked at")


def tells_everything(browser, data):
    with Opened(browser) as it:
        it.open_first()
        shown = it.page.locator("#insight").get_attribute("data-shown")
        at = next(at for at, one in enumerate(data["insights"]) if one["id"] == shown)
        details = details_of(data, at)
        text = it.page.locator("#insight").inner_text()
        for want in ["Insight average", "Baseline average", "Rate change", "Duration", "Why it was flagged", "Identities", "User agents"]:
            check(want in text, f"an insight does not tell: {want}")
        # Copying, where the page may not: from disk.
        it.page.get_by_text(f"{details['records'][0]['state']} record", exact=True).click()
        pre = it.page.locator("#insight details pre").first
        check(json.loads(pre.inner_text()) == json.loads(details["records"][0]["json"]), "the record is not that of the report")
        it.page.get_by_role("button", name=re.compile("^Copy: AWS record")).first.click()
        it.page.locator("#toast:not(:empty)").wait_for()
        check("Athena" in text and details["queries"]["athena"].split("\n")[0] in text, "the query is missing")


def keys(browser, data):
    with Opened(browser) as it:
        rows = it.rows()
        it.page.keyboard.press("j")
        it.page.keyboard.press("j")
        marked = it.page.locator("#rows tr.at")
        check(marked.get_attribute("data-id") == rows[min(1, len(rows) - 1)], "j marks the next")
        it.page.keyboard.press("k")
        it.page.keyboard.press("Enter")
        it.page.wait_for_selector("#insight[data-shown]")
        check(f"i={rows[0]}" in it.page.url, f"Enter opens the marked: {it.page.url}")
        check(it.page.evaluate("document.activeElement.tagName") == "H1", "the focus is not on the insight")
        if len(rows) > 1:
            it.page.keyboard.press("j")
            it.page.wait_for_selector(f'#insight[data-shown="{rows[1]}"]')
        it.page.keyboard.press("Escape")
        check(it.page.locator("#overview").is_visible() and not it.page.locator("#insight").is_visible(), "Escape goes back")
        check(it.page.evaluate("document.activeElement.closest('#rows') != null"), "the focus is not where it was")
        it.page.go_back()
        it.soon(it.page.locator("#insight").is_visible, "back opens the insight again")
        it.page.keyboard.press("Escape")
        it.page.keyboard.press("/")
        check(it.page.evaluate("document.activeElement.id") == "search", "/ does not search")
        it.page.keyboard.press("Escape")
        it.page.keyboard.press("?")
        check(it.page.locator("#help").is_visible(), "? does not help")
        it.page.keyboard.press("Escape")
        check(not it.page.locator("#help").is_visible(), "Escape does not close the help")


def accessible(browser, fragments):
    for scheme in ["light", "dark"]:
        for fragment in fragments:
            with Opened(browser, fragment, scheme=scheme) as it:
                it.settle()
                theme = it.page.locator("html").get_attribute("data-theme")
                check(theme == scheme, f"the theme is {theme}")
                for found in Axe().run(it.page).response["violations"]:
                    if found["impact"] in ("serious", "critical"):
                        where = [node["target"] for node in found["nodes"]][:3]
                        check(False, f"axe, {scheme}, {fragment or 'overview'}: {found['id']}: {found['help']} {where}")
                if not fragment:
                    it.page.locator("#theme").click()
                    check(it.page.locator("html").get_attribute("data-theme") != scheme, "the theme cannot be changed")


def narrow(browser, fragments):
    for width in [320, 360, 390]:
        for fragment in fragments:
            with Opened(browser, fragment, viewport={"width": width, "height": 844}, touch=True) as it:
                it.settle()
                it.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
                it.settle()
                wide = it.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
                check(wide[0] <= width and wide[1] <= width, f"{width} px, {fragment or 'overview'}: {wide}")


def prints(browser, data):
    with Opened(browser, scheme="dark") as it:
        it.page.wait_for_selector("html[data-paper]", state="attached")
        it.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        known = min(24, sum(one["graph"] is not None for one in data["insights"]))
        graphs = it.page.locator("#paper canvas").count
        it.soon(lambda: min(known, 5) <= graphs() <= known, lambda: f"{graphs()} graphs on paper, of {known}")
        it.page.emulate_media(media="print")
        check(not it.page.locator("#filters").is_visible() and it.page.locator("#paper figure").first.is_visible(), "controls on paper")
        it.page.emulate_media(media=None)
        it.page.evaluate("dispatchEvent(new Event('afterprint'))")
        check(it.page.locator("html").get_attribute("data-theme") == "dark", "after printing it is light")
        pdf = it.page.pdf()
        check(pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") >= 1 and len(pdf) > 20_000, f"a PDF of {len(pdf)} bytes")


def prints_what_is_shown(browser, data):
    """All rows, opened folds, and the graphs of what the list has been narrowed to."""
    name = data["insights"][-1]["series"]["name"]
    with Opened(browser) as it:
        it.page.wait_for_selector("html[data-paper]", state="attached")
        folds = it.page.locator("#overview details:not([open])").count()
        it.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        check(it.page.locator("#overview details:not([open])").count() == 0, "what is folded stays so on paper")
        check(not it.page.locator("#more").is_visible(), "rows are missing on paper")
        it.page.evaluate("dispatchEvent(new Event('afterprint'))")
        check(it.page.locator("#overview details:not([open])").count() == folds, "what was folded is not so after printing")
        it.page.evaluate("name => { location.hash = `#show=all&sort=-importance&q=${name}`; }", name)
        it.soon(lambda: it.page.locator("#search").input_value() == name, "the address does not search")
        it.page.wait_for_selector("html[data-paper]", state="attached")
        shown = it.rows()
        it.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        check(it.page.locator("#paper figure").count() == min(24, len(shown)), "paper has not what is shown")
        if len(shown) > 24:
            check("The first 24 of" in it.page.locator("#paper h2").inner_text(), "paper does not say that it is a part")


def prints_an_insight_whole(browser, data):
    with Opened(browser) as it:
        it.open_first()
        closed = lambda: it.page.locator("#insight details:not([open]):not(.screen)").count()
        before = closed()
        it.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        it.page.emulate_media(media="print")
        check(before >= 2 and closed() == 0, f"{closed()} of {before} folds of an insight stay so on paper")
        check(it.page.locator("#insight details pre").first.is_visible(), "the AWS record is not on paper")
        it.page.emulate_media(media=None)
        it.page.evaluate("dispatchEvent(new Event('afterprint'))")
        check(closed() == before, "what was folded is not so after printing")


def addresses_are_those_of_now(browser, data):
    with Opened(browser) as it:
        links = lambda: it.page.locator("#rows a").evaluate_all("links => links.map((link) => link.getAttribute('href'))")
        it.page.evaluate("severity => { location.hash = `#severity=${severity}`; }", data["insights"][0]["severity"])
        it.soon(lambda: links() and all("severity" in link for link in links()), lambda: f"a row has not the address of the filter: {links()[:3]}")
        it.page.evaluate("location.hash = '#'")
        it.soon(lambda: links() and all("severity" not in link for link in links()), lambda: f"a row has the address of an earlier filter: {links()[:3]}")
        it.page.evaluate("location.hash = '#i=not-in-it'")
        it.soon(lambda: "not in the report" in it.page.locator("#toast").inner_text(), "an insight that is not there is not told")


def without_script(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(URL)
    text = page.locator("body").inner_text()
    check("What matters first" in text and "script" in text, "without its script the page says nothing")
    context.close()


def changed_data_show_nothing_else(browser):
    """The policy is real: a script that is not ours does not run."""
    text = PAGE.read_text().replace("</body>", "<script>document.documentElement.dataset.foreign = 1</script></body>")
    changed = PAGE.with_name("changed.html")
    changed.write_text(text)
    context = browser.new_context()
    page = context.new_page()
    page.goto(changed.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")
    check(page.locator("html").get_attribute("data-foreign") is None, "the policy lets foreign scripts run")
    context.close()
    changed.unlink()


def nothing_executes(browser, data):
    known = {"html", "head", "meta", "title", "style", "body", "a", "header", "div", "span", "button", "main", "noscript", "section", "p",
             "strong", "details", "summary", "table", "thead", "tbody", "tr", "th", "td", "h1", "h2", "h3", "dl", "dt", "dd", "ol", "ul", "li",
             "caption", "form", "label", "input", "select", "option", "kbd", "footer", "dialog", "script", "bdi", "b", "i", "canvas", "small",
             "pre", "br", "figure", "figcaption"}
    with Opened(browser) as it:
        def look(where):
            names = set(it.page.evaluate("[...document.querySelectorAll('*')].map((one) => one.localName)"))
            check(names <= known, f"{where}: elements that data made: {names - known}")
            handlers = it.page.evaluate("[...document.querySelectorAll('*')].flatMap((one) => one.getAttributeNames()).filter((name) => name.startsWith('on'))")
            check(not handlers, f"{where}: handlers that data made: {handlers}")
            links = it.page.evaluate("[...document.querySelectorAll('[href], [src], [action]')].map((one) => one.getAttribute('href') ?? one.outerHTML).filter((to) => !to.startsWith('#'))")
            check(not links, f"{where}: links that data made: {links}")
            check(it.page.evaluate("[...document.querySelectorAll('script')].length") == 2, f"{where}: scripts")
            shown = it.page.locator("body").inner_text()
            for char in "\u202e\u2066\u200b\u001b\u0007":
                check(char not in shown, f"{where}: {char!r} is shown")
        look("overview")
        for insight in data["insights"][:60]:
            it.page.evaluate("id => { location.hash = `#show=all&i=${id}`; }", insight["id"])
            it.until("id => document.getElementById('insight').dataset.shown === id", insight["id"])
            for fold in it.page.locator("#insight details > summary").all():
                fold.click()
            look(insight["name"][:60])
            button = it.page.get_by_role("button", name="Download the values as CSV")
            if button.count():
                with it.page.expect_download() as waiting:
                    button.click()
                text = pathlib.Path(waiting.value.path()).read_text()
                for row in csv.reader(io.StringIO(text)):
                    check(all(not re.search(r"(^|[;\t])\s*[=+\-@|%＝＋－＠−\t\r]", cell) for cell in row), f"a cell starts a formula: {row[-4:]}")
                check(re.fullmatch(r"[A-Za-z0-9.-]+", waiting.value.suggested_filename), waiting.value.suggested_filename)
        it.page.evaluate("location.hash = '#q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&sort=__proto__&i=%3Cscript%3E&from=x&span=constructor&show=%3Cb%3E'")
        it.settle()
        look("a hostile address")
        it.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        look("paper")


def rounds_as_rust_does(browser):
    """The page's words are made twice: here are ties, and numbers that only look like them."""
    words = pathlib.Path(__file__).parent.parent / "src/report/page/script/words.js"
    page = browser.new_page()
    want = {"5.25": "5.2", "5.75": "5.8", "5.35": "5.3", "0.125": "0.12", "0.375": "0.38", "100.5": "100", "101.5": "102", "0.15": "0.15"}
    for number, text in want.items():
        got = page.evaluate(f"(() => {{ {words.read_text()}\nreturn figure({number}); }})()")
        check(got == text, f"{number} is {got}, not {text}")
    page.close()


def says_nothing_was_found(browser):
    with Opened(browser) as it:
        text = it.page.locator("h1").inner_text()
        check(text.startswith(("Nothing ", "No insights")), f"an empty report says {text!r}")
        check(it.page.locator(".facts dt").count() >= 5, "what was covered is not told")
    accessible(browser, [""])
    narrow(browser, [""])


def says_what_was_skipped(browser):
    with Opened(browser) as it:
        check(it.page.locator("#skipped").is_visible(), "what was skipped is not told")
        it.page.locator("#skipped summary").click()
        check(it.page.locator("#skipped tbody tr").count() > 0, "what was skipped is not listed")
        top = it.page.locator("#skipped").bounding_box()["y"]
        check(top < 300, f"what was skipped is told {top} px down")


def tells_of_the_period_before(browser, data):
    """Where this period has none, those of the one before can be read, opened and listed."""
    earlier = [one for one in data["insights"] if one["earlier"]]
    check(earlier and len(earlier) == len(data["insights"]), "what is looked at?")
    one, (first, last) = earlier[-1], [datetime.fromisoformat(data["timeline"][end]).timestamp() / 60 for end in ("from", "to")]
    with Opened(browser) as it:
        none = it.page.locator("#none").inner_text()
        check(none == f"None in this period, {len(earlier)} in the one before.", f"an empty list says {none!r}")
        timeline = it.page.locator("#timeline .u-over")
        timeline.scroll_into_view_if_needed()
        box = timeline.bounding_box()
        margin = max((last - first) * 0.01, 5)
        x = (datetime.fromisoformat(one["from"]).timestamp() / 60 - first + margin) / (last - first + 2 * margin)
        y = (0.55 + ["critical", "high", "medium", "low"].index(one["severity"])) / 4.1
        it.page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        read = it.page.locator("#timeline-readout").inner_text
        it.soon(lambda: one["name"] in read() and "period before" in read(), lambda: f"the timeline reads {read()!r}")
        it.page.mouse.click(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        it.page.wait_for_selector(f'#insight[data-shown="{one["id"]}"]')
        it.page.keyboard.press("Escape")
        it.page.get_by_text("in the one before").click()
        it.soon(lambda: set(it.rows()) == {one["id"] for one in earlier}, "the link does not list them")
        it.page.keyboard.press("/")
        it.page.keyboard.type("nothing has this name")
        it.soon(lambda: it.page.locator("#none").inner_text() == "No insight matches these filters.", "filters that find nothing are not blamed")


def tells_identities_apart(browser, data):
    """A role of the same name in several accounts: each is told with its account, and found by it."""
    accounts = {one["series"]["account"]: one["id"] for one in data["insights"]}
    check(len(accounts) > 2, "what is looked at?")
    with Opened(browser) as it:
        options = it.texts("#f-identity option")[1:]
        for account, insight in accounts.items():
            mine = [one for one in options if account in one]
            check(mine == [f"role/OrganizationAccountAccessRole in {account} (1)"], f"of {account}: {options}")
            it.page.select_option("#f-identity", label=mine[0])
            it.soon(lambda: it.rows() == [insight], f"the identity of {account}")
            it.page.locator("#clear").click()


def screenshots(browser, fragment):
    for name, viewport, scheme, at in [("desktop-light", WIDE, "light", ""), ("phone-dark", PHONE, "dark", fragment)]:
        with Opened(browser, at, viewport=viewport, scheme=scheme) as it:
            it.settle()
            if at:
                it.page.locator("#insight .tiles").evaluate("tiles => scrollTo(0, tiles.getBoundingClientRect().top + scrollY - 70)")
            it.page.screenshot(path=SCREENSHOTS / f"{name}.png")


def run(browser, text):
    data = data_of(text)
    insights = data["insights"]
    with_graph = next((one for one in insights if one["graph"] is not None), None)
    fragments = ["", f"#i={with_graph['id']}"] if with_graph else [""]
    related = next((one for one in data["incidents"] if len(one["insights"]) > 1), None)
    narrowed = fragments + ([f"#show=all&i={insights[related['leading']]['id']}"] if related else [])
    if KIND == "report":
        numbers = []
        steps = [(opens, data), (filters, data), (sorts, data), (reads_a_graph, data), (values_are_those_of_the_report, data, numbers), (the_address_says_what_was_zoomed_to, data),
                 (an_incident_is_shown_in_the_list, data), (prints_an_insight_whole, data), (lines_are_where_they_were_crossed, data),
                 (tells_everything, data), (keys, data), (accessible, fragments), (narrow, narrowed), (prints, data),
                 (prints_what_is_shown, data), (addresses_are_those_of_now, data), (rounds_as_rust_does,), (without_script,), (changed_data_show_nothing_else,)]
    elif KIND == "hostile":
        steps = [(nothing_executes, data), (narrow, narrowed), (accessible, fragments), (prints, data)]
    elif KIND == "large":
        steps = [(opens, data), (filters, data), (keys, data), (prints_what_is_shown, data)]
    elif KIND == "earlier":
        steps = [(tells_of_the_period_before, data), (narrow, [""]), (accessible, [""])]
    elif KIND == "organization":
        steps = [(tells_identities_apart, data), (narrow, [""])]
    else:
        steps = [({"empty": says_nothing_was_found, "skipped": says_what_was_skipped}[KIND],)]
    for step, *arguments in steps:
        before = len(problems)
        try:
            step(browser, *arguments)
        except Exception:
            problems.append(traceback.format_exc(limit=3))
        for at in range(before, len(problems)):
            problems[at] = f"{step.__name__}: {problems[at]}"
    if SCREENSHOTS:
        screenshots(browser, fragments[-1])


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    content = PAGE.read_text()
    measured["bytes"] = len(content.encode())
    run(browser, content)
    browser.close()

print(json.dumps(measured))
print("\n".join(problems), file=sys.stderr)
sys.exit(bool(problems))
