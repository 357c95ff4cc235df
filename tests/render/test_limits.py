"""Memory that does not suffice, many threads, many renders, and Stylizers in other processes."""

import asyncio
import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from pasticcio.errors import ImageError
from pasticcio.image.read import read_picture
from pasticcio.model.sessions import Sessions, open_graph
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer

PHOTO = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def short_of_memory(limit):
    """Graphs of which none can be run on more than so many numbers, as a runtime says it."""
    runs = []

    def load(graph, runtime, threads, large):
        run = open_graph(graph, runtime, threads, large)

        def limited(inputs):
            size = inputs["content"].size if "content" in inputs else 0
            runs.append(size)
            if size > limit:
                raise RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc")
            return run(inputs)

        return limited

    return Sessions(lambda: "onnxruntime", 1, load), runs


def test_a_runtime_that_lacks_memory_is_given_smaller_tiles(photo):
    photo = np.asarray(Image.fromarray(photo).resize((900, 700)))
    sessions, runs = short_of_memory(3 * 700 * 850)
    said = []
    stylizer = Stylizer(threads=1, runtime="onnxruntime", sessions=sessions)
    found = stylizer.paint(read_picture(photo), "dance", None, said.append).pixels
    wanted = Stylizer(threads=1, runtime="onnxruntime").stylize(photo, "dance", Options(tile=384))
    assert np.abs(found.astype(float) - wanted).mean() < 8  # its statistics are of fewer pixels
    assert "tiles, statistics of a sample: memory did not suffice for" in said[-1].text
    sessions, runs = short_of_memory(1000)
    stylizer = Stylizer(threads=1, runtime="onnxruntime", sessions=sessions)
    with pytest.raises(
        ImageError, match="the picture given of 900 x 700 does not fit into the memory that is free; free some, or"
    ):
        stylizer.stylize(photo, "dance")
    assert len(runs) > 2
    with pytest.raises(ImageError, match="free with tile 512; free some, leave tile out, or make"):
        stylizer.stylize(photo, "dance", Options(tile=512))


LIMITED = """
import resource, sys
import numpy as np
from pasticcio.image.read import read_picture
from pasticcio.render.stylizer import Stylizer
stylizer = Stylizer(threads=1, runtime="onnxruntime")
photo = np.random.default_rng(0).integers(0, 256, (1200, 1600, 3), dtype=np.uint8)
stylizer.stylize(photo[:64, :64], "dance")
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
most = used + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (most, most))
said = []
try:
    stylizer.paint(read_picture(photo), "dance", None, said.append)
    print(said[-1].text)
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits on the address space")
def test_a_limit_on_the_process_gives_tiles_and_then_one_line():
    def text(room):
        done = subprocess.run([sys.executable, "-c", LIMITED, str(room)], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "tiles, statistics of a sample: 2 megapixels in one pass would take" in text(600 << 20)
    assert text(30 << 20).startswith("ImageError the picture given of 1600 x 1200 does not fit into the memory")


def test_two_hundred_threads_share_one_stylizer():
    stylizer = Stylizer(threads=1, runtime="onnxruntime")
    wanted, found = Stylizer(threads=1).stylize(PHOTO, "dance"), {}

    def work(number):
        found[number] = stylizer.stylize(PHOTO, "dance")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 200
    assert all(np.array_equal(image, wanted) for image in found.values())


def test_a_stylizer_goes_to_another_process_as_its_model_and_settings():
    stylizer = Stylizer(threads=1, runtime="onnxruntime", memory=1 << 30)
    wanted = stylizer.stylize(PHOTO, "dance")
    for other in (pickle.loads(pickle.dumps(stylizer)), copy.copy(stylizer), copy.deepcopy(stylizer)):
        assert (other.model, other.memory) == (stylizer.model, 1 << 30)
        assert (other.threads, other.choice.runtime) == (1, "onnxruntime")
        assert not other._sessions._graphs  # loaded when first used
        assert np.array_equal(other.stylize(PHOTO, "dance"), wanted)
    assert len(pickle.dumps(stylizer)) < 10_000


def paint(stylizer):
    return stylizer.stylize(PHOTO, "dance")


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_other_processes_render_the_same(method):
    stylizer = Stylizer(threads=1, runtime="onnxruntime")
    wanted = paint(stylizer)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        for found in [pool.submit(stylizer.stylize, PHOTO, "dance") for _ in range(4)]:
            assert np.array_equal(found.result(120), wanted)


def test_a_running_event_loop_is_no_hindrance():
    """As in a notebook: the loop runs in a thread, which calls the library itself and through threads."""
    stylizer = Stylizer(threads=1, runtime="onnxruntime")

    async def several():
        here = paint(stylizer)
        there = await asyncio.gather(*(asyncio.to_thread(paint, stylizer) for _ in range(8)))
        return [here, *there]

    with ThreadPoolExecutor(1) as thread:  # a browser of another test may have a loop in this one
        first, *others = thread.submit(asyncio.run, several()).result()
    assert all(np.array_equal(first, other) for other in others)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs a process bound to cores")
def test_one_core_suffices():
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "import numpy as np; from pasticcio import Stylizer;"
        "print(Stylizer().stylize(np.zeros((40, 50, 3), np.uint8), 'dance').shape)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.stdout == "(40, 50, 3)\n", done.stderr
