"""`outrider spool inspect/repair/resend/undecodable DIR`: what is in a sidecar's spool, what is damaged, putting it in order,
sending again what was refused, and reading again what could not be read.

Exit codes: 0 done; 1 damage found (inspect), or something is still refused (resend); 2 not a spool, or in use (repair).
"""

from __future__ import annotations

import json as json_module
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from collectors.decoders.decoder import Undecodable
from collectors.decoders.registry import Registry
from collectors.errors import InvalidSettings, SettingsFault
from collectors.main import tell_of_lost
from collectors.shipping import MonitorCourier, ShippingSettings
from collectors.shipping.resend import resend
from collectors.spool import Spool
from collectors.spool.inspection import Inspection, inspect, repair
from collectors.spool.journal import Survey
from collectors.spool.recovery import Faults
from collectors.spool.undecodable import NotAnExchange, decode_unread, unread_paths

DAMAGE_FOUND = 1
STILL_REFUSED = 1

DAMAGE_SHOWN = 20
"""Damaged places listed for each journal as text; `--json` lists all."""

app = typer.Typer(add_completion=False, no_args_is_help=True, help="What is in a sidecar's spool, and its repair.")

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The directory given to the sidecar as --spool.")]
AsJson = Annotated[bool, typer.Option("--json", help="One strict JSON document on standard output.")]


@app.command("inspect")
def inspect_command(directory: Directory, json: AsJson = False) -> int:
    """Say what is in a spool and what is damaged; changes nothing, also while a sidecar uses it. Exits with 1 where there is damage."""
    found = inspect(directory)
    print(json_module.dumps(inspection_document(found)) if json else "\n".join(inspection_lines(found)))
    return DAMAGE_FOUND if found.is_damaged else 0


@app.command("repair")
def repair_command(directory: Directory, json: AsJson = False) -> int:
    """Put damaged bytes into quarantine/ and write the journals anew without them; the monitor will be told what was lost. No sidecar may use the spool."""
    faults, found = repair(directory)
    lost = faults.records_lost + faults.torn_records
    if lost:  # whoever opens the spool next finds nothing wrong with it
        with Spool.open(directory, free_space_floor_bytes=0) as spool:
            tell_of_lost(spool, lost)
        found = inspect(directory)
    if json:
        print(json_module.dumps({"repaired": repair_document(faults), **inspection_document(found)}))
    else:
        print("\n".join([*repair_lines(faults), *inspection_lines(found)]))
    return DAMAGE_FOUND if found.is_damaged else 0


@app.command("resend")
def resend_command(
    directory: Directory,
    monitor: Annotated[str, typer.Option(metavar="URL", help="The monitor that the batches are sent to.")],
    sink: Annotated[str | None, typer.Option(help="Only what this sink refused.")] = None,
    json: AsJson = False,
) -> int:
    """Send the batches in refused/ again, under their ids; what is taken is deleted there. The sidecar may run meanwhile."""
    try:
        sent = resend(directory, MonitorCourier(monitor, ShippingSettings(requests_in_flight=1)), sink)
    except ValueError as error:
        raise InvalidSettings([SettingsFault("--monitor", str(error), "a URL")]) from error
    if json:
        print(json_module.dumps(asdict(sent)))
    else:
        print(f"{sent.taken} batches taken, {sent.known} known already, {len(sent.left)} left")
        print("\n".join(f"  {name}: {why}" for name, why in list(sent.left.items())[:DAMAGE_SHOWN]))
    return STILL_REFUSED if sent.left else 0


@app.command("undecodable")
def undecodable_command(directory: Directory, json: AsJson = False) -> int:
    """List the exchanges that were kept as they came (`keep_undecodable`), and read each again with the decoders of this release."""
    read = [reading_of(path) for path in unread_paths(directory)]
    if json:
        print(json_module.dumps({"items": read}))
    else:
        print("\n".join(reading_line(each) for each in read) or "no exchange is kept")
    return 0


def reading_of(path: Path) -> dict[str, Any]:
    """One kept exchange, and what the decoders make of it now."""
    try:
        unread = decode_unread(path.read_bytes())
    except (OSError, NotAnExchange) as error:
        return {"file": path.name, "fault": str(error)}
    said = {
        "file": path.name,
        "time": time_text(unread.start_ns),
        "method": unread.method,
        "target": unread.target,
        "status": unread.status,
        "bytes": len(unread.request_body) + len(unread.response_body),
        "reason": unread.reason,
        "where": unread.where,
    }
    found = Registry().find(unread.method, unread.target)
    if found is None:
        return said | {"now": "not_inference"}
    try:
        decoded = found[0].decode(unread.exchange, found[1])
    except Undecodable as error:
        return said | {"now": "undecodable", "now_reason": error.reason, "now_where": error.where}
    shapes = {
        side: {tensor.name: [tensor.datatype, list(tensor.shape)] for tensor in tensors}
        for side, tensors in (("inputs", decoded.inputs), ("outputs", decoded.outputs))
    }
    return said | {"now": "decoded", "model": decoded.model, "rows": decoded.rows, **shapes}


