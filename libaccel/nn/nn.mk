# SPDX-License-Identifier: MIT
#
# libaccel-nn: models on the card. It has libaccel's version.

NN_SCHEMA_FOLDER ?= /usr/include/onnx
NN_GENERATED := $(B)/libaccel/nn/generated
NN_SOURCES := $(wildcard libaccel/nn/*.c libaccel/nn/ops/*.c)
# What brings models to a card, and to programs, and needs libaccel for it.
NN_CARD_SOURCES := $(wildcard libaccel/nn/card/*.c libaccel/nn/api/*.c)
NN_OBJS := $(patsubst %.c,$(B)/%.o,$(NN_SOURCES) $(NN_CARD_SOURCES))
NN_CFLAGS := -Ilibaccel/include -I$(NN_GENERATED)
NN_LIBS := -lprotobuf-c -lm -pthread
NN_SONAME := libaccel-nn.so.$(LIBACCEL_MAJOR)

# ONNX's schema is Debian's; nothing of it is kept here. Files of newer versions can
# be read with an older one, which lacks only fields that are not used.
$(NN_GENERATED)/onnx.pb-c.h: $(NN_SCHEMA_FOLDER)/onnx.proto
	$(call say,PROTOC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=$(NN_SCHEMA_FOLDER) --c_out=$(@D) onnx.proto
$(NN_GENERATED)/onnx.pb-c.c: $(NN_GENERATED)/onnx.pb-c.h ;

$(NN_GENERATED)/onnx.pb-c.o: $(NN_GENERATED)/onnx.pb-c.c
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -I$(NN_GENERATED) -c -o $@ $<

$(NN_OBJS): EXTRA_CFLAGS = -fPIC -fvisibility=hidden -pthread $(NN_CFLAGS)
$(NN_OBJS): | $(NN_GENERATED)/onnx.pb-c.h

lib: $(B)/libaccel/libaccel-nn.so $(B)/libaccel/$(NN_SONAME) $(B)/libaccel/libaccel-nn.a \
	$(B)/libaccel/libaccel-nn.pc $(B)/libaccel/man/libaccel-nn.7

$(B)/libaccel/libaccel-nn.a: $(NN_OBJS) $(NN_GENERATED)/onnx.pb-c.o
	$(call say,AR,$@)
	$(Q)$(LINK.archive)

$(B)/libaccel/libaccel-nn.so: LDLIBS = $(NN_LIBS) \
	-Wl,-soname,$(NN_SONAME) -Wl,--version-script=libaccel/nn/libaccel-nn.map \
	-Wl,-z,defs -Wl,-z,relro -Wl,-z,now
$(B)/libaccel/libaccel-nn.so: $(NN_OBJS) $(NN_GENERATED)/onnx.pb-c.o $(B)/libaccel/libaccel.so \
		libaccel/nn/libaccel-nn.map
	$(call say,LINK,$@)
	$(Q)$(LINK.shared)

$(B)/libaccel/$(NN_SONAME): $(B)/libaccel/libaccel-nn.so
	$(Q)ln -sf libaccel-nn.so $@

$(B)/libaccel/libaccel-nn.pc: $(B)/libaccel/paths
$(B)/libaccel/libaccel-nn.pc: libaccel/nn/libaccel-nn.pc.in libaccel/include/accel/accel.h \
		libaccel/nn/nn.mk
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)sed -e 's|@prefix@|$(prefix)|' -e 's|@exec_prefix@|$(exec_prefix)|' \
		-e 's|@libdir@|$(libdir)|' -e 's|@includedir@|$(includedir)|' \
		-e 's|@version@|$(LIBACCEL_VERSION)|' $< >$@

# Stands for all pages.
$(B)/libaccel/man/libaccel-nn.7: libaccel/include/accel/nn.h libaccel/include/accel/accel.h \
		libaccel/man/examples_nn.c libaccel/man/generate
	$(call say,GEN,$@)
	$(Q)libaccel/man/generate --base libaccel/include/accel/accel.h $< \
		libaccel/man/examples_nn.c $(@D)

install-lib:: lib
	$(INSTALL_DATA) libaccel/include/accel/nn.h $(DESTDIR)$(includedir)/accel/nn.h
	$(INSTALL_PROGRAM) $(B)/libaccel/libaccel-nn.so \
		$(DESTDIR)$(libdir)/libaccel-nn.so.$(LIBACCEL_VERSION)
	ln -sf libaccel-nn.so.$(LIBACCEL_VERSION) $(DESTDIR)$(libdir)/$(NN_SONAME)
	ln -sf $(NN_SONAME) $(DESTDIR)$(libdir)/libaccel-nn.so
	$(INSTALL_DATA) $(B)/libaccel/libaccel-nn.a $(DESTDIR)$(libdir)/libaccel-nn.a
	$(INSTALL_DATA) $(B)/libaccel/libaccel-nn.pc $(DESTDIR)$(pkgconfigdir)/libaccel-nn.pc

include tests/nn/tests.mk tests/nn/card/card.mk
