"""Every error that a user can cause: each says what was expected, what came, and the way out."""


class WorkbenchError(Exception):
    """Base of all errors raised on purpose by the workbench."""


class GenomeError(WorkbenchError):
    """A genome, or a file of one, is not valid."""


class WeightsError(GenomeError):
    """A network has no weights: it was never trained, or they were not kept."""


class MutationError(WorkbenchError):
    """A mutation is impossible on this genome, or its settings make no sense."""


class DataError(WorkbenchError):
    """A data set is missing, damaged or of the wrong form."""


class ConfigError(WorkbenchError):
    """A setting is unknown or out of range."""


class RunError(WorkbenchError):
    """A run file cannot be created, opened or read, or does not hold what was asked for."""


class ExportError(WorkbenchError):
    """A network or table cannot be written in the format asked for."""
