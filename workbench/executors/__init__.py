"""Where children are made: the work for one child, and the threads, processes and clusters that do it."""

from workbench.executors.child import REDRAWS, make_child
from workbench.executors.hiring import EXECUTORS, available_cores, capacity_of, check_executor, start_workers
from workbench.executors.shared import Shared
from workbench.executors.task_pool import LOST_WORKER, TIME_OUT, GivenUp, TaskPool
from workbench.executors.tasks import Progress, Task
from workbench.executors.threads import CHILD_THREAD, thread_executor
from workbench.executors.torch_threads import one_thread_each

__all__ = [
    "CHILD_THREAD",
    "EXECUTORS",
    "LOST_WORKER",
    "REDRAWS",
    "TIME_OUT",
    "GivenUp",
    "Progress",
    "Shared",
    "Task",
    "TaskPool",
    "available_cores",
    "capacity_of",
    "check_executor",
    "make_child",
    "one_thread_each",
    "start_workers",
    "thread_executor",
]
