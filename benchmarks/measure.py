"""Run one command as a process of its own: wall time, peak memory, exit status.

Run: ``python -I -S measure.py LOG COMMAND…``; prints one JSON object. A process of its own, and a small one, because a
child's peak starts at its parent's size. Source: getrusage(2), ru_maxrss; with worker processes it is the largest one.
"""

import json
import os
import sys
import time


def measure(log: str, command: list[str]) -> dict[str, float]:
    actions = [
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    begin = time.perf_counter()
    child = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - begin
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return {
        "status": os.waitstatus_to_exitcode(status), "seconds": seconds, "peak_mib": usage.ru_maxrss * unit / 2**20,
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], sys.argv[2:])))
