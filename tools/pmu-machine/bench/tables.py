# SPDX-License-Identifier: GPL-2.0-only
"""The benchmark's tables, as (title, note, columns, rows), and its targets.

A cell is a number, a string, or None where there is nothing to measure.
"""

import collections

from raw import KERNELS, MSRS, WAYS

Table = collections.namedtuple("Table", "title note columns rows")
Target = collections.namedtuple("Target", "what wanted seen met")

GUESTS = tuple(KERNELS.values())
EXITS = ("CPUID", "HLT", "interrupt", "user space")
USES = {"none": "no counter in use",
        "user": "all in use, none counts the exiting instruction",
        "all": "all in use, counting instructions",
        "PEBS": "all in use, none counts the exiting instruction, and one "
                "makes PEBS records",
        "branches": "all in use, none counts the exiting instruction, and "
                    "branches are recorded"}
OPERATIONS = ("RDPMC", "counter read", "counter write", "selector on or off",
              "selector change", "GLOBAL_CTRL write", "PMI")
PROGRAMS = ("compute", "forks", "pings")
MODES = ("stat", "period6", "precise", "record6", "record10")
EXACT = (("exact", "instructions:u"), ("exact", "branches:u"),
         ("threefunc", "instructions:u"), ("threefunc", "branches:u"))
SAMPLED = "threefunc"
# A round trip of "pings" is two context switches.
SWITCHES = 2
# Interrupts of the host's come in between.
SAME = 0.01


def _cells(figures, names):
    """The attributes @names of @figures, if there are any."""
    return [figures and getattr(figures, name) for name in names]


def exit_table(model, host):
    """What a VM exit and the entry after it cost."""
    names = ("reads", "writes", "rdpmc", "listed", "root_instructions",
             "root_cycles")
    rows = [[task, meaning, way,
             *_cells(model.exits(way, host, use, task), names)]
            for use, meaning in USES.items() for task in EXITS
            for way in GUESTS]
    beside = ("beside the host's perf stat -a" if host
              else "no event of the host's")
    return Table(f"VM exit and entry, {beside}",
                 "What the host does from a VM exit to the next entry, by exit.  "
                 "CPUID is emulated for the guest; HLT gives the CPU away until "
                 "the guest's timer; an interrupt is the host's own; user space "
                 "is where the virtual machine's program emulates a device.  "
                 "RDMSR, WRMSR, RDPMC: instructions on the PMU's registers; by "
                 "list: registers that VM entry and exit switch themselves.",
                 ["exit", "the guest's PMU", "vPMU", "RDMSR", "WRMSR", "RDPMC",
                  "by list", "instructions", "cycles"], rows)


def _switch(model, way):
    """What perf stat adds to a context switch."""
    run = model.runs[way]
    prefix = model.prefix(way)
    switches = SWITCHES * run.rounds(f"{prefix}/pings/stat")
    counted = model.figures(way, "pings/stat", switches)
    alone = model.figures(way, "pings/alone", switches)
    return counted and alone and counted.minus(alone)


def _start_to_stop(model, way):
    """What six events add to perf stat of a program that does nothing."""
    sections = model.runs[way].sections
    name = f"{model.prefix(way)}/perf stat"
    unit = len(sections.get(f"{name}/6 events", ()))
    events = model.figures(way, "perf stat/6 events", unit)
    software = model.figures(way, "perf stat/software", unit)
    return events and software and events.minus(software)


def _sample(model, way):
    """An overflow whose handler reads all branch records."""
    return model.operation(way, "PMI, branches", "no PMI", "branches")


def operations(model):
    """All operations: name, and the figures by way."""
    for task in OPERATIONS:
        without = "no PMI" if task == "PMI" else "nothing"
        yield task, {way: model.operation(way, task, without)
                     for way in GUESTS}
    yield ("PMI, branches", {way: _sample(model, way) for way in GUESTS})
    yield ("PEBS record", {way: model.operation(way, "record", "no PMI", "PEBS")
                           for way in GUESTS})
    yield ("context switch under perf stat",
           {way: _switch(model, way) for way in WAYS})
    yield ("perf stat, start to stop",
           {way: _start_to_stop(model, way) for way in WAYS})


