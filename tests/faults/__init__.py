"""What the store promises about crashes, shown on disks rebuilt after a power cut, by kill -9, and with flipped bits.

Files in reading order: `recorder` writes down every call that changes the disk; `disk` makes of such a record the disks that a power
cut could leave; `load` is the work that several clients do meanwhile; `judge` says which states are allowed afterwards, by the memory store;
`cases` puts them together. Then the tests: `test_crash`, `test_atomic` (REPLACE and MULTIAPPEND at every prefix), `test_crash_can_fail` (the suite finds a sync that is missing),
`test_kill`, `test_bits`.
"""
