import subprocess
import sys

import pytest

from conftest import ROOT


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_stays_flat_over_some_renders():
    script = "from memory import main; first, last = main(['--renders', '200', '--warm', '80']); print(last - first)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT / "benchmarks", capture_output=True, text=True, check=True, timeout=300
    )
    assert int(done.stdout.split()[-1]) < 6 << 20
