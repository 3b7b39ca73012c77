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

# What a program with the static library is linked with, for CMake.
LIBACCEL_STATIC_LIBS := drm;dw;elf;json-c;sodium;m;pthread

LIBACCEL_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard libaccel/*.c))
# The simulator backend is the chip model, in the same library.
LIBACCEL_MODEL_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard qemu-device/model/*.c))

$(LIBACCEL_OBJS): EXTRA_CFLAGS = -fPIC -fvisibility=hidden -pthread -Ilibaccel/include \
	-Iqemu-device $(LIBACCEL_CFLAGS) -DACCEL_KERNEL_FOLDER='"$(kerneldir)"'

LIBACCEL_CMAKE := $(B)/libaccel/cmake/accel-config.cmake \
	$(B)/libaccel/cmake/accel-config-version.cmake

# Another PREFIX changes what is compiled in, and what pkg-config and CMake say.
LIBACCEL_PATHS := $(prefix) $(exec_prefix) $(libdir) $(includedir) $(bindir) $(kerneldir)
$(B)/libaccel/module.o $(B)/libaccel/libaccel.pc $(LIBACCEL_CMAKE): $(B)/libaccel/paths
$(B)/libaccel/paths: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '$(LIBACCEL_PATHS)' | cmp -s - $@ || echo '$(LIBACCEL_PATHS)' >$@
.PHONY: FORCE
FORCE:

lib: $(B)/libaccel/libaccel.so $(B)/libaccel/$(LIBACCEL_SONAME) $(B)/libaccel/libaccel.a \
	$(B)/libaccel/libaccel.pc $(LIBACCEL_CMAKE) $(B)/libaccel/man/libaccel.7

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

$(LIBACCEL_CMAKE): $(B)/%: %.in libaccel/include/accel/accel.h libaccel/libaccel.mk
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)sed -e "s|@libdir@|$(libdir)|; s|@version@|$(LIBACCEL_VERSION)|" \
		-e "s|@soname@|$(LIBACCEL_SONAME)|; s|@libs@|$(LIBACCEL_STATIC_LIBS)|" \
		-e "s|@includedir@|$$(realpath -ms --relative-to=$(libdir) $(includedir))|" \
		-e "s|@bindir@|$$(realpath -ms --relative-to=$(libdir) $(bindir))|" $< >$@

# Stands for all pages.
$(B)/libaccel/man/libaccel.7: libaccel/include/accel/accel.h libaccel/man/examples.c \
		libaccel/man/generate
	$(call say,GEN,$@)
	$(Q)libaccel/man/generate $< libaccel/man/examples.c $(@D)

install-lib:: lib
	$(INSTALL) -d $(DESTDIR)$(libdir) $(DESTDIR)$(includedir)/accel $(DESTDIR)$(pkgconfigdir) \
		$(DESTDIR)$(libdir)/cmake/accel $(DESTDIR)$(mandir)/man1 \
		$(DESTDIR)$(mandir)/man3 $(DESTDIR)$(mandir)/man7
	$(INSTALL_DATA) libaccel/man/accel-cc.1 $(DESTDIR)$(mandir)/man1
	$(INSTALL_DATA) $(B)/libaccel/man/*.3 $(DESTDIR)$(mandir)/man3
	$(INSTALL_DATA) $(B)/libaccel/man/*.7 $(DESTDIR)$(mandir)/man7
	$(INSTALL_DATA) $(LIBACCEL_CMAKE) $(DESTDIR)$(libdir)/cmake/accel
	$(INSTALL_PROGRAM) $(B)/libaccel/libaccel.so \
		$(DESTDIR)$(libdir)/libaccel.so.$(LIBACCEL_VERSION)
	ln -sf libaccel.so.$(LIBACCEL_VERSION) $(DESTDIR)$(libdir)/$(LIBACCEL_SONAME)
	ln -sf $(LIBACCEL_SONAME) $(DESTDIR)$(libdir)/libaccel.so
	$(INSTALL_DATA) $(B)/libaccel/libaccel.a $(DESTDIR)$(libdir)/libaccel.a
	$(INSTALL_DATA) libaccel/include/accel/accel.h $(DESTDIR)$(includedir)/accel/accel.h
	$(INSTALL_DATA) $(B)/libaccel/libaccel.pc $(DESTDIR)$(pkgconfigdir)/libaccel.pc

include $(wildcard libaccel/examples/*.mk libaccel/examples/*/*.mk) tests/libaccel/tests.mk \
	libaccel/nn/nn.mk
