"""A sandbox, a client of it and a clock for both, for tests; the pytest plugin makes fixtures of them.

With another test runner the same parts are used by hand:

```python
clock = VirtualClock()
async with sandbox_from(clock) as box, client_of(box, clock) as tonic:
    with Units(box.journal)(max=5):
        await tonic.offices.list().all()
```
"""

from tonicdm.testing.driver import Drive
from tonicdm.testing.faults import FaultHelpers
from tonicdm.testing.kit import client_of, environment, sandbox_from
from tonicdm.testing.records import Records
from tonicdm.testing.units import Spent, Units

__all__ = ["Drive", "FaultHelpers", "Records", "Spent", "Units", "client_of", "environment", "sandbox_from"]
