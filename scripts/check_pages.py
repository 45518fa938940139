"""Open every page of the built book in headless Chromium: narrow and wide, light and dark, with the network cut off.

    python scripts/check_pages.py                                  every page of _build/html
    python scripts/check_pages.py notebooks/01_few_labels.html --screenshots _build/screenshots

Reports a page that scrolls sideways, logs an error, asks for anything beyond its own files, or shows a formula that
was not set; with --axe FILE (axe-core's axe.min.js) also serious accessibility violations. Exits 1 if there is any.
"""

import argparse
import base64
import functools
import http.server
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from websocket import WebSocket, create_connection

ROOT = Path(__file__).resolve().parent.parent
WIDTHS = {"wide": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
# A redirection, and generated listings.
SKIPPED = ("index.html", "genindex.html", "search.html", "py-modindex.html", "_modules/index.html")

PROBE = """
(async () => {
  if (window.MathJax && MathJax.startup && MathJax.startup.promise) await MathJax.startup.promise;
  await document.fonts.ready;
  await Promise.allSettled(document.getAnimations().map(animation => animation.finished));
  const root = document.documentElement, problems = [];
  const all = selector => [...document.querySelectorAll(selector)];
  const excess = root.scrollWidth - root.clientWidth;
  if (excess > 0) {
    const scrolls = e => e && (getComputedStyle(e).overflowX === "auto" || scrolls(e.parentElement));
    const wide = all("main *").filter(e => e.getBoundingClientRect().right > root.clientWidth + 1 && !scrolls(e));
    const where = wide.length ? `, e.g. ${wide[0].outerHTML.slice(0, 100)}` : "";
    problems.push(`scrolls ${excess} px sideways${where}`);
  }
  const unset = all(".math").filter(e => !e.querySelector("mjx-container"));
  if (unset.length) problems.push(`${unset.length} formulas were not set`);
  const wrong = all("mjx-merror, [data-mjx-error]");
  if (wrong.length) problems.push(`${wrong.length} formulas have errors`);
  const broken = [...document.images].filter(i => i.complete && !i.naturalWidth);
  if (broken.length) problems.push(`broken image ${broken[0].src}`);
  const silent = all("main img").filter(i => !i.hasAttribute("alt"));
  if (silent.length) problems.push(`image without alternative text ${silent[0].src}`);
  if (window.axe) {
    const report = await axe.run(document, {resultTypes: ["violations"]});
    const serious = report.violations.filter(v => ["serious", "critical"].includes(v.impact));
    for (const v of serious) for (const node of v.nodes)
      problems.push(`${v.impact} accessibility violation ${v.id}: ${node.html.slice(0, 160)}`);
  }
  return problems;
})()
"""


class Browser:
    """Headless Chromium, driven through its debugging protocol."""

    def __init__(self, program: str) -> None:
        self.profile = tempfile.TemporaryDirectory(prefix="pages-", ignore_cleanup_errors=True)
        flags = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
        ]
        flags += ["--hide-scrollbars", "--remote-debugging-port=0", f"--user-data-dir={self.profile.name}"]
        self.process = subprocess.Popen([program, *flags], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.socket = self._connect()
        self.numbers, self.events = itertools.count(1), []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.open("about:blank")

    def _connect(self) -> WebSocket:
        port_file = Path(self.profile.name) / "DevToolsActivePort"
        for _ in range(200):
            if port_file.exists() and port_file.read_text().strip():
                break
            time.sleep(0.1)
        port = port_file.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            target = next(page for page in json.load(answer) if page["type"] == "page")
        return create_connection(target["webSocketDebuggerUrl"], timeout=60, suppress_origin=True)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command; events that arrive meanwhile are kept."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("id") == number:
                return message.get("result", {"error": message.get("error")})
            self.events.append(message)

    def open(self, url: str) -> None:
        """Go to a page and wait until it has loaded."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(json.loads(self.socket.recv()))

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression, promises awaited."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            return [f"script failed: {answer['exceptionDetails'].get('exception', {}).get('description', answer)}"]
        return answer["result"].get("value")

    def close(self) -> None:
        """End the browser."""
        self.socket.close()
        self.process.terminate()
        self.process.wait(timeout=20)
        self.profile.cleanup()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not write a line for each request."""

    def log_message(self, *arguments: Any) -> None: ...


def serve(folder: Path) -> str:
    """Serve a folder on this machine's loopback address while the program runs; returns the address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def complaints(events: list[dict[str, Any]], address: str) -> list[str]:
    """Errors in the console, and requests for anything but the book's own files."""
    found = []
    for event in events:
        parameters = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            found.append("script error: " + details.get("exception", {}).get("description", details["text"]))
        if event.get("method") == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            found.append("console: " + parameters["entry"]["text"])
        if event.get("method") == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if not url.startswith((address, "data:", "blob:")):
                found.append(f"asks for {url}")
    return found


def check(browser: Browser, address: str, page: str, width: str, theme: str, axe: str | None) -> list[str]:
    """Everything that is wrong with one page at one width in one theme."""
    columns, rows = WIDTHS[width]
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=columns,
        height=rows,
        deviceScaleFactor=1,
        mobile=width == "phone",
    )
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    browser.open(address + page)
    if axe:
        browser.call("Runtime.evaluate", expression=axe)
    return (browser.evaluate(PROBE) or []) + complaints(browser.events, address)


def photograph(browser: Browser, picture: Path) -> None:
    """Save the open page as a picture, at most 12,000 pixels high."""
    size = browser.call("Page.getLayoutMetrics")["cssContentSize"]
    clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12_000), "scale": 1}
    shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True, format="png", clip=clip)
    picture.parent.mkdir(parents=True, exist_ok=True)
    picture.write_bytes(base64.b64decode(shot["data"]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help="pages below the book (default: all)")
    parser.add_argument("--html", type=Path, default=ROOT / "_build" / "html", help="the built book")
    parser.add_argument("--screenshots", type=Path, help="folder for a picture of each page")
    parser.add_argument("--axe", type=Path, help="axe-core's axe.min.js")
    options = parser.parse_args()

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        print("check_pages: Chromium is not installed", file=sys.stderr)
        return 2
    html = options.html.resolve()
    found = (str(page.relative_to(html)) for page in sorted(html.rglob("*.html")) if "_static" not in page.parts)
    pages = options.pages or [page for page in found if page not in SKIPPED]
    axe = options.axe.read_text(encoding="utf-8") if options.axe else None
    address, browser, seen = serve(html), Browser(program), Counter()
    try:
        for page, width, theme in itertools.product(pages, WIDTHS, THEMES):
            for problem in check(browser, address, page, width, theme, axe):
                seen[problem] += 1
                if seen[problem] == 1:
                    print(f"{page} ({width}, {theme}): {problem}", flush=True)
            if options.screenshots:
                name = page.removesuffix(".html").replace("/", "-")
                photograph(browser, options.screenshots / f"{name}-{width}-{theme}.png")
    finally:
        browser.close()
    print(f"{len(pages)} pages, {len(WIDTHS) * len(THEMES)} views each: {seen.total()} problems, {len(seen)} different")
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
