"""What every test may ask for: the shared data sets, and the switch for tests that start real servers."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("OUTRIDER_SHARED", ROOT.parent / "shared"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--system", action="store_true", help="run the tests that start real servers and a browser")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that start servers run only with --system; those that read the shared data skip where it is absent."""
    absent = pytest.mark.skip(reason=f"no data sets at {SHARED} (OUTRIDER_SHARED says where they are)")
    servers = pytest.mark.skip(reason="starts real servers: run with --system")
    for item in items:
        if not config.getoption("--system") and any(item.get_closest_marker(m) for m in ("system", "browser")):
            item.add_marker(servers)
        if item.get_closest_marker("data") and not SHARED.is_dir() and os.environ.get("CI") != "true":
            item.add_marker(absent)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failure, unless what it lacks is a GPU."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") != "true" or reporter is None:
        return
    skipped = [report for report in reporter.stats.get("skipped", []) if "GPU" not in str(report.longrepr)]
    if skipped:
        reporter.write_line(f"{len(skipped)} skipped, which in CI is a failure, such as {skipped[0].nodeid}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of the shared data sets; in CI its absence is a failure."""
    folder = SHARED / "data"
    assert folder.is_dir(), f"no data sets at {folder} (OUTRIDER_SHARED says where they are)"
    return folder
