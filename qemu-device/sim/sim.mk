# SPDX-License-Identifier: MIT
#
# egret-sim, the stand-alone simulator, and the test programs of the hart.
#
#   riscv-tests   run the test programs in DIR (made elsewhere), or this tree's own

SIM := $(B)/qemu-device/sim/egret-sim
SIM_OBJS := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard qemu-device/sim/*.c)))

tools: $(SIM)

$(SIM_OBJS): EXTRA_CFLAGS = -D_GNU_SOURCE -I. -Iqemu-device/sim -Iqemu-device/model \
	-Ilibaccel/include $(JSON_C_CFLAGS) $(LIBDRM_CFLAGS)
$(SIM): LDLIBS = $(JSON_C_LIBS) -lelf -ldw $(LIBDRM_LIBS) $(MODEL_LDLIBS)
# The archive holds the model, and what reads modules and puts faults into words.
$(SIM): $(SIM_OBJS) $(B)/libaccel/libaccel.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK.program)

install-tools:: $(SIM)
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1
	$(INSTALL_PROGRAM) $(SIM) $(DESTDIR)$(bindir)/egret-sim
	$(INSTALL_DATA) qemu-device/sim/egret-sim.1 $(DESTDIR)$(mandir)/man1/egret-sim.1

RISCV_TESTS := $(B)/tests/riscv
$(RISCV_TESTS)/.made: $(wildcard tests/riscv/*)
	$(call say,RISCV,$(@D))
	$(Q)RISCV_CC='$(RISCV_CC)' tests/riscv/build $(@D)
	$(Q)touch $@
check-build: $(RISCV_TESTS)/.made $(patsubst %.c,$(B)/%.egm,$(wildcard tests/sim/kernels/*.c))

.PHONY: riscv-tests
riscv-tests: $(SIM) $(if $(DIR),,$(RISCV_TESTS)/.made)
	$(Q)$(SIM) --riscv-test $(or $(DIR),$(RISCV_TESTS))
