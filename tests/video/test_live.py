import io
import threading
import types

import numpy as np
import pytest
from skimage import data

from pasticcio.errors import ImageError, MissingExtraError, OptionError, OutputError
from pasticcio.video.camera import Device, FakeCamera, Newest, Pipe, Played
from pasticcio.video.live import Live, Manner, Painter, fitted
from pasticcio.video.sinks import Raw, Virtual, raw_file

pytest.importorskip("cv2")


def frame(value, size=(8, 12)):
    return np.full((*size, 3), value, np.uint8)


class Clock:
    """Seconds that pass only when somebody waits."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def wait(self, event, seconds):
        self.now += seconds


class Kept(list):
    """A sink that keeps all outputs."""

    def show(self, output):
        self.append(int(output.mean()))


def test_the_newest_frame_wins_and_the_others_are_dropped():
    camera, meeting, go_on = FakeCamera(), threading.Event(), threading.Event()

    def paint(picture):
        if picture.mean() == 0:
            meeting.set()
            assert go_on.wait(60)  # while it is rendered, three more come
        return picture

    shown = Kept()
    live = Live(Newest(camera), paint, [shown])
    with live.running():
        camera.push(frame(0))
        assert meeting.wait(60)
        for value in (1, 2, 3):
            camera.push(frame(value))
        go_on.set()
        while len(shown) < 2:
            threading.Event().wait(0.001)
    assert shown == [0, 3]
    assert (live.seen.shown, live.seen.dropped) == (2, 2)


def test_a_clip_is_played_at_its_own_pace():
    clock = Clock()
    given = []
    timed = [(5.0 + 0.25 * number, frame(number)) for number in range(4)]
    for _ in Played(timed, clock=clock, wait=clock.wait).frames():
        given.append(clock())
        clock.now += 0.3 if len(given) == 2 else 0  # the reader is late once, and does not stay late
    assert given == pytest.approx([0, 0.25, 0.55, 0.75])


def test_latency_is_told_in_seconds_and_in_frames():
    clock = Clock()
    camera = FakeCamera()

    def paint(picture):
        clock.now += 0.1
        return picture

    shown = Kept()
    live = Live(Newest(camera, clock), paint, [shown], clock)
    with live.running():
        for number in range(4):
            camera.push(frame(number))
            while len(shown) <= number:
                threading.Event().wait(0.001)
        camera.close()
    assert live.seen.latency == pytest.approx(0.1)
    assert live.seen.frames == pytest.approx(1.0)  # a frame comes when the one before is shown


@pytest.mark.parametrize("place", ["camera", "paint", "sink"])
def test_an_error_ends_the_run_and_is_raised(place):
    def fail(*given):
        raise ImageError("it broke")

    camera = types.SimpleNamespace(
        name="", close=lambda: None, frames=lambda: (fail() if place == "camera" else one for one in [frame(1)])
    )
    sink = types.SimpleNamespace(show=fail) if place == "sink" else Kept()
    live = Live(Newest(camera), fail if place == "paint" else lambda picture: picture, [sink])

    def until_it_ends():
        with live.running():
            while not live.over:
                threading.Event().wait(0.001)

    with pytest.raises(ImageError, match="it broke"):
        until_it_ends()


def test_the_end_does_not_wait_for_a_camera_that_gives_nothing():
    camera = FakeCamera()
    before = threading.active_count()
    with Live(Newest(camera), lambda picture: picture, []).running():
        pass
    assert threading.active_count() == before


def test_raw_frames_from_a_pipe():
    pixels = np.arange(2 * 8 * 12 * 3, dtype=np.uint8).reshape(2, 8, 12, 3)

    class Slow(io.BytesIO):
        def readinto(self, left):
            return super().readinto(left[:100])

    np.testing.assert_array_equal(list(Pipe(Slow(pixels.tobytes()), (12, 8)).frames()), pixels)
    with pytest.raises(ImageError, match=r"of 288 bytes, 10 are missing; .* 12x8"):
        list(Pipe(Slow(pixels.tobytes()[:-10]), (12, 8)).frames())


def test_raw_frames_go_into_a_file_whole(tmp_path):
    with raw_file(tmp_path / "frames") as sink:
        sink.show(frame(1)[:, ::2])
        sink.show(frame(2))
        assert not (tmp_path / "frames").exists()
    assert (tmp_path / "frames").read_bytes() == bytes([1] * 144 + [2] * 288)
    with open(tmp_path / "frames", "rb") as file, pytest.raises(OutputError, match="cannot write to nowhere"):
        Raw(file, "nowhere").show(frame(1))


def test_a_virtual_camera(monkeypatch):
    sent = []

    class Camera:
        def __init__(self, width, height, rate):
            if width > 100:
                raise RuntimeError("v4l2loopback: no device")
            sent.append((width, height))

        def send(self, output):
            sent.append(int(output.mean()))

        def close(self):
            sent.append("closed")

    monkeypatch.setitem(__import__("sys").modules, "pyvirtualcam", types.SimpleNamespace(Camera=Camera))
    sink = Virtual()
    sink.show(frame(7))
    sink.show(frame(8))
    sink.close()
    assert sent == [(12, 8), 7, 8, "closed"]
    with pytest.raises(OutputError, match=r"there is no virtual camera .*no device.*modprobe v4l2loopback"):
        Virtual().show(frame(1, (8, 200)))
    monkeypatch.setitem(__import__("sys").modules, "pyvirtualcam", None)
    with pytest.raises(MissingExtraError, match=r"pasticcio\[webcam\]"):
        Virtual()


def test_keys():
    manner = Manner(["dance", "sunflowers", "wheat"], ["one", "two"], 1.0)
    for key, style, model, strength in (
        ("n", "sunflowers", "one", 1.0),
        ("p", "dance", "one", 1.0),
        ("p", "wheat", "one", 1.0),
        ("2", "sunflowers", "one", 1.0),
        ("-", "sunflowers", "one", 0.9),
        ("m", "sunflowers", "two", 0.9),
        ("m", "sunflowers", "one", 0.9),
    ):
        assert manner.press(key)
        assert (manner.style, manner.model, manner.strength) == (style, model, strength)
    for _ in range(20):
        manner.press("+")
    assert manner.strength == 1.5
    assert not any(manner.press(key) for key in ("4", "0", "x", "", "²"))
    assert not manner.over
    manner.press("q")
    assert manner.over
    with pytest.raises(OptionError, match="no style"):
        Manner([])


def test_a_key_changes_the_next_output_and_models_are_opened_once():
    from pasticcio.render.stylizer import Stylizer

    opened = []
    manner = Manner(["dance", "sunflowers"])
    paint = Painter(manner, open_model=lambda name: opened.append(name) or Stylizer(name, threads=1))
    picture = data.coffee()[100:148, 150:214]
    one = paint(picture)
    manner.press("n")
    other = paint(picture)
    assert np.abs(one.astype(float) - other).mean() > 5
    np.testing.assert_array_equal(
        other, Painter(Manner(["sunflowers"]))(picture)
    )  # nothing of the style before is left
    manner.press("p")
    np.testing.assert_array_equal(paint(picture), one)
    assert opened == ["fast"]


def test_large_frames_are_made_smaller_in_their_proportions():
    assert fitted(frame(1, (300, 400)), (200, 200)).shape == (150, 200, 3)
    assert fitted(frame(1, (30, 40)), (200, 200)).shape == (30, 40, 3)


def test_what_gives_frames_is_closed_where_the_run_ends_early():
    closed = []

    def timed():
        try:
            while True:
                yield 0.0, np.zeros((2, 2, 3), np.uint8)
        finally:
            closed.append(True)

    giving = timed()
    frames = Played(giving).frames()
    next(frames)
    frames.close()
    assert closed == [True]


def test_a_camera_is_released_where_the_run_ends_early(monkeypatch):
    cv2 = pytest.importorskip("cv2")
    released = []

    class Capture:
        def __init__(self, number):
            self.isOpened, self.set = (lambda: True), (lambda *pair: True)
            self.read, self.release = (lambda: (True, np.zeros((2, 2, 3), np.uint8))), (lambda: released.append(number))

    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    frames = Device(3).frames()
    next(frames)
    frames.close()
    assert released == [3]
