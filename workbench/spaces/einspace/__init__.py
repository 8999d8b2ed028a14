"""einspace: networks derived from fundamental operations by a context-free grammar (Ericsson et al. 2024)."""
