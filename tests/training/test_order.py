import dataclasses
import itertools
from collections import Counter

import pytest

from pasticcio.training.order import Order, Place


def seen(place, turns, photos=7, styles=5, seed=3):
    """The photos and styles of all batches that some turns use, in all processes; and the place after them."""
    shown = [], []
    end = place.after(turns + place.reuse - 1)
    for number in range(place.batch, end.batch):
        if number == place.batch and place.turn:
            continue  # seen before
        for process in range(place.processes):
            order = Order(photos, styles, place, epochs=True, seed=seed, process=process)
            for row, (photo, style, _) in enumerate(order.batch(number)[1]):
                shown[0].append(photo)
                shown[1].extend([style] if row >= place.own else [])
    return *shown, place.after(turns)


def assert_epochs(numbers, count):
    """All come once before one comes again: each epoch is complete, the last one without repeats."""
    for first in range(0, len(numbers), count):
        epoch = numbers[first : first + count]
        assert sorted(epoch) == list(range(count)) or (len(set(epoch)) == len(epoch) < count)


@pytest.mark.parametrize("own", [0, 1])
def test_no_picture_comes_twice_in_an_epoch_whatever_the_counts(own):
    for rows, processes, reuse, photos in itertools.product((1, 2, 3, 5), (1, 2, 3, 4, 7), (1, 2), (1, 7, 12)):
        if own < rows:
            shown = seen(Place(rows, own, reuse, processes), 11, photos)
            assert_epochs(shown[0], photos)
            assert_epochs(shown[1], 5)
            assert len(shown[0]) == -(-11 // reuse) * rows * processes


def test_a_run_that_is_broken_off_goes_on_in_its_epoch_in_any_number_of_processes():
    """Wherever it stops, and with other batches too: no picture twice, and none left out."""
    paces = [Place(2), Place(3, 1, 1, 2), Place(3, 1, 2, 1), Place(2, 0, 3, 3), Place(5, 1, 1, 4)]
    for first, second in itertools.product(paces, paces):
        for turns in (0, 1, 2, 5, 7):
            photos, styles, place = seen(first, turns)
            place = place.to(second)
            more, others, last = seen(place, 9)
            assert_epochs(photos + more, 7)
            assert_epochs(styles + others, 5)
            assert last.photos >= len(photos)
            if first == second:
                assert (photos + more, styles + others) == seen(first, turns + 9)[:2]


def test_rows_of_an_epoch_do_not_depend_on_the_processes():
    """Two processes with batches of two see what one sees in twice as many: also where its crops lie."""
    one, two = Place(2), Place(2, processes=2)
    for number in range(5):
        alone = [draws(Order(7, 5, one, epochs=True, seed=1, process=0), 2 * number + part) for part in (0, 1)]
        shared = [draws(Order(7, 5, two, epochs=True, seed=1, process=part), number) for part in (0, 1)]
        assert alone == shared


def draws(order, number):
    rng, rows = order.batch(number)
    return rng.random(), [(photo, style, own.random()) for photo, style, own in rows]


def test_epochs_are_shuffled_anew_and_by_the_seed():
    photos, _, _ = seen(Place(7), 2)
    others, _, _ = seen(Place(7), 1, seed=4)
    assert photos[:7] != photos[7:]
    assert photos[:7] != others


def test_without_epochs_each_is_drawn_from_all():
    order = Order(4, 9, Place(4), epochs=False, seed=0, process=0)
    shown = [photo for number in range(200) for photo, _, _ in order.batch(number)[1]]
    assert all(150 < count < 250 for count in Counter(shown).values())
    assert any(len(set(shown[first : first + 4])) < 4 for first in range(0, 800, 4))


def test_turns_that_are_left_go_on_at_the_same_pace_alone():
    place = Place(2, reuse=3).after(4)
    assert (place.batch, place.turn, place.photos) == (1, 1, 2)
    assert place.to(Place(2, reuse=3)) == place
    changed = place.to(Place(2, reuse=3, processes=2))
    assert changed == dataclasses.replace(place, batch=2, turn=0, photos=4, styles=4, processes=2)


def test_what_is_drawn_in_epochs_is_not_what_is_drawn_otherwise():
    """NumPy takes (1, 2, 3) and (1, 2, 3, 0) for the same seed."""
    begun = [
        Order(7, 5, Place(2), epochs=epochs, seed=seed, process=0).batch(number)[0].random()
        for epochs in (False, True)
        for seed in range(4)
        for number in range(20)
    ]
    assert len(set(begun)) == 160
