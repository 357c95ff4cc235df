import itertools
import threading

import pytest

from pasticcio.errors import OptionError
from pasticcio.video.pipeline import Step, pipeline


def threads():
    return set(threading.enumerate())


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threads()
    yield
    assert threads() <= before


def test_items_stay_in_order_whichever_thread_is_first():
    later = [threading.Event() for _ in range(6)]

    def work(number):
        if number % 2 == 0 and number < 4:
            assert later[number + 1].wait(60)  # the next item is done first
        later[number].set()
        return number * 10

    assert list(pipeline(range(6), Step(work, threads=2), Step(str))) == ["0", "10", "20", "30", "40", "50"]
    assert list(pipeline([], Step(work))) == []


def test_steps_work_at_the_same_time():
    meeting = threading.Barrier(2, timeout=60)
    seen = []

    def first(number):
        if number == 1:
            meeting.wait()  # while the second step has item 0
        return number

    def second(number):
        if number == 0:
            meeting.wait()
        seen.append(number)

    list(pipeline(range(3), Step(first), Step(second)))
    assert seen == [0, 1, 2]


def test_items_are_taken_only_as_there_is_room():
    taken = itertools.count()
    most = []

    def items():
        for number in range(50):
            next(taken)
            yield number

    for number in pipeline(items(), Step(lambda number: number, threads=2), Step(lambda number: number), room=2):
        most.append(next(taken) - number - len(most))
    assert len(most) == 50
    assert max(most) <= 12  # three lines of 2, a thread's item each, and the one that is given


@pytest.mark.parametrize("place", ["items", "first", "second"])
def test_an_error_comes_once_after_the_items_before(place):
    closed = threading.Event()

    def fails(here):
        def work(number):
            if here == place and number == 3:
                raise ValueError(f"{here} {number}")
            return number

        return work

    def items():
        try:
            for number in itertools.count():
                yield fails("items")(number)
        finally:
            closed.set()

    running = pipeline(items(), Step(fails("first"), threads=3), Step(fails("second")))
    assert [next(running) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match=f"{place} 3"):
        next(running)
    assert closed.is_set()


def test_the_first_of_several_errors_counts():
    def work(number):
        raise ValueError(str(number))

    with pytest.raises(ValueError, match=r"^0$"):
        list(pipeline(range(9), Step(work, threads=3)))


def test_an_early_stop_ends_all_threads_and_closes_the_items():
    closed = threading.Event()

    def items():
        try:
            yield from itertools.count()
        finally:
            closed.set()

    running = pipeline(items(), Step(lambda number: number, threads=2), Step(lambda number: number))
    assert [next(running) for _ in range(3)] == [0, 1, 2]
    running.close()
    assert closed.is_set()


def test_a_number_of_threads_outside_its_limits():
    with pytest.raises(OptionError, match="threads is 0"):
        Step(str, threads=0)


def test_the_end_waits_until_no_item_is_being_taken():
    taking, ended = threading.Event(), threading.Event()

    def items():
        yield 0
        taking.set()
        threading.Event().wait(0.2)  # as a frame that is being decoded
        ended.set()
        yield 1

    running = pipeline(items(), Step(lambda number: number))
    assert next(running) == 0
    assert taking.wait(60)
    running.close()
    assert ended.is_set()
