"""Sockets, addresses and tokens; and the command in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from pasticcio.errors import OptionError
from pasticcio.server.run import listen


def test_loopback_needs_no_token_and_all_else_gets_one():
    for host, token in (("127.0.0.1", False), ("0.0.0.0", True)):
        place = listen(host, 0)
        with place.listener:
            assert bool(place.token) == token
            assert place.access().addresses == token
            assert place.url == f"http://127.0.0.1:{place.port}/" + (f"#token={place.token}" if token else "")
            assert "0.0.0.0" not in place.access().hosts
    first, second = listen("0.0.0.0", 0), listen("0.0.0.0", 0)
    with first.listener, second.listener:
        assert len(first.token) >= 32
        assert first.token != second.token


def test_what_cannot_be_had_is_one_clear_line():
    taken = listen("127.0.0.1", 0)
    with taken.listener, pytest.raises(OptionError, match="is in use; choose another with --port"):
        listen("127.0.0.1", taken.port)
    for host, port, token, said in (
        ("127.0.0.1", 70_000, "", "between 0 and 65535"),
        ("127.0.0.1", 0, "no\r\nheader", "letters, digits"),
        ("203.0.113.9", 0, "", "cannot listen at 203.0.113.9"),
        ("a" * 70, 0, "", "cannot listen at"),
    ):
        with pytest.raises(OptionError, match=said):
            listen(host, port, token)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_it_is_and_ends_when_asked(number, tmp_path):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-m", "pasticcio", "serve", "--port", "0"]
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
                                   env={**os.environ, "PYTHONUNBUFFERED": "1"})  # fmt: skip
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        url = re.search(r"http://\S+", process.stdout.readline())[0]
        with urllib.request.urlopen(url + "healthz", timeout=20) as answer:
            assert answer.status == 200
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    assert list(tmp_path.iterdir()) == []


def test_help_imports_nothing_heavy():
    script = (
        "import sys; sys.argv = ['pasticcio', 'serve', '--help']\nfrom pasticcio.cli.main import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([name for name in ('numpy', 'PIL', 'starlette', 'uvicorn', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--max-megapixels" in done.stdout
