"""Compiled code that is older than its sources is not used."""

from __future__ import annotations

import os
import subprocess
import sys


def test_outdated_code_is_deleted_where_the_user_keeps_it(tmp_path):
    folder = tmp_path / "native_0123abcd"
    folder.mkdir()
    old, new = folder / "kernels.old.nbi", folder / "kernels.new.1.nbc"
    for cached in (old, new):
        cached.touch()
    os.utime(old, (0, 0))
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", "import workbench.training.native"], env=environment, check=True)
    assert not old.exists()
    assert new.exists()
