"""What can be set about a task hub, with the defaults of this host.

One value that the host makes from host.json and settings, and tests make with short times.
Invariant: an options value that exists can be used: the checks are made when it is built.
"""

from __future__ import annotations

from dataclasses import dataclass

from durable_host.task_hub.base.names import check_hub_name

__all__ = ["MAX_PARTITIONS", "TaskHubOptions"]

MAX_PARTITIONS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHubOptions:
    """The settings of one task hub. Times are in seconds.

    Messages are taken for 30 s, where the real host takes them for 5 minutes: whoever uses them renews them, and the
    work of a killed host is free again soon. Of hundreds of work items or results each is taken longer, as renewing
    them would keep storage busy. ``worker_name`` must be unique among all processes that share the hub; None makes one.
    ``app_name`` is the site's name in Azure; two apps with different names cannot share a hub.
    """

    hub_name: str
    partition_count: int = 4
    control_visibility_seconds: int = 30
    work_item_visibility_seconds: int = 30
    max_polling_interval_seconds: float = 30.0
    lease_seconds: float = 30.0
    lease_renew_seconds: float = 10.0
    lease_hurry_seconds: float = 1.0
    """How soon the partitions are looked at again while one is being handed over."""
    drain_seconds: float = 60.0
    """How long a partition that another worker asked for waits for what is in flight."""
    app_lease_seconds: int = 60
    app_lease_renew_seconds: float = 25.0
    app_lease_retry_seconds: float = 300.0
    app_name: str = ""
    worker_name: str | None = None

    def __post_init__(self) -> None:
        check_hub_name(self.hub_name)
        if not 1 <= self.partition_count <= MAX_PARTITIONS:
            raise ValueError(f"partitionCount is {self.partition_count}; it must be from 1 to {MAX_PARTITIONS}.")
        for name in ("control_visibility_seconds", "work_item_visibility_seconds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; a message must be taken for at least one second.")
        if self.lease_renew_seconds >= self.lease_seconds:
            raise ValueError(
                f"Leases of {self.lease_seconds} s would run out between renewals every {self.lease_renew_seconds} s; "
                "renew more often, or take longer leases."
            )