def reading_line(read: dict[str, Any]) -> str:
    if "fault" in read:
        return f"{read['file']}: {read['fault']}"
    line = f"{read['time']}  {read['method']} {read['target'][:80]!r}  {read['bytes']} bytes  {read['reason']} at {read['where']}"
    if read["now"] == "decoded":
        return f"{line}; now read: {read['rows']} rows of {read['model']}"
    return f"{line}; still {read['now']}" + (
        f" ({read['now_reason']} at {read['now_where']})" if "now_reason" in read else ""
    )


def inspection_document(found: Inspection) -> dict[str, Any]:
    journals = [journal_document(journal) for journal in found.journals]
    oldest = [journal.oldest_ns for journal in found.journals if journal.oldest_ns is not None]
    return {
        "directory": str(found.directory),
        "sidecar": found.mark.sidecar if found.mark else None,
        "acknowledged": found.mark.acknowledged if found.mark else None,
        "reserved": found.mark.reserved if found.mark else None,
        "frames": sum(journal.frames for journal in found.journals),
        "records": sum(journal.records for journal in found.journals),
        "bytes": sum(journal.size for journal in found.journals),
        "oldest": time_text(min(oldest, default=None)),
        "pending_frames": found.pending_frames,
        "pending_records": found.pending_records,
        "records_by": [
            {"kind": kind, "model": model, "records": count}
            for (kind, model), count in sorted(found.records_by.items(), key=lambda item: -item[1])
        ],
        "unreadable_batches": found.unreadable,
        "damaged": found.is_damaged,
        "journals": journals,
        "quarantine": asdict(found.quarantine),
        "refused": asdict(found.refused),
        "undecodable": asdict(found.undecodable),
        "sinks": dict(found.sinks),
    }


def journal_document(journal: Survey) -> dict[str, Any]:
    return {
        "name": journal.path.name,
        "sidecar": journal.header.sidecar if journal.header else None,
        "header": journal.header_state,
        "bytes": journal.size,
        "frames": journal.frames,
        "records": journal.records,
        "first_sequence": journal.first,
        "last_sequence": journal.last,
        "oldest": time_text(journal.oldest_ns),
        "damage": [
            {"offset": part.offset, "bytes": part.size, "reason": part.reason, "records": part.records}
            for part in journal.damage
        ],
    }


def repair_document(faults: Faults) -> dict[str, int]:
    return {
        "torn_bytes": faults.torn_bytes,
        "torn_records": faults.torn_records,
        "damaged_regions": faults.damaged_regions,
        "damaged_bytes": faults.damaged_bytes,
        "records_lost": faults.records_lost,
        "not_kept": faults.not_kept,
    }


def inspection_lines(found: Inspection) -> list[str]:
    document = inspection_document(found)
    lines = [
        f"spool {found.directory}: {document['records']} records in {document['frames']} frames, "
        f"{document['bytes']} bytes, {len(found.journals)} journals",
        f"  sidecar {found.mark.sidecar if found.mark else 'unknown: the mark is lost'}",
        f"  not acknowledged: {found.pending_records} records in {found.pending_frames} frames",
    ]
    lines += [f"  sink {name!r} has had everything up to {reached}" for name, reached in found.sinks.items()]
    if document["oldest"]:
        lines.append(f"  oldest: {document['oldest']}")
    lines += [
        f"  {entry['records']} × {entry['kind']}" + (f" of {entry['model']!r}" if entry["model"] is not None else "")
        for entry in document["records_by"]
    ]
    if found.unreadable:
        lines.append(f"  {found.unreadable} batches that this release cannot read")
    for journal in found.journals:
        lines += journal_lines(journal)
    for name, folder in (
        ("quarantine", found.quarantine),
        ("refused", found.refused),
        ("undecodable", found.undecodable),
    ):
        if folder.files:
            lines.append(f"  {name}/: {folder.files} files, {folder.bytes} bytes")
    lines.append("damage found: `outrider spool repair` puts it in order" if found.is_damaged else "no damage")
    return lines


def journal_lines(journal: Survey) -> list[str]:
    if journal.header_state == "unknown_version" and journal.header is None:
        return [f"  {journal.path.name}: {journal.size} bytes of a newer release, left alone"]
    numbers = f"{journal.first} to {journal.last}" if journal.frames else "none"
    lines = [
        f"  {journal.path.name}: {journal.frames} frames, sequence {numbers}, {journal.records} records, {journal.size} bytes"
    ]
    lines += [
        f"    DAMAGE at byte {part.offset}: {part.size} bytes, {part.reason}"
        + (f", {part.records} records" if part.records is not None else "")
        for part in journal.damage[:DAMAGE_SHOWN]
    ]
    if len(journal.damage) > DAMAGE_SHOWN:
        lines.append(f"    … and {len(journal.damage) - DAMAGE_SHOWN} more; --json lists all")
    return lines


def repair_lines(faults: Faults) -> list[str]:
    return [
        f"repaired: {faults.damaged_regions} damaged regions ({faults.damaged_bytes} bytes, at least "
        f"{faults.records_lost} records) put into quarantine/, {faults.torn_bytes} bytes of an unfinished end cut off"
    ]


def time_text(time_ns: int | None) -> str | None:
    """RFC 3339 in UTC."""
    if time_ns is None:
        return None
    return datetime.fromtimestamp(time_ns // 10**9, UTC).isoformat().replace("+00:00", "Z")
