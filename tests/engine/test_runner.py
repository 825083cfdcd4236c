"""The engine carries out graphs: order, lanes, retries, deadlines, stops."""

from __future__ import annotations

import asyncio

import pytest

from hybridspan.engine.runner import Runner
from hybridspan.errors import PermanentFailure, TemporaryFailure
from hybridspan.plan.model import Decision, PlannedStep, done, later, needed, refused

from .conftest import ScriptedStep, Story, TurnedClock, planned


async def agree(_: PlannedStep) -> bool:
    return True


async def decline(_: PlannedStep) -> bool:
    return False


def runner(steps, story, clock, may_pass=agree) -> Runner:
    return Runner(steps, story, clock, may_pass)


async def test_a_step_that_is_done_is_not_acted_on(story: Story, clock: TurnedClock) -> None:
    step = ScriptedStep(planned("network/a"), is_done=True)
    outcome = await runner([step], story, clock).run()
    assert step.acts == 0
    assert outcome.steps[0].state == "unchanged"
    assert outcome.steps[0].reason == "as it should be"


async def test_a_step_runs_only_after_what_it_needs(story: Story, clock: TurnedClock) -> None:
    second, first = ScriptedStep(planned("b/x", "a/x")), ScriptedStep(planned("a/x"))
    outcome = await runner([first, second], story, clock).run()
    assert outcome.is_complete
    assert story.lines.index("finished a/x") < story.lines.index("checking b/x")


async def test_what_needs_a_failed_step_is_not_reached(story: Story, clock: TurnedClock) -> None:
    broken = ScriptedStep(planned("a/x"), failures=(PermanentFailure("HS-X-1", "no"),))
    after = ScriptedStep(planned("b/x", "a/x"))
    outcome = await runner([broken, after], story, clock).run()
    assert [s.state for s in outcome.steps] == ["failed", "not-reached"]
    assert after.acts == 0


async def test_a_temporary_failure_is_tried_again(story: Story, clock: TurnedClock) -> None:
    step = ScriptedStep(planned("a/x"), failures=(TemporaryFailure("HS-X-2", "busy", retry_after=7),))
    before = clock.time
    outcome = await runner([step], story, clock).run()
    assert outcome.is_complete
    assert clock.time - before >= 7
    assert "retrying a/x" in story.lines


async def test_a_temporary_failure_without_end_becomes_permanent(story: Story, clock: TurnedClock) -> None:
    step = ScriptedStep(planned("a/x"), failures=tuple(TemporaryFailure("HS-X-2", "busy") for _ in range(99)))
    outcome = await runner([step], story, clock).run()
    assert outcome.steps[0].state == "failed"
    assert "tried 14 times in 136 s without success" in str(outcome.steps[0].error)


async def test_one_try_is_called_one(story: Story, clock: TurnedClock) -> None:
    """Words that claim tries which nobody made send a person the wrong way."""
    failure = TemporaryFailure("HS-X-2", "busy", retry_after=900)
    step = ScriptedStep(planned("a/x"), failures=(failure,))
    outcome = await runner([step], story, clock).run()
    assert "tried once in 0 s without success" in str(outcome.steps[0].error)


async def test_an_act_that_comes_further_each_time_is_tried_again_each_time(
    story: Story, clock: TurnedClock
) -> None:
    step = ScriptedStep(planned("a/x"), failures=tuple(TemporaryFailure("HS-X-2", "busy") for _ in range(8)))
    act = step.act

    async def two_hours(progress) -> None:
        await clock.sleep(7200)
        progress("received", (step.acts + 1) / 10, {})
        await act(progress)

    step.act = two_hours  # type: ignore[method-assign]
    assert (await runner([step], story, clock).run()).is_complete
    assert step.acts == 9


async def test_an_act_that_fails_anew_after_each_long_work_is_given_up(
    story: Story, clock: TurnedClock
) -> None:
    step = ScriptedStep(planned("a/x"))

    async def act(progress) -> None:
        await clock.sleep(7200)
        raise TemporaryFailure("HS-X-2", "busy")

    step.act = act  # type: ignore[method-assign]
    outcome = await runner([step], story, clock).run()
    assert "tried 3 times in 21601 s without success" in str(outcome.steps[0].error)


async def test_an_act_that_took_effect_before_its_failure_is_not_repeated(
    story: Story, clock: TurnedClock
) -> None:
    step = ScriptedStep(planned("a/x"), failures=(TemporaryFailure("HS-X-2", "connection lost"),))
    act = step.act

    async def act_and_lose_the_answer(progress) -> None:
        step.is_done = True
        await act(progress)

    step.act = act_and_lose_the_answer  # type: ignore[method-assign]
    assert (await runner([step], story, clock).run()).is_complete
    assert step.acts == 1


async def test_an_act_without_effect_fails_at_its_deadline(story: Story, clock: TurnedClock) -> None:
    step = ScriptedStep(planned("a/x"))
    step.works = False
    outcome = await runner([step], story, clock).run()
    assert outcome.steps[0].error is not None
    assert outcome.steps[0].error.code == "HS-ENGINE-003"
    assert outcome.steps[0].error.why == "not there"


