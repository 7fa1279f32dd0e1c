"""What the numbers were measured on: processor, memory, kernel and the versions of what ran.

Called by ``report.py``. Says "unknown" for what a machine does not tell, and never fails.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from pathlib import Path


def description() -> dict[str, str]:
    """Names and values, in the order to print them."""
    load = os.getloadavg()[0]
    return {
        "Processor": _found("/proc/cpuinfo", r"model name\s*:\s*(.+)"),
        "Cores": f"{len(os.sched_getaffinity(0))} usable of {os.cpu_count()}",
        "Memory": _memory(),
        "Kernel": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "System": _found("/etc/os-release", r'PRETTY_NAME="?([^"\n]+)'),
        "Rust": _first_line(["rustc", "--version"]),
        "Date": time.strftime("%Y-%m-%d", time.gmtime()),
        "Load before": f"{load:.2f} (over one minute; a busy machine spoils the numbers)",
    }


def _memory() -> str:
    kibibytes = _found("/proc/meminfo", r"MemTotal:\s*(\d+)")
    return f"{int(kibibytes) / 2**20:.1f} GiB" if kibibytes.isdigit() else kibibytes


def _found(path: str, pattern: str) -> str:
    try:
        match = re.search(pattern, Path(path).read_text(encoding="utf-8"))
    except OSError:
        match = None
    return match.group(1).strip() if match else "unknown"


def _first_line(command: list[str]) -> str:
    try:
        text = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, timeout=30, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        text = ""
    return (text.splitlines() or ["unknown"])[0]
