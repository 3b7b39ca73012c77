# SPDX-License-Identifier: MIT
#
# Egret: everything is built from here, into build/. `make help` lists targets.
#
# A component adds itself with a fragment that this file includes if it exists:
#
#   libaccel/libaccel.mk                  target lib
#   libaccel/kernels/kernels.mk           target kernels (device kernels, RISC-V)
#   tools/tools.mk                        target tools
#   qemu-device/firmware/firmware.mk      target firmware
#   qemu-device/model/model.mk            the model as a host library, unit tests
#   qemu-device/sim/sim.mk                target tools: the stand-alone simulator
#   tests/tests.mk                        tests that belong to no component
#   Documentation/documentation.mk        generated or installed documents
#
# The whole make runs in the repository's top folder: paths in a fragment start
# there (libaccel/device.c), and what it makes goes to $(B)/ under the same name.
# In a fragment:
#
#   lib: $(B)/libaccel/libaccel.so           add to a part; also: all, check-build
#   HOST_TESTS += $(B)/tests/host/test-mmu    a test program for the host: built by
#                                             check-build, run by tests/run
#   VM_TESTS += $(B)/tests/vm/test-open       likewise, run in the VM
#   install-lib:: ...                         add to `make install`; also
#                                             install-tools::, install-doc::
#
# Objects need no rules. $(B)/%.o is made from %.c with CPPFLAGS, CFLAGS and the
# variable EXTRA_CFLAGS, which a fragment sets for its own targets:
#
#   $(B)/libaccel/%.o: EXTRA_CFLAGS = -fPIC
#
# $(B)/%.rv.o is the same with the RISC-V compiler (RISCV_CC, RISCV_CFLAGS).
# Programs are linked with $(LINK.program), shared libraries and archives with
# $(LINK.shared) and $(LINK.archive), from a rule's prerequisites that are
# objects, archives or shared libraries; a target's LDLIBS holds its -l options.
# Dependencies on headers are tracked for all of them.

.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:
SHELL := /bin/bash

# --- what a user may set ---

PREFIX ?= /usr/local
DESTDIR ?=
prefix ?= $(PREFIX)
exec_prefix ?= $(prefix)
bindir ?= $(exec_prefix)/bin
libdir ?= $(exec_prefix)/lib
includedir ?= $(prefix)/include
datadir ?= $(prefix)/share
mandir ?= $(datadir)/man
docdir ?= $(datadir)/doc/egret
pkgconfigdir ?= $(libdir)/pkgconfig
INSTALL ?= install
INSTALL_PROGRAM ?= $(INSTALL) -m 755
INSTALL_DATA ?= $(INSTALL) -m 644

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin AR),default)
AR := gcc-ar
endif
CFLAGS ?= -O2 -g
RISCV_PREFIX ?= riscv64-unknown-elf-
RISCV_CC ?= $(RISCV_PREFIX)gcc
RISCV_OBJCOPY ?= $(RISCV_PREFIX)objcopy
# The series of Debian's kernels to build for and to test on.
KERNEL ?= 6.12
# make V=1 shows the commands.
V ?= 0

# --- shared by the fragments ---

B := build
# An argument of a function of make's cannot hold one.
comma := ,
Q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '  %-7s %s\n' '$(1)' '$(2)')

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wvla -Werror=implicit-function-declaration \
	-Werror=incompatible-pointer-types -Werror=int-conversion
ALL_CFLAGS = -std=gnu11 $(WARNINGS) -fno-strict-aliasing -Iuapi $(CFLAGS) $(EXTRA_CFLAGS)
# The chip model's own flags are the same here and inside QEMU.
MODEL_CFLAGS := $(shell sed -e '/^\#/d' qemu-device/model.cflags)
RISCV_CFLAGS ?= -march=rv64imfc_zicsr -mabi=lp64f -mcmodel=medany -O2 -g -ffreestanding
ALL_RISCV_CFLAGS = -std=gnu11 $(WARNINGS) -Iuapi $(RISCV_CFLAGS) $(EXTRA_CFLAGS)

LINKABLE = $(filter %.o %.a %.so,$^)
LINK.program = $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(LINKABLE) $(LDLIBS)
LINK.shared = $(CC) -shared $(CFLAGS) $(LDFLAGS) -o $@ $(LINKABLE) $(LDLIBS)
LINK.archive = rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

