from types import SimpleNamespace

from pasticcio.cli.progress import Bars


def test_bars_go_to_standard_error_with_their_names_and_texts(capfd):
    with Bars() as bars:
        bars.show("rendering", 2, 4, "4 tiles [sample]")
        bars.report("thumbnails")(3, 5)
        bars.training("default 1/2")(
            SimpleNamespace(step=7, steps=9, losses={"content": 1.2345, "style": 2.0}, pictures_per_second=3.21)
        )
    out, error = capfd.readouterr()
    assert out == ""
    for text in ("rendering", "2/4", "4 tiles [sample]", "thumbnails", "3/5", "default 1/2", "7/9"):
        assert text in error
    assert "content 1.23  style 2  3.2 pictures/s" in error


def test_without_a_report_nothing_is_drawn(capfd):
    with Bars():
        pass
    assert capfd.readouterr() == ("", "")


def test_a_download_is_shown_until_it_ends(capfd):
    with Bars() as bars:
        bars.download(1, 3)
    assert "download, bytes" in capfd.readouterr().err
    with Bars() as bars:
        bars.download(1, 3)
        bars.download(3, 3)
    assert "download, bytes" not in capfd.readouterr().err.splitlines()[-1:]
