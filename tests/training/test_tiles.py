"""Tiles: their contents, the threads that fill them together, and the memory that is used again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from workbench.datasets import Dataset
from workbench.training import TrainConfig
from workbench.training.augmentation import batches_with_targets, targets_of
from workbench.training.native.cache import PART, BufferPool, Cache, CooperativeFill
from workbench.training.native.tiles import Tiles, split_tiles, training_tiles


def random_images(shape: tuple[int, int, int], n: int, kind: type = np.uint8) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, size=(n, *shape)).astype(kind)
    return Dataset.from_arrays(images, np.arange(n) % 3, images[:10], np.arange(10) % 3)


@pytest.mark.parametrize("shift", [2, 7])  # within the images, and beyond
@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize(("batch_size", "width", "per_batch"), [(13, 16, 1), (32, 32, 1), (33, 64, 1), (100, 64, 2)])
@pytest.mark.parametrize("more", [{}, {"cutout": 3}, {"mixup": 0.4, "label_smoothing": 0.1}, {"cutout": 4, "mixup": 2}])
def test_tiles_hold_the_same_images_as_batches(batch_size, width, per_batch, kind, shift, more):
    data = random_images((3, 5, 6), 400, kind)
    config = TrainConfig(batch_size=batch_size, shift=shift, mirror=True, **more)
    tiles = training_tiles(data, config, (4, 1), 2)
    assert (tiles.images.shape[2], tiles.per_batch) == (width, per_batch)
    for number, (images, labels, targets) in enumerate(batches_with_targets(data, config, (4, 1), 2)):
        part = slice(per_batch * number, per_batch * (number + 1))
        held = tiles.labels[part] >= 0
        raw = tiles.images[part].transpose(0, 2, 1)[held].reshape(images.shape)
        np.testing.assert_array_equal(tiles.labels[part][held], labels)
        assert (targets is None) == (tiles.shares is None) == ("mixup" not in more)
        if targets is not None:
            mixed = targets_of(tiles.labels[part], 3, config, tiles.others[part], tiles.shares[part])
            np.testing.assert_array_equal(mixed[held], targets)
        np.testing.assert_allclose(
            (raw - data.mean[:, None, None]) / data.std[:, None, None], images, rtol=1e-5, atol=1e-6
        )
        assert (tiles.images[part].transpose(0, 2, 1)[~held] == 0).all()


def test_tiles_are_made_once_and_forgotten_when_there_are_too_many():
    data = random_images((1, 4, 4), 150)
    cache, made = Cache(3 * split_tiles(data, "train").nbytes, BufferPool(0)), []

    def make(name):
        def begin():
            made.append(name)
            return CooperativeFill(split_tiles(data, "train"), 1, lambda first, last: None)

        return begin

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: cache.get("a", make("a")), range(50)))
    assert made == ["a"]
    for name in "bcd":
        cache.get(name, make(name))
    cache.get("a", make("a"))
    assert made == ["a", "b", "c", "d", "a"]


def test_all_threads_that_wait_fill_each_tile_once():
    both, filled, threads = threading.Event(), [], set()

    def fill(first, last):
        threads.add(threading.get_ident())
        if len(threads) == 2:
            both.set()
        assert both.wait(10)
        filled.extend(range(first, last))

    in_progress = CooperativeFill("tiles", 5 * PART + 1, fill)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: in_progress.finish(), range(2))) == ["tiles"] * 2
    assert sorted(filled) == list(range(5 * PART + 1))
    assert len(threads) == 2


def test_who_is_interrupted_leaves_the_rest_to_others():
    filled = []

    def fill(first, last):
        if not filled:
            filled.append(None)
            raise KeyboardInterrupt
        filled.extend(range(first, last))

    in_progress = CooperativeFill("tiles", 3 * PART, fill)
    with pytest.raises(KeyboardInterrupt):
        in_progress.finish()
    assert in_progress.finish() == "tiles"
    assert sorted(filled[1:]) == list(range(3 * PART))


def test_memory_comes_back_when_the_last_view_goes():
    pool = BufferPool(10_000)
    array = pool.empty((4, 100), np.float32)
    array[:] = 1
    view, place = array[1:, ::2], array.ctypes.data
    del array
    assert pool.nbytes == 0
    assert pool.empty((4, 100), np.float32).ctypes.data != place  # and this one comes back at once
    assert (view == 1).all()
    del view
    assert pool.nbytes == 3200
    both = [pool.empty((1600,), np.uint8) for _ in range(2)]
    assert place in [each.ctypes.data for each in both]
    assert pool.nbytes == 0


def test_no_more_waits_than_allowed():
    pool = BufferPool(1000)
    arrays = [pool.empty((400,), np.uint8) for _ in range(5)]
    del arrays
    assert pool.nbytes == 800
    pool.empty((2000,), np.uint8)
    assert pool.nbytes == 0


def test_threads_never_get_the_same_memory():
    pool, wrong = BufferPool(1 << 20), []

    def work(number):
        for turn in range(2000):
            array = pool.empty((64,), np.int64)
            array[:] = number
            if turn % 7 == 0:
                pool.empty((64,), np.int64)[:] = -1
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
    return CooperativeFill(tiles, 1, lambda first, last: None)


def test_cache_keeps_the_latest_streams_and_all_splits():
    made = []

    def get(stream, rest):
        def make():
            made.append((stream, rest))
            return whole(np.zeros((1, 2, 64), np.uint8))

        return cache.get((stream, rest), make)

    cache = Cache(1 << 20, BufferPool(1 << 20))
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


def test_tiles_and_free_memory_share_one_limit():
    """New tiles reuse the memory of dropped ones, whether their stream is over or the limit is reached."""
    memory, size = BufferPool(1 << 20), 2 * 64 + 64 * 4
    cache, places = Cache(4 * size, memory), set()

    def make():
        made = memory.empty((1, 2, 64), np.uint8)
        places.add(made.ctypes.data)
        return whole(made)

    for stream in range(5):
        for epoch in range(7):
            cache.get((stream, epoch), make)
            assert cache.nbytes + memory.nbytes <= 4 * size
    assert len(places) <= 10  # of 35
