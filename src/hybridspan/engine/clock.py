"""Where steps find the clock."""

from hybridspan.clock import Clock, SystemClock

__all__ = ["Clock", "SystemClock"]
