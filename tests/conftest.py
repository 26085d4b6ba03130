"""What every test may ask for: the shared data sets, and the switch for tests that start real servers."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("OUTRIDER_SHARED", ROOT.parent / "shared"))

settings.register_profile("any machine", deadline=None)
"""No example fails for having taken long: a machine may be slow, or busy with something else."""
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--system", action="store_true", help="run the tests that start real servers and a browser")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that start servers run only with --system; those that read the shared data are left out where it is not."""
    servers = pytest.mark.skip(reason="starts real servers: run with --system")
    for item in items:
        if not config.getoption("--system") and any(item.get_closest_marker(m) for m in ("system", "browser")):
            item.add_marker(servers)
    if not (SHARED / "data").is_dir():
        readers = [item for item in items if reads_shared_data(item)]
        items[:] = [item for item in items if not reads_shared_data(item)]
        config.hook.pytest_deselected(items=readers)


def reads_shared_data(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("data")) or "shared_data" in getattr(item, "fixturenames", ())


def pytest_report_header() -> str:
    found = "read from" if (SHARED / "data").is_dir() else "tests that read them are left out: none at"
    return f"data sets: {found} {SHARED / 'data'} (OUTRIDER_SHARED says where they are)"


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
    """The folder of the shared data sets; where there is none, a test that asks for it is left out."""
    return SHARED / "data"