HOST_TESTS :=
VM_TESTS :=

# --- targets ---

.PHONY: all check check-debug demo demos vm install clean help host-packages check-build \
	qemu modules lib tools kernels firmware

all: qemu modules lib tools kernels firmware

help:
	@printf '%s\n' \
	'make               build everything, into build/' \
	'make demo          install what is missing, build, show the card at work' \
	'make demos         more of that: digits, a spoken word, a face, a text' \
	'make check         install what is missing, build, run all tests' \
	'make check-debug   the tests of the driver again, with the debug kernel' \
	'make vm            a shell in a virtual machine with the card and its driver' \
	'make bench         install what is missing, build, measure and print ratios' \
	'make conformance   run ONNX'\''s own test cases for operators' \
	'make fuzz          look for bugs with random inputs (FUZZ=name SECONDS=60)' \
	'make install       install libraries, tools, headers (DESTDIR, PREFIX)' \
	'make install-driver  install the sources of the driver for DKMS, and firmware' \
	'make clean         remove build/ (downloads and the compiled QEMU stay in' \
	'                   $${XDG_CACHE_HOME:-~/.cache}/egret; remove that for good)' \
	'' \
	'parts:             qemu modules lib tools firmware kernels' \
	'make host-packages install the Debian packages that building needs' \
	'make riscv-tests   run RISC-V test programs on the hart: those in DIR, or our own' \
	'' \
	'variables:         V=1 show commands; KERNEL=6.12 Debian kernel series;' \
	'                   TESTS="..." for make check: suites or tests to run;' \
	'                   CC, CFLAGS, LDFLAGS, PREFIX, DESTDIR as everywhere'

# Installing comes before any of the rest, also with -j: hence a make of its own,
# which uses all processors unless a -j said otherwise.
parallel = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
check: host-packages
	+$(Q)$(MAKE) --no-print-directory $(parallel) all check-build
	$(Q)tests/run $(TESTS)

# The first time, the debug kernel is compiled, which takes some minutes.
check-debug: host-packages
	+$(Q)$(MAKE) --no-print-directory $(parallel) all check-build
	$(Q)tools/build/module --kernel egret-debug
	$(Q)tests/run $(if $(TESTS),$(TESTS),debug debug-all debug-run)

demo: host-packages
	+$(Q)$(MAKE) --no-print-directory $(parallel) all
	$(Q)if [ -x tools/demo ]; then tools/demo; else \
		echo "make demo: there is no tools/demo in this checkout" >&2; exit 1; fi

demos: host-packages
	+$(Q)$(MAKE) --no-print-directory $(parallel) all demo-data
	$(Q)tools/demos

vm: qemu modules
	$(Q)tests/vm/run --interactive $(if $(VM_OPTIONS),$(VM_OPTIONS))

host-packages:
	$(Q)tools/build/host-packages

qemu:
	$(Q)tools/build/qemu

modules:
	$(Q)if [ -e driver/Kbuild ]; then tools/build/module --kernel $(KERNEL); \
		else tools/build/fetch-kernel $(KERNEL) >/dev/null; fi

lib tools kernels firmware:

clean:
	rm -rf $(B)

# Double-colon rules: every component adds what it installs.
.PHONY: install-lib install-tools install-doc
install: all install-lib install-tools install-doc
install-lib install-tools install-doc::
	@:

# --- the components ---

-include libaccel/libaccel.mk
-include libaccel/kernels/kernels.mk
-include tools/tools.mk
-include qemu-device/firmware/firmware.mk
-include qemu-device/model/model.mk
-include qemu-device/sim/sim.mk
-include packaging/driver.mk
-include tests/tests.mk
-include Documentation/documentation.mk

check-build: $(HOST_TESTS) $(VM_TESTS)
	$(Q)tools/build/fetch-kernel-source >/dev/null
	$(Q)tools/build/fetch-kernel --headers $(KERNEL) >/dev/null

# --- compiling ---

$(B)/%.o: %.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/%.rv.o: %.c
	$(call say,RV-CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(RISCV_CC) $(ALL_RISCV_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/%.rv.o: %.S
	$(call say,RV-AS,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(RISCV_CC) $(ALL_RISCV_CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell [ ! -d $(B) ] || find $(B) -name '*.d' -not -path '$(B)/modules*')
