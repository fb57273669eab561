# SPDX-License-Identifier: GPL-2.0-only
"""What workloads/turns.S does, instruction by instruction, from its symbols."""

from typing import NamedTuple

BRANCHES = ("taken", "not")
# What a register holds is not known
ANY = None


class Step(NamedTuple):
    """An instruction.  It sets a register to the number of the turn and so much
    more, or is of a kind."""
    address: int
    kind: str
    register: str = ""
    more: int = ANY


class Place(NamedTuple):
    """A step that the program takes, by its number in a turn; before the first
    turn is turn 0, behind the last one comes another."""
    turn: int
    number: int


def _step(address, what):
    kind, _, more = what.partition(".")
    if not more:
        return Step(address, kind)
    return Step(address, "sets", kind, ANY if more == "any" else int(more))


class Turns:
    """The program."""

    def __init__(self, names):
        parts = {"start": {}, "turn": {}, "end": {}}
        for name, address in names.items():
            part, _, rest = name.partition(".")
            if part in parts and rest:
                number, _, what = rest.partition(".")
                parts[part][int(number)] = _step(address, what)
        self.start, self.turn, self.end = (
            [steps[number] for number in sorted(steps)]
            for steps in parts.values())
        self.turns = names["TURNS"]
        self._index = {step.address: Place(turn, number)
                       for turn, steps in ((0, self.start), (1, self.turn),
                                           (self.turns + 1, self.end))
                       for number, step in enumerate(steps)}
        self._last = self._last_setters()

    def steps(self, turn):
        """Those of a turn."""
        if turn == 0:
            return self.start
        return self.turn if turn <= self.turns else self.end

    def step(self, place):
        """The one at a place."""
        return self.steps(place.turn)[place.number]

    def events(self, counts):
        """A function that says where the nth step is that counts, the first one
        being 1; None: there are not so many."""
        start, turn, end = (
            [number for number, step in enumerate(steps) if counts(step)]
            for steps in (self.start, self.turn, self.end))
        behind = len(start) + self.turns * len(turn)

        def place(event):
            event -= 1
            if event < len(start):
                return Place(0, start[event])
            if event < behind:
                number, rest = divmod(event - len(start), len(turn))
                return Place(1 + number, turn[rest])
            if event - behind < len(end):
                return Place(self.turns + 1, end[event - behind])
            return None
        return place

    def place_of(self, address, r12):
        """Where it is if r12 says in which turn; None: not in the program."""
        place = self._index.get(address)
        if place and 1 <= place.turn <= self.turns:
            return Place(r12, place.number) if r12 in range(
                1, self.turns + 1) else None
        return place

    def distance(self, one, other):
        """How many steps come from one place to the other."""
        return self._event(other) - self._event(one)

    def _event(self, place):
        if place.turn == 0:
            return place.number
        return (len(self.start) + (place.turn - 1) * len(self.turn)
                + place.number)

    def _last_setters(self):
        """For each step of a turn, the registers as offsets from its number."""
        before = {step.register: step.more - 1 for step in self.turn
                  if step.register}
        after = []
        for step in self.turn:
            if step.register:
                before = {**before, step.register: step.more}
            after.append(before)
        return after

    def registers(self, place):
        """What they hold behind a step; those that are not known are not there.
        Linux begins a program with 0 in all of them."""
        if 1 < place.turn <= self.turns:
            return {name: place.turn + more for name, more
                    in self._last[place.number].items()}
        if place.turn > self.turns:
            found = self.registers(Place(self.turns, len(self.turn) - 1))
        else:
            found = dict.fromkeys(self._last[0], 0)
            if place.turn == 1:
                found.update(self.registers(
                    Place(0, len(self.start) - 1)))
        for step in self.steps(place.turn)[:place.number + 1]:
            if step.register:
                found[step.register] = ANY
                if step.more is not ANY:
                    found[step.register] = step.more + place.turn
        return {name: value for name, value in found.items()
                if value is not ANY}

    def branches(self, place, most):
        """The last ones that were taken up to a place, it included; the newest
        first."""
        found = []
        after = self._next(place)
        while place and len(found) < most:
            source = self.step(place)
            if source.kind == "taken" and after and self._is_taken(place):
                found.append((source.address, self.step(after).address))
            place, after = self._previous(place), place
        return found

    def _is_taken(self, place):
        return place != Place(self.turns, len(self.turn) - 1)

    def _next(self, place):
        if place.number + 1 < len(self.steps(place.turn)):
            return Place(place.turn, place.number + 1)
        if place.turn > self.turns:
            return None
        return Place(place.turn + 1, 0)

    def _previous(self, place):
        if place.number:
            return Place(place.turn, place.number - 1)
        if not place.turn:
            return None
        return Place(place.turn - 1, len(self.steps(place.turn - 1)) - 1)
