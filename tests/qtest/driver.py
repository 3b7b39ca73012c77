# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
"""The least that drives the card: page tables and a queue, written through BAR2.

    card = machine.card()
    context = Context(card, 1)
    va = context.map_vram(0x400000, 1 << 20)
    queue = Queue(card, context, 0)
    queue.submit(fill(va, 4096, 0x5a), fence(queue.fence_va, 1))
    queue.wait(1)

It is no part of the product. It shows that the specification is enough to use
the chip, and keeps the device's tests free of the kernel driver.

Device memory of the tests: page tables grow from TABLES upwards, each queue has
a ring in RINGS, tests use what begins at DATA. System memory of the tests lies
from SYSTEM upwards.
"""

import struct

import qtest
from layout import egret

TABLES = 0x100000
RINGS = 0x200000
DATA = 0x400000
SYSTEM = 0x1000000

# Virtual addresses: device memory appears at VA_VRAM + offset, system memory at
# VA_SYSTEM + PCIe address, so that tests can tell them apart in a fault record.
VA_VRAM = egret.VA_MIN
VA_SYSTEM = 1 << 40

MIB = 1 << 20
PAGE = 1 << egret.MMU_PAGE_SHIFT
LARGE = 1 << egret.MMU_LARGE_SHIFT
RW = egret.PTE_READ | egret.PTE_WRITE

BAR0, BAR2, BAR4 = egret.BAR_REGS, egret.BAR_VRAM, egret.BAR_DOORBELL


class Context:
    """An address space. Each has its own page tables, from the card's TABLES."""

    def __init__(self, card, number, tables=TABLES):
        self.card = card
        self.number = number
        self._next = tables + 0x20000 * number
        self._end = self._next + 0x20000
        self._root = self._new_table()
        card.writeq(BAR0, egret.REG_CONTEXT(number), self._root | egret.PTE_VALID)
        self.invalidate()

    def _new_table(self):
        table = self._next
        self._next += PAGE
        if self._next > self._end:
            raise AssertionError('a test maps more than its page tables can hold')
        self.card.machine.memset(self.card.address(BAR2, table), 0, PAGE)
        return table

    def _entry(self, va, leaf_level):
        """Offset in device memory of the entry for va; makes tables on the way."""
        table = self._root
        for level in range(egret.MMU_LEVELS - 1, leaf_level, -1):
            offset = table + 8 * (va >> egret.MMU_LEVEL_SHIFT(level) & egret.MMU_ENTRIES - 1)
            entry = self.card.readq(BAR2, offset)
            if not entry & egret.PTE_VALID:
                entry = self._new_table() | egret.PTE_VALID
                self.card.writeq(BAR2, offset, entry)
            table = entry & egret.PTE_ADDR_MASK
        return table + 8 * (va >> egret.MMU_LEVEL_SHIFT(leaf_level) & egret.MMU_ENTRIES - 1)

    def map(self, va, address, size, flags=RW):
        """Map whole pages, large ones where both addresses permit."""
        end = va + size
        while va < end:
            large = not (va | address) % LARGE and end - va >= LARGE
            self.card.writeq(BAR2, self._entry(va, 1 if large else 0),
                             address | flags | egret.PTE_VALID)
            va += LARGE if large else PAGE
            address += LARGE if large else PAGE
        self.invalidate()

    def unmap(self, va):
        """Take one small page away."""
        self.card.writeq(BAR2, self._entry(va, 0), 0)
        self.invalidate()

    def map_vram(self, offset, size, flags=RW):
        self.map(VA_VRAM + offset, offset, size, flags)
        return VA_VRAM + offset

    def map_system(self, address, size, flags=RW):
        self.map(VA_SYSTEM + address, address, size, flags | egret.PTE_SYSTEM)
        return VA_SYSTEM + address

    def invalidate(self):
        self.card.writeq(BAR0, egret.REG_INV_SIZE, 0)
        self.card.writel(BAR0, egret.REG_INV_CMD, egret.INV_CMD_START | self.number)
        qtest.wait_until(lambda: not self.card.readl(BAR0, egret.REG_INV_STATUS)
                         & egret.INV_STATUS_BUSY, 'the end of an invalidation')


