"""Nothing phones home: importing every library we stand on and using it opens no connection beyond loopback.

Each case runs in a fresh interpreter with an empty home, without the variables that switch telemetry off, and with an
audit hook that records look-ups, connections, requests and started interpreters. Native code does not pass the hook:
what ONNX Runtime would do it shows by the device id it leaves in the home folder, which must stay empty; where a C
compiler is found, look-ups and connections of native code are recorded as well.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SWITCHES = ("DO_NOT_TRACK", "ITERATIVE_DO_NOT_TRACK", "ORT_DISABLE_TELEMETRY")
IMPORT_NAMES = {
    "prometheus-client": "prometheus_client",
    "pyyaml": "yaml",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry-sdk": "opentelemetry.sdk.metrics",
    "scikit-learn": "sklearn",
    "nvidia-ml-py": "pynvml",
    "confluent-kafka": "confluent_kafka",
}
USED_THROUGH_US = ("evidently", "onnxruntime", "onnxruntime-gpu")
"""Imported by one adapter each, which switches their telemetry off first."""

HOOK = """
import json, os, sys
SEEN = []
LOCAL = ("127.", "::1", "localhost", "0.0.0.0", "::")
def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        place = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
        host = place[0] if isinstance(place, tuple) else place
        if host and not isinstance(host, bytes) and not str(host).startswith(LOCAL + ("/",)):
            SEEN.append([event, str(place)])
    elif event == "urllib.Request":
        SEEN.append([event, str(arguments[0])])
    elif event == "subprocess.Popen" and sys.executable in str(arguments):
        SEEN.append([event, str(arguments)[:300]])
sys.addaudithook(hook)
"""
TELL = "\nimport time; time.sleep(float(os.environ['WAIT'])); print('SEEN', json.dumps(SEEN), flush=True)\n"

NATIVE = r"""
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void note(const char *what) {
    FILE *f = fopen(getenv("NATIVE_LOG"), "a");
    if (f) { fprintf(f, "%s\n", what); fclose(f); }
}
int getaddrinfo(const char *n, const char *s, const struct addrinfo *h, struct addrinfo **r) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    if (n && strcmp(n, "localhost") && strncmp(n, "127.", 4) && strcmp(n, "::1")) note(n);
    return real(n, s, h, r);
}
int connect(int fd, const struct sockaddr *a, socklen_t l) {
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    char t[64] = "";
    if (a->sa_family == AF_INET) inet_ntop(AF_INET, &((struct sockaddr_in *)a)->sin_addr, t, 64);
    if (a->sa_family == AF_INET6) inet_ntop(AF_INET6, &((struct sockaddr_in6 *)a)->sin6_addr, t, 64);
    if (*t && strncmp(t, "127.", 4) && strcmp(t, "::1")) note(t);
    return real(fd, a, l);
}
"""

REPORT = """
import numpy as np
from monitor.definitions import Feature, MonitoredModel
from monitor.reports.evidently import html
from monitor.tiles.rows import Column, Rows
def rows(n, seed):
    x = np.random.default_rng(seed).normal(size=n)
    return Rows(np.arange(n), np.array([str(i) for i in range(n)], object), np.zeros(n, np.int32), np.ones(n, np.int32), {"x": Column(x)})
assert len(html(rows(200, 1), rows(100, 2), MonitoredModel("m", features=(Feature("x", "numeric"),)))) > 10_000
"""
VALUES = """
import numpy as np
from monitor.definitions import Feature, Label, MonitoredModel, Prediction
from monitor.reports.evidently_values import values
from monitor.tiles.rows import Column, Rows
def rows(n, seed):
    x, p = np.random.default_rng(seed).normal(size=n), np.random.default_rng(seed).random(n)
    ids, zeros, ones = np.array([str(i) for i in range(n)], object), np.zeros(n, np.int32), np.ones(n, np.int32)
    return Rows(np.arange(n), ids, zeros, ones, {"x": Column(x), "p": Column(p)}, Column((p > 0.5).astype(int)))
