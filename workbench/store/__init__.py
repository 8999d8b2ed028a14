"""One run is one SQLite file: written by one search, readable by anyone at any time."""

from workbench.store.connections import values_of
from workbench.store.lock import is_being_written
from workbench.store.reader import Run, open_run
from workbench.store.records import Event, GenerationRecord, Memory, RunDescription
from workbench.store.writer import RunWriter, create_run
