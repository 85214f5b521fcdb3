"""Python's search for cycles goes on after a read, whatever came of it and whoever else reads."""

from __future__ import annotations

import gc

import pytest

from powergraph_collector.history.uncollected import without_cycle_search


def test_the_search_goes_on_after_the_block_whatever_came_of_it() -> None:
    with without_cycle_search():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), without_cycle_search():
        raise KeyError
    assert gc.isenabled()


def test_two_blocks_that_overlap_leave_it_on_and_one_that_was_off_stays_off() -> None:
    first, second = without_cycle_search(), without_cycle_search()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    assert gc.isenabled()
    gc.disable()
    try:
        with without_cycle_search():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
