import re
import subprocess
import sys

from conftest import ROOT


def test_it_says_how_fast_a_folder_is(pictures):
    command = [sys.executable, str(ROOT / "benchmarks" / "folder.py"), str(pictures / "photos"), "--count", "3"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200).stdout
    assert re.fullmatch(
        r"onnxruntime: 6 pictures in [\d.]+ s: [\d.]+ a second, 0 bad; the networks took [\d.]+%; \d+ kB a picture\n",
        said,
    )