def operation_table(model):
    """What an operation of the guest's costs."""
    names = ("exits", "accesses", "root_instructions", "cycles")
    rows = [[task, way, *_cells(figures, names)]
            for task, by_way in operations(model)
            for way, figures in by_way.items()]
    return Table("Operations of a guest",
                 "Each figure is by operation, what surrounds it subtracted: the "
                 "loop; the same loop without overflow; the same program without "
                 "perf; perf stat of a software event.  All counters are in use.  "
                 "PMI, branches: the handler reads all branch records, too.  "
                 "PEBS record: one in place of a PMI, and no handler.  "
                 "Cycles are the guest's and root mode's; native perf is all in "
                 "root mode.",
                 ["operation", "vPMU", "VM exits", "PMU accesses in root mode",
                  "instructions in root mode", "cycles"], rows)


def _branches(model, way):
    """What branch records add to a CPUID exit that moves the PMU, what such an
    exit costs that does not, and a sample; None where there are none."""
    moved, without = (model.exits(way, True, use, "CPUID")
                      for use in ("branches", "user"))
    resident = model.exits(way, False, "branches", "CPUID")
    sample = _sample(model, way)
    if not (moved and without and resident and sample):
        return None
    added = moved.minus(without)
    return [added.reads, added.writes, added.root_instructions,
            added.root_cycles, resident.accesses, sample.exits, sample.cycles]


def branch_table(model):
    """What branch records cost."""
    rows = [[way, *(_branches(model, way) or [None] * 7)] for way in GUESTS]
    by_msrs = _branches(model, MSRS)
    if by_msrs:
        rows.append([MSRS, *by_msrs])
    return Table("Branch records",
                 "What it adds to a CPUID exit and the entry after it, beside "
                 "the host's perf stat -a, for which the PMU is put and loaded, "
                 "that the guest records branches; the accesses to the PMU by "
                 "such an exit without an event of the host's; and an overflow "
                 "whose handler reads all records, without the loop around it.  "
                 "Ours moves architectural records by XSAVES and XRSTORS; by "
                 "MSRs it does so with the host's parameter noxsaves.",
                 ["vPMU", "RDMSR", "WRMSR", "instructions", "cycles",
                  "accesses, resident", "VM exits by sample",
                  "cycles by sample"], rows)


def _by_record(model, way, program):
    """How many PEBS records perf record made, and what it cost by record; with
    few of them it costs what the start and the end of perf do."""
    figures = model.figures(way, f"{program}/precise")
    alone = model.cycles(way, program, "alone")
    if not figures or not alone or not figures.records:
        return None, None, None
    return (figures.records, (figures.cycles - alone) / figures.records,
            figures.pmis)


def record_table(model):
    """What PEBS records cost."""
    return Table("PEBS records",
                 "perf record -c 10007 -e instructions:pp of a whole program: "
                 "records, what perf adds to the program's cycles by record, "
                 "the handling of full buffers and perf itself included, and "
                 "PMIs.  Legacy PEBS is there only while no other has its "
                 "counter.",
                 ["program", "vPMU", "records", "cycles by record", "PMIs"],
                 [[program, way, *_by_record(model, way, program)]
                  for program in PROGRAMS for way in WAYS])


def _overhead_by_native(model, way, program, mode):
    """How much dearer perf is than natively."""
    overhead, native = (model.overhead(each, program, mode)
                        for each in (way, "native"))
    return overhead / native if overhead and native else None


def _cycles_by_pmi(model, way, program, mode):
    """How many PMIs there were, and what perf cost by PMI."""
    figures = model.figures(way, f"{program}/{mode}")
    alone = model.cycles(way, program, "alone")
    if not figures or not model.cycles(way, program, mode):
        return None, None
    if not figures.pmis or not alone:
        return figures.pmis, None
    return figures.pmis, (figures.cycles - alone) / figures.pmis


