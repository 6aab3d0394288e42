"""What the real host does in unusual cases, run on our host and compared field by field.

Not a ``test_*.py``: it takes minutes, so ``tox run -e edge`` names it and the default run passes it by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from edge.comparing import edge_differences, ended_here_alone
from edge.intended import INTENDED, REFUSED
from edge.recorded_driver import recorded_names
from edge.recorder import recorded
from recorded_host.comparing import report
from recorded_host.driver import Json

# The first test waits for all scenarios to be run.
pytestmark = [pytest.mark.xdist_group("edge scenarios, which are run together"), pytest.mark.timeout(900)]


@pytest.mark.parametrize("name", recorded_names())
def test_our_host_does_what_the_real_one_does_or_differs_where_it_is_meant_to(
    ours: Mapping[str, Json], name: str
) -> None:
    intended = INTENDED.get(name)

    found = edge_differences(recorded(name), ours[name])
    ended_alone = ended_here_alone(recorded(name), ours[name])

    allowed = "|".join((*REFUSED, *(intended.places if intended else ())))
    unexpected = [one for one in found if not re.match(allowed, one.place)]
    assert not unexpected, f"{ours[name]['error'] or ''}\n{report(unexpected)}"
    assert not ended_alone or intended is not None, f"{sorted(ended_alone)} end here and not there: say so in INTENDED"
