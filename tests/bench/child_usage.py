"""What a command costs: child_usage.py COMMAND ARGUMENTS...

Prints, as JSON, the wall and processor seconds and the peak resident memory, in bytes, of the process and of those that it
has waited for. It is a program of its own since Linux counts the memory of the process that forks in the peak of the child:
run by `python -S -E`, that is 6 MB. What the command prints goes to standard error.
"""

import json
import os
import sys
import time


def main():
    begin = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.dup2(2, 1)
        os.execv(sys.argv[1], sys.argv[1:])
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - begin
    if status != 0:
        raise SystemExit(f"{sys.argv[1]} failed: exit status {os.waitstatus_to_exitcode(status)}")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": 1024 * usage.ru_maxrss}))


if __name__ == "__main__":
    main()
