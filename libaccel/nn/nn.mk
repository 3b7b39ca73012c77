# SPDX-License-Identifier: MIT
#
# libaccel-nn: models on the card. So far what comes before the card: reading ONNX files,
# shapes, and the reference on the host.

NN_SCHEMA_FOLDER ?= /usr/include/onnx
NN_GENERATED := $(B)/libaccel/nn/generated
NN_SOURCES := $(wildcard libaccel/nn/*.c libaccel/nn/ops/*.c)
NN_OBJS := $(patsubst %.c,$(B)/%.o,$(NN_SOURCES))
NN_CFLAGS := -Ilibaccel/include -I$(NN_GENERATED)
NN_LIBS := -lprotobuf-c -lm

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

$(NN_OBJS): EXTRA_CFLAGS = -fPIC -fvisibility=hidden $(NN_CFLAGS)
$(NN_OBJS): | $(NN_GENERATED)/onnx.pb-c.h

$(B)/libaccel/libaccel-nn.a: $(NN_OBJS) $(NN_GENERATED)/onnx.pb-c.o
	$(call say,AR,$@)
	$(Q)$(LINK.archive)

include tests/nn/tests.mk
