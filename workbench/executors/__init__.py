"""Where children are made: the work for one child, and the threads, processes and clusters that do it."""

from workbench.executors.child import (
    REDRAWS,
    Progress,
    Task,
    failed_child,
    make_child,
    measure_inserted,
    measure_networks,
    one_thread_each,
)
from workbench.executors.shared import Shared
from workbench.executors.start import EXECUTORS, available_cores, capacity_of, check_executor, start_workers
from workbench.executors.task_pool import CHILD_THREAD, LOST_WORKER, TIME_OUT, GivenUp, NoWorkerError, TaskPool
from workbench.executors.together import Launch, launch_size
