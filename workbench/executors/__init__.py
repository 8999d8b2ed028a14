"""Where children are made: the work for one child, and the threads, processes and clusters that do it."""

from workbench.executors.child import (
    REDRAWS,
    Progress,
    Task,
    failed_child,
    make_child,
    measure_inserted,
    one_thread_each,
)
from workbench.executors.shared import Shared
from workbench.executors.task_pool import (
    EXECUTORS,
    LOST_WORKER,
    TIME_OUT,
    GivenUp,
    TaskPool,
    available_cores,
    capacity_of,
    check_executor,
    start_workers,
)
from workbench.executors.threads import CHILD_THREAD
