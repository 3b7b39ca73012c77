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

# The same as 32-bit programs, in the same machine: what goes through compat_ioctl, and
# layouts. Static, because the host has no 32-bit libraries; without libdrm for that reason.
KSELFTEST32 := bo event exec query queue uapi userptr vm
KSELFTEST32_PROGRAMS := $(KSELFTEST32:%=$(B)/tests/vm/driver32-%)
VM_TESTS += $(KSELFTEST32_PROGRAMS)

# The architecture's headers of the host are in a folder that -m32 does not look into.
KSELFTEST32_CFLAGS = -m32 -D_FILE_OFFSET_BITS=64 $(shell pkg-config --cflags libdrm) \
	-idirafter /usr/include/$(shell $(CC) -print-multiarch)

$(B)/tests/kselftest32/%.o: tests/kselftest/%.c
	$(call say,CC32,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(KSELFTEST32_CFLAGS) -MMD -MP -c -o $@ $<

$(KSELFTEST32_PROGRAMS): $(B)/tests/vm/driver32-%: $(B)/tests/kselftest32/test_%.o \
		$(B)/tests/kselftest32/egret_test.o $(B)/tests/kselftest32/drm_calls.o
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -m32 -static -pthread -o $@ $^
	$(Q)echo $(KSELFTEST_TIMEOUT) >$@.timeout
	$(Q)rm -f $@.vm

-include $(wildcard $(B)/tests/kselftest32/*.d)

# Options of tests/vm/run for programs that need a machine of their own.
KSELFTEST_VM_cards := --cards 4 --switch 2 --card-opts vram=64M
# Little device memory, so that much is pushed out soon.
KSELFTEST_VM_cgroup := --card-opts vram=64M
KSELFTEST_VM_limit := --memory 512M --card-opts vram=64M
# What the kernel clears by itself would hide what the driver does not.
KSELFTEST_VM_evict := --card-opts vram=64M --append init_on_alloc=0

# Parts of tests/vmrun, which start their own machines.
KSELFTEST_PARTS := $(addprefix $(B)/tests/kselftest/,busy lost-card lost-engine mappings memory-error moving-machine recovery sleeping-machine)
KSELFTEST_PARTS += $(B)/tests/kselftest/unplug
VM_TESTS += $(KSELFTEST_PARTS)
$(KSELFTEST_PARTS): LDLIBS = -ldrm -pthread
$(B)/tests/kselftest/busy: $(B)/tests/kselftest/busy.o
$(B)/tests/kselftest/lost-card: $(B)/tests/kselftest/lost_card.o
$(B)/tests/kselftest/lost-engine: $(B)/tests/kselftest/lost_engine.o
$(B)/tests/kselftest/mappings: $(B)/tests/kselftest/mappings.o
$(B)/tests/kselftest/memory-error: $(B)/tests/kselftest/memory_error.o
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
