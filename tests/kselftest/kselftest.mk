# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
#
# Tests of the driver's ioctls, for the VM: build/tests/vm/<name>. Each
# tests/kselftest/test_*.c is a program.

KSELFTEST := $(patsubst tests/kselftest/test_%.c,%,$(wildcard tests/kselftest/test_*.c))
# Seconds for a program; each of its tests has a limit of its own.
KSELFTEST_TIMEOUT := 600
KSELFTEST_PROGRAMS := $(KSELFTEST:%=$(B)/tests/vm/driver-%)
VM_TESTS += $(KSELFTEST_PROGRAMS)

$(B)/tests/kselftest/%.o: EXTRA_CFLAGS = $(shell pkg-config --cflags libdrm) -pthread

$(KSELFTEST_PROGRAMS): LDLIBS = -ldrm -pthread
$(KSELFTEST_PROGRAMS): $(B)/tests/vm/driver-%: $(B)/tests/kselftest/test_%.o \
		$(B)/tests/kselftest/egret_test.o
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK.program)
	$(Q)echo $(KSELFTEST_TIMEOUT) >$@.timeout
	$(Q)$(if $(KSELFTEST_VM_$*),echo '$(KSELFTEST_VM_$*)' >$@.vm,rm -f $@.vm)

# Options of tests/vm/run for programs that need a machine of their own.
KSELFTEST_VM_cards := --cards 4 --card-opts vram=64M
KSELFTEST_VM_evict := --card-opts vram=64M

# Parts of tests/vmrun, which start their own machines.
KSELFTEST_PARTS := $(addprefix $(B)/tests/kselftest/,busy lost-card lost-engine moving-machine recovery sleeping-machine)
KSELFTEST_PARTS += $(B)/tests/kselftest/unplug
VM_TESTS += $(KSELFTEST_PARTS)
$(KSELFTEST_PARTS): LDLIBS = -ldrm -pthread
$(B)/tests/kselftest/busy: $(B)/tests/kselftest/busy.o
$(B)/tests/kselftest/lost-card: $(B)/tests/kselftest/lost_card.o
$(B)/tests/kselftest/lost-engine: $(B)/tests/kselftest/lost_engine.o
$(B)/tests/kselftest/moving-machine: $(B)/tests/kselftest/moving_machine.o
$(B)/tests/kselftest/sleeping-machine: $(B)/tests/kselftest/sleeping_machine.o
$(B)/tests/kselftest/recovery: $(B)/tests/kselftest/recovery.o
$(B)/tests/kselftest/unplug: $(B)/tests/kselftest/unplug.o
$(KSELFTEST_PARTS): $(B)/tests/kselftest/egret_test.o
	$(call say,LINK,$@)
	$(Q)$(LINK.program)

# For the debug kernel (build/tests/debug/): a scan of its own, and those of the programs
# above that say most about the driver for their time.
DEBUG_TESTS := $(addprefix $(B)/tests/debug/,fault-scan \
	$(addprefix driver-,bo exec fault hang module queue vm))
VM_TESTS += $(DEBUG_TESTS)
$(B)/tests/debug/driver-%: $(B)/tests/vm/driver-%
	$(Q)mkdir -p $(@D)
	$(Q)ln -sf ../vm/$(<F) $@
	$(Q)echo $(KSELFTEST_TIMEOUT) >$@.timeout
$(B)/tests/debug/fault-scan: LDLIBS = -ldrm
$(B)/tests/debug/fault-scan: $(B)/tests/kselftest/fault_scan.o \
		$(B)/tests/kselftest/egret_test.o
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK.program)
	$(Q)echo $(KSELFTEST_TIMEOUT) >$@.timeout
