import os

import pytest

from pasticcio.errors import OutputError
from pasticcio.files import write_whole, writing


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
