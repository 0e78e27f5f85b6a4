"""The sample receiver of webhooks in scripts/deploy, which is a program and no package."""

from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from support.paths import SCRIPTS

__all__ = ["Receiver", "RefusedCallError"]

_SPEC = spec_from_file_location("webhook_receiver", SCRIPTS / "deploy" / "webhook_receiver.py")
assert _SPEC is not None
assert _SPEC.loader is not None
_MODULE = module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
Receiver: Any = _MODULE.Receiver
RefusedCallError: Any = _MODULE.RefusedCallError
