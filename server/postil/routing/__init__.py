"""Which transport takes a message: rules in an order, of which the first that fits decides.

`choose` is the one question. It is asked for each recipient and each attempt, so that a rule may say "after the third failure, by
the provider's relay". What is not about names and numbers (hosts, TLS, passwords) is the transport's and unknown here. The rules
themselves come from the configuration (`postil.config.routes`); there is no queue yet that would ask.

Files: `choosing` (the decision), `covering` (rules that never decide anything).

Rules: nothing here reads a clock, a file or a socket; domains come as A-labels in lower case, accounts as their login names.
"""

from postil.routing.choosing import DIRECT, NULL_SENDER, Choice, Facts, Passed, Rule, choose
from postil.routing.covering import hidden

__all__ = ["DIRECT", "NULL_SENDER", "Choice", "Facts", "Passed", "Rule", "choose", "hidden"]
