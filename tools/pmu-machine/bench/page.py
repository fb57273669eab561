# SPDX-License-Identifier: GPL-2.0-only
"""The benchmark's report as one HTML file with nothing outside of it; gnuplot
draws its pictures."""

import html
import os
import re
import subprocess

import tables
from raw import HERE, WAYS

COST = os.path.join(HERE, "../model/cost.c")

STYLE = """\
body { font: 15px/1.4 sans-serif; margin: 2em auto; max-width: 75em;
       padding: 0 1em; }
table { border-collapse: collapse; font-size: 13px; margin: 1em 0; }
th, td { border: 1px solid #ccc; padding: 2px 6px; text-align: right; }
th { background: #eee; vertical-align: bottom; }
td:first-child, th:first-child { text-align: left; }
.wide { overflow-x: auto; }
pre { background: #f6f6f6; font-size: 12px; overflow-x: auto; padding: 1em; }
svg { max-width: 100%; height: auto; }
"""

# A cluster of bars for each row of the data, a bar for each way.
PLOT = """\
set terminal svg noenhanced size 900,420 font "sans-serif,12" background "white"
set title {title}
set datafile missing "?"
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.8 border -1
set key outside right
set grid ytics
set ylabel {unit}
{scale}
set boxwidth 0.9
set xtics rotate by 25 right
$data << END
{data}
END
plot {bars}
"""

# Each way has the same colour in all pictures.
COLOURS = dict(zip(WAYS, ("#7f7f7f", "#d62728", "#1f77b4", "#ff9f1c")))
BARS = '$data using {}:xtic(1) title "{}" linecolor rgb "{}"'

# log scale cannot show 0
SMALLEST = 0.1


def quoted(text):
    """A word of gnuplot's data."""
    return '"' + str(text).replace('"', "") + '"'


def bars(title, unit, ways, rows, log=False):
    """An SVG of the @rows: a name, and a number or None for each way."""
    if all(number is None for row in rows for number in row[1:]):
        return ""
    lines = []
    for name, *numbers in rows:
        lines.append(" ".join([quoted(name), *(
            "?" if number is None else f"{number:.6g}"
            for number in numbers)]))
    script = PLOT.format(
        title=quoted(title), unit=quoted(unit),
        bars=", ".join(BARS.format(i, way, COLOURS[way])
                       for i, way in enumerate(ways, 2)),
        scale=f"set logscale y; set yrange [{SMALLEST}:*]" if log
        else "set yrange [0:*]", data="\n".join(lines))
    drawn = subprocess.run(["gnuplot"], input=script, check=True,
                           capture_output=True, text=True).stdout
    # The declaration of a file of its own, which this is not
    return drawn[drawn.index("<svg"):]


def exit_bars(model, attribute, title, host):
    """A picture of the VM exits of a guest that uses all counters."""
    rows = [[f"{task}, {use}",
             *(each and getattr(each, attribute) for each in
               (model.exits(way, host, use, task) for way in tables.GUESTS))]
            for use in ("user", "all") for task in tables.EXITS]
    beside = ", beside the host's perf stat -a" if host else ""
    return bars(f"{title} by VM exit, all counters in use{beside}",
                title, tables.GUESTS, rows)


def operation_bars(model):
    """A picture of the operations."""
    rows = [[name, *(figures.get(way) and max(figures[way].cycles, SMALLEST)
                     for way in WAYS)]
            for name, figures in tables.operations(model)]
    return bars(f"Cycles by operation; from {SMALLEST} down all look the same",
                "cycles", WAYS, rows, log=True)


def overhead_bars(model):
    """A picture of perf's overhead."""
    rows = []
    for program in tables.PROGRAMS:
        for mode in tables.MODES:
            overheads = (model.overhead(way, program, mode) for way in WAYS)
            rows.append([f"{program}, {mode}",
                         *(each and max(100 * (each - 1), SMALLEST)
                           for each in overheads)])
    return bars("perf's overhead against the program alone; "
                f"from {SMALLEST} % down all look the same", "%", WAYS, rows,
                log=True)


def pictures(model):
    """All pictures of a model."""
    for host in (False, True):
        yield exit_bars(model, "accesses", "PMU accesses", host)
        yield exit_bars(model, "root_cycles", "cycles in root mode", host)
    yield operation_bars(model)
    yield overhead_bars(model)


def table_html(table, cell):
    """The lines of a table."""
    yield f"<h3>{html.escape(table.title)}</h3>"
    yield f"<p>{html.escape(table.note)}</p>"
    yield '<div class="wide"><table><tr>'
    yield from (f"<th>{html.escape(name)}</th>" for name in table.columns)
    yield "</tr>"
    for row in table.rows:
        yield "<tr>" + "".join(f"<td>{html.escape(cell(value))}</td>"
                               for value in row) + "</tr>"
    yield "</table></div>"


def cost_table():
    """The cost table, as the source has it, with where its numbers are from."""
    with open(COST, encoding="utf-8") as file:
        source = file.read()
    return re.search(r"/\*\n \* The cost table.*?\n};\n\nuint32_t", source,
                     re.DOTALL)[0].removesuffix("\nuint32_t")


def page(notes, chapters, cell):
    """The whole; @chapters of (model, remarks, tables)."""
    lines = ["<!DOCTYPE html>", '<html lang="en"><head><meta charset="utf-8">',
             "<title>The mediated vPMU beside the alternatives</title>",
             f"<style>{STYLE}</style></head><body>",
             "<h1>The mediated vPMU beside the alternatives</h1>",
             *(f"<p>{html.escape(part)}</p>" for part in notes.split("\n\n"))]
    for model, remarks, listed in chapters:
        lines.append(f"<h2>{html.escape(model.name)}</h2>")
        lines += [f"<p>{html.escape(remark)}</p>" for remark in remarks]
        lines += table_html(listed[0], cell)
        lines += pictures(model)
        for table in listed[1:]:
            lines += table_html(table, cell)
    lines += ["<h2>What things cost on the machine</h2>",
              f"<pre>{html.escape(cost_table())}</pre>", "</body></html>", ""]
    return "\n".join(lines)