model = MonitoredModel("m", task="binary", features=(Feature("x", "numeric"),), prediction=Prediction(score="p"), label=Label("y"))
asked = ["DataDriftPreset", "DataSummaryPreset", "ClassificationPreset"]
assert len(values(rows(200, 1), rows(100, 2), model, asked)) > 10
"""
PREDICT = """
import sys
import numpy as np
from monitor.predictors.onnx import OnnxPredictor
assert np.isfinite(OnnxPredictor(sys.argv[1], ("a", "b", "c")).predict(np.ones((4, 3)))).all()
"""


def watched(code: str, home: Path, *arguments: str, wait: float = 0.0) -> list[object]:
    """What the code tried to reach, in an interpreter of its own."""
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if k not in SWITCHES and not k.startswith("XDG_")}
    environment |= {
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "WAIT": str(wait),
        "NUMBA_CACHE_DIR": str(home.parent / "n"),
    }
    environment |= {"MPLCONFIGDIR": str(home.parent / "m"), "PYTHONDONTWRITEBYTECODE": "1"}
    log = home.parent / "native.log"
    if compiler := shutil.which("cc"):
        library = home.parent / "watch.so"
        build = [compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", str(library), "-ldl"]
        if subprocess.run(build, input=NATIVE, text=True, capture_output=True, check=False).returncode == 0:
            environment |= {"LD_PRELOAD": str(library), "NATIVE_LOG": str(log)}
    ran = subprocess.run(
        [sys.executable, "-c", HOOK + code + TELL, *arguments],
        env=environment,
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    (told,) = [line[5:] for line in ran.stdout.splitlines() if line.startswith("SEEN ")]
    native = log.read_text().splitlines() if log.exists() else []
    return [*json.loads(told), *native]


def required() -> list[str]:
    """Names of every runtime requirement of every extra, without the tools of development."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = {name: found for name, found in project["optional-dependencies"].items() if name != "dev"}
    lines = [*project["dependencies"], *(line for found in extras.values() for line in found)]
    names = {re.split(r"[\[<>=;!~ ]", line)[0] for line in lines}
    return sorted(names - {"outrider"} - set(USED_THROUGH_US))


def test_importing_every_library_reaches_nothing(tmp_path: Path) -> None:
    """Each requirement is imported as itself, in one interpreter; those not installed here are skipped by name."""
    names = [IMPORT_NAMES.get(name, name.replace("-", "_")) for name in required()]
    code = f"""
import importlib, importlib.util
for name in {names!r}:
    if importlib.util.find_spec(name.split(".")[0]) is not None:
        importlib.import_module(name)
"""
    assert watched(code, tmp_path / "home") == []


@pytest.mark.parametrize("code", [REPORT, VALUES], ids=["report", "values"])
def test_evidently_reports_nothing_about_its_use(tmp_path: Path, code: str) -> None:
    """Its import and a whole report, or what windows are told: no look-up, no connection, no messenger process, no identity in the home folder."""
    home = tmp_path / "home"
    assert watched(code, home, wait=1.0) == []
    assert not [path for path in home.rglob("*") if "telemetry" in str(path).lower()]


def test_onnx_runtime_reports_nothing_about_its_use(tmp_path: Path) -> None:
    """Its import, a session and a run: no look-up, and none of the files that its reporting starts with."""
    onnx = pytest.importorskip("skl2onnx")
    linear = pytest.importorskip("sklearn.linear_model")
    model = linear.LinearRegression().fit(np.eye(3), np.arange(3.0))
    path = tmp_path / "m.onnx"
    path.write_bytes(onnx.to_onnx(model, np.ones((1, 3), np.float32), target_opset=18).SerializeToString())
    home = tmp_path / "home"
    assert watched(PREDICT, home, str(path), wait=0.5) == []
    assert list(home.rglob("*")) == []


@pytest.mark.parametrize(
    ("library", "switches"),
    [("onnxruntime", ['"ORT_DISABLE_TELEMETRY"']), ("evidently", ['"DO_NOT_TRACK"', "    with quiet():"])],
)
def test_whoever_imports_a_library_that_reports_switches_it_off_before(library: str, switches: list[str]) -> None:
    """In every file of the product the switch, or the block that sets it, stands above the first import."""
    importing = re.compile(rf"^\s*(?:import|from) {library}\b", re.MULTILINE)
    found = 0
    for folder in ("collectors", "monitor", "dashboards", "outrider", "examples", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            if match := importing.search(text):
                found += 1
                assert any(0 <= text.find(switch) < match.start() for switch in switches), path
    assert found


def test_the_watch_sees_what_it_should(tmp_path: Path) -> None:
    """A look-up, a connection and a messenger process are recorded: silence above means silence."""
    code = """
import socket, subprocess
try:
    socket.getaddrinfo("collector.invalid", 443)
except OSError:
    pass
subprocess.Popen([sys.executable, "-c", ""]).wait()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    try:
        s.connect(("192.0.2.1", 9))
    except OSError:
        pass
"""
    found = watched(code, tmp_path / "home")
    assert {"socket.getaddrinfo", "subprocess.Popen", "socket.connect"} <= {e[0] for e in found if isinstance(e, list)}
