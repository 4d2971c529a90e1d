"""Open pages in headless Chromium, without a network, and ask them questions."""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Nothing that Chromium does by itself may reach for a network, and no name resolves.
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND"),
)


def ask(page: Path, question: str, scratch: Path, width: int = 1280, height: int = 900) -> Any:
    """Open a copy of a page beside it, and return what JavaScript says of it.

    Parameters
    ----------
    page : Path
        An HTML file.
    question : str
        Body of an asynchronous function that runs when the page has loaded; what it returns goes through JSON.
    scratch : Path
        Empty folder for Chromium's profile.
    width, height : int
        Size of the window, in pixels.
    """
    copy = page.with_name(f"asked-{page.name}")
    script = f"""<script>
const faults = []; addEventListener("error", event => faults.push(event.message || event.target.src), true);
addEventListener("load", async () => {{
  const answer = await (async () => {{ {question} }})().catch(fault => void faults.push(String(fault)));
  const element = document.createElement("pre"); element.id = "answer";
  element.textContent = JSON.stringify({{answer, faults}}); document.body.append(element);
}});
</script>"""
    try:
        copy.write_text(page.read_text(encoding="utf-8").replace("<head>", f"<head>{script}", 1), encoding="utf-8")
        dumped = _run(copy, scratch, width, height, "--virtual-time-budget=20000", "--dump-dom")
    finally:
        copy.unlink(missing_ok=True)
    found = re.search(r'<pre id="answer">(.*?)</pre>', dumped, flags=re.DOTALL)
    assert found, f"{page}: no answer"
    said = json.loads(unescape(found[1]))
    assert said["faults"] == []
    return said["answer"]


def screenshot(page: Path, picture: Path, scratch: Path, width: int = 1280, height: int = 900) -> None:
    """Take a picture of the top of a page."""
    _run(page, scratch, width, height, "--virtual-time-budget=20000", f"--screenshot={picture}")


def _run(page: Path, scratch: Path, width: int, height: int, *options: str) -> str:
    size = f"--window-size={width},{height}"
    command = [CHROMIUM, *_FLAGS, f"--user-data-dir={scratch}", size, *options, page.resolve().as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
