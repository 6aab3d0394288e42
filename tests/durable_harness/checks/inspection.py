"""Everything that is checked about a run: after each episode, and at its end.

Joins the checks: two machines, defects of the SDK, tasks never yielded, suspension, the leaf's replay.
Invariant: a check that has nothing to say costs little; none changes the run.
"""

from __future__ import annotations

from collections.abc import Sequence

from durable_engine import Checkpoint, episodes_of
from durable_harness.app.functions import AppFunctions
from durable_harness.checks.hash_order import differs_elsewhere
from durable_harness.checks.id_divergence import divergence
from durable_harness.checks.replay import replay_mismatch
from durable_harness.checks.sdk_defects import defects_met, named, unpolled
from durable_harness.checks.suspension import place_of, runs_at_suspension
from durable_harness.core.findings import Findings
from durable_harness.hub.instance import HubInstance
from durable_harness.worker.log_capture import LogCapture

__all__ = ["Inspection"]


class Inspection:
    """Looks at everything. One lives as long as its harness, and remembers which places it has looked at."""

    def __init__(self, app: AppFunctions, findings: Findings, log: LogCapture) -> None:
        self._app, self._findings, self._log = app, findings, log
        self._places: set[tuple[object, ...]] = set()
        self._causes: dict[str, dict[str, None]] = {}

    def after_episode(self, instance: HubInstance, checkpoint: Checkpoint) -> None:
        """Look at an episode whose checkpoint has been applied."""
        for notice in checkpoint.notices:
            self._findings.add("notice", notice.code, notice.text)
            self._note_cause(instance, notice.text)
        if instance.is_entity:
            return
        for code, text in defects_met(instance, checkpoint):
            self._add_defect(instance, code, text)
        parting = divergence(instance, checkpoint.events)
        if parting is not None:
            self._findings.add("divergence", "id_drift", parting)
        self._note_place(instance)

    def at_end(self, instance: HubInstance, *, prefixes: int) -> None:
        """Look at an execution as it stands at the end of a run; so many episodes before the last are replayed too."""
        self._check_yielded(instance)
        for defect in unpolled(instance) if instance.is_completed else ():
            self._add_defect(instance, *defect)
        self._check_suspensions(instance)
        found = differs_elsewhere(self._app, instance) if prefixes else None
        if found is not None:
            self._findings.add(found[0], "hash_order", found[1])
        text = replay_mismatch(self._app, instance, prefixes=prefixes, log=self._log if prefixes else None)
        if text is not None:
            self._findings.add("replay", "replay_mismatch", text)

    def causes(self, instance: HubInstance) -> Sequence[str]:
        """What may be why an instance is stuck, of what was found about it."""
        return tuple(self._causes.get(instance.instance_id, ()))

    def _add_defect(self, instance: HubInstance, code: str, text: str) -> None:
        self._findings.add("defect", code, text)
        self._note_cause(instance, text)

    def _note_cause(self, instance: HubInstance, text: str) -> None:
        self._causes.setdefault(instance.instance_id, {})[text] = None

    def _note_place(self, instance: HubInstance) -> None:
        worker = instance.replayer.worker
        if worker is None or instance.is_completed:
            return
        place = place_of(worker.code.generator)
        if place and place not in self._places:
            self._places.add(place)
            instance.suspended_at.append(len(instance.episodes))

    def _check_suspensions(self, instance: HubInstance) -> None:
        if not instance.suspended_at:
            return
        episodes = list(episodes_of(instance.history))
        for number in instance.suspended_at:
            found = (
                runs_at_suspension(self._app, instance, episodes[number - 1].seen) if number <= len(episodes) else None
            )
            if found is not None:
                kind = "misuse" if found[0] == "effect_at_suspension" else "defect"
                self._findings.add(kind, *found)
        instance.suspended_at.clear()

    def _check_yielded(self, instance: HubInstance) -> None:
        worker = instance.replayer.worker
        if worker is None or not instance.is_completed or instance.runtime_status != "Completed":
            return
        actions = [getattr(task, "action_repr", None) for task in worker.context.never_yielded]
        if not actions:
            return
        names = sorted({named(action) for action in actions})
        self._findings.add(
            "misuse",
            "never_yielded",
            f"{instance.name!r} made {len(actions)} task{'s' if len(actions) > 1 else ''} and never yielded "
            f"{'them' if len(actions) > 1 else 'it'}: {', '.join(names)}. Nothing is scheduled before a task is "
            "yielded, so this never ran. Yield it, alone or in task_all.",
        )
