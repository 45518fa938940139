"""Open every page of the built book in headless Chromium: narrow and wide, light and dark, with the network cut off.

    python scripts/check_pages.py                                  every page of _build/html
    python scripts/check_pages.py notebooks/01_few_labels.html --screenshots _build/screenshots

Reports a page that scrolls sideways, logs an error, asks for anything beyond its own files, or shows a formula that
was not set; with --axe FILE (axe-core's axe.min.js) also serious accessibility violations. Exits 1 if there is any.
"""

import argparse
import functools
import http.server
import itertools
import shutil
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Page, Route, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
WIDTHS = {"wide": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
# A redirection, and generated listings.
SKIPPED = ("index.html", "genindex.html", "search.html", "py-modindex.html", "_modules/index.html")
FLAGS = ("gpu", "quic", "background-networking", "component-update", "sync")
MOST_PIXELS = 12_000
"""Height of a picture."""

PROBE = """
async () => {
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
}
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that does not write a line for each request."""

    def log_message(self, *arguments: Any) -> None: ...


def serve(folder: Path) -> str:
    """Serve a folder on this machine's loopback address while the program runs; returns the address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    server.handle_error = lambda *arguments: None  # the browser went on before it had all of a file
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def watch(page: Page, address: str, found: list[str]) -> None:
    """Put down errors of scripts and of the console, and stop requests for anything but the book's own files."""

    def own_files_alone(route: Route) -> None:
        if route.request.url.startswith((address, "data:", "blob:")):
            route.continue_()
        else:
            found.append(f"asks for {route.request.url}")
            route.abort()

    page.route("**/*", own_files_alone)
    page.on("pageerror", lambda error: found.append(f"script error: {error.stack or error}"))
    page.on("websocket", lambda socket: found.append(f"asks for {socket.url}"))
    page.on("console", lambda message: found.append(f"console: {message.text}") if is_error(message) else None)


def is_error(message: ConsoleMessage) -> bool:
    """Whether a line of the console reports an error; that no theme was chosen before the first visit is none."""
    return message.type == "error" and "Got invalid theme mode: ." not in message.text


def check(page: Page, url: str, found: list[str], axe: Path | None) -> list[str]:
    """Everything that is wrong with one page as it is shown now."""
    found.clear()
    try:
        page.goto(url)
        if axe:
            page.add_script_tag(path=axe)
        return page.evaluate(PROBE) + found
    except Error as error:
        return [f"cannot be probed: {error.message.splitlines()[0]}", *found]


def photograph(page: Page, picture: Path) -> None:
    """Save the open page as a picture, at most `MOST_PIXELS` high."""
    width, height = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, MOST_PIXELS)}
    page.screenshot(path=picture, full_page=True, clip=clip)


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
    every = (str(page.relative_to(html)) for page in sorted(html.rglob("*.html")) if "_static" not in page.parts)
    pages = options.pages or [page for page in every if page not in SKIPPED]
    address, seen, found = serve(html), Counter(), []
    flags = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in FLAGS)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        for (width, (columns, rows)), theme in itertools.product(WIDTHS.items(), THEMES):
            view = {"viewport": {"width": columns, "height": rows}, "is_mobile": width == "phone"}
            page = browser.new_page(**view, color_scheme=theme)
            page.set_default_timeout(60_000)
            watch(page, address, found)
            for name in pages:
                for problem in check(page, address + name, found, options.axe):
                    seen[problem] += 1
                    if seen[problem] == 1:
                        print(f"{name} ({width}, {theme}): {problem}", flush=True)
                if options.screenshots:
                    picture = f"{name.removesuffix('.html').replace('/', '-')}-{width}-{theme}.png"
                    photograph(page, options.screenshots / picture)
            page.close()
        browser.close()
    print(f"{len(pages)} pages, {len(WIDTHS) * len(THEMES)} views each: {seen.total()} problems, {len(seen)} different")
    return 1 if seen else 0


if __name__ == "__main__":
    sys.exit(main())