class Queue:
    """A hardware queue with a ring and a fence word of its own in device memory."""

    def __init__(self, card, context, number, vector=egret.VECTOR_QUEUE_FIRST,
                 config=0, log2_size=6):
        # What fits before the fence's page.
        qtest.equal(log2_size <= 7, True, 'size of the ring')
        self.card = card
        self.number = number
        self.size = 1 << log2_size
        self.ring = RINGS + 0x4000 * number
        self.fence = self.ring + 0x3000
        self.fence_va = context.map_vram(self.fence, PAGE)
        self.tail = 0
        ring_va = context.map_vram(self.ring, 0x3000)
        card.machine.memset(card.address(BAR2, self.ring), 0, 0x4000)
        self.write(egret.Q_RING, ring_va, wide=True)
        self.write(egret.Q_RING_SIZE, log2_size)
        self.write(egret.Q_CONFIG,
                   egret.field('Q_CONFIG_CONTEXT_MASK', context.number)
                   | egret.field('Q_CONFIG_VECTOR_MASK', vector) | config)
        self.write(egret.Q_CTRL, egret.Q_CTRL_ENABLE)
        self.wait_state(egret.Q_STATE_IDLE)

    def read(self, register, wide=False):
        read = self.card.readq if wide else self.card.readl
        return read(BAR0, egret.REG_QUEUE(self.number, register))

    def write(self, register, value, wide=False):
        write = self.card.writeq if wide else self.card.writel
        write(BAR0, egret.REG_QUEUE(self.number, register), value)

    def doorbell(self, offset=None):
        """Where in BAR4 the queue's doorbell (or a word of its page) is."""
        return egret.DOORBELL_STRIDE * self.number + (
            egret.DOORBELL_TAIL if offset is None else offset)

    def push(self, *packets):
        """Put packets into the ring without telling the card."""
        for packet in packets:
            qtest.equal(len(packet), egret.PACKET_SIZE, 'size of a packet')
            self.card.memwrite(BAR2, self.ring + egret.PACKET_SIZE * (self.tail % self.size),
                               packet)
            self.tail += 1

    def ring_doorbell(self):
        self.card.writeq(BAR4, self.doorbell(), self.tail)

    def submit(self, *packets):
        self.push(*packets)
        self.ring_doorbell()

    def head(self):
        return self.card.readq(BAR4, self.doorbell(egret.DOORBELL_HEAD))

    def state(self):
        return self.read(egret.Q_STATUS)

    def fence_value(self):
        return self.card.readq(BAR2, self.fence)

    def wait(self, value):
        """Wait for the fence word; a fault on the way is an error."""
        def done():
            state = self.state()
            if state == egret.Q_STATE_FAULTED:
                raise AssertionError(f'queue {self.number} faulted: {self.fault()}')
            return self.fence_value() >= value
        qtest.wait_until(done, f'fence {value} of queue {self.number}')

    def wait_state(self, *states):
        return qtest.wait_until(lambda: self.state() in states,
                                f'state {states} of queue {self.number}')

    def wait_fault(self):
        self.wait_state(egret.Q_STATE_FAULTED)
        return self.fault()

    def fault(self):
        info = self.read(egret.Q_FAULT_INFO)
        return {'code': self.read(egret.Q_FAULT_CODE),
                'addr': self.read(egret.Q_FAULT_ADDR, wide=True),
                'packet': self.read(egret.Q_FAULT_PACKET, wide=True),
                'unit': egret.mask('FAULT_INFO_UNIT_MASK', info),
                'access': egret.mask('FAULT_INFO_ACCESS_MASK', info)}

    def kill(self):
        self.write(egret.Q_CTRL, egret.Q_CTRL_KILL)
        self.wait_state(egret.Q_STATE_DISABLED)