def program_table(model):
    """Whole programs, without perf and with it."""
    rows = []
    for program in PROGRAMS:
        for mode in ("alone", *MODES):
            for way in WAYS:
                cycles = model.cycles(way, program, mode)
                overhead = model.overhead(way, program, mode)
                rows.append([program, mode, way, cycles and cycles / 1e6,
                             overhead and 100 * (overhead - 1),
                             _overhead_by_native(model, way, program, mode),
                             *_cycles_by_pmi(model, way, program, mode)])
    return Table("Whole programs",
                 "compute: arithmetic and memory; forks: processes that start "
                 "and end; pings: a byte to another process and back.  alone: "
                 "without perf; stat: perf stat of 6 events; period6: perf "
                 "record -c 1000003 of 6 instructions events, so many samples "
                 "whatever they cost; precise: perf record -c 10007 of "
                 "instructions:pp, PEBS where it is; record6, record10: perf record -F 1000 of "
                 "so many instructions events, where perf itself chooses how "
                 "many samples it takes in the time that passes.  The overhead "
                 "is against the program alone in the same place; by native's "
                 "is the time with perf by the time without, by the same of "
                 "native.  Cycles by PMI are what perf adds, by PMI.  What "
                 "takes a hundred times as long as alone is stopped: -.",
                 ["program", "perf", "vPMU", "ms", "overhead, %",
                  "by native's", "PMIs", "cycles by PMI"], rows)


def profile_distance(one, other):
    """Half the sum of the differences of the shares."""
    shares = [{symbol: count / sum(samples.values())
               for symbol, count in samples.items()}
              for samples in (one, other)]
    return sum(abs(shares[0].get(symbol, 0) - shares[1].get(symbol, 0))
               for symbol in {*one, *other}) / 2


def accuracy(model, way):
    """The largest relative error of a count, the error of the number of
    samples and the profile's distance, from the native ones."""
    pairs = [(model.count(way, *what), model.count("native", *what))
             for what in EXACT]
    samples = model.samples(way, SAMPLED)
    native = model.samples("native", SAMPLED)
    if not native or not all(native for _, native in pairs):
        return None, None, None
    error = None
    if all(count is not None for count, _ in pairs):
        error = max(abs(count / wanted - 1) for count, wanted in pairs)
    if not samples:
        return error, None, None
    return (error, sum(samples.values()) - sum(native.values()),
            profile_distance(samples, native))


def accuracy_table(model):
    """What perf says of programs whose instructions are known."""
    rows = [[f"{program}: {event}",
             *(model.count(way, program, event) for way in WAYS)]
            for program, event in EXACT]
    samples = [model.samples(way, SAMPLED) for way in WAYS]
    rows.append([f"{SAMPLED}: samples",
                 *(each and sum(each.values()) for each in samples)])
    errors = [accuracy(model, way) for way in WAYS]
    for i, name in enumerate(("largest relative error of a count",
                              "error of the samples' number",
                              "distance of the profile")):
        rows.append([name, *(each[i] for each in errors)])
    return Table("Accuracy",
                 "Errors are against the native figures.  While these samples "
                 "are taken, perf's limits of their rate are off.",
                 ["", *WAYS], rows)


def host_table(model):
    """What a real host's time-stamp counter and KVM's statistics say."""
    names = [(f"{', host' if host else ''}/{use}/{task}", host, use, task)
             for host in (False, True) for use in USES for task in EXITS]
    names += [(f"/user/{task}", False, "user", task)
              for task in ("nothing", *OPERATIONS[:-1], "no PMI", "PMI")]
    rows = [[task, USES[use], "yes" if host else "",
             way, *(model.timed(way, name, key) for key in ("tsc", "kvm_exits"))]
            for name, host, use, task in names for way in GUESTS]
    return Table("VM exits and operations, by the host's own clock",
                 "By round, the loop around it included; an interrupt comes "
                 "every 50 us, a halted processor's timer every 200 us.",
                 ["round", "the guest's PMU", "perf stat -a", "vPMU",
                  "TSC cycles", "VM exits"], rows)


def tables(model):
    """All tables of a model."""
    measured = [program_table(model), accuracy_table(model)]
    if not model.emulated:
        return [host_table(model), *measured]
    return [exit_table(model, False), exit_table(model, True),
            operation_table(model), branch_table(model), record_table(model),
            *measured]


