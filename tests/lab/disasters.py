"""What goes wrong in upgrades of Heat, each done to a real one, and the gate that must say so.

A disaster is a course of steps with the gates between them, all of which must open, up to the wrong
step. There it yields the words that the findings of its gate must hold, such as the name of a host
or a stack. Where it goes on after that, it does what the findings advise and yields `REMEDIED`: the
gate must open then.
"""

from tests.lab.disasters_at_rest import AT_REST
from tests.lab.disasters_at_work import AT_WORK

DISASTERS = sorted((*AT_REST, *AT_WORK), key=lambda each: each.number)
