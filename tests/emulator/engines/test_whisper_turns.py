"""Whose turn it is: clips before files, and each in the order in which it came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from emulator.engines.whisper import Turns

Job = Callable[[str, tuple[int, float]], Coroutine[Any, Any, None]]


def order_of(scene: Callable[[Turns, Job], Coroutine[Any, Any, None]]) -> list[str]:
    """Play a scene in which jobs take turns, and return their names in the order in which they had theirs."""
    done: list[str] = []

    async def play() -> None:
        turns = Turns()

        async def job(name: str, rank: tuple[int, float]) -> None:
            async with turns.take(rank):
                done.append(name)
                await asyncio.sleep(0)

        await scene(turns, job)

    asyncio.run(play())
    return done


def test_clips_go_before_files_and_the_oldest_first() -> None:
    async def scene(turns: Turns, job: Job) -> None:
        async with turns.take((1, 0)):
            waiting = [
                asyncio.create_task(job(name, rank))
                for name, rank in [
                    ("file 2", (1, 2)),
                    ("clip 4", (0, 4)),
                    ("file 1", (1, 1)),
                    ("clip 3", (0, 3)),
                ]
            ]
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)

    assert order_of(scene) == ["clip 3", "clip 4", "file 1", "file 2"]


def test_one_who_left_is_passed_over() -> None:
    async def scene(turns: Turns, job: Job) -> None:
        async with turns.take((1, 0)):
            first = asyncio.create_task(job("left", (0, 1)))
            second = asyncio.create_task(job("stayed", (0, 2)))
            await asyncio.sleep(0)
            first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        await job("after", (0, 3))

    assert order_of(scene) == ["stayed", "after"]


def test_one_who_leaves_as_its_turn_comes_hands_it_on() -> None:
    async def scene(turns: Turns, job: Job) -> None:
        async with turns.take((1, 0)):
            first = asyncio.create_task(job("left", (0, 1)))
            second = asyncio.create_task(job("stayed", (0, 2)))
            await asyncio.sleep(0)
        first.cancel()  # it has been given the turn, and has not run since
        await asyncio.gather(first, second, return_exceptions=True)

    assert order_of(scene) == ["stayed"]
