"""Private servers on the loopback interface, for tests that need a real one."""
