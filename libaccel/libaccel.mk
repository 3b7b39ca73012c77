# SPDX-License-Identifier: MIT
# The library: shared, static, headers, and what a program needs to find it.

LIBACCEL_VERSION := $(shell awk '/define ACCEL_VERSION_(MAJOR|MINOR|PATCH)/ \
	{ v = v (v == "" ? "" : ".") $$3 } END { print v }' libaccel/include/accel/accel.h)
LIBACCEL_MAJOR := $(firstword $(subst ., ,$(LIBACCEL_VERSION)))
LIBACCEL_SONAME := libaccel.so.$(LIBACCEL_MAJOR)

kerneldir ?= $(libdir)/egret/kernels

LIBDRM_CFLAGS := $(shell pkg-config --cflags libdrm 2>/dev/null)
LIBDRM_LIBS := $(shell pkg-config --libs libdrm 2>/dev/null)

# Line numbers of faults, and traces.
LIBACCEL_LIBS := $(LIBDRM_LIBS) -ldw -lelf $(shell pkg-config --libs json-c 2>/dev/null)
LIBACCEL_CFLAGS := $(LIBDRM_CFLAGS) $(shell pkg-config --cflags json-c 2>/dev/null)

LIBACCEL_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard libaccel/*.c))
# The simulator backend is the chip model, in the same library.
LIBACCEL_MODEL_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard qemu-device/model/*.c))

$(LIBACCEL_OBJS): EXTRA_CFLAGS = -fPIC -fvisibility=hidden -pthread -Ilibaccel/include \
	-Iqemu-device $(LIBACCEL_CFLAGS) -DACCEL_KERNEL_FOLDER='"$(kerneldir)"'

# Another PREFIX changes what is compiled in, and what pkg-config says.
LIBACCEL_PATHS := $(prefix) $(exec_prefix) $(libdir) $(includedir) $(kerneldir)
$(B)/libaccel/module.o $(B)/libaccel/libaccel.pc: $(B)/libaccel/paths
$(B)/libaccel/paths: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(LIBACCEL_PATHS)' | cmp -s - $@ || echo '$(LIBACCEL_PATHS)' >$@
.PHONY: FORCE
FORCE:

lib: $(B)/libaccel/libaccel.so $(B)/libaccel/$(LIBACCEL_SONAME) $(B)/libaccel/libaccel.a \
	$(B)/libaccel/libaccel.pc $(B)/libaccel/man/accel.3

$(B)/libaccel/libaccel.so: LDLIBS = $(LIBACCEL_LIBS) $(MODEL_LDLIBS) \
	-Wl,-soname,$(LIBACCEL_SONAME) -Wl,--version-script=libaccel/libaccel.map \
	-Wl,-z,defs -Wl,-z,relro -Wl,-z,now
$(B)/libaccel/libaccel.so: $(LIBACCEL_OBJS) $(LIBACCEL_MODEL_OBJS) libaccel/libaccel.map
	$(call say,LINK,$@)
	$(Q)$(LINK.shared)

# What programs linked with it in the build folder ask for.
$(B)/libaccel/$(LIBACCEL_SONAME): $(B)/libaccel/libaccel.so
	$(Q)ln -sf libaccel.so $@

$(B)/libaccel/libaccel.a: $(LIBACCEL_OBJS) $(LIBACCEL_MODEL_OBJS)
	$(call say,AR,$@)
	$(Q)$(LINK.archive)

$(B)/libaccel/libaccel.pc: libaccel/libaccel.pc.in libaccel/include/accel/accel.h \
		libaccel/libaccel.mk
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's|@prefix@|$(prefix)|' -e 's|@exec_prefix@|$(exec_prefix)|' \
		-e 's|@libdir@|$(libdir)|' -e 's|@includedir@|$(includedir)|' \
		-e 's|@kerneldir@|$(kerneldir)|' -e 's|@version@|$(LIBACCEL_VERSION)|' $< >$@

# Stands for all pages.
$(B)/libaccel/man/accel.3: libaccel/include/accel/accel.h libaccel/man/examples.c \
		libaccel/man/generate
	$(call say,GEN,$@)
	$(Q)libaccel/man/generate $< libaccel/man/examples.c $(@D)

install-lib:: lib
	$(INSTALL) -d $(DESTDIR)$(libdir) $(DESTDIR)$(includedir)/accel $(DESTDIR)$(pkgconfigdir) \
		$(DESTDIR)$(mandir)/man3
	$(INSTALL_DATA) $(B)/libaccel/man/*.3 $(DESTDIR)$(mandir)/man3
	$(INSTALL_PROGRAM) $(B)/libaccel/libaccel.so \
		$(DESTDIR)$(libdir)/libaccel.so.$(LIBACCEL_VERSION)
	ln -sf libaccel.so.$(LIBACCEL_VERSION) $(DESTDIR)$(libdir)/$(LIBACCEL_SONAME)
	ln -sf $(LIBACCEL_SONAME) $(DESTDIR)$(libdir)/libaccel.so
	$(INSTALL_DATA) $(B)/libaccel/libaccel.a $(DESTDIR)$(libdir)/libaccel.a
	$(INSTALL_DATA) libaccel/include/accel/accel.h $(DESTDIR)$(includedir)/accel/accel.h
	$(INSTALL_DATA) $(B)/libaccel/libaccel.pc $(DESTDIR)$(pkgconfigdir)/libaccel.pc

include $(wildcard libaccel/examples/*.mk libaccel/examples/*/*.mk) tests/libaccel/tests.mk
