# SPDX-License-Identifier: MIT
#
# The documents: the tables of the specification, and installing.

DOCUMENTS := $(shell find Documentation -name '*.rst')

.PHONY: tables
# Tables are committed; this is for whoever changes a header.
tables:
	$(Q)tools/build/gen-tables

install-doc::
	$(Q)for page in $(DOCUMENTS); do \
		$(INSTALL_DATA) -D $$page $(DESTDIR)$(docdir)/$${page#Documentation/} || exit 1; \
	done

include Documentation/programming/examples/examples.mk
