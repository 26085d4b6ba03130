"""The shells and static files of the web UI: nothing inline, nothing from elsewhere, nothing outside the folder."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from dashboards.web.site import PAGES, POLICY, routes

STATIC = Path(str(files("dashboards.web") / "static"))
SCRIPTS = sorted(STATIC.rglob("*.js"))
STATIC_BYTES_MAX = 300_000
"""All of them together: a page loads a part, and its data must fit beside it under a megabyte."""
PATHS = ["/", "/models/income", "/models/income/rows", "/alerts", "/alerts/f1", "/capture", "/system"]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Any]]:
    with TestClient(Litestar(route_handlers=list(routes()))) as opened:
        yield opened


@pytest.mark.parametrize("path", PATHS)
def test_a_page_loads_only_what_this_server_has(client: TestClient[Any], path: str) -> None:
    """Its policy allows no inline script or style and no other host, and it needs none."""
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == POLICY and "unsafe" not in POLICY
    linked = re.findall(r'(?:src|href)="(/static/[^"]+)"', answer.text)
    assert all(client.get(link).status_code == 200 for link in linked) and len(linked) == 4
    assert not re.search(r"<script(?![^>]* src=)|<style| style=| on\w+=", answer.text)


def test_every_page_has_a_path_that_is_tried_here() -> None:
    """A new page is not forgotten above."""
    assert len(PAGES) == len(PATHS)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_imports_what_is_there(script: Path) -> None:
    """Every imported file exists and exports every imported name."""
    for names, source in re.findall(r'import (?:\{([^}]*)\} from )?"([^"]+)"', script.read_text("utf-8")):
        target = STATIC / posixpath.normpath(posixpath.join(script.parent.relative_to(STATIC).as_posix(), source))
        assert target.is_file(), source
        for name in filter(None, (n.strip() for n in names.split(","))):
            assert re.search(rf"export (?:async )?(?:function|const) {name}\b", target.read_text("utf-8")), name


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_uses_every_name_it_imports(script: Path) -> None:
    """What is not used is not imported."""
    text = script.read_text("utf-8")
    body = re.sub(r"import [^;]*;", "", text)
    for names in re.findall(r"import \{([^}]*)\}", text):
        for name in filter(None, (n.strip() for n in names.split(","))):
            assert re.search(rf"\b{name}\b", body), name


@pytest.mark.parametrize("path", sorted(p for p in STATIC.rglob("*") if p.is_file()), ids=lambda path: path.name)
def test_a_file_names_no_other_host_and_parses_no_html(path: Path) -> None:
    """No address beside the SVG namespace; nothing that would turn a foreign name into markup or code."""
    text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(
        r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
    )


def test_the_static_files_are_small(client: TestClient[Any]) -> None:
    """All together stay within their budget."""
    assert sum(p.stat().st_size for p in STATIC.rglob("*") if p.is_file()) < STATIC_BYTES_MAX


def test_a_known_file_is_not_sent_again(client: TestClient[Any]) -> None:
    """A browser that has it gets 304."""
    first = client.get("/static/style.css")
    again = client.get("/static/style.css", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["nothing.js", "../site.py", "..%2fsite.py", "%2e%2e/site.py", "", "charts"])
def test_nothing_outside_the_folder_is_answered(client: TestClient[Any], path: str) -> None:
    """Only names that were listed."""
    assert client.get(f"/static/{path}").status_code == 404
