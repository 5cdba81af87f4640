"""The faults: one entry is a row of `docs/faults.md` and a case of `tests/test_faults.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SCAN: Final = "na64stat scan axion-photon --mass 1e-3:1:8 --coupling 1e-6:1:8 --region visible"
WORKSPACE: Final = "na64stat workspace axion-muon --mass 0.1"
LIMIT: Final = "na64stat limit axion-muon --mass 0.1"
STARTED: Final = "until [ -s {0}.json.journal ] || [ -e {0}.json ]; do sleep 0.02; done"
FIGURE: Final = "na64stat project axion-muon --mass 0.1 --mot 1e10:1e12:3 --figure p.png"


@dataclass(frozen=True)
class Fault:
    """A fault and what must come of it.

    Attributes
    ----------
    name
        What goes wrong.
    command
        The line of bash that produces it; `scripts.faults.runner` names its tools.
    status
        Exit status that is right.
    says
        Part of the message that is right.
    left
        Names in the folder afterwards that are right.
    means
        What it means for a user.
    needs
        "mount" or "permissions", where not every machine can produce it.
    cheap
        Whether the tests run it too.
    not_produced
        Why it is not produced anywhere, and what stands in for it.
    """

    name: str
    command: str
    status: int
    says: str
    left: tuple[str, ...]
    means: str
    needs: str = ""
    cheap: bool = True
    not_produced: str = ""


FULL: Final = (
    Fault(
        "disk full when a result is written",
        f"small_disk 16k 'head -c 16k /dev/zero > disk/full; {WORKSPACE} -o disk/ws.json'",
        2,
        "disk/ws.json: the disk is full; free some space or choose another disk",
        ("disk/full",),
        "no part of a file is left",
        "mount",
    ),
    Fault(
        "disk full when a result is replaced",
        f"small_disk 16k '{WORKSPACE} -o disk/ws.json; sha256sum disk/ws.json > was; head -c 16k /dev/zero > disk/full; "
        f"{WORKSPACE} --overwrite -o disk/ws.json; status=$?; sha256sum --quiet -c was && rm was && (exit $status)'",
        2,
        "disk/ws.json: the disk is full; free some space or choose another disk",
        ("disk/full", "disk/ws.json"),
        "the old file is kept as it was",
        "mount",
    ),
    Fault(
        "disk full in a long scan, then space again",
        f"small_disk 12k '{SCAN} -o disk/scan.json; status=$?; mount -o remount,size=1m disk; "
        f"{SCAN} -o disk/scan.json && {SCAN} -o other.json && cmp disk/scan.json other.json && (exit $status)'",
        2,
        "",
        ("disk/scan.json", "other.json"),
        "the journal keeps what is finished; the same command goes on and ends with the same bytes",
        "mount",
        cheap=False,
    ),
    Fault(
        "limit of the file size reached",
        f"ulimit -f 1; {SCAN} -o scan.json",
        2,
        "scan.json.journal: File too large. What was finished is kept there, and the same command goes on",
        ("scan.json.journal",),
        "as for a full disk",
    ),
    Fault(
        "output to a full device",
        f"{LIMIT} --json > /dev/full",
        2,
        "output: the disk is full",
        (),
        "standard output could not be written",
    ),
)

CLOSED: Final = (
    Fault(
        "folder without permission to write",
        f"mkdir closed; chmod 555 closed; unprivileged {SCAN} -o closed/scan.json",
        2,
        "--output: closed/scan.json: no permission to write in closed; choose another folder",
        ("closed",),
        "found before anything is computed",
        "permissions",
    ),
    Fault(
        "read-only file system",
        f"small_disk 0 '{SCAN} -o disk/scan.json'",
        2,
        "--output: disk/scan.json: no permission to write in disk; choose another folder",
        (),
        "found before anything is computed",
        "mount",
    ),
    Fault(
        "file without permission to read",
        f"{WORKSPACE} -o ws.json 2> /dev/null; chmod 000 ws.json; unprivileged na64stat limit ws.json --region invisible",
        2,
        "ws.json: Permission denied",
        ("ws.json",),
        "",
        "permissions",
    ),
    Fault(
        "output is a folder",
        f"mkdir there; {WORKSPACE} -o there",
        2,
        "--output: there is a folder; expected the name of a file",
        ("there",),
        "",
    ),
    Fault(
        "input is a folder",
        "mkdir there; na64stat plot there --figure p.png",
        2,
        "there: Is a directory",
        ("there",),
        "",
    ),
    Fault(
        "file name too long",
        f"{WORKSPACE} -o $(printf 'a%.0s' {{1..300}}).json",
        2,
        "the file name is too long; choose a shorter one",
        (),
        "",
    ),
    Fault(
        "path too long",
        f"{WORKSPACE} -o $(printf 'folder/%.0s' {{1..700}})ws.json",
        2,
        "the file name is too long; choose a shorter one",
        (),
        "",
    ),
    Fault(
        "output exists",
        f"touch ws.json; {WORKSPACE} -o ws.json",
        2,
        "the file exists; --overwrite replaces it",
        ("ws.json",),
        "",
    ),
)

HOME: Final = (
    Fault("no HOME", f"env -u HOME {FIGURE}", 0, "wrote p.png", ("p.png",), "nothing of it is needed"),
    Fault(
        "HOME is not there",
        f"HOME=/nowhere unprivileged {FIGURE}",
        0,
        "wrote p.png",
        ("p.png",),
        "nothing of it is needed",
        cheap=False,
    ),
    Fault(
        "HOME and the installation read-only",
        "own_copy; mkdir home; chmod 555 home; export HOME=$PWD/home PYTHONPATH=$PWD/app; "
        f"unprivileged {FIGURE} && ! find app -name '*.nbi' | grep .",
        0,
        "wrote p.png",
        ("app", "home", "p.png"),
        "compiled code is kept nowhere: each process that fits compiles anew (a minute); NUMBA_CACHE_DIR names a place. "
        "Matplotlib says that it made a temporary folder",
        "permissions",
    ),
    Fault("no TMPDIR", f"TMPDIR=/nowhere {FIGURE}", 0, "wrote p.png", ("p.png",), "the system's is taken", cheap=False),
    Fault(
        "no TMPDIR, worker processes",
        f"TMPDIR=/nowhere {SCAN} --workers 2 -o scan.json > /dev/null",
        0,
        "wrote scan.json",
        ("scan.json",),
        "the system's is taken",
        cheap=False,
    ),
    Fault("no display", f"env -u DISPLAY MPLBACKEND=TkAgg {FIGURE}", 0, "wrote p.png", ("p.png",), "figures need none"),
    Fault(
        "unknown MPLBACKEND", f"MPLBACKEND=nothing {FIGURE}", 0, "wrote p.png", ("p.png",), "the variable is not used"
    ),
)

LOCALE: Final = (
    Fault("C locale", f"LC_ALL=C {WORKSPACE} -o größe.json", 0, "wrote größe.json", ("größe.json",), ""),
    Fault(
        "no UTF-8 at all, and a file name that needs it",
        f"LC_ALL=POSIX PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {WORKSPACE} -o größe_±.json",
        0,
        "wrote gr",
        ("größe_±.json",),
        "the name is right on disk; what the terminal cannot show is replaced",
    ),
    Fault(
        "ASCII streams",
        "PYTHONIOENCODING=ascii na64stat info größe.toml",
        2,
        "gr",
        (),
        "the message is shown in UTF-8 all the same",
    ),
    Fault(
        "ASCII streams, a table of references",
        "PYTHONIOENCODING=ascii na64stat existing list > list.txt && PYTHONIOENCODING=ascii na64stat cite axion-muon > cite.txt",
        0,
        "",
        ("cite.txt", "list.txt"),
        "",
        cheap=False,
    ),
    Fault(
        "file name that is no text",
        f"{WORKSPACE} -o $'ws\\xff.json' && na64stat limit $'ws\\xff.json' --region invisible > limit.txt",
        0,
        "",
        ("limit.txt", "ws�.json"),
        "",
    ),
    Fault(
        "workspace in another encoding",
        "printf '{\"gr\\xf6\\xdfe\": 1}' > ws.json; na64stat limit ws.json",
        2,
        "ws.json",
        ("ws.json",),
        "",
    ),
)

KILLED: Final = (
    Fault(
        "killed while it writes a file",
        "kill_while_writing 25",
        0,
        "",
        ("result.json",),
        "the file is the old one or the new one. An unfinished `.NAME.HEX.tmp` may be left beside it: delete it",
        cheap=False,
    ),
    Fault(
        "killed in a long scan (SIGKILL), then again",
        f"{SCAN} -o killed.json & {STARTED.format('killed')}; kill -KILL $!; wait; "
        f"{SCAN} -o killed.json; {SCAN} -o whole.json; cmp killed.json whole.json",
        0,
        "going on from killed.json.journal",
        ("killed.json", "whole.json"),
        "the same command goes on from the journal and ends with the same bytes",
        cheap=False,
    ),
    Fault(
        "stopped by a batch system (SIGTERM)",
        f"{SCAN} -o scan.json & {STARTED.format('scan')}; kill -TERM $!; wait $!",
        143,
        "",
        ("scan.json.journal",),
        "as for SIGKILL: the result is there as a whole or not at all, the journal keeps what is finished",
    ),
    Fault(
        "torn journal",
        f"(ulimit -f 1; {SCAN} -o scan.json 2> /dev/null); printf 'torn' >> scan.json.journal; {SCAN} -o scan.json",
        0,
        "wrote scan.json",
        ("scan.json",),
        "a last line without its end is a task that was not finished",
    ),
)

TOGETHER: Final = (
    Fault(
        "two processes, one output, long work",
        f"{SCAN} --json --journal scan.json.journal > /dev/full 2> /dev/null; exec 9>> scan.json.journal; flock 9; "
        f"{SCAN} -o scan.json",
        2,
        "scan.json.journal: another process is at work on it; wait for it, or name another file",
        ("scan.json.journal",),
        "the journal is locked as long as a process works on it",
    ),
    Fault(
        "two processes, one output, short work",
        f"{WORKSPACE} -o ws.json 2> a & {WORKSPACE} -o ws.json 2> b; wait; cat a b | grep error; rm a b",
        0,
        "the file exists",
        ("ws.json",),
        "one of them writes, the other (status 2) says that the file exists",
    ),
    Fault(
        "two processes, one output, both with --overwrite",
        f"{WORKSPACE} --overwrite -o ws.json & {WORKSPACE} --overwrite -o ws.json && wait $! && {WORKSPACE} -o one.json "
        "&& cmp ws.json one.json",
        0,
        "wrote one.json",
        ("one.json", "ws.json"),
        "the file is whole; that of the last one stays",
        cheap=False,
    ),
)

CLOCK: Final = (
    Fault(
        "clock of 1970 that runs backwards",
        f"backwards {SCAN} -o back.json; {SCAN} -o scan.json; cmp back.json scan.json",
        0,
        "wrote scan.json",
        ("back.json", "scan.json"),
        "the same bytes: no time is part of a result",
        cheap=False,
    ),
    Fault(
        "the same with a progress bar",
        f"FORCE_COLOR=1 COLUMNS=80 backwards {SCAN} -o back.json > /dev/null",
        0,
        "wrote back.json",
        ("back.json",),
        "bars and times left come from a clock that only runs forwards",
    ),
)

MISSING: Final = (
    Fault(
        "without Dask",
        f"without distributed {SCAN} --scheduler tcp://localhost:8786 -o scan.json",
        2,
        "Dask is not installed; pip install 'na64stat[dask]'",
        (),
        "all else works",
    ),
    Fault(
        "without ArviZ",
        "without arviz python -c 'from na64stat.study.bayes.arviz_export import inference_data; inference_data({}, [])'",
        1,
        "ArviZ is not installed: pip install 'na64stat[arviz]'",
        (),
        "an `InputError` in Python, where alone it is used",
    ),
    Fault(
        "without Matplotlib, which is no extra",
        f"without matplotlib {FIGURE}",
        2,
        "the installation is not complete",
        (),
        "the same for every package that is always needed",
    ),
    Fault(
        "no Dask scheduler there",
        f"{SCAN} --scheduler tcp://localhost:1 -o scan.json",
        2,
        "no Dask scheduler answers there",
        (),
        "after 20 s",
        cheap=False,
    ),
)

STREAMS: Final = (
    Fault(
        "reader gone (`| head`)",
        "na64stat info 2022 | head -1",
        0,
        "",
        (),
        "no message; with `pipefail` the status is 1 if not all was read",
    ),
    Fault("standard output closed", f"{LIMIT} >&-", 0, "", (), "nobody wants to read it"),
    Fault(
        "standard error closed",
        f"{LIMIT} 2>&- | tail -1",
        0,
        "note: invisible: none observed with background 0",
        (),
        "nothing is lost: notes stand with the numbers",
    ),
    Fault("bad input and a full standard error", f"{LIMIT} --mas 1 2> /dev/full", 2, "", (), "the status tells"),
    Fault("standard input closed", f"{LIMIT} <&-", 0, "", (), "nothing is read from it"),
)

NOT_PRODUCED: Final = (
    Fault(
        "power cut while a file is written",
        "",
        0,
        "",
        (),
        "files are flushed to the disk before they get their name",
        not_produced="no machine to switch off; a kill stands in for it, which does not lose what the system has not yet written",
    ),
    Fault(
        "clock of the system set back",
        "",
        0,
        "",
        (),
        "no time is part of a result",
        not_produced="the system's clock is not ours to set; `backwards` changes what Python sees of it",
    ),
    Fault(
        "disk quota used up",
        "",
        0,
        "",
        (),
        "has a message of its own",
        not_produced="no quota on these disks; a full disk and a limit of the file size stand in for it",
    ),
    Fault(
        "network file system without locks or hard links",
        "",
        0,
        "",
        (),
        "two processes on one output are then the user's care",
        not_produced="none here; `tests/test_files.py` lets the call for a hard link fail",
    ),
)

FAULTS: Final = {
    "Full": FULL,
    "Closed": CLOSED,
    "Home, temporary folder, display": HOME,
    "Locale": LOCALE,
    "Interrupted": KILLED,
    "Together": TOGETHER,
    "Clock": CLOCK,
    "Missing": MISSING,
    "Streams": STREAMS,
    "Not produced": NOT_PRODUCED,
}
"""By heading."""
