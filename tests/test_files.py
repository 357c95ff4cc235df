import os
import signal
import subprocess
import sys
import time

import pytest

from pasticcio import files
from pasticcio.errors import OutputError
from pasticcio.files import check_apart, remove_leftovers, working_folder, write_whole, writing


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with writing(path) as partial:
        assert (partial.suffix, partial.parent) == (".txt", tmp_path)
        partial.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [KeyError("a bug"), ValueError("a bug"), KeyboardInterrupt()])
def test_what_interrupts_leaves_the_old_file(error, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")

    def interrupted():
        with writing(path) as partial:
            partial.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        interrupted()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_full_disk_is_explained(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*a\.txt: No space left"), writing(tmp_path / "a.txt"):
        raise OSError(28, "No space left on device")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(("name", "message"), [("none/a", "No such file"), ("n" * 300, "too long"), ("a\0b", "null")])
def test_what_cannot_be_written_is_explained(name, message, tmp_path):
    with pytest.raises(OutputError, match=message):
        write_whole(tmp_path / name, b"")


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_of_any_new_file_and_the_umask_is_left_alone(mask, mode, tmp_path, monkeypatch):
    before = os.umask(mask)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda new: pytest.fail("the umask belongs to all threads of the process"))
            write_whole(tmp_path / "a", b"1")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


def test_the_longest_name_that_the_folder_allows_is_written(tmp_path):
    write_whole(tmp_path / ("n" * 251 + ".txt"), b"1")
    assert os.listdir(tmp_path) == ["n" * 251 + ".txt"]


HOLD = """
import sys, time
from pasticcio.files import working_folder, writing
with {way} as partial:
    (partial if partial.is_file() else partial / "inside").write_bytes(b"half")
    print(partial, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("way", ["writing(sys.argv[1] + '/a.txt')", "working_folder(sys.argv[1])"])
def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(way, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_cleaned", set())
    (tmp_path / ".pasticcio-of-an-earlier-version.png").write_bytes(b"half")
    (tmp_path / ".other").write_bytes(b"not ours")
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(way=way), tmp_path], stdout=subprocess.PIPE, text=True
    )
    try:
        partial = process.stdout.readline().strip()
        write_whole(tmp_path / "mine", b"1")
        assert sorted(os.listdir(tmp_path)) == sorted([".other", "mine", os.path.basename(partial)])
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert os.path.exists(partial)
        monkeypatch.setattr(files, "_cleaned", set())  # as in a new process
        write_whole(tmp_path / "mine", b"2")
    finally:
        process.kill()
        process.communicate()
    assert sorted(os.listdir(tmp_path)) == [".other", "mine"]


def test_without_locks_only_what_is_old_is_a_leftover(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    young, old = tmp_path / ".pasticcio-young", tmp_path / ".pasticcio-old"
    for path in (young, old):
        path.write_bytes(b"")
    os.utime(old, (time.time() - 1e6,) * 2)
    assert remove_leftovers(tmp_path) == [old]
    with writing(tmp_path / "a") as partial:
        partial.write_bytes(b"1")
    assert sorted(os.listdir(tmp_path)) == [".pasticcio-young", "a"]


def test_a_file_taken_for_a_leftover_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    made, lost = files._new_file, []

    def taken(target):
        path = made(target)
        if not lost:
            lost.append(path)
            path.unlink()
        return path

    monkeypatch.setattr(files, "_new_file", taken)
    write_whole(tmp_path / "a", b"1")
    assert lost
    assert os.listdir(tmp_path) == ["a"]


def test_two_processes_that_write_one_file_leave_one_of_theirs_whole(tmp_path):
    script = (
        "import sys; from pasticcio.files import write_whole\n"
        "for _ in range(200): write_whole(sys.argv[1], sys.argv[2].encode() * 10000)"
    )
    target = tmp_path / "a"
    processes = [subprocess.Popen([sys.executable, "-c", script, target, letter]) for letter in "xyz"]
    while any(process.poll() is None for process in processes):
        if target.exists():
            assert len(set(target.read_bytes())) == 1
            assert target.stat().st_size == 10000
    assert [process.returncode for process in processes] == [0] * 3
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [28, 13, 30, 5], ids=["ENOSPC", "EACCES", "EROFS", "EIO"])
def test_every_fault_of_the_disk_is_explained(error, tmp_path, monkeypatch):
    reason = os.strerror(error)

    def fail(*arguments, **options):
        raise OSError(error, reason)

    for name in ("open", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            with pytest.raises(OutputError, match=f"cannot write .*: {reason}"):
                write_whole(tmp_path / "a", b"1")
    with pytest.raises(OutputError, match=f"cannot write into .*: {reason}"), working_folder(tmp_path):
        fail()
    with monkeypatch.context() as patch:  # a folder that cannot be searched for leftovers
        patch.setattr(os, "scandir", fail)
        write_whole(tmp_path / "a", b"1")
    assert os.listdir(tmp_path) == ["a"]


def test_an_output_is_not_what_is_read_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_whole("a.png", b"1")
    os.symlink("a.png", "link.png")
    check_apart("b.png", "a.png", None, 0.5, "no such", b"bytes")
    for path in ("a.png", "./a.png", tmp_path / "link.png"):
        with pytest.raises(OutputError, match=r"cannot write a\.png: it is read for the output; name another file"):
            check_apart("a.png", 0.5, path)
