"""Memory that is used again once nobody holds it, and tiles that are dropped."""

from __future__ import annotations

import threading

import numpy as np

from workbench.training.native import tiles as tiles_module
from workbench.training.native.filling import Filling
from workbench.training.native.recycling import Recycler
from workbench.training.native.tiles import Tiles, _Cache


def test_memory_comes_back_when_the_last_view_goes():
    recycler = Recycler(10_000)
    array = recycler.empty((4, 100), np.float32)
    array[:] = 1
    view, place = array[1:, ::2], array.ctypes.data
    del array
    assert recycler.nbytes == 0
    assert recycler.empty((4, 100), np.float32).ctypes.data != place  # and this one comes back at once
    assert (view == 1).all()
    del view
    assert recycler.nbytes == 3200
    both = [recycler.empty((1600,), np.uint8) for _ in range(2)]
    assert place in [each.ctypes.data for each in both]
    assert recycler.nbytes == 0


def test_no_more_waits_than_allowed():
    recycler = Recycler(1000)
    arrays = [recycler.empty((400,), np.uint8) for _ in range(5)]
    del arrays
    assert recycler.nbytes == 800
    recycler.empty((2000,), np.uint8)
    assert recycler.nbytes == 0


def test_threads_never_get_the_same_memory():
    recycler, wrong = Recycler(1 << 20), []

    def work(number):
        for turn in range(2000):
            array = recycler.empty((64,), np.int64)
            array[:] = number
            if turn % 7 == 0:
                recycler.empty((64,), np.int64)[:] = -1
            if (array != number).any():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def whole(images):
    tiles = Tiles(images, np.zeros((1, 64), np.int32), 1)
    return Filling(tiles, 1, lambda first, last: None)


def test_cache_keeps_the_latest_streams_and_all_splits():
    made = []

    def get(stream, rest):
        def make():
            made.append((stream, rest))
            return whole(np.zeros((1, 2, 64), np.uint8))

        return cache.get((stream, rest), make)

    cache = _Cache(1 << 20)
    get(None, "validation")
    for stream in "aabba":
        for epoch in range(2):
            get(stream, epoch)
    assert len(made) == 5
    get("c", 0)  # b goes
    get("a", 1)
    get(None, "validation")
    assert len(made) == 6
    get("b", 0)
    assert len(made) == 7


def test_tiles_and_waiting_memory_share_one_bound(monkeypatch):
    """What goes leaves its memory to what comes, whether its stream is over or the bound is reached."""
    memory, size = Recycler(1 << 20), 2 * 64 + 64 * 4
    monkeypatch.setattr(tiles_module, "_MEMORY", memory)
    cache, places = _Cache(4 * size), set()

    def make():
        made = memory.empty((1, 2, 64), np.uint8)
        places.add(made.ctypes.data)
        return whole(made)

    for stream in range(5):
        for epoch in range(7):
            cache.get((stream, epoch), make)
            kept = sum(each.nbytes for each in cache._made.values())
            assert kept + memory.nbytes <= 4 * size
    assert len(places) <= 10  # of 35
