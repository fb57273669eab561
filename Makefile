# SPDX-License-Identifier: GPL-2.0-only
#
# The work is done by the scripts in tools/pmu-machine/build: each knows what
# it depends on, and does nothing when that did not change.

S := tools/pmu-machine
KERNEL ?= mediated

help:
	@echo 'make deps                 install the Debian packages that are needed'
	@echo 'make demo                 unmodified perf on the machine'
	@echo 'make test                 all tests (under an hour on two cores)'
	@echo 'make test-all             those on the debug kernel and the long ones, too'
	@echo 'make mutation             do the tests notice a broken series? (hours)'
	@echo 'make machine              Bochs with the PMU model, and the init'
	@echo 'make kernel               Linux with the series; KERNEL=base without,'
	@echo '                          tree for what is in build/tree right now'
	@echo 'make perf                 perf of the base kernel'
	@echo 'make selftests            KVM selftests, of the base kernel and the series'
	@echo 'make tree [BASE=PATH]     the series as a git branch in build/tree'
	@echo 'make refresh              its commits, back into this repository'
	@echo 'make series               the series as mails in build/series'
	@echo 'make series-check         what gcc, sparse and checkpatch say to each'
	@echo '                          patch [from number FROM on]'
	@echo 'make bench                the mediated vPMU beside the alternatives, on'
	@echo '                          the machine: build/bench/report.html'
	@echo 'make bench-host           the same programs on this host, as root'
	@echo "make bench-machine        the machine's speed beside unmodified Bochs"
	@echo 'make clean                empty build/; downloads and build/tree stay'

deps:
	$S/build/deps.sh

init: deps
	$(MAKE) -s -C $S/init O=$(CURDIR)/build/init

machine: deps init
	$S/build/bochs.sh patched

kernel: deps
	$S/build/kernel.sh $(KERNEL)

# Which the tests run on.
kernels: deps
	$S/build/kernel.sh base
	$S/build/kernel.sh mediated

perf: deps
	$S/build/perf.sh

selftests: deps
	$S/build/selftests.sh base
	$S/build/selftests.sh mediated

tree: deps
	tools/series/series tree $(BASE)

refresh:
	tools/series/series refresh

series: deps
	tools/series/series mail

series-check: deps
	$S/build/series-check.sh $(FROM)

ready: machine kernels perf selftests

test: ready
	$S/tests/all.sh

test-all: ready
	$S/build/kernel.sh debug
	$S/build/kernel.sh mediated-debug
	$S/tests/all.sh --all

mutation: ready
	$S/mutations/run.py

demo: machine kernels perf
	$S/tests/demo.sh

bench: machine kernels perf
	$S/build/peer.sh
	$S/bench/bench.sh

bench-host: init perf
	$S/build/kernel.sh base
	$S/bench/bench-host.sh

bench-machine: machine kernels
	$S/build/bochs.sh unmodified
	$S/tests/bench.sh

# build/tree may hold commits that are nowhere else.
clean:
	[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name tree \
		-exec rm -rf {} +

.PHONY: help deps init machine kernel kernels perf selftests tree refresh \
	series series-check ready test test-all mutation demo bench bench-host \
	bench-machine clean
