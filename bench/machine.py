"""The machine that the programs of bench/ measure on: its name, how they are started, and whether it stays as fast."""

import datetime
import os
import pathlib
import re
import subprocess

STREAMED_BYTES = 256e6  # more than caches hold
TOLERANCE = 0.07  # by how much peak or bandwidth may differ before and after a case

# (vendor, family, models) of processors whose kernels differ; the first that fits names the section of RESULTS.md
PROCESSORS = [
    ("AuthenticAMD", 23, range(0x30), "AMD Zen"),
    ("AuthenticAMD", 23, range(0x30, 0x100), "AMD Zen 2"),
    ("AuthenticAMD", 25, (*range(0x10, 0x20), *range(0x60, 0xB0)), "AMD Zen 4"),
    ("AuthenticAMD", 25, range(0x100), "AMD Zen 3"),
    ("AuthenticAMD", 26, range(0x100), "AMD Zen 5"),
    ("GenuineIntel", 6, (60, 63, 69, 70), "Intel Haswell"),
    ("GenuineIntel", 6, (61, 71, 79, 86), "Intel Broadwell"),
    ("GenuineIntel", 6, (85,), "Intel Skylake or Cascade Lake server"),
    ("GenuineIntel", 6, (78, 94, 142, 158, 165, 166), "Intel Skylake"),
    ("GenuineIntel", 6, (106, 108), "Intel Ice Lake server"),
    ("GenuineIntel", 6, (143,), "Intel Sapphire Rapids"),
    ("GenuineIntel", 6, (207,), "Intel Emerald Rapids"),
    ("GenuineIntel", 6, (173, 174), "Intel Granite Rapids"),
    ("GenuineIntel", 6, (151, 154, 183, 186, 191), "Intel Alder Lake or Raptor Lake"),
]


def facts():
    """The first processor's lines of /proc/cpuinfo."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return {}
    return dict(re.findall(r"^([^\t:]+)\t*: ?(.*)$", text.split("\n\n")[0], re.M))


def processor():
    """The name that results are kept under."""
    found = facts()
    for vendor, family, models, name in PROCESSORS:
        if (
            found.get("vendor_id") == vendor
            and int(found.get("cpu family", -1)) == family
            and int(found.get("model", -1)) in models
        ):
            return name
    return found.get("model name", os.uname().machine)


def cache_bytes():
    """(level, bytes) of the first core's data caches."""
    caches = []
    for folder in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        if (folder / "type").read_text().strip() != "Instruction":
            size = (folder / "size").read_text().strip()
            caches.append(
                (int((folder / "level").read_text()), int(size[:-1]) * {"K": 1 << 10, "M": 1 << 20}[size[-1]])
            )
    return caches


def describe():
    found = facts()
    caches = ", ".join(f"L{level} {size >> 10} KB" for level, size in cache_bytes())
    features = [name for name in ("avx2", "avx512f", "amx_tile") if name in found.get("flags", "").split()]
    virtual = ", virtual machine" if "hypervisor" in found.get("flags", "").split() else ""
    return (
        f"{found.get('model name', os.uname().machine)} (family {found.get('cpu family', '-')}, model "
        f"{found.get('model', '-')}; {' '.join(features)}), {os.cpu_count()} cores{virtual}; {caches}"
    )


def today():
    return datetime.date.today().isoformat()


def prefix_of(*command):
    """`command`, where programs may be started with it."""
    try:
        done = subprocess.run([*command, "true"], capture_output=True)
    except FileNotFoundError:
        return []
    return list(command) if done.returncode == 0 else []


def realtime_prefix():
    """What makes other programs wait while one measures, where that is allowed."""
    return prefix_of("chrt", "-f", "1")


def go_ahead():
    """The same for this program and all that it starts: whoever hands out turns must not wait either."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except (AttributeError, OSError):
        return False
    return True


def load_average():
    return os.getloadavg()[0]


class Conditions:
    """Peak and bandwidth, measured before and after every case; a case during which they moved is repeated."""

    def __init__(self, measure, repeats):
        """`measure` gives {"all": operations a second, "bandwidth_all": bytes a second, ..}."""
        self.measure, self.repeats, self.last = measure, repeats, None

    def steady(self, case):
        """The results of `case()` from its steadiest run; what the machine did around it; by how much that moved."""
        best = None
        for _ in range(self.repeats + 1):
            before = self.last or self.measure()
            results = case()
            after = self.last = self.measure()
            moved = max(abs(after[key] / before[key] - 1) for key in ("all", "bandwidth_all"))
            if best is None or moved < best[2]:
                best = (results, {key: (before[key] + after[key]) / 2 for key in after}, moved)
            if moved <= TOLERANCE:
                break
        return best
