"""Run by the Python of a test: what the publisher gathers goes out as the AMQP library wrote it."""

from taskstack_publisher import gather


class Transport:
    """Keeps what is written."""

    def __init__(self):
        """Nothing yet."""
        self.sent = []

    def _write(self, data):
        self.sent.append(data)

    def read_frame(self):
        """What somebody waits for."""


class Connection:
    """What gather looks at."""

    def __init__(self):
        """One transport."""
        self.transport, self.client_properties = Transport(), {}


connection = Connection()
sent = connection.transport.sent
gather(connection)
memory = bytearray(b"first frame, and more")
connection.transport._write(memoryview(memory)[:11])
memory[:5] = b"other"
connection.transport._write(b" second")
assert sent == [], sent
connection.transport.read_frame()
assert sent == [b"first frame second"], sent
