"""
Delivery: records go to disk, then to the receiver, then off the disk.

Nothing here knows what a record is. `Outbox` is the face; `Spool` is its disk.
"""