async def test_a_refusal_stops_the_run_with_its_reason(story: Story, clock: TurnedClock) -> None:
    step = ScriptedStep(planned("a/x"))

    async def refuse():
        return refused("this would lose data", "take a backup")

    step.check = refuse  # type: ignore[method-assign]
    outcome = await runner([step], story, clock).run()
    assert outcome.steps[0].error is not None
    assert outcome.steps[0].error.hint == "take a backup"
    assert step.acts == 0


async def test_steps_of_one_lane_never_overlap(story: Story, clock: TurnedClock) -> None:
    inside, most = 0, 0

    class Crowded(ScriptedStep):
        async def act(self, progress) -> None:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1
            self.is_done = True

    steps = [Crowded(planned(f"a/{n}", lanes=("network/1", f"cluster/{n}"))) for n in range(5)]
    assert (await runner(steps, story, clock).run()).is_complete
    assert most == 1


async def test_the_run_stops_before_what_cannot_be_undone(story: Story, clock: TurnedClock) -> None:
    step = ScriptedStep(planned("datastore/b", irreversible="nodes join the ring"))
    after = ScriptedStep(planned("rebuild/b", "datastore/b"))
    outcome = await runner([step, after], story, clock, decline).run()
    assert outcome.stopped_before == "datastore/b"
    assert step.acts == 0
    assert not outcome.failures


async def test_what_cannot_be_undone_is_asked_for_once(story: Story, clock: TurnedClock) -> None:
    asked: list[str] = []

    async def ask(step: PlannedStep) -> bool:
        asked.append(step.id)
        return True

    steps = [ScriptedStep(planned(f"datastore/{n}", irreversible="x")) for n in "bc"]
    await runner(steps, story, clock, ask).run()
    assert len(asked) == 1


async def test_cancelling_ends_all_and_tells_which(clock: TurnedClock) -> None:
    story = Story()
    step = ScriptedStep(planned("a/x"))
    begun = asyncio.Event()

    async def hang(progress) -> None:
        begun.set()
        await asyncio.Event().wait()

    step.act = hang  # type: ignore[method-assign]
    task = asyncio.create_task(runner([step], story, clock).run())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert story.lines[-1] == "interrupted a/x"


async def test_a_defect_of_one_step_lets_those_under_way_finish_and_is_kept_whole(
    story: Story, clock: TurnedClock
) -> None:
    kept: list[str] = []
    begun = asyncio.Event()

    class Broken(ScriptedStep):
        async def act(self, progress) -> None:
            await begun.wait()
            raise KeyError("peering")

    class Slow(ScriptedStep):
        async def act(self, progress) -> None:
            begun.set()
            for _ in range(20):
                await asyncio.sleep(0)
            self.is_done = True

    class Listening(Story):
        def event(self, kind, step, document) -> None:
            kept.append(document.get("traceback", ""))

    after = ScriptedStep(planned("c/after", "a/broken"))
    steps = [Broken(planned("a/broken")), Slow(planned("b/slow")), after]
    outcome = await runner(steps, Listening(), clock).run()
    assert [step.state for step in outcome.steps] == ["failed", "changed", "not-reached"]
    assert outcome.steps[0].error is not None
    assert (outcome.steps[0].error.code, outcome.steps[0].error.where) == ("HS-ENGINE-004", "a/broken")
    assert any("KeyError" in text and "in act" in text for text in kept)


async def test_failures_that_come_together_are_tried_again_like_one(story: Story, clock: TurnedClock) -> None:
    together = ExceptionGroup("regions", [TemporaryFailure("HS-X-2", "busy")])
    step = ScriptedStep(planned("a/x"), failures=(together,))
    assert (await runner([step], story, clock).run()).is_complete
    assert step.acts == 2


class Waiting(ScriptedStep):
    """A step whose looks say these in turn, and the last one ever after."""

    def __init__(self, *looks: Decision, failures: tuple[Exception, ...] = ()) -> None:
        super().__init__(planned("seed-out/a"), failures=failures)
        self.looks = list(looks)

    async def check(self) -> Decision:
        if self.acts and not self.failures and self.is_done:
            return done("as it should be")
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


async def test_a_step_whose_turn_has_not_come_is_never_acted_on(story: Story, clock: TurnedClock) -> None:
    """Its needs are good, so somebody else has changed the world since: a node is down, before all are restarted."""
    step = Waiting(later("one node is down", "bring it up"))
    outcome = await runner([step], story, clock).run()
    error = outcome.steps[0].error
    assert step.acts == 0
    assert error is not None
    assert (error.code, error.message, error.where, error.hint) == (
        "HS-ENGINE-005",
        "one node is down",
        "seed-out/a",
        "bring it up",
    )
    assert "acting seed-out/a" not in story.lines


async def test_a_step_whose_turn_comes_while_it_is_waited_for_is_carried_out(
    story: Story, clock: TurnedClock
) -> None:
    step = Waiting(later("one node is down"), later("one node is down"), needed("the seed is named"))
    outcome = await runner([step], story, clock).run()
    assert outcome.is_complete
    assert step.acts == 1


async def test_an_act_is_not_tried_again_while_its_turn_has_gone(story: Story, clock: TurnedClock) -> None:
    busy = TemporaryFailure("HS-X-2", "busy")
    step = Waiting(needed("the seed is named"), later("one node is down"), failures=(busy,))
    outcome = await runner([step], story, clock).run()
    assert step.acts == 1
    assert outcome.steps[0].error is not None
    assert outcome.steps[0].error.code == "HS-ENGINE-005"