def nop(flags=0):
    return egret.pack('egret_pkt_nop', opcode=egret.OP_NOP, flags=flags)


def fence(va, value, interrupt=False):
    return egret.pack('egret_pkt_fence', opcode=egret.OP_FENCE,
                      flags=egret.PKT_INTERRUPT if interrupt else 0, addr=va, value=value)


def wait(va, value):
    return egret.pack('egret_pkt_wait', opcode=egret.OP_WAIT, addr=va, value=value)


def copy(dst, src, size, flags=egret.PKT_BARRIER):
    return egret.pack('egret_pkt_copy', opcode=egret.OP_COPY, flags=flags,
                      src=src, dst=dst, size=size)


def fill(dst, size, pattern, width=8, flags=egret.PKT_BARRIER):
    return egret.pack('egret_pkt_fill', opcode=egret.OP_FILL, flags=flags,
                      width=width, dst=dst, size=size, pattern=pattern)


def dispatch(entry, grid=(1, 1, 1), cookie=0):
    return egret.pack('egret_pkt_dispatch', opcode=egret.OP_DISPATCH,
                      flags=egret.PKT_BARRIER, entry=entry, grid=grid, cookie=cookie)


def timestamp(va):
    return egret.pack('egret_pkt_timestamp', opcode=egret.OP_TIMESTAMP, addr=va)


# Machine code: an endless loop (jal x0, 0), and a kernel that ends at once (ret).
ENDLESS_LOOP = struct.pack('<I', 0x0000006f)
RETURN = struct.pack('<I', 0x00008067)


def call(va, count):
    return egret.pack('egret_pkt_call', opcode=egret.OP_CALL, addr=va, count=count)


def start_work(card, address=SYSTEM):
    """Keep the card busy for days, with every kind of unit.

    Queue 0 runs an endless kernel, queue 1 waits for what does not come, queue 2
    copies between device memory and the 8 MiB of system memory at `address`.
    """
    context = Context(card, 1)
    data = context.map_vram(DATA, 16 * MIB)
    system = context.map_system(address, 8 * MIB)
    buffers = DATA + 16 * MIB
    card.memwrite(BAR2, buffers, ENDLESS_LOOP)
    code = context.map_vram(buffers, PAGE, egret.PTE_READ | egret.PTE_EXEC)
    kernel = Queue(card, context, 0)
    kernel.submit(dispatch(code))

    waiting = Queue(card, context, 1)
    waiting.submit(wait(waiting.fence_va, 1))

    # 64 copies, called 64 times by what is called 64 times, and so on.
    levels = egret.CALL_DEPTH_MAX
    called = context.map_vram(buffers + PAGE, levels * PAGE)
    packets = [copy(system, data, 8 * MIB), copy(data, system, 8 * MIB)] * 32
    for level in range(levels):
        card.memwrite(BAR2, buffers + PAGE * (level + 1), b''.join(packets))
        packets = [call(called + PAGE * level, 64)] * 64
    copies = Queue(card, context, 2, config=egret.Q_CONFIG_COPY)
    copies.submit(fence(copies.fence_va, 1), packets[0])
    copies.wait(1)
    waiting.wait_state(egret.Q_STATE_WAITING)
    for queue in (kernel, copies):
        qtest.equal(queue.state(), egret.Q_STATE_ACTIVE, f'state of queue {queue.number}')
    return [kernel, waiting, copies]


def check_works(card):
    # Where start_work() does not write: it may be at work.
    place = DATA + 8 * MIB
    context = Context(card, 3)
    data = context.map_vram(place, PAGE)
    queue = Queue(card, context, 5)
    queue.submit(fill(data, PAGE, 0x0123456789abcdef), fence(queue.fence_va, 1))
    queue.wait(1)
    qtest.equal(card.memread(BAR2, place, PAGE),
          0x0123456789abcdef.to_bytes(8, 'little') * (PAGE // 8), 'filled memory')
