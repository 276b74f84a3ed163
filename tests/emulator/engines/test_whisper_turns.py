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


def test_a_file_goes_on_to_its_end_and_lets_only_clips_pass() -> None:
    done: list[str] = []

    async def play() -> None:
        turns = Turns()

        async def file(name: str, rank: tuple[int, float]) -> None:
            async with turns.take(rank) as turn:
                for piece in range(3):
                    done.append(f"{name}.{piece}")
                    await all_are_there.wait()
                    await turn.let_pass()

        async def clip(name: str, rank: tuple[int, float]) -> None:
            async with turns.take(rank):
                done.append(name)

        all_are_there = asyncio.Event()
        jobs = [asyncio.create_task(file("file 1", (1, 1))), asyncio.create_task(file("file 2", (1, 2)))]
        jobs += [asyncio.create_task(clip("clip 3", (0, 3))), asyncio.create_task(clip("clip 4", (0, 4)))]
        await asyncio.sleep(0)
        all_are_there.set()
        await asyncio.gather(*jobs)

    asyncio.run(play())
    assert done == [
        "file 1.0",
        "clip 3",
        "clip 4",
        "file 1.1",
        "file 1.2",
        "file 2.0",
        "file 2.1",
        "file 2.2",
    ]


def test_a_file_that_is_given_up_while_it_lets_others_pass_holds_nothing() -> None:
    done: list[str] = []

    async def play() -> None:
        turns = Turns()

        async def file() -> None:
            async with turns.take((1, 1)) as turn:
                await clip_is_there.wait()
                await turn.let_pass()
                done.append("went on")

        async def clip() -> None:
            async with turns.take((0, 2)):
                held.set()
                await leave.wait()
                done.append("clip")

        clip_is_there, held, leave = asyncio.Event(), asyncio.Event(), asyncio.Event()
        given_up = asyncio.create_task(file())
        clips = asyncio.create_task(clip())
        await asyncio.sleep(0)
        clip_is_there.set()
        await held.wait()
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        leave.set()
        await clips
        async with turns.take((1, 3)):
            done.append("after")

    asyncio.run(play())
    assert done == ["clip", "after"]