def _most(model, cases, host=False):
    """The most accesses that an exit of ours makes in the cases, and where."""
    seen = [(figures.accesses, f"{task}, {use}") for use, task in cases
            if (figures := model.exits("ours", host, use, task))]
    return max(seen) if len(seen) == len(cases) else None


def _nothing(model, what, cases, host=False):
    most = _most(model, cases, host)
    return Target(what, "0", most and f"{most[0]:.3g} ({most[1]})",
                  most and most[0] == 0)


def _compared(what, pairs):
    """Not above the peer in any row, below in most; @pairs of (row, ours, the
    peer's)."""
    pairs = [(row, ours, peer) for row, ours, peer in pairs
             if ours is not None and peer is not None]
    if not pairs:
        return Target(what, "not above the peer's, mostly below", None, None)
    above = [f"{row} {ours:.4g} to {peer:.4g}" for row, ours, peer in pairs
             if ours > peer * (1 + SAME)]
    below = sum(ours < peer * (1 - SAME) for _, ours, peer in pairs)
    seen = f"below in {below} of {len(pairs)}"
    if above:
        seen += "; above: " + ", ".join(above)
    return Target(what, "not above the peer's, mostly below", seen,
                  not above and 2 * below > len(pairs))


def _by_exit(model, host, attribute):
    """Ours and the peer's by VM exit, of guests that use their PMU."""
    for use in ("user", "all"):
        for task in EXITS:
            figures = [model.exits(way, host, use, task)
                       for way in ("ours", "peer")]
            yield (f"{task}, {use}", *(each and getattr(each, attribute)
                                       for each in figures))


def _exit_targets(model):
    beside = {False: "no event of the host's",
              True: "beside the host's perf stat -a"}
    for host in (True, False):
        for attribute, what in (("accesses", "PMU accesses"),
                                ("root_cycles", "cycles in root mode")):
            yield _compared(f"{what} by exit, {beside[host]}, in use",
                            list(_by_exit(model, host, attribute)))


def _operation_targets(model):
    rows = dict(operations(model))
    # The PMI and what perf does; the rest is in the table.
    names = ("PMI", "context switch under perf stat", "perf stat, start to stop")
    for attribute in ("exits", "cycles"):
        yield _compared(f"{attribute} of a PMI, a context switch, perf stat", [
            (name, *(rows[name][way] and getattr(rows[name][way], attribute)
                     for way in ("ours", "peer"))) for name in names])
    for name in ("selector on or off", "selector change"):
        ours, legacy = (rows[name][way] for way in ("ours", "legacy"))
        times = (legacy.root_instructions / ours.root_instructions
                 if ours and legacy else None)
        yield Target(f"root-mode instructions of legacy, by ours: {name}",
                     ">= 100", times and f"{times:.1f}",
                     times and times >= 100)


def _overhead_targets(model):
    for program in PROGRAMS:
        for mode in MODES[1:]:
            ratio = _overhead_by_native(model, "ours", program, mode)
            yield Target(f"overhead by native's: {program}, {mode}", "<= 1.05",
                         ratio and f"{ratio:.3f}", ratio and ratio <= 1.05)


def _accuracy_targets(model):
    limits = (("relative error of counts", 0), ("error of samples", 1),
              ("distance of the profile", 0.01))
    for (what, limit), seen in zip(limits, accuracy(model, "ours")):
        missing = seen is None
        yield Target(what, f"<= {limit}", None if missing else f"{seen:.3g}",
                     None if missing else abs(seen) <= limit)


def targets(model):
    """What was wanted, and what was seen; met is None if it was not measured."""
    idle = [("none", task) for task in EXITS]
    resident, recording = ([(use, task) for task in ("CPUID", "interrupt")]
                           for use in ("user", "branches"))
    return [
        _nothing(model, "PMU accesses by exit, no counter in use", idle),
        _nothing(model, "  the same beside the host's perf stat -a", idle, True),
        _nothing(model, "PMU accesses by exit, all in use, nothing retired "
                 "for them, the vCPU stays", resident),
        _nothing(model, "  the same while branches are recorded", recording),
        *_exit_targets(model),
        *_operation_targets(model),
        *_overhead_targets(model),
        *_accuracy_targets(model),
    ]
