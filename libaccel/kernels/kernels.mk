# SPDX-License-Identifier: MIT
# Device kernels, and what users need to build their own.

KERNELS := $(patsubst %.c,$(B)/%.egm,$(filter-out %/runtime.c,$(wildcard libaccel/kernels/*.c)))

# What accel-cc itself is made of: a change of it changes every module.
ACCEL_CC_FILES := libaccel/accel-cc libaccel/kernels/kernel.ld libaccel/kernels/runtime.c

kernels: $(KERNELS)

$(B)/%.egm: %.c $(ACCEL_CC_FILES)
	$(call say,KERNEL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)RISCV_CC='$(RISCV_CC)' libaccel/accel-cc -g -Wextra -MF $(@:.egm=.d) -o $@ $<

# Where accel-cc looks when it is installed.
acceldir := $(datadir)/egret/kernels

install-lib:: kernels
	$(INSTALL) -d $(DESTDIR)$(kerneldir) $(DESTDIR)$(bindir) \
		$(DESTDIR)$(acceldir)/include/egret/kernels $(DESTDIR)$(includedir)/egret/kernels
	$(INSTALL_DATA) $(KERNELS) $(DESTDIR)$(kerneldir)
	$(INSTALL_PROGRAM) libaccel/accel-cc $(DESTDIR)$(bindir)/accel-cc
	$(INSTALL_DATA) libaccel/kernels/kernel.ld libaccel/kernels/runtime.c \
		$(DESTDIR)$(acceldir)
	$(INSTALL_DATA) libaccel/kernels/include/egret/kernel.h uapi/egret/isa.h \
		uapi/egret/module.h uapi/egret/tile.h uapi/egret/types.h \
		$(DESTDIR)$(acceldir)/include/egret
	$(INSTALL_DATA) libaccel/kernels/include/egret/kernels/*.h \
		$(DESTDIR)$(acceldir)/include/egret/kernels
	$(INSTALL_DATA) uapi/egret/types.h $(DESTDIR)$(includedir)/egret
	$(INSTALL_DATA) libaccel/kernels/include/egret/kernels/*.h \
		$(DESTDIR)$(includedir)/egret/kernels
