"""The queue by itself; test_app has it behind HTTP."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pasticcio.server.problem import RefusedError
from pasticcio.server.work import Work


def run(coroutine):
    """Run a coroutine in a thread of its own: a browser of another test may have a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


def test_results_and_errors_come_back():
    work = Work(1, 2)

    async def both():
        assert await work.run(lambda: 3) == 3
        with pytest.raises(KeyError):
            await work.run(lambda: {}[0])

    run(both())
    assert work.close(5)


def test_previews_and_other_pictures_take_turns():
    work, begun, gate, order = Work(1, 10), threading.Event(), threading.Event(), []

    async def ask():
        first = asyncio.ensure_future(work.run(lambda: begun.set() or gate.wait(20)))
        await asyncio.to_thread(begun.wait, 20)
        jobs = [first]
        for name in ("preview", "picture"):
            for i in range(3):
                call = lambda name=name, i=i: order.append(f"{name} {i}")  # noqa: E731
                jobs.append(asyncio.ensure_future(work.run(call, preview=name == "preview")))
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*jobs)

    run(ask())
    assert [one.split()[0] for one in order[:4]] in (["preview", "picture"] * 2, ["picture", "preview"] * 2)
    assert [one for one in order if "preview" in one] == [f"preview {i}" for i in range(3)]


def test_a_closed_queue_refuses():
    work = Work(1, 1)
    assert work.close(5)

    async def ask():
        with pytest.raises(RefusedError):
            await work.run(lambda: 1)

    run(ask())


def test_slow_bodies_take_nobodys_place(monkeypatch):
    monkeypatch.setattr("pasticcio.server.work.FRESH", 0.0)
    work = Work(1, 1)
    with work.admitted(), work.admitted():
        pass
    monkeypatch.setattr("pasticcio.server.work.FRESH", 60.0)
    with work.admitted(), pytest.raises(RefusedError) as refused, work.admitted():
        pass
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 60
    work.close(5)
