"""The long run of the fuzzer: `.venv/bin/python collector/tests/fuzz/run.py --seconds 3600`.

It begins with the inputs in `corpus` and those that it found before, and keeps what reaches new code in `--found`. An
input that breaks a promise is kept there as `crash-…`, and the exit code is not 0: put it into `corpus`, mend the
fault, and `test_fuzz.py` keeps it mended. Without atheris, inputs are mutated without a look at what they reach.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
from pathlib import Path
from typing import Final

COLLECTOR: Final = Path(__file__).parents[2]
CORPUS: Final = Path(__file__).with_name("corpus")
LONGEST: Final = 2048
sys.path[:0] = [str(COLLECTOR / "src"), str(COLLECTOR)]


def by_coverage(seconds: int, found: Path) -> None:
    """Let atheris choose what to mutate by the code that it reaches; it ends the process."""
    import atheris  # noqa: PLC0415

    with atheris.instrument_imports(include=["powergraph_collector.sources.ipmi"]):
        from tests.fuzz.targets import fuzz_any  # noqa: PLC0415

    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=60", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={found}/", str(found), str(CORPUS)], fuzz_any)
    atheris.Fuzz()


def blindly(seconds: int, found: Path) -> int:
    """Mutate what there is at random."""
    from tests.fuzz.choices import Choices  # noqa: PLC0415
    from tests.fuzz.targets import fuzz_any  # noqa: PLC0415

    print("atheris is not installed: inputs are mutated blindly", flush=True)
    inputs = [path.read_bytes() for folder in (CORPUS, found) for path in sorted(folder.iterdir())]
    until_s, tried = time.monotonic() + seconds, 0
    while time.monotonic() < until_s:
        data = Choices(random.randbytes(64)).mutated(random.choice(inputs))
        tried += 1
        try:
            fuzz_any(data)
        except Exception:
            path = found / f"crash-{hashlib.sha1(data).hexdigest()}"
            path.write_bytes(data)
            print(f"{path} breaks a promise after {tried} inputs", flush=True)
            raise
    print(f"{tried} inputs, no promise broken")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600, help="how long (600)")
    parser.add_argument("--found", type=Path, help="folder for what is found (~/.cache/powergraph/fuzz)")
    options = parser.parse_args()
    found = options.found or Path.home() / ".cache/powergraph/fuzz"
    found.mkdir(parents=True, exist_ok=True)
    try:
        by_coverage(options.seconds, found)
    except ImportError:
        return blindly(options.seconds, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
