"""Kill a process while it writes a file, again and again: `kill_while_writing.py KILLS`.

The process replaces one file of 2 MB by another without end. After each SIGKILL, at a random moment, the file must be one of
the two, whole. Files without the end of a write (`.NAME.HEX.tmp`) may stay beside it, and are counted.
"""

import random
import subprocess
import sys
import time
from pathlib import Path

WRITER = """
import itertools
from na64stat.files import write_text
for n in itertools.count():
    write_text("result.json", "ab"[n % 2] * 2_000_000, overwrite=True)
    print(n, flush=True)
"""


def main() -> None:
    """Count the files that are whole."""
    kills, whole = int(sys.argv[1]), 0
    result = Path("result.json")
    for _ in range(kills):
        process = subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE)
        process.stdout.readline()  # the first file is there
        time.sleep(random.uniform(0, 0.05))  # noqa: S311  (no secret)
        process.kill()
        process.communicate()
        content = result.read_bytes()
        whole += len(content) == 2_000_000 and len(set(content)) == 1
    left = [path for path in Path().iterdir() if path != result]
    assert all(path.name.startswith(".result.json.") and path.suffix == ".tmp" for path in left)  # noqa: S101
    for path in left:
        path.unlink()
    print(f"{kills} kills: {whole} whole files, unfinished files beside it: {'some' if left else 'none'}")
    sys.exit(whole != kills)


main()
