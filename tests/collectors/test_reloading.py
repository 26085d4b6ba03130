"""Policies that change while the sidecar runs: taken in whole, or not at all."""

import dataclasses
from pathlib import Path

import pytest

from collectors.errors import InvalidSettings, StartFailed
from collectors.policies import POLICY_SETTINGS, policies_of
from collectors.reloading import LOOK_SECONDS, Follower, Reloader
from collectors.settings import SidecarSettings, read_file, read_settings

ENDS = {"listen": "127.0.0.1:9000", "upstream": "127.0.0.1:8000"}
LISTENERS = "listeners: [{listen: '127.0.0.1:9000', upstream: '127.0.0.1:8000'}]\n"


class Running:
    """A reloader on a file, and what it told."""

    def __init__(self, folder: Path, text: str = "") -> None:
        self.file = folder / "sidecar.yaml"
        self.write(text)
        self.told: list[SidecarSettings] = []
        self.now = 0.0
        self.reloader = Reloader(
            self.read(), read=self.read, files=[self.file], tell=self.told.append, now_ns=1_000_000_000
        )
        self.reloader.look_after(self.now, 1)

    def read(self) -> SidecarSettings:
        return read_settings(read_file(self.file), source=str(self.file))

    def write(self, text: str) -> None:
        written = self.file.with_suffix(".new")
        written.write_text(LISTENERS + text)
        written.replace(self.file)

    def look(self) -> None:
        self.now += 1.01 * LOOK_SECONDS
        self.reloader.look_after(self.now, 2_000_000_000)


@pytest.fixture
def running(tmp_path) -> Running:
    return Running(tmp_path)


def test_a_changed_file_is_taken_in(running):
    """Without a signal, once it is looked at."""
    before = running.reloader.state.digest
    running.look()
    assert running.told == []
    running.write("sampling_rate: 0.5\n")
    running.look()
    assert [settings.sampling_rate for settings in running.told] == [0.5]
    state = running.reloader.state
    assert state.digest == policies_of(running.told[0]).digest != before
    assert (state.applied, state.refused, state.since_ns) == (1, 0, 2_000_000_000)
    running.look()
    assert len(running.told) == 1


def test_a_signal_reads_at_once(running):
    """And what has not changed is not told again."""
    running.reloader.reload(3)
    assert (running.told, running.reloader.state.unchanged) == ([], 1)
    running.write("ids: [x-request-id]\n")
    running.reloader.reload(4)
    assert [settings.ids for settings in running.told] == [("x-request-id",)]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("sampling_rate: 2\n", "sampling_rate"),
        ("redaction_rules: [{name: x, action: blur}]\n", "redaction_rules[0].action"),
        ("redaction_rules: [{name: x, action: hash}]\n", "redaction key"),
        ("json_routes: [{path: /s, model: m, inputs: {a: 'x[['}, outputs: {}}]\n", "json_routes[0].inputs.a"),
        ("a: [1\n", "sidecar.yaml:3"),
        ("redaction_key_file: /nonexistent\n", "redaction_key_file"),
    ],
)
def test_what_cannot_be_used_changes_nothing(running, text, place):
    """The policy before it stays in force; the place of the fault is shown until the file is mended."""
    before = running.reloader.state.digest
    running.write(text)
    running.look()
    state = running.reloader.state
    assert (running.told, state.digest, state.refused, state.applied) == ([], before, 1, 0)
    assert place in str(state.fault)
    running.write("sampling_rate: 0.25\n")
    running.look()
    assert running.reloader.state.fault is None
    assert [settings.sampling_rate for settings in running.told] == [0.25]


def test_names_that_are_no_text_are_told_with_their_place(tmp_path):
    """The setting, and the byte in its file."""
    (tmp_path / "names").write_bytes(b"Ada\n\xff\n")
    with pytest.raises(InvalidSettings, match="redaction_names_file: found byte 4: ff, expected UTF-8"):
        policies_of(read_settings({"listeners": [ENDS], "redaction_names_file": str(tmp_path / "names")}))


def test_what_nobody_can_be_told_is_refused(running, monkeypatch):
    """The supervisor goes on as before, and so does the worker."""

    def refuses(_: SidecarSettings) -> None:
        raise StartFailed("settings", "too long")

    monkeypatch.setattr(running.reloader, "_tell", refuses)
    running.write("sampling_rate: 0.5\n")
    running.look()
    assert (running.reloader.state.refused, running.reloader.state.fault) == (1, "settings: too long")
    monkeypatch.setattr(running.reloader, "_tell", running.told.append)
    running.reloader.reload(3)
    assert [settings.sampling_rate for settings in running.told] == [0.5]


def test_a_file_that_is_gone_changes_nothing(running):
    """It may be about to be replaced."""
    running.file.unlink()
    running.look()
    assert (running.told, running.reloader.state.refused) == ([], 1)
    running.write("sampling_rate: 0.5\n")
    running.look()
    assert len(running.told) == 1


def test_what_needs_a_restart_is_named_and_not_taken_in(running):
    """Beside it what needs none is."""
    running.write("ring_bytes: 8388608\nspool_quota_bytes: 2097152\nsampling_rate: 0.5\n")
    running.look()
    (told,) = running.told
    assert (told.sampling_rate, told.ring_bytes) == (0.5, SidecarSettings(listeners=told.listeners).ring_bytes)
    assert set(running.reloader.state.awaiting_restart) == {"ring_bytes", "spool_quota_bytes"}


def test_a_new_key_is_a_new_policy(tmp_path):
    """The digest names what is done, not only what is written; the key itself is not in it."""
    key = tmp_path / "key"
    key.write_bytes(b"0123456789abcdef")
    running = Running(tmp_path, f"redaction_key_file: {key}\n")
    before = running.reloader.state.digest
    key.write_bytes(b"fedcba98765432100")
    running.look()
    assert running.reloader.state.digest != before
    assert len(running.told) == 1


def test_a_worker_goes_on_by_its_policy_where_a_file_broke_meanwhile(tmp_path):
    """Between the supervisor's look at it and the worker's own."""
    names = tmp_path / "names"
    names.write_text("Ada")
    settings = read_settings({"listeners": [ENDS], "redaction_names_file": str(names)})
    followed: list[str] = []
    follower = Follower(policies_of(settings), lambda policies: followed.append(policies.digest))
    before = follower.digest
    names.unlink()
    follower.take_in(settings)
    assert (follower.digest, followed) == (before, [])
    names.write_text("Grace")
    follower.take_in(settings)
    assert followed == [follower.digest] != [before]


def test_every_setting_of_a_policy_changes_its_digest(running):
    """So that equal digests mean equal policies."""
    base = running.read()
    changed = {
        "ids": ("ce-id",),
        "default_model": "other",
        "payload_text": True,
        "sampling_rate": 0.5,
        "sampling_by": "id",
        "sampling_keep_errors": False,
        "sampling_slow_seconds": 1.0,
        "redaction_patterns": ("email",),
        "redaction_text_chars_max": 10,
    }
    digests = {policies_of(dataclasses.replace(base, **{name: value})).digest for name, value in changed.items()}
    assert len(digests | {policies_of(base).digest}) == len(changed) + 1
    assert set(changed) <= set(POLICY_SETTINGS)
