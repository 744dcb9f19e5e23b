"""Ask PyPI's advisories about every pinned dependency; 1 if one has a known hole."""

import json
import subprocess
import sys
from pathlib import Path

LIMIT = 90


def main(lock: str) -> int:
    """Exit code. Without the advisory service nothing can be said, and that is said."""
    command = [
        str(Path(sys.executable).with_name("pip-audit")),
        "--requirement", lock,
        "--disable-pip", "--require-hashes",
        "--format", "json", "--progress-spinner", "off", "--timeout", "10",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT)  # noqa: S603 -- ours
        found = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        print(f"advisories: NOT CHECKED, the service is not there ({type(error).__name__})")
        return 0
    audited = [item for item in found if "skip_reason" not in item]
    holes = [item for item in audited if item["vulns"]]
    for item in holes:
        names = ", ".join(hole["id"] for hole in item["vulns"])
        fixed = {version for hole in item["vulns"] for version in hole["fix_versions"]}
        print(f"{item['name']} {item['version']}: {names}; fixed in {sorted(fixed) or 'none yet'}")
    if len(audited) < len(found):
        print(f"advisories: NOT CHECKED for {len(found) - len(audited)} of {len(found)}")
    if audited and not holes:
        print(f"advisories: none for {len(audited)} dependencies")
    return 1 if holes else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
