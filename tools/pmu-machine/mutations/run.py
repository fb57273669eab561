#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""run.py [NAME...] - do the tests notice when the series is broken?

Each NAME.patch beside this file breaks the series in one way, and says in the
lines above its diff on which model that shows, after how many cycles of skid if
not 0, and which tests ought to fail:

    Model: zen4
    Skid: 100
    Test: selftests mediated_pmu_pmi_test
    Test: host-perf

The tests are run on the series first: what fails there proves nothing.  Then
each mutation is applied, built and given to its tests; the rest of the tests
are run for one that they let pass.  All mutations are run without a NAME.
"""

import collections
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.realpath(__file__))
MACHINE = os.path.dirname(HERE)
TOP = os.path.dirname(os.path.dirname(MACHINE))
TREE = os.path.join(TOP, "build/linux-mutation")
KERNEL = os.path.join(TOP, "build/kernel-mutation/bzImage")
OUT = os.path.join(TOP, "build/mutation")

# Those that meet the series' code in other ways than its selftests do.
REST = ("selftests", "guest-cost", "guest-sharing", "host-perf", "nested",
        "host-churn")
# Of the two cores, a build takes what the tests leave.
MACHINES = 2

Machine = collections.namedtuple("Machine", "model skid")
Mutation = collections.namedtuple("Mutation", "name machine tests")

printing = threading.Lock()


def say(text):
    """A line of progress."""
    with printing:
        print(text, flush=True)


def read(name):
    """The mutation in NAME.patch."""
    with open(os.path.join(HERE, f"{name}.patch"), encoding="utf-8") as file:
        head = file.read().partition("\n--- ")[0]
    model = re.findall(r"^Model: (.+)$", head, re.MULTILINE)
    skid = re.findall(r"^Skid: (.+)$", head, re.MULTILINE) or ["0"]
    tests = re.findall(r"^Test: (.+)$", head, re.MULTILINE)
    if len(model) != 1 or not tests:
        sys.exit(f"{name}.patch names no model or no test")
    return Mutation(name, Machine(model[0], skid[0]), tests)


def run(*command, log, **settings):
    """Run a command into a file; its status."""
    with open(log, "w", encoding="utf-8") as out:
        return subprocess.run(command, stdout=out, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, check=False,
                              env={**os.environ, **settings}).returncode


def failures(test, at, kernel, name):
    """The facts that fail in a test, a name of tests/ and perhaps one of its
    programs; None if there was no fact at all.  On a host without the NMI
    watchdog's event the selftests run only if all is well beside it."""
    script, *only = test.split()
    for state in ("1", "0") if script == "selftests" else ("1 0",):
        log = os.path.join(OUT, f"{name}.{'.'.join(test.split())}.{state[0]}.log")
        run(os.path.join(MACHINE, "tests", f"{script}.sh"), log=log, MODELS=at.model,
            SKID=at.skid, SERIES=kernel, TESTS=" ".join(only), WATCHDOG=state)
        with open(log, encoding="utf-8", errors="replace") as file:
            said = file.read()
        if not re.search(r"^ok +\S+: ", said, re.MULTILINE):
            return None
        failed = re.findall(r"^FAIL \S+: ([^:\n]+)", said, re.MULTILINE)
        if failed:
            return failed
    return []


def where(machine):
    """A machine's name."""
    return machine.model + (f" with skid {machine.skid}" if machine.skid != "0"
                            else "")


def passes(test, machine):
    """Does the test pass on the series as it is?"""
    failed = failures(test, machine, "mediated", f"series.{'.'.join(machine)}")
    say(f"{'ok  ' if failed == [] else 'FAIL'} {where(machine)}: the series, "
        f"{test}: {'passes' if failed == [] else failed}")
    return failed == []


def sound(mutations, pool):
    """The pairs of test and machine that pass on the series as it is."""
    pairs = list(dict.fromkeys((test, each.machine) for each in mutations
                               for test in each.tests))
    verdicts = pool.map(lambda pair: passes(*pair), pairs)
    return {pair for pair, good in zip(pairs, verdicts) if good}


def build(mutation):
    """The kernel with the mutation; None if there is none."""
    log = os.path.join(OUT, f"{mutation.name}.build.log")
    kernel = os.path.join(OUT, f"{mutation.name}.bzImage")
    patch = os.path.join(HERE, f"{mutation.name}.patch")
    lay_out()
    if run("git", "-C", TREE, "apply", patch, log=log) or \
            run(os.path.join(MACHINE, "build/kernel.sh"), "mutation", log=log):
        return None
    shutil.copyfile(KERNEL, kernel)
    return kernel


def lay_out():
    """The series without any mutation."""
    if run(os.path.join(TOP, "tools/series/series"), "checkout", TREE,
           log=os.path.join(OUT, "series.log")):
        sys.exit(f"the series can't be laid out, see {OUT}/series.log")


def catch(mutation, kernel, good):
    """The test that caught the mutation, and the fact; None if none did."""
    for test in [*mutation.tests, *REST]:
        pair = test, mutation.machine
        if test in mutation.tests and pair not in good:
            continue
        failed = failures(*pair, kernel, mutation.name)
        if failed == [] or pair not in good and not passes(*pair):
            continue
        # A machine that says nothing at all has died of it.
        return test, failed[0] if failed else "the machine died"
    return None


def judge(mutation, kernel, good):
    """Have the tests run, and say who caught the mutation."""
    caught = catch(mutation, kernel, good)
    os.remove(kernel)
    say(f"{'ok  ' if caught else 'FAIL'} {where(mutation.machine)}: {mutation.name}: "
        + (f"caught by {caught[0]}: {caught[1]}" if caught else "survives"))
    return caught


def table(mutations, caught):
    """Print who caught what; the number of survivors."""
    print(f"\n{'mutation':36} {'model':16} {'caught by':40} fact")
    for each in mutations:
        test, fact = caught[each.name] or ("-", "SURVIVES")
        unnamed = "" if test in each.tests else " (not named)"
        print(f"{each.name:36} {each.machine.model:16} {test + unnamed:40} {fact}")
    return sum(1 for each in mutations if not caught[each.name])


def main(names):
    """Run the mutations, and print the table and the totals."""
    names = names or sorted(os.path.basename(path)[:-len(".patch")] for path
                            in glob.glob(os.path.join(HERE, "*.patch")))
    mutations = [read(name) for name in names]
    os.makedirs(OUT, exist_ok=True)
    broken = []
    verdicts = {}
    with concurrent.futures.ThreadPoolExecutor(MACHINES) as pool:
        good = sound(mutations, pool)
        for each in mutations:
            kernel = build(each)
            if kernel:
                verdicts[each.name] = pool.submit(judge, each, kernel, good)
            else:
                broken.append(each)
                say(f"FAIL {where(each.machine)}: {each.name}: can't be built, see "
                    f"{OUT}/{each.name}.build.log")
    built = [each for each in mutations if each not in broken]
    survivors = table(built, {name: verdict.result()
                              for name, verdict in verdicts.items()})
    unsound = len({(test, each.machine) for each in mutations
                   for test in each.tests} - good)
    failed = survivors + len(broken) + unsound
    print(f"\n{len(built) - survivors} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
